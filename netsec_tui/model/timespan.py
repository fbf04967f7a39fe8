"""The window of time that is looked at, and how much of it was really seen."""

from __future__ import annotations

import time as clock
from dataclasses import dataclass

OLDEST = 946_684_800.0
"""The year 2000 in epoch seconds. No record is older: a clock that was never set begins in 1970."""

SKEW_SECONDS = 120.0
"""How far the clock of a node may be ahead of this machine's for its records to count."""

ADVISED_HOURS = 12
"""The documents advise to observe at least this long before generating."""


def plausible(time: float, now: float) -> bool:
    """Tell whether something can have been recorded at a time; both are in epoch seconds."""
    return OLDEST <= time <= now + SKEW_SECONDS


def moment(at: float) -> str:
    """Return a time in epoch seconds for a sentence, with its day, in UTC."""
    return clock.strftime("%Y-%m-%d %H:%M:%S", clock.gmtime(at))


def from_to(since: float, until: float) -> str:
    """Return two times in epoch seconds for a sentence, with their days."""
    return f"from {moment(since)} to {moment(until)} UTC"


def slack(seconds: float) -> float:
    """Return how many seconds may lack of a time that was watched whole: clocks and connections differ."""
    return min(60.0, seconds / 100)


@dataclass(frozen=True, slots=True)
class Timespan:
    """Name how far back to look, in seconds; None is everything."""

    label: str
    seconds: int | None


TIMESPANS = (
    Timespan("last 5 min", 300),
    Timespan("last 1 h", 3600),
    Timespan("last 12 h", 12 * 3600),
    Timespan("last 1 d", 24 * 3600),
    Timespan("last 7 d", 7 * 24 * 3600),
    Timespan("all", None),
)


@dataclass(frozen=True, slots=True)
class Window:
    """Hold a closed interval of epoch seconds; ``start`` is on a whole minute."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """Set what was asked beside what was watched of it.

    ``covered`` is seconds: while a source has watched, or from its first record to its last where it does
    not tell.
    """

    asked: Timespan
    covered: float
    newest: float
    live: bool = False

    @property
    def short(self) -> bool:
        """Tell whether less was seen than the documents advise."""
        return self.covered < ADVISED_HOURS * 3600
