"""Evaluate everything at once: which classes of ends may reach which, on which ports.

Ends are classes of pods followed by classes of addresses. A rule becomes a grant: to these destinations, on
these ports, from these sources, each a bit set. Destinations that the same grants name share one row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from netsec_tui.core.evaluate.bits import members, split
from netsec_tui.core.evaluate.classes import PodClasses, pod_classes
from netsec_tui.core.evaluate.families import Row, Stacks, both, either, families_of
from netsec_tui.core.evaluate.ports import PortAtoms, PortSet, port_entries
from netsec_tui.core.evaluate.ranges import AddressClasses, blocks_used
from netsec_tui.errors import NotFoundError
from netsec_tui.model.connection import End, EndPod
from netsec_tui.model.identity import Direction
from netsec_tui.model.policy import NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule

_Grants = dict[tuple[int, int], int]
"""Map (destinations, ports) to sources."""


Layer = tuple[int | None, tuple[Row, ...]]
"""What is allowed over one IP family, a row a destination class; None stands for any."""


@dataclass(frozen=True)
class Connectivity:
    """Hold the whole connectivity by classes of ends.

    There is a layer for each IP family where pods have addresses of both and ipBlocks can tell, else one.
    ``left_out`` are pods on the host network: policies see their node's address instead, if anything.
    """

    pods: PodClasses
    ranges: AddressClasses
    atoms: PortAtoms
    layers: tuple[Layer, ...]
    left_out: tuple[EndPod, ...] = ()

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Return a row a destination class: what is allowed over at least one family."""
        if len(self.layers) == 1:
            return self.layers[0][1]
        return tuple(either(counted) for counted in self._counted())

    @cached_property
    def sure(self) -> tuple[Row, ...]:
        """Return a row a destination class: what is allowed over every family that the ends share."""
        if len(self.layers) == 1:
            return self.layers[0][1]
        everyone, everything = self._stacks.everyone, self.atoms.everything
        return tuple(both(counted, everyone, everything) for counted in self._counted())

    def over(self, family: int) -> Connectivity:
        """Return the part over one of the families: what ends allow that talk over it."""
        place = [known for known, _ in self.layers].index(family)
        rows = tuple(either(counted[place : place + 1]) for counted in self._counted())
        return replace(self, layers=((family, rows),))

    @cached_property
    def _stacks(self) -> Stacks:
        count = len(self.pods.pods)
        addresses = (1 << (count + len(self.ranges))) - (1 << count)
        talking = {family: bits | addresses for family, bits in self.pods.of_family.items()}
        return Stacks(count, addresses | ((1 << count) - 1), talking)

    def _counted(self) -> Iterator[list[tuple[Row, int]]]:
        """Return for each destination its row in every layer, with the sources that talk over its family."""
        for number, rows in enumerate(zip(*(rows for _, rows in self.layers), strict=True)):
            yield [
                (row, self._stacks.talking(number, family or 0))
                for (family, _), row in zip(self.layers, rows, strict=True)
            ]

    def number(self, end: End) -> int:
        """Return the class of a pod or address; raises NotFoundError for a pod that was not put in."""
        if isinstance(end, str):
            return len(self.pods.pods) + self.ranges.locate(end)
        try:
            return self.pods.number[end.namespace, end.name]
        except KeyError:
            raise NotFoundError(f"pod {end} is not part of this connectivity") from None

    def ports(self, source: End, destination: End) -> PortSet:
        """Return the ports on which both sides let ``source`` reach ``destination``, over every family."""
        bit = 1 << self.number(source)
        cells = self.sure[self.number(destination)]
        return self.atoms.ports(next((ports for sources, ports in cells if sources & bit), 0))


def connectivity(
    policies: Iterable[NetworkPolicy],
    pods: Iterable[EndPod],
    *,
    ipblock_matches_pods: bool = True,
    family: int | None = None,
    beside: Iterable[NetworkPolicy] = (),
) -> Connectivity:
    """Return what the policies alone allow between all pods, and between pods and addresses.

    With ``family`` only the pods' addresses of IPv4 or IPv6 count for ipBlocks, without it both are looked
    at. Doubts (``Doubt``) are beyond it: ask ``evaluate`` about a single connection. Policies ``beside``
    allow and isolate nothing, but classes and ports are cut for them too: with the same policies in all,
    numbers mean the same.
    """
    known, all_pods = tuple(policies), tuple(pods)
    cutting = (*known, *beside)
    blocks = blocks_used(cutting)
    ranges = AddressClasses(blocks)
    placed = tuple(pod for pod in all_pods if not pod.host_network)
    matter = families_of(placed) if blocks and ipblock_matches_pods and family is None else ()
    families: tuple[int | None, ...] = matter if len(matter) > 1 else (family,)
    classes = pod_classes(
        cutting, placed, ranges, ipblock_matches_pods=ipblock_matches_pods, families=families
    )
    atoms = PortAtoms(port_entries(cutting), classes.named)
    layers = []
    for index, each in enumerate(families):
        builder = _Builder(classes, ranges, atoms, classes.addresses[index])
        for policy in known:
            builder.add(policy)
        layers.append((each, tuple(builder.rows())))
    left_out = tuple(pod for pod in all_pods if pod.host_network)
    return Connectivity(classes, ranges, atoms, tuple(layers), left_out)


