"""Keep rows that were ticked by hand when the window has nothing of them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from ipaddress import ip_address

from netsec_tui.core.cluster.addresses import network
from netsec_tui.core.cluster.world import World
from netsec_tui.core.traffic.marks import from_outside
from netsec_tui.core.traffic.services import is_known, service_port, target_ports
from netsec_tui.model.communication import Communication, Via
from netsec_tui.model.decision import DirectionDecisions
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import EXTERNAL, CommunicationKey, Peer, PeerSort

Exposed = Mapping[tuple[Protocol, int], tuple[str, ...]]
"""The Services by which the outside may reach a port of the workload."""


def not_seen(
    chosen: DirectionDecisions, seen: Container[CommunicationKey]
) -> Iterator[tuple[CommunicationKey, tuple[Via, ...], tuple[str, ...]]]:
    """Yield what is ticked under the general rule, but is none of the rows seen.

    Service ports come with it, and the addresses that a node had when it was ticked.
    """
    ticks, via, stood = chosen.ticks.get(chosen.general, {}), chosen.via, chosen.stood
    left = (key for key, ticked in ticks.items() if ticked and key not in seen)
    return ((key, via.get(key, ()), stood[key].addresses if key in stood else ()) for key in left)


def kept_row(
    world: World,
    exposed: Exposed,
    key: CommunicationKey,
    via: tuple[Via, ...],
    known: tuple[str, ...] = (),
) -> Communication:
    """Return a row without counts; ``known`` are the addresses that a node had when it was ticked."""
    services = exposed.get((key.protocol, key.port), ()) if key.peer == EXTERNAL or from_outside(key) else ()
    return Communication(key, via=via, addresses=_addresses(world, key.peer, known), exposed=services)


def _addresses(world: World, peer: Peer, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return where a peer is to be found that no rule can select but by its address."""
    if peer.sort is PeerSort.ALIAS and peer.name in world.aliases:
        return tuple(str(network(entry).network_address) for entry in world.aliases[peer.name].entries)
    if peer.sort is PeerSort.NODE:
        told = (node.addresses for node in world.inventory.nodes if node.name == peer.name)
        now = tuple(filter(_is_address, next(told, (peer.name,))))
        unread = not world.inventory.known and not now
        return known if known and (unread or set(known) <= set(now)) else now
    return (peer.name,) if peer.sort is PeerSort.ADDRESS and peer.name else ()


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def once_each(rows: Iterable[Communication]) -> tuple[Communication, ...]:
    """Return one row of each key, the one that was seen, or that has taken in others, before one kept."""
    found: dict[CommunicationKey, Communication] = {}
    for row in rows:
        if row.key not in found or not found[row.key].seen:
            found[row.key] = row
    return tuple(found.values())


def gone(world: World, communication: Communication) -> str:
    """Say why a row that was not seen cannot come back as it was, empty when it may.

    What no cluster state was read of is not held to be gone.
    """
    if communication.seen:
        return ""
    key, peer, inventory = communication.key, communication.peer, world.inventory
    if peer.sort is PeerSort.ALIAS:
        return "" if peer.name in world.aliases else f"gone: the configuration has no alias {peer.name}"
    if not inventory.known:
        return ""
    match peer.sort:
        case PeerSort.OWNER:
            told = is_known(inventory, peer.ref) or peer.ref in world.knowledge.owner_keys
            return "" if told else _not_there(f"{peer.ref} in namespace {peer.namespace}")
        case PeerSort.SERVICE:
            return _service_gone(world, communication)
        case PeerSort.ADDRESS if node := inventory.node_by_ip.get(peer.name):
            return f"gone: {peer.name} is the address of node {node.name} now"
        case PeerSort.NODE if not communication.addresses:
            return _not_there(f"node {peer.name}")
        case PeerSort.EXTERNAL if not communication.exposed:
            return f"gone: no Service lets the outside reach port {key.port}/{key.protocol}"
    return ""


def lent_to(world: World, communication: Communication) -> str:
    """Say which pod on the host network has the address of a row that was not seen, empty when none has."""
    peer = communication.peer
    if communication.seen or peer.sort is not PeerSort.ADDRESS:
        return ""
    pods = (p for p in world.inventory.pods if p.host_network and not p.finished and peer.name in p.ips)
    pod = next(pods, None)
    return f"{peer.name} is the address of pod {pod.namespace}/{pod.name}, on the host network" if pod else ""


def _not_there(what: str) -> str:
    return f"gone: the cluster state has no {what}"


def _service_gone(world: World, communication: Communication) -> str:
    """Say what a Service no longer has of what was dialled; its other ports were never ticked."""
    key, peer = communication.key, communication.peer
    service = world.inventory.service_by_name.get((peer.namespace, peer.name))
    name = f"Service/{peer.name} in namespace {peer.namespace}"
    if service is None:
        return _not_there(name)
    for via in communication.via:
        port = service_port(service, key.protocol, via.port)
        if port is None:
            return _not_there(f"port {via.port}/{key.protocol} of {name}")
        if key.port not in target_ports(world.inventory, service, port):
            return f"gone: port {via.port}/{key.protocol} of {name} does not lead to {key.port} any more"
    return ""
