"""The Textual app: screens and widgets over a session."""
