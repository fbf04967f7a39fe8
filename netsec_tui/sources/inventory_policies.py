"""NetworkPolicies and label selectors, read as the API server reads them (networking.k8s.io/v1)."""

from __future__ import annotations

import re
from typing import Any

from netsec_tui.errors import BadInputError
from netsec_tui.model.identity import Direction
from netsec_tui.model.inventory import AppliedPolicy
from netsec_tui.model.policy import (
    IPBlock,
    LabelSelector,
    NetworkPolicy,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    Requirement,
)
from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.inventory_addresses import read_network
from netsec_tui.sources.objects import object_key, printable
from netsec_tui.sources.objects_fields import LARGEST_PORT, Fields

_TYPES = {"Ingress": Direction.INGRESS, "Egress": Direction.EGRESS}
_HAS_VALUES = {"In": True, "NotIn": True, "Exists": False, "DoesNotExist": False}
_PORT_NAME = re.compile(r"(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
"""IsValidPortName: lower case letters and digits, at least one letter, single dashes inside."""


def read_policy(obj: KubeObject, problems: list[str]) -> AppliedPolicy | None:
    """Return a NetworkPolicy after API defaulting (networkpolicy-semantics.md §1 A), None when broken.

    Half a policy would say something else than the whole, so one field that the API server would refuse
    drops all of it, with sentences in ``problems``.
    """
    found: list[str] = []
    spec = Fields.of(obj, found).child("spec")
    _, namespace, name = object_key(obj)
    selector = read_selector(spec, "podSelector") or LabelSelector()
    ingress, egress = _rules(spec, "ingress", "from"), _rules(spec, "egress", "to")
    policy = NetworkPolicy(namespace, name, selector, _directions(spec, bool(egress)), ingress, egress)
    if not found:
        return AppliedPolicy(policy, obj)
    problems += [f"{sentence}; the policy is left out" for sentence in found]
    return None


def read_selector(holder: Fields, key: str) -> LabelSelector | None:
    """Return a label selector, None when it is absent or null (not the same as empty) or broken."""
    if holder.data.get(key) is None:
        return None
    before = len(holder.problems)
    fields = holder.child(key)
    requirements = tuple(_requirement(entry) for entry in fields.children("matchExpressions"))
    selector = LabelSelector(fields.labels("matchLabels"), requirements)
    return selector if len(holder.problems) == before else None


def _requirement(fields: Fields) -> Requirement:
    key, operator, values = fields.text("key"), fields.text("operator"), fields.texts("values")
    if not key:
        fields.note("key", "is missing")
    if operator not in _HAS_VALUES:
        fields.note("operator", f"is none of {', '.join(_HAS_VALUES)}: {_shown(operator)}")
    elif _HAS_VALUES[operator] != bool(values):
        fields.note("values", f"must {'not ' if _HAS_VALUES[operator] else ''}be empty with {operator}")
    return Requirement(key, operator, values)


def _directions(spec: Fields, has_egress: bool) -> tuple[Direction, ...]:
    named = spec.texts("policyTypes")
    if not named:
        return (Direction.INGRESS, Direction.EGRESS) if has_egress else (Direction.INGRESS,)
    if len(named) > len(_TYPES) or not all(name in _TYPES for name in named):
        spec.note("policyTypes", "holds something else than Ingress and Egress")
    return tuple(_TYPES[name] for name in named if name in _TYPES)


def _rules(spec: Fields, key: str, peers: str) -> tuple[PolicyRule, ...]:
    return tuple(
        PolicyRule(
            tuple(_peer(entry) for entry in rule.children(peers)),
            tuple(_port(entry) for entry in rule.children("ports")),
        )
        for rule in spec.children(key)
    )


def _peer(fields: Fields) -> PolicyPeer:
    has_selector = any(fields.data.get(key) is not None for key in ("podSelector", "namespaceSelector"))
    has_block = fields.data.get("ipBlock") is not None
    if has_selector == has_block:
        fields.note("", "needs either an ipBlock, or a podSelector, a namespaceSelector or both")
    return PolicyPeer(
        read_selector(fields, "podSelector"),
        read_selector(fields, "namespaceSelector"),
        _ip_block(fields.child("ipBlock")) if has_block else None,
    )


def _ip_block(fields: Fields) -> IPBlock:
    try:
        whole = read_network(fields.text("cidr"))
    except BadInputError as error:
        fields.note("cidr", printable(str(error)))
        return IPBlock("")
    return IPBlock(str(whole), tuple(_cut(fields, text, whole) for text in fields.texts("except")))


def _cut(fields: Fields, text: str, whole: Any) -> str:
    try:
        part: Any = read_network(text)
        if part.version == whole.version and part != whole and part.subnet_of(whole):
            return str(part)
    except BadInputError:
        pass
    fields.note("except", f"holds no smaller part of {whole}: {_shown(text)}")
    return ""


def _port(fields: Fields) -> PolicyPort:
    protocol, port, end = fields.protocol(), fields.data.get("port"), fields.data.get("endPort")
    is_name = isinstance(port, str) and _PORT_NAME.fullmatch(port) is not None
    if port is not None and not is_name and not _is_number(port):
        fields.note("port", f"is neither a port number nor a port's name: {_shown(port)}")
    if end is not None and not (_is_number(end) and _is_number(port) and end >= port):
        fields.note("endPort", f"is no port number from the port on: {_shown(end)}")
    return PolicyPort(str(protocol or ""), port, end)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_PORT


def _shown(value: Any) -> str:
    return repr(printable(str(value), 40))
