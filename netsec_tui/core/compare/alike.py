"""Group pods and addresses that the applied policies cannot tell apart, to ask about one of each."""

from __future__ import annotations

from netsec_tui.core.compare.applied import Applied
from netsec_tui.core.evaluate.addresses import address_number
from netsec_tui.core.evaluate.match import block_contains
from netsec_tui.model.connection import End, EndPod
from netsec_tui.model.identity import Direction
from netsec_tui.model.inventory import AppliedPolicy
from netsec_tui.model.policy import IPBlock

Ends = tuple[End, ...]
Blocks = frozenset[IPBlock]


class Alike:
    """Group ends; the tuples it is given are remembered, since rows share them."""

    def __init__(self, applied: Applied) -> None:
        self._applied = applied
        self._blocks: dict[int, Blocks] = {}
        self._groups: dict[tuple[int, Blocks], list[Ends]] = {}
        self._kept: dict[int, Ends] = {}  # an identity must not go to another tuple

    def pairs(self, sources: Ends, destinations: Ends) -> list[tuple[End, End, int]]:
        """Return a pair of different ends for each two groups, with the number of such pairs."""
        found = []
        for left in self._alike(sources, destinations):
            for right in self._alike(destinations, sources):
                pair = _different(left, right)
                if pair is not None:
                    shared = len(set(left) & set(right))
                    found.append((*pair, len(left) * len(right) - shared))
        return found

    def _alike(self, ends: Ends, facing: Ends) -> list[Ends]:
        """Group ends that no selector, block, port or place of the policies facing them can tell apart."""
        blocks = self._blocks_facing(facing)
        key = (id(ends), blocks)
        if key not in self._groups:
            self._kept[id(ends)] = ends
            groups: dict[object, list[End]] = {}
            for end in ends:
                groups.setdefault(self._kind(end, blocks), []).append(end)
            self._groups[key] = [tuple(group) for group in groups.values()]
        return self._groups[key]

    def _blocks_facing(self, facing: Ends) -> Blocks:
        if id(facing) not in self._blocks:
            self._kept[id(facing)] = facing
            policies = {
                (applied.policy.namespace, applied.policy.name): applied
                for end in facing
                if isinstance(end, EndPod)
                for applied in self._applied.on_pod(end)
            }
            self._blocks[id(facing)] = frozenset(b for p in policies.values() for b in _blocks_in(p))
        return self._blocks[id(facing)]

    def _kind(self, end: End, blocks: Blocks) -> object:
        state = self._applied.state
        if isinstance(end, str):
            if state.pod_at(end) or state.service_at(end):
                return end
            held = frozenset(block for block in blocks if block_contains(block, end))
            return address_number(end)[0], state.node_at(end), state.in_pod_range(end), held
        families = frozenset(address_number(ip)[0] for ip in end.ips)
        held = frozenset(b for b in blocks if any(block_contains(b, ip) for ip in end.ips))
        # Which node a pod is on matters where nodes are asked about; those few groups more cost little.
        return end.namespace, end.labels, end.namespace_labels, end.ports, end.node, families, held


def _different(left: Ends, right: Ends) -> tuple[End, End] | None:
    """Return one end of each group; a pod's connection to itself is none that policies could hold back."""
    for first in left[:2]:
        for second in right[:2]:
            if first != second:
                return first, second
    return None


def _blocks_in(applied: AppliedPolicy) -> Blocks:
    rules = (rule for direction in Direction for rule in applied.policy.rules(direction))
    return frozenset(peer.ip_block for rule in rules for peer in rule.peers if peer.ip_block)
