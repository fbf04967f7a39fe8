"""Fold flows into pod-level edges with one bucket a minute; the order of flows makes no difference."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from netsec_tui.core.traffic.ports import Ports
from netsec_tui.core.traffic.retold import Retold
from netsec_tui.core.traffic.skew import Skew
from netsec_tui.core.traffic.turns import ALWAYS, MinuteSeen, Turn
from netsec_tui.model.communication import Counts, Orientation
from netsec_tui.model.flow import Endpoint, Flow, Gap, Protocol, Verdict
from netsec_tui.model.timespan import OLDEST, SKEW_SECONDS

_FIRST, _LAST, _ANSWERS, _REFUSALS, _ARRIVED, _PROXIED, _RELAYED, _VERDICTS = range(8)
_EMPTY_VERDICTS = [0] * len(Verdict)
_REDIRECTED = Verdict.REDIRECTED

_TELLS_OF_EACH = frozenset({"conntrack"})
"""Origins that tell of each connection whether it was answered, before anything was."""

_TOLD_BY_BOTH_NODES = frozenset({"hubble", "hubble-exec", "netobserv", "antrea", "antrea-log"})
"""Sources whose flows each node tells that sees them: the client's node and the server's, the same ones.

Connection tracking is put together before it is told, so there a node is only who told of it first.
"""


class EdgeKey(NamedTuple):
    """Identify an edge; for an undirected one the ends stand as sent and both ports count.

    ``client``/``server`` are indexes into ``Observations.endpoints``; ``client_port`` is -1 when directed,
    0 for a port that was not kept. What several sources tell is kept apart, and of a source whose nodes
    each tell what they see what each of them told; ``node`` is empty for the others.
    """

    client: int
    server: int
    protocol: Protocol
    port: int
    client_port: int
    service: tuple[str, str] | None
    origin: str = ""
    node: str = ""


Summed = tuple[Counts, float, float]
"""Counts, first and last time."""


class Edge:
    """Hold what was seen between two endpoints on one port, by minute.

    ``recordings`` are those that told of it, a bit for each (see ``Observations.read_from``).
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


