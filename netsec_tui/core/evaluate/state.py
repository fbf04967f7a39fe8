"""Hold the policies and what is known of the cluster, with the look-ups that an evaluation needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from netsec_tui.core.evaluate.addresses import Span, address_number, block_spans, cidr_span
from netsec_tui.core.evaluate.match import policy_selects, selector_matches
from netsec_tui.core.evaluate.rule_index import Numbered, RuleIndex
from netsec_tui.model.connection import Doubt, EndPod
from netsec_tui.model.flow import Labels
from netsec_tui.model.identity import Direction
from netsec_tui.model.inventory import Inventory, Pod, Service
from netsec_tui.model.policy import IPBlock, LabelSelector, NetworkPolicy

_MANY_PEERS = 16
"""From this number of peers on an index is quicker than asking each."""


class Policies:
    """Hold NetworkPolicies and remember which of them select which labels."""

    def __init__(self, policies: Iterable[NetworkPolicy] = ()) -> None:
        self.all = tuple(policies)
        self._by_namespace: dict[str, list[NetworkPolicy]] = defaultdict(list)
        for policy in self.all:
            self._by_namespace[policy.namespace].append(policy)
        self._selecting: dict[tuple[object, ...], tuple[NetworkPolicy, ...]] = {}
        self._indexes: dict[tuple[int, Direction], RuleIndex | None] = {}

    def selecting(self, pod: EndPod, direction: Direction) -> tuple[NetworkPolicy, ...]:
        """Return the policies that isolate a pod in a direction (B1)."""
        key = (pod.namespace, pod.labels, direction)
        if key not in self._selecting:
            candidates = self._by_namespace.get(pod.namespace, ())
            self._selecting[key] = tuple(p for p in candidates if policy_selects(p, direction, pod))
        return self._selecting[key]

    def near(
        self,
        policy: NetworkPolicy,
        direction: Direction,
        labels: Labels | None,
        addresses: tuple[str, ...] | None,
    ) -> Iterable[Numbered]:
        """Return the rules of one of the policies that may match a peer with these labels or addresses.

        None for either means that it may have any.
        """
        rules = policy.rules(direction)
        if labels is None or addresses is None:
            return enumerate(rules)
        key = (id(policy), direction)
        if key not in self._indexes:
            many = sum(len(rule.peers) for rule in rules) >= _MANY_PEERS
            self._indexes[key] = RuleIndex(rules) if many else None
        index = self._indexes[key]
        return index.near(labels, addresses) if index else enumerate(rules)


@dataclass(frozen=True, slots=True)
class Override:
    """Name a policy that may make an answer wrong: one of another kind, or a NetworkPolicy not known.

    A policy of another kind may overrule (``Doubt.OVERRIDDEN``). A NetworkPolicy that was not read or listed
    (``Doubt.UNREAD``) can isolate, and can allow more, but never refuse what another one allows.
    ``namespace`` is empty for a cluster-wide one; ``selector`` and ``namespace_selector`` are None when whom
    it selects is not known. ``baseline`` policies only speak where no NetworkPolicy isolates.
    """

    kind: str
    namespace: str
    name: str
    selector: LabelSelector | None = None
    baseline: bool = False
    namespace_selector: LabelSelector | None = None
    directions: tuple[Direction, ...] = tuple(Direction)
    doubt: Doubt = Doubt.OVERRIDDEN

    @property
    def sentence(self) -> str:
        """Return what it may do."""
        does = "override" if self.doubt is Doubt.OVERRIDDEN else "say otherwise"
        return f"{self.kind} {self.name} may {does}"

    def may_select(self, pod: EndPod) -> bool:
        """Tell whether the pod may be among those it selects; unknown namespace labels may be any."""
        return (
            self.namespace in ("", pod.namespace)
            and (self.selector is None or selector_matches(self.selector, pod.label_map))
            and (
                self.namespace_selector is None
                or pod.namespace_labels is None
                or selector_matches(self.namespace_selector, pod.namespace_label_map)
            )
        )


@dataclass(frozen=True)
class ClusterState:
    """Hold what an evaluation may know; everything left out is taken as not known.

    ``nodes`` maps addresses to node names, ``pod_cidrs`` are the ranges that pods get addresses from.
    ``ipblock_matches_pods`` is what the conformance tests demand; Cilium does otherwise (E4).
    """

    pods: tuple[EndPod, ...] = ()
    services: tuple[Service, ...] = ()
    nodes: Mapping[str, str] = field(default_factory=dict)
    pod_cidrs: tuple[str, ...] = ()
    overrides: tuple[Override, ...] = ()
    ipblock_matches_pods: bool = True

    @cached_property
    def _pod_by_number(self) -> Mapping[tuple[int, int], EndPod]:
        # A host network pod's address is its node's, so it tells nothing of the pod.
        pods = (p for p in reversed(self.pods) if not p.host_network)
        return {address_number(ip): pod for pod in pods for ip in pod.ips}

    @cached_property
    def _node_by_number(self) -> Mapping[tuple[int, int], str]:
        hosts = {ip: p.node for p in self.pods if p.host_network and p.node for ip in p.ips}
        return {address_number(ip): name for ip, name in (hosts | dict(self.nodes)).items()}

    @cached_property
    def _service_by_number(self) -> Mapping[tuple[int, int], Service]:
        return {
            address_number(ip): service
            for service in self.services
            for ip in service.cluster_ips + service.external_ips
            if ip != "None"
        }

    @cached_property
    def _pod_spans(self) -> tuple[Span, ...]:
        return tuple(cidr_span(cidr) for cidr in self.pod_cidrs)

    def pod_at(self, ip: str) -> EndPod | None:
        """Return the pod that has an address, None for a node's address or a foreign one."""
        return self._pod_by_number.get(address_number(ip))

    def node_at(self, ip: str) -> str | None:
        """Return the name of the node that has an address."""
        return self._node_by_number.get(address_number(ip))

    def service_at(self, ip: str) -> Service | None:
        """Return the Service that has an address."""
        return self._service_by_number.get(address_number(ip))

    def in_pod_range(self, ip: str) -> bool:
        """Tell whether an address is one that a pod can get."""
        family, number = address_number(ip)
        return any(s.family == family and s.first <= number <= s.last for s in self._pod_spans)

    def may_hold_pods(self, block: IPBlock) -> bool:
        """Tell whether a pod could have an address in the block; without known ranges, live pods tell."""
        spans = block_spans(block)
        if self._pod_spans:
            return any(_overlap(a, b) for a in spans for b in self._pod_spans)
        return any(s.family == f and s.first <= n <= s.last for s in spans for f, n in self._pod_by_number)


