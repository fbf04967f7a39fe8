"""An application in a running cluster: loaded, called, recorded by the product, and tried with packets."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from pathlib import Path

import yaml

from netsec_tui.core.cluster.known_ranges import settled
from netsec_tui.model.config import Config
from netsec_tui.model.flow import Flow, Protocol
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import Inventory
from netsec_tui.sources.capture.source import CaptureSource
from netsec_tui.sources.cluster.source import ClusterSource
from netsec_tui.sources.contract import FlowsRead, Message, ObjectsRead
from netsec_tui.sources.inventory.build import build_inventory
from tests.cluster.applications.graphs import Application, Call, Dialled, around
from tests.cluster.applications.published import Attempt, Place
from tests.cluster.applications.standins import DNS_PORT
from tests.cluster.harness import calls as harness_calls
from tests.cluster.harness import dns, netns, waiting
from tests.cluster.harness.client import without_proxies
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.exchange import Answer, exchange
from tests.cluster.harness.exchange import Attempt as Packet
from tests.cluster.harness.forgetting import forget
from tests.cluster.harness.places import origin
from tests.cluster.harness.traffic import Driven

_TIMES = 4
"""How often a connection is tried before it counts as stopped."""
_SECONDS = 90
_SHORT = {"Deployment": "deploy"}
_PRODUCT = [sys.executable, "-m", "netsec_tui"]


class Trial:
    """An application that was loaded into a cluster."""

    def __init__(self, cluster: Cluster, application: Application) -> None:
        """Load it, with what stands around it, and wait until its pods serve."""
        self._cluster = cluster
        self._application = application
        cluster.load(*map(dict, [*around(), *application.documents]))
        # As a load balancer does that leaves clients their addresses: then policies see these.
        for node in cluster.nodes:
            ways = zip(node.pod_ranges, node.addresses, strict=True)
            routes = [f"route replace {pods} via {address}" for pods, address in ways]
            netns.batch(cluster.instance.name("outside"), routes)
        self._inventory = _read(cluster)

    def end(self) -> None:
        """Remove the application's namespaces, and wait until they are gone."""
        namespaces = sorted({ref.namespace for ref in self._application.workloads})
        self._cluster.kubectl("delete", "namespace", "--wait", *namespaces)

    def call(self) -> list[Driven]:
        """Make every call of the application once, from each pod of its client, by the names of Services."""
        return self._cluster.drive([self._as_driven(call) for call in self._application.calls])

    def failed(self) -> set[Call]:
        """Make every call once more, and return those that a pod of the client gets no right answer to."""
        calls = {self._as_driven(call): call for call in self._application.calls}
        return {
            calls[one.call]
            for one in self.call()
            if one.heard.answer is not Answer.REACHED or one.heard.who not in self._servers(calls[one.call])
        }

    def _servers(self, call: Call) -> set[str]:
        """Return who may answer a call: ``NS/POD PORT`` of the pods behind the Service."""
        pods = self._inventory.pods_by_owner[call.server]
        return {f"{pod.namespace}/{pod.name} {call.port}" for pod in pods}

    def _as_driven(self, call: Call) -> harness_calls.Call:
        if isinstance(call.client, str):
            node_port = self._node_port(call.dialled)
            return harness_calls.Call(
                f"outside:{call.client}", f"node:{self._cluster.nodes[0].name}:{node_port}"
            )
        kind, namespace, name = call.client
        server = f"{call.dialled.namespace}/svc/{call.dialled.name}:{call.dialled.port}"
        return harness_calls.Call(f"{namespace}/{_SHORT[kind]}/{name}", server)

    def _node_port(self, dialled: Dialled) -> int:
        service = self._inventory.service_by_name[dialled.namespace, dialled.name]
        return next(port.node_port for port in service.ports if port.port == dialled.port)

    def record(self, capture: Path) -> list[Driven]:
        """Have the product record the kernel's connections while the calls are made; return these.

        Raises AssertionError where the product fails, TimeoutError where it does not see every call.
        """
        command = [*_PRODUCT, "record", "--source", "conntrack", *self._flags(), "-o", str(capture)]
        recording = subprocess.Popen(command, env=without_proxies(), stderr=subprocess.PIPE, text=True)
        try:
            driven = self.call()
            wanted = {(self._address(one.client), one.address, one.port) for one in driven}
            waiting.until(lambda: wanted <= _told(capture), _SECONDS, f"{len(wanted)} recorded calls", 1)
        finally:
            recording.send_signal(signal.SIGINT)
            _, said = recording.communicate(timeout=_SECONDS)
        assert recording.returncode == 0, said
        return driven

    def _address(self, client: str) -> str:
        if client.startswith("outside:"):
            return client.removeprefix("outside:")
        namespace, name = client.split("/")
        return self._inventory.pod_by_name[namespace, name].ips[0]

    def _flags(self) -> list[str]:
        return ["--kubeconfig", str(self._cluster.kubeconfig), "--context", self._cluster.context]

    def generate(self, capture: Path, folder: Path) -> str:
        """Return what the product generates for every workload, proven, with clients from outside let in."""
        outside = {call.server for call in self._application.calls if isinstance(call.client, str)}
        made = []
        for ref in self._application.workloads:
            decisions = folder / f"{ref.name}.decisions.yaml"
            more = ["--save-decisions", str(decisions)]
            if ref in outside:
                _generate(capture, ref, more)
                _let_in(decisions)
                more = ["--decisions", str(decisions)]
            made.append(_generate(capture, ref, more))
        return "---\n".join(made)

    def differing(self, expected: Mapping[Attempt, bool]) -> set[Attempt]:
        """Return which attempts, between all pods of both ends, get through other than expected.

        What is refused got through: somebody had to refuse it. All that stays away is sent again: a loaded
        machine answers late, but lets nothing through that it should not.
        """
        leaked: set[Attempt] = set()
        away = set(expected)
        for _ in range(_TIMES):
            answers = self._sent(sorted(away, key=str))
            leaked |= {attempt for attempt, told in answers.items() if True in told and not expected[attempt]}
            away = {attempt for attempt, told in answers.items() if False in told}
        return leaked | {attempt for attempt in away if expected[attempt]}

    def _sent(self, attempts: Iterable[Attempt]) -> dict[Attempt, set[bool]]:
        """Return of each attempt whether it gets through: of both, where that differs between pods."""
        packets = [(attempt, packet) for attempt in attempts for packet in self._packets(attempt)]
        outcomes = exchange([packet for _, packet in packets])
        # Else a port that is used again would find a connection of policies that are gone by then.
        forget([node.path for node in self._cluster.nodes], [one.ends for one in outcomes if one.ends])
        answers: dict[Attempt, set[bool]] = {}
        for (attempt, _), outcome in zip(packets, outcomes, strict=True):
            answers.setdefault(attempt, set()).add(outcome.answer is not Answer.SILENT)
        return answers

    def _packets(self, attempt: Attempt) -> Iterator[Packet]:
        """Yield what is sent for an attempt: from every pod of the client to every pod of the server."""
        payload = dns.question("kubernetes.default.svc.cluster.local", 4)
        asks = (attempt.protocol, attempt.port) == (Protocol.UDP, DNS_PORT)
        for source, address in product(self._sources(attempt.client), self._addresses(attempt.server)):
            path, own = origin(self._cluster.instance, source)
            more = (payload,) if asks else ()
            yield Packet(path, own, address, attempt.port, str(attempt.protocol), *more)

    def _sources(self, client: Place) -> list[str]:
        if isinstance(client, str):
            return [f"outside:{client}"]
        return [f"{pod.namespace}/{pod.name}" for pod in self._inventory.pods_by_owner[client]]

    def _addresses(self, server: Place) -> list[str]:
        if isinstance(server, str):
            return [server]
        return [pod.ips[0] for pod in self._inventory.pods_by_owner[server]]


