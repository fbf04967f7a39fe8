"""How far Hubble's flows have been read: what repeats is left out, what was missed is told."""

from __future__ import annotations

from typing import Any

from netsec_tui.model.flow import Flow, Gap
from netsec_tui.sources.hubble import node_name
from netsec_tui.sources.objects import printable
from netsec_tui.sources.recent import Recent

REMEMBERED = 100_000
"""Flows that are known again at least: no more of them are asked for anew after a break."""

MARGIN_SECONDS = 1.0
"""How much before the last flow of the slowest node is asked for again; Relay sorts only about."""

_LAGGING = 60.0
"""Seconds by which a node may be behind the others, or its clock, and still count as one that reports."""

_MARKS = 10_000


class Progress:
    """Know which flows have come, and until when each node has told of any.

    Relay sends a request anew to a node that comes back, and after a break flows are asked for again from
    before it: what has come is known by its uuid, which older agents do not give, else by time,
    node, ends and flags.
    """

    def __init__(self) -> None:
        self._seen: Recent[int, bool] = Recent(REMEMBERED)
        self._last: dict[str, float] = {}
        self._marks: list[float] = []
        self._count = 0
        self._since = 0.0
        self._resuming = False
        self._told_before: dict[str, float] = {}
        self._awaited: dict[str, float] = {}

    def is_new(self, reply: Any) -> bool:
        """Tell whether the flow in a reply has not come before, and remember it."""
        flow = reply.flow
        key = hash(flow.uuid or _identity(flow, reply))
        if self._seen.get(key):
            # Nothing of its node was overwritten between the break and now.
            self._awaited.pop(node_name(flow.node_name or reply.node_name), None)
            return False
        self._seen.put(key, True)
        return True

    def take(self, flow: Flow) -> None:
        """Take note of the time of a flow that is new."""
        self._count += 1
        if self._count % _MARKS == 0:
            self._marks = [*self._marks, flow.time][-(REMEMBERED // _MARKS) :]
        if flow.time > self._last.get(flow.node, 0.0):
            self._last[flow.node] = flow.time

    def resume(self) -> float:
        """Return from when on flows are to be asked for again, in epoch seconds, 0.0 for all there are.

        Until ``resumed`` is called, the answer stays the same: what comes meanwhile fills no hole.
        """
        if not self._resuming and self._last:
            newest = max(self._last.values())
            since = min(last for last in self._last.values() if last >= newest - _LAGGING) - MARGIN_SECONDS
            if len(self._marks) == REMEMBERED // _MARKS:
                since = max(since, self._marks[0])
            self._since = since
            self._told_before = {node: last for node, last in self._last.items() if last > since}
        self._resuming = True
        self._awaited = dict(self._told_before)
        return self._since

    def resumed(self, now: float) -> list[Gap]:
        """Return a gap for each node of which nothing from before the break has come, now that all has."""
        gaps = [Gap(last, 0, _hole(node, now - last), node) for node, last in self._awaited.items()]
        self._resuming, self._awaited = False, {}
        return gaps


def _hole(node: str, seconds: float) -> str:
    return (
        f"node {printable(node)}: flows of {max(1.0, seconds):.0f} s are lost in part; Hubble did not have "
        "them any more when they could be read again"
    )


def _identity(flow: Any, reply: Any) -> tuple[object, ...]:
    time, ip = flow.time if flow.HasField("time") else reply.time, flow.IP
    return (
        time.seconds,
        time.nanos,
        flow.node_name or reply.node_name,
        ip.source,
        ip.destination,
        flow.l4.SerializeToString(),
        flow.verdict,
        flow.is_reply.value,
        flow.trace_observation_point,
        flow.event_type.type,
    )
