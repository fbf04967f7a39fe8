"""Narrow down which rules may concern which rows, so that one tick does not ask them all again."""

from __future__ import annotations

from collections.abc import Iterable

from netsec_tui.core.cluster.addresses import block_text, network
from netsec_tui.core.cluster.selectors import NAME_LABEL, OWNER_LABEL_KEYS
from netsec_tui.model.connection import End
from netsec_tui.model.flow import Labels
from netsec_tui.model.policy import PolicyPeer, PolicyRule

Place = tuple[str, ...]
"""Something that a rule's peer requires and an end has: an address, a label in a namespace."""

ANYONE: Place = ("any peer",)
BLOCK: Place = ("a range of addresses",)
SELECTED: Place = ("any namespace",)


def rule_places(home: str, rule: PolicyRule) -> frozenset[Place]:
    """Return one place for each peer: a rule can only match ends that are in one of its places."""
    return frozenset(_peer_place(home, peer) for peer in rule.peers) if rule.peers else frozenset((ANYONE,))


def _peer_place(home: str, peer: PolicyPeer) -> Place:
    if peer.ip_block:
        block = network(peer.ip_block.cidr)
        return (str(block),) if block.prefixlen == block.max_prefixlen else BLOCK
    namespace = home
    if peer.namespace_selector is not None:
        named = dict(peer.namespace_selector.match_labels).get(NAME_LABEL)
        namespace = SELECTED[0] if named is None else named
    labels = peer.pod_selector.match_labels if peer.pod_selector else ()
    return (namespace, *_telling(labels))


def _telling(labels: Labels) -> tuple[str, ...]:
    """Return the pair that is likely to tell most: of one label only the others need no place."""
    return min(labels, key=lambda pair: (pair[0] not in OWNER_LABEL_KEYS, pair), default=())


def end_places(ends: Iterable[End]) -> frozenset[Place]:
    """Return every place in which a rule could be that matches one of the ends."""
    places: set[Place] = {ANYONE}
    for end in ends:
        ips = (end,) if isinstance(end, str) else end.ips
        places.update((block_text(ip),) for ip in ips)
        places.update((BLOCK,) if ips else ())
        if not isinstance(end, str):
            for namespace in (SELECTED[0], end.namespace):
                places |= {(namespace,), *((namespace, *pair) for pair in end.labels)}
    return frozenset(places)


class Nearness:
    """Keep numbers in places."""

    def __init__(self) -> None:
        self._held: dict[Place, set[int]] = {}

    def put(self, number: int, places: Iterable[Place]) -> None:
        """Put a number in places."""
        for place in places:
            self._held.setdefault(place, set()).add(number)

    def near(self, places: Iterable[Place]) -> set[int]:
        """Return the numbers in any of the places."""
        return set().union(*(self._held.get(place, ()) for place in places))
