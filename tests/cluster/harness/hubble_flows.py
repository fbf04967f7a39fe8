"""From what the kernel did with connections to the flows that Cilium would report of them, node by node.

The shapes follow recordings of Cilium and its pkg/hubble/parser: each node tells what passes its own
endpoints, a drop has no ``is_reply``, what goes into the overlay has neither that nor a direction, and a
dialled ClusterIP shows at the socket alone.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tests.cluster.harness.hubble_endpoints import Endpoints, reserved
from tests.cluster.harness.hubble_tracking import End, Event, First, Tuple
from tests.cluster.harness.rest import Object

Tell = Callable[[str, Object], None]
"""Takes a node and a flow of it."""

_DROP, _TRACE, _POLICY_VERDICT, _SOCK = 1, 4, 5, 7
_POLICY_DENIED = 133
_POINTS = {"TO_ENDPOINT": 0, "TO_STACK": 3, "TO_OVERLAY": 4}
_VERDICT_DIRECTION = {"INGRESS": 1, "EGRESS": 2}
_UNDECIDED = 1.0
"""Seconds after which a packet that made no entry is taken to have been dropped."""
_REMEMBERED = 200_000


class _Way(NamedTuple):
    """A packet on its way, as a flow tells it."""

    time: float
    node: str
    packet: Tuple
    flags: tuple[str, ...] = ()


def background(node: str, when: float) -> Object:
    """Return a flow between parts of Cilium itself, of which a real cluster always has some."""
    packet = Tuple("TCP", End("198.18.255.1", 40_000), End("198.18.255.2", 4240))
    made = _flow(_Way(when, node, packet, ("ACK",)), reserved("remote-node"), reserved("health"))
    return made | _trace("TO_OVERLAY")


class Flows:
    """What Cilium would say, with what it takes to say it: connections that are under way."""

    def __init__(self, endpoints: Endpoints, tell: Tell) -> None:
        """Say who the addresses are, and who is told."""
        self._endpoints, self._tell = endpoints, tell
        self._said: dict[tuple[str, str], set[str]] = {}
        self._known: dict[tuple[str, Tuple], None] = {}
        self._open: list[tuple[str, First]] = []

    def event(self, node: str, event: Event) -> None:
        """Take an event of a node's connection tracking."""
        said = self._said.setdefault((node, event.key), set())
        for packet in (event.original, event.reply, _turned(event.original), _turned(event.reply)):
            self._known[node, packet] = None
        for step in _steps(event):
            if step not in said:
                said.add(step)
                self._step(node, event, step)
        if event.what == "DESTROY":
            del self._said[node, event.key]
        while len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]

    def first(self, node: str, first: First) -> None:
        """Take a packet that may begin a connection; whether it does is known a moment later."""
        self._open.append((node, first))

    @property
    def undecided(self) -> bool:
        """Whether there are packets of which it is not known yet what became of them."""
        return bool(self._open)

    def settle(self, now: float) -> None:
        """Tell the packets that made no connection: they were dropped. ``now`` is in epoch seconds."""
        due = [item for item in self._open if item[1].time < now - _UNDECIDED]
        self._open = [item for item in self._open if item[1].time >= now - _UNDECIDED]
        for node, first in due:
            if (node, first.packet) not in self._known:
                self._dropped(node, first)

    def _step(self, node: str, event: Event, step: str) -> None:
        server, seen = event.reply.source, event.reply.destination
        protocol = event.original.protocol
        # A client's own node sees it before its address is translated, a server's node after.
        at_client = Tuple(protocol, event.original.source, server)
        at_server = Tuple(protocol, seen, server)
        flags = tuple(step.split("+")) if protocol == "TCP" else ()
        of_client = self._endpoints.is_local(event.original.source.ip, node)
        of_server = self._endpoints.is_local(server.ip, node)
        if step in ("SYN", "ask") and of_client and event.original.destination != server:
            self._socket(node, event)
        answer = step in ("SYN+ACK", "RST+ACK", "answer")
        if not answer:
            if of_server:
                self._traced(_Way(event.time, node, at_server, flags), "TO_ENDPOINT", "INGRESS", False)
            elif of_client:
                self._traced(_Way(event.time, node, at_client, flags), "TO_STACK", "EGRESS", False)
        elif of_client:
            self._traced(_Way(event.time, node, _turned(at_client), flags), "TO_ENDPOINT", "EGRESS", True)
        elif of_server:
            self._traced(_Way(event.time, node, _turned(at_server), flags), "TO_STACK", "INGRESS", True)

    def _traced(self, way: _Way, point: str, direction: str, is_reply: bool) -> None:
        made = self._between(way) | _trace(point)
        reason = "REPLY" if is_reply else "NEW" if way.flags in ((), ("SYN",)) else "ESTABLISHED"
        said = {"traffic_direction": direction, "is_reply": is_reply, "trace_reason": reason}
        self._tell(way.node, made | said)
        if point == "TO_STACK" and self._endpoints.node_of(way.packet.destination.ip):
            self._tell(way.node, self._between(way) | _trace("TO_OVERLAY"))

    def _socket(self, node: str, event: Event) -> None:
        """Tell the translation of a ClusterIP, which only the client's socket sees."""
        dialled = event.original.destination
        service = self._endpoints.service(dialled.ip)
        if service is None:
            return
        client = End(event.original.source.ip, 0)
        meta = service["metadata"]
        named = {"destination_service": {"name": meta["name"], "namespace": meta["namespace"]}}
        for number, (to, verdict, point, more) in enumerate(
            (
                (dialled, "TRACED", "SOCK_XLATE_POINT_PRE_DIRECTION_FWD", named),
                (event.reply.source, "TRANSLATED", "SOCK_XLATE_POINT_POST_DIRECTION_FWD", {}),
            ),
            1,
        ):
            made = self._between(_Way(event.time, node, Tuple(event.original.protocol, client, to)))
            kind = {"Type": "SOCK", "event_type": {"type": _SOCK, "sub_type": number}}
            self._tell(node, made | kind | more | {"verdict": verdict, "sock_xlate_point": point})

    def _dropped(self, node: str, first: First) -> None:
        """Tell a packet that the enforcer did not let through.

        The enforcer decides on egress and ingress at once where a packet leaves its node; Cilium decides on
        ingress at the server's node, and so it is told where nothing holds back what the client sends.
        """
        packet = first.packet
        service = self._endpoints.service(packet.destination.ip)
        if service is not None:
            behind = self._endpoints.backend(service, packet.destination.port, packet.protocol)
            if behind is not None:
                packet = packet._replace(destination=End(*behind))
        client, server = packet.source.ip, packet.destination.ip
        flags = ("SYN",) if packet.protocol == "TCP" else ()
        if self._endpoints.is_local(client, node):
            way = _Way(first.time, node, packet, flags)
            there = self._endpoints.node_of(server)
            if not there or self._endpoints.is_held_at_egress(client):
                self._denied(way, "EGRESS")
                return
            if there != node:
                self._traced(way, "TO_STACK", "EGRESS", False)
            self._denied(way._replace(node=there), "INGRESS")
        elif self._endpoints.is_local(server, node):
            self._denied(_Way(first.time, node, packet, flags), "INGRESS")

    def _denied(self, way: _Way, direction: str) -> None:
        """Tell a drop as Cilium does: once as the verdict of the policy, once as the drop itself."""
        denied = {
            "verdict": "DROPPED",
            "drop_reason": _POLICY_DENIED,
            "drop_reason_desc": "POLICY_DENIED",
            "traffic_direction": direction,
        }
        for kind, sub in ((_POLICY_VERDICT, _VERDICT_DIRECTION[direction]), (_DROP, _POLICY_DENIED)):
            self._tell(
                way.node, self._between(way) | denied | {"event_type": {"type": kind, "sub_type": sub}}
            )

    def _between(self, way: _Way) -> Object:
        ends = (way.packet.source.ip, way.packet.destination.ip)
        source, destination = (self._endpoints.endpoint(ip, way.node) for ip in ends)
        return _flow(way, source, destination)


