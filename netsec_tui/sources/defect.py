"""What is said of an error that nobody expected."""

from __future__ import annotations

from netsec_tui.sources.objects.strip import printable
from netsec_tui.sources.secret import hidden

_MOST_WORDS = 400


def defect_of(error: Exception) -> str:
    """Return the part of a sentence for an error that is a defect of the product, without what logs in."""
    words = printable(hidden(" ".join(str(error).split())), _MOST_WORDS)
    return f"a defect of netsec-tui: {type(error).__name__}: {words}"
