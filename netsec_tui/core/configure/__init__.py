"""The configuration of a cluster: values, keys, merging, and what an edit does."""