class _Builder:
    """Collect the grants of policies and multiply them out."""

    def __init__(
        self, classes: PodClasses, ranges: AddressClasses, atoms: PortAtoms, placed: Iterable[int]
    ) -> None:
        self._classes, self._ranges, self._atoms = classes, ranges, atoms
        self._count = len(classes.pods)
        self._pods = (1 << self._count) - 1
        self._everyone = (1 << (self._count + len(ranges))) - 1
        self._grants: dict[Direction, _Grants] = {d: defaultdict(int) for d in Direction}
        self._isolated = dict.fromkeys(Direction, 0)
        self._pods_at: dict[int, int] = defaultdict(int)
        for number, addresses in enumerate(placed):
            for address in members(addresses):
                self._pods_at[address] |= 1 << number

    def add(self, policy: NetworkPolicy) -> None:
        """Take in one policy."""
        namespace = self._classes.of_namespace.get(policy.namespace, 0)
        selected = namespace & self._classes.labels.select(policy.pod_selector)
        for direction in policy.policy_types:
            self._isolated[direction] |= selected
            for rule in policy.rules(direction):
                if direction is Direction.INGRESS:
                    for peers, _ in self._peers(rule, namespace):
                        self._grant(direction, selected, rule.ports, peers, named=True)
                else:
                    for peers, named in self._peers(rule, namespace):
                        self._grant(direction, peers, rule.ports, selected, named=named)

    def _peers(self, rule: PolicyRule, namespace: int) -> Iterator[tuple[int, bool]]:
        """Return the ends that a rule names, with whether port names mean something for them (D3)."""
        if not rule.peers:
            yield self._everyone, True
            return
        chosen = blocks = 0
        for peer in rule.peers:
            if peer.ip_block is None:
                chosen |= self._chosen(peer, namespace)
            else:
                inside = self._ranges.of_block[peer.ip_block]
                blocks |= inside << self._count
                for address in members(inside):
                    blocks |= self._pods_at.get(address, 0)
        if chosen:
            yield chosen, True
        if blocks:
            yield blocks, False

    def _chosen(self, peer: PolicyPeer, namespace: int) -> int:
        classes = self._classes
        if peer.namespace_selector is not None:
            namespace = classes.namespace_labels.select(peer.namespace_selector)
        return namespace & classes.labels.select(peer.pod_selector)

    def _grant(
        self,
        direction: Direction,
        destinations: int,
        ports: tuple[PolicyPort, ...],
        sources: int,
        *,
        named: bool,
    ) -> None:
        grants = self._grants[direction]
        if not named or not any(isinstance(entry.port, str) for entry in ports):
            grants[destinations, self._atoms.entries_mask(ports, {})] |= sources
            return
        by_mask: dict[int, int] = defaultdict(int)
        for number in members(destinations):
            names = self._classes.named[number] if number < self._count else {}
            by_mask[self._atoms.entries_mask(ports, names)] |= 1 << number
        for mask, part in by_mask.items():
            grants[part, mask] |= sources

    def rows(self) -> Iterator[Row]:
        """Return the row of each destination class, in order."""
        everything = self._atoms.everything
        for direction, free in (
            (Direction.INGRESS, (self._everyone & ~self._isolated[Direction.INGRESS], self._everyone)),
            (Direction.EGRESS, (self._everyone, self._everyone & ~self._isolated[Direction.EGRESS])),
        ):
            self._grants[direction][free[0], everything] |= free[1]
        sides = [_by_destination(self._grants[d], self._count + len(self._ranges)) for d in Direction]
        made: dict[tuple[tuple[int, ...], ...], Row] = {}
        for number, profile in enumerate(zip(*sides, strict=True)):
            if profile not in made:
                made[profile] = self._row(profile)
            row = made[profile]
            if number >= self._count:  # addresses talking to each other are none of our business
                row = tuple((s & self._pods, ports) for s, ports in row if s & self._pods)
            yield row

    def _row(self, profile: tuple[tuple[int, ...], ...]) -> Row:
        granted = [
            _by_ports(list(self._grants[d].items()), p) for d, p in zip(Direction, profile, strict=True)
        ]
        alike: dict[int, int] = {self._atoms.everything: 0}
        for side in granted:
            for ports in side:
                alike = split(alike, ports, 0)
        cells = {self._everyone: 0}
        for ports in alike:
            reached = self._everyone
            for side in granted:
                allowed = 0
                for mask, sources in side.items():
                    if mask & ports:
                        allowed |= sources
                reached &= allowed
            if reached:
                cells = split(cells, reached, ports)
        return tuple((sources, ports) for sources, ports in cells.items() if ports)


def _by_destination(grants: _Grants, count: int) -> list[tuple[int, ...]]:
    """Return for each destination the numbers of the grants that name it."""
    found: list[list[int]] = [[] for _ in range(count)]
    for index, (destinations, _) in enumerate(grants):
        for number in members(destinations):
            found[number].append(index)
    return [tuple(numbers) for numbers in found]


def _by_ports(grants: list[tuple[tuple[int, int], int]], chosen: tuple[int, ...]) -> dict[int, int]:
    """Map the ports of the chosen grants to the union of their sources."""
    sources: dict[int, int] = defaultdict(int)
    for index in chosen:
        (_, ports), granted = grants[index]
        sources[ports] |= granted
    return sources
