"""How well a source has watched the cluster: what a policy made of its flows can be trusted for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class NodeSpan(NamedTuple):
    """Say from when to when a node was watched, in epoch seconds; ``until`` is 0.0 while it goes on."""

    node: str
    since: float
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Observed:
    """Say what one source of flows has watched so far; what it lost is told as gaps.

    ``origin`` is what its flows carry as theirs. ``since`` is from when on it has watched, in epoch
    seconds, 0.0 before it has begun to; ``until`` when it ended, 0.0 while it goes on. ``nodes`` are those
    that report, None for a source that does not tell. One of ``sampling`` packets was looked at, 0 when a
    source that may sample does not say. ``idle`` counts connections that are known to be open, but not when
    they were last used. ``addresses`` is false for a source that tells no address outside.

    ``spans`` are of the nodes that were not watched for all of that time: a busy node remembers less of what
    was before the source began than a quiet one, another has joined later or was away for a while. A node
    that is away has spans too, but is none of ``nodes``.

    ``by_flows`` is true of a file, which says nothing of itself: then all this is from the first flow to the
    last, and so it is of each node.
    """

    origin: str
    since: float
    until: float = 0.0
    nodes: frozenset[str] | None = None
    sampling: int = 1
    idle: int = 0
    addresses: bool = True
    spans: tuple[NodeSpan, ...] = ()
    by_flows: bool = False

    @property
    def every_span(self) -> tuple[NodeSpan, ...]:
        """Return the spans of all nodes, those included that were watched for all of the time."""
        apart = {span.node for span in self.spans}
        return (*(NodeSpan(n, self.since) for n in self.nodes or () if n not in apart), *self.spans)

    def goes_on_from(self, before: Observed) -> bool:
        """Tell whether this is the same watch, told later: each node was watched since then or longer.

        Two watches may begin with the same flow: that of a quiet node is the oldest one for long.
        """
        if (self.origin, self.since) != (before.origin, before.since):
            return False
        by_node: dict[str, list[NodeSpan]] = {}
        for span in self.every_span:
            by_node.setdefault(span.node, []).append(span)
        return all(
            any(span.since <= one.since <= (span.until or one.since) for span in by_node.get(one.node, ()))
            for one in before.every_span
        )


def short_node(name: str) -> str:
    """Return a node's name as Kubernetes has it; Hubble puts the cluster's name before it (``prod/n1``)."""
    return name.rpartition("/")[2]
