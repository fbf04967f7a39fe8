"""The scenario's workloads as Kubernetes objects and pods with addresses."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from netsec_tui.demo import scenario
from netsec_tui.demo.parts import Service, Workload
from netsec_tui.model.flow import Protocol

KubeObject = dict[str, Any]

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_HASHES = {"Deployment": "pod-template-hash", "Rollout": "rollouts-pod-template-hash"}
_APPS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")
_FIRST_ADDRESS = 10
_DAY = 24 * 3600


@dataclass(frozen=True, slots=True)
class Pod:
    """Hold one pod; ``controller`` is (kind, name) of the object that made it, if any."""

    workload: Workload
    name: str
    labels: dict[str, str]
    controller: tuple[str, str] | None
    node: int
    ip: str
    ip6: str
    created: float
    finished: bool = False

    @property
    def node_name(self) -> str:
        """Return the name of the node it runs on."""
        return scenario.NODES[self.node]


def chance(*words: object) -> int:
    """Return a number below 2**32 that looks random and is the same every time."""
    return zlib.crc32("/".join(map(str, words)).encode())


def suffix(length: int, *words: object) -> str:
    """Return letters as Kubernetes puts them behind the name of a pod."""
    return "".join(_LETTERS[chance(*words, place) % len(_LETTERS)] for place in range(length))


def stable_labels(workload: Workload) -> dict[str, str]:
    """Return the labels that a workload and its Services select its pods by."""
    if workload.key == "kube-system/coredns":
        return {"k8s-app": "kube-dns"}
    if workload.kind == "Pod":
        return {"run": workload.name}
    return {"app.kubernetes.io/name": workload.name}


def pods() -> dict[str, list[Pod]]:
    """Return all pods by the key of their workload; two workers take them in turn."""
    used = [_FIRST_ADDRESS] * len(scenario.NODES)
    found: dict[str, list[Pod]] = {}
    turn = 0
    for workload in scenario.WORKLOADS:
        made = found[workload.key] = []
        for number in range(workload.replicas):
            daemon = workload.kind == "DaemonSet"
            node = number if daemon else 1 + turn % 2
            turn += not daemon
            made.append(_pod(workload, number, node, used[node]))
            used[node] += not workload.host_network
    return found


def _pod(workload: Workload, number: int, node: int, address: int) -> Pod:
    labels = stable_labels(workload)
    controller = replica_set = f"{workload.name}-{suffix(9, workload.key)}"
    created, finished = scenario.END - scenario.SECONDS - _DAY, False
    name = f"{workload.name}-{suffix(5, workload.key, number)}"
    kind = workload.kind
    if kind in _HASHES:
        labels[_HASHES[kind]] = replica_set.removeprefix(f"{workload.name}-")
        kind, name = "ReplicaSet", f"{replica_set}-{suffix(5, workload.key, number)}"
    elif kind in ("CronJob", "Job"):
        created = job_start(workload, number)
        controller = job_name(workload, number)
        kind, name = "Job", f"{controller}-{suffix(5, workload.key, number)}"
        labels["batch.kubernetes.io/job-name"] = controller
        finished = number < workload.replicas - 1 or workload.kind == "Job"
    elif kind == "StatefulSet":
        controller, name = workload.name, f"{workload.name}-{number}"
    else:
        controller = workload.name
    made_by = None if kind == "Pod" else (kind, controller)
    name = workload.name if kind == "Pod" else name
    ip, ip6 = f"10.244.{node}.{address}", f"fd00:10:244:{node}::{address:x}"
    if workload.host_network:
        ip, ip6 = scenario.NODE_IPS[node], ""
    return Pod(workload, name, labels, made_by, node, ip, ip6, created, finished)


def job_start(workload: Workload, number: int) -> float:
    """Return when the n-th Job of a workload began: they share the window evenly."""
    return scenario.END - scenario.SECONDS * (workload.replicas - number) / workload.replicas


def job_name(workload: Workload, number: int) -> str:
    """Return a Job's name; a CronJob adds the minute for which it planned the Job."""
    minute = int(job_start(workload, number) // 60)
    return f"{workload.name}-{minute}" if workload.kind == "CronJob" else workload.name


def objects() -> list[KubeObject]:
    """Return the cluster state."""
    by_workload = pods()
    found: list[KubeObject] = [*map(_namespace, scenario.NAMESPACES), *_nodes(), _service_cidr()]
    for workload in scenario.WORKLOADS:
        found += _owners(workload, by_workload[workload.key])
        found += map(_pod_object, by_workload[workload.key])
    workloads = {workload.key: workload for workload in scenario.WORKLOADS}
    found += [_service(s, workloads[f"{s.namespace}/{s.target}"]) for s in scenario.SERVICES]
    return [*found, *_kubernetes_service(), *scenario.POLICIES]


def _meta(name: str, namespace: str = "", **more: Any) -> dict[str, Any]:
    return {"name": name, **({"namespace": namespace} if namespace else {}), **more}


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _namespace(name: str) -> KubeObject:
    labels = {"kubernetes.io/metadata.name": name}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": _meta(name, labels=labels)}


def _nodes() -> Iterable[KubeObject]:
    for number, (name, ip) in enumerate(zip(scenario.NODES, scenario.NODE_IPS, strict=True)):
        cidrs = [f"10.244.{number}.0/24", f"fd00:10:244:{number}::/64"]
        status = {"addresses": [{"type": "InternalIP", "address": ip}]}
        spec = {"podCIDRs": cidrs}
        yield {"apiVersion": "v1", "kind": "Node", "metadata": _meta(name), "spec": spec, "status": status}


def _service_cidr() -> KubeObject:
    """Return the range of Services as clusters since Kubernetes 1.33 tell it; it has no IPv6 part."""
    spec = {"cidrs": [f"{scenario.SERVICE_PREFIX}0/16"]}
    return _object("ServiceCIDR", _meta("kubernetes"), spec) | {"apiVersion": "networking.k8s.io/v1"}


def _pod_spec(workload: Workload) -> dict[str, Any]:
    ports = [
        {"name": port.name, "containerPort": port.number, **_protocol(port.protocol)}
        for port in workload.ports
    ]
    host = {"hostNetwork": True} if workload.host_network else {}
    return {**host, "containers": [{"ports": ports} if ports else {}]}


def _protocol(protocol: Protocol) -> dict[str, str]:
    return {} if protocol is Protocol.TCP else {"protocol": str(protocol)}


def _owners(workload: Workload, made: list[Pod]) -> list[KubeObject]:
    """Return the object that owns the pods and those between the two (ReplicaSet, Job)."""
    kind, namespace, name = workload.kind, workload.namespace, workload.name
    template = {"metadata": {"labels": stable_labels(workload)}, "spec": _pod_spec(workload)}
    spec = {"selector": {"matchLabels": stable_labels(workload)}, "template": template}
    if kind == "Pod":
        return []
    if kind == "CronJob":
        owner = _object(kind, _meta(name, namespace), {"jobTemplate": {"spec": {"template": template}}})
        return [owner, *(_job(pod, template, workload) for pod in made)]
    if kind == "Job":
        return [_job(made[0], template, workload)]
    owner = _object(kind, _meta(name, namespace), spec)
    if kind not in _HASHES or made[0].controller is None:
        return [owner]
    label = _HASHES[kind]
    marked = {**stable_labels(workload), label: made[0].labels[label]}
    by = [{"kind": kind, "name": name, "controller": True}]
    of_set = {"selector": {"matchLabels": marked}}
    return [owner, _object("ReplicaSet", _meta(made[0].controller[1], namespace, ownerReferences=by), of_set)]


def _job(pod: Pod, template: dict[str, Any], workload: Workload) -> KubeObject:
    by = [{"kind": "CronJob", "name": workload.name, "controller": True}]
    more = {"ownerReferences": by} if workload.kind == "CronJob" else {}
    name = pod.controller[1] if pod.controller else pod.name
    return _object("Job", _meta(name, workload.namespace, **more), {"template": template})


def _object(kind: str, metadata: dict[str, Any], spec: dict[str, Any]) -> KubeObject:
    version = "apps/v1" if kind in _APPS else "argoproj.io/v1alpha1" if kind == "Rollout" else "batch/v1"
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _pod_object(pod: Pod) -> KubeObject:
    metadata = _meta(
        pod.name, pod.workload.namespace, labels=pod.labels, creationTimestamp=_moment(pod.created)
    )
    if pod.controller:
        kind, name = pod.controller
        metadata["ownerReferences"] = [{"kind": kind, "name": name, "controller": True}]
    spec = {**_pod_spec(pod.workload), "nodeName": pod.node_name}
    ips = [{"ip": ip} for ip in (pod.ip, pod.ip6) if ip]
    status = {"phase": "Succeeded" if pod.finished else "Running", "podIPs": ips}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def cluster_ip(service: Service) -> str:
    """Return the cluster IP of a Service, or ``None`` in letters for a headless one, as the API does."""
    return f"{scenario.SERVICE_PREFIX}{service.ip}" if service.ip else "None"


def _service(service: Service, workload: Workload) -> KubeObject:
    ports = [
        {"name": _port_name(protocol, port), "protocol": str(protocol), "port": port, "targetPort": target}
        for port, target, protocol in service.ports
    ]
    spec: dict[str, Any] = {
        "type": "LoadBalancer" if service.outside else "ClusterIP",
        "selector": stable_labels(workload),
        "clusterIP": cluster_ip(service),
        "ports": ports,
    }
    found = _object("Service", _meta(service.name, service.namespace), spec) | {"apiVersion": "v1"}
    if service.outside:
        ports[0]["nodePort"] = service.node_port
        found["status"] = {"loadBalancer": {"ingress": [{"ip": service.outside}]}}
    return found


def _port_name(protocol: Protocol, port: int) -> str:
    return f"{protocol}-{port}".lower()


def _kubernetes_service() -> Iterable[KubeObject]:
    """Yield the Service of the API server, which has no selector, and the slice that says where it is."""
    ports = [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": 6443}]
    spec = {"type": "ClusterIP", "clusterIP": f"{scenario.SERVICE_PREFIX}1", "ports": ports}
    yield _object("Service", _meta("kubernetes", "default"), spec) | {"apiVersion": "v1"}
    yield {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": _meta("kubernetes", "default", labels={"kubernetes.io/service-name": "kubernetes"}),
        "addressType": "IPv4",
        "endpoints": [{"addresses": [scenario.NODE_IPS[0]]}],
        "ports": [{"name": "https", "protocol": "TCP", "port": 6443}],
    }
