"""Flags, headless commands, and putting the parts together."""
