"""Mark what only the rows of a workload together show: ports open to the outside, crowds of high ports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from ipaddress import ip_address, ip_network

from netsec_tui.core.traffic.conversations import Conversations
from netsec_tui.core.traffic.services import declares, owner_ports
from netsec_tui.model.communication import Communication
from netsec_tui.model.flow import EPHEMERAL, Protocol
from netsec_tui.model.identity import (
    PRIVATE_NETWORK,
    PUBLIC_NETWORK,
    CommunicationKey,
    Direction,
    Peer,
    PeerSort,
    WorkloadRef,
)
from netsec_tui.model.inventory import Inventory

_CROWD = 10
"""More high ports than this of one peer, which nobody declares, are no set of listeners."""

_PRIVATE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))


def marked(
    conversations: Conversations, owners: tuple[WorkloadRef, ...], rows: tuple[Communication, ...]
) -> tuple[Communication, ...]:
    """Return the rows of some owners with ``exposed`` and ``suspect`` set."""
    exposed = exposed_ports(conversations, owners)
    crowd = _crowds(conversations.resolver.inventory, owners, rows)
    networks = {(*_place(row), network.name) for row in rows for network in _networks(row)}
    return tuple(_addressed(_marked(row, exposed, crowd), networks) for row in rows)


def _place(row: Communication) -> tuple[Direction, Protocol, int]:
    return row.key.direction, row.key.protocol, row.key.port


def _networks(row: Communication) -> set[Peer]:
    """Return the networks in which Calico would place the addresses of a row (Felix, getSubnetType)."""
    if row.peer.sort not in (PeerSort.ADDRESS, PeerSort.NODE):
        return set()
    addresses = (ip_address(ip) for ip in row.addresses if ip)
    return {PRIVATE_NETWORK if any(ip in net for net in _PRIVATE) else PUBLIC_NETWORK for ip in addresses}


def _addressed(row: Communication, networks: set[tuple[Direction, Protocol, int, str]]) -> Communication:
    """Say of a row without addresses whether others on its port have addresses in its network."""
    told = row.peer.sort is PeerSort.NETWORK and (*_place(row), row.peer.name) in networks
    return replace(row, addressed=True) if told else row


def _marked(
    row: Communication, exposed: Mapping[tuple[Protocol, int], tuple[str, ...]], crowd: set[CommunicationKey]
) -> Communication:
    if row.key in crowd:
        return replace(row, suspect=True)
    services = exposed.get((row.key.protocol, row.key.port))
    return replace(row, exposed=services) if services and from_outside(row.key) else row


def from_outside(key: CommunicationKey) -> bool:
    """Tell whether a row is ingress from a node or an address, which may be a client of outside."""
    peer = key.peer
    placed = peer.sort is PeerSort.NODE or (peer.sort is PeerSort.ADDRESS and peer.name != "")
    return placed and key.direction is Direction.INGRESS


def exposed_ports(
    conversations: Conversations, owners: Iterable[WorkloadRef]
) -> dict[tuple[Protocol, int], tuple[str, ...]]:
    """Map the owners' pod ports that the outside may reach to the Services by which it does."""
    inventory = conversations.resolver.inventory
    found: dict[tuple[Protocol, int], set[str]] = {}
    for owner in owners:
        for service in conversations.backends.services.get(owner, ()):
            how = service.type if service.type != "ClusterIP" else "externalIPs"
            for port in service.ports if service.exposed else ():
                for number in owner_ports(inventory, service, port, owner):
                    found.setdefault((port.protocol, number), set()).add(f"{service.name} ({how})")
    return {port: tuple(sorted(services)) for port, services in found.items()}


def _crowds(
    inventory: Inventory, owners: tuple[WorkloadRef, ...], rows: Iterable[Communication]
) -> set[CommunicationKey]:
    """Return the keys of rows on high ports that one pod owner has more of than anybody listens on."""
    high: dict[tuple[Direction, Peer, Protocol], list[CommunicationKey]] = {}
    for row in rows:
        if row.key.port >= EPHEMERAL and row.peer.sort is PeerSort.OWNER and not row.via:
            high.setdefault(row.key[:3], []).append(row.key)
    found: set[CommunicationKey] = set()
    for (direction, peer, protocol), keys in high.items():
        if len(keys) > _CROWD:
            refs = (peer.ref,) if direction is Direction.EGRESS else owners
            unknown = [k for k in keys if not any(declares(inventory, r, protocol, k.port) for r in refs)]
            found.update(unknown if len(unknown) > _CROWD else ())
    return found
