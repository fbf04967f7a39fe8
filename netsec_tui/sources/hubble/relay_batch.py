"""What Relay has sent since it was last handed on: flows, gaps added up, and which nodes report."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from netsec_tui.model.flow import Flow, Gap
from netsec_tui.model.timespan import plausible
from netsec_tui.sources.gaps import Gaps
from netsec_tui.sources.hubble.decode import node_name
from netsec_tui.sources.hubble.messages import HubbleMessageDecoder
from netsec_tui.sources.hubble.proto import NODE_CONNECTED, NODE_ERROR, types
from netsec_tui.sources.hubble.relay_progress import Progress
from netsec_tui.sources.objects.strip import printable
from netsec_tui.sources.problem import Problem
from netsec_tui.sources.recent import Recent
from netsec_tui.sources.spans import Spans

_COMPLAINTS = ("InvalidArgument", "filter", "unknown protocol")
"""Words of agents that do not know a filter, in what Relay tells of a node."""

_LOSSES_REMEMBERED = 20_000


class Batch:
    """Take in replies one by one; lost events come by the thousand, and are one gap a node and reason.

    ``nodes`` tells of each node whether it reports, ``spans`` when what it saw is known: since it was first
    heard of, or since the oldest flow that it held then, but for what it has overwritten. ``refused`` means
    that an agent does not know a filter, ``returned`` that a node reports again, which may have seen flows
    meanwhile.
    """

    def __init__(self) -> None:
        self.progress = Progress()
        self.nodes: dict[str, bool] = {}
        self.flows = 0
        self.unread = 0
        self.why = ""
        self.spans = Spans()
        self.refused = False
        self.returned = False
        self._decoder = HubbleMessageDecoder()
        self._items: list[Flow | Gap] = []
        self._gaps = Gaps()
        self._lost: Recent[int, bool] = Recent(_LOSSES_REMEMBERED)

    @property
    def size(self) -> int:
        """Return how many flows and gaps wait."""
        return len(self._items) + len(self._gaps)

    def take(self, reply: Any) -> Flow | None:
        """Take in a reply of GetFlows, or the ``Problem`` that it was; return a flow whose time can be."""
        if isinstance(reply, Problem):
            self._leave_out(reply)
            return None
        if reply.HasField("flow"):
            if not self.progress.is_new(reply):
                return None
        elif reply.HasField("node_status"):
            status = reply.node_status
            self.refused = self.refused or _refuses(status)
            if not self._changed(status):
                return None
        elif reply.HasField("lost_events") and self._repeats(reply):
            return None
        found = self._decoder.decode(reply)
        if isinstance(found, Flow):
            return self._take_flow(found)
        if isinstance(found, Gap):
            self._gaps.add(found)
        elif isinstance(found, Problem):
            self._leave_out(found)
        return None

    def see(self, states: Mapping[str, int]) -> None:
        """Take in how nodes are, by name, as the server tells when it is asked."""
        for name, state in states.items():
            reply = types()["GetFlowsResponse"]()
            reply.node_status.state_change = state
            reply.node_status.node_names.append(name)
            self.take(reply)

    def keep(self, names: Iterable[str]) -> None:
        """Forget all nodes but these: the others have left the cluster."""
        known = set(map(node_name, names))
        self.nodes = {name: reports for name, reports in self.nodes.items() if name in known}
        self.spans.keep(known)
        self.progress.keep(known)

    def resume(self) -> float:
        """Return from when on flows are to be asked for again, as ``Progress.resume`` does."""
        return self.progress.resume({name for name, reports in self.nodes.items() if reports}, time.time())

    def resumed(self) -> None:
        """Take it that all that nodes still hold has come, and say what they do not hold any more."""
        now = time.time()
        for gap in self.progress.resumed(now):
            self._gaps.add(gap)
            self.spans.end(gap.node, min(gap.time, now))
            self.spans.begin(gap.node, now)
        self.returned = False

    def handed_on(self) -> tuple[Flow | Gap, ...]:
        """Return what has come since, and forget it."""
        items, self._items = (*self._items, *self._gaps.take()), []
        return items

    def _take_flow(self, flow: Flow) -> Flow | None:
        self.flows += 1
        if flow.node:
            self.nodes.setdefault(flow.node, True)
        self._items.append(flow)
        if not plausible(flow.time, time.time()):
            return None
        self.spans.begin(flow.node, flow.time)
        self.progress.take(flow)
        return flow

    def _repeats(self, loss: Any) -> bool:
        """Tell whether a loss was told before: Hubble gives all that it holds, whatever time is asked for.

        Its node, time, kind, number and CPU make it the same; without a time nothing does.
        """
        if not loss.HasField("time"):
            return False
        key = hash(loss.SerializeToString())
        known = bool(self._lost.get(key))
        self._lost.put(key, True)
        return known

    def _leave_out(self, problem: Problem) -> None:
        self.unread += 1
        self.why = self.why or printable(problem.reason, 200)
        reason = f"flows of Hubble that cannot be read: {printable(problem.reason, 200)}"
        self._gaps.add(Gap(time.time(), 1, reason))

    def _changed(self, status: Any) -> bool:
        """Take note of how nodes are; tell whether one has changed: every request tells of all."""
        reports = status.state_change == NODE_CONNECTED
        names = [name for name in map(node_name, status.node_names) if name]
        changed = [name for name in names if self.nodes.get(name) is not reports]
        self.returned = self.returned or (reports and any(self.nodes.get(name) is False for name in names))
        for name in () if reports else changed:
            self.progress.hold(name)
        self.nodes |= dict.fromkeys(names, reports)
        for name in names if reports else ():
            self.spans.begin(name, time.time())
        return bool(changed)


def _refuses(status: Any) -> bool:
    words: str = status.message
    return status.state_change == NODE_ERROR and any(word in words for word in _COMPLAINTS)
