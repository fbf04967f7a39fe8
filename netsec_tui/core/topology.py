"""Review -> Topology: entities and communications as a graph, then as plain data in drawing order."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from netsec_tui.model.decision import GeneralRule, ManualRule
from netsec_tui.model.identity import (
    Direction,
    Peer,
    PeerSort,
    WorkloadRef,
    address_peer,
    owner_peer,
    service_peer,
)
from netsec_tui.model.proof import Reach
from netsec_tui.model.review import PeerFacts, Review, Row, Standing
from netsec_tui.model.topology import Edge, Entity, Side, Topology

if TYPE_CHECKING:
    import networkx as nx

_SORT_ORDER = (
    PeerSort.OWNER,
    PeerSort.SERVICE,
    PeerSort.DNS,
    PeerSort.API_SERVER,
    PeerSort.NODE,
    PeerSort.ALIAS,
    PeerSort.EXTERNAL,
    PeerSort.ADDRESS,
    PeerSort.NETWORK,
)
_PLACE = {sort: place for place, sort in enumerate(_SORT_ORDER)}
_PLACE[PeerSort.SERVICE] = _PLACE[PeerSort.OWNER]  # both live in a namespace and are listed by it


def subject_peer(ref: WorkloadRef) -> Peer:
    """Return the peer under which the selected workload is drawn and under which its facts are kept."""
    return service_peer(ref.namespace, ref.name) if ref.kind == "Service" else owner_peer(ref)


def cidr_peer(cidr: str) -> Peer:
    """Return the entity of a manual rule: the address itself for a single one, else the block."""
    network = ipaddress.ip_network(cidr)
    if network.num_addresses == 1:
        return address_peer(str(network.network_address))
    return Peer(PeerSort.ADDRESS, "CIDR", "", cidr)


def build_topology(review: Review) -> Topology:
    """Return the picture of the reviewed workload; edges sorted by namespace, kind, name and port."""
    graph = build_graph(review)
    selected = subject_peer(review.subject.ref)
    entities = {peer: _entity(graph, peer, selected, review) for peer in graph.nodes}
    covered = [owner_peer(ref) for ref in review.subject.owners if owner_peer(ref) != selected]
    edges = sorted((data["edge"] for _, _, data in graph.edges(data=True) if "edge" in data), key=_order)
    sides = [_side(review, direction, edges) for direction in Direction]
    return Topology(
        selected=entities[selected],
        covered=tuple(entities[peer] for peer in covered),
        entities=entities,
        ingress=sides[0],
        egress=sides[1],
        refusal=review.subject.refusal,
    )


def build_graph(review: Review) -> nx.MultiDiGraph:
    """Return entities as nodes and communications as edges from who opens the connection to who listens.

    An edge carries its ``Edge`` under ``edge``; a Service has an edge with ``covers`` to each pod owner
    behind it. Peers that are equal are one node, so an entity seen in both directions is drawn once.
    """
    import networkx as nx

    graph: nx.MultiDiGraph = nx.MultiDiGraph()
    selected = subject_peer(review.subject.ref)
    graph.add_node(selected)
    for owner in map(owner_peer, review.subject.owners):
        if owner != selected:
            graph.add_edge(selected, owner, covers=True)
    for edge in _edges(review):
        ends = (edge.peer, selected) if edge.direction is Direction.INGRESS else (selected, edge.peer)
        graph.add_edge(*ends, edge=edge)
    return graph


def _edges(review: Review) -> list[Edge]:
    policy = not review.subject.refusal
    edges: list[Edge] = []
    for direction in Direction:
        side = review.of(direction)
        edges += [_row_edge(row, policy) for row in side.rows]
        alive = policy and side.general is not GeneralRule.BLOCK_ALL
        edges += [_rule_edge(rule, index, alive) for index, rule in enumerate(side.manual)]
    return edges


def _row_edge(row: Row, policy: bool) -> Edge:
    return Edge(
        direction=row.key.direction,
        peer=row.key.peer,
        allowed=policy and row.in_policy,
        standing=row.standing,
        key=row.key,
        via=row.communication.via,
        reason=row.reason,
        allowed_by=row.allowed_by,
        applied=row.applied,
        open=policy and row.reach in (Reach.PARTLY, Reach.UNKNOWN),
    )


def _rule_edge(rule: ManualRule, index: int, alive: bool) -> Edge:
    return Edge(
        direction=rule.direction,
        peer=cidr_peer(rule.cidr),
        allowed=alive,
        standing=Standing.IN,
        rule=rule,
        index=index,
        reason="" if alive else f"suspended by {GeneralRule.BLOCK_ALL.value}",
    )


def _entity(graph: nx.MultiDiGraph, peer: Peer, selected: Peer, review: Review) -> Entity:
    facts = review.facts.get(peer, PeerFacts(peer))
    labels = facts.labels
    if peer == selected:
        labels = labels or review.subject.labels
    return Entity(
        peer=peer,
        selected=peer == selected or (graph.has_edge(selected, peer) and _covers(graph, selected, peer)),
        labels=labels,
        services=facts.services,
        ports=facts.ports,
        ingress=_count(graph, peer, selected, Direction.INGRESS),
        egress=_count(graph, selected, peer, Direction.EGRESS),
    )


def _between(graph: nx.MultiDiGraph, source: Peer, target: Peer) -> list[dict[str, Any]]:
    return list((graph.get_edge_data(source, target) or {}).values())


def _covers(graph: nx.MultiDiGraph, source: Peer, target: Peer) -> bool:
    return any("covers" in data for data in _between(graph, source, target))


def _count(graph: nx.MultiDiGraph, source: Peer, target: Peer, direction: Direction) -> int:
    # A workload that talks to itself has both its directions between the same two ends.
    edges = (data["edge"] for data in _between(graph, source, target) if "edge" in data)
    return sum(edge.direction is direction for edge in edges)


def _side(review: Review, direction: Direction, edges: list[Edge]) -> Side:
    side = review.of(direction)
    own = tuple(edge for edge in edges if edge.direction is direction)
    return Side(direction, side.general, side.note, own)


def _order(edge: Edge) -> tuple[object, ...]:
    peer = edge.peer
    rule = edge.rule
    port = edge.key.port if edge.key else (rule.ports[0].first if rule and rule.ports else 0)
    protocol = edge.key.protocol if edge.key else ((rule and rule.protocol) or "")
    place = (_PLACE[peer.sort], peer.namespace, peer.kind, _natural(peer), peer.name)
    return (*place, rule is not None, port, str(protocol), edge.index)


def _natural(peer: Peer) -> tuple[int, int, int]:
    """Return addresses by number, so that 10.0.0.9 comes before 10.0.0.10; all else alike."""
    if peer.sort is not PeerSort.ADDRESS:
        return (0, 0, 0)
    try:
        network = ipaddress.ip_network(peer.name)
    except ValueError:
        return (9, 0, 0)
    return (network.version, int(network.network_address), network.prefixlen)
