"""Aggregate the conversations of a workload to communications: one row per direction, peer and port."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from netsec_tui.core.cluster.selectors import has_labels
from netsec_tui.core.traffic.conversation import Conversation, ConversationKey, Link
from netsec_tui.core.traffic.conversations import Conversations
from netsec_tui.core.traffic.edge import Edge
from netsec_tui.core.traffic.marks import marked
from netsec_tui.core.traffic.observe import Observations
from netsec_tui.core.traffic.once import Shares
from netsec_tui.core.traffic.resolve import Party
from netsec_tui.core.traffic.services import foreign_endpoints, is_known, owner_ports, service_port
from netsec_tui.model.communication import Communication, Counts, Orientation, Via
from netsec_tui.model.flow import Labels, Protocol, Verdict
from netsec_tui.model.identity import (
    CommunicationKey,
    Direction,
    Peer,
    PeerSort,
    WorkloadRef,
    owner_peer,
    service_peer,
)
from netsec_tui.model.inventory import Inventory, Service
from netsec_tui.model.origins import origins_where
from netsec_tui.model.timespan import Window

_ARRIVAL_TOLD = origins_where(lambda origin: origin.arrival_told)
_ANSWERS_UNTOLD = origins_where(lambda origin: origin.answers == "never")

PodFilter = Callable[[Party], bool]
"""Tell whether an end of a conversation counts as the selected workload's."""


@dataclass(slots=True)
class _Gathered:
    """Collect what becomes one Communication."""

    shares: Shares = field(default_factory=Shares)
    first: float = 0.0
    last: float = 0.0
    orientation: Orientation = Orientation.UNKNOWN
    via: set[Via] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    pods: set[str] = field(default_factory=set)
    own_pods: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    disputed: set[str] = field(default_factory=set)
    undisputed: bool = False
    rivals: set[str] = field(default_factory=set)
    edges: list[Edge] = field(default_factory=list)
    seen: bool = False

    def take(self, link: Link, row_peer: Peer, window: Window, *, outgoing: bool) -> bool:
        """Add one link's share within the window and return whether there was any.

        The ClusterIP of a Service that was dialled is no address of the peer behind it.
        """
        summed = link.sum(window)
        if summed is None:
            return False
        counts, first, last = summed
        if not link.edge.key.directed:
            counts = _as_answers(counts) if link.answer_shaped else replace(counts, refusals=0)
        self.shares.add(counts, link.edge.key.origin, link.ends, link.edge.key.node)
        self.first = min(self.first, first) if self.seen else first
        self.last = max(self.last, last)
        self.seen = True
        self.orientation = max(self.orientation, link.orientation)
        self.via.update((link.via,) if link.via else ())
        own, peer = (link.client, link.server) if outgoing else (link.server, link.client)
        self.own_pods.update((own.pod,) if own.pod else ())
        self.pods.update((peer.pod,) if peer.pod else ())
        if peer.ip and (peer.peer.sort is not PeerSort.SERVICE or peer.peer == row_peer):
            self.addresses.add(peer.ip)
        self.names.update(peer.names)
        self.disputed.update(end.holder for end in (own, peer) if end.holder)
        self.undisputed = self.undisputed or not (own.holder or peer.holder)
        self.rivals.update(link.rivals)
        self.edges.append(link.edge)
        return True

    def communication(self, key: CommunicationKey, observations: Observations) -> Communication:
        return Communication(
            key,
            self.shares.total,
            self.first,
            self.last,
            self.orientation,
            tuple(sorted(self.via, key=str)),
            tuple(sorted(self.addresses)),
            tuple(sorted(self.pods)),
            tuple(sorted(self.own_pods)),
            tuple(sorted(self.names)),
            answerable=any(map(observations.answerable, self.edges)),
            answers_untold=_ANSWERS_UNTOLD.issuperset(self.shares.origins),
            arrival_told=not _ARRIVAL_TOLD.isdisjoint(self.shares.origins),
            disputed=() if self.undisputed else tuple(sorted(self.disputed)),
            rivals=tuple(sorted(self.rivals)),
        )


def _as_answers(counts: Counts) -> Counts:
    """Count as answers what went from server to client, but neither what was stopped there nor resets."""
    stopped = tuple(count if v.stopped else 0 for v, count in zip(Verdict, counts.verdicts, strict=True))
    answers = sum(counts.verdicts) - sum(stopped) - counts.refusals
    return Counts(stopped, answers=answers, refusals=counts.refusals, relayed=answers)


