"""What ``netsec-tui check --matrix`` says of a running cluster, beside what its kernel lets through.

Ends are pod owners, as there. One address of the outside for each IP family is a destination too, but no
source: there is no way from there to the address of a pod. Every destination is asked on the TCP and UDP
ports of its containers and on one that nobody has.
"""

from __future__ import annotations

import ipaddress
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from netsec_tui.cli.output import put_table
from netsec_tui.model.connection import EndPod
from tests.cluster.harness import policies
from tests.cluster.harness.client import ClusterClient, without_proxies
from tests.cluster.harness.exchange import Answer
from tests.cluster.harness.traffic import Probe
from tests.cluster.matrix.deviations import DEVIATIONS
from tests.cluster.product.evaluation import Evaluation, Reader
from tests.cluster.product.through import get_through

Port = tuple[str, int]
NOBODYS: Port = ("TCP", 9)
"""The port that nothing listens on: a connection that is refused got through."""

OUTSIDE = ("203.0.113.10", "2001:db8:50::7")


class Open(NamedTuple):
    """Hold the asked ports that are open between all pods of two owners, and between some at least."""

    certain: frozenset[Port] = frozenset()
    possible: frozenset[Port] = frozenset()


@dataclass(frozen=True)
class End:
    """Hold a pod owner with its pods, or an address of the outside."""

    name: str
    pods: tuple[EndPod, ...] = ()
    ports: frozenset[Port] = frozenset({NOBODYS})

    def points(self, families: Collection[int]) -> list[tuple[str, str]]:
        """Return where it is reached over IP families: the pod, empty for the outside, and the address."""
        known = [(str(pod), ip) for pod in self.pods for ip in pod.ips] or [("", self.name)]
        return [(pod, ip) for pod, ip in known if _family(ip) in families]


Pair = tuple[End, End]
_Asked = tuple[Pair, Port, Probe]


@dataclass(frozen=True)
class Row:
    """Hold one pair of ends, with what each of the two says."""

    source: str
    destination: str
    asked: frozenset[Port]
    product: Open
    kernel: Open

    @property
    def differs(self) -> bool:
        """Tell whether the two disagree."""
        return self.product != self.kernel


def side_by_side(cluster: ClusterClient) -> int:
    """Print both matrices, and return how many pairs they differ in.

    Raises:
        RuntimeError: ``netsec-tui check`` fails; the message is what it says.
    """
    product = _check_matrix(cluster)
    ends = list(_ends(Evaluation(Reader(cluster.context, cluster.kubeconfig).read()).pods.values()))
    pairs = [pair for pair in ((a, b) for a in ends for b in ends) if any(_probes(pair))]
    expected = {pair: _said(product["links"], pair) for pair in pairs}
    kernel = _measure(cluster, expected)
    rows = [Row(a.name, b.name, b.ports, expected[a, b], kernel[a, b]) for a, b in pairs]
    _print(rows, sum(len(_probes(pair)) for pair in pairs))
    print("".join(f"{note}.\n" for note in product["notes"]), end="")
    return sum(row.differs for row in rows)


def _ends(pods: Iterable[EndPod]) -> Iterator[End]:
    owned: dict[str, list[EndPod]] = defaultdict(list)
    for pod in pods:
        if not pod.host_network and pod.namespace != policies.NAMESPACE:
            owned[f"{pod.namespace}/{pod.ref}"].append(pod)
    for name, group in sorted(owned.items()):
        ports = {(str(p.protocol), p.port) for pod in group for p in pod.ports if p.protocol != "SCTP"}
        yield End(name, tuple(group), frozenset({NOBODYS, *ports}))
    yield from map(End, OUTSIDE)


def _probes(pair: Pair) -> list[tuple[Port, Probe]]:
    source, destination = pair
    return [
        (port, Probe(str(pod), address, port[1], port[0]))
        for pod in source.pods
        for whom, address in destination.points({_family(ip) for ip in pod.ips})
        if whom != str(pod)
        for port in sorted(destination.ports)
    ]


