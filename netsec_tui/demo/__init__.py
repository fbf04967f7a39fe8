"""The demo: a made-up shop as plain data, what expands it, and the capture made of it (docs/demo.md)."""