_Rows = dict[CommunicationKey, _Gathered]
_Lifted = set[tuple[ConversationKey, CommunicationKey]]
"""Which dialled Services went into which rows already: owners behind one Service share the dial."""


def communications_of(
    conversations: Conversations,
    owners: Iterable[WorkloadRef],
    window: Window,
    service_selector: Labels = (),
) -> tuple[Communication, ...]:
    """Return the rows of a workload in a window, both directions.

    ``service_selector`` narrows the owners to the pods that a selected Service selects.
    """
    rows: _Rows = {}
    lifted: _Lifted = set()
    owners = tuple(owners)
    keep = _keeps(conversations.resolver.inventory, service_selector)
    for owner in owners:
        peer = owner_peer(owner)
        _egress(conversations, peer, window, keep, rows)
        for conversation in _of(conversations.by_server, peer):
            key = _key(Direction.INGRESS, conversation.key.client, conversation.key)
            _gather(rows, key, conversation, window, keep, outgoing=False)
        _through_services(conversations, owner, window, rows, lifted)
    observations = conversations.observations
    found = tuple(rows[key].communication(key, observations) for key in sorted(rows))
    return marked(conversations, owners, found)


def _keeps(inventory: Inventory, selector: Labels) -> PodFilter:
    if not selector:
        return lambda party: True

    def keep(party: Party) -> bool:
        labels = party.labels
        if not labels:
            owner = inventory.owner_of(party.peer.ref)
            labels = owner.template_labels if owner else ()
        return not labels or has_labels(selector, labels)

    return keep


def _of(index: dict[Peer, dict[ConversationKey, Conversation]], peer: Peer) -> Iterable[Conversation]:
    return (c for c in index.get(peer, {}).values() if c.real)


def _key(direction: Direction, peer: Peer, conversation: ConversationKey) -> CommunicationKey:
    return CommunicationKey(direction, peer, conversation.protocol, conversation.port)


def _gather(
    rows: _Rows,
    key: CommunicationKey,
    conversation: Conversation,
    window: Window,
    keep: PodFilter,
    *,
    outgoing: bool,
) -> None:
    gathered = rows.get(key) or _Gathered()
    shared: list[Link] = []
    for link in conversation.links:
        if not keep(link.client if outgoing else link.server):
            continue
        if link.rivals:
            shared.append(link)
        else:
            gathered.take(link, key.peer, window, outgoing=outgoing)
    if not gathered.seen:  # nobody knows how much of it is whose: it tells nothing more of what is known
        for link in shared:
            gathered.take(link, key.peer, window, outgoing=outgoing)
    if gathered.seen:
        rows[key] = gathered


def _egress(conversations: Conversations, peer: Peer, window: Window, keep: PodFilter, rows: _Rows) -> None:
    """Gather what a workload opened; a dialled Service folds into the backends that were seen."""
    services = []
    for conversation in _of(conversations.by_client, peer):
        if conversation.key.server.sort is PeerSort.SERVICE:
            services.append(conversation)
            continue
        key = _key(Direction.EGRESS, conversation.key.server, conversation.key)
        _gather(rows, key, conversation, window, keep, outgoing=True)
    for conversation in services:
        backends = [key for key in _backend_keys(conversations, conversation) if key in rows]
        if conversations.resolver.inventory.gone_owners:
            outgoing = (key for key in rows if key.direction is Direction.EGRESS)
            backends += [key for key in outgoing if _was_behind(conversations, conversation, *key[1:])]
        for key in backends or dial_keys(conversations, conversation):
            _gather(rows, key, conversation, window, keep, outgoing=True)


def dial_keys(conversations: Conversations, conversation: Conversation) -> tuple[CommunicationKey, ...]:
    """Return the egress rows of a dialled Service of which no backend was seen.

    Mostly it is one of the Service. Where its owners listen on different ports, each has a row with its own
    port, since one rule for all of them would open ports that the Service never leads to. A Service without
    selector is a row of its own only for endpoints that are no pods.
    """
    alone = _key(Direction.EGRESS, conversation.key.server, conversation.key)
    server = conversation.key.server
    inventory = conversations.resolver.inventory
    service = inventory.service_by_name.get((server.namespace, server.name))
    if service is None:
        return (alone,)
    keys = tuple(_backend_keys(conversations, conversation))
    if not keys or (service.selector and not _differ(conversations, service, keys)):
        return (alone,)
    return (*keys, alone) if not service.selector and foreign_endpoints(inventory, service) else keys


