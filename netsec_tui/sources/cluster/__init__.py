"""Cluster state from an API server: listed, watched, logged in to, and what it refuses."""
