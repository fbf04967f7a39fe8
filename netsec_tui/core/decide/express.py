"""Express a row or a manual rule as peers and ports of a NetworkPolicy, or say why that cannot be."""

from __future__ import annotations

from dataclasses import replace

from netsec_tui.core.cluster.addresses import network, outermost, single
from netsec_tui.core.cluster.dns import LOCAL_DNS_PORTS, is_local_dns
from netsec_tui.core.cluster.world import World
from netsec_tui.core.decide.blocks import covered, ip_peers, no_block, range_peers
from netsec_tui.core.decide.expression import Expression
from netsec_tui.core.decide.pods import owner_pods, service_pods
from netsec_tui.core.traffic.services import foreign_endpoints, service_port, target_ports
from netsec_tui.model.communication import Communication
from netsec_tui.model.decision import Alias, ManualRule
from netsec_tui.model.identity import API_SERVER, Direction, PeerSort, WorkloadRef
from netsec_tui.model.inventory import Service
from netsec_tui.model.policy import PolicyPort

__all__ = ["Expression", "express", "express_manual", "service_pod_ports"]


_NO_ADDRESS = "its addresses are not told: add --source conntrack to see them, or a manual rule for a range"
_ADDRESSED = (
    "its addresses are not told; those that another source has seen on this port have rows: tick them"
)


def express(world: World, home: str, communication: Communication) -> Expression:
    """Express a communication of a workload in namespace ``home``."""
    key = communication.key
    if not key.protocol.expressible:
        return Expression(obstacle=f"{key.protocol} cannot be written in a NetworkPolicy")
    if key.peer.sort is not PeerSort.DNS and not 1 <= key.port <= 65535:
        return Expression(obstacle="its listening port is not known")
    pairs = LOCAL_DNS_PORTS if is_local_dns(key) else ((key.protocol, key.port),)
    ports = tuple(PolicyPort(str(protocol), number) for protocol, number in pairs)
    match key.peer.sort:
        case PeerSort.OWNER:
            return owner_pods(world, home, key.peer.ref, ports)
        case PeerSort.SERVICE:
            return _service(world, home, communication, ports)
        case PeerSort.DNS:
            return _dns(world, home)
        case PeerSort.API_SERVER:
            return _api_server(world, home, communication, ports)
        case PeerSort.ALIAS:
            return _alias(world, world.aliases[key.peer.name], ports)
        case PeerSort.NETWORK:
            return Expression(obstacle=_ADDRESSED if communication.addressed else _NO_ADDRESS)
        case PeerSort.EXTERNAL:
            return _external(world, communication, ports)
        case _:
            return _addresses(world, communication, ports)


def _service(
    world: World, home: str, communication: Communication, ports: tuple[PolicyPort, ...]
) -> Expression:
    peer = communication.peer
    service = world.inventory.service_by_name.get((peer.namespace, peer.name))
    if service is None:
        return Expression(obstacle="the selector of this Service is not known")
    told = service_pod_ports(world, service, communication)
    numbers = tuple(sorted({number for one in told for number in one}))
    if not numbers:
        return Expression(obstacle="the pod port behind this Service port is not known")
    ports = tuple(PolicyPort(str(communication.key.protocol), n) for n in numbers)
    if service.selector:
        ref = WorkloadRef("Service", service.namespace, service.name)
        expression = service_pods(world, home, ref, service.selector, ports)
        return _told_ports(expression, numbers) if any(len(one) > 1 for one in told) else expression
    addresses = tuple(sorted({e.ip for e in foreign_endpoints(world.inventory, service)}))
    if not addresses:
        return Expression(obstacle="a Service without selector whose endpoints are not known")
    return _hosts(world, addresses, ports)


def service_pod_ports(world: World, service: Service, communication: Communication) -> list[tuple[int, ...]]:
    """Return the pod ports behind each Service port that was dialled."""
    dialled = (service_port(service, communication.key.protocol, via.port) for via in communication.via)
    return [target_ports(world.inventory, service, port) for port in dialled if port]


def _told_ports(expression: Expression, numbers: tuple[int, ...]) -> Expression:
    """Say that pods which listen on one of several ports each are let through on all of them."""
    listed = ", ".join(map(str, numbers))
    caveat = f"its pods listen on different ports: {listed} are opened on all of them"
    return replace(expression, caveat="; ".join(filter(None, (expression.caveat, caveat))))


