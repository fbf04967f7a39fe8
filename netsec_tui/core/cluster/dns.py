"""Find the cluster's DNS: its Service, the pods behind it and the port they really listen on."""

from __future__ import annotations

from dataclasses import dataclass

from netsec_tui.core.cluster.addresses import is_link_local
from netsec_tui.core.cluster.selectors import has_labels
from netsec_tui.core.traffic.knowledge import Knowledge
from netsec_tui.core.traffic.services import covered_owners, target_ports
from netsec_tui.model.flow import Labels, Protocol
from netsec_tui.model.identity import CommunicationKey, Direction, Peer, PeerSort, owner_peer, service_peer
from netsec_tui.model.inventory import Inventory, Service

_NAMES = frozenset({"kube-dns", "coredns", "dns-default", "rke2-coredns-rke2-coredns"})
_APP_LABELS = frozenset({("k8s-app", "kube-dns"), ("k8s-app", "coredns"), ("k8s-app", "dns-default")})
_NAMESPACES = frozenset({"kube-system", "openshift-dns"})
_DNS_PORT = 53
_CACHE = "node-local-dns"
"""What the DaemonSet of NodeLocal DNSCache and the label k8s-app of its pods are called."""


@dataclass(frozen=True, slots=True)
class ClusterDns:
    """Hold the cluster DNS as a policy needs it.

    ``ports`` are the pods' own, UDP first; several where pods give a port's name to several numbers.
    """

    namespace: str
    name: str
    selector: Labels
    ports: tuple[tuple[Protocol, int], ...]
    peers: frozenset[Peer]

    @property
    def protocols(self) -> frozenset[Protocol]:
        """Return the protocols that it answers over."""
        return frozenset(protocol for protocol, _ in self.ports)

    def is_dns(self, peer: Peer, protocol: Protocol, port: int) -> bool:
        """Tell whether a communication goes to the cluster DNS on one of its ports."""
        return peer in self.peers and (protocol, port) in self.ports


def is_local_dns(key: CommunicationKey) -> bool:
    """Tell whether a row goes to a DNS cache on the node itself (NodeLocal DNSCache).

    It runs on the host network, where a link-local address is an ipBlock, or, where the CNI redirects
    look-ups to it, as pods of its own.
    """
    cache = is_link_local(key.peer.name) if key.peer.sort is PeerSort.ADDRESS else _is_cache(key.peer)
    asked = key.port == _DNS_PORT and key.protocol in (Protocol.UDP, Protocol.TCP)
    return key.direction is Direction.EGRESS and asked and cache


def _is_cache(peer: Peer) -> bool:
    return peer.sort is PeerSort.OWNER and peer.namespace in _NAMESPACES and peer.name == _CACHE


def over_both(key: CommunicationKey) -> bool:
    """Tell whether a row stands for UDP and TCP at once: name look-ups of the cluster or at the node."""
    return key.peer.sort is PeerSort.DNS or (is_local_dns(key) and key == local_dns_key(key))


def local_dns_key(key: CommunicationKey) -> CommunicationKey:
    """Return what the row of a resolver on the node is known by, whichever protocol was seen first."""
    return key._replace(protocol=Protocol.UDP)


LOCAL_DNS_PORTS = ((Protocol.UDP, _DNS_PORT), (Protocol.TCP, _DNS_PORT))
"""What a rule for a resolver on the node opens: it falls back to TCP for long answers (RFC 7766)."""


def find_dns(inventory: Inventory, knowledge: Knowledge) -> ClusterDns | None:
    """Return the cluster DNS, None when the cluster state shows none; it is never invented.

    Where the Service names only one of UDP and TCP the other gets the same port: resolvers fall back to
    TCP for long answers (RFC 7766).
    """
    for service in sorted(inventory.services, key=lambda s: (s.namespace, s.name)):
        if not _serves_dns(service):
            continue
        ports: dict[Protocol, tuple[int, ...]] = {}
        for port in service.ports:
            targets = target_ports(inventory, service, port) if port.port == _DNS_PORT else ()
            if targets and port.protocol in (Protocol.UDP, Protocol.TCP):
                ports[port.protocol] = targets
        if not ports:
            continue
        ports.setdefault(Protocol.TCP, ports.get(Protocol.UDP, ()))
        ports.setdefault(Protocol.UDP, ports[Protocol.TCP])
        owners = covered_owners(inventory, knowledge, service)
        peers = {owner_peer(owner) for owner in owners} | {service_peer(service.namespace, service.name)}
        ordered = tuple((p, number) for p in (Protocol.UDP, Protocol.TCP) for number in ports[p])
        return ClusterDns(service.namespace, service.name, service.selector, ordered, frozenset(peers))
    return None


def _serves_dns(service: Service) -> bool:
    if not service.selector or service.namespace not in _NAMESPACES:
        return False
    named = service.name in _NAMES or any(has_labels((pair,), service.labels) for pair in _APP_LABELS)
    return named and any(p.port == _DNS_PORT for p in service.ports)
