"""Hubble of a cluster: an agent a node, which says what the kernel did there, and Relay in a pod.

    with Hubble.up(cluster) as hubble:
        cluster.drive(...)
        hubble.kill_relay()

Messages and methods are Cilium's own (tests/cluster/go/hubble); the traffic is read from connection tracking.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.cluster.harness import binaries, certificates, netns, waiting
from tests.cluster.harness.certificates import Pair
from tests.cluster.harness.client import ClusterClient
from tests.cluster.harness.hubble_endpoints import Endpoints
from tests.cluster.harness.hubble_flows import Flows, background
from tests.cluster.harness.hubble_tracking import Tracking
from tests.cluster.harness.network import NodeNetwork
from tests.cluster.harness.places import pod_link
from tests.cluster.harness.processes import Process
from tests.cluster.harness.rest import Object, Rest

WORKLOAD = Path(__file__).resolve().parent.parent / "workloads" / "hubble.yaml"
NAMESPACE, NAME, PORT = "kube-system", "hubble-relay", 4245
SERVER_NAMES = "*.hubble-relay.cilium.io"
CAPACITY = 4095
_POLL = 0.02
_SECONDS = 30
_QUIET = 0.3


@dataclass(frozen=True)
class Files:
    """What a client needs for TLS: the authority of Relay's certificate, and its own, of the same."""

    authority: Path
    client: Pair


class _Agent:
    """The agent of one node: it keeps the last flows."""

    def __init__(self, cluster: ClusterClient, node: NodeNetwork, capacity: int) -> None:
        folder = cluster.instance.folder
        self.node = node
        self.socket, self._feed = folder / f"hubble-{node.name}.sock", folder / f"feed-{node.name}.sock"
        command = [binaries.find().hubble_server, "agent", f"-node={node.name}", f"-capacity={capacity}"]
        command += [f"-listen={self.socket}", f"-feed={self._feed}", "-observed"]
        self.process = Process(f"hubble-agent-{node.name}", command, node.path, cluster.instance)
        self._connection: socket.socket | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        self.process.start()
        self.process.wait(self._connect)

    def kill(self) -> None:
        self.process.kill()

    def give(self, responses: Iterable[Object]) -> None:
        """Have it keep flows and losses; while it does not run they are lost, as they are in reality."""
        data = "".join(json.dumps(response) + "\n" for response in responses).encode()
        with self._lock, suppress(OSError):
            if self._connection is not None:
                self._connection.sendall(data)

    def _connect(self) -> bool:
        made = socket.socket(socket.AF_UNIX)
        if made.connect_ex(str(self._feed)):
            made.close()
            return False
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = made
        return True


