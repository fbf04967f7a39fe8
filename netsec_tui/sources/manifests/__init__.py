"""Cluster state from manifest files."""