def _overlap(a: Span, b: Span) -> bool:
    return a.family == b.family and a.first <= b.last and b.first <= a.last


def end_pods(inventory: Inventory) -> tuple[EndPod, ...]:
    """Return the pods of an inventory as policies see them, without finished ones (F8)."""
    return tuple(end_pod(inventory, pod) for pod in inventory.pods if not pod.finished)


def end_pod(inventory: Inventory, pod: Pod) -> EndPod:
    """Return a pod as policies see it, with the labels of its namespace where these are known (A6, C7)."""
    return EndPod(
        namespace=pod.namespace,
        name=pod.name,
        labels=pod.labels,
        namespace_labels=inventory.namespaces.get(pod.namespace),
        ips=pod.ips,
        ports=pod.ports,
        host_network=pod.host_network,
        node=pod.node,
        owner=pod.owner,
    )


def cluster_state(
    inventory: Inventory, *, overrides: Iterable[Override] = (), ipblock_matches_pods: bool = True
) -> ClusterState:
    """Return what an evaluation needs of an inventory."""
    return ClusterState(
        pods=end_pods(inventory),
        services=inventory.services,
        nodes={ip: node.name for node in inventory.nodes for ip in node.addresses},
        pod_cidrs=inventory.pod_cidrs or tuple(c for node in inventory.nodes for c in node.pod_cidrs),
        overrides=tuple(overrides),
        ipblock_matches_pods=ipblock_matches_pods,
    )
