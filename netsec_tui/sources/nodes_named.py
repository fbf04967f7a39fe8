"""Nodes in sentences: the first few of many by name, and one sentence for all that share a reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from netsec_tui.sources.objects.strip import printable

_NAMED = 3
"""Nodes, and reasons, that are named at most where there are several."""


def names_of(nodes: Iterable[str]) -> str:
    """Return the names of nodes for a sentence, the first few of many."""
    names = sorted(map(printable, nodes))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"node{'s' if len(names) > 1 else ''} {', '.join(names[:_NAMED])}{more}"


def troubles_of(reasons: Mapping[str, str]) -> tuple[list[str], int]:
    """Return sentences for the first few reasons, and how many nodes have others.

    ``reasons`` tells by node what is wrong with it, empty where nothing is.
    """
    nodes: dict[str, list[str]] = defaultdict(list)
    for node, reason in reasons.items():
        if reason:
            nodes[reason].append(node)
    sentences = [f"{names_of(names)}: {reason}" for reason, names in nodes.items()]
    return sentences[:_NAMED], sum(map(len, [*nodes.values()][_NAMED:]))


def trouble_of(reasons: Mapping[str, str], lack: str) -> str:
    """Return what is wrong with nodes, as ``troubles_of`` does, in one text; empty where nothing is.

    ``lack`` is what the nodes do not give either whose reasons are not told: "no table".
    """
    told, more = troubles_of(reasons)
    return "; ".join([*told, *([f"{more} more nodes give {lack} either"] if more else [])])
