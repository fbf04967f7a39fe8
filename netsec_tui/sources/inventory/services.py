"""Services with the addresses behind them, and nodes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from netsec_tui.model.flow import Protocol
from netsec_tui.model.inventory import Node, Service, ServiceEndpoint, ServicePort
from netsec_tui.sources.inventory.addresses import ranges
from netsec_tui.sources.inventory.memo import Memo
from netsec_tui.sources.inventory.pods import read_ips
from netsec_tui.sources.objects.fields import Fields, as_port
from netsec_tui.sources.objects.strip import object_key

ServiceName = tuple[str, str]
"""Namespace and name of a Service."""

_EndpointPort = tuple[str, Protocol, int]
_Entry = tuple[ServiceName, str, str, tuple[_EndpointPort, ...]]
_SERVICE_LABEL = "kubernetes.io/service-name"
_ADDRESS_TYPES = ("InternalIP", "ExternalIP")


def read_service(fields: Fields, endpoints: Mapping[ServiceName, tuple[ServiceEndpoint, ...]]) -> Service:
    """Return a Service with the API's defaults: TCP, and the target port is the port."""
    _, namespace, name = object_key(fields.data)
    spec = fields.child("spec")
    balancer = fields.child("status").child("loadBalancer")
    cluster_ips = [ip for ip in (spec.text("clusterIP"), *spec.texts("clusterIPs")) if ip != "None"]
    outside = [*spec.texts("externalIPs"), *(entry.text("ip") for entry in balancer.children("ingress"))]
    return Service(
        namespace,
        name,
        spec.labels("selector"),
        tuple(port for entry in spec.children("ports") if (port := _service_port(entry))),
        spec.text("type") or "ClusterIP",
        read_ips(spec, cluster_ips),
        read_ips(spec, outside),
        fields.child("metadata").labels("labels"),
        endpoints.get((namespace, name), ()),
    )


def _service_port(fields: Fields) -> ServicePort | None:
    port, protocol = fields.port("port"), fields.protocol()
    if not port or not protocol:
        if fields.data.get("port") in (None, 0):
            fields.note("port", "is missing")
        return None
    target = fields.data.get("targetPort")
    number = as_port(target)
    if isinstance(target, str) and target and number is None:
        return ServicePort(fields.text("name"), protocol, port, target, fields.port("nodePort"))
    if target not in (None, "") and number is None:
        fields.note("targetPort", "is neither a port number nor a port's name")
        return None
    return ServicePort(fields.text("name"), protocol, port, number or port, fields.port("nodePort"))


def read_endpoints(
    slices: Iterable[Fields], endpoints: Iterable[Fields], memo: Memo
) -> dict[ServiceName, tuple[ServiceEndpoint, ...]]:
    """Return what is behind each Service: from its EndpointSlices, or else from its Endpoints."""
    from_slices = _by_service(slices, lambda fields: memo.once(fields, _all_slice_entries))
    return _by_service(endpoints, _subset_entries) | from_slices


def _all_slice_entries(fields: Fields) -> tuple[_Entry, ...]:
    return tuple(_slice_entries(fields))


def _by_service(
    objects: Iterable[Fields], entries: Callable[[Fields], Iterable[_Entry]]
) -> dict[ServiceName, tuple[ServiceEndpoint, ...]]:
    found: dict[ServiceName, dict[str, tuple[str, dict[_EndpointPort, None]]]] = defaultdict(dict)
    for fields in objects:
        for service, ip, pod, ports in entries(fields):
            _, told = found[service].setdefault(ip, (pod, {}))
            told.update(dict.fromkeys(ports))
    return {
        service: tuple(ServiceEndpoint(ip, pod, tuple(ports)) for ip, (pod, ports) in by_ip.items())
        for service, by_ip in found.items()
    }


def _slice_entries(fields: Fields) -> Iterator[_Entry]:
    _, namespace, _ = object_key(fields.data)
    service = dict(fields.child("metadata").labels("labels")).get(_SERVICE_LABEL)
    if not service or fields.text("addressType") == "FQDN":
        return
    ports = _endpoint_ports(fields)
    for endpoint in fields.children("endpoints"):
        for ip in read_ips(endpoint, endpoint.texts("addresses")):
            yield (namespace, service), ip, _target_pod(endpoint), ports


def _subset_entries(fields: Fields) -> Iterator[_Entry]:
    _, namespace, name = object_key(fields.data)
    for subset in fields.children("subsets"):
        ports = _endpoint_ports(subset)
        for address in subset.children("addresses") + subset.children("notReadyAddresses"):
            for ip in read_ips(address, [address.text("ip")]):
                yield (namespace, name), ip, _target_pod(address), ports


def _endpoint_ports(fields: Fields) -> tuple[_EndpointPort, ...]:
    found = [(entry.text("name"), entry.protocol(), entry.port("port")) for entry in fields.children("ports")]
    return tuple((name, protocol, port) for name, protocol, port in found if protocol and port)


def _target_pod(fields: Fields) -> str:
    target = fields.child("targetRef")
    return target.text("name") if target.text("kind") == "Pod" else ""


def read_node(fields: Fields) -> Node:
    """Return a node with its internal and external addresses and its pods' ranges."""
    spec = fields.child("spec")
    told = fields.child("status").children("addresses")
    texts = [entry.text("address") for entry in told if entry.text("type") in _ADDRESS_TYPES]
    cidrs = [cidr for cidr in (spec.text("podCIDR"), *spec.texts("podCIDRs")) if cidr]
    pod_cidrs = ranges(((fields.title, cidr) for cidr in cidrs), fields.problems)
    return Node(object_key(fields.data)[2], read_ips(fields.child("status"), texts), pod_cidrs)
