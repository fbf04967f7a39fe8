"""When a policy is in force: found out by a policy that was applied after it.

The enforcer of a node reads NetworkPolicies, Pods and Namespaces by one watch each, and each watch tells all
changes in their order. So the harness changes one of each last: the labels of a namespace of its own, those
of a pod in it on every node, and a policy that lets these labels in at one of two ports by turns. Once a
packet gets through at that port, the node's enforcer has seen all that happened before.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from tests.cluster.harness import waiting
from tests.cluster.harness.network import NodeNetwork
from tests.cluster.harness.rest import MERGE, ApiError, Object, Rest
from tests.cluster.harness.snapshot import runs
from tests.cluster.harness.traffic import Answer, Probe, Traffic

NAMESPACE = "netsec-canary"
"""The namespace of the harness's own pods and of its policy."""

_PORTS = (7000, 7001)
_GENERATION = "netsec-tui.dev/generation"
_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
_POLICIES = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies"
_PROBE = 0.15


class Canary:
    """Two pods on each node, of which one may call the other as soon as the node's enforcer is up to date."""

    def __init__(self, rest: Rest, traffic: Traffic, nodes: Sequence[NodeNetwork]) -> None:
        """Say in which cluster; nothing is made yet."""
        self._rest, self._traffic, self._nodes = rest, traffic, nodes

    def wait(self, seconds: float = 30) -> None:
        """Return once every node enforces what the API server has taken until now.

        Raises:
            TimeoutError: a node does not within so many seconds; the message names it.
        """
        self._make(seconds)
        generation = str(time.time_ns())
        labels = {"metadata": {"labels": {_GENERATION: generation}}}
        self._rest.send("PATCH", f"/api/v1/namespaces/{NAMESPACE}", labels, MERGE)
        for node in self._nodes:
            self._rest.send("PATCH", f"{_PODS}/{node.name}-client", labels, MERGE)
        port = self._turn(generation)
        servers = {
            node.name: self._rest.get(f"{_PODS}/{node.name}-server")["status"]["podIP"]
            for node in self._nodes
        }
        behind = set(servers)

        def all_through() -> bool:
            probes = [Probe(f"{NAMESPACE}/{name}-client", servers[name], port) for name in sorted(behind)]
            answers = self._traffic.probe(probes, _PROBE, leave_no_trace=True)
            behind.difference_update(
                name for name, answer in zip(sorted(behind), answers, strict=True) if answer is Answer.REACHED
            )
            return not behind

        try:
            waiting.until(all_through, seconds, "the enforcers", pause=0.02)
        except TimeoutError:
            raise TimeoutError(
                f"{', '.join(sorted(behind))}: policies not in force within {seconds:g} s"
            ) from None

    def _make(self, seconds: float) -> None:
        """Make the namespace and the pods where they are missing, and wait until they run."""
        existing = {item["metadata"]["name"]: item for item in self._rest.items(_PODS)}
        wanted = [(node, role) for node in self._nodes for role in ("client", "server")]
        if all(f"{node.name}-{role}" in existing for node, role in wanted):
            return
        _create(self._rest, "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        for node, role in wanted:
            _create(self._rest, _PODS, _pod(node, role))
        waiting.until(
            lambda: all(runs(self._rest.get(f"{_PODS}/{node.name}-{role}")) for node, role in wanted),
            seconds,
            f"the pods of {NAMESPACE}",
        )

    def _turn(self, generation: str) -> int:
        """Replace the policy by one for the other port, and return that port."""
        spec: Object = {
            "podSelector": {"matchLabels": {"role": "server"}},
            "policyTypes": ["Ingress"],
            "ingress": [
                {
                    "from": [
                        {
                            "namespaceSelector": {"matchLabels": {_GENERATION: generation}},
                            "podSelector": {"matchLabels": {_GENERATION: generation}},
                        }
                    ],
                    "ports": [{"protocol": "TCP", "port": _PORTS[0]}],
                }
            ],
        }
        policy: Object = {"metadata": {"name": "canary"}, "spec": spec}
        try:
            found = self._rest.get(f"{_POLICIES}/canary")
        except ApiError:
            self._rest.send("POST", _POLICIES, policy)
            return _PORTS[0]
        last = found["spec"]["ingress"][0]["ports"][0]["port"]
        port = next(number for number in _PORTS if number != last)
        spec["ingress"][0]["ports"][0]["port"] = port
        self._rest.send("PATCH", f"{_POLICIES}/canary", {"spec": spec}, MERGE)
        return port


def _create(rest: Rest, path: str, body: Object) -> None:
    try:
        rest.send("POST", path, body)
    except ApiError as error:
        if error.status != 409:
            raise


def _pod(node: NodeNetwork, role: str) -> Object:
    ports = [{"containerPort": port} for port in _PORTS]
    return {
        "metadata": {"name": f"{node.name}-{role}", "labels": {"role": role}},
        "spec": {
            "nodeName": node.name,
            "containers": [{"name": role, "image": "canary", "ports": ports if role == "server" else []}],
        },
    }
