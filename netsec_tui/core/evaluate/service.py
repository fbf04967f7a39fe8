"""Follow a Service to the pods behind it: policies act after its address has been replaced (F1)."""

from __future__ import annotations

from netsec_tui.core.evaluate.state import ClusterState
from netsec_tui.model.connection import End, EndPod
from netsec_tui.model.flow import Protocol
from netsec_tui.model.inventory import Service, ServicePort

Backend = tuple[End, int]
"""A pod or foreign address behind a Service, with the port that is reached there."""


def backends(state: ClusterState, service: Service, protocol: Protocol, port: int) -> tuple[Backend, ...]:
    """Return who answers on a Service's port; empty when nobody does or it is not known.

    What the EndpointSlices list counts, else what the selector finds.
    """
    entry = next((p for p in service.ports if p.port == port and p.protocol is protocol), None)
    if entry is None:
        return ()
    if service.endpoints:
        return tuple(_listed(state, service, entry))
    if not service.selector:
        return ()
    wanted = dict(service.selector)
    pods = (p for p in state.pods if p.namespace == service.namespace)
    found = ((pod, _target_port(pod, entry)) for pod in pods if wanted.items() <= pod.label_map.items())
    return tuple((pod, number) for pod, number in found if number is not None)


def _listed(state: ClusterState, service: Service, entry: ServicePort) -> list[Backend]:
    pods = {p.name: p for p in state.pods if p.namespace == service.namespace}
    return [
        (pods.get(endpoint.pod) or endpoint.ip, number)
        for endpoint in service.endpoints
        for name, protocol, number in endpoint.ports
        if name == entry.name and protocol is entry.protocol
    ]


def _target_port(pod: EndPod, entry: ServicePort) -> int | None:
    if isinstance(entry.target_port, int):
        return entry.target_port
    return pod.named_ports.get((entry.target_port, str(entry.protocol)))
