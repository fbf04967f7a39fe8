"""The lines of a capture (docs/capture-format.md): flows, gaps and endpoints to JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from netsec_tui.errors import BadInputError
from netsec_tui.model.flow import Endpoint, Flow, Gap, Protocol, Reserved, Verdict
from netsec_tui.sources.inventory.addresses import canonical_ip

HEADER_KEY, HEADER_VALUE = "netsec-tui", "capture"
VERSION = 1

Fields = Mapping[str, Any]
_T = TypeVar("_T")
_LARGEST_PORT = 65535
_MOST = 2**63 - 1
_LAST_SECOND = 253_402_300_799
"""The end of the year 9999: no later time can be shown."""


def encode_endpoint(number: int, endpoint: Endpoint) -> dict[str, Any]:
    """Return the fields of an endpoint line; flows refer to its number."""
    told = {
        "ip": endpoint.ip,
        "ns": endpoint.namespace,
        "pod": endpoint.pod,
        "labels": dict(endpoint.labels),
        "owners": endpoint.workloads,
        "reserved": str(endpoint.reserved),
        "names": endpoint.names,
        "doubt": endpoint.doubt,
    }
    return {"id": number, **{key: value for key, value in told.items() if value}}


def encode_flow(flow: Flow, source: int, destination: int) -> dict[str, Any]:
    """Return the fields of a flow line; its ends are numbers of endpoint lines before it."""
    flags = (("S", flow.syn), ("A", flow.ack), ("R", flow.rst))
    told = {
        "sport": flow.source_port,
        "dport": flow.destination_port,
        "guessed": not flow.proven,
        "flags": "".join(letter for letter, is_set in flags if is_set),
        "service": flow.service,
        "servicePort": flow.service_port,
        "node": flow.node,
        "synthetic": flow.synthetic,
        "origin": flow.origin,
        "arrived": flow.arrived,
    }
    fields = {"t": flow.time, "from": source, "to": destination, "proto": str(flow.protocol)}
    fields |= {"verdict": flow.verdict.name, **{key: value for key, value in told.items() if value}}
    if flow.is_reply is not None:
        fields["reply"] = flow.is_reply
    return fields if flow.count == 1 else {**fields, "count": flow.count}


def encode_gap(gap: Gap) -> dict[str, Any]:
    """Return the fields of a gap line."""
    fields = {"t": gap.time, "lost": gap.lost, "reason": gap.reason}
    told = {"node": gap.node, "origin": gap.origin, "until": gap.until}
    return {**fields, **{key: value for key, value in told.items() if value}}


def decode_endpoint(fields: Fields) -> tuple[int, Endpoint]:
    """Return an endpoint and the number that flows call it by.

    Raises:
        BadInputError: a field is missing or has the wrong type.
    """
    labels = _field(fields, "labels", dict, {})
    names = _field(fields, "names", list, [])
    owners = _field(fields, "owners", list, [])
    pairs = [pair for pair in owners if isinstance(pair, list) and len(pair) == 2]
    ip = _field(fields, "ip", str, "")
    texts = [*labels.values(), *names, *(part for pair in pairs for part in pair)]
    if len(pairs) != len(owners) or not all(isinstance(text, str) for text in texts):
        raise BadInputError("labels, names or owners hold something else than text")
    return _field(fields, "id", int), Endpoint(
        canonical_ip(ip) if ip else "",
        _field(fields, "ns", str, ""),
        _field(fields, "pod", str, ""),
        tuple(sorted(labels.items())),
        tuple((kind, name) for kind, name in pairs),
        _member(Reserved, fields, "reserved", ""),
        tuple(names),
        as_time(fields, "doubt") if "doubt" in fields else 0.0,
    )


def decode_flow(fields: Fields, endpoints: Mapping[int, Endpoint]) -> Flow:
    """Return a flow.

    Raises:
        BadInputError: a field is missing or has the wrong type, or an end is not among the endpoints.
    """
    try:
        source, destination = (endpoints[_field(fields, end, int)] for end in ("from", "to"))
        verdict = Verdict[_field(fields, "verdict", str)]
    except KeyError as error:
        raise BadInputError(f"{error.args[0]} stands for nothing known") from error
    service = _field(fields, "service", list, [])
    if service and (len(service) != 2 or not all(isinstance(part, str) for part in service)):
        raise BadInputError("service is no pair of texts")
    flags = _field(fields, "flags", str, "")
    return Flow(
        as_time(fields),
        source,
        destination,
        _member(Protocol, fields, "proto"),
        as_number(fields, "sport", 0, 0, _LARGEST_PORT),
        as_number(fields, "dport", 0, 0, _LARGEST_PORT),
        verdict,
        _field(fields, "reply", bool) if "reply" in fields else None,
        not _field(fields, "guessed", bool, False),
        "S" in flags,
        "A" in flags,
        "R" in flags,
        (service[0], service[1]) if service else None,
        _field(fields, "node", str, ""),
        as_number(fields, "count", 1, 0, _MOST),
        _field(fields, "synthetic", bool, False),
        _field(fields, "origin", str, ""),
        _field(fields, "arrived", bool, False),
        as_number(fields, "servicePort", 0, 0, _LARGEST_PORT),
    )


def decode_gap(fields: Fields) -> Gap:
    """Return a gap.

    Raises:
        BadInputError: a field is missing or has the wrong type.
    """
    lost, reason = as_number(fields, "lost", None, 0, _MOST), _field(fields, "reason", str)
    node, origin = _field(fields, "node", str, ""), _field(fields, "origin", str, "")
    until = as_time(fields, "until") if "until" in fields else 0.0
    return Gap(as_time(fields), lost, reason, node, origin, until)


def _field(fields: Fields, key: str, wanted: type[_T], default: _T | None = None) -> _T:
    value = fields.get(key, default)
    # A bool is an int for Python, but no number in JSON.
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise BadInputError(f"{key} is missing" if value is None else f"{key} is no {wanted.__name__}")
    return value


def as_number(fields: Fields, key: str, default: int | None, least: int, most: int) -> int:
    """Return a whole number from ``least`` to ``most``; a default of None means that it must be there.

    Raises:
        BadInputError: it is not.
    """
    number = _field(fields, key, int, default)
    if not least <= number <= most:
        raise BadInputError(f"{key} is not between {least} and {most}")
    return number


def _member(names: type[_T], fields: Fields, key: str, default: str | None = None) -> _T:
    text = _field(fields, key, str, default)
    try:
        return names(text)  # type: ignore[call-arg]
    except ValueError as error:
        raise BadInputError(f"{key} is {text!r}, which is not known") from error


def as_time(fields: Fields, key: str = "t") -> float:
    """Return a time in epoch seconds that can be shown.

    Raises:
        BadInputError: there is none.
    """
    value = fields.get(key)
    # NaN is not between anything either.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LAST_SECOND:
        raise BadInputError(f"{key} is no time")
    return float(value)