class Hubble:
    """The agents of all nodes and Relay; what passes the nodes from now on is told."""

    def __init__(self, cluster: ClusterClient, capacity: int = CAPACITY, tls: str = "") -> None:
        """Say what to start; ``start`` does.

        Args:
            cluster: Where.
            capacity: How many flows an agent keeps.
            tls: How Relay is reached: by nothing (plain), ``tls`` or ``mtls``.
        """
        self._cluster, self.tls = cluster, tls
        self._agents = {node.name: _Agent(cluster, node, capacity) for node in cluster.nodes}
        self._tracking = [Tracking(cluster.instance, node) for node in cluster.nodes]
        self._endpoints = Endpoints(cluster.instance, cluster.nodes)
        self._flows = Flows(self._endpoints, self._tell)
        self._told: dict[str, list[Object]] = {}
        self._rounds = 0
        self._last = time.monotonic()
        self._rest = Rest(cluster.kubeconfig)
        self._relay: Process | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._observe, name="hubble", daemon=True)
        self.files = _certificates(cluster) if tls else None

    @classmethod
    def up(cls, cluster: ClusterClient, capacity: int = CAPACITY, tls: str = "") -> Hubble:
        """Return one that is started; takes what the class does.

        Raises:
            RuntimeError: a part does not start.
        """
        made = cls(cluster, capacity, tls)
        try:
            made.start()
        except BaseException:
            made.down()
            raise
        return made

    def start(self) -> None:
        """Start everything, and return once Relay answers; raises as ``up`` does."""
        deployment, service = yaml.safe_load_all(WORKLOAD.read_text(encoding="utf-8"))
        service["spec"]["ports"][0]["port"] = 443 if self.tls else 80
        self._cluster.load(deployment, service)
        _give_command(self._cluster)
        self._endpoints.start()
        for agent in self._agents.values():
            agent.start()
        for tracking in self._tracking:
            tracking.start()
        self._thread.start()
        self.start_relay()

    def down(self) -> None:
        """End everything but the pod."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self._endpoints.stop()
        for process in (self._relay, *(agent.process for agent in self._agents.values())):
            if process is not None:
                process.kill()
        for tracking in self._tracking:
            tracking.stop()

    def __enter__(self) -> Hubble:
        return self

    def __exit__(self, *error: object) -> None:
        self.down()

    def start_relay(self) -> None:
        """Start Relay in its pod, whichever that is by now, and return once it listens.

        Raises:
            RuntimeError: it does not start.
        """
        place = pod_link(self._cluster.instance, NAMESPACE, self.pod()).resolve()
        peers = ",".join(f"{name}={agent.socket}" for name, agent in self._agents.items())
        command = [binaries.find().hubble_server, "relay", f"-listen=:{PORT}", f"-peers={peers}", "-say"]
        self._relay = Process("hubble-relay", [*command, *self._tls_flags()], place, self._cluster.instance)
        self._relay.start()
        self._relay.wait(lambda: _listens(place))

    def kill_relay(self) -> None:
        """End Relay as a crash would; the agents keep their flows."""
        self._process().kill()

    def hang_relay(self) -> None:
        """Have Relay say nothing more, without an end of its connections."""
        os.kill(self._process().pid, signal.SIGSTOP)

    def wake_relay(self) -> None:
        """Have Relay go on."""
        os.kill(self._process().pid, signal.SIGCONT)

    def replace_pod(self) -> str:
        """Have another pod take the place of Relay's, start Relay there, and return the pod's name."""
        old = self.pod()
        self._cluster.kubectl("-n", NAMESPACE, "delete", "pod", old, "--wait")
        self.start_relay()
        return self.pod()

    def pod(self) -> str:
        """Return the name of the pod that Relay runs in, once it is wired.

        Raises:
            TimeoutError: there is none.
        """
        path = f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=k8s-app%3D{NAME}"
        found: list[str] = []

        def there() -> bool:
            found[:] = [
                pod["metadata"]["name"]
                for pod in self._rest.items(path)
                if pod.get("status", {}).get("phase") == "Running"
                and "deletionTimestamp" not in pod["metadata"]
            ]
            return bool(found) and pod_link(self._cluster.instance, NAMESPACE, found[0]).exists()

        waiting.until(there, _SECONDS, "a pod for Hubble Relay")
        return found[0]

    def break_node(self, node: str) -> None:
        """Break Relay's connection to an agent for a moment: it asks again, by the same request."""
        os.kill(self._agents[node].process.pid, signal.SIGUSR1)

    def kill_agent(self, node: str) -> None:
        """End an agent as a crash would; its flows are gone."""
        self._agents[node].kill()

    def start_agent(self, node: str) -> None:
        """Start an agent again."""
        self._agents[node].start()

    def give(self, node: str, flows: Iterable[Object]) -> None:
        """Have an agent keep flows that were no traffic: bodies of flow.Flow."""
        self._agents[node].give({"flow": flow, "node_name": node, "time": flow["time"]} for flow in flows)

    def lose(self, node: str, times: int, source: str = "PERF_EVENT_RING_BUFFER", each: int = 1) -> None:
        """Have an agent say that events were lost: so many times, so many events each time."""
        lost, now = {"source": source, "num_events_lost": str(each)}, time.time()
        # Each loss has its own time: one that comes again with the same is the same loss.
        moments = (background(node, now + number / 100_000)["time"] for number in range(times))
        self._agents[node].give([{"lost_events": lost, "node_name": node, "time": at} for at in moments])
        self.give(node, [background(node, time.time())])

    def settle(self) -> None:
        """Return once the agents have been told all that the kernels have done so far."""
        begun, rounds = time.monotonic(), self._rounds

        def quiet() -> bool:
            # On a busy machine a long time may pass in which nobody looks.
            looked = self._rounds > rounds + 1
            return looked and time.monotonic() > max(self._last, begun) + _QUIET

        waiting.until(quiet, _SECONDS, "quiet kernels")

    def given_at(self, port: int) -> list[float]:
        """Return when Relay gave out flows to a port, in epoch seconds."""
        log = self._process().log.read_text(encoding="utf-8", errors="replace")
        return [float(when) for when in re.findall(rf"gave ([\d.]+) {port}$", log, re.MULTILINE)]

    def forget(self) -> None:
        """Have the agents forget all flows, and Relay that they were away for that."""
        self.kill_relay()
        for agent in self._agents.values():
            agent.kill()
            agent.start()
        self.start_relay()

    def _process(self) -> Process:
        if self._relay is None:
            raise RuntimeError("Hubble Relay was not started")
        return self._relay

    def _tls_flags(self) -> list[str]:
        if self.files is None:
            return []
        pair = self.files.authority.with_name(f"{NAME}.crt")
        flags = [f"-cert={pair}", f"-key={pair.with_suffix('.key')}"]
        return flags + ([f"-client-ca={self.files.authority}"] if self.tls == "mtls" else [])

    def _tell(self, node: str, flow: Object) -> None:
        self._told.setdefault(node, []).append(flow)

    def _observe(self) -> None:
        while not self._ended.wait(_POLL):
            for tracking in self._tracking:
                node = tracking.node.name
                for first in tracking.firsts():
                    self._flows.first(node, first)
                for event in tracking.events():
                    self._flows.event(node, event)
            now = time.time()
            self._flows.settle(now)
            if self._told or self._flows.undecided:
                self._last = time.monotonic()
            for node, flows in self._told.items():
                # The last flow of an agent is given out only when another follows.
                self.give(node, [*flows, background(node, now)])
            self._told.clear()
            self._rounds += 1


def _listens(place: Path) -> bool:
    with netns.socket_in(place, socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", PORT)) == 0


def _give_command(cluster: ClusterClient) -> None:
    """Let pods on a node's network run ``hubble observe``, as agents' containers can."""
    script = cluster.instance.commands / "hubble"
    script.write_text(f'#!/bin/sh\nexec {binaries.find().hubble_server} "$@"\n', encoding="ascii")
    script.chmod(0o700)


def _certificates(cluster: ClusterClient) -> Files:
    folder = cluster.instance.folder / "hubble-pki"
    authority = folder / "ca.crt"
    client = Pair(folder / "client.crt", folder / "client.key")
    if not folder.exists():
        folder.mkdir(mode=0o700)
        made = certificates.make_authority(folder, "hubble-ca")
        certificates.make_server(folder, NAME, made, [f"DNS:{SERVER_NAMES}"])
        certificates.make_client(folder, "client", made)
    return Files(authority, client)
