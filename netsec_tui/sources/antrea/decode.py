"""Decode Antrea's flow records as protojson writes them (antrea, pkg/apis/flow/v1alpha1/flow.proto).

Names of fields may be the proto's own or in lower camel case, enums names or numbers, 64-bit numbers strings,
and addresses are raw bytes in base64.
"""

from __future__ import annotations

import ipaddress
import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from netsec_tui.model.flow import Flow, Labels
from netsec_tui.sources.antrea.flows import (
    ALLOW,
    DROP,
    NO_ACTION,
    REJECT,
    Connections,
    End,
    Seen,
    is_answered,
    is_refused,
    service_of,
)
from netsec_tui.sources.fields import count, text
from netsec_tui.sources.problem import Problem

_EMPTY: Mapping[str, Any] = {}
_ACTIONS: Mapping[Any, int] = {
    "NETWORK_POLICY_RULE_ACTION_ALLOW": ALLOW,
    "NETWORK_POLICY_RULE_ACTION_DROP": DROP,
    "NETWORK_POLICY_RULE_ACTION_REJECT": REJECT,
    ALLOW: ALLOW,
    DROP: DROP,
    REJECT: REJECT,
}
_MARKS = re.compile(
    rb'"(startTs|start_ts|endTs|end_ts|transport|reverseStats|reverse_stats|k8s|endReason|end_reason|flows)"\s*:'
)


def looks(head: bytes) -> bool:
    """Tell whether the first bytes of an input are flow records of Antrea in JSON."""
    found = {match[1] for match in _MARKS.finditer(head)}
    return b"transport" in found and len(found) > 1


class UnusableError(Exception):
    """Carry the reason of a ``Problem``."""


class AntreaDecoder:
    """Decode records one by one, sharing the endpoints that repeat."""

    def __init__(self) -> None:
        self._connections = Connections()

    def decode(self, value: object) -> list[Flow | Problem]:
        """Return the flows in one decoded JSON value: a record, or an answer with several under ``flows``.

        Nothing is returned for what repeats within the minute. Never raises.
        """
        if type(value) is not dict:
            return [Problem("not a flow record of Antrea: a JSON object is expected")]
        records = value["flows"] if type(value.get("flows")) is list else [value]
        found: list[Flow | Problem] = []
        for record in records:
            try:
                found += self._connections.flows(seen_of(record))
            except UnusableError as error:
                found.append(Problem(str(error)))
        return found


def seen_of(record: object) -> Seen:
    """Return what a record tells.

    Raises:
        UnusableError: it has no time, no addresses or no protocol; the message says which.
    """
    fields = _object(record)
    ip, transport, k8s = (_object(_get(fields, name)) for name in ("ip", "transport", "k8s"))
    source, destination = (address_of(_bytes(_get(ip, side))) for side in ("source", "destination"))
    number = count(_get(transport, "protocol_number"))
    at = _seconds(_get(fields, "end_ts")) or _seconds(_get(fields, "start_ts"))
    require(source, destination, number, at)
    state = text(_get(_object(_get(transport, "TCP")), "state_name"))
    back = _object(_get(fields, "reverse_stats"))
    packets = max(count(_get(back, "packet_total_count")), count(_get(back, "packet_delta_count")))
    service_ip = _get(k8s, "destination_service_ip") or _get(k8s, "destination_cluster_ip")
    return Seen(
        at,
        number,
        _end(source, k8s, "source"),
        port_of(count(_get(transport, "source_port"))),
        _end(destination, k8s, "destination"),
        port_of(count(_get(transport, "destination_port"))),
        _action(_get(k8s, "ingress_network_policy_rule_action")),
        _action(_get(k8s, "egress_network_policy_rule_action")),
        is_answered(state, packets),
        service_of(text(_get(k8s, "destination_service_port_name"))),
        address_of(_bytes(service_ip)),
        port_of(count(_get(k8s, "destination_service_port"))),
        (address_of(_bytes(_get(fields, "proxy_snat_ip"))), port_of(count(_get(fields, "proxy_snat_port")))),
        is_refused(state, packets),
    )


def require(source: str, destination: str, protocol: int, at: float) -> None:
    """Return when a record has what a flow needs.

    Raises:
        UnusableError: something is missing.
    """
    if not source or not destination:
        raise UnusableError("no address of the source or the destination")
    if not protocol:
        raise UnusableError("no number of the protocol")
    if not at:
        raise UnusableError("no time at which it ended")


def address_of(raw: bytes) -> str:
    """Return 4 or 16 bytes as an address, empty for none; IPv4 mapped to IPv6 is IPv4."""
    if len(raw) not in (4, 16) or not any(raw):
        return ""
    address = ipaddress.ip_address(raw)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def port_of(number: int) -> int:
    """Return a port.

    Raises:
        UnusableError: it is above 65535.
    """
    if number > 65535:
        raise UnusableError("a port is not a number from 0 to 65535")
    return number


def labels_of(raw: object) -> Labels:
    """Return labels sorted by key, none for what is no mapping of text to text."""
    if type(raw) is not dict:
        return ()
    return tuple(sorted((text(key), text(value)) for key, value in raw.items() if text(key)))


def _end(ip: str, k8s: Mapping[str, Any], side: str) -> End:
    return End(
        ip,
        text(_get(k8s, f"{side}_pod_namespace")),
        text(_get(k8s, f"{side}_pod_name")),
        labels_of(_get(_object(_get(k8s, f"{side}_pod_labels")), "labels")),
        text(_get(k8s, f"{side}_node_name")),
    )


def _get(fields: Mapping[str, Any], name: str) -> Any:
    value = fields.get(name)
    return fields.get(_camel(name)) if value is None else value


@cache
def _camel(name: str) -> str:
    """Return the name of a field in JSON (protobuf's ProtoJSON format)."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _object(value: object) -> Mapping[str, Any]:
    return value if type(value) is dict else _EMPTY


def _bytes(value: object) -> bytes:
    if type(value) is not str or not value.isascii():
        return b""
    try:
        return a2b_base64(value.replace("-", "+").replace("_", "/"))
    except Base64Error:
        return b""


def _action(value: object) -> int:
    return _ACTIONS.get(value, NO_ACTION) if type(value) in (str, int) else NO_ACTION


def _seconds(value: object) -> float:
    """Return epoch seconds of an RFC 3339 time, 0.0 when it is none."""
    if type(value) is not str:
        return 0.0
    try:
        moment = datetime.fromisoformat(value)
        return max(moment.timestamp(), 0.0) if moment.tzinfo else 0.0
    except (ValueError, OverflowError):
        return 0.0
