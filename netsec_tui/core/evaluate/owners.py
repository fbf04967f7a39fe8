"""Lift connectivity between pods to their owners, as people and other tools look at it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from netsec_tui.core.evaluate.addresses import BITS, Span, address_text
from netsec_tui.core.evaluate.bits import members
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
        return ",".join(map(_span_text, self.spans))


OwnerEnd = WorkloadRef | AddressRange
"""A pod owner (a pod without one stands for itself), or addresses."""


class OwnerLink(NamedTuple):
    """Hold the ports on which one owner may reach another.

    ``certain`` are open between all pairs of different pods, ``possible`` between at least one.
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
    # Addresses come last, so that they stand in the order of their classes.
    for number, spans in enumerate(matrix.ranges.spans, len(matrix.pods.pods)):
        pods[AddressRange(spans)][number] = 1
    in_class: list[list[int]] = [[] for _ in matrix.rows]
    for index, counts in enumerate(pods.values()):
        for number in counts:
            in_class[number].append(index)
    return _Owners(tuple(pods), tuple(map(tuple, in_class)), tuple(map(dict, pods.values())))


def _into(matrix: Connectivity, owners: _Owners, destination: int) -> Mapping[int, tuple[int, int]]:
    """Map each owner that reaches ``destination`` to its (certain, possible) ports as bit sets."""
    found: dict[int, tuple[int, int, int]] = {}
    mine = owners.classes[destination]
    for number, pods in mine.items():
        for sources, ports in matrix.rows[number]:
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


def _span_text(span: Span) -> str:
    if span.first == span.last:
        return address_text(span.family, span.first)
    return f"{address_text(span.family, span.first)}-{address_text(span.family, span.last)}"
