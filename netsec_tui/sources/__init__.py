"""Adapters: where flows and cluster state come from. Heavy libraries are imported inside functions."""
