"""Find what covers a row besides its own tick: another inclusion, or a policy that is applied already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from netsec_tui.core.cluster.ends import Ends
from netsec_tui.core.cluster.selectors import has_labels
from netsec_tui.core.evaluate.match import NamedPorts, rule_allows, selector_matches
from netsec_tui.model.connection import End, EndPod
from netsec_tui.model.identity import Direction
from netsec_tui.model.inventory import AppliedPolicy
from netsec_tui.model.policy import NetworkPolicy, PolicyRule
from netsec_tui.model.proof import Opener
from netsec_tui.model.review import Inclusion, Subject


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
                    found[one.origin] = one.opener
                    break
    if not asked.ends:
        # Nobody knows where its ends are, so only a rule for everybody is sure to cover them.
        found = {one.origin: one.opener for one in offered if one.rule == PolicyRule()}
    return Cover(", ".join(found), max(found.values(), key=list(Opener).index, default=Opener.NOTHING))


def selects_subject(policy: NetworkPolicy, subject: Subject, ends: Ends) -> bool:
    """Tell whether an applied policy selects any pod of the selected workload."""
    if policy.namespace != subject.ref.namespace:
        return False
    pods = [pod for owner in subject.owners for pod in ends.pods_of(owner)]
    if subject.ref.kind == "Service":
        pods = [pod for pod in pods if has_labels(subject.behind, pod.labels)]
    return any(selector_matches(policy.pod_selector, pod.label_map) for pod in pods)


def applied_that_allow(
    policies: Iterable[AppliedPolicy],
    asked: Asked,
    own_ports: tuple[NamedPorts, ...],
    *,
    ipblock_matches_pods: bool = True,
) -> tuple[str, ...]:
    """Name the applied policies that let any pod or address of a row through on the workload's side.

    ``own_ports`` are the named ports of the workload's pods, which may differ from pod to pod.
    """
    return tuple(
        applied.policy.name
        for applied in policies
        if _allows_any(applied.policy, asked, own_ports, ipblock_matches_pods=ipblock_matches_pods)
    )


def _allows_any(
    policy: NetworkPolicy, asked: Asked, own_ports: tuple[NamedPorts, ...], *, ipblock_matches_pods: bool
) -> bool:
    if asked.direction not in policy.policy_types:
        return False
    for end in asked.ends:
        incoming = asked.direction is Direction.INGRESS
        listening = own_ports if incoming or not isinstance(end, EndPod) else (end.named_ports,)
        for rule, named, (protocol, port) in product(policy.rules(asked.direction), listening, asked.ports):
            if rule_allows(
                policy,
                rule,
                asked.direction,
                end,
                protocol,
                port,
                named,
                ipblock_matches_pods=ipblock_matches_pods,
            ):
                return True
    return False
