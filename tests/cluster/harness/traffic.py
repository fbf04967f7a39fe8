"""Traffic: probes that tell what gets through, and the calls of a call graph, as real clients make them."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from tests.cluster.harness import dns
from tests.cluster.harness.calls import Call, Workload, is_address, split_port, workload
from tests.cluster.harness.exchange import TIMEOUT, Answer, Attempt, Outcome, exchange
from tests.cluster.harness.forgetting import forget
from tests.cluster.harness.instance import Instance
from tests.cluster.harness.network import NodeNetwork
from tests.cluster.harness.places import hosts_file, origin
from tests.cluster.harness.rest import Object, Rest
from tests.cluster.harness.snapshot import Snapshot
from tests.cluster.harness.status import ports_of

__all__ = ["Answer", "Call", "Driven", "Heard", "Probe", "Traffic"]

# Long enough for a lost SYN to be sent again, as it is for real clients.
_CALL_TIMEOUT = 1.5
# As a resolver asks: again, and with more patience, before it gives up.
_DNS_TIMEOUTS = (TIMEOUT, 1.0)
_DNS_PORT = 53


@dataclass(frozen=True)
class Probe:
    """One connection to try, from ``NS/POD``, ``node:NAME`` or ``outside:ADDRESS``, over TCP or UDP."""

    source: str
    address: str
    port: int
    protocol: str = "TCP"


@dataclass(frozen=True)
class Heard:
    """What came of a connection, and who answered: ``NS/POD PORT``, ``outside:ADDRESS``, or empty."""

    answer: Answer
    who: str = ""


@dataclass
class Driven:
    """One connection of a call.

    Attributes:
        call: what it is one of.
        client: who made it: ``NS/POD``, ``node:NAME`` or ``outside:ADDRESS``.
        address: where to; empty where the server's name could not be looked up.
        port: where to.
        heard: what came of it.
        problem: why no name was found, else empty.
    """

    call: Call
    client: str
    address: str
    port: int
    heard: Heard
    problem: str = ""
    _held: socket.socket | None = None

    def release(self) -> None:
        """Close the connection where it was held."""
        if self._held is not None:
            self._held.close()


@dataclass(frozen=True)
class _Dial:
    """One client's connection to one server: to a name that it looks up first, or to an address."""

    call: Call
    client: str
    host: str
    port: int
    asks_dns: bool


class Traffic:
    """Sends packets inside a running cluster, from whatever process."""

    def __init__(self, instance: Instance, nodes: Sequence[NodeNetwork]) -> None:
        """Say in which cluster."""
        self._instance = instance
        self._nodes = [node.path for node in nodes]
        self._rest = Rest(instance.kubeconfig)

    def probe(
        self, probes: Sequence[Probe], timeout: float = TIMEOUT, leave_no_trace: bool = False
    ) -> list[Answer]:
        """Try connections all at once.

        Args:
            probes: From where to where.
            timeout: In seconds, below 1.
            leave_no_trace: Whether the nodes' tables forget them at once: they are no traffic.

        Raises:
            LookupError: a source is no running pod, node or outside:ADDRESS.
            ValueError: a protocol is neither TCP nor UDP.
        """
        outcomes = exchange([self._attempt_of(probe) for probe in probes], timeout)
        if leave_no_trace:
            forget(self._nodes, [outcome.ends for outcome in outcomes if outcome.ends])
        return [outcome.answer for outcome in outcomes]

    def ask(self, probes: Sequence[Probe], timeout: float = TIMEOUT) -> list[Heard]:
        """Do as ``probe`` does and tell also who answered."""
        return [_heard(out) for out in exchange([self._attempt_of(probe) for probe in probes], timeout)]

    def name_outside(self, names: Mapping[str, Sequence[str]]) -> None:
        """Have the cluster's DNS know these names of the outside with their addresses, and no others."""
        lines = [f"{address} {name}\n" for name, addresses in names.items() for address in addresses]
        hosts_file(self._instance).write_text("".join(lines), encoding="utf-8")

    def look_up(self, questions: Sequence[tuple[str, str]]) -> list[list[str]]:
        """Have clients (``NS/POD`` each) ask the cluster's DNS for the IPv4 addresses of names, over UDP.

        As pods do, they ask for a short name in their own namespace first. No address: no answer.
        """
        server = Snapshot(self._rest).dns()
        return [found or [] for found in self._look_up(server, questions)]

    def drive(self, calls: Sequence[Call], hold: bool = False) -> list[Driven]:
        """Make all connections of calls: each client's calls one after the other, all clients at once.

        With ``hold``, TCP connections stay open until each one's ``release``.

        Raises:
            LookupError: a call names what does not run.
            ValueError: a call is not understood.
        """
        snapshot = Snapshot(self._rest)
        dials = []
        for number, call in enumerate(calls, 1):
            try:
                dials += self._dials(call, snapshot)
            except LookupError as error:
                raise LookupError(f"call {number}, {call.client} to {call.server}: {error}") from None
        done: list[Driven] = []
        for turn in range(max((call.times for call in calls), default=0)):
            done += self._round([dial for dial in dials if dial.call.times > turn], snapshot, hold)
        return done

    def _round(self, dials: Sequence[_Dial], snapshot: Snapshot, hold: bool) -> list[Driven]:
        asking = [dial for dial in dials if dial.asks_dns]
        server = snapshot.dns()
        none = "the cluster's DNS does not answer" if server else "the cluster has no DNS"
        answers = self._look_up(server, [(dial.client, dial.host) for dial in asking])
        known = dict(zip(map(id, asking), answers, strict=True))
        driven, attempts = [], []
        for dial in dials:
            found = known[id(dial)] if dial.asks_dns else [dial.host]
            problem = ""
            if not found:
                problem = f"{dial.host} is not known" if found == [] else none
            address = found[0] if found else ""
            one = Driven(dial.call, dial.client, address, dial.port, Heard(Answer.SILENT), problem)
            driven.append(one)
            if address:
                attempts.append((one, self._attempt(dial.client, address, dial.port, dial.call.protocol)))
        outcomes = exchange([attempt for _, attempt in attempts], _CALL_TIMEOUT, hold)
        for (one, _), outcome in zip(attempts, outcomes, strict=True):
            one.heard, one._held = _heard(outcome), outcome.sock
        return driven

    def _look_up(self, server: str, questions: Sequence[tuple[str, str]]) -> list[list[str] | None]:
        """Return what DNS says to each (client, name) in the end; None where it says nothing."""
        if not server:
            return [None] * len(questions)
        left = [dns.candidates(name, client.partition("/")[0]) for client, name in questions]
        found: list[list[str] | None] = [[] for _ in questions]
        while going := [index for index, names in enumerate(left) if names and found[index] == []]:
            asked = [(questions[index][0], left[index].pop(0)) for index in going]
            for index, answer in zip(going, self._resolve(server, asked), strict=True):
                found[index] = answer
        return found

    def _resolve(self, server: str, questions: Sequence[tuple[str, str]]) -> list[list[str] | None]:
        """Return what DNS says to each (client, full name); None where it says nothing, asked twice."""
        found: list[list[str] | None] = [None] * len(questions)
        for timeout in _DNS_TIMEOUTS:
            open_ones = [index for index, answer in enumerate(found) if answer is None]
            attempts = []
            for index in open_ones:
                client, name = questions[index]
                path, _ = origin(self._instance, client)
                attempts.append(Attempt(path, "", server, _DNS_PORT, "UDP", dns.question(name, 4)))
            for index, outcome in zip(open_ones, exchange(attempts, timeout), strict=True):
                if outcome.answer is Answer.REACHED:
                    found[index] = dns.addresses(outcome.data)
        return found

    def _dials(self, call: Call, snapshot: Snapshot) -> list[_Dial]:
        clients = _clients(call.client, snapshot)
        return [
            _Dial(call, name, host, port, asks)
            for name, uses_dns in clients
            for host, port, asks in _servers(call, uses_dns and bool(snapshot.dns()), snapshot)
        ]

    def _attempt_of(self, probe: Probe) -> Attempt:
        return self._attempt(probe.source, probe.address, probe.port, probe.protocol)

    def _attempt(self, source: str, address: str, port: int, protocol: str) -> Attempt:
        if protocol not in ("TCP", "UDP"):
            raise ValueError(f"{protocol} cannot be sent: only TCP and UDP can")
        path, own = origin(self._instance, source)
        return Attempt(path, own, address, port, protocol)


