"""Fold rows together: addresses of one alias, observed DNS, whoever comes in from outside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import reduce

from netsec_tui.core.cluster.addresses import Ranges, network
from netsec_tui.core.cluster.dns import ClusterDns, is_local_dns, local_dns_key
from netsec_tui.core.cluster.world import World
from netsec_tui.core.evaluate.addresses import Span, address_number, block_spans
from netsec_tui.model.communication import Communication
from netsec_tui.model.decision import Alias
from netsec_tui.model.identity import (
    DNS,
    EXTERNAL,
    CommunicationKey,
    Direction,
    Peer,
    PeerSort,
    address_peer,
    alias_peer,
)
from netsec_tui.model.policy import IPBlock

_Entry = tuple[tuple[Span, ...], Alias]
"""The addresses of one entry of an alias, without the pod and service ranges in it, and the alias."""


def _entries(aliases: Iterable[Alias], ranges: Ranges) -> list[_Entry]:
    """Return all entries, the narrowest first, by the alias's name where equal."""
    found = [(entry, alias) for alias in aliases for entry in alias.entries]
    found.sort(key=lambda one: (-network(one[0]).prefixlen, one[1].name))
    return [(block_spans(IPBlock(entry, ranges.excepts(entry))), alias) for entry, alias in found]


def _holder(entries: Iterable[_Entry], ip: str) -> Alias | None:
    """Return the alias that an address belongs to: that of the narrowest entry, by name where equal.

    Pod and service ranges inside an entry are no part of it, as its ipBlock cuts them out.
    """
    family, number = address_number(ip)
    for spans, alias in entries:
        for span in spans:
            if span.first <= number <= span.last and span.family == family:
                return alias
    return None


def fold_aliases(
    rows: Iterable[Communication], aliases: tuple[Alias, ...], ranges: Ranges
) -> tuple[Communication, ...]:
    """Return the rows with those of aliased addresses folded into one row per protocol and port.

    What no alias takes folds into the row of external ingress where a Service lets the outside in. Look-ups
    at a resolver on the node keep their own row: an alias that starts out must not take name look-ups along.
    """
    kept, folds = _sorted_out(rows, aliases, ranges)
    return (*kept, *(_merge(key, members) for key, members in folds.items()))


def not_folded(
    rows: Iterable[Communication], aliases: Iterable[Alias], ranges: Ranges
) -> list[Communication]:
    """Return the rows that ``fold_aliases`` leaves as they are."""
    return _sorted_out(rows, aliases, ranges)[0]


def _sorted_out(
    rows: Iterable[Communication], aliases: Iterable[Alias], ranges: Ranges
) -> tuple[list[Communication], dict[CommunicationKey, list[Communication]]]:
    """Return the rows that stay alone, and the others by the row that they fold into."""
    entries = _entries(aliases, ranges)
    kept: list[Communication] = []
    folds: dict[CommunicationKey, list[Communication]] = {}
    for row in rows:
        peer = _folds_into(row, entries, ranges)
        if peer is None:
            kept.append(row)
        else:
            folds.setdefault(row.key._replace(peer=peer), []).append(row)
    return kept, folds


def _folds_into(row: Communication, entries: list[_Entry], ranges: Ranges) -> Peer | None:
    """Return the peer of the row that a row folds into, None when it stays alone.

    Of whoever a Service lets in from outside, policies see the client or, after source NAT, a node or load
    balancer: Kubernetes leaves that open. An address in the pod or service range is nobody outside.
    """
    foldable = entries and row.peer.sort is PeerSort.ADDRESS and row.peer.name and not is_local_dns(row.key)
    alias = _holder(entries, row.peer.name) if foldable else None
    if alias:
        return alias_peer(alias.name)
    return EXTERNAL if row.exposed and not in_cluster(row.peer, ranges) else None


def members_of(world: World, key: CommunicationKey) -> tuple[CommunicationKey, ...]:
    """Return the rows of single addresses that an alias stands for; none when an entry is a range."""
    alias = world.aliases.get(key.peer.name) if key.peer.sort is PeerSort.ALIAS else None
    blocks = [network(entry) for entry in alias.entries] if alias else []
    if any(block.num_addresses > 1 for block in blocks):
        return ()
    return tuple(key._replace(peer=address_peer(str(block.network_address))) for block in blocks)


def in_cluster(peer: Peer, ranges: Ranges) -> bool:
    """Tell whether an address is in the pod or service range: then nobody outside has it."""
    return peer.sort is PeerSort.ADDRESS and bool(ranges.inside(peer.name))


def fold_dns(
    rows: Iterable[Communication], dns: ClusterDns | None, *, offered: bool
) -> tuple[Communication, ...]:
    """Return egress rows with observed DNS in one row; ``offered`` makes that row even when unseen.

    A resolver on the node has one row too, for both protocols.
    """
    rows = _fold_resolvers(rows)
    if dns is None:
        return rows
    key = CommunicationKey(Direction.EGRESS, DNS, *dns.ports[0])
    kept: list[Communication] = []
    members: list[Communication] = []
    for row in rows:
        is_dns = dns.is_dns(row.peer, row.key.protocol, row.key.port)
        (members if is_dns else kept).append(row)
    if members:
        kept.append(_merge(key, members))
    elif offered:
        kept.append(Communication(key))
    return tuple(kept)


def _fold_resolvers(rows: Iterable[Communication]) -> tuple[Communication, ...]:
    """Return the rows with look-ups over UDP and TCP at one resolver on the node in one row, known by UDP."""
    kept: list[Communication] = []
    folds: dict[CommunicationKey, list[Communication]] = {}
    for row in rows:
        if is_local_dns(row.key):
            folds.setdefault(local_dns_key(row.key), []).append(row)
        else:
            kept.append(row)
    for key, members in folds.items():
        kept.append(members[0] if [row.key for row in members] == [key] else _merge(key, members))
    return tuple(kept)


def _merge(key: CommunicationKey, members: list[Communication]) -> Communication:
    def union(name: str) -> tuple[str, ...]:
        return tuple(sorted({item for row in members for item in getattr(row, name)}))

    seen = [row for row in members if row.seen] or members
    return replace(
        members[0],
        key=key,
        counts=reduce(lambda a, b: a + b, (row.counts for row in members)),
        first_seen=min(row.first_seen for row in seen),
        last_seen=max(row.last_seen for row in seen),
        orientation=max(row.orientation for row in seen),
        via=tuple(sorted({via for row in members for via in row.via}, key=str)),
        addresses=union("addresses"),
        pods=union("pods"),
        own_pods=union("own_pods"),
        names=union("names"),
        folded=tuple(row.key for row in members),
        exposed=union("exposed"),
        answerable=any(row.answerable for row in members),
        answers_untold=all(row.answers_untold for row in seen),
        arrival_told=any(row.arrival_told for row in seen),
    )
