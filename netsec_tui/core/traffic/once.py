"""Count a connection once, however many sources and nodes have told of it."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace

from netsec_tui.model.communication import Counts
from netsec_tui.model.flow import Verdict

_DROPPED = frozenset({Verdict.DROPPED, Verdict.ERROR})
"""Verdicts that only the node tells at which the packet went no further; an audited one goes on."""


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
        return once([_sum([_of_nodes(by_node) for by_node in told.values()]) for told in self._told.values()])


def once(tellings: Collection[Counts], apart: Collection[Verdict] = ()) -> Counts:
    """Return what several tellings of the same connections come to.

    A verdict counts as often as by the one that told most of it: what one alone has seen denied stays
    denied. Those of ``apart`` add up: no two can have seen them of one packet. An attempt of which one does
    not know the verdict is one that another has told with it, as far as the largest of all sums of requests
    does not say that there were more; what one saw answered is none that another saw dropped.
    """
    if len(tellings) == 1:
        return next(iter(tellings))
    if not tellings:
        return Counts()
    columns = zip(*(told.verdicts for told in tellings), strict=True)
    verdicts = [
        (sum if verdict in apart else max)(column) for verdict, column in zip(Verdict, columns, strict=True)
    ]
    decided = sum(verdicts) - verdicts[Verdict.UNKNOWN]
    went_on = decided - _stopped(verdicts)
    answered = max(min(told.answers, sum(told.verdicts) - _stopped(told.verdicts)) for told in tellings)
    most = max(sum(told.verdicts) for told in tellings)
    verdicts[Verdict.UNKNOWN] = max(0, most - decided, answered - went_on)
    return Counts(
        tuple(verdicts),
        max(told.answers for told in tellings),
        max(told.refusals for told in tellings),
        max(told.arrived for told in tellings),
        max(told.proxied for told in tellings),
        max(told.relayed for told in tellings),
    )


def _of_nodes(by_node: Mapping[str, Counts]) -> Counts:
    """Return what the nodes of one pair of ends come to.

    What was dropped only one of them can tell; what names no node may be told by any of the others.

    Where requests went to a proxy at the client (Cilium's, for L7 policies and DNS) it is the proxy that
    answers there, whether the server lets anything in or not: only what was seen to come from the server
    counts. What merely got there may be of another connection, at a time without the proxy.
    """
    named = [counts for node, counts in by_node.items() if node]
    unnamed = [counts for node, counts in by_node.items() if not node]
    counts = once([*unnamed, once(named, _DROPPED)] if named else unnamed)
    if not counts.proxied:
        return counts
    served = max(told.answers - told.relayed for told in by_node.values())
    return replace(counts, answers=served)


def _stopped(verdicts: Sequence[int]) -> int:
    return sum(verdicts[verdict] for verdict in _DROPPED)


def _sum(parts: Collection[Counts]) -> Counts:
    first, *others = parts
    for part in others:
        first = first + part
    return first
