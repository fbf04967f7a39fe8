"""The cluster as policies see it: addresses, DNS, pods, owners, the workload that was chosen."""
