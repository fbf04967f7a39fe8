"""Which nodes' tables tell what their pods do, and which leave them out though there is something to tell."""

from __future__ import annotations

from collections.abc import Iterable

from netsec_tui.sources.conntrack.entry import Entry, Key
from netsec_tui.sources.conntrack.legs import is_translated
from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.objects.fields import Fields
from netsec_tui.sources.recent import Recent

SETTLED_SECONDS = 300.0
"""For how long a pod has run before it is expected to have done something."""

SILENT_SECONDS = 60.0
"""For how long a node's table leaves out its pods before that is said; it holds some minutes itself."""

_HOLDERS = 100_000
"""Addresses of which it is known at least who had them last, whether or not somebody has them now."""


class PodAddresses:
    """Know which addresses are of pods, on which node, as of the last list."""

    def __init__(self) -> None:
        self.node_of: dict[str, str] = {}
        self._started: dict[str, dict[str, float]] = {}
        self._own: dict[str, set[str]] = {}
        self._nets: dict[str, set[str]] = {}
        self._holders: Recent[str, str] = Recent(_HOLDERS)

    def take(self, pods: Iterable[KubeObject]) -> list[str]:
        """Take over what ``seen_pod`` kept of all pods; return the addresses that another pod has now."""
        self.node_of, self._started, self._own, self._nets = {}, {}, {}, {}
        changed: list[str] = []
        for pod in pods:
            node = pod["node"]
            if pod["host"]:
                self._own.setdefault(node, set()).update(pod["ips"])
                continue
            for ip in pod["ips"]:
                self.node_of[ip] = node
                self._started.setdefault(node, {})[ip] = pod["started"]
                self._nets.setdefault(node, set()).add(_net(ip))
                before = self._holders.get(ip)
                self._holders.put(ip, pod["uid"])
                if before not in (None, pod["uid"]):
                    changed.append(ip)
        return changed

    def is_settled(self, ip: str, at: float) -> bool:
        """Tell whether the pod with an address had run for some minutes by a time in epoch seconds."""
        started = self._started.get(self.node_of.get(ip, ""), {}).get(ip, 0.0)
        return 0.0 < started <= at - SETTLED_SECONDS

    def settled(self, node: str, at: float) -> int:
        """Return how many addresses a node has of pods that had run for some minutes."""
        return sum(self.is_settled(ip, at) for ip in self._started.get(node, ()))

    def is_host(self, ip: str, node: str) -> bool:
        """Tell whether an address is of a node's own network."""
        return ip in self._own.get(node, ())

    def may_be_host(self, ip: str, node: str) -> bool:
        """Tell whether a node may send from an address: its own, or that of the bridge its pods are on.

        No object of the cluster tells a bridge's; it is among the addresses of the pods, and no pod's.
        """
        return self.is_host(ip, node) or (ip not in self.node_of and _net(ip) in self._nets.get(node, ()))


class Sight:
    """Judge which nodes' tables leave out what their pods do; once one named a pod, its node is believed.

    A table without a word of the pods may be of a quiet node. It is taken for blind where another table
    shows what its pods did, or where no table of most of the cluster tells of any pod at all.
    """

    def __init__(self, addresses: PodAddresses) -> None:
        self._addresses = addresses
        self._believed: set[str] = set()
        self._silent: dict[str, tuple[float, float]] = {}
        self._contradicted: set[str] = set()
        self._told: set[str] = set()

    def look(self, entry: Entry, node: str, at: float) -> None:
        """Take note of what an entry of a node's table shows.

        What passes between a node itself and its pods (probes) is tracked also where a plugin on eBPF does
        the rest, but not translated.
        """
        nodes = self._addresses.node_of
        client, server = nodes.get(entry.key[1]), nodes.get(entry.key[5])
        if node not in self._believed and self._is_of_pods(entry.key, node, client, server):
            self._believed.add(node)
        # What nothing answered may have been dropped on the way.
        if client and server and client != server and entry.answered:
            for ip, other in ((entry.key[1], client), (entry.key[5], server)):
                if other not in self._believed and self._addresses.is_settled(ip, at):
                    self._contradicted.add(other)

    def _is_of_pods(self, key: Key, node: str, client: str | None, server: str | None) -> bool:
        if client == node and (is_translated(key) or not self._addresses.is_host(key[5], node)):
            return True
        return server == node and not self._addresses.may_be_host(key[1], node)

    def end(self, node: str, at: float) -> None:
        """Take note that a node's table is through."""
        if node in self._believed or not self._addresses.settled(node, at):
            self._silent.pop(node, None)
        else:
            self._silent[node] = (self._silent.get(node, (at, at))[0], at)

    def blind(self, nodes: Iterable[str], silent: float) -> list[str]:
        """Return those of some nodes whose tables have left out their pods for some seconds at least."""
        spans = {node: self._silent[node] for node in nodes if node in self._silent}
        found = {node: at for node, (since, at) in spans.items() if at - since >= silent}
        if not self._believed:
            known = sum(self._addresses.settled(node, at) for node, at in found.items())
            if 2 * known > len(self._addresses.node_of):
                return [*found]
        return [node for node in found if node in self._contradicted]

    def news(self, nodes: Iterable[str], silent: float) -> list[str]:
        """Return the nodes that are found blind for the first time."""
        found = [node for node in self.blind(nodes, silent) if node not in self._told]
        self._told.update(found)
        return found


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
        "started": status.time("startTime"),
        "ips": sorted(ips - {""}),
        "containers": [name for one in spec.children("containers") if (name := one.text("name"))],
    }


def _net(ip: str) -> str:
    """Return the first three parts of an IPv4 address, the first four of an IPv6 one."""
    return ":".join(ip.split(":")[:4]) if ":" in ip else ip.rpartition(".")[0]
