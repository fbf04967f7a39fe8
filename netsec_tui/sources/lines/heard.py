"""From when to when a file tells of flows, and each node in it: all that it says of how it was watched."""

from __future__ import annotations

import time
from typing import Any

from netsec_tui.model.flow import Flow
from netsec_tui.model.observed import NodeSpan, Observed
from netsec_tui.model.timespan import plausible

_Span = list[float]
"""The first and the last time."""


class Heard:
    """Take note of the time and node of flows; what is dated by a time that cannot be says nothing."""

    def __init__(self) -> None:
        self._by_origin: dict[str, dict[str, _Span]] = {}

    def take(self, flow: Flow) -> None:
        """Take note of one flow."""
        at = flow.time
        if not plausible(at, time.time()):
            return
        by_node = self._by_origin.setdefault(flow.origin, {})
        span = by_node.get(flow.node)
        if span is None:
            by_node[flow.node] = [at, at]
        elif at < span[0]:
            span[0] = at
        elif at > span[1]:
            span[1] = at

    def observed(self, decoder: Any, read_at: float) -> tuple[Observed, ...]:
        """Return how each source was watched that the flows are of.

        The ``decoder`` says what it knows of packets that were not looked at (``sampling``), whether it tells
        ``addresses`` outside, how many connections are open and ``idle``, when each of the ``nodes`` told
        anything, new or not, and whether all was a ``table``: that is how things were at ``read_at`` (epoch
        seconds), however old they are.
        """
        sampling = getattr(decoder, "sampling", 1)
        addresses = getattr(decoder, "addresses", True)
        idle = getattr(decoder, "idle", 0)
        found = []
        for origin, by_node in self._by_origin.items():
            heard = getattr(decoder, "nodes", None) or by_node
            since = min(first for first, _ in heard.values())
            until = max(last for _, last in heard.values())
            if getattr(decoder, "table", False):
                since = until = read_at
            spans = tuple(NodeSpan(node, *span) for node, span in sorted(heard.items()) if node)
            nodes = frozenset(span.node for span in spans) or None
            one = Observed(origin, since, until, nodes, sampling, idle, addresses, spans, by_flows=True)
            found.append(one)
            idle = 0  # they are the file's, whatever its flows are of: once is enough
        return tuple(found)
