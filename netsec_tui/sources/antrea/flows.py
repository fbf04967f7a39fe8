"""Flows of Antrea's records, whatever form they come in: protobuf, CSV or rows of a table."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from netsec_tui.model.flow import Endpoint, Flow, Labels, Protocol, Verdict
from netsec_tui.sources.recent import Recent

ORIGIN = "antrea"

NO_ACTION, ALLOW, DROP, REJECT = range(4)
"""Actions of policy rules (antrea, flow.proto, NetworkPolicyRuleAction)."""

_PROTOCOLS = {
    6: Protocol.TCP, 17: Protocol.UDP, 132: Protocol.SCTP, 1: Protocol.ICMP, 58: Protocol.ICMP,
}  # fmt: skip
_NOT_ANSWERED = frozenset({"SYN_SENT", "SYN_SENT2", "NONE"})
_RESET = "CLOSE"
"""State of a connection that a RST has ended (nf_conntrack_proto_tcp.c, TCP_CONNTRACK_CLOSE)."""

_ENDPOINTS = 16_384

_ANSWER, _REFUSAL = 1 << len(Verdict), 2 << len(Verdict)
"""Bits of what was told of a connection, beside one for each verdict on its request."""

_Key = tuple[str, int, str, int, int, str, tuple[str, str] | None, int]
"""Source and destination with their ports, protocol, node, the Service that was dialled, and the minute."""


class End(NamedTuple):
    """Hold one end of a record; empty is what it does not tell, and what is no pod."""

    ip: str
    namespace: str = ""
    pod: str = ""
    labels: Labels = ()
    node: str = ""


class Seen(NamedTuple):
    """Hold one record; the source opened the connection, the destination is who answers.

    ``at`` is when its last packet was seen, in epoch seconds. ``service`` is (namespace, name) of the one
    that was dialled, at ``service_ip`` and ``service_port``. ``seen_as`` is the address and port that the
    destination saw, where a node stood in for the source. ``answered`` is None for a form that does not
    tell. ``refused`` tells that all that came back is a RST, of a closed port or of a policy that rejects.
    ``connections`` is how many a row of a summary stands for, 0 for the record of a single one.
    """

    at: float
    protocol: int
    source: End
    source_port: int
    destination: End
    destination_port: int
    ingress: int = NO_ACTION
    egress: int = NO_ACTION
    answered: bool | None = None
    service: tuple[str, str] | None = None
    service_ip: str = ""
    service_port: int = 0
    seen_as: tuple[str, int] = ("", 0)
    refused: bool = False
    connections: int = 0


class Connections:
    """Tell what becomes of each connection once a minute, however many records say so, and for each node.

    Each thing that can be told is told whatever else was, or the order of records would matter: an answer may
    come after a rule has let the request in, and before the record that does not know of it.
    """

    def __init__(self, origin: str = ORIGIN) -> None:
        self._origin = origin
        self._told: Recent[_Key, int] = Recent()
        self._ends: Recent[End, Endpoint] = Recent(_ENDPOINTS)

    def flows(self, seen: Seen) -> list[Flow]:
        """Return what a record tells that was not told of its minute.

        A connection is told as its request and, where that is known, its answer; the Service that was
        dialled is the same connection once more, translated before any policy looks.
        """
        flows: list[Flow] = []
        verdict = verdict_of(seen)
        self._exchange(seen, verdict, flows)
        if seen.service and seen.service_port and seen.service_ip not in ("", seen.destination.ip):
            dialled = seen._replace(destination=End(seen.service_ip), destination_port=seen.service_port)
            self._exchange(dialled, Verdict.TRACED, flows, seen.service)
        ip, port = seen.seen_as
        if ip and ip != seen.source.ip:
            self._exchange(seen._replace(source=End(ip), source_port=port), verdict, flows)
        return flows

    def _exchange(
        self, seen: Seen, verdict: Verdict, flows: list[Flow], service: tuple[str, str] | None = None
    ) -> None:
        protocol = _PROTOCOLS.get(seen.protocol, Protocol.OTHER)
        ports = (seen.source_port, seen.destination_port) if protocol.expressible else (0, 0)
        source, destination = self._endpoint(seen.source), self._endpoint(seen.destination)
        node, minute = seen.source.node or seen.destination.node, int(seen.at // 60)
        news = _said(seen, verdict)
        if not seen.connections:
            ends = (seen.source.ip, ports[0], seen.destination.ip, ports[1])
            key = (*ends, seen.protocol, node, service, minute)
            news = self._news(key, news)
        if not news:
            return
        request = Flow(
            seen.at,
            source,
            destination,
            protocol,
            *ports,
            verdict,
            is_reply=False,
            syn=protocol is Protocol.TCP,
            service=service,
            node=node,
            count=seen.connections or 1,
            origin=self._origin,
            # Where answers are told, what went on was answered or let in by a rule at its end.
            arrived=verdict is Verdict.FORWARDED and seen.answered is not None,
        )
        if news & 1 << verdict:
            flows.append(request)
        if news & (_ANSWER | _REFUSAL):
            flows.append(_answer(request, refused=seen.refused))

    def _news(self, key: _Key, said: int) -> int:
        """Return what of it was not told yet, and take note of it."""
        told = self._told.get(key) or 0
        if said & ~told:
            self._told.put(key, told | said)
        return said & ~told

    def _endpoint(self, end: End) -> Endpoint:
        endpoint = self._ends.get(end)
        if endpoint is None:
            endpoint = Endpoint(end.ip)
            if end.namespace and end.pod:
                endpoint = Endpoint(end.ip, end.namespace, end.pod, end.labels)
            self._ends.put(end, endpoint)
        return endpoint


def _said(seen: Seen, verdict: Verdict) -> int:
    """Return the bits of what a record says; what was denied has no answer."""
    said = 1 << verdict
    if verdict.denied:
        return said
    return said | (_ANSWER if seen.answered else 0) | (_REFUSAL if seen.refused else 0)


def _answer(request: Flow, *, refused: bool) -> Flow:
    return replace(
        request,
        source=request.destination,
        destination=request.source,
        source_port=request.destination_port,
        destination_port=request.source_port,
        is_reply=True,
        ack=request.syn,
        rst=refused,
        arrived=False,
    )


def verdict_of(seen: Seen) -> Verdict:
    """Return what became of a connection.

    Where nobody answered, it is not known whether it was let in, unless a rule for the destination did so.
    """
    if {seen.ingress, seen.egress} & {DROP, REJECT}:
        return Verdict.DROPPED
    if seen.answered is False and seen.ingress != ALLOW:
        return Verdict.UNKNOWN
    return Verdict.FORWARDED


def is_answered(state: str, packets_back: int) -> bool:
    """Tell whether a connection got an answer, by its TCP state in the kernel's words and packets back."""
    if is_refused(state, packets_back):
        return False
    return packets_back > 0 or (bool(state) and state not in _NOT_ANSWERED)


def is_refused(state: str, packets_back: int) -> bool:
    """Tell whether nothing but a RST came back: who answers and is then reset has sent more than that."""
    return state == _RESET and packets_back <= 1


def service_of(name: str) -> tuple[str, str] | None:
    """Return (namespace, name) of a Service port written ``namespace/name:port``, None for anything else."""
    namespace, _, rest = name.partition("/")
    service = rest.partition(":")[0]
    return (namespace, service) if namespace and service else None
