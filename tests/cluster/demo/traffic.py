"""The demo's calls, made for real: pods take turns, names are looked up once, answers are checked."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.cluster.demo.calls import Call, Turn
from tests.cluster.harness import netns
from tests.cluster.harness.calls import is_address, workload
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.dns import ZONE
from tests.cluster.harness.exchange import Answer
from tests.cluster.harness.places import pod_link
from tests.cluster.harness.rest import Object, Rest
from tests.cluster.harness.snapshot import Snapshot
from tests.cluster.harness.traffic import Heard, Probe

_T = TypeVar("_T")
_PATIENCE = 0.9
_MOST_ROUNDS = 20
_ECHO, _ECHO_REPLY = 8, 0
_DNS_PORT = 53

Made = tuple[str, str, int, str]
"""An exchange as the kernel's table has it: client's address, address that was dialled, port, protocol."""


@dataclass(frozen=True)
class _Exchange:
    """One exchange that is about to be made; ``source`` is as a Probe has it, ``client`` its address."""

    call: Call
    source: str
    client: str
    address: str

    @property
    def made(self) -> Made:
        """What the kernel's table will have."""
        return self.client, self.address, self.call.port, self.call.protocol


class Driver:
    """Makes the exchanges of the call graph in one cluster and remembers which were made."""

    def __init__(self, cluster: Cluster) -> None:
        """Say in which cluster; the pods of the callers run."""
        self.made: set[Made] = set()
        self._instance = cluster.instance
        self._rest = Rest(cluster.kubeconfig)
        self._cluster = cluster
        self._snapshot = Snapshot(self._rest)
        self._known: dict[tuple[str, str], list[str]] = {}
        self._heard: dict[Call, set[str]] = {}

    def look_around(self) -> None:
        """See which pods run now."""
        self._snapshot = Snapshot(self._rest)

    def silence(self, calls: Sequence[Call]) -> None:
        """Take from the pods that are not to answer the way back to those that call them."""
        for call in calls:
            if call.silent and "/" in call.server:
                ways = [f"route replace blackhole {_ip(pod)}" for pod in self._pods(call.client)]
                for pod in self._pods(call.server):
                    netns.batch(self._place(pod).resolve().name, ways)

    def make(self, turns: Sequence[Turn]) -> None:
        """Make the exchanges of some turns, all at once.

        Raises:
            RuntimeError: one was answered otherwise than the graph says, also the second time.
            LookupError: something is named that does not run, or a name has no address.
        """
        self._look_up(turns)
        left = [self._exchange(turn) for turn in turns if turn.call.port or turn.call.protocol == "ICMP"]
        for _ in range(2):
            heard = self._ask(left)
            self.made.update(exchange.made for exchange in left)
            for exchange, answer in zip(left, heard, strict=True):
                if answer.who:
                    self._heard.setdefault(exchange.call, set()).add(answer.who.partition(" ")[0])
            pairs = zip(left, heard, strict=True)
            left = [x for x, answer in pairs if (answer.answer is Answer.REACHED) == x.call.silent]
            if not left:
                return
        raise RuntimeError(
            f"not as the call graph says: {', '.join(str(exchange.call) for exchange in left)}"
        )

    def complete(self, calls: Sequence[Call]) -> None:
        """Have one client go on with each call to everyone until all pods behind the Service have answered.

        Raises:
            RuntimeError: that does not come about.
        """
        for call in (call for call in calls if call.everyone):
            everyone = self._behind(call)
            for _ in range(_MOST_ROUNDS * len(everyone)):
                if self._heard.get(call, set()) >= everyone:
                    break
                self.make([Turn(0.0, call, 0)])
            else:
                raise RuntimeError(f"{call}: never answered by {everyone - self._heard.get(call, set())}")

    def _look_up(self, turns: Sequence[Turn]) -> None:
        wanted = {(self._client(turn)[0], name) for turn in turns if (name := self._host(turn.call))}
        questions = sorted(wanted - self._known.keys())
        for question, addresses in zip(questions, self._cluster.look_up(questions), strict=True):
            if not addresses:
                raise LookupError(f"{question[0]} gets no address of {question[1]} from the cluster's DNS")
            self._known[question] = sorted(addresses)
            client = next(pod for pod in self._snapshot.pods if _name(pod) == question[0])
            self.made.add((_ip(client), self._snapshot.dns(), _DNS_PORT, "UDP"))

    def _host(self, call: Call) -> str:
        """Return the name that a client of the call looks up, empty where it dials an address."""
        if "/svc/" in call.server:
            service = self._snapshot.service(workload(call.server))
            meta, ip = service["metadata"], service["spec"]["clusterIP"]
            # Where names are asked for is known without asking.
            return "" if ip == self._snapshot.dns() else f"{meta['name']}.{meta['namespace']}.{ZONE}"
        return "" if "/" in call.server or call.server == "nodes" or is_address(call.server) else call.server

    def _exchange(self, turn: Turn) -> _Exchange:
        call, number = turn.call, turn.number
        if call.client == "kubelet":
            pod = _of(self._pods(call.server), number)
            node = pod["spec"]["nodeName"]
            return _Exchange(call, f"node:{node}", self._snapshot.node_address(node), _ip(pod))
        source, client = self._client(turn)
        return _Exchange(call, source, client, self._address(turn, source))

    def _client(self, turn: Turn) -> tuple[str, str]:
        """Return whose turn it is, as a Probe has it, and the address that it speaks from."""
        if turn.call.client.startswith("outside:"):
            return turn.call.client, turn.call.client.partition(":")[2]
        pod = _of(self._pods(turn.call.client), turn.number)
        return _name(pod), _ip(pod, wide=":" in turn.call.server)

    def _address(self, turn: Turn, source: str) -> str:
        call, number = turn.call, turn.number
        if host := self._host(call):
            return _of(self._known[source, host], number)
        if call.server == "nodes":
            names = sorted(node["metadata"]["name"] for node in self._snapshot.nodes)
            return self._snapshot.node_address(_of(names, number))
        if "/svc/" in call.server:
            return self._snapshot.dns()
        if "/" not in call.server:
            return call.server
        # A workload that calls itself calls another of its pods.
        others = [pod for pod in self._pods(call.server) if _name(pod) != source]
        return _ip(_of(others, number))

    def _ask(self, exchanges: Sequence[_Exchange]) -> list[Heard]:
        pings = [exchange for exchange in exchanges if exchange.call.protocol == "ICMP"]
        asked = [exchange for exchange in exchanges if exchange.call.protocol != "ICMP"]
        probes = [Probe(x.source, x.address, x.call.port, x.call.protocol) for x in asked]
        heard = dict(zip(asked, self._cluster.ask(probes, _PATIENCE), strict=True))
        for ping in pings:
            place = pod_link(self._instance, *ping.source.split("/"))
            heard[ping] = Heard(_ping(place, ping.address))
        return [heard[exchange] for exchange in exchanges]

    def _behind(self, call: Call) -> set[str]:
        selector = self._snapshot.service(workload(call.server))["spec"]["selector"].items()
        namespace = workload(call.server).namespace
        return {
            _name(pod)
            for pod in self._snapshot.pods
            if pod["metadata"]["namespace"] == namespace and selector <= pod["metadata"]["labels"].items()
        }

    def _pods(self, named: str) -> list[Object]:
        return sorted(self._snapshot.pods_of(workload(named)), key=_name)

    def _place(self, pod: Object) -> Path:
        return pod_link(self._instance, pod["metadata"]["namespace"], pod["metadata"]["name"])


def _name(pod: Object) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _ip(pod: Object, wide: bool = False) -> str:
    return next(item["ip"] for item in pod["status"]["podIPs"] if (":" in item["ip"]) == wide)


def _of(items: Sequence[_T], number: int) -> _T:
    return items[number % len(items)]


def _ping(place: Path, address: str) -> Answer:
    """Send one echo request over ICMP from a network namespace."""
    header = struct.pack("!BBHHH", _ECHO, 0, 0, 1, 1)
    checksum = ~sum(struct.unpack("!4H", header)) & 0xFFFF
    with netns.inside(place):
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    with raw as sock:
        sock.settimeout(_PATIENCE)
        sock.sendto(struct.pack("!BBHHH", _ECHO, 0, checksum, 1, 1), (address, 0))
        try:
            while True:
                packet, (sender, _) = sock.recvfrom(2048)
                header_length = (packet[0] & 15) * 4
                if sender == address and packet[header_length] == _ECHO_REPLY:
                    return Answer.REACHED
        except TimeoutError:
            return Answer.SILENT
