"""Fold flows into pod-level edges with one bucket a minute; the order of flows makes no difference."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from netsec_tui.model.communication import Counts, Orientation
from netsec_tui.model.flow import EPHEMERAL, Endpoint, Flow, Gap, Protocol, Verdict

_HIGH_PORTS = 8
"""Ports in the range of client ports that are kept between two endpoints, while no direction is known."""

_FIRST, _LAST, _ANSWERS, _REFUSALS, _VERDICTS = 0, 1, 2, 3, 4
_EMPTY_VERDICTS = [0] * len(Verdict)


class EdgeKey(NamedTuple):
    """Identify an edge; for an undirected one the ends stand as sent and both ports count.

    ``client``/``server`` are indexes into ``Observations.endpoints``; ``client_port`` is -1 when directed,
    0 when it was an ephemeral port.
    """

    client: int
    server: int
    protocol: Protocol
    port: int
    client_port: int
    service: tuple[str, str] | None


Summed = tuple[Counts, float, float]
"""Counts, first and last time."""


class Edge:
    """Hold what was seen between two endpoints on one port, by minute."""

    __slots__ = ("_latest", "_oldest", "_summed", "buckets", "key", "orientation", "requested")

    def __init__(self, key: EdgeKey) -> None:
        self.key = key
        self.orientation = Orientation.UNKNOWN
        self.requested = False
        self.buckets: dict[int, list[float]] = {}
        self._oldest, self._latest = float("inf"), float("-inf")
        self._summed: tuple[tuple[float, float], Summed | None] | None = None

    def add(self, flow: Flow, is_answer: bool) -> None:
        """Count one flow in the bucket of its minute."""
        minute = int(flow.time // 60)
        self._summed = None
        bucket = self.buckets.get(minute)
        if bucket is None:
            bucket = self.buckets[minute] = [flow.time, flow.time, 0, 0, *_EMPTY_VERDICTS]
            self._oldest, self._latest = min(self._oldest, minute), max(self._latest, minute)
        elif flow.time < bucket[_FIRST]:
            bucket[_FIRST] = flow.time
        elif flow.time > bucket[_LAST]:
            bucket[_LAST] = flow.time
        self.requested = self.requested or not is_answer
        if not is_answer or flow.verdict.denied:
            bucket[_VERDICTS + flow.verdict] += flow.count
        elif flow.rst:
            bucket[_REFUSALS] += flow.count
        else:
            bucket[_ANSWERS] += flow.count

    def sum(self, low: float, high: float) -> Summed | None:
        """Return counts, first and last time within the minutes from low to high; None when unseen."""
        # A window that moves on over an edge that is quite inside it changes nothing.
        span = max(low, self._oldest), min(high, self._latest)
        if self._summed is None or self._summed[0] != span:
            self._summed = (span, self._sum(*span))
        return self._summed[1]

    def _sum(self, low: float, high: float) -> Summed | None:
        totals: list[float] | None = None
        for minute, bucket in self.buckets.items():
            if not low <= minute <= high:
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
        return Counts(verdicts, int(totals[_ANSWERS]), int(totals[_REFUSALS])), totals[_FIRST], totals[_LAST]


class Observations:
    """Own everything recorded: endpoints, edges, gaps, the span of time seen."""

    # Many distinct Endpoint objects can be equal; beyond this the short cut by identity is forgotten.
    _SHORTCUTS = 100_000

    def __init__(self) -> None:
        self.endpoints: list[Endpoint] = []
        self.edges: dict[EdgeKey, Edge] = {}
        self.gaps: list[Gap] = []
        self.first: float | None = None
        self.last: float | None = None
        self.reports_replies = False
        self._index: dict[Endpoint, int] = {}
        self._shortcut: dict[int, tuple[Endpoint, int]] = {}
        self._high_ports: dict[tuple[int, int, Protocol], set[int]] = {}

    def add(self, flows: Iterable[Flow | Gap]) -> set[EdgeKey]:
        """Fold flows in and return the keys of the edges that changed."""
        changed: set[EdgeKey] = set()
        for flow in flows:
            if isinstance(flow, Gap):
                self.gaps.append(flow)
            else:
                changed.add(self._add(flow))
        return changed

    def _add(self, flow: Flow) -> EdgeKey:
        if self.first is None or flow.time < self.first:
            self.first = flow.time
        if self.last is None or flow.time > self.last:
            self.last = flow.time
        key, orientation, is_answer = self._orient(flow)
        edge = self.edges.get(key)
        if edge is None:
            edge = self.edges[key] = Edge(key)
        if orientation > edge.orientation:
            edge.orientation = orientation
        if is_answer and orientation is Orientation.PROVEN:
            self.reports_replies = True
        edge.add(flow, is_answer)
        return key

    def _orient(self, flow: Flow) -> tuple[EdgeKey, Orientation, bool]:
        source, destination = self._number(flow.source), self._number(flow.destination)
        # An unproven "no reply" says nothing of a packet that went on: Retina tells it of both directions.
        if flow.is_reply is None or not (flow.proven or flow.verdict.denied):
            return self._undirected(flow, source, destination), Orientation.UNKNOWN, False
        how = Orientation.PROVEN if flow.proven else Orientation.INFERRED
        if flow.is_reply:
            key = EdgeKey(destination, source, flow.protocol, flow.source_port, -1, flow.service)
            return key, how, True
        key = EdgeKey(source, destination, flow.protocol, flow.destination_port, -1, flow.service)
        return key, how, False

    def _undirected(self, flow: Flow, source: int, destination: int) -> EdgeKey:
        """Return a key that keeps the ports which may be listening ones: thousands of client ports are one.

        The first few of them are kept all the same: something may listen there, and cluster state tell so.
        """
        source_port, destination_port = flow.source_port, flow.destination_port
        key = EdgeKey(source, destination, flow.protocol, destination_port, source_port, flow.service)
        if (source_port >= EPHEMERAL) == (destination_port >= EPHEMERAL):
            return key
        kept = self._high_ports.setdefault((source, destination, flow.protocol), set())
        if len(kept) < _HIGH_PORTS:
            kept.add(max(source_port, destination_port))
        if max(source_port, destination_port) in kept:
            return key
        if source_port >= EPHEMERAL:
            return key._replace(client_port=0)
        return key._replace(port=0)

    def _number(self, endpoint: Endpoint) -> int:
        known = self._shortcut.get(id(endpoint))
        if known is not None:
            return known[1]
        number = self._index.get(endpoint)
        if number is None:
            number = self._index[endpoint] = len(self.endpoints)
            self.endpoints.append(endpoint)
        if len(self._shortcut) >= self._SHORTCUTS:
            self._shortcut.clear()
        self._shortcut[id(endpoint)] = (endpoint, number)
        return number
