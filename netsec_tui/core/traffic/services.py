"""What stands behind a Service: its pods' port, its pods' owners."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from netsec_tui.core.cluster.selectors import has_labels
from netsec_tui.core.traffic.knowledge import Knowledge
from netsec_tui.core.traffic.resolve import Resolver
from netsec_tui.model.flow import Endpoint, Labels, Protocol
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import ContainerPort, Inventory, Service, ServiceEndpoint, ServicePort


def service_port(service: Service, protocol: Protocol, port: int) -> ServicePort | None:
    """Return the Service's port of that number and protocol."""
    return next((p for p in service.ports if p.port == port and p.protocol is protocol), None)


def target_ports(inventory: Inventory, service: Service, port: ServicePort) -> tuple[int, ...]:
    """Return the pod ports behind a Service port, sorted; several when pods give one name to several.

    A named targetPort is looked up in the EndpointSlices, then in the pods, then in the owners'
    templates (ServicePort.targetPort in the API). Empty when nobody declares the name.
    """
    if service.endpoints and (not service.selector or isinstance(port.target_port, str)):
        # Without a selector the endpoints that are pods have rows of their own (aggregate.dial_keys).
        foreign = () if service.selector else foreign_endpoints(inventory, service)
        numbers = {number for endpoint in foreign or service.endpoints for number in _listed(endpoint, port)}
        if numbers:
            return tuple(sorted(numbers))
    if isinstance(port.target_port, int):
        return (port.target_port,)
    return tuple(sorted(_named(inventory, service, port.target_port, port.protocol)))


def _named(inventory: Inventory, service: Service, name: str, protocol: Protocol) -> set[int]:
    def numbers(ports: tuple[ContainerPort, ...]) -> set[int]:
        return {p.port for p in ports if p.name == name and p.protocol is protocol}

    found: set[int] = set()
    for pod in inventory.pods_by_namespace.get(service.namespace, ()):
        if not pod.finished and has_labels(service.selector, pod.labels):
            found |= numbers(pod.ports)
    if found:
        return found
    for owner in inventory.owners_by_namespace.get(service.namespace, ()):
        if has_labels(service.selector, owner.template_labels):
            found |= numbers(owner.ports)
    return found


def owner_ports(
    inventory: Inventory, service: Service, port: ServicePort, ref: WorkloadRef
) -> tuple[int, ...]:
    """Return the ports behind a Service port on the pods of one owner, sorted.

    Owners may give the same name to different numbers. One that is known and does not give it, while others
    do, is not behind the port at all; for one that only flows told of all numbers stand in.
    """
    if not service.selector:
        listed = (e for e in service.endpoints if ref in _owners_at(inventory, e.ip))
        return tuple(sorted({number for e in listed for number in _listed(e, port)}))
    if isinstance(port.target_port, str):
        own = _given(inventory, ref, port.target_port, port.protocol)
        if own:
            return tuple(sorted(own))
        if is_known(inventory, ref) and _named(inventory, service, port.target_port, port.protocol):
            return ()
    return target_ports(inventory, service, port)


def _given(inventory: Inventory, ref: WorkloadRef, name: str, protocol: Protocol) -> set[int]:
    """Return the numbers that an owner's pods, else its template, give to the name of a port."""
    owner = inventory.owner_by_ref.get(ref)
    declared = {p for pod in inventory.pods_by_owner.get(ref, ()) if not pod.finished for p in pod.ports}
    declared = declared or set(owner.ports if owner else ())
    return {p.port for p in declared if p.name == name and p.protocol is protocol}


def is_known(inventory: Inventory, ref: WorkloadRef) -> bool:
    """Tell whether the cluster state holds an owner or pods of it, and so all its ports."""
    return ref in inventory.owner_by_ref or ref in inventory.pods_by_owner


def _owners_at(inventory: Inventory, ip: str) -> set[WorkloadRef]:
    return {pod.owner for pod in inventory.live_pods_at(ip)}


def _listed(endpoint: ServiceEndpoint, port: ServicePort) -> set[int]:
    return {n for name, protocol, n in endpoint.ports if name == port.name and protocol is port.protocol}