def _dns(world: World, home: str) -> Expression:
    dns = world.dns
    if dns is None:
        return Expression(obstacle="the cluster's DNS is not known")
    ports = tuple(PolicyPort(str(protocol), number) for protocol, number in dns.ports)
    service = WorkloadRef("Service", dns.namespace, dns.name)
    expression = service_pods(world, home, service, dns.selector, ports)
    numbers = tuple(sorted({number for _, number in dns.ports}))
    return _told_ports(expression, numbers) if len(dns.ports) > len(dns.protocols) else expression


def _api_server(
    world: World, home: str, communication: Communication, ports: tuple[PolicyPort, ...]
) -> Expression:
    service = world.inventory.service_by_name.get((API_SERVER.namespace, API_SERVER.name))
    if service and service.endpoints:
        numbers = sorted({number for e in service.endpoints for _, _, number in e.ports})
        if communication.key.direction is Direction.EGRESS and communication.key.port in numbers:
            ports = tuple(PolicyPort(str(communication.key.protocol), n) for n in numbers)
        return _endpoints(world, home, tuple(sorted({e.ip for e in service.endpoints})), ports)
    outside = tuple(
        ip for ip in communication.addresses if not no_block(world.inventory, world.ranges, (ip,))
    )
    if not outside:
        return Expression(obstacle="the API server's endpoints are not known")
    return Expression(ip_peers(outside), ports)


def _endpoints(
    world: World, home: str, addresses: tuple[str, ...], ports: tuple[PolicyPort, ...]
) -> Expression:
    """Express addresses, those of live pods by the selectors of the pods' owners."""
    live = {ip: world.inventory.live_pods_at(ip) for ip in addresses}
    refs = sorted({pod.owner for pods in live.values() for pod in pods})
    owners = [owner_pods(world, home, ref, ports) for ref in refs]
    for owner in owners:
        if owner.obstacle:
            return owner
    peers = tuple(peer for owner in owners for peer in owner.peers)
    caveat = "; ".join(dict.fromkeys(owner.caveat for owner in owners if owner.caveat))
    return Expression((*peers, *ip_peers(ip for ip, pods in live.items() if not pods)), ports, caveat=caveat)


def _addresses(world: World, communication: Communication, ports: tuple[PolicyPort, ...]) -> Expression:
    addresses = communication.addresses
    if communication.peer.sort is PeerSort.ADDRESS:
        addresses = (communication.peer.name,)
    if not addresses or not all(addresses):
        return Expression(obstacle="its address is not known")
    return _hosts(world, addresses, ports)


def _hosts(world: World, addresses: tuple[str, ...], ports: tuple[PolicyPort, ...]) -> Expression:
    obstacle = no_block(world.inventory, world.ranges, addresses)
    return Expression(obstacle=obstacle) if obstacle else Expression(ip_peers(addresses), ports)


def _alias(world: World, alias: Alias, ports: tuple[PolicyPort, ...]) -> Expression:
    obstacle = no_block(world.inventory, world.ranges, alias.entries)
    if obstacle:
        return Expression(obstacle=obstacle)
    peers = range_peers(world.ranges, outermost(alias.entries))
    return Expression(peers, ports, caveat=covered(peers))


def _external(world: World, communication: Communication, ports: tuple[PolicyPort, ...]) -> Expression:
    """Express everybody outside, in the IP families that the cluster's pods have."""
    versions = world.pod_families | {single(ip).version for ip in communication.addresses if ip}
    anywhere = tuple(_ANYWHERE[version] for version in sorted(versions or _ANYWHERE))
    peers = range_peers(world.ranges, anywhere)
    expression = Expression(peers, ports, caveat=covered(peers))
    if all(world.ranges.complete(network(cidr).version) for cidr in anywhere):
        return expression
    pods_too = "the cluster's ranges are not known in full: other pods may get in too"
    return replace(expression, caveat=f"{expression.caveat}; {pods_too}")


_ANYWHERE = {4: "0.0.0.0/0", 6: "::/0"}


def express_manual(world: World, rule: ManualRule) -> Expression:
    """Express a manual rule; pod and service ranges that its CIDR contains are cut out."""
    if rule.protocol is None:
        ports: tuple[PolicyPort, ...] = ()
    elif not rule.ports:
        ports = (PolicyPort(str(rule.protocol)),)
    else:
        ports = tuple(
            PolicyPort(str(rule.protocol), r.first, r.last if r.last != r.first else None) for r in rule.ports
        )
    inside = world.ranges.inside(rule.cidr)
    if inside:
        return Expression(obstacle=f"{rule.cidr} is inside the {inside}: an ipBlock must not stand for pods")
    return Expression(range_peers(world.ranges, (rule.cidr,)), ports)
