"""What gets through to a workload and from it, found out by packets and held against the evaluator.

Every pod of the workload is tried with every other pod, both ways, on every port that any pod has and on some
that none has; besides with nodes and with addresses outside. A refused connection was answered too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

from netsec_tui.core.evaluate import ClusterState, Policies, cluster_state, evaluate
from netsec_tui.model.connection import Connection, EndPod, Outcome
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import Direction
from tests.cluster.harness import dns
from tests.cluster.harness.calls import Call
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.exchange import Answer, Attempt, exchange
from tests.cluster.harness.forgetting import forget
from tests.cluster.harness.places import origin
from tests.cluster.harness.traffic import Probe
from tests.cluster.product.evaluation import Reader
from tests.cluster.product.through import get_through

Way = tuple[Direction, str, str]
"""A line as the topology draws it: direction, the peer's name without its namespace, and the port."""

INGRESS, EGRESS = Direction.INGRESS, Direction.EGRESS
NOBODYS_PORTS = {(Protocol.TCP, 22), (Protocol.UDP, 5353)}
DNS_ADDRESS, DNS_PORT = "10.96.0.10", 53
_KNOWN = f"web.shop.{dns.ZONE}"
_AGAIN = 3
"""How often a question without an answer is asked again: a loaded machine answers late."""


@dataclass(frozen=True)
class Trial:
    """Hold one connection: as packets, as a question to the evaluator, and as the topology would name it."""

    way: Way
    probe: Probe
    asked: Connection


@dataclass
class Found:
    """Hold what came of it.

    ``tried`` are all ways, ``ways`` those on which all connections got through, ``parted`` those on which
    only some did, ``differences`` sentences about connections of which the evaluator says otherwise.
    """

    tried: set[Way] = field(default_factory=set)
    ways: set[Way] = field(default_factory=set)
    parted: set[Way] = field(default_factory=set)
    differences: list[str] = field(default_factory=list)


def send(
    cluster: Cluster, workload: str, namespaces: Collection[str], outside: Collection[tuple[str, int]]
) -> Found:
    """Try what may be tried with a workload, ``NAMESPACE/NAME``, and return what got through.

    ``namespaces`` are those whose pods it is tried with, ``outside`` addresses, each with a TCP port.
    """
    inventory = Reader(cluster.context, cluster.kubeconfig).read()
    state = cluster_state(inventory)
    trials = [
        *_with_pods(state, workload, namespaces),
        *_with_addresses(state, workload, outside),
        *_with_nodes(state, workload),
    ]
    return _sent(cluster, state, Policies([a.policy for a in inventory.policies]), trials)


def _with_pods(state: ClusterState, workload: str, namespaces: Collection[str]) -> Iterator[Trial]:
    own = _own(state, workload)
    others = [pod for pod in _plain(state) if pod.namespace in namespaces and pod not in own]
    ports = NOBODYS_PORTS | {(port.protocol, port.port) for pod in [*own, *others] for port in pod.ports}
    for pod in own:
        for other in others:
            for protocol, port in sorted(ports):
                name = f"{port}/{protocol}"
                yield from _between((INGRESS, other.ref.name, name), other, pod, protocol, port)
                yield from _between((EGRESS, other.ref.name, name), pod, other, protocol, port)


def _between(way: Way, client: EndPod, server: EndPod, protocol: Protocol, port: int) -> Iterator[Trial]:
    for ip in server.ips:
        probe = Probe(str(client), ip, port, str(protocol))
        yield Trial(way, probe, Connection(client, server, protocol, port, family=_family(ip)))


def _with_addresses(
    state: ClusterState, workload: str, outside: Collection[tuple[str, int]]
) -> Iterator[Trial]:
    for pod in _own(state, workload):
        for address, port in outside:
            way = (EGRESS, address, f"{port}/{Protocol.TCP}")
            asked = Connection(pod, address, Protocol.TCP, port)
            yield Trial(way, Probe(str(pod), address, port, str(Protocol.TCP)), asked)


def _with_nodes(state: ClusterState, workload: str) -> Iterator[Trial]:
    """Yield calls of nodes to the workload's pods on other nodes; a pod's own node always gets in."""
    for pod in _own(state, workload):
        for address, name in state.nodes.items():
            servers = [ip for ip in pod.ips if name != pod.node and _family(ip) == _family(address)]
            for ip, port in product(servers, pod.ports):
                way = (INGRESS, name, f"{port.port}/{port.protocol}")
                probe = Probe(f"node:{name}", ip, port.port, str(port.protocol))
                yield Trial(way, probe, Connection(address, pod, port.protocol, port.port))


