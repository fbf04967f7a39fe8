"""What logs in: made fit for a header before a library sees it, and kept out of what is said of a defect."""

from __future__ import annotations

import re

_MARK = re.compile(r"\b(bearer|basic)\b .*", re.IGNORECASE)


def header_value(secret: str) -> str | None:
    """Return a secret without the line break of the file that it is from, None where no header may hold it.

    Libraries for HTTP refuse such a value with an error that repeats it (RFC 9110, 5.5, says what may be).
    """
    value = secret.strip()
    return value if value.isascii() and value.isprintable() else None


def hidden(words: str) -> str:
    """Return what is said of an error, without what follows a scheme of HTTP's Authorization in a line."""
    return _MARK.sub(r"\1 (hidden)", words)
