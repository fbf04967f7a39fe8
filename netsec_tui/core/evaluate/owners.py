"""Lift connectivity between pods to their owners, as people and other tools look at it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from netsec_tui.core.evaluate.addresses import BITS, Span, span_text
from netsec_tui.core.evaluate.bits import members
from netsec_tui.core.evaluate.families import Row
from netsec_tui.core.evaluate.matrix import Connectivity
from netsec_tui.core.evaluate.ports import PortSet
from netsec_tui.model.identity import WorkloadRef


class AddressRange(NamedTuple):
    """Hold addresses that no ipBlock tells apart, as spans in order."""

    spans: tuple[Span, ...]

    def __str__(self) -> str:
        whole = {Span(family, 0, (1 << bits) - 1) for family, bits in BITS.items()}
        if set(self.spans) == whole:
            return "any address"
        return ",".join(map(span_text, self.spans))


OwnerEnd = WorkloadRef | AddressRange
"""A pod owner (a pod without one stands for itself), or addresses."""


class OwnerLink(NamedTuple):
    """Hold the ports on which one owner may reach another.

    ``certain`` are open between all pairs of different pods over every IP family that both have, ``possible``
    between at least one pair over at least one.
    """

    source: OwnerEnd
    destination: OwnerEnd
    certain: PortSet
    possible: PortSet


class _Owners(NamedTuple):
    ends: tuple[OwnerEnd, ...]
    in_class: tuple[tuple[int, ...], ...]  # by class: the owners with pods in it
    classes: tuple[dict[int, int], ...]  # by owner: its classes, and how many pods it has in each


def owner_links(matrix: Connectivity) -> Iterator[OwnerLink]:
    """Return every pair of owners, or of an owner and addresses, that may talk; others may not.

    A pod's connection to itself never counts, since nothing can block it.
    """
    owners = _owners(matrix)
    open_ports = matrix.atoms.ports
    for destination, end in enumerate(owners.ends):
        for source, (certain, possible) in _into(matrix, owners, destination).items():
            yield OwnerLink(owners.ends[source], end, open_ports(certain), open_ports(possible))


def _owners(matrix: Connectivity) -> _Owners:
    pods: dict[OwnerEnd, Counter[int]] = defaultdict(Counter)
    for number, group in enumerate(matrix.pods.pods):
        for pod in group:
            pods[pod.ref][number] += 1
    # Addresses come last, so that they stand in the order of their classes. Those that pods have are pods.
    taken = set(pods_spans(matrix))
    for number, spans in enumerate(matrix.ranges.spans, len(matrix.pods.pods)):
        left = tuple(span for span in spans if span not in taken) if taken else spans
        if left:
            pods[AddressRange(left)][number] = 1
    in_class: list[list[int]] = [[] for _ in matrix.rows]
    for index, counts in enumerate(pods.values()):
        for number in counts:
            in_class[number].append(index)
    return _Owners(tuple(pods), tuple(map(tuple, in_class)), tuple(map(dict, pods.values())))


def pods_spans(matrix: Connectivity) -> tuple[Span, ...]:
    """Return the spans of the address classes in which every address is a live pod's own."""
    addresses = matrix.pods.addresses_of_pods
    few = len(addresses)
    narrow = (s for spans in matrix.ranges.spans for s in spans if s.last - s.first < few)
    return tuple(
        span
        for span in narrow
        if all((span.family, number) in addresses for number in range(span.first, span.last + 1))
    )


def _into(matrix: Connectivity, owners: _Owners, destination: int) -> Mapping[int, tuple[int, int]]:
    """Map each owner that reaches ``destination`` to its (certain, possible) ports as bit sets."""
    found = _reached(matrix.rows, owners, destination)
    if matrix.sure is matrix.rows:
        return found
    sure = _reached(matrix.sure, owners, destination)
    return {source: (sure.get(source, (0, 0))[0], possible) for source, (_, possible) in found.items()}


def _reached(rows: Sequence[Row], owners: _Owners, destination: int) -> dict[int, tuple[int, int]]:
    """Map each owner that has a cell in the rows to the ports of all pairs and of at least one."""
    found: dict[int, tuple[int, int, int]] = {}
    mine = owners.classes[destination]
    for number, pods in mine.items():
        for sources, ports in rows[number]:
            for source_class in members(sources):
                for source in owners.in_class[source_class]:
                    if source == destination and source_class == number and pods == 1:
                        continue  # only the pod itself
                    certain, possible, seen = found.get(source, (ports, 0, 0))
                    found[source] = (certain & ports, possible | ports, seen + 1)
    result = {}
    for source, (certain, possible, seen) in found.items():
        pairs = len(owners.classes[source]) * len(mine)
        if source == destination:
            pairs -= sum(1 for pods in mine.values() if pods == 1)
        result[source] = (certain if seen == pairs else 0, possible)
    return result
