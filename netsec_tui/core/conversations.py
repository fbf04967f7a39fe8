"""Lift edges to conversations between owners: who opened, to whom, on which pod port."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from netsec_tui.core.observe import EPHEMERAL, Edge, EdgeKey, Observations
from netsec_tui.core.resolve import Party, Resolver
from netsec_tui.core.services import Backends, service_port, target_ports
from netsec_tui.model.communication import Orientation, Via
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import API_SERVER, Peer, PeerSort, service_peer

_API_SERVER_PORTS = frozenset({443, 6443})
"""Where an API server listens when the cluster state does not tell."""


class ConversationKey(NamedTuple):
    """Identify a conversation; ``port`` is the pod's listening port."""

    client: Peer
    server: Peer
    protocol: Protocol
    port: int


class Link(NamedTuple):
    """Hold one edge of a conversation with its two ends.

    ``answer_shaped`` means that the edge, recorded without direction, went from server to client.
    """

    edge: Edge
    client: Party
    server: Party
    answer_shaped: bool


@dataclass(slots=True)
class Conversation:
    """Hold all edges between two parties on one port."""

    key: ConversationKey
    orientation: Orientation = Orientation.UNKNOWN
    links: list[Link] = field(default_factory=list)
    via: set[Via] = field(default_factory=set)

    @property
    def real(self) -> bool:
        """Tell whether this is a conversation rather than a proxy's stray answers to a node address.

        An answer to a node whose request was never seen is what a proxy on that node sends back for a
        pod; the request carries the pod's identity and is a conversation of its own.
        """
        return any(not (link.answer_shaped or _only_answers(link)) for link in self.links) or not all(
            link.client.node_like for link in self.links
        )

    def seen(self, start: float, end: float) -> bool:
        """Tell whether anything was seen in the minutes from start to end."""
        low, high = int(start // 60), int(end // 60)
        return any(low <= minute <= high for link in self.links for minute in link.edge.buckets)


def _only_answers(link: Link) -> bool:
    return not link.edge.requested


Index = dict[Peer, dict[ConversationKey, Conversation]]


class Conversations:
    """Keep conversations up to date with the observations, indexed by both ends."""

    def __init__(self, observations: Observations, resolver: Resolver) -> None:
        self.observations = observations
        self.resolver = resolver
        self.backends = Backends(resolver)
        self.by_client: Index = {}
        self.by_server: Index = {}
        self.all: dict[ConversationKey, Conversation] = {}
        self._placed: set[EdgeKey] = set()
        self._undirected: list[Edge] = []
        self._overlay: list[Conversation] = []
        self._cache: dict[int, Party] = {}
        self._listening: set[tuple[Peer, Protocol, int]] = _declared(resolver)
        self.update(observations.edges)

    def update(self, changed: Iterable[EdgeKey]) -> bool:
        """Place edges that are new and return whether there were any; counts need no update."""
        fresh = [self.observations.edges[key] for key in changed if key not in self._placed]
        if not fresh:
            return False
        for edge in fresh:
            self._placed.add(edge.key)
            if edge.orientation is Orientation.UNKNOWN:
                self._undirected.append(edge)
            else:
                self._place_directed(edge)
        self._orient_the_rest()
        return True

    def _place_directed(self, edge: Edge) -> None:
        link = self._link(edge, edge.key.client, edge.key.server, answer_shaped=False)
        key, via = self._key(link, edge.key.port)
        self._put(self._get(key), link, edge.orientation, via)
        self._listening.add((key.server, key.protocol, key.port))

    def _orient_the_rest(self) -> None:
        """Orient undirected edges anew: what is known to listen may have grown."""
        for conversation in self._overlay:
            conversation.links = [
                x for x in conversation.links if x.edge.orientation is not Orientation.UNKNOWN
            ]
            conversation.orientation = max(
                (link.edge.orientation for link in conversation.links), default=Orientation.UNKNOWN
            )
            if not conversation.links:
                self._drop(conversation)
        self._overlay = []
        for edge in self._undirected:
            source_is_server, orientation = self._guess(edge)
            ends = (
                (edge.key.server, edge.key.client) if source_is_server else (edge.key.client, edge.key.server)
            )
            port = edge.key.client_port if source_is_server else edge.key.port
            link = self._link(edge, *ends, answer_shaped=source_is_server)
            key, via = self._key(link, port if orientation else 0)
            conversation = self._get(key)
            self._put(conversation, link, orientation, via)
            self._overlay.append(conversation)

    def _guess(self, edge: Edge) -> tuple[bool, Orientation]:
        """Return whether the sender of an undirected edge is the server, and how well that is known."""
        source = self._link(edge, edge.key.server, edge.key.client, answer_shaped=True)
        destination = self._link(edge, edge.key.client, edge.key.server, answer_shaped=False)
        answers = edge.key.client_port > 0 and self._listens(source, edge.key.client_port)
        asks = edge.key.port > 0 and self._listens(destination, edge.key.port)
        if answers != asks:
            return answers, Orientation.INFERRED
        low, high = edge.key.client_port, edge.key.port
        if (0 < low < EPHEMERAL) != (0 < high < EPHEMERAL):
            return 0 < low < EPHEMERAL, Orientation.INFERRED
        return False, Orientation.UNKNOWN

    def _listens(self, link: Link, port: int) -> bool:
        key, _ = self._key(link, port)
        return (key.server, key.protocol, key.port) in self._listening

    def _link(self, edge: Edge, client: int, server: int, *, answer_shaped: bool) -> Link:
        when = max(edge.buckets) * 60.0 + 59.0 if edge.buckets else 0.0
        return Link(
            edge,
            self._party(client, when, None),
            self._party(server, when, edge.key.service),
            answer_shaped,
        )

    def _party(self, index: int, when: float, service: tuple[str, str] | None) -> Party:
        endpoint = self.observations.endpoints[index]
        if service is None and index in self._cache:
            return self._cache[index]
        party = self.resolver.resolve(endpoint, when, service)
        # An address may have had several holders; everything else resolves alike at any time.
        if service is None and len(self.resolver.inventory.pods_by_ip.get(endpoint.ip, ())) < 2:
            self._cache[index] = party
        return party

    def _key(self, link: Link, port: int) -> tuple[ConversationKey, Via | None]:
        """Return the conversation of a link, with a Service port turned into the pod port behind it."""
        protocol = link.edge.key.protocol
        server = link.server.peer
        via: Via | None = None
        if server.sort is PeerSort.SERVICE:
            via = Via(server.namespace, server.name, port)
            port = self._pod_port(server, protocol, port)
            if server == service_peer(API_SERVER.namespace, API_SERVER.name):
                server = API_SERVER
        elif link.server.api_server and port in self._api_server_ports():
            server = API_SERVER
        elif link.edge.key.service:
            via = Via(*link.edge.key.service, port)
        return ConversationKey(link.client.peer, server, protocol, port), via

    def _pod_port(self, server: Peer, protocol: Protocol, port: int) -> int:
        inventory = self.resolver.inventory
        service = inventory.service_by_name.get((server.namespace, server.name))
        found = service_port(service, protocol, port) if service else None
        targets = target_ports(inventory, service, found) if service and found else ()
        return targets[0] if targets else port

    def _api_server_ports(self) -> frozenset[int]:
        service = self.resolver.inventory.service_by_name.get((API_SERVER.namespace, API_SERVER.name))
        if service and service.endpoints:
            return frozenset(number for e in service.endpoints for _, _, number in e.ports)
        return _API_SERVER_PORTS

    def _get(self, key: ConversationKey) -> Conversation:
        conversation = self.all.get(key)
        if conversation is None:
            conversation = self.all[key] = Conversation(key)
            self.by_client.setdefault(key.client, {})[key] = conversation
            self.by_server.setdefault(key.server, {})[key] = conversation
        return conversation

    def _drop(self, conversation: Conversation) -> None:
        key = conversation.key
        if self.all.pop(key, None):
            del self.by_client[key.client][key]
            del self.by_server[key.server][key]

    @staticmethod
    def _put(conversation: Conversation, link: Link, orientation: Orientation, via: Via | None) -> None:
        conversation.links.append(link)
        conversation.orientation = max(conversation.orientation, orientation)
        if via:
            conversation.via.add(via)


def _declared(resolver: Resolver) -> set[tuple[Peer, Protocol, int]]:
    """Return what the cluster state says is listened on: container ports and Services' target ports."""
    inventory = resolver.inventory
    listening: set[tuple[Peer, Protocol, int]] = set()
    for owner in inventory.owners:
        peer = Peer(PeerSort.OWNER, *owner.ref)
        listening |= {(peer, port.protocol, port.port) for port in owner.ports}
    for pod in inventory.pods:
        peer = Peer(PeerSort.OWNER, *pod.owner)
        listening |= {(peer, port.protocol, port.port) for port in pod.ports}
    for service in inventory.services:
        peer = service_peer(service.namespace, service.name)
        for port in service.ports:
            targets = target_ports(inventory, service, port)
            listening |= {(peer, port.protocol, number) for number in (*targets, port.port)}
    return listening
