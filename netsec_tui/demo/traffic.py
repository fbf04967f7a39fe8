"""The scenario's calls as flows, told as Hubble tells them: by the node of one end or of the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from netsec_tui.demo import cluster, scenario
from netsec_tui.demo.cluster import Pod, chance
from netsec_tui.demo.parts import Address, Call
from netsec_tui.model.flow import Endpoint, Flow, Protocol, Reserved, Verdict

START = scenario.END - scenario.SECONDS
_LATENCY = 0.002
_PASSING = (Verdict.FORWARDED, Verdict.REDIRECTED, Verdict.AUDIT)


@dataclass(frozen=True, slots=True)
class _Exchange:
    """Hold the two ends of one exchange, as the node of the end itself tells them and as the other's does."""

    call: Call
    time: float
    client: Endpoint
    client_afar: Endpoint
    server: Endpoint
    server_afar: Endpoint
    client_node: str
    server_node: str
    client_port: int

    @property
    def both_known(self) -> bool:
        """Tell whether the server's node reports, as it does for a pod."""
        return bool(self.server_node)


def flows() -> list[Flow]:
    """Return all flows in order of time; the first and the last one mark the window's ends."""
    by_workload = cluster.pods()
    found = [flow for call in (*scenario.CALLS, *_probes()) for flow in _call(call, by_workload)]
    found.sort(key=lambda flow: flow.time)
    return [replace(found[0], time=START), *found[1:-1], replace(found[-1], time=scenario.END)]


def _probes() -> Iterator[Call]:
    """Yield what the kubelets ask the pods that they look after."""
    for workload in scenario.WORKLOADS:
        if workload.probed:
            for ip in scenario.NODE_IPS[1:]:
                yield Call(Address(ip), workload.key, workload.ports[0].number, times=2, count=900)


def _call(call: Call, by_workload: dict[str, list[Pod]]) -> Iterator[Flow]:
    for number in range(call.times):
        exchange = _exchange(call, number, by_workload)
        # One exchange is enough to tell which Service is dialled.
        if call.via and (number == 0 or not call.backend):
            yield from _dial(exchange)
        if not call.backend:
            continue
        if call.proxied:
            yield from _by_proxy(exchange)
        else:
            yield _request(exchange)
            if call.answered and call.verdict in _PASSING:
                yield _answer(exchange)


def _exchange(call: Call, number: int, by_workload: dict[str, list[Pod]]) -> _Exchange:
    first, last = call.hours
    name = (call.client, call.server, call.port, call.protocol)
    part = (number + chance(*name, number) / 2**32) / call.times
    time = round(START + 3600 * (first + (min(last, scenario.SECONDS / 3600) - first) * part), 3)
    client = _turn(call.client, number, time, by_workload)
    server = _turn(call.server, number * 3 + 1, time, by_workload)
    wide = isinstance(call.server, Address) and ":" in call.server.ip
    return _Exchange(
        call,
        time,
        _near(client, wide),
        _afar(client, wide),
        _near(server, wide),
        replace(_afar(server, wide), labels=(), reserved=Reserved.WORLD)
        if call.nameless
        else _afar(server, wide),
        client.node_name if isinstance(client, Pod) else "",
        server.node_name if isinstance(server, Pod) else "",
        32768 + chance("port", *name, number) % 28000,
    )


def _turn(end: str | Address, number: int, time: float, by_workload: dict[str, list[Pod]]) -> Pod | Address:
    """Return the pod whose turn it is; of a CronJob's pods the one that ran at the time."""
    if isinstance(end, Address) or end == scenario.API_SERVER:
        return end if isinstance(end, Address) else Address(scenario.NODE_IPS[0])
    pods = by_workload[end]
    if pods[0].workload.kind == "CronJob":
        return max((pod for pod in pods if pod.created <= time), key=lambda pod: pod.created)
    return pods[number % len(pods)]


def _near(end: Pod | Address, wide: bool) -> Endpoint:
    """Return an end as its own node tells it: with the workload of a pod."""
    told = _afar(end, wide)
    if isinstance(end, Address) or end.workload.kind == "Pod":
        return told
    return replace(told, workloads=((end.workload.kind, end.workload.name),))


