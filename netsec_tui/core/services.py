"""What stands behind a Service: its pods' port, its pods' owners."""

from __future__ import annotations

from netsec_tui.core.knowledge import Knowledge
from netsec_tui.core.selectors import has_labels
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import ContainerPort, Inventory, Service, ServicePort


def service_port(service: Service, protocol: Protocol, port: int) -> ServicePort | None:
    """Return the Service's port of that number and protocol."""
    return next((p for p in service.ports if p.port == port and p.protocol is protocol), None)


def target_ports(inventory: Inventory, service: Service, port: ServicePort) -> tuple[int, ...]:
    """Return the pod ports behind a Service port, sorted; several when pods give one name to several.

    A named targetPort is looked up in the EndpointSlices, then in the pods, then in the owners'
    templates (ServicePort.targetPort in the API). Empty when nobody declares the name.
    """
    if service.endpoints and (not service.selector or isinstance(port.target_port, str)):
        numbers = {
            number
            for endpoint in service.endpoints
            for name, protocol, number in endpoint.ports
            if name == port.name and protocol is port.protocol
        }
        if numbers:
            return tuple(sorted(numbers))
    if isinstance(port.target_port, int):
        return (port.target_port,)
    return tuple(sorted(_named(inventory, service, port.target_port, port.protocol)))


def _named(inventory: Inventory, service: Service, name: str, protocol: Protocol) -> set[int]:
    def numbers(ports: tuple[ContainerPort, ...]) -> set[int]:
        return {p.port for p in ports if p.name == name and p.protocol is protocol}

    found: set[int] = set()
    for pod in inventory.pods:
        if pod.namespace == service.namespace and has_labels(service.selector, pod.labels):
            found |= numbers(pod.ports)
    if found:
        return found
    for owner in inventory.owners_by_namespace.get(service.namespace, ()):
        if has_labels(service.selector, owner.template_labels):
            found |= numbers(owner.ports)
    return found


def covered_owners(inventory: Inventory, knowledge: Knowledge, service: Service) -> tuple[WorkloadRef, ...]:
    """Return the owners of the pods that a Service's selector selects, sorted.

    Without objects the labels that flows told stand in.
    """
    owners = {
        pod.owner
        for pod in inventory.pods
        if pod.namespace == service.namespace and has_labels(service.selector, pod.labels)
    }
    owners |= {
        owner.ref
        for owner in inventory.owners_by_namespace.get(service.namespace, ())
        if has_labels(service.selector, owner.template_labels)
    }
    for (namespace, name), labels in knowledge.labels.items():
        if namespace != service.namespace or (namespace, name) in inventory.pod_by_name:
            continue
        told = knowledge.workloads.get((namespace, name))
        if told and has_labels(service.selector, labels):
            owners.add(told)
    return tuple(sorted(owners))


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
