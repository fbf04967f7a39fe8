"""Generate the NetworkPolicy of a workload from what was included; same decisions, same policy."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from netsec_tui.model.identity import Direction, WorkloadRef
from netsec_tui.model.policy import NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule
from netsec_tui.model.review import Subject

MAX_NAME = 63


def policy_name(ref: WorkloadRef, suffix: str = "") -> str:
    """Return ``<kind>-<name>`` as a DNS label, shortened with a hash where it is too long or was changed."""
    full = f"{ref.kind}-{ref.name}{suffix}"
    letters = re.sub(r"[^a-z0-9.-]+", "-", full.lower())
    name = re.sub(r"-*\.[.-]*", ".", letters).strip("-.")
    # Two names that differ in their original spelling only must not end in the same object.
    changed = name != f"{ref.kind.lower()}-{ref.name}{suffix}"
    if not changed and len(name) <= MAX_NAME:
        return name
    digest = hashlib.sha256(full.encode()).hexdigest()[:8]
    return f"{name[: MAX_NAME - 9].rstrip('-.')}-{digest}"


def generate(
    subject: Subject,
    ingress: tuple[PolicyRule, ...],
    egress: tuple[PolicyRule, ...],
    *,
    two_objects: bool = False,
) -> tuple[NetworkPolicy, ...]:
    """Return one policy for both directions, or one for each; none when the subject is refused.

    Both directions always stand in policyTypes: a direction without rules refuses everything.
    """
    if subject.refusal:
        return ()
    namespace, selector = subject.ref.namespace, subject.selector
    names = policy_names(subject, two_objects=two_objects)
    if not two_objects:
        both = (Direction.INGRESS, Direction.EGRESS)
        return (NetworkPolicy(namespace, names[0], selector, both, ingress, egress),)
    return (
        NetworkPolicy(namespace, names[0], selector, (Direction.INGRESS,), ingress=ingress),
        NetworkPolicy(namespace, names[1], selector, (Direction.EGRESS,), egress=egress),
    )


def policy_names(subject: Subject, *, two_objects: bool) -> tuple[str, ...]:
    """Return the names of the objects that are generated for a workload."""
    if not two_objects:
        return (policy_name(subject.ref),)
    return policy_name(subject.ref, "-ingress"), policy_name(subject.ref, "-egress")


def merge_rules(rules: Iterable[PolicyRule]) -> tuple[PolicyRule, ...]:
    """Merge rules to few: the ports of one peer come together, then peers with the same ports.

    Merging never widens: peers share a rule only when each has exactly that rule's ports, and a rule
    for any peer keeps its ports. A rule that allows everything makes the others superfluous. ipBlocks
    with except stay apart, since kube-router puts the excepts of one rule into a common set.
    """
    ports_of: dict[PolicyPeer | None, set[PolicyPort] | None] = {}
    for rule in rules:
        for peer in rule.peers or (None,):
            known = ports_of.get(peer, set())
            ports_of[peer] = None if not rule.ports or known is None else known | set(rule.ports)
    if ports_of.get(None, set()) is None:
        return (PolicyRule(),)
    groups: dict[tuple[tuple[PolicyPort, ...], PolicyPeer | None], list[PolicyPeer]] = {}
    anyone = [PolicyRule((), _ordered(ports)) for peer, ports in ports_of.items() if peer is None]
    for peer, ports in ports_of.items():
        if peer is None:
            continue
        apart = peer if peer.ip_block and peer.ip_block.excepts else None
        groups.setdefault((_ordered(ports), apart), []).append(peer)
    merged = [
        PolicyRule(tuple(sorted(peers, key=_peer_order)), ports) for (ports, _), peers in groups.items()
    ]
    return (*anyone, *sorted(merged, key=lambda r: (_peer_order(r.peers[0]), str(r.ports))))


def _ordered(ports: set[PolicyPort] | None) -> tuple[PolicyPort, ...]:
    """Return ports without those that a whole-protocol entry covers, in a fixed order."""
    if ports is None:
        return ()
    whole = {p.protocol for p in ports if p.port is None}
    kept = [p for p in ports if p.port is None or p.protocol not in whole]
    return tuple(sorted(kept, key=lambda p: (p.protocol, p.port is not None, p.port or 0, p.end_port or 0)))


def _peer_order(peer: PolicyPeer) -> tuple[object, ...]:
    namespace = peer.namespace_selector.match_labels if peer.namespace_selector else ()
    pods = peer.pod_selector
    block = peer.ip_block
    return (
        block is not None,
        peer.namespace_selector is not None,
        namespace,
        (pods.match_labels, tuple(map(repr, pods.match_expressions))) if pods else (),
        (block.cidr, block.excepts) if block else (),
    )
