"""Count a connection once, however many sources and nodes have told of it."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from dataclasses import replace

from netsec_tui.model.communication import Counts
from netsec_tui.model.flow import Verdict


class Shares:
    """Add up what sources and nodes told of one row; see ``once`` for what they told alike."""

    def __init__(self) -> None:
        self._told: dict[str, dict[Hashable, dict[str, Counts]]] = {}

    def add(self, counts: Counts, origin: str = "", ends: Hashable = None, node: str = "") -> None:
        """Add a share that a source told; ``node`` is empty unless each node tells what it sees.

        Only where both ``ends`` are the same can two nodes have seen one connection.
        """
        by_node = self._told.setdefault(origin, {}).setdefault(ends, {})
        before = by_node.get(node)
        by_node[node] = counts if before is None else before + counts

    @property
    def origins(self) -> Iterable[str]:
        """Return the sources that told of it."""
        return self._told.keys()

    @property
    def total(self) -> Counts:
        """Return the sum of all pairs of ends; what nodes, and then sources, told alike counts once."""
        return once(
            [_sum([_of_nodes(by_node.values()) for by_node in told.values()]) for told in self._told.values()]
        )


def once(tellings: Collection[Counts]) -> Counts:
    """Return what several tellings of the same connections come to.

    A verdict counts as often as by the one that told most of it: what one alone has seen denied stays
    denied. An attempt of which one does not know the verdict is one that another has told with it, as far
    as the largest of all sums of requests does not say that there were more.
    """
    if len(tellings) == 1:
        return next(iter(tellings))
    if not tellings:
        return Counts()
    verdicts = [max(column) for column in zip(*(told.verdicts for told in tellings), strict=True)]
    decided = sum(verdicts) - verdicts[Verdict.UNKNOWN]
    verdicts[Verdict.UNKNOWN] = max(0, max(sum(told.verdicts) for told in tellings) - decided)
    return Counts(
        tuple(verdicts),
        max(told.answers for told in tellings),
        max(told.refusals for told in tellings),
        max(told.arrived for told in tellings),
        max(told.proxied for told in tellings),
        max(told.relayed for told in tellings),
    )


def _of_nodes(tellings: Collection[Counts]) -> Counts:
    """Return what the nodes of one pair of ends come to.

    Where requests went to a proxy at the client (Cilium's, for L7 policies and DNS) it is the proxy that
    answers there, whether the server lets anything in or not. What counts is what was seen to come from the
    server, or as much as is known to have got to it and was not refused.
    """
    counts = once(tellings)
    if not counts.proxied or not counts.answers:
        return counts
    served = max(told.answers - told.relayed for told in tellings)
    return replace(counts, answers=max(0, served, min(counts.answers, counts.arrived - counts.refusals)))


def _sum(parts: Collection[Counts]) -> Counts:
    first, *others = parts
    for part in others:
        first = first + part
    return first
