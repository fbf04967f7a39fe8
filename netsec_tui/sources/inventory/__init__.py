"""One snapshot of the cluster state, built from Kubernetes objects."""
