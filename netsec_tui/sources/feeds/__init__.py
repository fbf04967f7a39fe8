"""Several sources together: for the screen, and for an answer without one."""