def _own(state: ClusterState, workload: str) -> list[EndPod]:
    own = [pod for pod in _plain(state) if f"{pod.namespace}/{pod.ref.name}" == workload]
    assert own, f"{workload} has no pod"
    return own


def _plain(state: ClusterState) -> list[EndPod]:
    return [pod for pod in state.pods if pod.ips and not pod.host_network]


def _family(address: str) -> int:
    return 6 if ":" in address else 4


def _sent(cluster: Cluster, state: ClusterState, policies: Policies, trials: list[Trial]) -> Found:
    expected = [evaluate(policies, state, trial.asked).outcome for trial in trials]
    numbered = {number: outcome is Outcome.ALLOWED for number, outcome in enumerate(expected)}
    got_through, _ = get_through(
        numbered, lambda numbers, seconds: _through(cluster, [trials[n] for n in numbers], seconds)
    )
    through = list(got_through.values())
    found = Found({trial.way for trial in trials})
    for trial, outcome, got in zip(trials, expected, through, strict=True):
        if got is not (outcome is Outcome.ALLOWED):
            said = "gets through" if got else "does not get through"
            found.differences.append(f"{trial.probe} {said}, and the evaluator says {outcome}")
    stopped = {trial.way for trial, got in zip(trials, through, strict=True) if not got}
    passed = {trial.way for trial, got in zip(trials, through, strict=True) if got}
    found.ways, found.parted = passed - stopped, passed & stopped
    return found


def _through(cluster: Cluster, trials: list[Trial], timeout: float) -> list[bool]:
    outcomes = exchange([_attempt(cluster, trial.probe) for trial in trials], timeout)
    # Over UDP a port that comes up again would go on with what an earlier policy let through.
    forget([node.path for node in cluster.nodes], [one.ends for one in outcomes if one.ends])
    return [outcome.answer is not Answer.SILENT for outcome in outcomes]


def _attempt(cluster: Cluster, probe: Probe) -> Attempt:
    """Return what to send: to the port of DNS a question, since nothing else is answered there over UDP."""
    path, own = origin(cluster.instance, probe.source)
    if (probe.protocol, probe.port) == ("UDP", DNS_PORT):
        return Attempt(path, own, probe.address, probe.port, probe.protocol, dns.question(_KNOWN, 4))
    return Attempt(path, own, probe.address, probe.port, probe.protocol)


def answered(cluster: Cluster, calls: Sequence[Call], refused: Collection[str] = ()) -> dict[str, bool]:
    """Make calls as their clients do, by name and through Services; tell by server whether all got an answer.

    Of those servers that should refuse, an answer at the first call is a leak, and nothing is asked again:
    a loaded machine answers late, but lets nothing through that it should not.

    Raises:
        AssertionError: of the connections of one call some were answered and some were not.
    """
    found: dict[str, set[Answer]] = {}
    for _ in range(1 + _AGAIN):
        again = [
            call
            for call in calls
            if call.server not in found
            or (found[call.server] != {Answer.REACHED} and call.server not in refused)
        ]
        if not again:
            break
        driven = cluster.drive(again)
        found |= {call.server: set() for call in again}
        for one in driven:
            found[one.call.server].add(one.heard.answer)
    assert all(len(answers) == 1 for answers in found.values()), found
    return {server: answers == {Answer.REACHED} for server, answers in found.items()}


def resolves(cluster: Cluster, workload: str) -> bool:
    """Tell whether each pod of a workload gets an address from the cluster's DNS Service, by UDP and by TCP.

    Raises:
        AssertionError: some do and some do not.
    """
    pods = _own(cluster_state(Reader(cluster.context, cluster.kubeconfig).read()), workload)
    asked = dns.question(_KNOWN, 4)
    framed = len(asked).to_bytes(2, "big") + asked
    attempts = []
    for pod in pods:
        path, own = origin(cluster.instance, str(pod))
        attempts.append(Attempt(path, own, DNS_ADDRESS, DNS_PORT, "UDP", asked))
        attempts.append(Attempt(path, own, DNS_ADDRESS, DNS_PORT, "TCP", framed))
    for _ in range(1 + _AGAIN):
        answers = {
            bool(dns.addresses(outcome.data[0 if attempt.protocol == "UDP" else 2 :]))
            for attempt, outcome in zip(attempts, exchange(attempts), strict=True)
        }
        if answers == {True}:
            break
    assert len(answers) == 1, f"{workload}: the cluster's DNS answers to some"
    return answers.pop()
