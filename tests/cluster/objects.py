"""Small workloads for tests, as the objects that a manifest would hold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.cluster.harness.client import ClusterClient

Object = dict[str, Any]

DNS = Path(__file__).parent / "workloads" / "system.yaml"
"""The cluster's DNS server and its Service."""


def pods_of(cluster: ClusterClient, namespace: str, selector: str = "") -> list[Object]:
    """Return the pods of a namespace, those with some labels, as the API server has them."""
    said = cluster.kubectl("get", "pods", "-n", namespace, "-l", selector, "-o", "json")
    found: list[Object] = json.loads(said)["items"]
    return found


def container(
    name: str, ports: Sequence[int], udp: Sequence[int] = (), names: Mapping[int, str] | None = None
) -> Object:
    """Return a container that listens on ports, some of them with names."""
    named = names or {}
    listed: list[Object] = [
        {
            "containerPort": number,
            "protocol": protocol,
            **({"name": named[number]} if number in named else {}),
        }
        for protocol, numbers in (("TCP", ports), ("UDP", udp))
        for number in numbers
    ]
    return {"name": name, "image": "registry.example/serve:1", "ports": listed}


def pod(
    name: str,
    ports: Sequence[int],
    udp: Sequence[int] = (),
    names: Mapping[int, str] | None = None,
    app: str = "",
    node: str = "",
    host_network: bool = False,
    selector: Mapping[str, str] | None = None,
    address: str = "",
) -> Object:
    """Return a bare pod; ``address`` is one that it asks for, ``node`` where it is put."""
    spec: Object = {"containers": [container(name, ports, udp, names)], "hostNetwork": host_network}
    if node:
        spec["nodeName"] = node
    if selector:
        spec["nodeSelector"] = dict(selector)
    annotations = {"netsec-tui.dev/ip": address} if address else {}
    metadata = {"name": name, "labels": {"app": app or name}, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def template(app: str, ports: Sequence[int] = (), restart: str = "Always", finish_after: float = 0) -> Object:
    """Return the template of a workload's pods; they end after so many seconds, where it says so."""
    annotations = {"netsec-tui.dev/finish-after-seconds": str(finish_after)} if finish_after else {}
    return {
        "metadata": {"labels": {"app": app}, "annotations": annotations},
        "spec": {"restartPolicy": restart, "containers": [container(app, ports)]},
    }


def deployment(name: str, ports: Sequence[int] = (), replicas: int = 1) -> Object:
    """Return a Deployment whose pods have the label ``app`` with its name."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": template(name, ports),
        },
    }


def service(
    app: str,
    ports: Mapping[int, int | str],
    protocol: str = "TCP",
    node_port: int = 0,
    headless: bool = False,
    families: Sequence[str] = (),
) -> Object:
    """Return a Service of the pods with a label ``app``; ``ports`` says what target each of its ports has."""
    listed = [
        {"name": f"p{port}", "port": port, "targetPort": target, "protocol": protocol}
        for port, target in ports.items()
    ]
    spec: Object = {"selector": {"app": app}, "ports": listed}
    if node_port:
        spec["type"] = "NodePort"
        spec["ports"][0]["nodePort"] = node_port
    if headless:
        spec["clusterIP"] = "None"
    if families:
        spec |= {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": list(families)}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": app}, "spec": spec}


def policy(name: str, selected: Mapping[str, str], peer: Mapping[str, str]) -> Object:
    """Return a NetworkPolicy that lets only pods of its own namespace with some labels in."""
    ingress = [{"from": [{"podSelector": {"matchLabels": dict(peer)}}]}]
    spec = {"podSelector": {"matchLabels": dict(selected)}, "policyTypes": ["Ingress"], "ingress": ingress}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": spec,
    }
