"""Exit codes that are no failures; those of failures are in ``netsec_tui.errors``."""

DONE = 0
NO = 1
CANNOT_TELL = 2
INTERRUPTED = 128 + 2
BROKEN_PIPE = 128 + 13
