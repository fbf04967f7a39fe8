"""Compare a draft with what is applied: by what it changes for connections, and as YAML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import unified_diff

from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.compare.row_cases import NO_STATE
from netsec_tui.core.compare.turnover import changes_of
from netsec_tui.core.evaluate.compare import compare
from netsec_tui.core.evaluate.match import selector_matches
from netsec_tui.core.evaluate.overrides import overrides_of
from netsec_tui.core.generate.serialize import to_yaml
from netsec_tui.model.connection import EndPod
from netsec_tui.model.difference import Change, Difference, ObjectDifference, Turn
from netsec_tui.model.identity import Direction
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.policy import NetworkPolicy

Key = tuple[str, str]

_UNLISTED = "NetworkPolicies could not be listed, so it is not known which are applied"


def difference(ground: Ground, draft: Sequence[NetworkPolicy]) -> Difference:
    """Return what putting the objects of a draft beside the applied policies would change.

    An applied object of the same namespace and name is replaced, all others stay.
    """
    applied = {_key(policy): _plain(policy) for policy in ground.applied.all}
    drafted = {_key(policy): _plain(policy) for policy in draft}
    before, after = tuple(applied.values()), tuple((applied | drafted).values())
    changed = set(before) ^ set(after)
    touched = [pod for pod in ground.pods if _selects_any(changed, pod)]
    return Difference(
        changes=tuple(_changes(ground, before, after, touched)),
        objects=tuple(_object(policy, applied.get(key)) for key, policy in drafted.items()),
        staying=tuple(_staying(ground, before, drafted.values())),
        notes=tuple(_notes(ground.world.inventory, touched)),
        unknown=_unknown(ground.world.inventory, drafted),
    )


def _key(policy: NetworkPolicy) -> Key:
    return policy.namespace, policy.name


def _selects_any(policies: Iterable[NetworkPolicy], pod: EndPod) -> bool:
    return any(
        p.namespace == pod.namespace and selector_matches(p.pod_selector, pod.label_map) for p in policies
    )


# By meaning


def _changes(
    ground: Ground,
    before: Sequence[NetworkPolicy],
    after: Sequence[NetworkPolicy],
    touched: Sequence[EndPod],
) -> Iterator[Change]:
    if not touched:
        return
    found = compare(
        before, after, placed(ground.pods), ipblock_matches_pods=ground.state.ipblock_matches_pods
    )
    own = {pod.ref for pod in touched}
    yield from changes_of(Turn.LOST, found.lost, own)
    yield from changes_of(Turn.GAINED, found.gained, own)


def placed(pods: Sequence[EndPod]) -> Iterator[EndPod]:
    """Return the pods; one that an owner would make next is like one that it has now where that is unknown.

    Its address is likely to come from the same range; without a template its ports are not known either.
    """
    living = {pod.ref: pod for pod in reversed(pods) if pod.ips and not pod.synthetic}
    for pod in pods:
        like = living.get(pod.ref) if pod.synthetic else None
        yield replace(pod, ips=like.ips, ports=pod.ports or like.ports) if like else pod


# As YAML


def _object(draft: NetworkPolicy, applied: NetworkPolicy | None) -> ObjectDifference:
    name = f"{draft.namespace}/{draft.name}"
    lines = unified_diff(
        to_yaml((applied,)).splitlines() if applied else [],
        to_yaml((draft,)).splitlines(),
        f"applied {name}" if applied else "/dev/null",
        f"generated {name}",
        lineterm="",
    )
    return ObjectDifference(draft.namespace, draft.name, applied is not None, tuple(lines))


def _plain(policy: NetworkPolicy) -> NetworkPolicy:
    """Return the policy with its policyTypes, whose order means nothing, in ours; labels are sorted."""
    return replace(policy, policy_types=tuple(d for d in Direction if d in policy.policy_types))


# What else there is to say


def _staying(
    ground: Ground, applied: Iterable[NetworkPolicy], draft: Iterable[NetworkPolicy]
) -> Iterator[str]:
    drafted = tuple(draft)
    pods = [pod for pod in ground.pods if _selects_any(drafted, pod)]
    names = {_key(policy) for policy in drafted}
    for policy in applied:
        if _key(policy) not in names and any(_selects_any((policy,), pod) for pod in pods):
            yield f"{policy.namespace}/{policy.name}"


def _notes(inventory: Inventory, touched: Sequence[EndPod]) -> Iterator[str]:
    for override in overrides_of(inventory):
        if any(override.may_select(pod) for pod in touched):
            yield f"{override.kind} {override.name} may change this"


def _unknown(inventory: Inventory, drafted: Iterable[Key]) -> str:
    if not inventory.known:
        return NO_STATE
    if any(sentence.startswith("networkpolicies") for sentence in inventory.missing):
        return _UNLISTED
    unread = sorted({policy[:2] for policy in inventory.unread_policies} & set(drafted))
    if unread:
        return f"NetworkPolicy {'/'.join(unread[0])} is applied but cannot be read, so it cannot be compared"
    return ""
