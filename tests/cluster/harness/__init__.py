"""A real cluster on one machine: Kubernetes' control plane; nodes, pods and the outside are namespaces."""
