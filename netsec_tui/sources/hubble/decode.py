"""Decode what ``hubble observe -o json`` and Hubble's exporter write: one JSON value to one ``Flow``.

Read from cilium's api/v1/{flow,observer,relay} protobufs as protojson writes them: enums are names, 64-bit
numbers are strings, zero and false are left out, absent is not false.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from netsec_tui.model.flow import Flow, Gap, Protocol, Verdict
from netsec_tui.sources.fields import count, text
from netsec_tui.sources.hubble.direction import Orientation, is_at_proxy, is_told_by_server, orient
from netsec_tui.sources.hubble.endpoint import End, EndReader
from netsec_tui.sources.hubble.reasons import is_denial
from netsec_tui.sources.hubble.refusals import Refusals
from netsec_tui.sources.objects.strip import printable
from netsec_tui.sources.problem import Problem

ORIGIN = "hubble"
_EMPTY: Mapping[str, Any] = {}
_PROTOCOLS = {
    "TCP": Protocol.TCP,
    "UDP": Protocol.UDP,
    "SCTP": Protocol.SCTP,
    "ICMPv4": Protocol.ICMP,
    "ICMPv6": Protocol.ICMP,
}
_VERDICTS: Mapping[Any, Verdict] = {v.name: v for v in Verdict} | {int(v): v for v in Verdict}
_NAME_OR_NUMBER = (str, int)
# Members of an enum by name cost a look-up each time, which counts in a million flows.
_UNKNOWN, _DROPPED, _ERROR, _FORWARDED = Verdict.UNKNOWN, Verdict.DROPPED, Verdict.ERROR, Verdict.FORWARDED
_REDIRECTED = Verdict.REDIRECTED
_ICMP = Protocol.ICMP
_STOPPED = (_DROPPED, _ERROR)
_WENT_ON = (_FORWARDED, _REDIRECTED)
_FLOW_FIELDS = frozenset({"IP", "l4", "source", "destination", "verdict"})
_SOCK_EVENT = 7
_LOSSES = {
    "PERF_EVENT_RING_BUFFER": "the kernel's event buffer was full",
    "OBSERVER_EVENTS_QUEUE": "the agent's queue was full",
    "HUBBLE_RING_BUFFER": "flows were overwritten before they were read",
}
_TROUBLES = {
    "NODE_UNAVAILABLE": "is out of Hubble's reach",
    "NODE_ERROR": "reports an error to Hubble",
    "NODE_GONE": "has left Hubble",
}
_MESSAGE_LIMIT = 200


class UnusableError(Exception):
    """Carry the reason of a ``Problem`` out of the depth of a record."""


class HubbleDecoder:
    """Decode records one by one, sharing the endpoints that repeat; flows carry ``origin`` as theirs.

    ``node`` is where the records come from that name none.
    """

    def __init__(self, origin: str = ORIGIN, node: str = "") -> None:
        self._ends = EndReader()
        self._refusals = Refusals()
        self._origin = origin
        self._node = node

    def decode(self, value: object) -> Flow | Gap | Problem | None:
        """Return the flow or gap in one decoded JSON value, None for events that say nothing of their own.

        Accepts the wrapped form (``flow`` with ``node_name`` and ``time`` beside it) and the bare flow.
        Never raises: a record that cannot be used is returned as a ``Problem``.
        """
        if type(value) is not dict:
            return Problem("not a Hubble flow: a JSON object is expected")
        flow = value.get("flow")
        try:
            if type(flow) is dict:
                return self._flow(flow, value)
            if flow is None and not _FLOW_FIELDS.isdisjoint(value):
                return self._flow(value, _EMPTY)
        except UnusableError as error:
            return Problem(str(error))
        return _event(value, node_name(value.get("node_name")) or self._node, self._origin)

    def _flow(self, flow: Mapping[str, Any], wrapper: Mapping[str, Any]) -> Flow | None:
        get = flow.get
        time = _seconds(get("time") or wrapper.get("time"))
        source, destination = self._both_ends(flow)
        node = node_name(get("node_name") or wrapper.get("node_name")) or self._node
        told = flow_of(flow, time, node, (source, destination), self._origin)
        if told is not None and told.verdict in _STOPPED:
            return self._refusals.once(told, flow.get("event_type"))
        return told

    def _both_ends(self, flow: Mapping[str, Any]) -> tuple[End, End]:
        get = flow.get
        ip = _object(get("IP"))
        read = self._ends.read
        source = read(_object(get("source")), ip.get("source"), get("source_names"))
        destination = read(_object(get("destination")), ip.get("destination"), get("destination_names"))
        return source, destination


def flow_of(
    flow: Mapping[str, Any], time: float, node: str, ends: tuple[End, End], origin: str
) -> Flow | None:
    """Return the flow that a record tells of, None for a socket's that lacks an end; ``time`` is in seconds.

    Raises:
        UnusableError: what every flow needs is not there.
    """
    source, destination = ends
    if not (source.named and destination.named):
        if _is_of_socket(flow):
            return None  # of a socket outside all pods: Hubble looks the address up by the pod's cgroup
        side = "destination" if source.named else "source"
        raise UnusableError(f"no IP and no pod name of the {side} (did a field mask remove them?)")
    verdict = _verdict(flow.get("verdict"))
    if verdict is _DROPPED and not is_denial(flow):
        verdict = _ERROR
    protocol, ports = _layer4(flow.get("l4"), verdict)
    syn = ack = rst = False
    flags = ports.get("flags")
    if type(flags) is dict:
        syn, ack, rst = flags.get("SYN") is True, flags.get("ACK") is True, flags.get("RST") is True
    source_port = _port(ports.get("source_port", 0))
    destination_port = _port(ports.get("destination_port", 0))
    if _is_socket_event(flow, verdict, source_port, destination_port):
        # The reverse translation of a socket is written with the ends swapped.
        direction: Orientation = (destination_port == 0 and source_port != 0, True)
    else:
        direction = _orientation(flow, verdict, (syn, ack), source, destination)
    is_reply, proven = direction
    if verdict is _FORWARDED and is_reply is False and is_at_proxy(flow, source, destination):
        verdict = _REDIRECTED
    return Flow(
        time,
        source.endpoint,
        destination.endpoint,
        protocol,
        source_port,
        destination_port,
        verdict,
        is_reply,
        proven,
        syn,
        ack,
        rst,
        _service(flow, bool(is_reply), source, destination),
        node,
        _count(flow["aggregate"]) if "aggregate" in flow else 1,
        False,
        origin,
        verdict in _WENT_ON and is_told_by_server(flow, verdict, bool(is_reply), source, destination),
    )


def _orientation(
    flow: Mapping[str, Any], verdict: Verdict, flags: tuple[bool, bool], source: End, destination: End
) -> Orientation:
    told = flow.get("is_reply")
    known = told is True or (told is False and (source.local or destination.local))
    if known and not source.twin and not destination.twin:
        return bool(told), True  # the common case, without the price of asking further
    return orient(flow, verdict, flags, source, destination)


def _object(value: Any) -> Mapping[str, Any]:
    return value if type(value) is dict else _EMPTY


def _seconds(value: Any) -> float:
    """Return epoch seconds of an RFC 3339 time with up to nine fractional digits."""
    if type(value) is not str:
        raise UnusableError("no time")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise UnusableError("the time is not RFC 3339") from None
    if moment.tzinfo is None:
        raise UnusableError("the time is not RFC 3339")
    seconds = moment.timestamp()
    if seconds <= 0:
        raise UnusableError("the time is before 1970")
    return seconds


def _verdict(value: Any) -> Verdict:
    """Return the verdict; one that is absent or from a newer Hubble is UNKNOWN, never allowed."""
    return _VERDICTS.get(value, _UNKNOWN) if type(value) in _NAME_OR_NUMBER else _UNKNOWN


def _layer4(value: Any, verdict: Verdict) -> tuple[Protocol, Mapping[str, Any]]:
    if type(value) is not dict:
        if verdict in _STOPPED:
            return Protocol.OTHER, _EMPTY  # the dataplane refuses what it cannot parse
        raise UnusableError("no l4, so no protocol and port (did a field mask remove it?)")
    for name, ports in value.items():
        protocol = _PROTOCOLS.get(name)
        if protocol is not None:
            if type(ports) is not dict:
                raise UnusableError(f"l4.{name} is not an object")
            return protocol, ports if protocol is not _ICMP else _EMPTY
    return Protocol.OTHER, _EMPTY


def _port(value: Any) -> int:
    if type(value) is int and 0 <= value <= 65535:
        return value
    raise UnusableError("a port is not a number from 0 to 65535")


def _is_socket_event(flow: Mapping[str, Any], verdict: Verdict, source_port: int, port: int) -> bool:
    if _is_of_socket(flow):
        return True
    return (source_port == 0 or port == 0) and verdict in (Verdict.TRACED, Verdict.TRANSLATED)


def _is_of_socket(flow: Mapping[str, Any]) -> bool:
    event = flow.get("event_type")
    return flow.get("Type") == "SOCK" or (type(event) is dict and event.get("type") == _SOCK_EVENT)


def _service(
    flow: Mapping[str, Any], is_reply: bool, source: End, destination: End
) -> tuple[str, str] | None:
    service = flow.get("source_service" if is_reply else "destination_service")
    if type(service) is not dict:
        return None
    server = source if is_reply else destination
    name = text(service.get("name"))
    return (text(service.get("namespace")) or server.endpoint.namespace, name) if name else None


def _count(aggregate: Any) -> int:
    """Return how many events a record stands for (flow.proto, Aggregate), at least 1."""
    if type(aggregate) is not dict:
        return 1
    return max(1, sum(count(value) for key, value in aggregate.items() if key.endswith("flow_count")))


def _event(value: Mapping[str, Any], node: str, origin: str) -> Gap | Problem | None:
    if "lost_events" in value:
        return lost(_object(value["lost_events"]), _time_or_zero(value), node, origin)
    if "node_status" in value:
        return node_status(_object(value["node_status"]), _time_or_zero(value), node)
    if "agent_event" in value or "debug_event" in value:
        return None
    return Problem("not a Hubble flow: none of its fields is there")


def lost(event: Mapping[str, Any], time: float, node: str, origin: str) -> Gap:
    """Return the gap that lost events are (flow.proto, LostEvent)."""
    source = event.get("source")
    why = _LOSSES.get(source) if type(source) is str else None
    reason = f"Hubble lost events: {why}" if why else "Hubble lost events"
    return Gap(time, count(event.get("num_events_lost")) or 1, reason, node, origin)


def node_status(event: Mapping[str, Any], time: float, node: str) -> Gap | None:
    """Return the gap that a node's trouble is, None for good news (relay.proto, NodeStatusEvent)."""
    state = event.get("state_change")
    trouble = _TROUBLES.get(state) if type(state) is str else None
    if trouble is None:
        return None
    raw = event.get("node_names")
    names = [name for name in map(node_name, raw if type(raw) is list else ()) if name]
    message = printable(text(event.get("message")), _MESSAGE_LIMIT)
    reason = f"node {printable(', '.join(names), _MESSAGE_LIMIT) or '?'} {trouble}" + (
        f": {message}" if message else ""
    )
    return Gap(time, 0, reason, names[0] if len(names) == 1 else node)


def node_name(value: Any) -> str:
    """Return a node's name as Kubernetes has it: Cilium may put the cluster's before it, ``cluster/node``."""
    name = text(value)
    return name.rpartition("/")[2] if "/" in name else name


def _time_or_zero(wrapper: Mapping[str, Any]) -> float:
    try:
        return _seconds(wrapper.get("time"))
    except UnusableError:
        return 0.0
