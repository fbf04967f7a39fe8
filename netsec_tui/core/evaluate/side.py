"""Say what the policies alone make of one side of a connection: who isolates, which rules allow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from netsec_tui.core.evaluate.match import NamedPorts, block_contains, peer_matches_pod, rule_covers
from netsec_tui.core.evaluate.state import Policies
from netsec_tui.model.connection import EndPod, RuleRef
from netsec_tui.model.flow import Labels, Protocol
from netsec_tui.model.identity import Direction
from netsec_tui.model.policy import IPBlock, NetworkPolicy, PolicyPeer


class Finding(NamedTuple):
    """Hold the policies that isolate and the rules that allow; neither knows of doubt."""

    isolated_by: tuple[RuleRef, ...]
    allowed_by: tuple[RuleRef, ...]

    @property
    def allowed(self) -> bool:
        """Tell whether the side lets the connection pass (B1, B2)."""
        return not self.isolated_by or bool(self.allowed_by)


class Reading(NamedTuple):
    """Hold one way to see the peer.

    ``selected(entry, policy namespace)`` tells whether selectors match it, ``held`` whether an ipBlock
    does; ``named`` are the destination's named ports under this reading. Selectors can match by ``labels``
    alone, ipBlocks by ``addresses``: long policies are narrowed down by them; None means by anything.
    """

    selected: Callable[[PolicyPeer, str], bool]
    held: Callable[[IPBlock], bool]
    named: NamedPorts
    labels: Labels | None = None
    addresses: tuple[str, ...] | None = None


def never(*_: object) -> bool:
    """Match nothing."""
    return False


def always(*_: object) -> bool:
    """Match everything."""
    return True


def selected_as(pod: EndPod) -> Callable[[PolicyPeer, str], bool]:
    """Return the selector test for a pod."""
    return lambda entry, namespace: peer_matches_pod(entry, namespace, pod)


def held_at(ips: Iterable[str]) -> Callable[[IPBlock], bool]:
    """Return the ipBlock test for some addresses of one peer."""
    addresses = tuple(ips)
    return lambda block: any(block_contains(block, ip) for ip in addresses)


def find(
    policies: Policies,
    direction: Direction,
    subject: EndPod,
    reading: Reading,
    protocol: Protocol,
    port: int,
) -> Finding:
    """Return what the policies that select ``subject`` say about a peer read in one way."""
    selecting = policies.selecting(subject, direction)
    allowed = [
        RuleRef(policy.namespace, policy.name, direction, index)
        for policy in selecting
        for index in _covering(policies, policy, direction, reading, protocol, port)
    ]
    return Finding(tuple(RuleRef(p.namespace, p.name, direction) for p in selecting), tuple(allowed))


def _covering(
    policies: Policies,
    policy: NetworkPolicy,
    direction: Direction,
    reading: Reading,
    protocol: Protocol,
    port: int,
) -> list[int]:
    if not protocol.expressible:
        return []

    def matches(entry: PolicyPeer) -> bool:
        if entry.ip_block is not None:
            return reading.held(entry.ip_block)
        return reading.selected(entry, policy.namespace)

    return [
        index
        for index, rule in policies.near(policy, direction, reading.labels, reading.addresses)
        if rule_covers(rule, direction, matches, str(protocol), port, reading.named)
    ]


def every_name(
    policies: Policies, subject: EndPod, direction: Direction, port: int
) -> Mapping[tuple[str, str], int]:
    """Return named ports as a pod would have that calls this port by every name the policies use."""
    return {
        (entry.port, entry.protocol): port
        for policy in policies.selecting(subject, direction)
        for rule in policy.rules(direction)
        for entry in rule.ports
        if isinstance(entry.port, str)
    }
