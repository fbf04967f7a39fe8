"""Cut time where an address changes hands: a pod owns no flow from before it was created."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

CLOCK_SKEW = 5.0
"""Seconds by which a node's clock may run behind the API server's."""


class Turn(NamedTuple):
    """Hold the minutes from ``since`` to ``until``, both included, in which no address changed hands."""

    since: float
    until: float

    @property
    def when(self) -> float:
        """Return a time within, in epoch seconds: the end of a minute."""
        return end_of(self.since if self.since > -math.inf else min(self.until, 0.0))


ALWAYS = Turn(-math.inf, math.inf)


def end_of(minute: float) -> float:
    """Return the last second of a minute: whoever came within the minute counts as its holder."""
    return minute * 60.0 + 59.0


def minute_of(created: float) -> int:
    """Return the first minute that a pod created at that time holds its address."""
    return math.ceil((created - CLOCK_SKEW - 59.0) / 60.0)


def turns(changes: tuple[int, ...], minutes: Iterable[int]) -> set[Turn]:
    """Return the turns between changes (sorted minutes) that have any of the minutes."""
    if not changes:
        return {ALWAYS}
    edges = (-math.inf, *changes, math.inf)
    places = {bisect_right(changes, minute) for minute in minutes}
    return {Turn(edges[place], edges[place + 1] - 1) for place in places}
