"""What a node's connection tracking cannot tell: what its table had no room for, what passes it by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netsec_tui.model.flow import Gap
from netsec_tui.sources.conntrack_entry import Entry
from netsec_tui.sources.conntrack_legs import is_translated
from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.objects import printable
from netsec_tui.sources.objects_fields import Fields

READINGS = 3
"""Tables in a row that name no connection of a node's pods, until that is said."""

BLIND = (
    "the table names no connection of the pods there; if a network plugin on eBPF (Cilium without "
    "kube-proxy, Calico's eBPF dataplane) tracks them elsewhere, use --source hubble or --source whisker"
)
NAMED = 3
"""Nodes, and reasons, that are named at most where there are several."""

NO_ROOM = "the kernel's table of connections was full (nf_conntrack_max): connections may be missing"
NOT_INSERTED = "the kernel could not enter connections in its table (insert_failed): some may be missing"
_REASONS = {"drop": NO_ROOM, "early_drop": NO_ROOM, "insert_failed": NOT_INSERTED}
"""Columns of /proc/net/stat/nf_conntrack that count what a table does not hold, and what that means."""

_HEADER = "entries "


class PodAddresses:
    """Know which addresses are of pods, on which node, as of the last list."""

    def __init__(self) -> None:
        self.all: frozenset[str] = frozenset()
        self._on: dict[str, frozenset[str]] = {}
        self._holders: dict[str, str] = {}

    def take(self, pods: Iterable[KubeObject]) -> list[str]:
        """Take over what ``seen_pod`` kept of all pods; return the addresses that another pod has now."""
        on: dict[str, set[str]] = {}
        changed: list[str] = []
        for pod in pods:
            if pod["host"]:
                continue
            for ip in pod["ips"]:
                on.setdefault(pod["node"], set()).add(ip)
                if self._holders.setdefault(ip, pod["uid"]) != pod["uid"]:
                    self._holders[ip] = pod["uid"]
                    changed.append(ip)
        self._on = {node: frozenset(ips) for node, ips in on.items()}
        self.all = frozenset().union(*self._on.values())
        return changed

    def on(self, node: str) -> frozenset[str]:
        """Return the addresses of a node's running pods that are not on the node's own network."""
        return self._on.get(node, frozenset())

    def named(self, entry: Entry, node: str) -> bool:
        """Tell whether an entry shows that the kernel tracks what the pods of a node do.

        What a node itself sends to its pods (probes) is tracked also where a plugin on eBPF does the rest.
        """
        return entry.key[1] in self.all or (entry.key[5] in self.on(node) and is_translated(entry.key))


def seen_pod(pod: KubeObject) -> KubeObject | None:
    """Keep of a running pod its place, its addresses and its containers; None for any other."""
    fields = Fields(pod, "", "", [])
    metadata, spec, status = fields.child("metadata"), fields.child("spec"), fields.child("status")
    running = status.text("phase") == "Running" and not metadata.text("deletionTimestamp")
    if not (running and spec.text("nodeName")):
        return None
    ips = {status.text("podIP"), *(ip.text("ip") for ip in status.children("podIPs"))}
    return {
        "namespace": metadata.text("namespace"),
        "pod": metadata.text("name"),
        "uid": metadata.text("uid"),
        "node": spec.text("nodeName"),
        "host": spec.flag("hostNetwork"),
        "reader": metadata.child("labels").text("app.kubernetes.io/name") == "netsec-tui-reader",
        "ips": sorted(ips - {""}),
        "containers": [name for one in spec.children("containers") if (name := one.text("name"))],
    }


def divide(text: str) -> tuple[str, str]:
    """Return a table and the statistics after it, which are empty where a node gives none."""
    at = 0 if text.startswith(_HEADER) else text.rfind("\n" + _HEADER) + 1
    return (text[:at], text[at:]) if at or text.startswith(_HEADER) else (text, "")


def losses(statistics: str) -> dict[str, int]:
    """Return how often, since the node started, a table did not take or keep a connection, by reason.

    The numbers are hexadecimal, a line for each CPU (nf_conntrack_standalone.c, ct_cpu_seq_show).
    """
    header, *lines = statistics.splitlines() or [""]
    found: dict[str, int] = {}
    for line in lines:
        for name, number in zip(header.split(), line.split(), strict=False):
            if reason := _REASONS.get(name):
                try:
                    found[reason] = found.get(reason, 0) + int(number, 16)
                except ValueError:
                    return {}
    return found


def missed(
    node: str, at: float, before: Mapping[str, int], now: Mapping[str, int], *, blind: int
) -> tuple[Gap, ...]:
    """Return what a node's table did not hold: by ``losses`` then and now, and by ``blind`` tables in a row.

    Counts that were not there before, or began anew, tell nothing.
    """
    gaps = [
        Gap(at, count - before[reason], f"{names_of([node])}: {reason}", node)
        for reason, count in now.items()
        if count > before.get(reason, count)
    ]
    if blind == READINGS:
        gaps.append(Gap(at, 0, f"{names_of([node])}: {BLIND}", node))
    return tuple(gaps)


def names_of(nodes: Iterable[str]) -> str:
    """Return the names of nodes for a sentence, the first few of many."""
    names = sorted(map(printable, nodes))
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"node{'s' if len(names) > 1 else ''} {', '.join(names[:NAMED])}{more}"
