"""Read NetworkPolicy objects as the API server would: its defaults, and its refusals (A, C5, D4, E3, G)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from netsec_tui.core.evaluate.addresses import canonical_cidr, cidr_span
from netsec_tui.errors import BadInputError
from netsec_tui.model.identity import Direction
from netsec_tui.model.policy import (
    IPBlock,
    LabelSelector,
    NetworkPolicy,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    Requirement,
)

_T = TypeVar("_T")
_MAX_PORT = 65535
_MAX_PORT_NAME = 15
_PROTOCOLS = ("TCP", "UDP", "SCTP")
_VALUED = ("In", "NotIn")
_UNVALUED = ("Exists", "DoesNotExist")
_TYPES = {"Ingress": Direction.INGRESS, "Egress": Direction.EGRESS}


def parse_policy(obj: Mapping[str, Any], *, default_namespace: str = "default") -> NetworkPolicy:
    """Return a networking.k8s.io/v1 NetworkPolicy, decoded from JSON or YAML, after API defaulting.

    Raises:
        BadInputError: the spec means nothing to the API server; names the object and the field.
    """
    try:
        metadata = _mapping(obj.get("metadata"), "metadata")
        name = _text(metadata.get("name"), "metadata.name")
        namespace = metadata.get("namespace") or default_namespace
        who = f"NetworkPolicy {namespace}/{name}"
    except BadInputError as error:
        raise BadInputError(f"NetworkPolicy without a name: {error}") from error
    try:
        return _parse_spec(_text(namespace, "metadata.namespace"), name, _optional(obj.get("spec"), "spec"))
    except BadInputError as error:
        raise BadInputError(f"{who}: {error}") from error


def _parse_spec(namespace: str, name: str, spec: Mapping[str, Any]) -> NetworkPolicy:
    selector = parse_selector(_optional(spec.get("podSelector"), "spec.podSelector"), "spec.podSelector")
    ingress = _each(spec.get("ingress"), "spec.ingress", lambda o, at: _rule(o, at, "from"))
    egress = _each(spec.get("egress"), "spec.egress", lambda o, at: _rule(o, at, "to"))
    types = _each(spec.get("policyTypes"), "spec.policyTypes", _policy_type)
    if len(types) > len(_TYPES):
        raise BadInputError("spec.policyTypes has more than two entries")
    if not types:  # A1
        types = (Direction.INGRESS, Direction.EGRESS) if egress else (Direction.INGRESS,)
    return NetworkPolicy(namespace, name, selector, types, ingress, egress)


def _policy_type(value: Any, at: str) -> Direction:
    if not isinstance(value, str) or value not in _TYPES:
        raise BadInputError(f"{at} is {value!r}; it must be Ingress or Egress")
    return _TYPES[value]


def _rule(value: Any, at: str, peers: str) -> PolicyRule:
    rule = _mapping(value, at)
    return PolicyRule(
        peers=_each(rule.get(peers), f"{at}.{peers}", _peer),
        ports=_each(rule.get("ports"), f"{at}.ports", _port),
    )


def _peer(value: Any, at: str) -> PolicyPeer:
    peer = _mapping(value, at)
    block, pods, namespaces = (peer.get(key) for key in ("ipBlock", "podSelector", "namespaceSelector"))
    if block is None and pods is None and namespaces is None:
        raise BadInputError(f"{at} names no peer; give podSelector, namespaceSelector or ipBlock")
    if block is not None:
        if pods is not None or namespaces is not None:
            raise BadInputError(f"{at} has an ipBlock and a selector; put them in two list items")
        return PolicyPeer(ip_block=_ip_block(block, f"{at}.ipBlock"))
    return PolicyPeer(
        pod_selector=None if pods is None else parse_selector(pods, f"{at}.podSelector"),
        namespace_selector=None
        if namespaces is None
        else parse_selector(namespaces, f"{at}.namespaceSelector"),
    )


def _ip_block(value: Any, at: str) -> IPBlock:
    block = _mapping(value, at)
    cidr = _cidr(block.get("cidr"), f"{at}.cidr")
    excepts = _each(block.get("except"), f"{at}.except", _cidr)
    whole = cidr_span(cidr)
    for index, text in enumerate(excepts):
        cut = cidr_span(text)
        inside = cut.family == whole.family and whole.first <= cut.first and cut.last <= whole.last
        if not inside or cut == whole:
            raise BadInputError(f"{at}.except[{index}] {text} must be a smaller part of cidr {cidr}")
    return IPBlock(cidr, excepts)


def _cidr(value: Any, at: str) -> str:
    try:
        return canonical_cidr(_text(value, at))
    except BadInputError as error:
        raise error if str(error).startswith(at) else BadInputError(f"{at}: {error}") from error


def _port(value: Any, at: str) -> PolicyPort:
    entry = _mapping(value, at)
    protocol = entry.get("protocol") or "TCP"  # A3
    if protocol not in _PROTOCOLS:
        raise BadInputError(f"{at}.protocol is {protocol!r}; it must be TCP, UDP or SCTP")
    port, end = entry.get("port"), entry.get("endPort")
    if isinstance(port, str):
        if not _is_port_name(port):
            raise BadInputError(f"{at}.port {port!r} is not a port name; write a number without quotes")
    elif port is not None:
        _check_number(port, f"{at}.port")
    if end is not None:
        _check_number(end, f"{at}.endPort")
        if not isinstance(port, int):
            raise BadInputError(f"{at}.endPort needs a port that is a number")
        if end < port:
            raise BadInputError(f"{at}.endPort {end} is less than port {port}")
    return PolicyPort(protocol, port, end)


def _is_port_name(text: str) -> bool:
    plain = text.replace("-", "")
    return (
        0 < len(text) <= _MAX_PORT_NAME
        and plain.isascii()
        and plain.isalnum()
        and plain == plain.lower()
        and not plain.isdigit()
        and "--" not in text
        and text.strip("-") == text
    )


def _check_number(value: Any, at: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MAX_PORT:
        raise BadInputError(f"{at} is {value!r}; it must be a number from 1 to {_MAX_PORT}")


def parse_selector(value: Any, at: str = "selector") -> LabelSelector:
    """Return a LabelSelector (meta/v1) from its decoded object; ``at`` names the field in errors.

    Raises:
        BadInputError: an operator or its values are not as the API demands (C6).
    """
    selector = _mapping(value, at)
    labels = _optional(selector.get("matchLabels"), f"{at}.matchLabels")
    at_labels = f"{at}.matchLabels"
    pairs = tuple(
        sorted((_text(k, at_labels), _text(v, f"{at_labels}.{k}", empty=True)) for k, v in labels.items())
    )
    return LabelSelector(
        pairs, _each(selector.get("matchExpressions"), f"{at}.matchExpressions", _requirement)
    )


def _requirement(value: Any, at: str) -> Requirement:
    entry = _mapping(value, at)
    key = _text(entry.get("key"), f"{at}.key")
    operator = entry.get("operator")
    values = _each(entry.get("values"), f"{at}.values", lambda v, where: _text(v, where, empty=True))
    if operator not in _VALUED + _UNVALUED:
        raise BadInputError(f"{at}.operator is {operator!r}; it must be In, NotIn, Exists or DoesNotExist")
    if (operator in _VALUED) != bool(values):
        need = "needs" if operator in _VALUED else "must have no"
        raise BadInputError(f"{at}: {operator} {need} values")
    return Requirement(key, operator, values)


def _each(value: Any, at: str, parse: Callable[[Any, str], _T]) -> tuple[_T, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise BadInputError(f"{at} must be a list")
    return tuple(parse(item, f"{at}[{index}]") for index, item in enumerate(value))


def _optional(value: Any, at: str) -> Mapping[str, Any]:
    return {} if value is None else _mapping(value, at)


def _mapping(value: Any, at: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadInputError(f"{at} must be an object, not {type(value).__name__}")
    return value


def _text(value: Any, at: str, *, empty: bool = False) -> str:
    if not isinstance(value, str) or not (value or empty):
        raise BadInputError(f"{at} must be text, not {value!r}")
    return value
