"""Cut time where an address changes hands: a pod owns no flow from before it was created."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

MinuteSeen = tuple[int, float, float]
"""A minute, and the first and the last time (epoch seconds) at which an edge was seen in it."""


class Turn(NamedTuple):
    """Hold the time, in epoch seconds, from ``since`` to before ``until``, in which no address changed hands.

    With a ``minute`` it stands for that one alone, in which an edge was seen on both sides of a change: then
    only the first and the last time are known to be of one turn, and ``others`` are times in the others.
    """

    since: float
    until: float
    minute: int | None = None
    others: tuple[float, ...] = ()

    @property
    def when(self) -> float:
        """Return a time within, in epoch seconds."""
        return _time_between(self.since, self.until)

    def holds(self, seen: MinuteSeen) -> bool:
        """Tell whether a minute counts here in which an edge was seen that has this turn."""
        minute, first, last = seen
        if self.minute is not None:
            return minute == self.minute
        return self.since <= first and last < self.until

    def span(self, first: float, last: float) -> tuple[float, float]:
        """Return which of the first and the last time of a minute are known to be within."""
        known = [time for time in (first, last) if self.since <= time < self.until] or [self.since]
        return known[0], known[-1]


ALWAYS = Turn(-math.inf, math.inf)


def _time_between(since: float, until: float) -> float:
    if since > -math.inf:
        return since
    return until - 1.0 if until < math.inf else 0.0


def turns(changes: tuple[float, ...], seen: Iterable[MinuteSeen]) -> set[Turn]:
    """Return the turns between changes (times, sorted, each once) that count any of what was seen.

    Of a minute that was seen on both sides of a change, each turn that it reaches into is one of its own.
    """
    if not changes:
        return {ALWAYS}
    return set().union(*(set(_turns_of(changes, *one)) for one in seen))


def _turns_of(changes: tuple[float, ...], minute: int, first: float, last: float) -> Iterator[Turn]:
    edges = (-math.inf, *changes, math.inf)
    low, high = bisect_right(changes, first), bisect_right(changes, last)
    if low == high:
        yield Turn(edges[low], edges[low + 1])
        return
    # All turns that the minute touches, so that one that was seen later does not make these others.
    begin, end = minute * 60.0, minute * 60.0 + 60.0
    touched = range(bisect_right(changes, begin), bisect_left(changes, end) + 1)
    whens = {place: _time_between(edges[place], edges[place + 1]) for place in touched}
    for place in range(low, high + 1):
        others = tuple(when for other, when in whens.items() if other != place)
        yield Turn(edges[place], edges[place + 1], minute, others)
