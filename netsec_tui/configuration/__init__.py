"""The configuration of a cluster as a file: where it lies, how it is read, edited and exchanged."""
