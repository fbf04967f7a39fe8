"""Hubble's JSON made into the messages of its API, so that both decoders can be given the same records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from netsec_tui.sources.hubble.proto import DIRECTIONS, LAYER7, LOSSES, NODE_STATES, POINTS, TYPES, types
from netsec_tui.sources.hubble.reasons import NOT_DENIED

VERDICTS = ("UNKNOWN", "FORWARDED", "DROPPED", "ERROR", "AUDIT", "REDIRECTED", "TRACED", "TRANSLATED")
REASONS = {
    **NOT_DENIED,
    133: "POLICY_DENIED",
    176: "FORBIDDEN_ICMPV6_MESSAGE",
    177: "DENIED_BY_LB_SRC_RANGE_CHECK",
    181: "POLICY_DENY",
    189: "AUTH_REQUIRED",
}
"""All that Cilium 1.20 and older ones can tell (flow.proto, DropReason)."""

_ENUMS: Mapping[str, Mapping[str, int]] = {
    "traffic_direction": {name: number for number, name in DIRECTIONS.items()},
    "Type": {name: number for number, name in TYPES.items()},
    "trace_observation_point": {name: number for number, name in POINTS.items()},
    "verdict": {name: number for number, name in enumerate(VERDICTS)},
    "drop_reason_desc": {name: number for number, name in REASONS.items()},
}


def reply_of(value: Mapping[str, Any]) -> Any:
    """Return the ``GetFlowsResponse`` that a wrapped JSON value is written from."""
    reply = types()["GetFlowsResponse"](node_name=value.get("node_name", ""))
    if "time" in value:
        _set_time(reply.time, value["time"])
    if "flow" in value:
        reply.flow.SetInParent()
        _set_flow(reply.flow, value["flow"])
    if "lost_events" in value:
        lost = value["lost_events"]
        reply.lost_events.num_events_lost = int(lost.get("num_events_lost", 0))
        reply.lost_events.source = {name: n for n, name in LOSSES.items()}.get(lost.get("source"), 0)
    if "node_status" in value:
        status = value["node_status"]
        states = {name: n for n, name in NODE_STATES.items()}
        reply.node_status.state_change = states.get(status.get("state_change"), 0)
        reply.node_status.node_names.extend(status.get("node_names", ()))
        reply.node_status.message = status.get("message", "")
    return reply


def _set_time(field: Any, text: str) -> None:
    moment = datetime.fromisoformat(text)
    field.seconds = int(moment.replace(microsecond=0).timestamp())
    field.nanos = moment.microsecond * 1000
    field.SetInParent()


def _set_flow(message: Any, flow: Mapping[str, Any]) -> None:
    for name, value in flow.items():
        if name == "time":
            _set_time(message.time, value)
        elif name in ("source", "destination"):
            known = {field.name for field in types()["Endpoint"].DESCRIPTOR.fields}
            made = types()["Endpoint"](**{k: v for k, v in value.items() if k in known})
            setattr(message, name, made.SerializeToString())
        elif name in _ENUMS:
            # JSON has a number where the writer knows no name.
            setattr(message, name, value if isinstance(value, int) else _ENUMS[name].get(value, 0))
        elif name == "l7":
            kinds = {text: number for number, text in LAYER7.items()}
            message.l7.type = kinds.get(value.get("type"), 0)
            _set_layer7(message.l7, value)
        elif name == "is_reply":
            message.is_reply.value = value
            message.is_reply.SetInParent()
        elif name in {field.name for field in message.DESCRIPTOR.fields}:
            _set(message, name, value)


def _set_layer7(message: Any, layer: Mapping[str, Any]) -> None:
    if "dns" in layer:
        message.dns.rcode = layer["dns"].get("rcode", 0)
        message.dns.SetInParent()
    if "http" in layer:
        http = layer["http"]
        message.http.code, message.http.protocol = http.get("code", 0), http.get("protocol", "")
        message.http.SetInParent()
        for header in http.get("headers", ()):
            message.http.headers.add(key=header["key"])


def _set(message: Any, name: str, value: Any) -> None:
    if isinstance(value, Mapping):
        inner = getattr(message, name)
        inner.SetInParent()
        for key, part in value.items():
            if key in {field.name for field in inner.DESCRIPTOR.fields}:
                _set(inner, key, part)
    elif isinstance(value, list):
        getattr(message, name).extend(value)
    else:
        setattr(message, name, int(value) if isinstance(value, str) and value.isdigit() else value)
