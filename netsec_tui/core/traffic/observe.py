"""Fold flows into pod-level edges with one bucket a minute; the order of flows makes no difference."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from netsec_tui.core.traffic.edge import Edge, EdgeKey
from netsec_tui.core.traffic.ports import Ports
from netsec_tui.core.traffic.retold import Retold
from netsec_tui.core.traffic.skew import Skew
from netsec_tui.core.traffic.twins import Twins
from netsec_tui.model.communication import Orientation
from netsec_tui.model.flow import Endpoint, Flow, Gap
from netsec_tui.model.origins import origins_where
from netsec_tui.model.timespan import OLDEST, SKEW_SECONDS

_TELLS_OF_EACH = origins_where(lambda origin: origin.answers == "each")
_TOLD_BY_BOTH_NODES = origins_where(lambda origin: origin.told_by_both_nodes)


class Told:
    """Hold when one source told of flows: by minute, and for each node the first and the last time.

    ``synthetic`` maps minutes to the flows of them that were made up.
    """

    __slots__ = ("first", "last", "minutes", "nodes", "since", "synthetic")

    def __init__(self) -> None:
        self.first, self.last = float("inf"), float("-inf")
        self.minutes: set[int] = set()
        self.nodes: dict[str, float] = {}
        self.since: dict[str, float] = {}
        self.synthetic: Counter[int] = Counter()

    def take(self, flow: Flow) -> None:
        """Take note of one flow."""
        time, node = flow.time, flow.node
        if time < self.first:
            self.first = time
        if time > self.last:
            self.last = time
        minute = int(time // 60)
        self.minutes.add(minute)
        if node and time > self.nodes.get(node, 0.0):
            self.nodes[node] = time
        if node and time < self.since.get(node, math.inf):
            self.since[node] = time
        if flow.synthetic:
            self.synthetic[minute] += 1


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
        self.ports = Ports()
        self._index: dict[Endpoint, int] = {}
        self._shortcut: dict[int, tuple[Endpoint, int]] = {}
        self._gaps: dict[tuple[int, str, str, str], Gap] = {}
        self._skew = Skew()
        self._retold: Retold | None = None
        self._twins = Twins()

    @property
    def reports_replies(self) -> bool:
        """Tell whether any source tells of answers."""
        return bool(self._answering)

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
        self._retold, self._twins = Retold(until, now), Twins()

    def add(
        self, flows: Iterable[Flow | Gap], now: float = math.inf, recording: str = "", teller: str = ""
    ) -> set[EdgeKey]:
        """Fold flows in and return the keys of the edges that changed.

        What is dated as nothing can be at ``now`` (epoch seconds) is left out, which is a gap. ``recording``
        names the file that tells them, empty for live sources, ``teller`` the live source.
        """
        changed: set[EdgeKey] = set()
        told_by = 1 << self._recordings.setdefault(recording, len(self._recordings))
        latest = now + SKEW_SECONDS
        for flow in flows:
            if isinstance(flow, Gap):
                known = flow.time >= OLDEST and flow.last <= latest
                self._miss(flow if known else replace(flow, time=0.0, until=0.0), teller)
            elif OLDEST <= flow.time <= latest:
                changed.add(self._add(flow, told_by, teller))
            else:
                self._miss(self._skew.gap(flow))
        return changed

    def _miss(self, gap: Gap, teller: str = "") -> None:
        """Keep a gap; a flood of lost events comes as one message for each."""
        key = (int(gap.time // 60), gap.origin, gap.node, gap.reason)
        before = self._gaps.get(key)
        lost = before.lost if before else 0
        if gap.origin and teller and self._twins.several(gap.origin, teller):
            (more,) = self._twins.fresh(key, gap.origin, teller, [lost], [gap.lost])
            gap = replace(gap, lost=int(more))
        if self._retold:
            gap = replace(gap, lost=self._retold.lost(key, gap, lost))
        if before:
            until = max(before.until, gap.until)
            gap = replace(gap, time=min(before.time, gap.time), lost=lost + gap.lost, until=until)
        self._gaps[key] = gap

    def _add(self, flow: Flow, told_by: int, teller: str) -> EdgeKey:
        told = self.told.get(flow.origin)
        if told is None:
            told = self.told[flow.origin] = Told()
        told.take(flow)
        key, orientation, is_answer = self._orient(flow)
        edge = self.edges.get(key)
        if edge is None:
            edge = self.edges[key] = Edge(key)
        edge.recordings |= told_by
        if orientation > edge.orientation:
            edge.orientation = orientation
        proves = is_answer and orientation is Orientation.PROVEN and not flow.verdict.stopped
        if proves or flow.origin in _TELLS_OF_EACH:
            self._answering[flow.origin] = self._answering.get(flow.origin, 0) | told_by
        if self._retold:
            self._retold.count(edge, flow, partial(self._count, edge, flow, is_answer, teller))
        else:
            self._count(edge, flow, is_answer, teller)
        return key

    def _count(self, edge: Edge, flow: Flow, is_answer: bool, teller: str) -> None:
        """Count a flow on its edge, of several live sources of one kind as the one that told most."""
        if not teller or not self._twins.several(flow.origin, teller):
            edge.add(flow, is_answer)
            return
        minute = int(flow.time // 60)
        before = edge.counts(minute)
        edge.add(flow, is_answer)
        after = edge.counts(minute)
        more = [now - had for now, had in zip(after, before or [0.0] * len(after), strict=True)]
        fresh = self._twins.fresh((edge.key, minute), flow.origin, teller, before, more)
        edge.take_back(minute, [came - new for came, new in zip(more, fresh, strict=True)])

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
            return EdgeKey(*ends, -1, flow.service, origin, node, flow.service_port), how, True
        ends = (source, destination, flow.protocol, flow.destination_port)
        return EdgeKey(*ends, -1, flow.service, origin, node, flow.service_port), how, False

    def _undirected(self, flow: Flow, source: int, destination: int) -> EdgeKey:
        """Return a key that keeps the ports which may be listening ones."""
        ends = (source, destination, flow.protocol)
        ports = self.ports.keep(ends, flow.source_port, flow.destination_port)
        return EdgeKey(*ends, ports[1], ports[0], flow.service, service_port=flow.service_port)

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
