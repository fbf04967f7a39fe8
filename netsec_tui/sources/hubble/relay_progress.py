"""How far Hubble's flows have been read: what repeats is left out, what was missed is told."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from netsec_tui.model.flow import Flow, Gap
from netsec_tui.model.timespan import from_to
from netsec_tui.sources.hubble.decode import node_name
from netsec_tui.sources.objects.strip import printable
from netsec_tui.sources.recent import Recent

REMEMBERED = 100_000
"""Flows that are known again at least: no more of them are asked for anew after a break."""

MARGIN_SECONDS = 1.0
"""How much before the last flow that is known is asked for again; Relay sorts only about."""

_MARKS = 10_000


class Progress:
    """Know which flows have come, and until when each node has told of all of them.

    Relay sends a request anew to a node that comes back, and after a break flows are asked for again from
    before it: what has come is known by its uuid, which older agents do not give, else by time,
    node, ends and flags. What has come so long ago that it is forgotten is known by its node and time. Times
    of different nodes are never compared but to find where to begin: each has a clock of its own.
    """

    def __init__(self) -> None:
        self._seen: Recent[int, bool] = Recent(REMEMBERED)
        self._last: dict[str, float] = {}
        self._marks: list[dict[str, float]] = []
        self._count = 0
        self._begun = False
        self._held: dict[str, float] = {}
        self._forgotten: dict[str, float] = {}
        self._asked: frozenset[str] = frozenset()
        self._awaited: dict[str, float] = {}

    def is_new(self, reply: Any) -> bool:
        """Tell whether the flow in a reply has not come before, and remember it."""
        flow = reply.flow
        key = hash(flow.uuid or _identity(flow, reply))
        known = bool(self._seen.get(key))
        if self._asked:
            node, moment = node_name(flow.node_name or reply.node_name), _time(flow, reply)
            known = known or moment <= self._forgotten.get(node, 0.0)
            if known and moment <= self._awaited.get(node, 0.0):
                # Nothing of its node was overwritten between the break and now.
                del self._awaited[node]
        if not known:
            self._seen.put(key, True)
        return not known

    def take(self, flow: Flow) -> None:
        """Take note of the time of a flow that is new."""
        self._last[flow.node] = max(flow.time, self._last.get(flow.node, 0.0))
        self._count += 1
        if self._count % _MARKS == 0:
            self._marks = [*self._marks, dict(self._last)][-(REMEMBERED // _MARKS) :]

    def hold(self, node: str) -> None:
        """Take note that a node may see flows from now on of which it cannot tell."""
        if node in self._last:
            self._held.setdefault(node, self._last[node])

    def keep(self, nodes: Collection[str]) -> None:
        """Forget all nodes but these: nothing that the others saw is to come again."""
        for gone in self._last.keys() - {*nodes, "", *self._asked}:
            del self._last[gone]
            self._held.pop(gone, None)

    def resume(self, reporting: Collection[str], now: float) -> float:
        """Return from when on flows are to be asked for again, in epoch seconds, 0.0 for all there are.

        That is where the slowest of the nodes that report has got to, by their clocks, and not after ``now``:
        the request goes to all. Until ``resumed`` is called what comes meanwhile fills no hole.
        """
        nodes = {node for node in self._last if node in reporting or not node} if self._begun else set()
        for node in nodes:
            self.hold(node)
        self._asked = frozenset(nodes)
        self._awaited = {node: self._held[node] for node in nodes}
        whole = len(self._marks) == REMEMBERED // _MARKS
        forgotten = self._marks[0] if whole else {}
        self._forgotten = {n: min(forgotten.get(n, 0.0), last) for n, last in self._awaited.items()}
        return min(now, *self._awaited.values()) - MARGIN_SECONDS if nodes else 0.0

    def resumed(self, now: float) -> list[Gap]:
        """Return a gap for each node of which nothing from before the break has come, now that all has."""
        gaps = [_hole(node, last, max(last, now)) for node, last in self._awaited.items()]
        for node in self._asked:
            del self._held[node]
        self._begun, self._asked, self._awaited, self._forgotten = True, frozenset(), {}, {}
        return gaps


def _hole(node: str, since: float, until: float) -> Gap:
    lost = f"node {printable(node)}: flows {from_to(since, until)} are lost in part"
    reason = f"{lost}; Hubble did not have them any more when they could be read again"
    return Gap(since, 0, reason, node, until=until)


def _time(flow: Any, reply: Any) -> float:
    time = flow.time if flow.HasField("time") else reply.time
    return float(time.seconds + time.nanos / 1e9)


def _identity(flow: Any, reply: Any) -> tuple[object, ...]:
    time, ip = flow.time if flow.HasField("time") else reply.time, flow.IP
    return (
        time.seconds,
        time.nanos,
        flow.node_name or reply.node_name,
        ip.source,
        ip.destination,
        flow.source,
        flow.destination,
        flow.l4.SerializeToString(),
        flow.verdict,
        flow.is_reply.value,
        flow.trace_observation_point,
        flow.event_type.type,
    )
