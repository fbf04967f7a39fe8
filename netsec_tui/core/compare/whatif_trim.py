"""Leave out of policies the ipBlocks that cannot matter, so that thousands of them cost nothing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from netsec_tui.core.evaluate.addresses import address_number, block_spans
from netsec_tui.model.connection import EndPod
from netsec_tui.model.policy import IPBlock, NetworkPolicy, PolicyRule

Number = tuple[int, int]
"""An address as its family and number."""


def within(numbers: list[Number], family: int, first: int, last: int) -> int:
    """Return how many of some sorted addresses lie between two, both included."""
    return bisect_left(numbers, (family, last + 1)) - bisect_left(numbers, (family, first))


def holding(pods: Iterable[EndPod]) -> Callable[[IPBlock], bool]:
    """Return a test whether any of the pods has an address in a block."""
    numbers = sorted({address_number(ip) for pod in pods for ip in pod.ips})
    return lambda block: any(
        within(numbers, span.family, span.first, span.last) for span in block_spans(block)
    )


def without_blocks(
    policies: Iterable[NetworkPolicy], keep: Callable[[IPBlock], bool]
) -> tuple[NetworkPolicy, ...]:
    """Return the policies without the ipBlocks that are not to be kept; indexes of rules may change."""

    def near(rules: tuple[PolicyRule, ...]) -> Iterator[PolicyRule]:
        for rule in rules:
            kept = tuple(peer for peer in rule.peers if peer.ip_block is None or keep(peer.ip_block))
            if kept or not rule.peers:  # a rule that lost all its peers must not open for everybody
                yield replace(rule, peers=kept)

    return tuple(replace(p, ingress=tuple(near(p.ingress)), egress=tuple(near(p.egress))) for p in policies)
