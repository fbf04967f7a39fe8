"""What gets through, found out with patience for what should, and with none for what should not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from tests.cluster.harness.exchange import TIMEOUT

_AGAIN = 3
"""How often what was silent is asked again: a loaded machine answers late."""
_PATIENT = 0.9
"""Seconds that it is waited for then."""

Asked = TypeVar("Asked")
Send = Callable[[Sequence[Asked], float], Sequence[bool]]
"""Sends all at once, waits so many seconds, and returns of each, in order, whether it got through."""


def get_through(expected: Mapping[Asked, bool], send: Send[Asked]) -> tuple[dict[Asked, bool], int]:
    """Return of each whether it gets through, and how many had to be sent again.

    Only what is expected to get through and was silent is sent again. What should be refused and got through
    once is a leak for good: a loaded machine answers late, but lets nothing through that it should not.
    """
    found = dict(zip(expected, send(list(expected), TIMEOUT), strict=True))
    again = 0
    for _ in range(_AGAIN):
        silent = [one for one, allowed in expected.items() if allowed and not found[one]]
        if not silent:
            break
        again += len(silent)
        found |= zip(silent, send(silent, _PATIENT), strict=True)
    return found, again
