"""Lift edges to conversations between owners: who opened, to whom, on which pod port."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from netsec_tui.core.traffic.conversation import Conversation, ConversationKey, Link, Place
from netsec_tui.core.traffic.edge import Edge, EdgeKey
from netsec_tui.core.traffic.knowledge import Facts
from netsec_tui.core.traffic.listening import Listening
from netsec_tui.core.traffic.observe import Observations
from netsec_tui.core.traffic.resolve import Party, Resolver
from netsec_tui.core.traffic.services import Backends, service_port, target_ports
from netsec_tui.core.traffic.turns import ALWAYS, Turn, turns
from netsec_tui.model.communication import Orientation, Via
from netsec_tui.model.flow import EPHEMERAL, Protocol
from netsec_tui.model.identity import API_SERVER, Peer, PeerSort, service_peer
from netsec_tui.model.inventory import Inventory

_API_SERVER_PORTS = frozenset({443, 6443})
"""Where an API server listens when the cluster state does not tell."""


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
        self._due: dict[Place, None] = {}
        self._guessed: dict[Place, Conversation] = {}
        self._parties: dict[tuple[int, Turn, tuple[str, str] | None], Party] = {}
        self._changes: dict[int, tuple[float, ...]] = {}
        self._node_ports = _node_ports(resolver.inventory)
        self._listening = Listening(resolver, self.backends)
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
                self._due.update(dict.fromkeys(self._beside(key)))
        if fresh:
            self._orient_the_rest()
        return fresh

    def rest_on(self, news: Facts) -> bool:
        """Tell whether anything may be otherwise with what flows told since.

        Of a pod that the cluster state knows only that is taken from flows which others are like.
        """
        known, asked = self.resolver.inventory.pod_by_name, self.resolver.asked
        return (
            any(pod not in known for pod in news.pods)
            or not asked.addresses.isdisjoint(news.addresses)
            or not asked.labels.isdisjoint(news.labels)
        )

    def _beside(self, key: EdgeKey) -> Iterable[Place]:
        """Yield what shares the port of an edge that stands for many: that port has many partners now."""
        if 0 not in (key.client_port, key.port):
            return
        for place in self._listening.waiting_for(key[:3]):
            other = place[0].key
            if (other.port == key.port) if key.port else (other.client_port == key.client_port):
                yield place

    def _fresh_turns(self, edge: Edge) -> set[Turn]:
        """Return the turns that an edge was newly seen in; its minutes are kept in order of arrival."""
        key = edge.key
        placed = self._placed.get(key)
        changes = self._changes_of(key)
        if placed is None:
            placed = self._placed[key] = set()
        elif not changes:
            return set()
        if not changes:
            placed.add(ALWAYS)
            return {ALWAYS}
        new = islice(edge.buckets, self._minutes.get(key, 0), None)
        # A minute in which an address changed hands may by now have been seen on the other side too.
        again = {int(change // 60) for change in changes}
        found = turns(changes, edge.seen_in({*new, *again}))
        self._minutes[key] = len(edge.buckets)
        fresh = set()
        for turn in sorted(found - placed, key=lambda turn: turn.since):
            if turn.minute is None or not self._counted(key, turn, placed):
                placed.add(turn)
                fresh.add(turn)
        return fresh

    def _counted(self, key: EdgeKey, turn: Turn, placed: Iterable[Turn]) -> bool:
        """Tell whether what a turn shares in its minute counts in another one, as the ends are the same."""
        ends = [self._party(index, turn, None).peer for index in (key.client, key.server)]
        return any(
            ends == [self._party(index, other, None).peer for index in (key.client, key.server)]
            for other in placed
            if other.minute == turn.minute
        )

    def _changes_of(self, key: EdgeKey) -> tuple[float, ...]:
        both: tuple[float, ...] = ()
        for index in (key.client, key.server):
            changes = self._changes.get(index)
            if changes is None:
                changes = self.resolver.changes(self.observations.endpoints[index])
                self._changes[index] = changes
            both += changes
        return tuple(sorted(set(both))) if both else both

    def _place_directed(self, edge: Edge, turn: Turn) -> None:
        link = self._link(edge, edge.key.client, edge.key.server, turn)
        key, via = self._key(link, edge.key.port)
        self._put(key, link._replace(via=via))
        for clue in ((key.server, key.protocol, key.port), key):
            self._due.update(dict.fromkeys(self._listening.learn(clue)))

    def _orient_the_rest(self) -> None:
        """Orient undirected edges that are new, or of whose ends more is known to listen by now."""
        due, self._due = self._due, {}
        for place in due:
            self._take_back(place)
            link, port = self._guess(*place)
            key, via = self._key(link, port)
            self._guessed[place] = self._put(key, link._replace(via=via))

    def _take_back(self, place: Place) -> None:
        conversation = self._guessed.pop(place, None)
        if conversation is None:
            return
        del conversation.by_place[place]
        if not conversation.by_place:
            self._drop(conversation)

    def _guess(self, edge: Edge, turn: Turn) -> tuple[Link, int]:
        """Return an undirected edge with its ends in the likely order, and the port if there is one."""
        back = self._link(edge, edge.key.server, edge.key.client, turn, answer_shaped=True)
        forth = self._link(edge, edge.key.client, edge.key.server, turn)
        low, high = edge.key.client_port, edge.key.port
        self._listening.wait_for(edge.key[:3], (edge, turn))
        answers = low > 0 and self._listens(back, low)
        asks = high > 0 and self._listens(forth, high)
        if answers and asks and low == high:  # either opens connections, on the port that both listen on
            return forth._replace(guess=Orientation.INFERRED), high
        if answers and asks:
            answers, asks = self._dialled(back, low), self._dialled(forth, high)
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
        return self._listening.ask((key.server, key.protocol, key.port), link.place)

    def _dialled(self, link: Link, port: int) -> bool:
        key, _ = self._key(link, port)
        return self._listening.ask(key, link.place)

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
            known = self.resolver.resolve(endpoint, turn.when, service)
            others = (self.resolver.resolve(endpoint, when, service) for when in turn.others)
            rivals = {other.pod or "nobody" for other in others if other.peer != known.peer}
            if rivals:
                known = replace(known, rivals=tuple(sorted(rivals)))
            self._parties[index, turn, service] = known
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
            via = Via(*link.edge.key.service, link.edge.key.service_port or port)
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

    def _put(self, key: ConversationKey, link: Link) -> Conversation:
        conversation = self.all.get(key)
        if conversation is None:
            conversation = self.all[key] = Conversation(key)
            self.by_client.setdefault(key.client, {})[key] = conversation
            self.by_server.setdefault(key.server, {})[key] = conversation
        conversation.by_place[link.place] = link
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