def foreign_endpoints(inventory: Inventory, service: Service) -> tuple[ServiceEndpoint, ...]:
    """Return the endpoints of a Service that are no live pod's address: only these may become ipBlocks."""
    return tuple(e for e in service.endpoints if not inventory.live_pods_at(e.ip))


def declares(inventory: Inventory, ref: WorkloadRef, protocol: Protocol, number: int) -> bool:
    """Tell whether a container of an owner declares a port, in its template or in a live pod."""
    owner = inventory.owner_of(ref)
    pods = inventory.pods_by_owner.get(ref, ())
    declared = (*(owner.ports if owner else ()), *(port for pod in pods for port in pod.ports))
    return any(port.port == number and port.protocol is protocol for port in declared)


class Backends:
    """Know which owners stand behind each Service, for one inventory and what flows told until now.

    Pods that only flows told of stand in with the owner that they resolve to.
    """

    def __init__(self, resolver: Resolver) -> None:
        self._inventory = resolver.inventory
        self._labelled: dict[str, set[tuple[Labels, WorkloadRef]]] = {}
        self._owners: dict[tuple[str, str], tuple[WorkloadRef, ...]] = {}
        for pod in self._inventory.pods:
            self._put(pod.namespace, pod.labels, pod.owner)
        for owner in self._inventory.owners:
            self._put(owner.ref.namespace, owner.template_labels, owner.ref)
        for (namespace, name), labels in resolver.knowledge.labels.items():
            if (namespace, name) not in self._inventory.pod_by_name:
                party = resolver.resolve(Endpoint("", namespace, name), 0.0)
                if party.peer.ref not in self._inventory.gone_owner_by_ref:
                    self._put(namespace, labels, party.peer.ref)

    def _put(self, namespace: str, labels: Labels, ref: WorkloadRef) -> None:
        self._labelled.setdefault(namespace, set()).add((labels, ref))

    def owners(self, service: Service) -> tuple[WorkloadRef, ...]:
        """Return the owners of the pods that a Service selects, else of those at its endpoints; sorted."""
        name = (service.namespace, service.name)
        if name not in self._owners:
            self._owners[name] = tuple(sorted(self._behind(service)))
        return self._owners[name]

    def _behind(self, service: Service) -> set[WorkloadRef]:
        if not service.selector:
            return {ref for e in service.endpoints for ref in _owners_at(self._inventory, e.ip)}
        labelled = self._labelled.get(service.namespace, set())
        return {ref for labels, ref in labelled if has_labels(service.selector, labels)}

    @cached_property
    def services(self) -> Mapping[WorkloadRef, tuple[Service, ...]]:
        """Map every owner to the Services that select pods of it."""
        found: dict[WorkloadRef, tuple[Service, ...]] = {}
        for service in self._inventory.services:
            for ref in self.owners(service):
                found[ref] = (*found.get(ref, ()), service)
        return found

    def all_pods(self, service: Service, ref: WorkloadRef) -> bool:
        """Tell whether a Service selects all pods of an owner rather than some."""
        labelled = self._labelled.get(ref.namespace, set())
        return all(has_labels(service.selector, labels) for labels, owner in labelled if owner == ref)


def covered_owners(inventory: Inventory, knowledge: Knowledge, service: Service) -> tuple[WorkloadRef, ...]:
    """Return the owners of the pods that a Service's selector selects, sorted."""
    return Backends(Resolver(inventory, knowledge)).owners(service)


def services_of(inventory: Inventory, ref: WorkloadRef) -> tuple[Service, ...]:
    """Return the Services whose selector selects pods of an owner."""
    owner = inventory.owner_by_ref.get(ref)
    label_sets = [pod.labels for pod in inventory.pods_by_owner.get(ref, ())]
    if owner:
        label_sets.append(owner.template_labels)
    return tuple(
        service
        for service in inventory.services
        if service.namespace == ref.namespace and any(has_labels(service.selector, ls) for ls in label_sets)
    )
