"""Match selectors, blocks, peers and ports, one question a function.

The letters in the docstrings are those of tests/core/evaluate/test_checklist.py, which says what each means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from netsec_tui.core.evaluate.addresses import address_number, block_spans
from netsec_tui.model.connection import End, EndPod
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

NamedPorts = Mapping[tuple[str, str], int]
"""Map (port name, protocol) to a number, for one pod."""

PeerTest = Callable[[PolicyPeer], bool]
"""Tell whether an entry of from/to matches the peer in question."""


def selector_matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Tell whether all labels and all expressions of a selector hold (C3, C5, C6)."""
    return all(labels.get(key) == value for key, value in selector.match_labels) and all(
        _requirement_holds(requirement, labels) for requirement in selector.match_expressions
    )


def _requirement_holds(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    present = requirement.key in labels
    match requirement.operator:
        case "In":
            return present and labels[requirement.key] in requirement.values
        case "NotIn":
            return not present or labels[requirement.key] not in requirement.values
        case "Exists":
            return present
        case "DoesNotExist":
            return not present
    raise ValueError(f"unknown operator {requirement.operator!r}")  # the parser lets no other through


def block_contains(block: IPBlock, ip: str) -> bool:
    """Tell whether an address is in the CIDR, of its family, and in none of the excepts (E1, E2)."""
    family, number = address_number(ip)
    return any(s.family == family and s.first <= number <= s.last for s in block_spans(block))


def peer_matches_address(peer: PolicyPeer, ip: str) -> bool:
    """Tell whether a peer matches an address that is no pod's: only an ipBlock can (C3)."""
    return peer.ip_block is not None and block_contains(peer.ip_block, ip)


def peer_matches_pod(
    peer: PolicyPeer,
    policy_namespace: str,
    pod: EndPod,
    *,
    ipblock_matches_pods: bool = True,
    family: int | None = None,
) -> bool:
    """Tell whether a peer matches a pod (C1, C2, E4); of its addresses those of ``family`` count, or all."""
    if peer.ip_block is not None:
        return ipblock_matches_pods and any(
            block_contains(peer.ip_block, ip)
            for ip in pod.ips
            if family is None or address_number(ip)[0] == family
        )
    if peer.namespace_selector is None:
        if pod.namespace != policy_namespace:
            return False
    elif not selector_matches(peer.namespace_selector, pod.namespace_label_map):
        return False
    return peer.pod_selector is None or selector_matches(peer.pod_selector, pod.label_map)


def port_matches(port: PolicyPort, protocol: str, number: int, named: NamedPorts) -> bool:
    """Tell whether a port entry covers a protocol and number; ``named`` is the destination pod's (D1-D5)."""
    if port.protocol != protocol:
        return False
    if port.port is None:
        return True
    if isinstance(port.port, str):
        return named.get((port.port, protocol)) == number
    return port.port <= number <= (port.end_port or port.port)


def policy_selects(policy: NetworkPolicy, direction: Direction, pod: EndPod) -> bool:
    """Tell whether a policy isolates a pod in a direction (A2, A7, B1)."""
    return (
        policy.namespace == pod.namespace
        and direction in policy.policy_types
        and selector_matches(policy.pod_selector, pod.label_map)
    )


def ports_match(rule: PolicyRule, protocol: str, number: int, named: NamedPorts) -> bool:
    """Tell whether a rule covers a protocol and number; no ports cover everything (C4)."""
    return not rule.ports or any(port_matches(p, protocol, number, named) for p in rule.ports)


def rule_covers(
    rule: PolicyRule,
    direction: Direction,
    peer_matches: PeerTest,
    protocol: str,
    number: int,
    named: NamedPorts,
) -> bool:
    """Tell whether a rule covers a connection with whatever peer ``peer_matches`` stands for (C4).

    ``number`` is the destination's port and ``named`` the destination pod's named ports.
    """
    if not rule.peers:
        return ports_match(rule, protocol, number, named)
    # A name has no meaning for the addresses of an ipBlock, even when one of them is a pod's (D3).
    nameless: NamedPorts = {} if direction is Direction.EGRESS else named
    return any(
        peer_matches(peer) and ports_match(rule, protocol, number, nameless if peer.ip_block else named)
        for peer in rule.peers
    )


def rule_allows(
    policy: NetworkPolicy,
    rule: PolicyRule,
    direction: Direction,
    peer: End,
    protocol: str,
    number: int,
    named: NamedPorts,
    *,
    ipblock_matches_pods: bool = True,
    family: int | None = None,
) -> bool:
    """Tell whether one rule of a policy allows a connection with a pod or an address.

    ``number`` is the destination's port; ``named`` the destination pod's named ports, empty for an address.
    """

    def matches(entry: PolicyPeer) -> bool:
        if isinstance(peer, str):
            return peer_matches_address(entry, peer)
        return peer_matches_pod(
            entry, policy.namespace, peer, ipblock_matches_pods=ipblock_matches_pods, family=family
        )

    return rule_covers(rule, direction, matches, protocol, number, named)
