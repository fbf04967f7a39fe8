"""Resolve the ends of a flow to pod owners, Services, nodes, the API server or plain addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from netsec_tui.core.cluster.addresses import is_link_local
from netsec_tui.core.cluster.selectors import owner_label
from netsec_tui.core.traffic.aggregated import AggregatedNames, is_aggregated, stem_of
from netsec_tui.core.traffic.knowledge import Facts, Knowledge
from netsec_tui.core.traffic.pod_names import PLANNED_TIME, TEMPLATE_HASH, owner_by_pod_name
from netsec_tui.core.traffic.tenure import Tenure, certain, changes_of, holder_at, tenures
from netsec_tui.kube.labels import is_stable, stable_labels
from netsec_tui.model.flow import Endpoint, Labels, Reserved
from netsec_tui.model.identity import (
    PRIVATE_NETWORK,
    PUBLIC_NETWORK,
    Peer,
    WorkloadRef,
    address_peer,
    network_peer,
    node_peer,
    owner_peer,
    service_peer,
)
from netsec_tui.model.inventory import Inventory, Pod, PodOwner

_MADE = {
    "ReplicaSet": (("Deployment", "Rollout"), re.compile(TEMPLATE_HASH)),
    "Job": (("CronJob",), re.compile(PLANNED_TIME)),
}
"""What controllers name their objects after themselves: a hash of safe letters, or the planned time."""


@dataclass(frozen=True, slots=True)
class Party:
    """Hold what one end of an edge resolved to.

    ``pod`` is "namespace/name" or empty; ``labels`` are the pod's, empty when not known. ``node_like``
    marks nodes and whatever else a source calls host. ``api_server`` tells that the address is one the
    API server answers on, which makes it the API server's only on its port. ``holder`` is the pod that had
    the address where the labels told are not its own, else empty. ``rivals`` are who else had the address in
    the minute, where only that is known of the time, and "nobody".
    """

    peer: Peer
    ip: str = ""
    pod: str = ""
    labels: Labels = ()
    host_network: bool = False
    node_like: bool = False
    api_server: bool = False
    names: tuple[str, ...] = ()
    holder: str = ""
    rivals: tuple[str, ...] = ()


class Resolver:
    """Resolve endpoints against one inventory and what flows told; holds nothing that these do not say.

    ``asked`` are the addresses and labels of which it mattered what flows told, or would have.
    """

    def __init__(self, inventory: Inventory, knowledge: Knowledge) -> None:
        self.inventory = inventory
        self.knowledge = knowledge
        self.asked = Facts()
        self._aggregated_names = AggregatedNames(inventory)
        self._nodes = frozenset(node.name for node in inventory.nodes)
        self._tenures: dict[tuple[str, float], tuple[Tenure, ...]] = {}

    def resolve(self, endpoint: Endpoint, when: float, service: tuple[str, str] | None = None) -> Party:
        """Resolve one end at a point in time; ``service`` is the Service that a source saw dialled there.

        In this order: pod by name, pod identity by labels, pod by the IP it had then, ClusterIP, node,
        what the source called it, the dialled Service, a plain address.
        """
        if endpoint.pod and endpoint.namespace:
            return self._pod(endpoint)
        if endpoint.namespace and endpoint.labels:
            return self._identity(endpoint, when)
        found = self._by_ip(endpoint, when)
        if found:
            return found
        if not endpoint.ip:
            return self._placeless(endpoint, service)
        if is_link_local(endpoint.ip):
            return Party(address_peer(endpoint.ip), endpoint.ip, names=endpoint.names)
        if endpoint.reserved.is_node or endpoint.reserved in (Reserved.HEALTH, Reserved.KUBE_APISERVER):
            known_api = endpoint.reserved is Reserved.KUBE_APISERVER
            return Party(node_peer(endpoint.ip), endpoint.ip, node_like=True, api_server=known_api)
        if service:
            return Party(service_peer(*service), endpoint.ip)
        return Party(address_peer(endpoint.ip), endpoint.ip, names=endpoint.names)

    def changes(self, endpoint: Endpoint) -> tuple[float, ...]:
        """Return the times from which an endpoint resolves to another pod, sorted; mostly none."""
        if endpoint.namespace and endpoint.pod:
            return ()
        return changes_of(self._tenures_at(endpoint.ip, endpoint.doubt))

    def _tenures_at(self, ip: str, doubt: float) -> tuple[Tenure, ...]:
        known = self._tenures.get((ip, doubt))
        if known is None:
            known = tenures(self.inventory.holders(ip))
            known = self._tenures[ip, doubt] = certain(known, doubt) if doubt else known
        return known

    def _placeless(self, endpoint: Endpoint, service: tuple[str, str] | None) -> Party:
        """Resolve an end without an address: the Service dialled, a node by its name, else its network."""
        if service:
            return Party(service_peer(*service))
        name = endpoint.names[0] if endpoint.names else str(endpoint.reserved)
        reserved = endpoint.reserved
        # Whisker tells neither nodes nor sets by more than their names.
        if reserved.is_node or reserved is Reserved.KUBE_APISERVER or name in self._nodes:
            known_api = reserved is Reserved.KUBE_APISERVER
            return Party(node_peer(name), node_like=True, api_server=known_api)
        if reserved is Reserved.NETWORK_SET:
            pod = self._pod_there(endpoint.namespace, name.removeprefix(f"{endpoint.namespace}/"))
            if endpoint.namespace and pod:
                return _party(pod, "")
            return Party(network_peer(f"network set {name}"))
        if reserved is Reserved.PRIVATE_NETWORK:
            return Party(PRIVATE_NETWORK)
        return Party(PUBLIC_NETWORK if reserved is Reserved.WORLD else address_peer(""), names=endpoint.names)

    def _aggregated(self, endpoint: Endpoint) -> Party:
        """Resolve all pods of one controller, told as one end.

        By their name first: of their labels only those are told that all of them have, so one that is absent
        proves nothing.
        """
        namespace, labels = endpoint.namespace, endpoint.labels
        ref = self._aggregated_names.owner(namespace, endpoint.pod)
        ref = ref or (self._labelled(namespace, labels) if labels else None)
        if ref is None:
            named = owner_label(labels)
            ref = WorkloadRef("Workload", namespace, named[1] if named else stem_of(endpoint.pod))
        return self._owned(self._topmost(ref), "", "", ())

    def _pod(self, endpoint: Endpoint) -> Party:
        if is_aggregated(endpoint.pod):
            return self._aggregated(endpoint)
        name = (endpoint.namespace, endpoint.pod)
        pod = self._pod_there(*name)
        if pod:
            return _party(pod, endpoint.ip)
        labels = endpoint.labels or self.knowledge.labels.get(name, ())
        told = self.knowledge.workloads.get(name)
        ref = told or self._owner_of(endpoint.namespace, labels, endpoint.pod)
        ref = self._topmost(ref) if ref else WorkloadRef("Pod", *name)
        return self._owned(ref, endpoint.ip, "/".join(name), labels)

    def _pod_there(self, namespace: str, name: str) -> Pod | None:
        """Return the pod of that name, else one that is gone."""
        names = (self.inventory.pod_by_name, self.inventory.gone_pod_by_name)
        return next((pods[namespace, name] for pods in names if (namespace, name) in pods), None)

    def _identity(self, endpoint: Endpoint, when: float) -> Party:
        """Resolve a pod identity that came with a foreign IP: a proxy spoke for the pod.

        A proxy has an address of the node's. Where it is another pod's, one of the two was told wrong.
        """
        ref = self._owner_of(endpoint.namespace, endpoint.labels)
        if ref is None:
            ref = WorkloadRef("Pod", endpoint.namespace, "(unnamed)")
        found = self._owned(self._topmost(ref), "", "", endpoint.labels)
        holder = holder_at(self._tenures_at(endpoint.ip, endpoint.doubt), when)
        if holder and holder.owner != found.peer.ref and _contradicts(holder, endpoint):
            return replace(found, holder=f"{holder.namespace}/{holder.name}")
        return found

    def _owned(self, ref: WorkloadRef, ip: str, pod: str, labels: Labels) -> Party:
        owner = self.inventory.owner_of(ref)
        return Party(owner_peer(ref), ip, pod, labels, host_network=bool(owner and owner.host_network))

    def _owner_of(self, namespace: str, labels: Labels, pod: str = "") -> WorkloadRef | None:
        """Return the owner that a pod with these labels has; ``pod`` is its name, empty when not known.

        In this order: what flows told of other pods with the labels, the owner of the cluster state whose
        selector fits most narrowly, the one whose pods are named so, the one that a label names. An owner
        that was relabelled since fits no more, but its pods that are gone keep their names.
        """
        known = self._labelled(namespace, labels) if labels else None
        known = known or owner_by_pod_name(self.inventory, namespace, pod)
        if known:
            return known
        named = owner_label(labels)
        return WorkloadRef("Workload", namespace, named[1]) if named else None

    def _labelled(self, namespace: str, labels: Labels) -> WorkloadRef | None:
        shared = namespace, stable_labels(labels)
        self.asked.labels.add(shared)
        told = self.knowledge.workload_with(shared)
        if told:
            return told
        owners = self.inventory.owners_by_namespace.get(namespace, ())
        fitting = sorted((-_fit(owner, labels), owner.ref) for owner in owners if _fit(owner, labels))
        if fitting and (len(fitting) == 1 or fitting[0][0] < fitting[1][0]):
            return fitting[0][1]
        return None

    def _topmost(self, ref: WorkloadRef) -> WorkloadRef:
        """Lift a ReplicaSet or Job that a flow named to the owner that the cluster state gives its pods."""
        if ref in self.inventory.owner_by_ref or ref.kind not in _MADE:
            return ref
        kinds, tail = _MADE[ref.kind]
        gone = (owner for owner in self.inventory.gone_owners if owner.ref.namespace == ref.namespace)
        for owner in (*self.inventory.owners_by_namespace.get(ref.namespace, ()), *gone):
            made = ref.name.removeprefix(f"{owner.ref.name}-")
            if owner.ref.kind in kinds and made != ref.name and tail.fullmatch(made):
                return owner.ref
        return ref

    def _by_ip(self, endpoint: Endpoint, when: float) -> Party | None:
        ip = endpoint.ip
        if not ip:
            return None
        held = self._tenures_at(ip, endpoint.doubt)
        pod = holder_at(held, when)
        if pod:
            return _party(pod, ip)
        node = self.inventory.node_by_ip.get(ip)
        # A load balancer of the nodes themselves (k3s and others) gives Services the nodes' addresses.
        service = None if node else self.inventory.service_by_ip.get(ip)
        if service:
            return Party(service_peer(service.namespace, service.name), ip)
        api_server = ip in self.inventory.api_server_ips or endpoint.reserved is Reserved.KUBE_APISERVER
        if node or api_server:
            name = node.name if node else ip
            return Party(node_peer(name), ip, node_like=True, api_server=api_server)
        self.asked.addresses.add(ip)
        told = self.knowledge.pods_by_ip.get(ip, ())
        if len(told) == 1 and not endpoint.reserved.is_node:
            namespace, name = next(iter(told))
            if any((t.pod.namespace, t.pod.name) == (namespace, name) for t in held):
                return None  # It is known when the pod had the address, and that was not now.
            return self._pod(Endpoint(ip, namespace, name))
        return None


def _party(pod: Pod, ip: str) -> Party:
    return Party(
        owner_peer(pod.owner),
        ip or (pod.ips[0] if pod.ips else ""),
        f"{pod.namespace}/{pod.name}",
        pod.labels,
        host_network=pod.host_network,
    )


def _contradicts(pod: Pod, endpoint: Endpoint) -> bool:
    """Tell whether a pod cannot be the one whose labels were told; flows may carry a part of them."""
    own = dict(pod.labels)
    others = any(is_stable(key) and own.get(key, value) != value for key, value in endpoint.labels)
    return others or pod.namespace != endpoint.namespace


def _fit(owner: PodOwner, labels: Labels) -> int:
    """Return how many labels make these an owner's pods, 0 when they are not."""
    selector = owner.selector
    if selector is not None and (selector.match_expressions or not selector.match_labels):
        # Flows carry a filtered set of labels, so an absent key proves nothing here.
        return _template_fit(owner, labels)
    wanted = set(stable_labels(selector.match_labels if selector else owner.template_labels))
    return len(wanted) if wanted <= set(labels) else 0


def _template_fit(owner: PodOwner, labels: Labels) -> int:
    template = dict(owner.template_labels)
    shared = [(k, v) for k, v in labels if k in template and is_stable(k)]
    return len(shared) if all(template[k] == v for k, v in shared) else 0
