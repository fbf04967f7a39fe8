"""A node: its object, kube-proxy, exec and port-forward into its pods, the enforcer of NetworkPolicies."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.cluster.harness import netns
from tests.cluster.harness.binaries import Binaries
from tests.cluster.harness.certificates import Certificates
from tests.cluster.harness.instance import Instance
from tests.cluster.harness.network import POD_RANGES, NodeNetwork
from tests.cluster.harness.processes import Process

STREAMS_PORT = 10250
_PROXY_HEALTH_PORT = 10256
_QUEUE = 100
_CAPACITY = {"cpu": "64", "memory": "256Gi", "pods": "250"}


class NodePrograms:
    """The programs that run on one node, in its network namespace."""

    def __init__(
        self, instance: Instance, node: NodeNetwork, binaries: Binaries, certificates: Certificates
    ) -> None:
        """Say what to run; ``start`` and ``enforce`` run it."""
        self._path = node.path
        self._node = node
        self._instance = instance
        self._streams = self._process(
            "pod-streams", [binaries.pod_streams, *self._streams_flags(certificates)]
        )
        self._proxy = self._process("kube-proxy", [binaries.kube_proxy, *self._proxy_flags()])
        self._enforcer = self._process(
            "kube-network-policies", [binaries.kube_network_policies, *self._enforcer_flags()]
        )

    def start(self) -> None:
        """Start what every node has; ``wait`` says when it is ready."""
        self._streams.start()
        self._proxy.start()

    def wait(self) -> None:
        """Return once the node's programs are ready.

        Raises:
            RuntimeError: one is not ready in time; the end of its log is in the message.
        """
        self._streams.wait(lambda: self._listens(STREAMS_PORT))
        self._proxy.wait(lambda: self._listens(_PROXY_HEALTH_PORT))

    def enforce(self) -> None:
        """Have NetworkPolicies enforced: the kernel asks the enforcer about each new connection.

        Raises:
            RuntimeError: the enforcer does not start; the end of its log is in the message.
        """
        if not self._enforcer.ended:
            return
        self._enforcer.start()
        self._enforcer.wait(self._queue_is_served)
        for command in ("iptables", "ip6tables"):
            for rule in _queue_rules():
                self._run(command, "-t", "mangle", "-A", "POSTROUTING", *rule)

    def stop_enforcing(self) -> None:
        """Have everything allowed again."""
        if self._enforcer.ended:
            return
        # The rules first: packets for a queue that nobody serves are dropped.
        for command in ("iptables", "ip6tables"):
            for rule in _queue_rules():
                self._run(command, "-t", "mangle", "-D", "POSTROUTING", *rule)
        self._enforcer.kill()
        # Where the kernel can hold its own table, it feeds the queue too. Added first: there may be none.
        table = "table inet kube-network-policies"
        self._run("nft", f"add {table}; delete {table}")

    def stop(self) -> None:
        """End all programs of the node."""
        for process in (self._enforcer, self._proxy, self._streams):
            process.kill()

    def _process(self, name: str, command: list[str | Path]) -> Process:
        return Process(f"{name}-{self._node.name}", command, self._path, self._instance)

    def _run(self, *command: str) -> None:
        with netns.inside(self._path):
            netns.run(*command)

    def _listens(self, port: int) -> bool:
        with netns.socket_in(self._path, socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.settimeout(1)
            return probe.connect_ex((self._node.addresses[0], port)) == 0

    def _queue_is_served(self) -> bool:
        # One line for each queue of the program's own network namespace; its number comes first.
        lines = Path(f"/proc/{self._enforcer.pid}/net/netfilter/nfnetlink_queue").read_text().splitlines()
        return any(line.split()[0] == str(_QUEUE) for line in lines)

    def _streams_flags(self, certificates: Certificates) -> list[str]:
        return [
            f"-listen={self._node.addresses[0]}:{STREAMS_PORT}",
            f"-client-ca={certificates.authority.certificate}",
            f"-cert={certificates.pod_streams.certificate}",
            f"-key={certificates.pod_streams.key}",
            f"-namespaces={self._instance.pods}",
        ]

    def _proxy_flags(self) -> list[str]:
        return [
            f"--kubeconfig={self._instance.kubeconfig}",
            f"--hostname-override={self._node.name}",
            "--proxy-mode=nftables",
            f"--cluster-cidr={','.join(POD_RANGES)}",
            # Limits of connection tracking belong to the whole machine, which is not ours.
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0",
            "--conntrack-tcp-timeout-close-wait=0",
        ]

    def _enforcer_flags(self) -> list[str]:
        return [
            f"-kubeconfig={self._instance.kubeconfig}",
            f"-hostname-override={self._node.name}",
            f"-nfqueue-id={_QUEUE}",
            "-disable-nri=true",
            "-fail-open=false",
            "-netfilter-bug-1766-fix=false",
            "-strict-mode=false",
        ]


def node_objects(nodes: Sequence[NodeNetwork]) -> dict[str, Any]:
    """Return the Node objects as one List, ready and with the port of exec and port-forward."""
    return {"apiVersion": "v1", "kind": "List", "items": [_node_object(node) for node in nodes]}


def _node_object(node: NodeNetwork) -> dict[str, Any]:
    labels = {"kubernetes.io/hostname": node.name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    # A kubelet still gives the names of old, and old manifests select by them.
    labels |= {"beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": "amd64"}
    addresses = [{"type": "InternalIP", "address": address} for address in node.addresses]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": labels},
        "spec": {"podCIDR": node.pod_ranges[0], "podCIDRs": list(node.pod_ranges)},
        "status": {
            "addresses": [*addresses, {"type": "Hostname", "address": node.name}],
            "capacity": _CAPACITY,
            "allocatable": _CAPACITY,
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": STREAMS_PORT}},
        },
    }


def _queue_rules() -> list[list[str]]:
    """Return the rules that stand in for the enforcer's own table, which not every kernel can hold."""
    return [
        ["-m", "owner", "--uid-owner", "0", "-j", "ACCEPT"],
        ["-m", "conntrack", "--ctstate", "NEW", "-j", "NFQUEUE", "--queue-num", str(_QUEUE)],
    ]
