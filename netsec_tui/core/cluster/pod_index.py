"""Find the pods that a policy's peer stands for, as bit sets over groups of pods that are alike."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator
from operator import itemgetter

from netsec_tui.core.evaluate.addresses import address_number, block_spans
from netsec_tui.core.evaluate.bits import members
from netsec_tui.core.evaluate.classes import LabelIndex
from netsec_tui.model.connection import End, EndPod
from netsec_tui.model.policy import IPBlock, LabelSelector, PolicyPeer


class PodIndex:
    """Hold the pods of a cluster in groups: same owner, same labels, same namespace.

    A bit set has a bit a group. What peers select is remembered, for the cluster does not change.
    """

    def __init__(self, pods: Iterable[EndPod]) -> None:
        groups: dict[tuple[object, ...], list[EndPod]] = defaultdict(list)
        for pod in pods:
            groups[pod.ref, pod.namespace, pod.labels, pod.namespace_labels].append(pod)
        self.groups = tuple(map(tuple, groups.values()))
        self._number = {
            (pod.namespace, pod.name): number for number, group in enumerate(self.groups) for pod in group
        }
        self._of_namespace: dict[str, int] = defaultdict(int)
        for number, group in enumerate(self.groups):
            self._of_namespace[group[0].namespace] |= 1 << number
        self._labels = LabelIndex(group[0].labels for group in self.groups)
        self._spaces = LabelIndex(tuple(group[0].namespace_label_map.items()) for group in self.groups)
        self._peers: dict[tuple[str, PolicyPeer], int] = {}
        at = ((address_number(ip), pod) for pod in self._all() for ip in pod.ips)
        self._at = sorted(at, key=itemgetter(0))
        self._addresses = [number for number, _ in self._at]
        self._known = frozenset(self._addresses)

    def _all(self) -> Iterator[EndPod]:
        for group in self.groups:
            yield from group

    def selected(self, namespace: str, selector: LabelSelector) -> int:
        """Return the groups of a namespace that a selector matches."""
        return self._of_namespace.get(namespace, 0) & self._labels.select(selector)

    def of_peer(self, home: str, peer: PolicyPeer) -> int:
        """Return the groups that the selectors of a peer match, in a policy of namespace ``home``."""
        key = (home, peer)
        if key not in self._peers:
            self._peers[key] = 0 if peer.ip_block else self._matched(home, peer)
        return self._peers[key]

    def _matched(self, home: str, peer: PolicyPeer) -> int:
        spaces = peer.namespace_selector
        found = self._of_namespace.get(home, 0) if spaces is None else self._spaces.select(spaces)
        return found & self._labels.select(peer.pod_selector)

    def of_ends(self, ends: Iterable[End]) -> int:
        """Return the groups that some pods are in; addresses and unknown pods are in none."""
        found = 0
        for end in ends:
            number = self._number.get((end.namespace, end.name)) if isinstance(end, EndPod) else None
            found |= 0 if number is None else 1 << number
        return found

    def members(self, groups: int) -> Iterator[EndPod]:
        """Yield the pods of some groups."""
        for number in members(groups):
            yield from self.groups[number]

    def within(self, block: IPBlock, families: Container[int]) -> Iterator[EndPod]:
        """Yield the live pods that have an address of some IP families in an ipBlock."""
        for span in block_spans(block):
            if span.family not in families:
                continue
            if span.first == span.last and (span.family, span.first) not in self._known:
                continue
            first = bisect_left(self._addresses, (span.family, span.first))
            last = bisect_right(self._addresses, (span.family, span.last))
            for _, pod in self._at[first:last]:
                yield pod
