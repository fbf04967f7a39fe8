"""What was seen between two endpoints on one port, in one bucket a minute."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from netsec_tui.core.traffic.turns import ALWAYS, MinuteSeen, Turn
from netsec_tui.model.communication import Counts, Orientation
from netsec_tui.model.flow import Flow, Protocol, Verdict

_FIRST, _LAST, _ANSWERS, _REFUSALS, _ARRIVED, _PROXIED, _RELAYED, _VERDICTS = range(8)
_EMPTY_VERDICTS = [0] * len(Verdict)
_REDIRECTED = Verdict.REDIRECTED


class EdgeKey(NamedTuple):
    """Identify an edge; for an undirected one the ends stand as sent and both ports count.

    ``client``/``server`` are indexes into ``Observations.endpoints``; ``client_port`` is -1 when directed,
    0 for a port that was not kept. What several sources tell is kept apart, and of a source whose nodes
    each tell what they see what each of them told; ``node`` is empty for the others. ``service_port`` is 0
    where a Service was dialled on ``port``, or none.
    """

    client: int
    server: int
    protocol: Protocol
    port: int
    client_port: int
    service: tuple[str, str] | None
    origin: str = ""
    node: str = ""
    service_port: int = 0

    @property
    def directed(self) -> bool:
        """Tell whether it was told who opened the connection."""
        return self.client_port < 0


Summed = tuple[Counts, float, float]
"""Counts, first and last time."""


class Edge:
    """Hold what was seen between two endpoints on one port, by minute.

    ``recordings`` are those that told of it, a bit for each (see ``Observations.add``). Of an undirected one
    all count as requests; those that are a reset count as refusals besides, should the server have sent them.
    """

    __slots__ = ("_latest", "_oldest", "_summed", "buckets", "key", "orientation", "recordings", "requested")

    def __init__(self, key: EdgeKey) -> None:
        self.key = key
        self.orientation = Orientation.UNKNOWN
        self.recordings = 0
        self.requested = False
        self.buckets: dict[int, list[float]] = {}
        self._oldest, self._latest = float("inf"), float("-inf")
        self._summed: tuple[tuple[float, float, Turn], Summed | None] | None = None

    def add(self, flow: Flow, is_answer: bool) -> None:
        """Count one flow in the bucket of its minute."""
        minute = int(flow.time // 60)
        self._summed = None
        bucket = self.buckets.get(minute)
        if bucket is None:
            bucket = self.buckets[minute] = [flow.time, flow.time, 0, 0, 0, 0, 0, *_EMPTY_VERDICTS]
            self._oldest, self._latest = min(self._oldest, minute), max(self._latest, minute)
        elif flow.time < bucket[_FIRST]:
            bucket[_FIRST] = flow.time
        elif flow.time > bucket[_LAST]:
            bucket[_LAST] = flow.time
        self.requested = self.requested or not is_answer
        if not is_answer:
            bucket[_VERDICTS + flow.verdict] += flow.count
            if flow.verdict is _REDIRECTED:
                bucket[_PROXIED] += 0 if flow.arrived else flow.count
            elif flow.arrived:
                bucket[_ARRIVED] += flow.count
            if flow.rst and not (flow.verdict.stopped or self.key.directed):
                bucket[_REFUSALS] += flow.count
        elif flow.verdict.stopped:
            bucket[_VERDICTS + flow.verdict] += flow.count
        elif flow.rst:
            bucket[_REFUSALS] += flow.count
        else:
            bucket[_ANSWERS] += flow.count
            if not flow.arrived:
                bucket[_RELAYED] += flow.count

    def counts(self, minute: int) -> list[float]:
        """Return what was counted in a minute, nothing when it was not seen in it."""
        return self.buckets[minute][_ANSWERS:] if minute in self.buckets else []

    def take_back(self, minute: int, counts: Iterable[float]) -> None:
        """Take counts off a minute; that it was seen stays."""
        bucket, self._summed = self.buckets[minute], None
        for column, number in enumerate(counts, _ANSWERS):
            bucket[column] -= number

    def seen_in(self, minutes: Iterable[int]) -> Iterable[MinuteSeen]:
        """Yield those of some minutes in which it was seen, with the first and the last time."""
        found = ((minute, self.buckets.get(minute)) for minute in minutes)
        return ((minute, bucket[_FIRST], bucket[_LAST]) for minute, bucket in found if bucket)

    def seen(self, low: float, high: float, turn: Turn = ALWAYS) -> bool:
        """Tell whether anything was seen within the minutes from low to high, of what a turn holds."""
        if turn is not ALWAYS:
            latest_first = self.seen_in(reversed(self.buckets))
            return any(low <= one[0] <= high and turn.holds(one) for one in latest_first)
        if low <= self._latest <= high:  # what goes on is the common case
            return True
        return low <= self._latest and self._oldest <= high and any(low <= m <= high for m in self.buckets)

    def sum(self, low: float, high: float, turn: Turn = ALWAYS) -> Summed | None:
        """Return counts, first and last time within the minutes from low to high; None when unseen."""
        # A window that moves on over an edge that is quite inside it changes nothing.
        span = max(low, self._oldest), min(high, self._latest), turn
        if self._summed is None or self._summed[0] != span:
            self._summed = (span, self._sum(*span))
        return self._summed[1]

    def _sum(self, low: float, high: float, turn: Turn) -> Summed | None:
        totals: list[float] | None = None
        cut = turn is not ALWAYS
        for minute, bucket in self.buckets.items():
            if not low <= minute <= high:
                continue
            if cut and not turn.holds((minute, bucket[_FIRST], bucket[_LAST])):
                continue
            if totals is None:
                totals = bucket.copy()
                continue
            totals[_FIRST] = min(totals[_FIRST], bucket[_FIRST])
            totals[_LAST] = max(totals[_LAST], bucket[_LAST])
            for i in range(_ANSWERS, len(bucket)):
                totals[i] += bucket[i]
        if totals is None:
            return None
        verdicts = tuple(int(n) for n in totals[_VERDICTS:])
        counts = Counts(verdicts, *(int(totals[i]) for i in range(_ANSWERS, _VERDICTS)))
        return counts, totals[_FIRST], totals[_LAST]
