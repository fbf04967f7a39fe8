"""Find the pods and addresses that a row's peer stands for, to ask policies about them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from netsec_tui.core.cluster.cni import find_cni
from netsec_tui.core.cluster.selectors import has_labels
from netsec_tui.core.cluster.subject import is_host_network, labels_of
from netsec_tui.core.cluster.world import World
from netsec_tui.core.evaluate.state import ClusterState, cluster_state, end_pod
from netsec_tui.core.traffic.services import foreign_endpoints
from netsec_tui.model.cni import Cni
from netsec_tui.model.communication import Communication
from netsec_tui.model.connection import End, EndPod
from netsec_tui.model.flow import Labels
from netsec_tui.model.identity import API_SERVER, PeerSort, WorkloadRef
from netsec_tui.model.inventory import Pod

_NOBODY = {4: "192.0.2.1", 6: "2001:db8::1"}
"""Stands for whoever is outside when nobody was seen: addresses that nobody has (RFC 5737, RFC 3849)."""


class Ends:
    """Look up the pods and addresses that a row's peer stands for; remembers them for one review."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._owners: dict[WorkloadRef, tuple[End, ...]] = {}
        self._selected: dict[tuple[str, Labels], tuple[End, ...]] = {}

    @cached_property
    def state(self) -> ClusterState:
        """Return the cluster state that NetworkPolicies are evaluated in, as the CNI seen reads ipBlocks."""
        matching = self.cni is None or self.cni.ipblock_matches_pods
        return cluster_state(self._world.inventory, ipblock_matches_pods=matching)

    @cached_property
    def cni(self) -> Cni | None:
        """Return the CNI that the cluster runs, None when nothing is seen of it."""
        return find_cni(self._world.inventory)

    def of(self, communication: Communication) -> tuple[End, ...]:
        """Return live pods plus one that the owner would make next, or addresses."""
        peer = communication.peer
        match peer.sort:
            case PeerSort.OWNER:
                return self.owner(peer.ref)
            case PeerSort.ADDRESS:
                return self._at((peer.name,))
            case PeerSort.SERVICE:
                return self._service(peer.namespace, peer.name) or self._at(communication.addresses)
            case PeerSort.API_SERVER:
                return self._api_server() or self._at(communication.addresses)
            case PeerSort.DNS if self._world.dns:
                return self.selected(self._world.dns.namespace, self._world.dns.selector)
            case PeerSort.EXTERNAL if not communication.addresses:
                return tuple(_NOBODY[version] for version in sorted(self._world.pod_families or _NOBODY))
        return self._at(communication.addresses)

    def _at(self, addresses: Iterable[str]) -> tuple[End, ...]:
        """Return addresses, but of those that live pods have now the pods: these are what policies see."""
        return tuple(self.state.pod_at(ip) or ip for ip in addresses if ip)

    def owner(self, ref: WorkloadRef) -> tuple[End, ...]:
        """Return an owner's live pods and a synthetic one with its template's or last seen labels.

        The synthetic one is named by kind and name, as no live pod can be: owners may share a name.
        Policies do not see a pod on the host network as a pod: its addresses stand for it.
        """
        known = self._owners.get(ref)
        if known is None:
            inventory = self._world.inventory
            known = self._ends(p for p in inventory.pods_by_owner.get(ref, ()) if not p.finished)
            if not is_host_network(inventory, ref):
                labels = labels_of(inventory, self._world.knowledge, ref)
                ports = getattr(inventory.owner_of(ref), "ports", ())
                spaces = inventory.namespaces.get(ref.namespace)
                known += (
                    EndPod(ref.namespace, str(ref), labels, spaces, ports=ports, owner=ref, synthetic=True),
                )
            self._owners[ref] = known
        return known

    def pods_of(self, ref: WorkloadRef) -> tuple[EndPod, ...]:
        """Return those ends of an owner that policies see as pods."""
        return tuple(end for end in self.owner(ref) if isinstance(end, EndPod))

    def selected(self, namespace: str, selector: Labels) -> tuple[End, ...]:
        """Return the pods that a Service's selector selects and those that their owners would make next.

        One that has just the selector's labels stands in where there are none.
        """
        known = self._selected.get((namespace, selector))
        if known is None:
            inventory = self._world.inventory
            live = self._ends(
                p
                for p in inventory.pods_by_namespace.get(namespace, ())
                if has_labels(selector, p.labels) and not p.finished
            )
            owners = {owner.ref for owner in inventory.owners_by_namespace.get(namespace, ())}
            owners |= {pod.owner for pod in live if isinstance(pod, EndPod) and pod.owner}
            next_ones = (p for ref in sorted(owners) for p in self.pods_of(ref) if p.synthetic)
            known = (*live, *(p for p in next_ones if has_labels(selector, p.labels)))
            if not known:
                spaces = inventory.namespaces.get(namespace)
                known = (EndPod(namespace, "(selected)", selector, spaces, synthetic=True),)
            self._selected[namespace, selector] = known
        return known

    def _service(self, namespace: str, name: str) -> tuple[End, ...]:
        service = self._world.inventory.service_by_name.get((namespace, name))
        if service is None:
            return ()
        if service.selector:
            return self.selected(namespace, service.selector)
        # Endpoints that are pods have rows of their own.
        return tuple(sorted({e.ip for e in foreign_endpoints(self._world.inventory, service)}))

    def _api_server(self) -> tuple[End, ...]:
        """Return the endpoints; for one that is a pod all pods of its owner, as a selector is for all."""
        inventory = self._world.inventory
        service = inventory.service_by_name.get((API_SERVER.namespace, API_SERVER.name))
        endpoints = service.endpoints if service else ()
        owners = {pod.owner for e in endpoints for pod in inventory.live_pods_at(e.ip)}
        pods = tuple(end for ref in sorted(owners) for end in self.owner(ref))
        return pods + self._service(API_SERVER.namespace, API_SERVER.name)

    def _ends(self, pods: Iterable[Pod]) -> tuple[End, ...]:
        ends: list[End] = []
        for pod in pods:
            ends.extend(pod.ips if pod.host_network else (end_pod(self._world.inventory, pod),))
        return tuple(ends)
