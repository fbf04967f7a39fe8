"""Kubernetes objects cut down to what the product needs."""