def _differ(conversations: Conversations, service: Service, keys: Iterable[CommunicationKey]) -> bool:
    """Tell whether owners behind a Service are known to listen on different ports, or one on none."""
    backends = conversations.backends
    ports: dict[WorkloadRef, set[int]] = {owner: set() for owner in backends.owners(service)}
    for key in keys:
        ports[key.peer.ref].add(key.port)
    if len(set(map(frozenset, ports.values()))) < 2:
        return False
    inventory = conversations.resolver.inventory
    return all(is_known(inventory, owner) and backends.all_pods(service, owner) for owner in ports)


def _backend_keys(conversations: Conversations, conversation: Conversation) -> list[CommunicationKey]:
    """Return the rows into which a dialled Service folds, once one of them was seen."""
    server = conversation.key.server
    service = conversations.resolver.inventory.service_by_name.get((server.namespace, server.name))
    if service is None:
        return []
    return [
        CommunicationKey(Direction.EGRESS, owner_peer(owner), conversation.key.protocol, port)
        for owner in conversations.backends.owners(service)
        for port in pod_ports(conversations, conversation, service, owner)
    ]


def _was_behind(
    conversations: Conversations, conversation: Conversation, peer: Peer, protocol: Protocol, port: int
) -> bool:
    """Tell whether a peer that is deleted by now stood behind a dialled Service, with a port."""
    inventory, server = conversations.resolver.inventory, conversation.key.server
    owner = inventory.gone_owner_by_ref.get(peer.ref)
    service = inventory.service_by_name.get((server.namespace, server.name))
    if not (owner and service and service.selector and owner.ref.namespace == service.namespace):
        return False
    if protocol is not conversation.key.protocol:
        return False
    named = {p.name: p.port for p in owner.ports if p.protocol is protocol}
    dialled = (service_port(service, protocol, via.port) for via in conversation.via)
    ports = {named.get(str(found.target_port), found.target_port) for found in dialled if found}
    return port in ports and has_labels(service.selector, owner.template_labels)


def pod_ports(
    conversations: Conversations, conversation: Conversation, service: Service, owner: WorkloadRef
) -> tuple[int, ...]:
    """Return the ports on an owner's pods behind what was dialled of a Service, sorted.

    Empty when the Service has no such port: then it is not known where the connection would have gone.
    """
    ports: set[int] = set()
    for via in conversation.via:
        found = service_port(service, conversation.key.protocol, via.port)
        if found:
            ports.update(owner_ports(conversations.resolver.inventory, service, found, owner))
    return tuple(sorted(ports))


def _through_services(
    conversations: Conversations, owner: WorkloadRef, window: Window, rows: _Rows, lifted: _Lifted
) -> None:
    """Gather who dialled a Service of this owner while no backend was seen: it may be any of them."""
    for service in conversations.backends.services.get(owner, ()):
        for conversation in _of(conversations.by_server, service_peer(service.namespace, service.name)):
            seen = backend_seen(conversations, conversation, window)
            for port in pod_ports(conversations, conversation, service, owner):
                key = _key(Direction.INGRESS, conversation.key.client, conversation.key)._replace(port=port)
                if (key in rows or not seen) and (conversation.key, key) not in lifted:
                    lifted.add((conversation.key, key))
                    _gather(rows, key, conversation, window, lambda party: True, outgoing=False)


def backend_seen(conversations: Conversations, conversation: Conversation, window: Window) -> bool:
    """Tell whether the client of a dialled Service was seen talking to a pod behind it in the window."""
    client = conversations.by_client.get(conversation.key.client, {})
    keys = (
        ConversationKey(conversation.key.client, key.peer, key.protocol, key.port)
        for key in _backend_keys(conversations, conversation)
    )
    if any(key in client and client[key].seen(window) for key in keys):
        return True
    return bool(conversations.resolver.inventory.gone_owners) and any(
        _was_behind(conversations, conversation, *key[1:]) and other.seen(window)
        for key, other in client.items()
    )
