"""What is known of the cluster: namespaces, pods, pod owners, Services, nodes, applied policies."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from netsec_tui.model.config import DiscoveredRange
from netsec_tui.model.flow import Labels, Protocol
from netsec_tui.model.identity import Direction, WorkloadRef
from netsec_tui.model.policy import LabelSelector, NetworkPolicy

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")

ENDED_PHASES = ("Succeeded", "Failed")
SCHEDULED = "PodScheduled"
"""The condition of a pod that has been given a node."""
"""Phases of a pod that has ended by itself and does not start again."""


@dataclass(frozen=True, slots=True)
class ContainerPort:
    """Hold one containerPort of a pod; ``name`` may be empty."""

    name: str
    protocol: Protocol
    port: int


@dataclass(frozen=True, slots=True)
class Pod:
    """Hold a pod with its topmost owner (Deployment rather than ReplicaSet, CronJob rather than Job).

    ``created`` is when it was created, or given a node where that is told: before, it had no address;
    epoch seconds, 0.0 when the object does not tell. ``phase`` is empty when unknown.
    ``deleted`` is epoch seconds, 0.0 for a pod that is there. ``ended_at`` is when one that has ended by
    itself did, in epoch seconds, 0.0 when the object does not tell.
    """

    namespace: str
    name: str
    labels: Labels
    owner: WorkloadRef
    ips: tuple[str, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    host_network: bool = False
    node: str = ""
    phase: str = ""
    created: float = 0.0
    deleted: float = 0.0
    ended_at: float = 0.0

    @property
    def ended(self) -> bool:
        """Tell whether the pod has ended by itself, so that its IP was free from then on."""
        return self.phase in ENDED_PHASES

    @property
    def finished(self) -> bool:
        """Tell whether the pod has ended or is deleted, so that its IP may be another's."""
        return self.ended or self.deleted > 0.0


@dataclass(frozen=True, slots=True)
class PodOwner:
    """Hold an object that makes pods; ``selector`` is its spec.selector, None when it has none of use.

    CronJobs and Jobs have None: a Job's selector is made of generated labels.
    """

    ref: WorkloadRef
    selector: LabelSelector | None
    template_labels: Labels
    ports: tuple[ContainerPort, ...] = ()
    host_network: bool = False


@dataclass(frozen=True, slots=True)
class ServicePort:
    """Hold one Service port; ``target_port`` is a number or the name of a container port."""

    name: str
    protocol: Protocol
    port: int
    target_port: int | str
    node_port: int = 0


@dataclass(frozen=True, slots=True)
class ServiceEndpoint:
    """Hold one address behind a Service as an EndpointSlice lists it; ``pod`` is empty for a foreign one.

    ``ports`` are (port name, protocol, number).
    """

    ip: str
    pod: str
    ports: tuple[tuple[str, Protocol, int], ...]


@dataclass(frozen=True, slots=True)
class Service:
    """Hold a Service; an empty ``selector`` means its endpoints are made by somebody else."""

    namespace: str
    name: str
    selector: Labels
    ports: tuple[ServicePort, ...]
    type: str = "ClusterIP"
    cluster_ips: tuple[str, ...] = ()
    external_ips: tuple[str, ...] = ()
    labels: Labels = ()
    endpoints: tuple[ServiceEndpoint, ...] = ()

    @property
    def exposed(self) -> bool:
        """Tell whether the outside may reach it: on nodes' ports, a load balancer or external IPs."""
        return self.type in ("NodePort", "LoadBalancer") or bool(self.external_ips)


@dataclass(frozen=True, slots=True)
class Node:
    """Hold a node with all its addresses and the ranges its pods get."""

    name: str
    addresses: tuple[str, ...] = ()
    pod_cidrs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AppliedPolicy:
    """Hold a NetworkPolicy of the cluster, as read and parsed; ``raw`` is the object for View Policy."""

    policy: NetworkPolicy
    raw: Mapping[str, Any] = field(hash=False, compare=False)


class UnreadPolicy(NamedTuple):
    """Hold a NetworkPolicy that is there but makes no sense, with whom it may select.

    ``selector`` is None when that cannot be read either; ``directions`` are those that it may isolate.
    """

    namespace: str
    name: str
    selector: LabelSelector | None = None
    directions: tuple[Direction, ...] = tuple(Direction)