def _steps(event: Event) -> Iterator[str]:
    """Yield what packets an event stands for: the flags of TCP, or whether somebody asks or answers."""
    if event.original.protocol == "UDP":
        if event.what != "DESTROY":
            yield "ask"
        if event.answered:
            yield "answer"
        return
    if event.what == "NEW":
        yield "SYN"
    elif event.state in ("SYN_RECV", "ESTABLISHED"):
        yield "SYN+ACK"
        if event.state == "ESTABLISHED":
            yield "ACK"
    elif event.state == "FIN_WAIT":
        yield "FIN+ACK"
    elif event.state == "CLOSE" and not event.answered:
        yield "RST+ACK"


def _turned(packet: Tuple) -> Tuple:
    return packet._replace(source=packet.destination, destination=packet.source)


def _trace(point: str) -> Object:
    event: Object = {"type": _TRACE}
    if _POINTS[point]:
        event["sub_type"] = _POINTS[point]
    return {"event_type": event, "trace_observation_point": point}


def _flow(way: _Way, source: Object, destination: Object) -> Object:
    packet = way.packet
    layer: dict[str, Any] = {"destination_port": packet.destination.port}
    if packet.source.port:
        layer["source_port"] = packet.source.port
    if way.flags:
        layer["flags"] = dict.fromkeys(way.flags, True)
    version = "IPv6" if ":" in packet.source.ip else "IPv4"
    return {
        "time": datetime.fromtimestamp(way.time, UTC).isoformat().replace("+00:00", "Z"),
        "uuid": str(uuid.uuid4()),
        "verdict": "FORWARDED",
        "IP": {"source": packet.source.ip, "destination": packet.destination.ip, "ipVersion": version},
        "l4": {packet.protocol: layer},
        "source": source,
        "destination": destination,
        "Type": "L3_L4",
        "node_name": way.node,
        "Summary": f"TCP Flags: {', '.join(way.flags)}" if way.flags else packet.protocol,
    }
