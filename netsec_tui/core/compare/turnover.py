"""Put connections gained or lost into few changes: ends that share ports stand together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from netsec_tui.core.evaluate.addresses import BITS, Span, address_text
from netsec_tui.core.evaluate.matrix import Connectivity
from netsec_tui.core.evaluate.owners import OwnerEnd, OwnerLink, owner_links, pods_spans
from netsec_tui.core.evaluate.ports import LAST_PORT, PROTOCOLS, PortSet
from netsec_tui.model.difference import Addresses, Change, Group, Ports, Turn
from netsec_tui.model.identity import Direction, WorkloadRef

_EVERY_PORT = frozenset(Ports(protocol, 1, LAST_PORT) for protocol in PROTOCOLS)
_PortKey = tuple[Ports, ...]
_Narrower = Mapping[int, Mapping[tuple[OwnerEnd, OwnerEnd], OwnerLink]]
_Universe = tuple[frozenset[WorkloadRef], Sequence[Span]]
"""All pod owners, and the ranges of addresses that are nothing but pods' own."""


class _Sort(NamedTuple):
    """Hold what connections must share to stand in one change, but for their ends."""

    direction: Direction
    ports: _PortKey
    partial: bool
    family: int | None


def changes_of(turn: Turn, moved: Connectivity, own: Collection[WorkloadRef]) -> Iterator[Change]:
    """Return what turns as few changes, the widest first; every link has an end among ``own``."""
    peers_of: dict[tuple[_Sort, WorkloadRef], set[OwnerEnd]] = defaultdict(set)
    narrower = _narrower(moved)
    for link in owner_links(moved):
        direction = Direction.INGRESS if link.destination in own else Direction.EGRESS
        mine, peer = link.destination, link.source
        if direction is Direction.EGRESS:
            mine, peer = peer, mine
        assert isinstance(mine, WorkloadRef)
        for ports, partial, family in _parts(link, narrower):
            peers_of[_Sort(direction, ports, partial, family), mine].add(peer)
    alike: dict[tuple[_Sort, frozenset[OwnerEnd]], list[WorkloadRef]] = defaultdict(list)
    for (sort, mine), peers in peers_of.items():
        alike[sort, frozenset(peers)].append(mine)
    universe = frozenset(pod.ref for group in moved.pods.pods for pod in group)
    pods = _joined(sorted(pods_spans(moved)))
    found = (_change(turn, sort, mine, peers, (universe, pods)) for (sort, peers), mine in alike.items())
    yield from _related(sorted(found, key=_order))


def _narrower(moved: Connectivity) -> _Narrower:
    """Return the links of each IP family; empty where there is no more than one to look at."""
    if len(moved.layers) == 1:
        return {}
    return {
        family: {(link.source, link.destination): link for link in owner_links(moved.over(family))}
        for family, _ in moved.layers
        if family
    }


def _parts(link: OwnerLink, narrower: _Narrower) -> Iterator[tuple[_PortKey, bool, int | None]]:
    """Return the ports that turn between all pods, then those that do over one IP family or between some."""
    certain, possible = _ports(link.certain), _ports(link.possible)
    if certain:
        yield certain, False, None
    rest = tuple(_without(possible, certain))
    ends = link.source, link.destination
    alone = {family: links[ends] for family, links in narrower.items() if ends in links}
    for family in narrower if rest else ():
        others = [p for other, one in alone.items() if other != family for p in _ports(one.possible)]
        only = tuple(_without(rest, others))
        sure = _ports(alone[family].certain) if family in alone else ()
        some = tuple(_without(only, sure))
        every = tuple(_without(only, some))
        for ports, partial in ((every, False), (some, True)):
            if ports:
                yield ports, partial, family
        rest = tuple(_without(rest, only))
    if rest:
        yield rest, True, None


def _change(
    turn: Turn,
    sort: _Sort,
    own: Iterable[WorkloadRef],
    peers: Iterable[OwnerEnd],
    universe: _Universe,
) -> Change:
    return Change(
        turn,
        sort.direction,
        own=_group(own, universe),
        peers=_group(peers, universe),
        ports=sort.ports,
        rest=tuple(_without(sorted(_EVERY_PORT, key=_port_order), sort.ports)),
        partial=sort.partial,
        family=sort.family,
    )


def _related(changes: Iterable[Change]) -> Iterator[Change]:
    """Return changes in order; the first of each end tells whether the others name all that it does not."""
    of_end: dict[tuple[Direction, Group], list[Change]] = defaultdict(list)
    for change in changes:
        of_end[change.direction, change.own].append(change)
    for first, *more in of_end.values():
        told = {ref for change in (first, *more) for ref in change.own.owners + change.peers.owners}
        remaining = bool(first.peers.owners) and told.issuperset(first.peers.others)
        yield replace(first, peers=replace(first.peers, remaining=remaining))
        yield from more


def _order(change: Change) -> tuple[object, ...]:
    return (
        tuple(Direction).index(change.direction),
        change.partial,
        change.family or 0,
        -change.peers.size,
        change.own.owners,
        change.peers.owners,
        change.peers.addresses,
        change.ports,
    )


def _ports(ports: PortSet) -> _PortKey:
    return tuple(
        Ports(protocol, entry.first, entry.last)
        for protocol, ranges in zip(PROTOCOLS, ports, strict=True)
        for entry in ranges
    )


def _port_order(ports: Ports) -> tuple[int, int]:
    return PROTOCOLS.index(ports.protocol), ports.first


def _without(ports: Iterable[Ports], cut: Iterable[Ports]) -> Iterator[Ports]:
    """Return ports less others; both are disjoint and in order."""
    away = tuple(cut)
    for protocol, position, last in ports:
        for taken in away:
            if taken.protocol != protocol or taken.last < position or taken.first > last:
                continue
            if taken.first > position:
                yield Ports(protocol, position, taken.first - 1)
            position = taken.last + 1
        if position <= last:
            yield Ports(protocol, position, last)


def _group(ends: Iterable[OwnerEnd], universe: _Universe) -> Group:
    found, (everybody, pods) = list(ends), universe
    owners = {end for end in found if isinstance(end, WorkloadRef)}
    spans = sorted(span for end in found if not isinstance(end, WorkloadRef) for span in end.spans)
    # A gap in which there are only pods is none: they are told by their owners.
    gaps = [gap for gap in _gaps(spans) if gap not in pods] if spans else []
    others = everybody - owners
    spaces = {ref.namespace for ref in owners} - {ref.namespace for ref in others}
    return Group(
        owners=tuple(sorted(owners)),
        others=tuple(sorted(others)),
        spaces=tuple(sorted(spaces)),
        addresses=tuple(map(_addresses, _gaps(gaps))) if spans else (),
        beyond=tuple(map(_addresses, gaps)),
    )


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Return disjoint spans in order with neighbours put together."""
    joined: list[Span] = []
    for span in spans:
        if joined and joined[-1].family == span.family and joined[-1].last + 1 == span.first:
            joined[-1] = Span(span.family, joined[-1].first, span.last)
        else:
            joined.append(span)
    return joined


def _gaps(spans: Iterable[Span]) -> Iterator[Span]:
    """Return what disjoint spans in order leave out."""
    given = tuple(spans)
    for family, bits in BITS.items():
        position = 0
        for span in given:
            if span.family != family:
                continue
            if span.first > position:
                yield Span(family, position, span.first - 1)
            position = span.last + 1
        if position < 1 << bits:
            yield Span(family, position, (1 << bits) - 1)


def _addresses(span: Span) -> Addresses:
    return Addresses(address_text(span.family, span.first), address_text(span.family, span.last))
