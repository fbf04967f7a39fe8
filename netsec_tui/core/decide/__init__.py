"""Decide rows: how each starts, what it would write, where it stands, what else covers it."""