class Told:
    """Hold when one source told of flows: by minute, and for each node the first and the last time."""

    __slots__ = ("first", "last", "minutes", "nodes", "since", "synthetic")

    def __init__(self) -> None:
        self.first, self.last = float("inf"), float("-inf")
        self.minutes: set[int] = set()
        self.nodes: dict[str, float] = {}
        self.since: dict[str, float] = {}
        self.synthetic = 0

    def take(self, flow: Flow) -> None:
        """Take note of one flow."""
        time, node = flow.time, flow.node
        if time < self.first:
            self.first = time
        if time > self.last:
            self.last = time
        self.minutes.add(int(time // 60))
        if node and time > self.nodes.get(node, 0.0):
            self.nodes[node] = time
        if node and time < self.since.get(node, math.inf):
            self.since[node] = time
        self.synthetic += flow.synthetic


class Observations:
    """Own everything recorded: endpoints, edges, gaps, when each source told of flows."""

    # Many distinct Endpoint objects can be equal; beyond this the short cut by identity is forgotten.
    _SHORTCUTS = 100_000

    def __init__(self) -> None:
        self.endpoints: list[Endpoint] = []
        self.edges: dict[EdgeKey, Edge] = {}
        self.told: dict[str, Told] = {}
        self._answering: dict[str, int] = {}
        self._recordings: dict[str, int] = {}
        self.read_from("")
        self.ports = Ports()
        self._index: dict[Endpoint, int] = {}
        self._shortcut: dict[int, tuple[Endpoint, int]] = {}
        self._gaps: dict[tuple[int, str, str, str], Gap] = {}
        self._skew = Skew()
        self._retold: Retold | None = None

    @property
    def reports_replies(self) -> bool:
        """Tell whether any source tells of answers."""
        return bool(self._answering)

    def read_from(self, recording: str) -> None:
        """Take it that what is added from now on is of a recording; without a name, of live sources."""
        self._recording = 1 << self._recordings.setdefault(recording, len(self._recordings))

    def answerable(self, edge: Edge) -> bool:
        """Tell whether anything that told of an edge tells answers: a recording of a source need not."""
        return bool(edge.recordings & self._answering.get(edge.key.origin, 0))

    @property
    def first(self) -> float | None:
        """Return the time of the oldest flow, None before there is one."""
        return min((told.first for told in self.told.values()), default=None)

    @property
    def last(self) -> float | None:
        """Return the time of the newest flow, None before there is one."""
        return max((told.last for told in self.told.values()), default=None)

    @property
    def gaps(self) -> Iterable[Gap]:
        """Return what was lost; what a node lost in one minute for one reason is one gap."""
        counted = (name for origin, told in self.told.items() for name in told.nodes or (origin,))
        holes = self._retold.holes() if self._retold else ()
        return (*self._gaps.values(), *self._skew.of_this_machine(counted), *holes)

    @property
    def misdated(self) -> tuple[str, ...]:
        """Return why flows do not count whose time cannot be."""
        return tuple(self._skew.reasons)

    def begin_again(self, now: float) -> None:
        """Take it that from ``now`` on, in epoch seconds, sources tell what they remember once more."""
        for hole in self._retold.holes() if self._retold else ():
            self._miss(hole)
        until = {(origin, ""): told.last for origin, told in self.told.items()}
        until |= {(origin, n): last for origin, told in self.told.items() for n, last in told.nodes.items()}
        self._retold = Retold(until, now)

    def add(self, flows: Iterable[Flow | Gap], now: float = math.inf) -> set[EdgeKey]:
        """Fold flows in and return the keys of the edges that changed.

        What is dated as nothing can be at ``now`` (epoch seconds) is left out, which is a gap.
        """
        changed: set[EdgeKey] = set()
        latest = now + SKEW_SECONDS
        for flow in flows:
            if isinstance(flow, Gap):
                self._miss(flow if OLDEST <= flow.time <= latest else replace(flow, time=0.0))
            elif OLDEST <= flow.time <= latest:
                changed.add(self._add(flow))
            else:
                self._miss(self._skew.gap(flow))
        return changed

    def _miss(self, gap: Gap) -> None:
        """Keep a gap; a flood of lost events comes as one message for each."""
        key = (int(gap.time // 60), gap.origin, gap.node, gap.reason)
        before = self._gaps.get(key)
        lost = before.lost if before else 0
        if self._retold:
            gap = replace(gap, lost=self._retold.lost(key, gap, lost))
        if before:
            gap = replace(gap, time=min(before.time, gap.time), lost=lost + gap.lost)
        self._gaps[key] = gap

    def _add(self, flow: Flow) -> EdgeKey:
        told = self.told.get(flow.origin)
        if told is None:
            told = self.told[flow.origin] = Told()
        told.take(flow)
        key, orientation, is_answer = self._orient(flow)
        edge = self.edges.get(key)
        if edge is None:
            edge = self.edges[key] = Edge(key)
        edge.recordings |= self._recording
        if orientation > edge.orientation:
            edge.orientation = orientation
        proves = is_answer and orientation is Orientation.PROVEN and not flow.verdict.stopped
        if proves or flow.origin in _TELLS_OF_EACH:
            self._answering[flow.origin] = self._answering.get(flow.origin, 0) | self._recording
        if self._retold:
            self._retold.count(edge, flow, is_answer)
        else:
            edge.add(flow, is_answer)
        return key

    def _orient(self, flow: Flow) -> tuple[EdgeKey, Orientation, bool]:
        source, destination = self._number(flow.source), self._number(flow.destination)
        origin, node = flow.origin, flow.node if flow.origin in _TOLD_BY_BOTH_NODES else ""
        # An unproven "no reply" says nothing of a packet that went on: Retina tells it of both directions.
        if flow.is_reply is None or not (flow.proven or flow.verdict.denied):
            key = self._undirected(flow, source, destination)
            return key._replace(origin=origin, node=node), Orientation.UNKNOWN, False
        how = Orientation.PROVEN if flow.proven else Orientation.INFERRED
        if flow.is_reply:
            ends = (destination, source, flow.protocol, flow.source_port)
            return EdgeKey(*ends, -1, flow.service, origin, node), how, True
        ends = (source, destination, flow.protocol, flow.destination_port)
        return EdgeKey(*ends, -1, flow.service, origin, node), how, False

    def _undirected(self, flow: Flow, source: int, destination: int) -> EdgeKey:
        """Return a key that keeps the ports which may be listening ones."""
        ends = (source, destination, flow.protocol)
        ports = self.ports.keep(ends, flow.source_port, flow.destination_port)
        return EdgeKey(*ends, ports[1], ports[0], flow.service)

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
