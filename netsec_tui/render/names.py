"""Peers, ports and Services in the few words that fit on a line; all of it made literal."""

from __future__ import annotations

from collections.abc import Sequence

from netsec_tui.core.cluster.dns import over_both
from netsec_tui.model.communication import Via
from netsec_tui.model.flow import Labels, Protocol
from netsec_tui.model.identity import CommunicationKey, Peer, PeerSort
from netsec_tui.model.topology import Edge
from netsec_tui.render.literal import literal

_SHORT_KINDS = {
    "Service": "svc",
    "Deployment": "deploy",
    "DaemonSet": "ds",
    "StatefulSet": "sts",
    "CronJob": "cj",
    "Job": "job",
    "ReplicaSet": "rs",
    "ReplicationController": "rc",
    "DeploymentConfig": "dc",
    "Rollout": "rollout",
    "Pod": "pod",
    "Node": "node",
    "Alias": "alias",
    "Workload": "label",
}
"""kubectl's short names where it has some; ``label`` for an owner known from a label only."""


def short_kind(peer: Peer) -> str:
    """Return the peer's kind as kubectl shortens it, empty where the name says it all."""
    if peer.sort in (
        PeerSort.DNS,
        PeerSort.API_SERVER,
        PeerSort.ADDRESS,
        PeerSort.EXTERNAL,
        PeerSort.NETWORK,
    ):
        return ""
    return _SHORT_KINDS.get(peer.kind) or literal(peer.kind)


def long_kind(peer: Peer) -> str:
    """Return the peer's kind in full."""
    if peer.sort is PeerSort.API_SERVER:
        return "API server"
    return literal(peer.kind)


def bare_name(peer: Peer) -> str:
    """Return the peer's name alone, with neither namespace nor kind."""
    if peer.sort is PeerSort.DNS:
        return "cluster DNS"
    if peer.sort is PeerSort.API_SERVER:
        return "API server"
    return literal(peer.name)


def line_name(peer: Peer, home: str) -> str:
    """Return the name for a line: the namespace unless it is ``home``, the kind unless it is Deployment."""
    parts = [literal(peer.namespace)] if _placed(peer) and peer.namespace != home else []
    kind = short_kind(peer)
    if kind and kind != "deploy":
        parts.append(kind)
    return "/".join([*parts, bare_name(peer)])


def full_name(peer: Peer) -> str:
    """Return the name for a sentence, for instance ``Deployment/web in shop`` or ``node worker-1``."""
    if _placed(peer):
        where = f" in {literal(peer.namespace)}" if peer.namespace else ""
        return f"{literal(peer.kind)}/{literal(peer.name)}{where}"
    if peer.sort in (PeerSort.DNS, PeerSort.API_SERVER, PeerSort.EXTERNAL, PeerSort.NETWORK):
        return bare_name(peer)
    kind = peer.kind if peer.sort is PeerSort.ADDRESS else peer.kind.lower()
    return f"{literal(kind)} {literal(peer.name)}"


def _placed(peer: Peer) -> bool:
    return peer.sort in (PeerSort.OWNER, PeerSort.SERVICE)


def port_text(key: CommunicationKey) -> str:
    """Return the listening port, for instance ``8080/TCP``, ``53/UDP+TCP``, ``ICMP`` or ``?/TCP``."""
    if key.protocol is Protocol.ICMP:
        return "ICMP"
    if key.protocol is Protocol.OTHER:
        return "other"
    protocol = "UDP+TCP" if over_both(key) else str(key.protocol)
    return f"{key.port or '?'}/{protocol}"


def edge_port(edge: Edge) -> str:
    """Return what stands on the line of an edge."""
    if edge.key is not None:
        return port_text(edge.key)
    return edge.rule.port_text if edge.rule is not None else ""


def via_text(via: Sequence[Via]) -> str:
    """Return the dialled Services, for instance ``via web:80 +1``, empty when none was."""
    if not via:
        return ""
    more = f" +{len(via) - 1}" if len(via) > 1 else ""
    return f"via {literal(str(via[0]))}{more}"


def labels_text(labels: Labels) -> str:
    """Return labels as ``key=value,key=value``."""
    return literal(",".join(f"{key}={value}" for key, value in labels))


def plural(count: int, word: str) -> str:
    """Return for instance ``1 peer`` or ``2 peers``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
