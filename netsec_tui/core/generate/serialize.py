"""Write NetworkPolicies as YAML: keys in a fixed order, strings quoted that YAML 1.1 could misread."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from netsec_tui.model.identity import Direction
from netsec_tui.model.policy import IPBlock, LabelSelector, NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule
from netsec_tui.model.provenance import RulePlace

_PORTS = "ports"
_ENTRY = 8
"""The indent of a peer or port in a rule."""
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_SPECIAL = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"})
"""Words that YAML 1.1 reads as a boolean or null (yaml.org/type/bool.html), in any case."""
_LONG_KEY = 1000
"""A longer key is written with a question mark: others may take 1024 characters at most (YAML 1.1, 7.3.3)."""


def to_yaml(policies: Iterable[NetworkPolicy]) -> str:
    """Return policies as YAML documents; the empty string for none."""
    return "".join(f"{line}\n" for _, lines in _pieces(policies) for line in lines)


def yaml_places(policies: Iterable[NetworkPolicy]) -> list[RulePlace | None]:
    """Return for each line of ``to_yaml`` the place in the policies that it writes, None for other lines.

    A line that opens a direction or a rule belongs to the direction or rule as a whole.
    """
    return [place for place, lines in _pieces(policies) for _ in lines]


def _pieces(policies: Iterable[NetworkPolicy]) -> Iterator[tuple[RulePlace | None, Iterable[str]]]:
    """Return the lines of all documents, piece by piece with the place that each writes."""
    for number, policy in enumerate(policies):
        if number:
            yield None, ("---",)
        written = policy_object(replace(policy, ingress=(), egress=()))
        for direction in policy.policy_types:
            del written["spec"][str(direction)]
        yield None, _lines(written, 0)
        for direction in policy.policy_types:
            yield from _direction_pieces(RulePlace(number, direction), policy.rules(direction))


def _direction_pieces(
    place: RulePlace, rules: tuple[PolicyRule, ...]
) -> Iterator[tuple[RulePlace, Iterable[str]]]:
    policy, direction, word = place.policy, place.direction, _word(place.direction)
    yield place, (f"  {direction}:" if rules else f"  {direction}: []",)
    for index, rule in enumerate(rules):
        own = RulePlace(policy, direction, index)
        lead = "    - "
        if rule.peers:
            yield own, (f"{lead}{word}:",)
            lead = "      "
            for number, peer in enumerate(rule.peers):
                yield RulePlace(policy, direction, index, number), _peer_lines(peer)
        if rule.ports:
            yield own, (f"{lead}{_PORTS}:",)
            for number, port in enumerate(rule.ports):
                yield RulePlace(policy, direction, index, port=number), _items([_port(port)], _ENTRY)
        if rule == PolicyRule():
            yield own, (f"{lead}{{}}",)


@lru_cache(maxsize=65536)
def _peer_lines(peer: PolicyPeer) -> tuple[str, ...]:
    """Return the lines of one peer; most are as they were before a decision."""
    return tuple(_items([_peer(peer)], _ENTRY))


def _word(direction: Direction) -> str:
    return "from" if direction is Direction.INGRESS else "to"


def policy_object(policy: NetworkPolicy) -> dict[str, Any]:
    """Return a policy as the API object that ``to_yaml`` writes."""
    spec: dict[str, Any] = {
        "podSelector": _selector(policy.pod_selector),
        "policyTypes": [d.capitalize() for d in policy.policy_types],
    }
    for direction in policy.policy_types:
        spec[str(direction)] = [_rule(rule, _word(direction)) for rule in policy.rules(direction)]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": policy.name, "namespace": policy.namespace},
        "spec": spec,
    }


def _rule(rule: PolicyRule, word: str) -> dict[str, Any]:
    written: dict[str, Any] = {}
    if rule.peers:
        written[word] = [_peer(peer) for peer in rule.peers]
    if rule.ports:
        written[_PORTS] = [_port(port) for port in rule.ports]
    return written


def _peer(peer: PolicyPeer) -> dict[str, Any]:
    if peer.ip_block:
        return {"ipBlock": _block(peer.ip_block)}
    written: dict[str, Any] = {}
    if peer.namespace_selector is not None:
        written["namespaceSelector"] = _selector(peer.namespace_selector)
    if peer.pod_selector is not None:
        written["podSelector"] = _selector(peer.pod_selector)
    return written


def _block(block: IPBlock) -> dict[str, Any]:
    return {"cidr": block.cidr} | ({"except": list(block.excepts)} if block.excepts else {})


def _port(port: PolicyPort) -> dict[str, Any]:
    written: dict[str, Any] = {"protocol": port.protocol}
    if port.port is not None:
        written["port"] = port.port
    if port.end_port is not None:
        written["endPort"] = port.end_port
    return written


def _selector(selector: LabelSelector) -> dict[str, Any]:
    written: dict[str, Any] = {}
    if selector.match_labels:
        written["matchLabels"] = dict(selector.match_labels)
    if selector.match_expressions:
        written["matchExpressions"] = [
            {"key": r.key, "operator": r.operator} | ({"values": list(r.values)} if r.values else {})
            for r in selector.match_expressions
        ]
    return written


def _lines(value: Mapping[str, Any], indent: int) -> Iterator[str]:
    pad = " " * indent
    for key, item in value.items():
        name = scalar(key)
        head = f"{pad}{name}:"
        if len(name) > _LONG_KEY:
            yield f"{pad}? {name}"
            head = f"{pad}:"
        if isinstance(item, Mapping) and item:
            yield head
            yield from _lines(item, indent + 2)
        elif isinstance(item, list) and item:
            yield head
            yield from _items(item, indent + 2)
        else:
            yield f"{head} {scalar(item)}"


def _items(items: list[Any], indent: int) -> Iterator[str]:
    pad = " " * indent
    for item in items:
        if isinstance(item, Mapping) and item:
            first, *rest = _lines(item, indent + 2)
            yield f"{pad}- {first[indent + 2 :]}"
            yield from rest
        else:
            yield f"{pad}- {scalar(item)}"


def scalar(value: Any) -> str:
    """Return a scalar, or an empty list or mapping, as YAML that no parser misreads."""
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, Mapping):
        return "{}"
    return "[]" if isinstance(value, list) else str(value)


@lru_cache(maxsize=65536)
def _string(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _SPECIAL:
        return text
    if max(text, default="") <= "\uffff":
        return json.dumps(text)
    # JSON writes what lies beyond 16 bits as two escapes, which YAML would read as two broken characters.
    return '"' + "".join(f"\\U{ord(c):08x}" if c > "\uffff" else json.dumps(c)[1:-1] for c in text) + '"'
