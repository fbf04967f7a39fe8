"""What is added to the demo's recording: flows that the kernel's table cannot tell, all marked."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from netsec_tui.cli.values import target
from netsec_tui.kube.labels import stable_labels
from netsec_tui.model.flow import Endpoint, Flow, Protocol, Reserved, Verdict
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import Inventory, Pod

_LATENCY = 0.002
_ALSO_ANSWERED = ("answered", "refused", "undirected", "world", "service", "proxy")


class Window(NamedTuple):
    """The time that the demo shows, in seconds since 1970."""

    start: float
    end: float

    def moment(self, hours: tuple[float, float], place: float) -> float:
        """Return the moment at a place (0 to 1) between two hours of the window."""
        last = min(hours[1], (self.end - self.start) / 3600)
        return round(self.start + 3600 * (hours[0] + (last - hours[0]) * place), 3)


@dataclass(frozen=True)
class Addition:
    """One entry of synthetic.yaml, whose head explains the fields."""

    client: str
    server: str
    port: int
    protocol: Protocol = Protocol.TCP
    verdict: Verdict = Verdict.FORWARDED
    times: int = 3
    count: int = 1
    hours: tuple[float, float] = (0.0, float("inf"))
    how: str = ""
    names: tuple[str, ...] = ()
    service: str = ""


def addition(fields: Mapping[str, Any]) -> Addition:
    """Return an entry as it stands in the file.

    Raises:
        KeyError, TypeError, ValueError: it is not written as the file's head says.
    """
    rest = dict(fields)
    found = Addition(rest.pop("from"), rest.pop("to"), rest.pop("port"))
    kinds = {"protocol": Protocol, "verdict": Verdict.__getitem__, "hours": tuple, "names": tuple}
    return replace(found, **{key: kinds.get(key, lambda same: same)(value) for key, value in rest.items()})


@dataclass(frozen=True)
class _Exchange:
    """One exchange: when, between which ends, told by which node."""

    of: Addition
    time: float
    client: Pod
    server: Pod | str
    client_port: int

    @property
    def node(self) -> str:
        """The node of the server, where it has one; it sees what a policy lets through."""
        there = isinstance(self.server, Pod) and self.of.how != "world"
        return self.server.node if there and isinstance(self.server, Pod) else self.client.node

    @property
    def to(self) -> Endpoint:
        """The server as it is told."""
        end = _end(self.server, self.client, self.of.names)
        return replace(end, labels=(), reserved=Reserved.WORLD) if self.of.how == "world" else end


def flows(found: Addition, inventory: Inventory, window: Window) -> Iterator[Flow]:
    """Yield the flows of an entry between the pods that were recorded, in the order of their times.

    Raises:
        LookupError: a workload or a Service that it names was not recorded.
    """
    for number in range(found.times):
        time = window.moment(found.hours, (number + 0.5) / found.times)
        client = _turn(found.client, number, time, inventory)
        server = found.server if "/" not in found.server else _turn(found.server, number, time, inventory)
        if isinstance(client, str):
            raise LookupError(f"{client} was not recorded")
        seed = zlib.crc32(f"{found.client} {found.server} {found.port} {number}".encode())
        exchange = _Exchange(found, time, client, server, 32768 + seed % 28000)
        yield from (replace(flow, synthetic=True) for flow in _told(exchange, inventory))


def _told(exchange: _Exchange, inventory: Inventory) -> Iterator[Flow]:
    how, request = exchange.of.how, _request(exchange)
    if how == "service":
        dialled = _dialled(exchange, inventory)
        yield from (dialled, _answer(dialled))
    elif how == "socket":
        dialled = replace(_dialled(exchange, inventory), source_port=0, verdict=Verdict.TRACED, syn=False)
        port = exchange.of.port
        backend = replace(dialled, destination=exchange.to, destination_port=port, service=None)
        yield from (dialled, replace(backend, verdict=Verdict.TRANSLATED))
    elif how == "proxy":
        yield from _by_proxy(exchange, inventory)
    else:
        yield request
        if how in _ALSO_ANSWERED:
            yield _answer(request, refused=how == "refused")


def _request(exchange: _Exchange) -> Flow:
    found = exchange.of
    directed, tcp = found.how != "undirected", found.protocol is Protocol.TCP
    return Flow(
        exchange.time,
        _end(exchange.client, exchange.server),
        exchange.to,
        found.protocol,
        exchange.client_port,
        found.port,
        found.verdict,
        is_reply=False if directed else None,
        proven=directed,
        syn=tcp and directed,
        ack=tcp and not directed,
        node=exchange.node,
        count=found.count,
    )


def _answer(request: Flow, refused: bool = False) -> Flow:
    return replace(
        request,
        time=round(request.time + _LATENCY, 3),
        source=request.destination,
        destination=request.source,
        source_port=request.destination_port,
        destination_port=request.source_port,
        verdict=Verdict.FORWARDED,
        is_reply=None if request.is_reply is None else True,
        syn=request.syn and not refused,
        ack=request.protocol is Protocol.TCP,
        rst=refused,
    )


def _dialled(exchange: _Exchange, inventory: Inventory) -> Flow:
    """Return what the client's node sees before the Service is translated."""
    key, _, port = exchange.of.service.partition(":")
    namespace, _, name = key.partition("/")
    service = inventory.service_by_name.get((namespace, name))
    if service is None:
        raise LookupError(f"Service {key} was not recorded")
    frontend = Endpoint(service.cluster_ips[0], reserved=Reserved.WORLD)
    request = replace(_request(exchange), service=(namespace, name), node=exchange.client.node)
    return replace(request, destination=frontend, destination_port=int(port))


def _by_proxy(exchange: _Exchange, inventory: Inventory) -> Iterator[Flow]:
    """Yield a call that a policy sends through the node's layer 7 proxy.

    From there on the packets carry the client's identity but the proxy's address, and no pod name.
    """
    request = _request(exchange)
    nodes = {node.name: node for node in inventory.nodes}
    address = nodes[exchange.client.node].pod_cidrs[0].partition("/")[0].removesuffix("0") + "1"
    proxy = replace(request.source, ip=address, pod="")
    yield replace(request, verdict=Verdict.REDIRECTED, node=exchange.client.node)
    sent_on = replace(request, source=proxy)
    yield sent_on
    yield _answer(sent_on)
    yield replace(_answer(request), node=exchange.client.node)


def _turn(end: str, number: int, time: float, inventory: Inventory) -> Pod | str:
    """Return the pod whose turn it is; of the pods of Jobs, the one that ran at the time."""
    if "/" not in end:
        return end
    namespace, kind, name = end.split("/")
    wanted = target(f"{kind}/{name}")
    ref = WorkloadRef("Rollout" if kind == "rollout" else wanted.kind, namespace, name)
    pods = sorted(inventory.pods_by_owner.get(ref, ()), key=lambda pod: (pod.created, pod.name))
    if ref.kind in ("CronJob", "Job"):
        pods = [pod for pod in pods if pod.created <= time][-1:]
    if not pods:
        raise LookupError(f"{end} has no pod that was recorded")
    return pods[number % len(pods)]


def _end(end: Pod | str, other: Pod | str, names: tuple[str, ...] = ()) -> Endpoint:
    """Return one end as a flow tells it, at the address of the family that both ends have."""
    if isinstance(end, str):
        return Endpoint(end, reserved=Reserved.WORLD, names=names)
    wide = isinstance(other, str) and ":" in other
    ip = next(ip for ip in end.ips if (":" in ip) == wide)
    return Endpoint(ip, end.namespace, end.name, stable_labels(end.labels))
