"""Make a cluster of any size for benchmarks: the same arguments give the same objects.

Each owner has its own ``app`` label; every fourth shares a ``tier``, and every fifth namespace a ``team``.
There are two profiles of policies. ``plain``: one app each, ingress from two apps on a port, egress to one
app on a port and to DNS. ``mixed``: one app each (one in eight: a whole namespace); a few apps, tiers, teams
and ranges on numbered, ranged and (ingress only) named ports; three in four also speak of egress, with DNS.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from netsec_tui.core.evaluate import parse_policy
from netsec_tui.model.connection import EndPod
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import ContainerPort
from netsec_tui.model.policy import NetworkPolicy

Object = dict[str, Any]
OWNERS_PER_NAMESPACE = 25
TIERS = ("web", "api", "data", "batch")
PORTS = (80, 443, 3000, 5432, 6379, 8080, 8443, 9090, 9092, 9200)
EXTERNAL = ("0.0.0.0/0", "203.0.113.0/24", "198.51.100.0/25", "192.0.2.17/32", "172.16.0.0/12")


def generate(pods: int, owners: int, policies: int, profile: str = "mixed", *, seed: int = 1) -> list[Object]:
    """Return Namespaces, Pods with owners, and NetworkPolicies of a profile as Kubernetes objects."""
    rng = random.Random(seed)
    make = PROFILES[profile]
    count = max(1, -(-owners // OWNERS_PER_NAMESPACE))
    namespaces = [_namespace(index) for index in range(count)]
    made = [_pod(index, index % owners, count) for index in range(pods)]
    return namespaces + made + [make(rng, index, owners, count) for index in range(policies)]


def _meta(name: str, labels: dict[str, str], namespace: str = "") -> Object:
    return {"name": name, "labels": labels} | ({"namespace": namespace} if namespace else {})


def _namespace(index: int) -> Object:
    labels = {"team": f"team-{index % 5}", "kubernetes.io/metadata.name": f"ns-{index}"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": _meta(f"ns-{index}", labels)}


def _labels(owner: int) -> dict[str, str]:
    return {"app": f"app-{owner}", "tier": TIERS[owner % len(TIERS)]}


def _pod(index: int, owner: int, namespaces: int) -> Object:
    metadata = _meta(f"app-{owner}-{index}", _labels(owner), f"ns-{owner % namespaces}")
    reference = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"app-{owner}", "uid": f"uid-{owner}"}
    metadata["ownerReferences"] = [reference | {"controller": True}]
    ports = [
        {"name": "http", "containerPort": PORTS[owner % len(PORTS)], "protocol": "TCP"},
        {"name": "metrics", "containerPort": 9000 + owner % 3, "protocol": "TCP"},
    ]
    ip = f"10.{index >> 16}.{index >> 8 & 255}.{index & 255}"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [{"name": "main", "image": "none", "ports": ports}]},
        "status": {"phase": "Running", "hostIP": "192.168.0.1", "podIP": ip, "podIPs": [{"ip": ip}]},
    }


def _plain_policy(rng: random.Random, index: int, owners: int, namespaces: int) -> Object:
    owner = rng.randrange(owners)
    spec: Object = {
        "podSelector": {"matchLabels": {"app": f"app-{owner}"}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [_app(rng, owners, namespaces) for _ in range(2)], "ports": [_port(rng)]}],
        "egress": [{"to": [_app(rng, owners, namespaces)], "ports": [_port(rng)]}, _dns()],
    }
    return _network_policy(index, owner % namespaces, spec)


def _mixed_policy(rng: random.Random, index: int, owners: int, namespaces: int) -> Object:
    owner = rng.randrange(owners)
    selector: Object = {"matchLabels": {"app": f"app-{owner}"}} if index % 8 else {}
    spec: Object = {
        "podSelector": selector,
        "policyTypes": ["Ingress"],
        "ingress": [
            {"from": [_peer(rng, owners, namespaces) for _ in range(3)], "ports": _ports(rng)}
            for _ in range(2 if index % 8 else 1)
        ],
    }
    if index % 4:
        spec["policyTypes"].append("Egress")
        spec["egress"] = [
            {"to": [_peer(rng, owners, namespaces) for _ in range(3)], "ports": _ports(rng, names=False)},
            _dns(),
        ]
    return _network_policy(index, owner % namespaces, spec)


PROFILES: dict[str, Callable[[random.Random, int, int, int], Object]] = {
    "plain": _plain_policy,
    "mixed": _mixed_policy,
}


def _network_policy(index: int, namespace: int, spec: Object) -> Object:
    metadata = {"name": f"policy-{index}", "namespace": f"ns-{namespace}"}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": spec,
    }


def _dns() -> Object:
    ports = [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]
    return {"to": [{"namespaceSelector": {}}], "ports": ports}


def _app(rng: random.Random, owners: int, namespaces: int) -> Object:
    app = rng.randrange(owners)
    namespace = {"matchLabels": {"kubernetes.io/metadata.name": f"ns-{app % namespaces}"}}
    return {"namespaceSelector": namespace, "podSelector": {"matchLabels": {"app": f"app-{app}"}}}


def _port(rng: random.Random) -> Object:
    return {"protocol": "TCP", "port": rng.choice(PORTS)}


def _peer(rng: random.Random, owners: int, namespaces: int) -> Object:
    shape = rng.randrange(10)
    if shape < 5:
        return _app(rng, owners, namespaces)
    if shape < 7:
        values = rng.sample(TIERS, 2)
        expression = {"key": "tier", "operator": rng.choice(("In", "NotIn")), "values": values}
        return {"podSelector": {"matchExpressions": [expression]}}
    if shape < 9:
        return {"namespaceSelector": {"matchLabels": {"team": f"team-{rng.randrange(5)}"}}}
    return {"ipBlock": {"cidr": rng.choice(EXTERNAL)}}


def _ports(rng: random.Random, *, names: bool = True) -> list[Object]:
    # No names in egress: netpol-analyzer refuses them beside an ipBlock.
    shape = rng.randrange(10)
    if shape < (6 if names else 8):
        return [{"protocol": "TCP", "port": port} for port in rng.sample(PORTS, rng.randint(1, 2))]
    if shape < 8:
        return [{"protocol": "TCP", "port": rng.choice(("http", "metrics"))}]
    if shape < 9:
        # Beside all other ports: of ranges that overlap, netpol-analyzer's answer changes from run to run.
        return [{"protocol": "TCP", "port": 10000, "endPort": 10999}]
    return [{"protocol": "UDP", "port": rng.choice(PORTS)}]


def model(objects: list[Object]) -> tuple[list[EndPod], list[NetworkPolicy]]:
    """Return the pods and policies among generated objects as the evaluator takes them."""
    labels = {
        o["metadata"]["name"]: tuple(sorted(o["metadata"]["labels"].items()))
        for o in objects
        if o["kind"] == "Namespace"
    }
    pods = [_end_pod(o, labels[o["metadata"]["namespace"]]) for o in objects if o["kind"] == "Pod"]
    return pods, [parse_policy(o) for o in objects if o["kind"] == "NetworkPolicy"]


def _end_pod(pod: Object, namespace_labels: tuple[tuple[str, str], ...]) -> EndPod:
    metadata = pod["metadata"]
    owner = metadata["ownerReferences"][0]
    return EndPod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        labels=tuple(sorted(metadata["labels"].items())),
        namespace_labels=namespace_labels,
        ips=tuple(entry["ip"] for entry in pod["status"]["podIPs"]),
        ports=tuple(
            ContainerPort(p["name"], Protocol(p["protocol"]), p["containerPort"])
            for container in pod["spec"]["containers"]
            for p in container["ports"]
        ),
        owner=WorkloadRef(owner["kind"], metadata["namespace"], owner["name"]),
    )


def write(objects: list[Object], folder: Path) -> None:
    """Write the objects as one JSON List, which kubectl and other tools read as a manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, indent=1)
    (folder / "cluster.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write a generated cluster as a manifest.")
    parser.add_argument("folder", type=Path)
    for name in ("pods", "owners", "policies"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--profile", choices=tuple(PROFILES), default="mixed")
    options = parser.parse_args()
    write(generate(options.pods, options.owners, options.policies, options.profile), options.folder)