def _heard(outcome: Outcome) -> Heard:
    who = outcome.data.decode("ascii", "replace").strip() if outcome.data.endswith(b"\n") else ""
    return Heard(outcome.answer, who)


def _clients(text: str, snapshot: Snapshot) -> list[tuple[str, bool]]:
    """Return who calls, and whether each asks the cluster's DNS: host-network pods mostly do not."""
    if text.startswith(("node:", "outside:")):
        return [(text, False)]
    clients = []
    for pod in snapshot.pods_of(workload(text)):
        meta, spec = pod["metadata"], pod["spec"]
        by_dns = not spec.get("hostNetwork") or spec.get("dnsPolicy") == "ClusterFirstWithHostNet"
        clients.append((f"{meta['namespace']}/{meta['name']}", by_dns))
    return clients


def _servers(call: Call, by_dns: bool, snapshot: Snapshot) -> list[tuple[str, int, bool]]:
    """Return whom a client connects to: host, port, and whether the host is a name that it looks up."""
    host, port = split_port(call.server)
    if host.startswith("node:"):
        return [(snapshot.node_address(host.removeprefix("node:")), int(port), False)]
    if "/" not in host:
        return [(host, int(port), not is_address(host))]
    named = workload(host)
    if named.kind != "Service":
        return [
            (pod["status"]["podIP"], _port_of_pod(pod, port, call), False) for pod in snapshot.pods_of(named)
        ]
    service = snapshot.service(named)
    number = _port_of_service(service, port, named)
    if by_dns:
        return [(f"{named.name}.{named.namespace}.{dns.ZONE}", number, True)]
    address = service["spec"]["clusterIP"]
    if not is_address(address):
        raise LookupError(
            f"{call.client} looks no names up, and Service {named.namespace}/{named.name} is headless"
        )
    return [(address, number, False)]


def _port_of_service(service: Object, port: str, named: Workload) -> int:
    with suppress(ValueError):
        return int(port)
    for item in service["spec"].get("ports") or []:
        if item.get("name") == port:
            return int(item["port"])
    raise LookupError(f"Service {named.namespace}/{named.name} has no port {port}")


def _port_of_pod(pod: Object, port: str, call: Call) -> int:
    with suppress(ValueError):
        return int(port)
    for item in ports_of(pod):
        if (item.name, item.protocol) == (port, call.protocol):
            return item.number
    raise LookupError(f"pod {pod['metadata']['name']} has no port {port}/{call.protocol}")
