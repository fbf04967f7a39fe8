"""The configuration screen, one module per area."""
