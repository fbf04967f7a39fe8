"""Who talks to whom: workloads, peers and the identity of a communication."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from netsec_tui.model.flow import Protocol


class Direction(StrEnum):
    """Say on which side of the selected workload a communication is."""

    INGRESS = "ingress"
    EGRESS = "egress"


class WorkloadRef(NamedTuple):
    """Name a pod owner or Service; ``kind`` as Kubernetes spells it, or ``Workload`` for a bare label.

    A ``Workload`` is an owner known only from a label; its ``name`` is that label's value.
    """

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


KINDS = ("Service", "Deployment", "DaemonSet", "StatefulSet", "CronJob", "Job")
"""The kinds of the documents, in the order in which they are offered; others follow by name."""


class PeerSort(StrEnum):
    """Tell the sorts of peer apart; everything but ADDRESS, ALIAS, EXTERNAL and NETWORK is in-cluster."""

    OWNER = "owner"
    SERVICE = "service"
    DNS = "dns"
    API_SERVER = "api-server"
    NODE = "node"
    ADDRESS = "address"
    ALIAS = "alias"
    EXTERNAL = "external"
    NETWORK = "network"


class Peer(NamedTuple):
    """Identify the other end of a communication.

    OWNER and SERVICE carry kind, namespace and name; NODE, ADDRESS (canonical IP text) and ALIAS only a
    name. NETWORK is somebody of whom the source tells no address, as "public network"; two of one name need
    not be the same. DNS, API_SERVER and EXTERNAL are the singletons below.
    """

    sort: PeerSort
    kind: str
    namespace: str
    name: str

    @property
    def unresolved(self) -> bool:
        """Tell whether the peer belongs to the group of unresolved IPs."""
        return self.sort in (PeerSort.ADDRESS, PeerSort.ALIAS, PeerSort.EXTERNAL, PeerSort.NETWORK)

    @property
    def ref(self) -> WorkloadRef:
        """Return the peer as a workload reference; only meaningful for OWNER and SERVICE."""
        return WorkloadRef(self.kind, self.namespace, self.name)


def owner_peer(ref: WorkloadRef) -> Peer:
    """Return the peer for a pod owner."""
    return Peer(PeerSort.OWNER, ref.kind, ref.namespace, ref.name)


def service_peer(namespace: str, name: str) -> Peer:
    """Return the peer for a Service whose backend was not seen."""
    return Peer(PeerSort.SERVICE, "Service", namespace, name)


def node_peer(name: str) -> Peer:
    """Return the peer for a node, named by the cluster or else by its address."""
    return Peer(PeerSort.NODE, "Node", "", name)


def address_peer(ip: str) -> Peer:
    """Return the peer for an unresolved IP."""
    return Peer(PeerSort.ADDRESS, "IP", "", ip)


def network_peer(name: str) -> Peer:
    """Return the peer for whoever is in a network, told by the network's name alone."""
    return Peer(PeerSort.NETWORK, "Network", "", name)


PUBLIC_NETWORK = network_peer("public network")
PRIVATE_NETWORK = network_peer("private network")
"""Addresses outside and inside RFC 1918, as Calico tells them apart; a node's may be among either."""


def alias_peer(name: str) -> Peer:
    """Return the peer into which all addresses of an alias fold."""
    return Peer(PeerSort.ALIAS, "Alias", "", name)


API_SERVER = Peer(PeerSort.API_SERVER, "Service", "default", "kubernetes")
DNS = Peer(PeerSort.DNS, "DNS", "", "cluster DNS")
EXTERNAL = Peer(PeerSort.EXTERNAL, "External", "", "external ingress")
"""Whoever comes from outside through a Service that lets it: a client's address, or a node's in its place."""


class CommunicationKey(NamedTuple):
    """Identify a communication; decisions hang on it, so that new flows never move a tick.

    ``port`` is the listening port on the pod, 0 when the protocol has none or it is not known. The DNS
    peer stands for UDP and TCP at once and carries protocol UDP.
    """

    direction: Direction
    peer: Peer
    protocol: Protocol
    port: int

    @property
    def lasting(self) -> CommunicationKey:
        """Return the key by which a row is remembered: name look-ups have no port in it."""
        return self._replace(port=0) if self.peer.sort is PeerSort.DNS else self


LOOKUPS = CommunicationKey(Direction.EGRESS, DNS, Protocol.UDP, 0)
"""The row of name look-ups, whatever port the DNS pods listen on."""
