"""What a node's connection tracking cannot tell: what its table had no room for, what passes it by."""

from __future__ import annotations

from collections.abc import Mapping

from netsec_tui.model.flow import Gap
from netsec_tui.model.timespan import from_to
from netsec_tui.sources.nodes_named import names_of

UNNAMED = "no connection of the pods there in the table"
BLIND = (
    f"{UNNAMED}: they are quiet, or a network plugin on eBPF (Cilium without kube-proxy, Calico's eBPF "
    "dataplane) tracks them elsewhere; if it does, use --source hubble or --source whisker"
)
FULL = "the kernel's table of connections was full (nf_conntrack_max): connections may be missing"
NOT_TAKEN = (
    "the kernel dropped packets that it could not track (drop), mostly as its table was full "
    "(nf_conntrack_max): connections may be missing"
)
CLASHED = (
    "the kernel dropped packets whose connection clashed with another in its table (insert_failed): "
    "connections may be missing"
)
_COLUMNS = ("drop", "early_drop", "insert_failed")
"""Columns of /proc/net/stat/nf_conntrack that count what a table does not hold."""

_HEADER = "entries "


def divide(text: str) -> tuple[str, str]:
    """Return a table and the statistics after it, which are empty where a node gives none."""
    at = 0 if text.startswith(_HEADER) else text.rfind("\n" + _HEADER) + 1
    return (text[:at], text[at:]) if at or text.startswith(_HEADER) else (text, "")


def losses(statistics: str) -> dict[str, int]:
    """Return how often, since the node started, a table did not take or keep a connection, by column.

    The numbers are hexadecimal, a line for each CPU (nf_conntrack_standalone.c, ct_cpu_seq_show).
    """
    header, *lines = statistics.splitlines() or [""]
    found: dict[str, int] = {}
    for line in lines:
        for name, number in zip(header.split(), line.split(), strict=False):
            if name in _COLUMNS:
                try:
                    found[name] = found.get(name, 0) + int(number, 16)
                except ValueError:
                    return {}
    return found


def missed(node: str, at: float, before: Mapping[str, int], now: Mapping[str, int]) -> tuple[Gap, ...]:
    """Return what a node's table did not hold, by ``losses`` then and now; one gap for one loss.

    A clash counts as ``insert_failed`` and as ``drop`` (nf_conntrack_core.c, nf_ct_resolve_clash), what
    cannot be tracked at all as ``drop`` alone; ``early_drop`` is what made room for others in a full table.
    Counts that were not there before, or began anew, tell nothing.
    """
    grown = {name: max(0, now.get(name, 0) - before.get(name, now.get(name, 0))) for name in _COLUMNS}
    clashed, evicted = grown["insert_failed"], grown["early_drop"]
    no_room = evicted + max(0, grown["drop"] - clashed)
    lost = ((no_room, FULL if evicted else NOT_TAKEN), (clashed, CLASHED))
    return tuple(Gap(at, count, f"{names_of([node])}: {reason}", node) for count, reason in lost if count)


def unread(node: str, since: float, until: float) -> Gap:
    """Return the gap of a node whose table was not read for longer than it remembers, in epoch seconds."""
    reason = f"{names_of([node])}: no table {from_to(since, until)}: connections may be missing"
    return Gap(since, 0, reason, node, until=until)
