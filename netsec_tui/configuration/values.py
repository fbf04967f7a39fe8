"""Single values of a file: as the screen takes them, but what is corrected there is refused."""

from __future__ import annotations

from collections.abc import Callable

from netsec_tui.core.cluster.addresses import parse_cidr
from netsec_tui.core.configure.values import checked_entry, checked_pattern, checked_pod_start, checked_range
from netsec_tui.errors import BadInputError


def exact(check: Callable[[str], str]) -> Callable[[str], str]:
    """Return a check that also refuses what would be kept otherwise than it is written."""

    def checked(text: str) -> str:
        kept = check(text)
        if kept != text:
            raise BadInputError(f"{text!r} has spaces around it; write {kept!r}")
        return kept

    return checked


pattern_value = exact(checked_pattern)
pod_start_value = exact(checked_pod_start)


def range_value(text: str) -> str:
    """Return a pod or service range as canonical CIDR.

    Raises:
        BadInputError: it is none, has host bits, or is written so that it could be read otherwise.
    """
    return _plainly(text, checked_range(text).value)


def entry_value(text: str) -> str:
    """Return an entry of an alias as canonical CIDR, a single address with its full length.

    Raises:
        BadInputError: it is none, has host bits, or is written so that it could be read otherwise.
    """
    return _plainly(text, checked_entry(text).value)


def _plainly(text: str, cidr: str) -> str:
    """Return the CIDR if that is what the text says; capitals and zeros of IPv6 are no matter."""
    if parse_cidr(text)[1]:
        raise BadInputError(f"{text} has host bits; write {cidr}")
    length = text.partition("/")[2]
    unusual = text != text.strip() or (length and length != cidr.partition("/")[2])
    if unusual or (":" in text) != (":" in cidr):
        raise BadInputError(f"{text!r} is an unusual way to write {cidr}; write that")
    return cidr
