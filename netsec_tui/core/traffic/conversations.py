"""Lift edges to conversations between owners: who opened, to whom, on which pod port."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from netsec_tui.core.traffic.observe import Edge, EdgeKey, Observations
from netsec_tui.core.traffic.resolve import Party, Resolver
from netsec_tui.core.traffic.services import Backends, service_port, target_ports
from netsec_tui.core.traffic.turns import Turn, turns
from netsec_tui.model.communication import Counts, Orientation, Via
from netsec_tui.model.flow import EPHEMERAL, Protocol
from netsec_tui.model.identity import API_SERVER, Peer, PeerSort, service_peer
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.timespan import Window

_API_SERVER_PORTS = frozenset({443, 6443})
"""Where an API server listens when the cluster state does not tell."""


class ConversationKey(NamedTuple):
    """Identify a conversation; ``port`` is the pod's listening port."""

    client: Peer
    server: Peer
    protocol: Protocol
    port: int


class Link(NamedTuple):
    """Hold one edge of a conversation with its two ends, for the time in which they are these.

    ``answer_shaped`` means that the edge, recorded without direction, went from server to client;
    ``guess`` is how well that is known. ``via`` names the Service that was dialled.
    """

    edge: Edge
    client: Party
    server: Party
    turn: Turn
    answer_shaped: bool = False
    guess: Orientation = Orientation.UNKNOWN
    via: Via | None = None

    @property
    def orientation(self) -> Orientation:
        """Return how well it is known who opened the connection, as of now."""
        return max(self.edge.orientation, self.guess)

    @property
    def ends(self) -> Hashable:
        """Return what two nodes must have in common that tell of one connection, None where only one tells.

        A pod that is known by its labels alone may be any of its owner's: nothing is in common then.
        """
        if not self.edge.key.node:
            return None
        known = [(party.ip, party.pod) for party in (self.client, self.server) if party.ip or party.pod]
        return tuple(known) if len(known) == 2 else self.edge.key

    def sum(self, window: Window) -> tuple[Counts, float, float] | None:
        """Return counts, first and last time of this link's share in a window; None when unseen."""
        return self.edge.sum(*self._minutes(window))

    def seen(self, window: Window) -> bool:
        """Tell whether anything was seen in a window."""
        return self.edge.seen(*self._minutes(window))

    def _minutes(self, window: Window) -> tuple[float, float]:
        high = window.end // 60 if window.end < math.inf else math.inf
        return max(window.start // 60, self.turn.since), min(high, self.turn.until)


@dataclass(slots=True)
class Conversation:
    """Hold all edges between two parties on one port."""

    key: ConversationKey
    links: list[Link] = field(default_factory=list)

    @property
    def via(self) -> set[Via]:
        """Return the Services that were dialled."""
        return {link.via for link in self.links if link.via}

    @property
    def real(self) -> bool:
        """Tell whether this is a conversation rather than a proxy's stray answers to a node address.

        An answer to a node whose request was never seen is what a proxy on that node sends back for a
        pod; the request carries the pod's identity and is a conversation of its own.
        """
        return any(link.edge.requested and not link.answer_shaped for link in self.links) or not all(
            link.client.node_like for link in self.links
        )

    def seen(self, window: Window) -> bool:
        """Tell whether anything was seen in a window."""
        return any(link.seen(window) for link in self.links)


_Place = tuple[Edge, Turn]
"""An edge in one of the turns that it was seen in."""

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
        self._placed: dict[EdgeKey, set[Turn]] = {}
        self._minutes: dict[EdgeKey, int] = {}
        self._due: dict[_Place, None] = {}
        self._guessed: dict[_Place, Conversation] = {}
        self._waiting: dict[Hashable, dict[_Place, None]] = {}
        self._parties: dict[tuple[int, Turn, tuple[str, str] | None], Party] = {}
        self._changes: dict[int, tuple[int, ...]] = {}
        self._node_ports = _node_ports(resolver.inventory)
        self._listening: set[tuple[Peer, Protocol, int]] = _declared(resolver, self.backends)
        self.update(observations.edges)

    def update(self, changed: Iterable[EdgeKey]) -> bool:
        """Place edges that are new and return whether there were any; counts need no update."""
        fresh = False
        for key in changed:
            edge = self.observations.edges[key]
            found = self._fresh_turns(edge)
            if not found:
                continue
            fresh = True
            if edge.orientation is not Orientation.UNKNOWN:
                for turn in found:
                    self._place_directed(edge, turn)
            else:
                self._due.update(dict.fromkeys((edge, turn) for turn in found))
                if 0 in (key.client_port, key.port):  # the ports beside it have many partners now
                    self._due.update(self._waiting.get(key[:3], {}))
        if fresh:
            self._orient_the_rest()
        return fresh

    def _fresh_turns(self, edge: Edge) -> set[Turn]:
        """Return the turns that an edge was newly seen in; its minutes are kept in order of arrival."""
        key = edge.key
        placed = self._placed.get(key)
        changes = self._changes_of(key)
        if placed is None:
            placed = self._placed[key] = set()
        elif not changes:
            return set()
        fresh = turns(changes, islice(edge.buckets, self._minutes.get(key, 0), None)) - placed
        self._minutes[key] = len(edge.buckets)
        placed |= fresh
        return fresh

    def _changes_of(self, key: EdgeKey) -> tuple[int, ...]:
        both: tuple[int, ...] = ()
        for index in (key.client, key.server):
            changes = self._changes.get(index)
            if changes is None:
                changes = self.resolver.changes(self.observations.endpoints[index])
                self._changes[index] = changes
            both += changes
        return tuple(sorted(both))

    def _place_directed(self, edge: Edge, turn: Turn) -> None:
        link = self._link(edge, edge.key.client, edge.key.server, turn)
        key, via = self._key(link, edge.key.port)
        self._get(key).links.append(link._replace(via=via))
        listening = (key.server, key.protocol, key.port)
        if listening not in self._listening:
            self._listening.add(listening)
            self._due.update(self._waiting.get(listening, {}))

    def _orient_the_rest(self) -> None:
        """Orient undirected edges that are new, or of whose ends more is known to listen by now."""
        due, self._due = self._due, {}
        for place in due:
            self._take_back(place)
            link, port = self._guess(*place)
            key, via = self._key(link, port)
            conversation = self._guessed[place] = self._get(key)
            conversation.links.append(link._replace(via=via))

    def _take_back(self, place: _Place) -> None:
        conversation = self._guessed.pop(place, None)
        if conversation is None:
            return
        conversation.links = [link for link in conversation.links if (link.edge, link.turn) != place]
        if not conversation.links:
            self._drop(conversation)

    def _guess(self, edge: Edge, turn: Turn) -> tuple[Link, int]:
        """Return an undirected edge with its ends in the likely order, and the port if there is one."""
        back = self._link(edge, edge.key.server, edge.key.client, turn, answer_shaped=True)
        forth = self._link(edge, edge.key.client, edge.key.server, turn)
        low, high = edge.key.client_port, edge.key.port
        self._waiting.setdefault(edge.key[:3], {})[edge, turn] = None
        answers = low > 0 and self._listens(back, low)
        asks = high > 0 and self._listens(forth, high)
        if answers and asks and low == high:  # either opens connections, on the port that both listen on
            return forth._replace(guess=Orientation.INFERRED), high
        if answers == asks:
            answers, asks = self.observations.ports.many(edge.key[:3], low, high)
        if answers == asks:
            answers, asks = 0 < low < EPHEMERAL, 0 < high < EPHEMERAL
        if answers == asks:
            return forth, 0
        link, port = (back, low) if answers else (forth, high)
        return link._replace(guess=Orientation.INFERRED), port

    def _listens(self, link: Link, port: int) -> bool:
        key, _ = self._key(link, port)
        listening = (key.server, key.protocol, key.port)
        self._waiting.setdefault(listening, {})[link.edge, link.turn] = None
        return listening in self._listening

    def _link(self, edge: Edge, client: int, server: int, turn: Turn, *, answer_shaped: bool = False) -> Link:
        # The Service that a source names was dialled where the packet went.
        service = None if answer_shaped else edge.key.service
        return Link(
            edge, self._party(client, turn, None), self._party(server, turn, service), turn, answer_shaped
        )

    def _party(self, index: int, turn: Turn, service: tuple[str, str] | None) -> Party:
        known = self._parties.get((index, turn, service))
        if known is None:
            endpoint = self.observations.endpoints[index]
            known = self._parties[index, turn, service] = self.resolver.resolve(endpoint, turn.when, service)
        return known

    def _key(self, link: Link, port: int) -> tuple[ConversationKey, Via | None]:
        """Return the conversation of a link, with a Service port turned into the pod port behind it."""
        protocol = link.edge.key.protocol
        client = API_SERVER if link.client.api_server else link.client.peer
        server = link.server.peer
        via: Via | None = None
        behind = self._node_ports.get((protocol, port)) if link.server.node_like else None
        if behind:
            # kube-proxy turns a node port into a pod and its port before any policy looks.
            server, port = behind
        if server.sort is PeerSort.SERVICE:
            via = Via(server.namespace, server.name, port)
            port = self._pod_port(server, protocol, port)
            if server == service_peer(API_SERVER.namespace, API_SERVER.name):
                server = API_SERVER
        elif link.server.api_server and port in self._api_server_ports():
            server = API_SERVER
        elif link.edge.key.service and not link.answer_shaped:
            via = Via(*link.edge.key.service, port)
        return ConversationKey(client, server, protocol, port), via

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


def _node_ports(inventory: Inventory) -> dict[tuple[Protocol, int], tuple[Peer, int]]:
    """Map a node port to the Service that it belongs to and that Service's own port."""
    return {
        (port.protocol, port.node_port): (service_peer(service.namespace, service.name), port.port)
        for service in inventory.services
        for port in service.ports
        if port.node_port
    }


def _declared(resolver: Resolver, backends: Backends) -> set[tuple[Peer, Protocol, int]]:
    """Return what the cluster state says is listened on: container ports and Services' target ports."""
    inventory = resolver.inventory
    listening: set[tuple[Peer, Protocol, int]] = set()
    # What was deleted had listened as well: the traffic from then keeps its direction.
    for owner in (*inventory.owners, *inventory.gone_owners):
        peer = Peer(PeerSort.OWNER, *owner.ref)
        listening |= {(peer, port.protocol, port.port) for port in owner.ports}
    for pod in (*inventory.pods, *inventory.gone_pods):
        peer = Peer(PeerSort.OWNER, *pod.owner)
        listening |= {(peer, port.protocol, port.port) for port in pod.ports}
    for service in inventory.services:
        peer = service_peer(service.namespace, service.name)
        behind = [Peer(PeerSort.OWNER, *ref) for ref in backends.owners(service)]
        for port in service.ports:
            targets = target_ports(inventory, service, port)
            listening |= {(peer, port.protocol, number) for number in (*targets, port.port)}
            listening |= {(owner, port.protocol, number) for owner in behind for number in targets}
    return listening
