"""What tells who opened a connection: who listens where, who dialled whom; and which guesses rest on it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from netsec_tui.core.traffic.conversation import ConversationKey, Place
from netsec_tui.core.traffic.resolve import Resolver
from netsec_tui.core.traffic.services import Backends, target_ports
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import Peer, PeerSort, service_peer

Listener = tuple[Peer, Protocol, int]
"""Who listens, and at which port."""

Clue = Listener | ConversationKey
"""That somebody listens, or that one dialled the other on that port."""


class Listening:
    """Know who listens and who dialled whom, and which places are to be guessed anew when more is known."""

    def __init__(self, resolver: Resolver, backends: Backends) -> None:
        self._known: set[Clue] = {*declared(resolver, backends)}
        self._waiting: dict[Hashable, dict[Place, None]] = {}

    def learn(self, clue: Clue) -> Iterable[Place]:
        """Take note of a clue; return the places that were guessed without it."""
        if clue in self._known:
            return ()
        self._known.add(clue)
        return self.waiting_for(clue)

    def ask(self, clue: Clue, place: Place) -> bool:
        """Tell whether a clue is known; a place waits for it."""
        self.wait_for(clue, place)
        return clue in self._known

    def wait_for(self, what: Hashable, place: Place) -> None:
        """Remember that a place was guessed by what is known of something."""
        self._waiting.setdefault(what, {})[place] = None

    def waiting_for(self, what: Hashable) -> Iterable[Place]:
        """Return the places that were guessed by what was known of something."""
        return self._waiting.get(what, ())


def declared(resolver: Resolver, backends: Backends) -> set[Listener]:
    """Return what the cluster state says is listened on: container ports and Services' target ports."""
    inventory = resolver.inventory
    listening: set[Listener] = set()
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
