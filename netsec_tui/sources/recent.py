"""What was told or learned lately, in bounded memory: records repeat, connections do not count twice."""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

from netsec_tui.model.timespan import SKEW_SECONDS

TELL_AGAIN = 60.0
"""Seconds after which a connection that goes on is told again: observations have a bucket a minute."""

_SPANS = 60
"""Spans of a connection that are remembered: of more, those are forgotten that are furthest away."""

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


class _Span(NamedTuple):
    """Hold a time in which a connection was told every minute or two; ``rank`` is of what was told last."""

    first: float
    last: float
    rank: int

    def covers(self, at: float, seconds: float = TELL_AGAIN) -> bool:
        """Tell whether a time is within, or fewer ``seconds`` before or after."""
        return self.first - seconds < at < self.last + seconds

    def with_time(self, at: float, rank: int) -> _Span:
        return _Span(min(self.first, at), max(self.last, at), rank)


class Told(Generic[K]):
    """Know which connections were told when, whoever reports them, however often and in whatever order.

    Streams that begin again repeat themselves, and a file may have its newest records first: only what was
    told of a time is no news of it. Records of a clock that is far ahead are told apart from the others.
    """

    def __init__(self, limit: int = _LIMIT) -> None:
        self._told: Recent[tuple[K, bool], tuple[_Span, ...]] = Recent(limit)

    def is_news(self, key: K, at: float, rank: int) -> bool:
        """Tell whether a record says what was not told within the minute; ``rank`` is how much it says."""
        place = key, _is_far_ahead(at)
        spans = self._told.get(place) or ()
        told = next((span for span in spans if span.covers(at)), None)
        if told and rank <= told.rank:
            return False
        joined = told or next((span for span in spans if span.covers(at, 2 * TELL_AGAIN)), None)
        rest = [span for span in spans if span is not joined]
        if len(rest) >= _SPANS:
            rest.remove(max(rest, key=lambda span: abs(span.last - at)))
        self._told.put(place, (joined.with_time(at, rank) if joined else _Span(at, at, rank), *rest))
        return True

    def add(self, key: K, at: float, rank: int) -> None:
        """Take note that what was told of a connection within the minute says more by now."""
        place = key, _is_far_ahead(at)
        spans = self._told.get(place) or ()
        if any(span.covers(at) and span.rank < rank for span in spans):
            raised = (span._replace(rank=max(span.rank, rank)) if span.covers(at) else span for span in spans)
            self._told.put(place, tuple(raised))


def _is_far_ahead(at: float) -> bool:
    return at > time.time() + SKEW_SECONDS
