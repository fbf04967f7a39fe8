"""The demo: a small shop that was recorded, and what opens it (docs/demo.md)."""
