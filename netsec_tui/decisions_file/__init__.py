"""The decisions of one workload as a YAML file, for review in git and for later runs."""
