"""Find what covers a row besides its own tick: another inclusion, or a policy that is applied already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from netsec_tui.core.cluster.ends import Ends
from netsec_tui.core.cluster.selectors import has_labels
from netsec_tui.core.evaluate.match import rule_allows, selector_matches
from netsec_tui.model.connection import End, EndPod
from netsec_tui.model.identity import Direction, PeerSort
from netsec_tui.model.inventory import AppliedPolicy
from netsec_tui.model.policy import NetworkPolicy, PolicyRule
from netsec_tui.model.proof import Opener
from netsec_tui.model.review import Inclusion, Subject

_WIDE = (PeerSort.ALIAS, PeerSort.EXTERNAL)
"""Rows that were ticked for whole ranges: that they let other rows through is what was decided."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Hold what policies are asked about a row: every pod and address, on every (protocol, port)."""

    direction: Direction
    ends: tuple[End, ...]
    ports: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Cover:
    """Name the inclusions that let a row through, or a part of it; ROW when a row is among them."""

    by: str = ""
    opener: Opener = Opener.NOTHING


def covering(
    namespace: str, asked: Asked, inclusions: Iterable[Inclusion], *, ipblock_matches_pods: bool = True
) -> Cover:
    """Find the inclusions that let the pods and addresses of a row through, the first for each."""
    home = NetworkPolicy(namespace, "")
    offered = tuple(inclusions)
    found: dict[str, Opener] = {}
    for end in asked.ends:
        for protocol, port in asked.ports:
            for one in offered:
                if rule_allows(
                    home,
                    one.rule,
                    asked.direction,
                    end,
                    protocol,
                    port,
                    {},
                    ipblock_matches_pods=ipblock_matches_pods,
                ):
                    found[one.origin] = opener_of(one)
                    break
    if not asked.ends:
        # Nobody knows where its ends are, so only a rule for everybody is sure to cover them.
        found = {one.origin: Opener.DECISION for one in offered if one.rule == PolicyRule()}
    return Cover(", ".join(found), max(found.values(), default=Opener.NOTHING))


def opener_of(inclusion: Inclusion) -> Opener:
    """Return what an inclusion is to the rows that it lets through besides its own."""
    wide = inclusion.key is None or inclusion.key.peer.sort in _WIDE
    return Opener.DECISION if wide else Opener.ROW


def selects_subject(policy: NetworkPolicy, subject: Subject, ends: Ends) -> bool:
    """Tell whether an applied policy selects any pod of the selected workload."""
    if policy.namespace != subject.ref.namespace:
        return False
    pods = [pod for owner in subject.owners for pod in ends.pods_of(owner)]
    if subject.ref.kind == "Service":
        pods = [pod for pod in pods if has_labels(subject.selector.match_labels, pod.labels)]
    return any(selector_matches(policy.pod_selector, pod.label_map) for pod in pods)


def applied_that_allow(
    policies: Iterable[AppliedPolicy], asked: Asked, own_ports: Mapping[tuple[str, str], int]
) -> tuple[str, ...]:
    """Name the applied policies that let any pod or address of a row through on the workload's side."""
    return tuple(a.policy.name for a in policies if _allows_any(a.policy, asked, own_ports))


def _allows_any(policy: NetworkPolicy, asked: Asked, own_ports: Mapping[tuple[str, str], int]) -> bool:
    if asked.direction not in policy.policy_types:
        return False
    for end in asked.ends:
        incoming = asked.direction is Direction.INGRESS
        named = own_ports if incoming or not isinstance(end, EndPod) else end.named_ports
        for rule in policy.rules(asked.direction):
            if any(rule_allows(policy, rule, asked.direction, end, *port, named) for port in asked.ports):
                return True
    return False
