"""Leave out of policies the ipBlocks that cannot matter, so that thousands of them cost nothing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from netsec_tui.core.evaluate.addresses import address_number, block_spans
from netsec_tui.core.evaluate.state import Policies
from netsec_tui.model.connection import EndPod, SideVerdict
from netsec_tui.model.identity import Direction
from netsec_tui.model.policy import IPBlock, NetworkPolicy, PolicyRule

Number = tuple[int, int]
"""An address as its family and number."""

Keep = Callable[[IPBlock], bool]
"""Tell whether an ipBlock is to be kept."""


def within(numbers: list[Number], family: int, first: int, last: int) -> int:
    """Return how many of some sorted addresses lie between two, both included."""
    return bisect_left(numbers, (family, last + 1)) - bisect_left(numbers, (family, first))


def holding(pods: Iterable[EndPod]) -> Keep:
    """Return a test whether any of the pods has an address in a block."""
    numbers = sorted({address_number(ip) for pod in pods for ip in pod.ips})
    return lambda block: any(
        within(numbers, span.family, span.first, span.last) for span in block_spans(block)
    )


class Trimmed:
    """Hold policies without the ipBlocks that are not to be kept; rules may go, and others move up."""

    def __init__(self, policies: Iterable[NetworkPolicy], keep: Keep) -> None:
        self._places: dict[tuple[str, str, Direction], Mapping[int, int]] = {}
        self.policies = Policies(self._trim(policy, keep) for policy in policies)

    def _trim(self, policy: NetworkPolicy, keep: Keep) -> NetworkPolicy:
        left: dict[Direction, tuple[PolicyRule, ...]] = {}
        for direction in Direction:
            near = list(_near(policy.rules(direction), keep))
            left[direction] = tuple(rule for _, rule in near)
            places = {new: old for new, (old, _) in enumerate(near) if new != old}
            if places:
                self._places[policy.namespace, policy.name, direction] = places
        return replace(policy, ingress=left[Direction.INGRESS], egress=left[Direction.EGRESS])

    def as_written(self, side: SideVerdict) -> SideVerdict:
        """Return the answer with its rules counted as in the whole policies."""
        moved = []
        for ref in side.allowed_by:
            places = self._places.get((ref.namespace, ref.policy, ref.direction), {})
            index = ref.index if ref.index is None else places.get(ref.index, ref.index)
            moved.append(replace(ref, index=index))
        return replace(side, allowed_by=tuple(moved))


def _near(rules: tuple[PolicyRule, ...], keep: Keep) -> Iterator[tuple[int, PolicyRule]]:
    for place, rule in enumerate(rules):
        kept = tuple(peer for peer in rule.peers if peer.ip_block is None or keep(peer.ip_block))
        if kept or not rule.peers:  # a rule that lost all its peers must not open for everybody
            yield place, replace(rule, peers=kept)
