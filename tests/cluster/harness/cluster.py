"""A whole cluster: up, and down again without a trace."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cluster.harness import binaries, certificates, instance, network
from tests.cluster.harness.binaries import Binaries
from tests.cluster.harness.client import ClusterClient, description
from tests.cluster.harness.controlplane import ControlPlane
from tests.cluster.harness.instance import Claim
from tests.cluster.harness.kubelet import Kubelet
from tests.cluster.harness.nodes import NodePrograms, node_objects
from tests.cluster.harness.servers import Listener, Servers


class Cluster(ClusterClient):
    """A cluster that this process has started, and ends."""

    @staticmethod
    def up(nodes: int = 2, enforce: bool = False, control_plane_only: bool = False) -> Cluster:
        """Start a cluster, and return once it is ready; it ends with ``down``, or with this process.

        Args:
            nodes: How many, ``node1`` and on.
            enforce: Whether NetworkPolicies are enforced from the start.
            control_plane_only: Whether to leave out the nodes; then nothing runs pods.

        Raises:
            RuntimeError: no cluster can run here, or a part does not start; the message says why.
        """
        reason = binaries.why_not()
        if reason:
            raise RuntimeError(reason)
        programs = binaries.build()
        claim = instance.claim()
        cluster = Cluster(claim, programs, 0 if control_plane_only else nodes)
        try:
            cluster.start()
            if enforce:
                cluster.enforce()
        except BaseException:
            cluster.down()
            raise
        return cluster

    def __init__(self, claim: Claim, programs: Binaries, nodes: int) -> None:
        """Say what to start; ``start`` does."""
        plan = network.plan_nodes(claim.instance, nodes)
        super().__init__(claim.instance, programs, plan)
        self._claim: Claim | None = claim
        self._programs: list[NodePrograms] = []
        self._servers: Servers | None = None
        self._kubelet: Kubelet | None = None
        self.control_plane: ControlPlane | None = None

    def start(self) -> None:
        """Start everything, and return once it is ready.

        Raises:
            RuntimeError: a part does not start.
        """
        network.connect_control(self.instance)
        network.connect_outside(self.instance)
        network.connect_nodes(self.instance, self.nodes)
        pairs = certificates.make(
            self.instance.folder / "pki",
            [network.control_address(self.instance), "127.0.0.1", *network.API_SERVICES],
            [address for node in self.nodes for address in node.addresses],
        )
        self.control_plane = ControlPlane(self.instance, self._binaries, pairs)
        self.control_plane.start()
        if self.nodes:
            self.kubectl("create", "-f", "-", input=json.dumps(node_objects(self.nodes)))
        self._programs = [NodePrograms(self.instance, node, self._binaries, pairs) for node in self.nodes]
        for programs in self._programs:
            programs.start()
        for programs in self._programs:
            programs.wait()
        if self.nodes:
            self._servers = Servers()
            self._answer_outside(self._servers)
            self._kubelet = Kubelet(self.instance, self.nodes, self._servers)
            self._kubelet.start()
        # Last, and whole: other processes take it as the sign that the cluster is ready.
        unfinished = self.instance.folder / "cluster.new"
        unfinished.write_text(json.dumps({"nodes": len(self.nodes)}), encoding="utf-8")
        unfinished.rename(description(self.instance))

    def kubeconfig_for(self, user: str) -> Path:
        """Return the kubeconfig of a user that may do nothing until a role is bound to it.

        Raises:
            ValueError: there is no such user.
        """
        return self._running().kubeconfig_for(user)

    def kill_api_server(self) -> None:
        """End the API server as a crash would; everything else stays."""
        self._running().kill_api_server()

    def start_api_server(self) -> None:
        """Start the API server again, and return once it is ready.

        Raises:
            RuntimeError: it does not get ready.
        """
        self._running().start_api_server()

    def enforce(self) -> None:
        """Have NetworkPolicies enforced on all nodes.

        Raises:
            RuntimeError: an enforcer does not start.
        """
        for programs in self._programs:
            programs.enforce()
        self._enforcing.touch()
        self.settle()

    def stop_enforcing(self) -> None:
        """Have everything allowed again on all nodes."""
        self._enforcing.unlink(missing_ok=True)
        for programs in self._programs:
            programs.stop_enforcing()

    def down(self) -> None:
        """End the cluster and remove all that it made; once more does no harm."""
        if self._claim is None:
            return
        # First whoever starts commands in pods, and these with it.
        for programs in self._programs:
            programs.stop()
        if self._kubelet is not None and self._servers is not None:
            self._kubelet.stop()
            self._servers.close()
        if self.control_plane is not None:
            self.control_plane.stop()
        self._claim.release()
        self._claim = None

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *error: object) -> None:
        self.down()

    def _answer_outside(self, servers: Servers) -> None:
        def respond(_: bytes, address: str) -> bytes:
            return f"outside:{address}\n".encode()

        listeners = [Listener(protocol, network.OUTSIDE_PORT, respond) for protocol in ("TCP", "UDP")]
        servers.serve("outside", self.instance.path("outside"), listeners)

    def _running(self) -> ControlPlane:
        if self.control_plane is None:
            raise RuntimeError("the cluster was not started")
        return self.control_plane
