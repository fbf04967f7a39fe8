"""NetworkPolicy objects, read as the API server would: its defaults, and its refusals (A, C5, D4, E3, G).

The letters are those of tests/core/evaluate/test_checklist.py, which says what each means.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from netsec_tui.errors import BadInputError
from netsec_tui.kube.addresses import Network, read_network
from netsec_tui.kube.selectors import parse_selector
from netsec_tui.kube.values import each, mapping, optional, shown, text
from netsec_tui.model.identity import Direction
from netsec_tui.model.policy import IPBlock, LabelSelector, NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule

_MAX_PORT = 65535
_PORT_NAME = re.compile(r"(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
"""IsValidPortName: lower case letters and digits, at least one letter, single dashes inside."""

_PART = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"(?=.{{1,253}}$){_PART}(\.{_PART})*", re.ASCII)
"""NameIsDNSSubdomain: what every object is named by (G)."""
_LABEL = re.compile(rf"(?=.{{1,63}}$){_PART}", re.ASCII)
"""NameIsDNSLabel: what a Namespace is named by."""

_PROTOCOLS = ("TCP", "UDP", "SCTP")
_TYPES = {"Ingress": Direction.INGRESS, "Egress": Direction.EGRESS}


def parse_policy(obj: Mapping[str, Any], *, default_namespace: str = "default") -> NetworkPolicy:
    """Return a networking.k8s.io/v1 NetworkPolicy, decoded from JSON or YAML, after API defaulting.

    Raises:
        BadInputError: the spec means nothing to the API server; names the object and the field.
    """
    try:
        metadata = mapping(obj.get("metadata"), "metadata")
        name = _name(metadata.get("name"), "metadata.name", _SUBDOMAIN)
        namespace = _name(metadata.get("namespace") or default_namespace, "metadata.namespace", _LABEL)
        who = f"NetworkPolicy {namespace}/{name}"
    except BadInputError as error:
        raise BadInputError(f"NetworkPolicy without a name that can be: {error}") from error
    try:
        return _parse_spec(namespace, name, optional(obj.get("spec"), "spec"))
    except BadInputError as error:
        raise BadInputError(f"{who}: {error}") from error


def selected_by(obj: Mapping[str, Any]) -> tuple[LabelSelector | None, tuple[Direction, ...]]:
    """Return whom a NetworkPolicy that is broken elsewhere may select, and the directions it may isolate.

    None and both directions stand for what cannot be read.
    """
    found = obj.get("spec")
    spec: Mapping[str, Any] = (
        found if isinstance(found, Mapping) else {"podSelector": None, "policyTypes": "?"}
    )
    selector, types = None, tuple(Direction)
    with suppress(BadInputError):
        selector = parse_selector(optional(spec.get("podSelector"), "spec.podSelector"), "spec.podSelector")
    with suppress(BadInputError):
        types = each(spec.get("policyTypes"), "spec.policyTypes", _policy_type) or _usual_types(spec)
    return selector, types


def _usual_types(spec: Mapping[str, Any]) -> tuple[Direction, ...]:
    """Return the directions of a policy without policyTypes (A1)."""
    return tuple(Direction) if spec.get("egress") else (Direction.INGRESS,)


def _parse_spec(namespace: str, name: str, spec: Mapping[str, Any]) -> NetworkPolicy:
    selector = parse_selector(optional(spec.get("podSelector"), "spec.podSelector"), "spec.podSelector")
    ingress = each(spec.get("ingress"), "spec.ingress", lambda o, at: _rule(o, at, "from"))
    egress = each(spec.get("egress"), "spec.egress", lambda o, at: _rule(o, at, "to"))
    types = each(spec.get("policyTypes"), "spec.policyTypes", _policy_type)
    if len(types) > len(_TYPES):
        raise BadInputError("spec.policyTypes has more than two entries")
    return NetworkPolicy(namespace, name, selector, types or _usual_types(spec), ingress, egress)


def _name(value: Any, at: str, allowed: re.Pattern[str]) -> str:
    found = text(value, at)
    if not allowed.fullmatch(found):
        raise BadInputError(
            f"{at} is {shown(found)}; it must be lower case letters, digits and dashes, and not too long"
        )
    return found


def _policy_type(value: Any, at: str) -> Direction:
    if not isinstance(value, str) or value not in _TYPES:
        raise BadInputError(f"{at} is {shown(value)}; it must be Ingress or Egress")
    return _TYPES[value]


def _rule(value: Any, at: str, peers: str) -> PolicyRule:
    rule = mapping(value, at)
    return PolicyRule(
        peers=each(rule.get(peers), f"{at}.{peers}", _peer),
        ports=each(rule.get("ports"), f"{at}.ports", _port),
    )


def _peer(value: Any, at: str) -> PolicyPeer:
    peer = mapping(value, at)
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
    block = mapping(value, at)
    whole = _network(block.get("cidr"), f"{at}.cidr")
    excepts = each(block.get("except"), f"{at}.except", _network)
    cut: Any  # The two families are told apart first, which the types cannot follow.
    for index, cut in enumerate(excepts):
        if cut.version != whole.version or cut == whole or not cut.subnet_of(whole):
            raise BadInputError(f"{at}.except[{index}] {cut} must be a smaller part of cidr {whole}")
    return IPBlock(str(whole), tuple(map(str, excepts)))


def _network(value: Any, at: str) -> Network:
    found = text(value, at)
    try:
        return read_network(found)
    except BadInputError as error:
        raise BadInputError(f"{at}: {shown(found)} is no CIDR such as 10.0.0.0/8 or fd00::/8") from error


def _port(value: Any, at: str) -> PolicyPort:
    entry = mapping(value, at)
    protocol = entry.get("protocol")
    if protocol is None or protocol == "":  # A3
        protocol = "TCP"
    if protocol not in _PROTOCOLS:
        raise BadInputError(f"{at}.protocol is {shown(protocol)}; it must be TCP, UDP or SCTP")
    port, end = entry.get("port"), entry.get("endPort")
    if isinstance(port, str):
        if not _PORT_NAME.fullmatch(port):
            raise BadInputError(f"{at}.port {shown(port)} is not a port name; write a number without quotes")
    elif port is not None:
        _check_number(port, f"{at}.port")
    if end is not None:
        _check_number(end, f"{at}.endPort")
        if not isinstance(port, int):
            raise BadInputError(f"{at}.endPort needs a port that is a number")
        if end < port:
            raise BadInputError(f"{at}.endPort {end} is less than port {port}")
    return PolicyPort(protocol, port, end)


def _check_number(value: Any, at: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MAX_PORT:
        raise BadInputError(f"{at} is {shown(value)}; it must be a number from 1 to {_MAX_PORT}")
