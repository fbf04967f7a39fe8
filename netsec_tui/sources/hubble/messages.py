"""Decode what Hubble's API sends, by the rules for its JSON (decode.py): one message to one ``Flow``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netsec_tui.model.flow import Flow, Gap, Verdict
from netsec_tui.sources.hubble import decode as hubble
from netsec_tui.sources.hubble.decode import ORIGIN, UnusableError, flow_of, node_name
from netsec_tui.sources.hubble.endpoint import End, EndReader
from netsec_tui.sources.hubble.proto import DIRECTIONS, LAYER7, LOSSES, NODE_STATES, POINTS, TYPES, types
from netsec_tui.sources.hubble.refusals import Refusals
from netsec_tui.sources.problem import Problem

_CACHE_LIMIT = 16_384
_LAST = 253_402_300_800
"""Seconds until the year 10000, in which no text of a time is any more."""

_DROPPED, _ERROR = Verdict.DROPPED, Verdict.ERROR
_STOPPED = (_DROPPED, _ERROR)

_EndKey = tuple[bytes, str, tuple[str, ...]]


class HubbleMessageDecoder:
    """Decode replies of GetFlows one by one, sharing the endpoints that repeat."""

    def __init__(self, origin: str = ORIGIN) -> None:
        self._origin = origin
        self._reader = EndReader()
        self._refusals = Refusals()
        self._ends: dict[_EndKey, End] = {}
        self._endpoint = types()["Endpoint"].FromString

    def decode(self, reply: Any) -> Flow | Gap | Problem | None:
        """Return the flow or gap in a ``GetFlowsResponse``, None for one that says nothing of its own.

        Never raises: a reply that cannot be used is returned as a ``Problem``.
        """
        try:
            if reply.HasField("flow"):
                return self._flow(reply.flow, reply)
            if reply.HasField("lost_events"):
                event = {
                    "source": LOSSES.get(reply.lost_events.source),
                    "num_events_lost": reply.lost_events.num_events_lost,
                }
                node = node_name(reply.node_name)
                return hubble.lost(event, _time_or_zero(reply), node, self._origin)
            if reply.HasField("node_status"):
                status = reply.node_status
                event = {
                    "state_change": NODE_STATES.get(status.state_change),
                    "node_names": [*status.node_names],
                    "message": status.message,
                }
                return hubble.node_status(event, _time_or_zero(reply), node_name(reply.node_name))
        except UnusableError as error:
            return Problem(str(error))
        return None

    def _flow(self, flow: Any, reply: Any) -> Flow | None:
        time = _seconds(flow) or _seconds(reply)
        if not time:
            raise UnusableError("no time")
        ip = flow.IP
        ends = (
            self._end(flow.source, ip.source, flow.source_names),
            self._end(flow.destination, ip.destination, flow.destination_names),
        )
        node = node_name(flow.node_name or reply.node_name)
        shape = _as_json(flow)
        told = flow_of(shape, time, node, ends, self._origin)
        if told is not None and told.verdict in _STOPPED:
            return self._refusals.once(told, shape.get("event_type"))
        return told

    def _end(self, raw: bytes, ip: str, names: Any) -> End:
        key = raw, ip, tuple(names)
        known = self._ends.get(key)
        if known is not None:
            return known
        from google.protobuf.message import DecodeError

        try:
            endpoint = self._endpoint(raw)
        except DecodeError:
            raise UnusableError("an endpoint is not as the protocol says") from None
        shape = {
            "ID": endpoint.ID,
            "identity": endpoint.identity,
            "namespace": endpoint.namespace,
            "labels": [*endpoint.labels],
            "pod_name": endpoint.pod_name,
            "workloads": [{"kind": w.kind, "name": w.name} for w in endpoint.workloads],
        }
        end = self._reader.read({key: value for key, value in shape.items() if value}, ip, [*names])
        if len(self._ends) >= _CACHE_LIMIT:
            self._ends.clear()
        self._ends[key] = end
        return end


def _as_json(flow: Any) -> Mapping[str, Any]:
    """Return what JSON would say of a flow, but for its time and ends; what is unknown is left out."""
    told: dict[str, Any] = {"verdict": flow.verdict, "reply": flow.reply}
    has = flow.HasField
    if has("l4"):
        told["l4"] = _layer4(flow.l4)
    if has("is_reply"):
        told["is_reply"] = flow.is_reply.value
    if flow.verdict == _DROPPED:
        told["drop_reason_desc"] = flow.drop_reason_desc or flow.drop_reason
    if event := flow.event_type.type:
        told["event_type"] = {"type": event}
    if kind := TYPES.get(flow.Type):
        told["Type"] = kind
    if direction := DIRECTIONS.get(flow.traffic_direction):
        told["traffic_direction"] = direction
    if point := POINTS.get(flow.trace_observation_point):
        told["trace_observation_point"] = point
    if has("l7"):
        told["l7"] = _layer7(flow.l7)
    for name in ("source_service", "destination_service"):
        if has(name):
            service = getattr(flow, name)
            told[name] = {"name": service.name, "namespace": service.namespace}
    if has("aggregate"):
        told["aggregate"] = {field.name: count for field, count in flow.aggregate.ListFields()}
    return told


def _layer4(layer: Any) -> Mapping[str, Any]:
    for field, ports in layer.ListFields():
        if field.name in ("ICMPv4", "ICMPv6"):
            return {field.name: {}}
        told = {"source_port": ports.source_port, "destination_port": ports.destination_port}
        if field.name == "TCP" and ports.HasField("flags"):
            flags = ports.flags
            told["flags"] = {"SYN": flags.SYN, "ACK": flags.ACK, "RST": flags.RST}
        return {field.name: told}
    return {}


def _layer7(layer: Any) -> Mapping[str, Any]:
    told: dict[str, Any] = {"type": LAYER7.get(layer.type)}
    if layer.HasField("dns"):
        told["dns"] = {"rcode": layer.dns.rcode}
    if layer.HasField("http"):
        http = layer.http
        headers = [{"key": header.key} for header in http.headers]
        told["http"] = {"code": http.code, "protocol": http.protocol, "headers": headers}
    return told


def _seconds(message: Any) -> float:
    """Return the field ``time`` as epoch seconds, 0.0 when it is absent.

    Raises:
        UnusableError: no calendar has it.
    """
    if not message.HasField("time"):
        return 0.0
    time = message.time
    seconds: float = time.seconds + time.nanos / 1e9
    if not 0 < seconds < _LAST:
        raise UnusableError("the time is not between 1970 and 9999")
    return seconds


def _time_or_zero(message: Any) -> float:
    try:
        return _seconds(message)
    except UnusableError:
        return 0.0