def _read(cluster: Cluster) -> Inventory:
    """Return the cluster state as the product reads it of the API server."""
    messages: list[Message] = []
    ClusterSource(cluster.context, str(cluster.kubeconfig)).read(messages.append)
    (found,) = [message for message in messages if isinstance(message, ObjectsRead)]
    assert found.problems == ()
    return settled(build_inventory(found.objects)[0], Config())


def _told(capture: Path) -> set[tuple[str, str, int]]:
    """Return the connections that a capture holds by now: client, address and port dialled.

    None of them count as long as it lacks the cluster state, which is read beside them.
    """
    if not capture.exists():
        return set()
    messages: list[Message] = []
    CaptureSource(capture).read(messages.append)
    if not any(message.objects for message in messages if isinstance(message, ObjectsRead)):
        return set()
    flows = (flow for message in messages if isinstance(message, FlowsRead) for flow in message.flows)
    return {
        (flow.source.ip, flow.destination.ip, flow.destination_port)
        for flow in flows
        if isinstance(flow, Flow)
    }


def _generate(capture: Path, ref: WorkloadRef, more: list[str]) -> str:
    command = [*_PRODUCT, "generate", "--capture", str(capture), "--strict", *more]
    command += ["-n", ref.namespace, f"{_SHORT[ref.kind]}/{ref.name}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def _let_in(decisions: Path) -> None:
    """Move whoever comes in from outside to what is let in, as a person would in an editor."""
    document = yaml.safe_load(decisions.read_text("utf-8"))
    ingress = document["ingress"]
    outside = [row for row in ingress["out"] if row["peer"] == "external"]
    assert outside, ingress
    ingress["out"] = [row for row in ingress["out"] if row not in outside]
    ingress["in"] = [*ingress.get("in", []), *outside]
    decisions.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
