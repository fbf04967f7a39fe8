"""Who an address is, in the words of Cilium: identities with their labels, pods with their workloads."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from tests.cluster.harness.instance import Instance
from tests.cluster.harness.network import NodeNetwork, control_address
from tests.cluster.harness.rest import Mirror, Object, Rest
from tests.cluster.harness.status import ports_of

_FIRST_IDENTITY, _IDENTITIES, _ENDPOINTS = 5000, 60_000, 4000
_RESERVED = {"host": 1, "world": 2, "health": 4, "remote-node": 6, "kube-apiserver": 7}
# Cilium leaves these out of what identities are made of.
_LEFT_OUT = ("pod-template-hash", "controller-revision-hash", "pod-template-generation")


def reserved(name: str) -> Object:
    """Return the endpoint of a reserved identity."""
    return {"identity": _RESERVED[name], "labels": [f"reserved:{name}"]}


class Endpoints:
    """What the agents know of pods, Services and NetworkPolicies; kept up to date by threads."""

    def __init__(self, instance: Instance, nodes: Sequence[NodeNetwork]) -> None:
        """Say of which cluster; ``start`` begins."""
        rest = Rest(instance.kubeconfig)
        self._pods_by_ip: dict[str, Object] = {}
        self._nodes = {address: node.name for node in nodes for address in node.addresses}
        self._control = control_address(instance)
        self._pods = Mirror(rest, "/api/v1/pods", self._pod_changed)
        self._services = Mirror(rest, "/api/v1/services")
        self._policies = Mirror(rest, "/apis/networking.k8s.io/v1/networkpolicies")

    def start(self) -> None:
        """Begin, and return once what there is has been read."""
        for mirror in (self._pods, self._services, self._policies):
            mirror.start()
        for mirror in (self._pods, self._services, self._policies):
            mirror.objects()

    def stop(self) -> None:
        """End."""
        for mirror in (self._pods, self._services, self._policies):
            mirror.stop()

    def endpoint(self, ip: str, node: str) -> Object:
        """Return flow.Endpoint for an address as the agent of a node tells it.

        Only endpoints of its own have an ID and workloads (cilium, pkg/hubble/parser/common/endpoint.go).
        """
        pod = self._pods_by_ip.get(ip)
        if pod is None:
            return reserved(self._reserved(ip, node))
        meta = pod["metadata"]
        labels = _labels(meta)
        told: Object = {
            "identity": _FIRST_IDENTITY + zlib.crc32("".join(labels).encode()) % _IDENTITIES,
            "namespace": meta["namespace"],
            "labels": labels,
            "pod_name": meta["name"],
            "cluster_name": "default",
        }
        if self.is_local(ip, node):
            told["ID"] = 1 + zlib.crc32(meta["uid"].encode()) % _ENDPOINTS
            told["workloads"] = _workloads(meta)
        return told

    def is_local(self, ip: str, node: str) -> bool:
        """Tell whether an address is that of a pod on a node, and not the node's own."""
        pod = self._pods_by_ip.get(ip)
        return pod is not None and pod["spec"].get("nodeName") == node

    def node_of(self, ip: str) -> str:
        """Return the node of a pod's address; empty where it is no pod's."""
        pod = self._pods_by_ip.get(ip)
        return pod["spec"]["nodeName"] if pod else ""

    def service(self, ip: str) -> Object | None:
        """Return the Service with a ClusterIP."""
        return next((s for s in self._services.objects() if ip in s["spec"].get("clusterIPs", ())), None)

    def backend(self, service: Object, port: int, protocol: str) -> tuple[str, int] | None:
        """Return the address and port of some pod behind a Service's port."""
        selector = service["spec"].get("selector") or {}
        for pod in list(self._pods_by_ip.values()):
            if selector and pod["metadata"]["namespace"] == service["metadata"]["namespace"]:
                wanted = _target(service, port, protocol)
                number = _number(pod, wanted, protocol)
                if number and selector.items() <= pod["metadata"].get("labels", {}).items():
                    return pod["status"]["podIP"], number
        return None

    def is_held_at_egress(self, ip: str) -> bool:
        """Tell whether some NetworkPolicy is about what a pod sends."""
        pod = self._pods_by_ip.get(ip)
        return pod is not None and any(_is_about(policy, pod) for policy in self._policies.objects())

    def _reserved(self, ip: str, node: str) -> str:
        if ip == self._control:
            return "kube-apiserver"
        name = self._nodes.get(ip)
        return "world" if name is None else "host" if name == node else "remote-node"

    def _pod_changed(self, pod: Object, there: bool) -> None:
        # One that is gone is remembered until another has its address: flows are told after the fact.
        if there and not pod["spec"].get("hostNetwork"):
            for item in pod.get("status", {}).get("podIPs", ()):
                self._pods_by_ip[item["ip"]] = pod


def _labels(meta: Mapping[str, Any]) -> list[str]:
    namespace = meta["namespace"]
    own = [f"k8s:{key}={value}" for key, value in meta.get("labels", {}).items() if key not in _LEFT_OUT]
    return sorted(
        [
            *own,
            f"k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name={namespace}",
            "k8s:io.cilium.k8s.policy.cluster=default",
            "k8s:io.cilium.k8s.policy.serviceaccount=default",
            f"k8s:io.kubernetes.pod.namespace={namespace}",
        ]
    )


def _workloads(meta: Mapping[str, Any]) -> list[Object]:
    """Return the owner as Cilium derives it: a Deployment by the hash at the end of its ReplicaSet's name."""
    found = []
    for owner in meta.get("ownerReferences", ()):
        name, digest = owner["name"], meta.get("labels", {}).get("pod-template-hash", "")
        if owner["kind"] == "ReplicaSet" and digest and name.endswith(f"-{digest}"):
            found.append({"name": name.removesuffix(f"-{digest}"), "kind": "Deployment"})
        else:
            found.append({"name": name, "kind": owner["kind"]})
    return found


def _target(service: Object, port: int, protocol: str) -> Any:
    for item in service["spec"].get("ports", ()):
        if (item["port"], item.get("protocol", "TCP")) == (port, protocol):
            return item.get("targetPort", port)
    return port


def _number(pod: Object, target: Any, protocol: str) -> int:
    if isinstance(target, int):
        return target
    named = [port.number for port in ports_of(pod) if (port.name, port.protocol) == (target, protocol)]
    return named[0] if named else 0


def _is_about(policy: Object, pod: Object) -> bool:
    """Tell whether a NetworkPolicy isolates a pod for egress; expressions of its selector count as met."""
    spec = policy["spec"]
    labels = spec.get("podSelector", {}).get("matchLabels") or {}
    return (
        policy["metadata"]["namespace"] == pod["metadata"]["namespace"]
        and "Egress" in spec.get("policyTypes", ())
        and labels.items() <= pod["metadata"].get("labels", {}).items()
    )
