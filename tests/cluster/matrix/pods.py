"""The pods whose matrix is compared: nine as in the vectors, on all nodes, and one on the host network."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.cluster.harness.network import NodeNetwork

Object = dict[str, Any]

NAMESPACES = {"x": {"team": "red"}, "y": {"team": "red", "stage": "test"}, "z": {"team": "blue"}}
"""The labels of the namespaces, besides the ``ns`` that the vectors know."""

LETTERS = ("a", "b", "c")
ROLES = {"x/a": "front", "y/b": "front", "z/c": "front", "x/b": "back", "y/a": "back"}
"""The label ``role`` of some pods; the others have none."""

HOST = "y/h"
"""The pod on the host network; its labels are those of y/a."""

SHIFT = 128
"""What is added to the last number of the vectors' addresses: the low ones go to pods that ask for none."""

_FIRST = 11 + SHIFT
"""The last number of the first pod's address."""

NAMED = {
    "a": {("TCP", 82): "web", ("TCP", 83): "admin", ("UDP", 83): "dns"},
    "b": {("TCP", 83): "web", ("TCP", 82): "admin", ("UDP", 82): "dns"},
    "c": {("UDP", 82): "web", ("TCP", 83): "admin"},
}
"""What pods call their ports: the same name is another number, another protocol or nothing at another pod."""


@dataclass(frozen=True)
class Addresses:
    """Where the pods and nodes of one cluster are: by pod its IPv4 and IPv6 address, by node its own."""

    pods: dict[str, tuple[str, str]]
    nodes: dict[str, tuple[str, str]]
    on: dict[str, str]
    """By pod the name of its node."""

    def of(self, pod: str, family: int) -> str:
        """Return the address at which a pod is reached."""
        return self.pods[pod][0 if family == 4 else 1]


def addresses(nodes: Sequence[NodeNetwork]) -> Addresses:
    """Lay the pods out: in turn on the nodes, with the last number of their address as in the vectors."""
    pods, on = {}, {}
    names = [f"{namespace}/{letter}" for namespace in NAMESPACES for letter in LETTERS]
    for index, pod in enumerate(names):
        node = nodes[index % len(nodes)]
        pods[pod] = tuple(str(ipaddress.ip_network(cidr)[_FIRST + index]) for cidr in node.pod_ranges)
        on[pod] = node.name
    pods[HOST], on[HOST] = nodes[0].addresses, nodes[0].name
    return Addresses(pods, {node.name: node.addresses for node in nodes}, on)


def objects(places: Addresses) -> list[Object]:
    """Return the Namespaces and Pods."""
    return [*(_namespace(name) for name in NAMESPACES), *(_pod(pod, places) for pod in places.pods)]


def _namespace(name: str) -> Object:
    labels = {"ns": name, **NAMESPACES[name]}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _pod(pod: str, places: Addresses) -> Object:
    namespace, name = pod.split("/")
    host = pod == HOST
    alike = "a" if host else name
    labels = {"pod": alike}
    role = ROLES.get(f"{namespace}/{alike}")
    if role:
        labels["role"] = role
    metadata: Object = {"namespace": namespace, "name": name, "labels": labels}
    if not host:
        metadata["annotations"] = {"netsec-tui.dev/ip": places.pods[pod][0]}
    container = {"name": "serve", "image": "serve", "ports": list(_ports(alike))}
    spec = {"nodeName": places.on[pod], "hostNetwork": host, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _ports(letter: str) -> Iterator[Object]:
    for number in (80, 81):
        for protocol in ("TCP", "UDP", "SCTP"):
            name = f"serve-{number}-{protocol.lower()}"
            yield {"name": name, "containerPort": number, "protocol": protocol}
    for number in (82, 83, 85):
        for protocol in ("TCP", "UDP"):
            name = NAMED[letter].get((protocol, number))
            yield {
                **({"name": name} if name else {}),
                "containerPort": number,
                "protocol": protocol,
            }
