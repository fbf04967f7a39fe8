"""Classes of addresses: those that no ipBlock of the policies can tell apart."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable

from netsec_tui.core.evaluate.addresses import BITS, Span, address_number, block_spans
from netsec_tui.model.policy import IPBlock, NetworkPolicy


class AddressClasses:
    """Number the classes from 0; ``spans`` are the addresses of each, ``of_block`` its classes as a bit set.

    Addresses of both families that no block names are one class. There is always at least one.
    """

    def __init__(self, blocks: Iterable[IPBlock]) -> None:
        found = list(dict.fromkeys(blocks))
        self._starts: dict[int, list[int]] = {}
        self._classes: dict[int, list[int]] = {}
        numbers: dict[int, int] = {}
        spans: dict[int, list[Span]] = defaultdict(list)
        for family, bits in BITS.items():
            signatures = _signatures(found, family, 1 << bits)
            starts = sorted(signatures)
            self._starts[family] = starts
            self._classes[family] = []
            for start, end in zip(starts, [*starts[1:], 1 << bits], strict=True):
                number = numbers.setdefault(signatures[start], len(numbers))
                self._classes[family].append(number)
                spans[number].append(Span(family, start, end - 1))
        self.spans = tuple(tuple(spans[number]) for number in range(len(numbers)))
        self.of_block: dict[IPBlock, int] = {
            block: sum(1 << number for signature, number in numbers.items() if signature >> index & 1)
            for index, block in enumerate(found)
        }

    def __len__(self) -> int:
        return len(self.spans)

    def locate(self, ip: str) -> int:
        """Return the class of an address."""
        family, number = address_number(ip)
        return self._classes[family][bisect_right(self._starts[family], number) - 1]


def _signatures(blocks: list[IPBlock], family: int, end: int) -> dict[int, int]:
    """Map the first address of each elementary interval to the set of blocks that hold it."""
    toggles: dict[int, int] = defaultdict(int)
    toggles[0] = 0
    for index, block in enumerate(blocks):
        for span in block_spans(block):
            if span.family == family:
                toggles[span.first] ^= 1 << index
                toggles[span.last + 1] ^= 1 << index
    signature, signatures = 0, {}
    for start in sorted(toggles):
        signature ^= toggles[start]
        if start < end:
            signatures[start] = signature
    return signatures


def blocks_used(policies: Iterable[NetworkPolicy]) -> list[IPBlock]:
    """Return every ipBlock that the policies use."""
    peers = (peer for p in policies for rule in p.ingress + p.egress for peer in rule.peers)
    return [peer.ip_block for peer in peers if peer.ip_block is not None]
