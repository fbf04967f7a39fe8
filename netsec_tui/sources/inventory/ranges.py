"""What a cluster tells of its pod and service ranges, each with the place where it stands."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import ip_network

from netsec_tui.model.config import (
    CONTROL_PLANE_PODS,
    KUBE_PROXY_PODS,
    DiscoveredRange,
    RangeKind,
)
from netsec_tui.model.inventory import Node
from netsec_tui.sources.inventory.addresses import ranges
from netsec_tui.sources.objects.fields import Fields
from netsec_tui.sources.objects.ranges import (
    RANGE_FLAGS,
    UNREADABLE,
    WEAVE_RANGE,
    config_map_ranges,
    node_arguments,
    pod_arguments,
    weave_range,
)
from netsec_tui.sources.objects.strip import object_key

RANGE_KINDS = frozenset({"ConfigMap", "ServiceCIDR", "IPPool", "CiliumNode", "CiliumPodIPPool", "Network"})
"""Kinds of objects that are read for their ranges alone."""

_WEAVE = ("kube-system", "weave-net")
_NO_CIDRS = "cannot be read; CIDRs are expected there"
_PROXY = f"kube-system/{KUBE_PROXY_PODS}"
_SYSTEM = tuple(f"kube-system/{start}" for start in CONTROL_PLANE_PODS)


_WIDEST = {4: 8, 6: 16}
"""The shortest prefix by IP family that is believed of a range: what is wider holds much of the internet."""


def read_ranges(
    kinds: Mapping[str, list[Fields]], nodes: Iterable[Node], problems: list[str]
) -> Iterator[DiscoveredRange]:
    """Yield every range that objects of some kinds tell, each place once; one that is no CIDR is named.

    A range of all addresses (0.0.0.0/0, as some give kube-proxy) tells nothing and is left out. One that is
    too wide for a cluster is left out and named in ``problems``, unless it is a foreign pod's.
    """
    found = (
        *_of_nodes(nodes),
        *_of_pods(kinds["Pod"]),
        *_of_arguments(kinds["Node"]),
        *_of_service_cidrs(kinds["ServiceCIDR"]),
        *_of_config_maps(kinds["ConfigMap"]),
        *_of_pools(kinds["IPPool"]),
        *_of_cilium(kinds["CiliumNode"], kinds["CiliumPodIPPool"]),
        *_of_openshift(kinds["Network"]),
        *_of_weave(kinds["DaemonSet"]),
    )
    for told in dict.fromkeys(found):
        if _believable(told.cidr):
            yield told
        elif ip_network(told.cidr).prefixlen and (not told.pod or told.pod.startswith((*_SYSTEM, _PROXY))):
            problems.append(f"{told.origin}: {told.cidr} is too wide for a range of the cluster")


def _believable(cidr: str) -> bool:
    block = ip_network(cidr)
    return block.prefixlen >= _WIDEST[block.version]


def with_cilium_ranges(nodes: Iterable[Node], cilium_nodes: Iterable[Fields]) -> tuple[Node, ...]:
    """Return the nodes with the ranges added that Cilium gave each of them, without those too wide."""
    given = {fields.child("metadata").text("name"): _node_cidrs(_quiet(fields)) for fields in cilium_nodes}
    told = ((node, dict.fromkeys((*node.pod_cidrs, *given.get(node.name, ())))) for node in nodes)
    return tuple(replace(node, pod_cidrs=tuple(filter(_believable, cidrs))) for node, cidrs in told)


def _of_nodes(nodes: Iterable[Node]) -> Iterator[DiscoveredRange]:
    for node in nodes:
        for cidr in node.pod_cidrs:
            yield DiscoveredRange(RangeKind.POD, cidr, f"Node {node.name} podCIDRs")


def _of_pods(pods: Iterable[Fields]) -> Iterator[DiscoveredRange]:
    """Yield what pods are told by their arguments; what all kube-proxy pods are told alike once."""
    proxied: set[str] = set()
    for fields in pods:
        for argument in pod_arguments(fields.data):
            pod = "/".join(object_key(fields.data)[1:])
            flag, _, text = argument.partition("=")
            origin = f"Pod {pod} {flag}"
            if pod.startswith(_PROXY):
                if argument in proxied:
                    continue
                proxied.add(argument)
                origin = f"kube-proxy {flag}"
            elif text == UNREADABLE and not pod.startswith(_SYSTEM):
                continue  # A flag of the same name in somebody else's program.
            yield from _told(fields, flag, text, RANGE_FLAGS[flag], origin, pod)


def _of_arguments(nodes: Iterable[Fields]) -> Iterator[DiscoveredRange]:
    for fields in nodes:
        for annotation, text in node_arguments(fields.data).items():
            if text == UNREADABLE:
                fields.note(f"metadata.annotations[{annotation}]", "is no JSON list of arguments")
                continue
            for argument in json.loads(text):
                flag, _, value = argument.partition("=")
                origin = f"{fields.title} {annotation} {flag}"
                yield from _told(fields, annotation, value, RANGE_FLAGS[flag], origin)


def _of_service_cidrs(objects: Iterable[Fields]) -> Iterator[DiscoveredRange]:
    for fields in objects:
        spec = fields.child("spec")
        yield from _listed(spec, spec.texts("cidrs"), RangeKind.SERVICE, fields.title)


def _of_config_maps(objects: Iterable[Fields]) -> Iterator[DiscoveredRange]:
    for fields in objects:
        fields.child("data")  # Names data that is no mapping.
        for place, text in config_map_ranges(fields.data):
            where = " ".join(filter(None, (f"data.{place.key}", ".".join(place.path))))
            name = ".".join(place.path) or place.key
            yield from _told(fields, where, text, place.kind, f"{fields.title} {name}")


def _of_pools(objects: Iterable[Fields]) -> Iterator[DiscoveredRange]:
    """Yield Calico's pools; pods may still have addresses of a disabled one."""
    for fields in objects:
        spec = fields.child("spec")
        uses = spec.texts("allowedUses")
        if uses and not {"Workload", "Tunnel"} & set(uses):
            continue  # For the addresses of load balancers, which are no pods'.
        disabled = " (disabled)" if spec.flag("disabled") else ""
        cidr = spec.text("cidr")
        yield from _listed(spec, [cidr] if cidr else [], RangeKind.POD, f"Calico {fields.title}{disabled}")


