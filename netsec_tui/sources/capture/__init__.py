"""The product's own recordings: written, read and replayed."""
