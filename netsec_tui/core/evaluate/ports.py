"""Sets of ports: intervals for people, bit sets over elementary intervals for arithmetic."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from netsec_tui.core.evaluate.match import NamedPorts
from netsec_tui.model.decision import PortRange
from netsec_tui.model.policy import NetworkPolicy, PolicyPort

PROTOCOLS = ("TCP", "UDP", "SCTP")
LAST_PORT = 65535
_ALL_PORTS = (PortRange(1, LAST_PORT),)


class PortSet(NamedTuple):
    """Hold ports as disjoint ranges in order, a tuple a protocol; false when there are none."""

    tcp: tuple[PortRange, ...] = ()
    udp: tuple[PortRange, ...] = ()
    sctp: tuple[PortRange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.tcp or self.udp or self.sctp)

    @property
    def everything(self) -> bool:
        """Tell whether these are all ports of all protocols that a NetworkPolicy knows."""
        return self == _EVERYTHING

    def covers(self, protocol: str, number: int) -> bool:
        """Tell whether a port is among these."""
        return any(r.first <= number <= r.last for r in self[PROTOCOLS.index(protocol)])

    def __str__(self) -> str:
        return _text(self)


_EVERYTHING = PortSet(_ALL_PORTS, _ALL_PORTS, _ALL_PORTS)


@lru_cache(maxsize=4096)  # a cluster has few sets of ports, and many pairs of owners to print them for
def _text(ports: PortSet) -> str:
    if ports.everything:
        return "all ports"
    named = [(p, ranges) for p, ranges in zip(PROTOCOLS, ports, strict=True) if ranges]
    parts = [p if ranges == _ALL_PORTS else f"{p} {','.join(map(str, ranges))}" for p, ranges in named]
    return "; ".join(parts) or "none"


class PortAtoms:
    """Cut the ports of each protocol where a policy or a named port can tell neighbours apart.

    A set of ports is then an int with a bit an atom.
    """

    def __init__(self, entries: Iterable[PolicyPort], named: Iterable[NamedPorts]) -> None:
        starts: dict[str, set[int]] = {protocol: {1} for protocol in PROTOCOLS}
        for entry in entries:
            if isinstance(entry.port, int):
                starts[entry.protocol] |= {entry.port, (entry.end_port or entry.port) + 1}
        for ports in named:
            for (_, protocol), number in ports.items():
                starts[protocol] |= {number, number + 1}
        self._starts = {p: sorted(s for s in found if s <= LAST_PORT) for p, found in starts.items()}
        self._offset: dict[str, int] = {}
        count = 0
        for protocol in PROTOCOLS:
            self._offset[protocol] = count
            count += len(self._starts[protocol])
        self.everything = (1 << count) - 1
        self._sets: dict[int, PortSet] = {}

    def mask(self, protocol: str, first: int, last: int) -> int:
        """Return the bits of a range of ports; both ends must be where atoms end."""
        starts, offset = self._starts[protocol], self._offset[protocol]
        low, high = bisect_left(starts, first), bisect_right(starts, last)
        return ((1 << (high - low)) - 1) << (low + offset)

    def entries_mask(self, entries: tuple[PolicyPort, ...], named: NamedPorts) -> int:
        """Return the ports of a rule towards a destination with these named ports (C4, D1, D3, D4)."""
        if not entries:
            return self.everything
        mask = 0
        for entry in entries:
            port = entry.port
            if isinstance(port, str):
                port = named.get((port, entry.protocol))
                if port is None:
                    continue
            if port is None:
                mask |= self.mask(entry.protocol, 1, LAST_PORT)
            else:
                mask |= self.mask(entry.protocol, port, entry.end_port or port)
        return mask

    def ports(self, mask: int) -> PortSet:
        """Return the ports of a bit set."""
        if mask not in self._sets:
            self._sets[mask] = PortSet(*(self._ranges(protocol, mask) for protocol in PROTOCOLS))
        return self._sets[mask]

    def _ranges(self, protocol: str, mask: int) -> tuple[PortRange, ...]:
        starts, offset = self._starts[protocol], self._offset[protocol]
        ranges: list[PortRange] = []
        for index, first in enumerate(starts):
            if not mask >> (offset + index) & 1:
                continue
            last = starts[index + 1] - 1 if index + 1 < len(starts) else LAST_PORT
            if ranges and ranges[-1].last == first - 1:
                first = ranges.pop().first
            ranges.append(PortRange(first, last))
        return tuple(ranges)


def port_entries(policies: Iterable[NetworkPolicy]) -> set[PolicyPort]:
    """Return every entry of ports that the policies use."""
    return {entry for p in policies for rule in p.ingress + p.egress for entry in rule.ports}


def names_used(entries: Iterable[PolicyPort]) -> frozenset[tuple[str, str]]:
    """Return the (port name, protocol) pairs among entries of ports."""
    return frozenset((e.port, e.protocol) for e in entries if isinstance(e.port, str))


def known_names(named: Mapping[tuple[str, str], int], used: frozenset[tuple[str, str]]) -> NamedPorts:
    """Return the named ports that some policy can ask for."""
    return {key: number for key, number in named.items() if key in used}
