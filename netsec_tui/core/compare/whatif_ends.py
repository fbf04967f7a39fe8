"""Find the pairs of pods and addresses behind a row, in groups that policies cannot tell apart."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.cluster.selectors import has_labels
from netsec_tui.core.decide.express import express
from netsec_tui.core.evaluate.addresses import address_number, block_spans
from netsec_tui.core.evaluate.ranges import blocks_used
from netsec_tui.core.evaluate.state import ClusterState
from netsec_tui.model.communication import Communication
from netsec_tui.model.connection import End, EndPod
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import PeerSort, WorkloadRef
from netsec_tui.model.policy import NetworkPolicy
from netsec_tui.model.review import Subject

_BEHIND = (PeerSort.SERVICE, PeerSort.DNS, PeerSort.API_SERVER)
"""Peers whose pods listen on other ports than the row's."""


class RowEnds:
    """Look up both ends of rows; unlike ``Ends``, pods on the host network are pods here.

    Whether policies see such a pod as one is then a doubt that the evaluation raises by itself.
    """

    def __init__(self, ground: Ground, subject: Subject) -> None:
        self._ground, self._subject = ground, subject

    @cached_property
    def own(self) -> tuple[End, ...]:
        """Return the workload's pods: the live ones and one that each owner would make next."""
        ends = (end for owner in self._subject.owners for end in self._of_owner(owner))
        if self._subject.ref.kind != "Service":
            return tuple(ends)
        wanted = self._subject.selector.match_labels
        return tuple(e for e in ends if isinstance(e, EndPod) and has_labels(wanted, e.labels))

    def peers(self, communication: Communication) -> tuple[End, ...]:
        """Return the pods or addresses of the other end; empty when nobody knows them."""
        peer = communication.peer
        if peer.sort is PeerSort.OWNER:
            return self._of_owner(peer.ref) or tuple(ip for ip in communication.addresses if ip)
        return self._ground.ends.of(communication)

    def ports(self, communication: Communication) -> tuple[tuple[Protocol, int], ...]:
        """Return protocols and ports at the pods; port 0 stands for one that is not known."""
        key = communication.key
        if key.peer.sort in _BEHIND:
            ports = express(self._ground.world, self._subject.ref.namespace, communication).ports
            found = tuple((Protocol(p.protocol), p.port) for p in ports if isinstance(p.port, int))
            if found:
                return found
        return ((key.protocol, key.port),)

    def _of_owner(self, ref: WorkloadRef) -> tuple[End, ...]:
        return self._host_pods.get(ref, ()) + self._ground.ends.pods_of(ref)

    @cached_property
    def _host_pods(self) -> dict[WorkloadRef, tuple[End, ...]]:
        found: dict[WorkloadRef, tuple[End, ...]] = {}
        for pod in self._ground.state.pods:
            if pod.host_network:
                found[pod.ref] = (*found.get(pod.ref, ()), pod)
        return found


class Group(NamedTuple):
    """Hold ends that no policy can tell apart, and what tells them from all others."""

    token: Hashable
    ends: tuple[End, ...]


class Alike:
    """Sort ends into groups under some policies: one connection then stands for many."""

    def __init__(self, policies: Iterable[NetworkPolicy], state: ClusterState) -> None:
        self._state = state
        cuts: dict[int, set[int]] = {4: set(), 6: set()}
        for block in dict.fromkeys(blocks_used(policies)):
            for span in block_spans(block):
                cuts[span.family] |= {span.first, span.last + 1}
        self._cuts = {family: sorted(numbers) for family, numbers in cuts.items()}
        self._tokens: dict[tuple[int, bool, bool], tuple[End, Hashable]] = {}

    def pairs(self, own: tuple[End, ...], peers: tuple[End, ...]) -> Iterator[tuple[Group, Group]]:
        """Return every pair of groups; they may hold pairs of a pod with itself."""
        # A pod's node only matters towards nodes and what runs on their network.
        by_node = any(self._on_node(end) for end in own + peers)
        others = self._groups(peers, by_node)
        # Towards addresses outside of the cluster, a pod's own do not matter.
        outside = all(isinstance(end, str) and not self._inside(end) for end in peers)
        for mine in self._groups(own, by_node, addressed=not outside):
            for group in others:
                yield mine, group

    def identity(self, end: End) -> Hashable:
        """Return what makes two ends the same pod or address."""
        pod = self._state.pod_at(end) if isinstance(end, str) else end
        return (pod.namespace, pod.name, pod.synthetic) if pod else end

    def are_one(self, one: End, other: End) -> bool:
        """Tell whether two ends are the same pod or address."""
        return self.identity(one) == self.identity(other)

    def _groups(self, ends: tuple[End, ...], by_node: bool, addressed: bool = True) -> tuple[Group, ...]:
        found: dict[Hashable, list[End]] = {}
        for end in ends:
            found.setdefault(self._token(end, by_node, addressed), []).append(end)
        return tuple(Group(token, tuple(members)) for token, members in found.items())

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
            # The end is kept with it, so that no other one can get its id.
            known = self._tokens[key] = (end, token)
        return known[1]

    def _of_address(self, ip: str) -> Hashable:
        return ip if self._inside(ip) else (*self._cell(ip), self._state.in_pod_range(ip))

    def _of_pod(self, pod: EndPod, by_node: bool, addressed: bool) -> Hashable:
        cells = tuple(map(self._cell, pod.ips)) if addressed else ()
        node = pod.node if by_node else ""
        return (pod.namespace, pod.labels, pod.namespace_labels, cells, pod.ports, pod.host_network, node)

    def _cell(self, ip: str) -> tuple[int, int]:
        """Return the family and between which two edges of ipBlocks an address lies."""
        family, number = address_number(ip)
        return family, bisect_right(self._cuts[family], number)
