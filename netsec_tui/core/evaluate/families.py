"""Put together what connections may do over IPv4 and over IPv6, where pods have addresses of both.

Only ipBlocks tell the two apart. Two pods talk over the families that both have addresses of; over either
one where that is not known, or where they share none. An address has its own family, so that for it nothing
differs between the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from netsec_tui.core.evaluate.addresses import address_number
from netsec_tui.core.evaluate.bits import split
from netsec_tui.model.connection import EndPod

Row = tuple[tuple[int, int], ...]
"""Disjoint cells (sources, ports) of one destination; sources not in any cell may not reach it."""


@dataclass(frozen=True)
class Stacks:
    """Hold how many classes of pods there are, all ends as a bit set, and which talk over which family."""

    pods: int
    everyone: int
    of_family: Mapping[int, int]

    def talking(self, destination: int, family: int) -> int:
        """Return the sources that may talk to a class over a family."""
        if destination >= self.pods:
            return self.everyone
        with_it = self._sources(destination, family) | self.everyone >> self.pods << self.pods
        shared = 0
        for other in self.of_family:
            shared |= self._sources(destination, other)
        return with_it | (self.everyone & ~shared)

    def _sources(self, destination: int, family: int) -> int:
        talking = self.of_family[family]
        return talking if talking >> destination & 1 else 0


def families_of(pods: Iterable[EndPod]) -> tuple[int, ...]:
    """Return the IP families that the pods have addresses of, in order."""
    return tuple(sorted({address_number(ip)[0] for pod in pods for ip in pod.ips}))


def either(rows: Iterable[tuple[Row, int]]) -> Row:
    """Return what one of some rows allows, each for the sources beside it."""
    cells = {-1: 0}  # every bit there could be
    for row, counted in rows:
        for sources, ports in row:
            if sources & counted:
                cells = split(cells, sources & counted, ports)
    return tuple((sources, ports) for sources, ports in cells.items() if ports)


def both(rows: Iterable[tuple[Row, int]], everyone: int, everything: int) -> Row:
    """Return what all of some rows allow, each for the sources beside it."""
    cells = {everyone: 0}
    for row, counted in rows:
        for sources, refused in _refused(row, counted, everything):
            cells = split(cells, sources, refused)
    left = ((sources, everything & ~refused) for sources, refused in cells.items())
    return tuple((sources, ports) for sources, ports in left if ports)


def _refused(row: Row, counted: int, everything: int) -> Iterator[tuple[int, int]]:
    rest = counted
    for sources, ports in row:
        rest &= ~sources
        if sources & counted:
            yield sources & counted, everything & ~ports
    if rest:
        yield rest, everything
