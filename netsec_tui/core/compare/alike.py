"""Group pods and addresses that policies cannot tell apart, to ask about one of each."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import NamedTuple

from netsec_tui.core.evaluate.addresses import address_number, block_spans
from netsec_tui.core.evaluate.ranges import blocks_used
from netsec_tui.core.evaluate.state import ClusterState
from netsec_tui.model.connection import End, EndPod
from netsec_tui.model.policy import NetworkPolicy


class Group(NamedTuple):
    """Hold ends that no policy can tell apart, what tells them from all others, and who they are."""

    token: Hashable
    ends: tuple[End, ...]
    held: Mapping[Hashable, int]

    def pairs(self, other: Group) -> int:
        """Return how many pairs of different ends the two groups make."""
        same = sum(self.held[one] * other.held[one] for one in self.held.keys() & other.held.keys())
        return len(self.ends) * len(other.ends) - same


class Alike:
    """Sort ends into groups under some policies; the tuples it is given are remembered, rows share them."""

    def __init__(self, policies: Iterable[NetworkPolicy], state: ClusterState) -> None:
        self._state = state
        cuts: dict[int, set[int]] = {4: set(), 6: set()}
        for block in dict.fromkeys(blocks_used(policies)):
            for span in block_spans(block):
                cuts[span.family] |= {span.first, span.last + 1}
        self._cuts = {family: sorted(numbers) for family, numbers in cuts.items()}
        # What has an identity for its key is kept with it, so that nothing else can get the same one.
        self._tokens: dict[tuple[int, bool, bool], tuple[End, Hashable]] = {}
        self._grouped: dict[tuple[int, bool, bool], tuple[tuple[End, ...], tuple[Group, ...]]] = {}

    def pairs(self, own: tuple[End, ...], peers: tuple[End, ...]) -> Iterator[tuple[Group, Group]]:
        """Yield every pair of groups; they may hold pairs of a pod with itself."""
        # A pod's node only matters towards nodes and what runs on their network.
        by_node = any(self._on_node(end) for end in own + peers)
        others = self._groups(peers, by_node)
        # Towards addresses outside of the cluster, a pod's own do not matter.
        outside = all(isinstance(end, str) and not self._inside(end) for end in peers)
        for mine in self._groups(own, by_node, addressed=not outside):
            for group in others:
                yield mine, group

    def different(self, mine: Group, others: Group) -> tuple[End, End]:
        """Return an end of each group that are not the same pod or address; there must be two."""
        identity = self._identity
        return next((a, b) for a in mine.ends for b in others.ends if identity(a) != identity(b))

    def _identity(self, end: End) -> Hashable:
        """Return what makes two ends the same pod or address."""
        pod = self._state.pod_at(end) if isinstance(end, str) else end
        if pod is None:
            return end
        return pod.namespace, pod.name, pod.ref.kind if pod.synthetic else None

    def _groups(self, ends: tuple[End, ...], by_node: bool, addressed: bool = True) -> tuple[Group, ...]:
        key = (id(ends), by_node, addressed)
        if key not in self._grouped:
            found: dict[Hashable, list[End]] = {}
            for end in ends:
                found.setdefault(self._token(end, by_node, addressed), []).append(end)
            groups = (
                Group(token, tuple(members), Counter(map(self._identity, members)))
                for token, members in found.items()
            )
            self._grouped[key] = (ends, tuple(groups))
        return self._grouped[key][1]

    def _on_node(self, end: End) -> bool:
        return self._state.node_at(end) is not None if isinstance(end, str) else end.host_network

    def _inside(self, ip: str) -> bool:
        state = self._state
        return bool(state.pod_at(ip) or state.service_at(ip)) or state.node_at(ip) is not None

    def _token(self, end: End, by_node: bool, addressed: bool) -> Hashable:
        key = (id(end), by_node, addressed)
        known = self._tokens.get(key)
        if known is None:
            token = self._of_address(end) if isinstance(end, str) else self._of_pod(end, by_node, addressed)
            known = self._tokens[key] = (end, token)
        return known[1]

    def _of_address(self, ip: str) -> Hashable:
        return ip if self._inside(ip) else (*self._cell(ip), self._state.in_pod_range(ip))

    def _of_pod(self, pod: EndPod, by_node: bool, addressed: bool) -> Hashable:
        cells = tuple(map(self._cell, pod.ips)) if addressed else ()
        place = (pod.node, pod.synthetic) if by_node else None
        return (pod.namespace, pod.labels, pod.namespace_labels, cells, pod.ports, pod.host_network, place)

    def _cell(self, ip: str) -> tuple[int, int]:
        """Return the family and between which two edges of ipBlocks an address lies."""
        family, number = address_number(ip)
        return family, bisect_right(self._cuts[family], number)
