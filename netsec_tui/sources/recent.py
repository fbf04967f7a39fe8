"""What was told or learned lately, in bounded memory: records repeat, connections do not count twice."""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import Generic, TypeVar

TELL_AGAIN = 60.0
"""Seconds after which a connection that goes on is told again: observations have a bucket a minute."""

SKEW = 120.0
"""Seconds by which the clock of a node may be ahead; what is later than that is of a clock that is wrong."""

_LIMIT = 100_000
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Remember the last values by key, at least ``limit`` of them and at most twice as many."""

    def __init__(self, limit: int = _LIMIT) -> None:
        self._limit = limit
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """Return what was put last, None when it is forgotten."""
        value = self._young.get(key)
        return self._old.get(key) if value is None else value

    def put(self, key: K, value: V) -> None:
        """Remember a value; it may be long until it is forgotten, but not before ``limit`` others are put."""
        if len(self._young) >= self._limit and key not in self._young:
            self._old, self._young = self._young, {}
        self._young[key] = value


class Told(Generic[K]):
    """Know which connections were told lately, whoever reports them and however often.

    What is older than what was told is no news either: streams that begin again repeat themselves. Records
    of a clock that is far ahead are told apart from the others, or they would be silent until then.
    """

    def __init__(self, limit: int = _LIMIT) -> None:
        self._told: Recent[tuple[K, bool], tuple[float, int]] = Recent(limit)

    def is_news(self, key: K, at: float, rank: int) -> bool:
        """Tell whether a record says what was not told within the minute; ``rank`` is how much it says."""
        place = key, _is_far_ahead(at)
        known = self._told.get(place)
        if known is not None and at < known[0] + TELL_AGAIN and rank <= known[1]:
            return False
        self._told.put(place, (max(at, known[0]) if known else at, rank))
        return True

    def add(self, key: K, at: float, rank: int) -> None:
        """Take note that what was told of a connection within the minute says more by now."""
        place = key, _is_far_ahead(at)
        known = self._told.get(place)
        if known is not None and at < known[0] + TELL_AGAIN:
            self._told.put(place, (known[0], max(rank, known[1])))


def _is_far_ahead(at: float) -> bool:
    return at > time.time() + SKEW
