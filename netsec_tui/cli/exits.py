"""Exit codes that are no failures; those of failures are in ``netsec_tui.errors``."""

DONE = 0
NO = 1
CANNOT_TELL = 2
DIFFERENT = 1
TROUBLE = 2
INTERRUPTED = 128 + 2
BROKEN_PIPE = 128 + 13


def as_diff_has_them(code: int) -> int:
    """Return the exit code of ``diff``, which knows but one for every trouble."""
    return code if code in (DONE, DIFFERENT, INTERRUPTED, BROKEN_PIPE) else TROUBLE
