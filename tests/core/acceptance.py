"""What the API server checks of a NetworkPolicy before it takes it (networkpolicy-semantics G)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

import kubernetes_validate

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
_WORDS = {"ingress": "from", "egress": "to"}


def check_schema(policy: Mapping[str, Any]) -> None:
    """Assert that a policy has the API's schema; slow, since the schema is read anew each time."""
    kubernetes_validate.validate(policy, kubernetes_validate.latest_version(), strict=True)


def check(policy: Mapping[str, Any]) -> None:
    """Assert what the API server checks beyond the schema."""
    name, spec = policy["metadata"]["name"], policy["spec"]
    assert _SUBDOMAIN.fullmatch(name)
    assert len(name) <= 63
    assert spec["policyTypes"] in (["Ingress", "Egress"], ["Ingress"], ["Egress"])
    assert set(spec) == {"podSelector", "policyTypes", *(t.lower() for t in spec["policyTypes"])}
    _check_selector(spec["podSelector"])
    for direction, word in _WORDS.items():
        for rule in spec.get(direction, []):
            _check_rule(rule, word)


def _check_rule(rule: Mapping[str, Any], word: str) -> None:
    assert set(rule) <= {word, "ports"}
    # An empty list would mean everybody: it must never be what is left of a longer one.
    assert all(rule.values())
    for peer in rule.get(word, []):
        assert set(peer) in (
            {"ipBlock"},
            {"podSelector"},
            {"namespaceSelector"},
            {"podSelector", "namespaceSelector"},
        )
        for selector in _selectors(peer):
            _check_selector(selector)
        if "ipBlock" in peer:
            _check_block(peer["ipBlock"])
    for port in rule.get("ports", []):
        _check_port(port)


def _selectors(peer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (peer[key] for key in ("podSelector", "namespaceSelector") if key in peer)


def _check_selector(selector: Mapping[str, Any]) -> None:
    for key, value in selector.get("matchLabels", {}).items():
        assert isinstance(key, str)
        assert _LABEL_VALUE.fullmatch(value)


def _check_block(block: Mapping[str, Any]) -> None:
    cidr = ipaddress.ip_network(block["cidr"])
    assert str(cidr) == block["cidr"]
    for text in block.get("except", []):
        cut = ipaddress.ip_network(text)
        assert str(cut) == text
        assert cut != cidr
        assert cut.subnet_of(cidr)  # type: ignore[arg-type]


def _check_port(port: Mapping[str, Any]) -> None:
    assert port["protocol"] in ("TCP", "UDP", "SCTP")
    if "port" in port:
        assert isinstance(port["port"], int)
        assert 1 <= port["port"] <= 65535
    if "endPort" in port:
        assert port["port"] < port["endPort"] <= 65535