@dataclass(frozen=True, slots=True)
class OverridingPolicy:
    """Hold a policy of another kind, which may overrule a NetworkPolicy (CiliumNetworkPolicy and others).

    ``kind`` is the kind as people call it, ``namespace`` is empty for a cluster-wide one. ``selector`` and
    ``namespace_selector`` None mean any pod and any namespace: none is given, or it cannot be read exactly.
    A ``baseline`` policy only speaks where no NetworkPolicy isolates. ``raw`` is the object for viewing.
    """

    kind: str
    namespace: str
    name: str
    selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    baseline: bool = False
    directions: tuple[Direction, ...] = tuple(Direction)
    raw: Mapping[str, Any] = field(default_factory=dict, hash=False, compare=False)

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Inventory:
    """Hold one snapshot of the cluster state, with the look-ups that resolving needs, made when asked for.

    ``known`` is False when there is no cluster state at all (flows only). ``missing`` names what could
    not be read, a sentence each. ``namespaces`` maps names to labels. CIDRs are canonical text.
    ``overriding`` are the policies of other kinds. ``discovered`` is what the cluster tells of its ranges;
    ``believed`` are those of them that count, ``pod_cidrs`` and ``service_cidrs`` what holds once what was
    entered by hand is counted in (core/cluster/known_ranges.py). ``unread_ranges`` names what may tell
    ranges but could not be read, a sentence each.

    ``gone_pods`` and ``gone_owners`` were deleted not long ago. They name the ends of traffic from before and
    count for nothing else; an owner that is there, by its own object or by a pod, is not among them.
    """

    known: bool = False
    namespaces: Mapping[str, Labels] = field(default_factory=dict)
    pods: tuple[Pod, ...] = ()
    owners: tuple[PodOwner, ...] = ()
    services: tuple[Service, ...] = ()
    nodes: tuple[Node, ...] = ()
    policies: tuple[AppliedPolicy, ...] = ()
    pod_cidrs: tuple[str, ...] = ()
    service_cidrs: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unread_policies: tuple[UnreadPolicy, ...] = ()
    overriding: tuple[OverridingPolicy, ...] = ()
    discovered: tuple[DiscoveredRange, ...] = ()
    believed: tuple[DiscoveredRange, ...] = ()
    unread_ranges: tuple[str, ...] = ()
    gone_pods: tuple[Pod, ...] = ()
    gone_owners: tuple[PodOwner, ...] = ()

    @cached_property
    def pod_by_name(self) -> Mapping[tuple[str, str], Pod]:
        """Map (namespace, name) to the pod."""
        return {(p.namespace, p.name): p for p in self.pods}

    @cached_property
    def pods_by_ip(self) -> Mapping[str, tuple[Pod, ...]]:
        """Map an address to the pods that have it, none of those on the host network."""
        return _group((ip, p) for p in self.pods if not p.host_network for ip in p.ips)

    @cached_property
    def pods_by_owner(self) -> Mapping[WorkloadRef, tuple[Pod, ...]]:
        """Map a pod owner to its pods."""
        return _group((p.owner, p) for p in self.pods)

    @cached_property
    def pods_by_namespace(self) -> Mapping[str, tuple[Pod, ...]]:
        """Map a namespace to its pods."""
        return _group((p.namespace, p) for p in self.pods)

    @cached_property
    def owner_by_ref(self) -> Mapping[WorkloadRef, PodOwner]:
        """Map a reference to the pod owner."""
        return {o.ref: o for o in self.owners}

    @cached_property
    def owners_by_namespace(self) -> Mapping[str, tuple[PodOwner, ...]]:
        """Map a namespace to its pod owners."""
        return _group((o.ref.namespace, o) for o in self.owners)

    @cached_property
    def service_by_name(self) -> Mapping[tuple[str, str], Service]:
        """Map (namespace, name) to the Service."""
        return {(s.namespace, s.name): s for s in self.services}

    @cached_property
    def service_by_ip(self) -> Mapping[str, Service]:
        """Map a ClusterIP or external IP to its Service."""
        return {ip: s for s in self.services for ip in s.cluster_ips + s.external_ips}

    @cached_property
    def node_by_ip(self) -> Mapping[str, Node]:
        """Map an address to the node that has it."""
        return {ip: n for n in self.nodes for ip in n.addresses}

    @cached_property
    def api_server_ips(self) -> frozenset[str]:
        """Return the addresses that the API server answers on."""
        kubernetes = self.service_by_name.get(("default", "kubernetes"))
        return frozenset(e.ip for e in kubernetes.endpoints) if kubernetes else frozenset()

    @cached_property
    def gone_pod_by_name(self) -> Mapping[tuple[str, str], Pod]:
        """Map (namespace, name) to the pod that is gone."""
        return {(p.namespace, p.name): p for p in self.gone_pods}

    @cached_property
    def gone_pods_by_ip(self) -> Mapping[str, tuple[Pod, ...]]:
        """Map an address to the pods that had it."""
        return _group((ip, p) for p in self.gone_pods for ip in p.ips)

    @cached_property
    def gone_pods_by_owner(self) -> Mapping[WorkloadRef, tuple[Pod, ...]]:
        """Map a pod owner to its pods that are gone."""
        return _group((p.owner, p) for p in self.gone_pods)

    @cached_property
    def gone_owner_by_ref(self) -> Mapping[WorkloadRef, PodOwner]:
        """Map a reference to the pod owner that is gone."""
        return {o.ref: o for o in self.gone_owners}

    def live_pods_at(self, ip: str) -> tuple[Pod, ...]:
        """Return the pods that have an address of their own now, none of those on the host network."""
        return tuple(pod for pod in self.pods_by_ip.get(ip, ()) if not pod.finished)

    def holders(self, ip: str) -> tuple[Pod, ...]:
        """Return all pods that have, or had, an address of their own."""
        return self.pods_by_ip.get(ip, ()) + self.gone_pods_by_ip.get(ip, ())

    def owner_of(self, ref: WorkloadRef) -> PodOwner | None:
        """Return a pod owner that is there, else as it was when it was deleted."""
        return self.owner_by_ref.get(ref) or self.gone_owner_by_ref.get(ref)

    def pods_of(self, ref: WorkloadRef) -> tuple[Pod, ...]:
        """Return the pods of an owner that are there; of an owner that is gone those that it had."""
        if ref in self.gone_owner_by_ref:
            return self.gone_pods_by_owner.get(ref, ())
        return self.pods_by_owner.get(ref, ())


def _group(pairs: Iterable[tuple[_Key, _Value]]) -> dict[_Key, tuple[_Value, ...]]:
    grouped: dict[_Key, list[_Value]] = {}
    for key, value in pairs:
        grouped.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in grouped.items()}
