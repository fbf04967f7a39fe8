"""A whole cluster: up, in use, and down again without a trace."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.cluster.harness import binaries, certificates, instance, network
from tests.cluster.harness.binaries import Binaries
from tests.cluster.harness.calls import Call
from tests.cluster.harness.controlplane import CONTEXT, ControlPlane
from tests.cluster.harness.exchange import TIMEOUT, Answer
from tests.cluster.harness.instance import Claim, Instance
from tests.cluster.harness.kubelet import Kubelet
from tests.cluster.harness.network import NodeNetwork
from tests.cluster.harness.nodes import NodePrograms, node_objects
from tests.cluster.harness.servers import Listener, Servers
from tests.cluster.harness.traffic import Driven, Heard, Probe, Traffic

_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


class Cluster:
    """A cluster that runs on this machine; ``up`` makes one, ``attach`` finds one of another process."""

    context = CONTEXT

    def __init__(self, instance: Instance, programs: Binaries, nodes: Sequence[NodeNetwork]) -> None:
        """Speak to a cluster that is there; ``up`` and ``attach`` are what makes one of these."""
        self.instance = instance
        self.nodes = list(nodes)
        self.kubeconfig = instance.kubeconfig
        self._binaries = programs

    @staticmethod
    def up(nodes: int = 2, enforce: bool = False, control_plane_only: bool = False) -> OwnCluster:
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
        cluster = OwnCluster(claim, programs, 0 if control_plane_only else nodes)
        try:
            cluster.start()
            if enforce:
                cluster.enforce()
        except BaseException:
            cluster.down()
            raise
        return cluster

    @staticmethod
    def attach(number: int | None = None) -> Cluster:
        """Return a cluster that another process owns: the one with this number, else the only one.

        Raises:
            LookupError: there is none, or there are several to choose from; the message says what to do.
        """
        running = [n for n in instance.owners() if _description(Instance(n)).exists()]
        if number is None and len(running) != 1:
            which = (
                f"say which: {', '.join(map(str, running))}"
                if running
                else "start one: python -m tests.cluster up"
            )
            raise LookupError(f"{len(running)} clusters run here; {which}")
        chosen = Instance(running[0] if number is None else number)
        if chosen.number not in running:
            raise LookupError(f"no cluster {chosen.number} runs here; there is {running}")
        described = json.loads(_description(chosen).read_text(encoding="utf-8"))
        return Cluster(chosen, binaries.find(), network.plan_nodes(chosen, described["nodes"]))

    def kubectl(self, *arguments: str | Path, input: str | None = None) -> str:
        """Run kubectl as the administrator and return what it prints.

        Raises:
            RuntimeError: it fails; the message is what it says.
        """
        command = [str(self._binaries.kubectl), "--kubeconfig", str(self.kubeconfig), *map(str, arguments)]
        done = subprocess.run(
            command, input=input, capture_output=True, text=True, check=False, env=without_proxies()
        )
        if done.returncode:
            raise RuntimeError(f"kubectl {' '.join(map(str, arguments))}: {done.stderr.strip()}")
        return done.stdout

    @cached_property
    def api(self) -> Any:
        """A ``kubernetes.client.ApiClient`` of the administrator; it is imported when it is asked for."""
        from kubernetes import client, config

        settings = client.Configuration()
        config.load_kube_config(str(self.kubeconfig), CONTEXT, settings)
        settings.proxy = None
        return client.ApiClient(settings)

    def load(
        self, *sources: Path | str | dict[str, Any], namespace: str = "default", wait: bool = True
    ) -> None:
        """Apply manifests and wait until their pods serve and their Services lead there.

        Args:
            sources: Files or folders, texts in YAML, or objects.
            namespace: Of the objects that name none; it is made where it is missing.
            wait: Whether to wait.

        Raises:
            RuntimeError: the API server refuses something.
            TimeoutError: something does not get ready; the message names it.
        """
        if namespace != "default":
            self.load({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, wait=False)
        for source in sources:
            place = source if isinstance(source, Path) else "-"
            text = json.dumps(source) if isinstance(source, dict) else source
            # kubectl refuses objects of other namespaces than the one that it is told.
            within = () if namespace == "default" else ("-n", namespace)
            self.kubectl("apply", *within, "-f", place, input=text if isinstance(text, str) else None)

    @cached_property
    def _traffic(self) -> Traffic:
        return Traffic(self.instance)

    def probe(self, probes: Sequence[Probe], timeout: float = TIMEOUT) -> list[Answer]:
        """Try connections all at once and return what came of each, in order.

        Args:
            probes: From where to where.
            timeout: Seconds until a connection counts as unanswered, below 1.

        Raises:
            LookupError: a source is none of the cluster.
        """
        return self._traffic.probe(probes, timeout)

    def ask(self, probes: Sequence[Probe], timeout: float = TIMEOUT) -> list[Heard]:
        """Do as ``probe`` does, and tell also who answered."""
        return self._traffic.ask(probes, timeout)

    def drive(self, calls: Sequence[Call], hold: bool = False) -> list[Driven]:
        """Make the connections of calls as real clients make them: names are looked up first.

        Args:
            calls: Who calls whom.
            hold: Whether TCP connections stay open until each one's ``release``.

        Raises:
            LookupError: a call names what does not run.
            ValueError: a call is not understood.
        """
        return self._traffic.drive(calls, hold)

    def look_up(self, questions: Sequence[tuple[str, str]]) -> list[list[str]]:
        """Have pods ask the cluster's DNS: (``NAMESPACE/POD``, name) each; no address means no answer."""
        return self._traffic.look_up(questions)

    def name_outside(self, names: Mapping[str, Sequence[str]]) -> None:
        """Have the cluster's DNS know these names of the outside, each with its addresses, and no others."""
        self._traffic.name_outside(names)
        for addresses in names.values():
            for address in addresses:
                self.add_outside(address)

    def add_outside(self, address: str) -> None:
        """Give the world outside of the cluster another address.

        Raises:
            RuntimeError: it is no address.
        """
        network.add_outside(self.instance, address)


class OwnCluster(Cluster):
    """A cluster that this process has started, and ends."""

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
        unfinished.rename(_description(self.instance))

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

    def stop_enforcing(self) -> None:
        """Have everything allowed again on all nodes."""
        for programs in self._programs:
            programs.stop_enforcing()

    def down(self) -> None:
        """End the cluster and remove all that it made; once more does no harm."""
        if self._claim is None:
            return
        if self._kubelet is not None and self._servers is not None:
            self._kubelet.stop()
            self._servers.close()
        for programs in self._programs:
            programs.stop()
        if self.control_plane is not None:
            self.control_plane.stop()
        self._claim.release()
        self._claim = None

    def __enter__(self) -> OwnCluster:
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


def without_proxies() -> dict[str, str]:
    """Return the environment without proxies: the API server's address exists on this machine alone."""
    return {name: value for name, value in os.environ.items() if name.lower() not in _PROXIES}


def _description(of: Instance) -> Path:
    return of.folder / "cluster.json"