def _afar(end: Pod | Address, wide: bool) -> Endpoint:
    if isinstance(end, Address):
        return Endpoint(end.ip, reserved=_reserved(end.ip), names=end.names)
    hashes = ("pod-template-hash", "rollouts-pod-template-hash", "batch.kubernetes.io/job-name")
    labels = tuple(sorted((k, v) for k, v in end.labels.items() if k not in hashes))
    reserved = Reserved.REMOTE_NODE if end.workload.host_network else Reserved.NONE
    ip = end.ip6 if wide else end.ip
    return Endpoint(ip, end.workload.namespace, end.name, labels, reserved=reserved)


def _reserved(ip: str) -> Reserved:
    if ip == scenario.NODE_IPS[0]:
        return Reserved.KUBE_APISERVER
    return Reserved.HOST if ip in scenario.NODE_IPS else Reserved.WORLD


def _request(exchange: _Exchange) -> Flow:
    call = exchange.call
    at_server = exchange.both_known and not call.nameless
    tcp = call.protocol is Protocol.TCP
    return Flow(
        exchange.time,
        exchange.client_afar if at_server else exchange.client,
        exchange.server if at_server else exchange.server_afar,
        call.protocol,
        exchange.client_port if call.port else 0,
        call.port,
        call.verdict,
        is_reply=False if call.directed else None,
        proven=call.directed,
        syn=tcp and call.directed,
        ack=tcp and not call.directed,
        node=exchange.server_node if at_server else exchange.client_node,
        count=call.count,
    )


def _answer(exchange: _Exchange) -> Flow:
    """Return the answer to a request, seen where the request was seen."""
    call, request = exchange.call, _request(exchange)
    return replace(
        request,
        time=round(request.time + _LATENCY, 3),
        source=request.destination,
        destination=request.source,
        source_port=request.destination_port,
        destination_port=request.source_port,
        verdict=Verdict.FORWARDED,
        is_reply=True if call.directed else None,
        syn=request.syn and not call.refused,
        ack=call.protocol is Protocol.TCP,
        rst=call.refused,
    )


def _dial(exchange: _Exchange) -> Iterator[Flow]:
    """Yield what the client's node sees before a Service is translated: there and back, or in the socket."""
    call = exchange.call
    if call.via is None:
        return
    key, port = call.via
    namespace, name = key.split("/")
    service = next((s for s in scenario.SERVICES if s.key == key), None)
    frontend = cluster.cluster_ip(service) if service else f"{scenario.SERVICE_PREFIX}1"
    dialled = replace(
        _request(exchange),
        time=round(exchange.time - _LATENCY, 3),
        source=exchange.client,
        destination=Endpoint(frontend, reserved=Reserved.WORLD),
        destination_port=port,
        verdict=Verdict.FORWARDED,
        service=(namespace, name),
        node=exchange.client_node,
    )
    if call.socket:
        traced = replace(dialled, source_port=0, verdict=Verdict.TRACED, syn=False)
        backend = replace(traced, destination=exchange.server_afar, destination_port=call.port, service=None)
        yield from (traced, replace(backend, verdict=Verdict.TRANSLATED))
        return
    yield dialled
    yield replace(
        dialled,
        source=dialled.destination,
        destination=dialled.source,
        source_port=dialled.destination_port,
        destination_port=dialled.source_port,
        is_reply=True,
        ack=call.protocol is Protocol.TCP,
    )


def _by_proxy(exchange: _Exchange) -> Iterator[Flow]:
    """Yield a call that a policy sends through the node's layer 7 proxy.

    From there on the packets carry the client's identity but the proxy's address, and no pod name.
    """
    request = _request(exchange)
    proxy_ip = f"10.244.{scenario.NODES.index(exchange.client_node)}.1"
    proxy = replace(exchange.client_afar, ip=proxy_ip, pod="")
    redirected = replace(
        request,
        source=exchange.client,
        destination=exchange.server_afar,
        verdict=Verdict.REDIRECTED,
        node=exchange.client_node,
    )
    yield redirected
    sent_on = replace(request, source=proxy, verdict=Verdict.FORWARDED)
    yield sent_on
    answer = _answer(exchange)
    yield replace(answer, destination=proxy)
    yield replace(answer, source=exchange.server_afar, destination=exchange.client, node=exchange.client_node)
