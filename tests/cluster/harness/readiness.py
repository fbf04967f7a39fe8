"""When a cluster is ready for traffic: every pod serves, and every node's kernel knows the way to it.

Nothing is sent to find out, so that the kernels' tables of connections hold what tests do, and no more.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence

from tests.cluster.harness import netns
from tests.cluster.harness.network import NodeNetwork
from tests.cluster.harness.rest import Object, Rest
from tests.cluster.harness.snapshot import runs
from tests.cluster.harness.status import ports_of

End = tuple[str, str, int]
"""Address, protocol and port."""

_PAUSE = 0.1
_FAMILIES = ("ip", "ip6")
_WAY = re.compile(r"([0-9a-f.:]+) \. (tcp|udp) \. (\d+)(?: comment \"[^\"]*\")? : (?:goto (\S+?)|drop)[,\s]")
_BACKEND = re.compile(r"(?:__|: )([0-9a-f.:]+)(?: \. |/)(\d+)")
_DESIRED = {
    "daemonsets": ("desiredNumberScheduled", "numberReady", "updatedNumberScheduled"),
    "deployments": ("replicas", "readyReplicas", "updatedReplicas"),
    "statefulsets": ("replicas", "readyReplicas", "updatedReplicas"),
    "replicasets": ("replicas", "readyReplicas"),
}


def wait_until_ready(
    rest: Rest, nodes: Sequence[NodeNetwork], namespaces: Collection[str], seconds: float = 60
) -> None:
    """Return once the workloads of namespaces run, and their Services lead to them on every node.

    Jobs count as ready once they have all their pods running or finished.

    Raises:
        TimeoutError: something is not ready within so many seconds; the message names what and why.
    """
    deadline = time.monotonic() + seconds
    while True:
        lacking = [*_workloads(rest, namespaces), *_pods(rest, namespaces)]
        lacking = lacking or _ways(rest, nodes, namespaces)
        if not lacking:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"not ready within {seconds:g} s: {'; '.join(lacking[:5])}")
        time.sleep(_PAUSE)


def _workloads(rest: Rest, namespaces: Collection[str]) -> Iterator[str]:
    for kind, (wanted, *counts) in _DESIRED.items():
        for item in _of(rest.items(f"/apis/apps/v1/{kind}"), namespaces):
            meta, status = item["metadata"], item.get("status", {})
            seen = status.get("observedGeneration", 0) >= meta.get("generation", 0)
            desired = item["spec"].get("replicas", 1) if wanted == "replicas" else status.get(wanted, 0)
            has = [status.get(count, 0) for count in counts]
            if not seen or any(count != desired for count in has):
                yield f"{kind} {meta['namespace']}/{meta['name']} has {min(has)} of {desired} pods"
    for item in _of(rest.items("/apis/batch/v1/jobs"), namespaces):
        meta, spec, status = item["metadata"], item["spec"], item.get("status", {})
        done = any(one["type"] in ("Complete", "Failed") for one in status.get("conditions") or [])
        started = status.get("ready", 0) + status.get("succeeded", 0) + status.get("failed", 0)
        if not (done or spec.get("suspend")) and started < spec.get("parallelism", 1):
            yield f"Job {meta['namespace']}/{meta['name']} has {started} pods"


def _pods(rest: Rest, namespaces: Collection[str]) -> Iterator[str]:
    for pod in _of(rest.items("/api/v1/pods"), namespaces):
        meta, status = pod["metadata"], pod.get("status", {})
        ready = runs(pod) or status.get("phase") in ("Succeeded", "Failed")
        if not ready:
            why = [item["message"] for item in status.get("conditions") or [] if item.get("message")]
            state = "is going" if meta.get("deletionTimestamp") else f"is {status.get('phase')}"
            yield f"pod {meta['namespace']}/{meta['name']} {state}{''.join(f' ({text})' for text in why)}"


def _ways(rest: Rest, nodes: Sequence[NodeNetwork], namespaces: Collection[str]) -> list[str]:
    """Return what the kernels of the nodes do not know yet of Services and their backends."""
    pods = [pod for pod in rest.items("/api/v1/pods") if runs(pod)]
    services = _of(rest.items("/api/v1/services"), namespaces)
    lacking = []
    for node in nodes:
        known = _known(node)
        for service in services:
            name = f"{service['metadata']['namespace']}/{service['metadata']['name']}"
            for front, backends in _expected(service, pods, node).items():
                if known.get(front) != backends:
                    lacking.append(f"{node.name} does not know all pods of Service {name} port {front[2]}")
    return lacking


def _expected(
    service: Object, pods: Sequence[Object], node: NodeNetwork
) -> Mapping[End, set[tuple[str, int]]]:
    """Return where each port of a Service, at each of its addresses, has to lead on a node."""
    spec = service["spec"]
    addresses = [text for text in spec.get("clusterIPs") or [] if text != "None"]
    if not spec.get("selector") or spec.get("type") == "ExternalName":
        return {}
    namespace, selector = service["metadata"]["namespace"], spec["selector"].items()
    local = spec.get("internalTrafficPolicy") == "Local"
    behind = [
        pod
        for pod in pods
        if pod["metadata"]["namespace"] == namespace
        and selector <= pod["metadata"].get("labels", {}).items()
        and (not local or pod["spec"]["nodeName"] == node.name)
    ]
    expected: dict[End, set[tuple[str, int]]] = {}
    for port in spec.get("ports") or []:
        protocol = port.get("protocol", "TCP")
        if protocol == "SCTP":
            continue
        for address in addresses:
            ends = expected.setdefault((address, protocol, port["port"]), set())
            for pod in behind:
                number = _target(pod, port, protocol)
                ips = [
                    item["ip"] for item in pod["status"]["podIPs"] if (":" in item["ip"]) == (":" in address)
                ]
                if number:
                    ends.update((ip, number) for ip in ips)
    return expected


def _target(pod: Object, port: Object, protocol: str) -> int:
    """Return the number of a Service's port at a pod; 0 where the pod has no port of this name."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    return next((one.number for one in ports_of(pod) if (one.name, one.protocol) == (target, protocol)), 0)


def _known(node: NodeNetwork) -> dict[End, set[tuple[str, int]]]:
    """Return where a node's kernel leads packets to Services, as kube-proxy has told it."""
    known: dict[End, set[tuple[str, int]]] = {}
    for family in _FAMILIES:
        with netns.inside(node.path):
            try:
                text = netns.run("nft", "list", "table", family, "kube-proxy")
            except RuntimeError:  # It has not begun.
                continue
        chains = {}
        for part in text.split("\n\tchain ")[1:]:
            name, _, body = part.partition(" {")
            chains[name] = body
        for address, protocol, port, chain in _WAY.findall(text):
            backends = {(ip, int(number)) for ip, number in _BACKEND.findall(chains.get(chain, ""))}
            known[address, protocol.upper(), int(port)] = backends
    return known


def _of(items: Sequence[Object], namespaces: Collection[str]) -> list[Object]:
    return [item for item in items if item["metadata"]["namespace"] in namespaces]