def _measure(cluster: ClusterClient, expected: Mapping[Pair, Open]) -> dict[Pair, Open]:
    """Send everything between pairs at once, and return which ports got through."""

    def send(asked: Sequence[_Asked], timeout: float) -> list[bool]:
        answers = cluster.probe([probe for _, _, probe in asked], timeout, leave_no_trace=True)
        return [answer is not Answer.SILENT for answer in answers]

    asked = [(pair, port, probe) for pair in expected for port, probe in _probes(pair)]
    # Of a port that is open in part nobody says between whom: all of these may get through.
    may = {(pair, port, probe): port in expected[pair].possible for pair, port, probe in asked}
    through: dict[Pair, set[Port]] = defaultdict(set)
    stopped: dict[Pair, set[Port]] = defaultdict(set)
    for (pair, port, _), got in get_through(may, send)[0].items():
        (through if got else stopped)[pair].add(port)
    return {
        pair: Open(frozenset(through[pair] - stopped[pair]), frozenset(through[pair])) for pair in expected
    }


def _check_matrix(cluster: ClusterClient) -> Mapping[str, Any]:
    """Run ``netsec-tui check --matrix`` as a process of its own, and return its document."""
    flags = ["--context", cluster.context, "--kubeconfig", str(cluster.kubeconfig)]
    command = [sys.executable, "-m", "netsec_tui", "check", "--matrix", *flags, "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=without_proxies())
    if done.returncode:
        raise RuntimeError(f"netsec-tui check --matrix ends with {done.returncode}: {done.stderr.strip()}")
    document: Mapping[str, Any] = json.loads(done.stdout)
    return document


def _said(links: Iterable[Mapping[str, Any]], pair: Pair) -> Open:
    """Return what the product's matrix says of a pair; what it does not list it denies."""
    source, destination = pair
    for link in links:
        if _means(link["from"], source) and _means(link["to"], destination):
            return Open(
                _covered(link["ports"], destination.ports), _covered(link["possiblePorts"], destination.ports)
            )
    return Open()


def _means(document: Mapping[str, Any], end: End) -> bool:
    if document["type"] == "owner":
        return end.name == "{namespace}/{kind}/{name}".format(**document)
    if end.pods:
        return False
    number = _number(end.name)
    return any(_number(span["first"]) <= number <= _number(span["last"]) for span in document["ranges"])


def _covered(ranges: Iterable[Mapping[str, Any]], asked: Iterable[Port]) -> frozenset[Port]:
    spans = [(span["protocol"], range(span["first"], span["last"] + 1)) for span in ranges]
    return frozenset(port for port in asked if any(port[0] == p and port[1] in span for p, span in spans))


def _number(address: str) -> tuple[int, int]:
    parsed = ipaddress.ip_address(address)
    return parsed.version, int(parsed)


def _family(address: str) -> int:
    return 6 if ":" in address else 4


def _print(rows: list[Row], packets: int) -> None:
    listed = [row for row in rows if row.differs or row.kernel.possible]
    cells = [
        (
            row.source,
            row.destination,
            _text(row.product, row.asked),
            _text(row.kernel, row.asked),
            "DIFFERS" if row.differs else "",
        )
        for row in listed
    ]
    put_table(("FROM", "TO", "CHECK --MATRIX", "KERNEL", ""), cells)
    differing = sum(row.differs for row in rows)
    protocol, number = NOBODYS
    print(
        f"\n{len(rows)} pairs, {packets} connections to the destinations' own ports and {protocol} {number}."
    )
    print(f"{len(rows) - len(listed)} pairs are closed for both and not listed. {differing} differ.")
    print("The nodes' connection tracking tables have forgotten these connections again.")
    if differing:
        known = "".join(f"\n- {deviation.name}: {deviation.reason}" for deviation in DEVIATIONS)
        print(f"The enforcer is known to differ in:{known}")


def _text(found: Open, asked: frozenset[Port]) -> str:
    """Return the ports in words; in part means not between all pods, or not over both IP families."""
    some = found.possible - found.certain
    words = [_ports(found.certain, asked)] if found.certain or not some else []
    return "; ".join([*words, *([f"in part: {_ports(some, asked)}"] if some else [])])


def _ports(ports: frozenset[Port], asked: frozenset[Port]) -> str:
    if ports == asked:
        return "all that was asked"
    by_protocol: dict[str, list[int]] = defaultdict(list)
    for protocol, number in sorted(ports):
        by_protocol[protocol].append(number)
    return ", ".join(f"{p} {','.join(map(str, numbers))}" for p, numbers in by_protocol.items()) or "nothing"