def _of_cilium(nodes: Iterable[Fields], pools: Iterable[Fields]) -> Iterator[DiscoveredRange]:
    for fields in nodes:
        for cidr in _node_cidrs(fields):
            yield DiscoveredRange(RangeKind.POD, cidr, f"{fields.title} podCIDRs")
    for fields in pools:
        spec = fields.child("spec")
        for family in ("ipv4", "ipv6"):
            part = spec.child(family)
            yield from _listed(part, part.texts("cidrs"), RangeKind.POD, fields.title)


def _node_cidrs(fields: Fields) -> tuple[str, ...]:
    ipam = fields.child("spec").child("ipam")
    pools = ipam.child("pools").children("allocated")
    texts = [*ipam.texts("podCIDRs"), *(cidr for pool in pools for cidr in pool.texts("cidrs"))]
    return ranges(((fields.title, text) for text in texts), fields.problems)


def _of_openshift(objects: Iterable[Fields]) -> Iterator[DiscoveredRange]:
    """Yield OpenShift's networks: those in force (status), or else those asked for."""
    for fields in objects:
        part = fields.child("status")
        if not part.data.get("clusterNetwork") and not part.data.get("serviceNetwork"):
            part = fields.child("spec")
        pods = [entry.text("cidr") for entry in part.children("clusterNetwork")]
        title = f"OpenShift {fields.title}"
        yield from _listed(part, filter(None, pods), RangeKind.POD, f"{title} clusterNetwork")
        yield from _listed(part, part.texts("serviceNetwork"), RangeKind.SERVICE, f"{title} serviceNetwork")


def _of_weave(daemon_sets: Iterable[Fields]) -> Iterator[DiscoveredRange]:
    for fields in daemon_sets:
        if object_key(fields.data)[1:] != _WEAVE:
            continue
        spec = _quiet(fields).child("spec").child("template").child("spec")
        for container in spec.children("containers"):
            text = weave_range(container.data)
            yield from _told(fields, WEAVE_RANGE, text, RangeKind.POD, f"{fields.title} {WEAVE_RANGE}")


def _told(
    fields: Fields, where: str, text: str, kind: RangeKind, origin: str, pod: str = ""
) -> Iterator[DiscoveredRange]:
    """Yield the ranges of a text that was cut down to CIDRs, or name the place where it is none."""
    if text == UNREADABLE:
        fields.note(where, _NO_CIDRS)
        return
    for cidr in filter(None, text.split(",")):
        yield DiscoveredRange(kind, cidr, origin, pod)


def _listed(fields: Fields, cidrs: Iterable[str], kind: RangeKind, origin: str) -> Iterator[DiscoveredRange]:
    place = f"{fields.title} {fields.path}".rstrip(".")
    for cidr in ranges(((place, cidr) for cidr in cidrs), fields.problems):
        yield DiscoveredRange(kind, cidr, origin)


def _quiet(fields: Fields) -> Fields:
    """Return a reader whose problems nobody hears: another one names them."""
    return Fields(fields.data, fields.title, fields.path, [])
