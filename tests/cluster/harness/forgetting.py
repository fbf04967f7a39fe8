"""Have the nodes' connection tracking tables forget connections that nobody shall take for traffic."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from tests.cluster.harness import ctnetlink, waiting
from tests.cluster.harness.ctnetlink import CLOSE, SYN_SENT, TIME_WAIT, Ends

__all__ = ["Ends", "forget", "forget_all"]

_SECONDS = 2
_OVER = (None, TIME_WAIT, CLOSE, SYN_SENT)


def forget_all(nodes: Sequence[Path]) -> None:
    """Empty the tables, as the kernel does with what is quiet when one is full."""
    for node in nodes:
        ctnetlink.remove_all(node)


def forget(nodes: Sequence[Path], connections: Collection[Ends]) -> None:
    """Remove the entries of connections that their clients have closed from all tables.

    Args:
        nodes: The files of the network namespaces.
        connections: Which; one that has left no entry is fine.
    """
    tcp = [ends for ends in connections if ends.protocol == "TCP"]
    going = dict.fromkeys(nodes, tcp)

    def all_over() -> bool:
        for node, some in going.items():
            states = ctnetlink.tcp_states(node, some)
            going[node] = [ends for ends, state in zip(some, states, strict=True) if state not in _OVER]
        return not any(going.values())

    # A late packet of one that is not over would make an entry anew, perhaps with the server as its client.
    with suppress(TimeoutError):
        waiting.until(all_over, _SECONDS, "the end of connections")
    for node, left in going.items():
        ctnetlink.remove(node, sorted({*connections} - {*left}))
