"""What is said of reading connection tracking tables while it goes on."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Mapping

from netsec_tui.sources.conntrack.flows import Connections
from netsec_tui.sources.conntrack.health import UNNAMED
from netsec_tui.sources.conntrack.nodes import Node
from netsec_tui.sources.counted import counted
from netsec_tui.sources.nodes_named import names_of

OTHERS_UNKNOWN = "whether there are others is not known: nodes cannot be listed"

_SLOW_PERIOD = 7.5
"""Seconds between two readings of a node from which on it is said that they are further apart than meant."""


def detail_of(
    nodes: Mapping[str, Node],
    connections: Connections,
    blind: Container[str],
    unread: str,
    *,
    others_unknown: bool,
) -> str:
    """Return how far reading has got: what was told of which nodes, and what of them is not known.

    ``blind`` are the nodes whose tables do not hold the connections of pods, ``unread`` is the first line
    that could not be read.
    """
    given = {name: node for name, node in nodes.items() if node.given}
    detail = f"{counted(connections.told, 'connection')} from {len(given)} of {len(nodes)} nodes"
    detail += f" that pods run on; {OTHERS_UNKNOWN}" if others_unknown else ""
    return "; ".join(filter(None, (detail, *_doubts(nodes, given, blind), _open(connections), unread)))


def _doubts(nodes: Mapping[str, Node], given: Mapping[str, Node], blind: Container[str]) -> Iterator[str]:
    if waiting := sum(not node.asked for node in nodes.values()):
        yield f"{waiting} not read yet"
    if (period := max((node.period for node in given.values()), default=0.0)) > _SLOW_PERIOD:
        yield (
            f"a node's table is read every {math.ceil(period)} s only, as nodes are many or slow: what "
            "was reset or was over sooner may be missing"
        )
    if empty := [name for name, node in given.items() if not node.entries and name not in blind]:
        yield f"empty on {names_of(empty)}"
    if unnamed := [name for name in given if name in blind]:
        yield f"{names_of(unnamed)}: {UNNAMED}"


def _open(connections: Connections) -> str:
    quiet = connections.quiet
    return f"{quiet} more are open, may be idle, and are told once a packet passes" if quiet else ""
