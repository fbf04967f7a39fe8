"""Count the communications of every workload, for the list that one picks from."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

from netsec_tui.core.cluster.addresses import Ranges, ranges_of
from netsec_tui.core.decide.fold import in_cluster
from netsec_tui.core.traffic.aggregate import backend_seen, communications_of, dial_keys, pod_ports
from netsec_tui.core.traffic.conversation import Conversation
from netsec_tui.core.traffic.conversations import Conversations
from netsec_tui.core.traffic.marks import exposed_ports, from_outside
from netsec_tui.model.identity import (
    EXTERNAL,
    CommunicationKey,
    Direction,
    PeerSort,
    WorkloadRef,
    owner_peer,
    service_peer,
)
from netsec_tui.model.inventory import Service
from netsec_tui.model.timespan import Window

_Keys = dict[WorkloadRef, set[CommunicationKey]]


def counted(conversations: Conversations, window: Window) -> dict[WorkloadRef, tuple[int, int]]:
    """Return (ingress, egress) rows of every pod owner and Service that has any in the window."""
    keys: _Keys = {}
    for conversation in conversations.all.values():
        if conversation.real and conversation.seen(window):
            if conversation.key.server.sort is PeerSort.SERVICE:
                _count_dial(conversations, conversation, window, keys)
            else:
                _count(conversation, keys)
    for service in conversations.resolver.inventory.services:
        found = _of_service(conversations, service, window, keys)
        if found:
            keys[WorkloadRef("Service", service.namespace, service.name)] = found
    ranges = cache(partial(ranges_of, conversations.resolver.inventory))
    return {ref: _by_direction(_folded(conversations, ref, found, ranges)) for ref, found in keys.items()}


def silent(conversations: Conversations, window: Window) -> tuple[WorkloadRef, ...]:
    """Return the pod owners with live pods that have no communication in the window, sorted.

    Owners on the host network are left out: what they say is told as their node's. A dialled Service of
    which no backend was seen counts as theirs.
    """
    pods = conversations.resolver.inventory.pods_by_owner
    return tuple(
        sorted(
            ref
            for ref, own in pods.items()
            if any(not pod.finished and not pod.host_network for pod in own)
            and not _talks(conversations, ref, window)
        )
    )


def _talks(conversations: Conversations, ref: WorkloadRef, window: Window) -> bool:
    own = owner_peer(ref)
    services = conversations.backends.services.get(ref, ())
    places = [
        conversations.by_client.get(own, {}),
        conversations.by_server.get(own, {}),
        *(conversations.by_server.get(service_peer(s.namespace, s.name), {}) for s in services),
    ]
    return any(found.seen(window) and found.real for place in places for found in place.values())


def _folded(
    conversations: Conversations,
    ref: WorkloadRef,
    keys: set[CommunicationKey],
    ranges: Callable[[], Ranges],
) -> set[CommunicationKey]:
    """Count whoever comes in from outside once a port, as the table shows it."""
    inventory = conversations.resolver.inventory
    service = inventory.service_by_name.get((ref.namespace, ref.name)) if ref.kind == "Service" else None
    exposed = exposed_ports(conversations, conversations.backends.owners(service) if service else (ref,))
    if not exposed:
        return keys
    return {
        key._replace(peer=EXTERNAL)
        if (key.protocol, key.port) in exposed and from_outside(key) and not in_cluster(key.peer, ranges())
        else key
        for key in keys
    }


def _by_direction(keys: set[CommunicationKey]) -> tuple[int, int]:
    ingress = sum(key.direction is Direction.INGRESS for key in keys)
    return ingress, len(keys) - ingress


def _count(conversation: Conversation, keys: _Keys) -> None:
    client, server, protocol, port = conversation.key
    if client.sort is PeerSort.OWNER:
        keys.setdefault(client.ref, set()).add(CommunicationKey(Direction.EGRESS, server, protocol, port))
    if server.sort is PeerSort.OWNER:
        keys.setdefault(server.ref, set()).add(CommunicationKey(Direction.INGRESS, client, protocol, port))


def _count_dial(
    conversations: Conversations, conversation: Conversation, window: Window, keys: _Keys
) -> None:
    """Count a dialled Service where it makes a row of its own: while no backend was seen."""
    if backend_seen(conversations, conversation, window):
        return
    client, server, protocol, _ = conversation.key
    if client.sort is PeerSort.OWNER:
        keys.setdefault(client.ref, set()).update(dial_keys(conversations, conversation))
    service = conversations.resolver.inventory.service_by_name.get((server.namespace, server.name))
    for owner in conversations.backends.owners(service) if service else ():
        for port in pod_ports(conversations, conversation, service, owner) if service else ():
            key = CommunicationKey(Direction.INGRESS, client, protocol, port)
            keys.setdefault(owner, set()).add(key)


def _of_service(
    conversations: Conversations, service: Service, window: Window, keys: _Keys
) -> set[CommunicationKey]:
    if not service.selector:
        return set()
    owners = [owner for owner in conversations.backends.owners(service) if owner in keys]
    if all(conversations.backends.all_pods(service, owner) for owner in owners):
        return {key for owner in owners for key in keys[owner]}
    return {row.key for row in communications_of(conversations, owners, window, service.selector)}
