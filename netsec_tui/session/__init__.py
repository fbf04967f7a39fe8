"""The one place where state lives; no threads, no clock of its own, no terminal."""
