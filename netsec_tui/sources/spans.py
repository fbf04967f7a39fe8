"""From when to when each node was watched, with the holes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netsec_tui.model.observed import NodeSpan

_MOST = 100
"""Spans of a node that are remembered; of one that comes and goes more often the oldest count no more."""


class Spans:
    """Keep the times in which nodes were watched, in epoch seconds; those that touch are one."""

    def __init__(self) -> None:
        self._spans: dict[str, list[NodeSpan]] = {}
        self._first = 0.0

    @property
    def first(self) -> float:
        """Return from when on any node was watched, whether it is still kept or not; 0.0 while none was."""
        return self._first

    @property
    def last(self) -> float:
        """Return until when any node was watched that is not any more, 0.0 where there is none."""
        return max((span.until for spans in self._spans.values() for span in spans), default=0.0)

    def begin(self, node: str, at: float) -> None:
        """Take it that a node is watched, and has been at least since a time."""
        spans = self._spans.setdefault(node, [])
        if spans and not spans[-1].until and at >= spans[-1].since:
            return
        since = at
        while spans and at <= (spans[-1].until or at):
            since = min(since, spans.pop().since)
        spans.append(NodeSpan(node, since))
        del spans[:-_MOST]
        self._first = min(self._first or since, since)

    def end(self, node: str, at: float) -> None:
        """Take it that a node was watched until a time, and is not any more."""
        spans = self._spans.get(node)
        if spans and not spans[-1].until:
            spans[-1] = spans[-1]._replace(until=max(at, spans[-1].since))

    def resume(self, node: str) -> None:
        """Take it that nothing is missing of what a node saw until it was watched again."""
        spans = self._spans.get(node, [])
        if len(spans) > 1 and not spans[-1].until:
            self.begin(node, spans[-2].until)

    def keep(self, nodes: Iterable[str]) -> None:
        """Forget all nodes but these."""
        for node in self._spans.keys() - set(nodes):
            del self._spans[node]

    def of(self, nodes: Iterable[str], ends: Mapping[str, float] | None = None) -> tuple[NodeSpan, ...]:
        """Return the spans of nodes in order; those that go on until where ``ends`` says, if it does."""
        spans = (span for node in sorted(nodes) for span in self._spans.get(node, ()))
        return tuple(_cut(span, (ends or {}).get(span.node)) for span in spans)


def _cut(span: NodeSpan, end: float | None) -> NodeSpan:
    return span if span.until or end is None else span._replace(until=max(span.since, end))
