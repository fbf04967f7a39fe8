"""Suggest which label keys to leave out of selectors: those that do not identify and will change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from netsec_tui.core.cluster.labelling import is_used, matches_any
from netsec_tui.core.cluster.world import World
from netsec_tui.core.configure.effect import Effects
from netsec_tui.core.words import listed
from netsec_tui.kube.labels import is_stable
from netsec_tui.model.config import LabelConfig
from netsec_tui.model.configuring import LabelSuggestion, SelectorChange, SuggestedKey
from netsec_tui.model.flow import Labels
from netsec_tui.model.identity import WorkloadRef

_HELM = {
    "helm.sh/*": "Helm's own: the chart's version changes with every upgrade",
    "app.kubernetes.io/managed-by": "names the tool that installs the workload, not the workload",
    "app.kubernetes.io/version": "changes with every upgrade of the software",
    "heritage": "Helm's own: names the tool that installs the workload",
    "chart": "Helm's own: the chart's version changes with every upgrade",
    "release": "Helm's own: names the release, not the workload",
}
_HASH = re.compile(
    r"(?=.*[0-9])(?=.*[a-z])([0-9a-f]{7,}|[bcdfghjklmnpqrstvwxz2456789]{8,10}"
    r"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})"
)


def suggested_labels(world: World) -> LabelSuggestion:
    """Return the label filters in force with Helm's keys, hashes and keys of single pods excluded.

    A key is only suggested when leaving it out changes a selector, and makes none select others or nothing.
    Filters of namespaces stay as they are.
    """
    effects, present = Effects(world), _present(world)
    labels, changes = world.labels, effects.of(world.labels).changes
    taken: list[SuggestedKey] = []
    kept: list[SuggestedKey] = []
    unused: list[str] = []
    candidates = list(_candidates(world, present))
    while candidates:
        one = candidates.pop(0)
        tried = _excluding(labels, one.pattern)
        effect = effects.of(tried)
        harm = effect.harmful
        parts = [key for key in sorted(present) if matches_any((one.pattern,), key)]
        if effect.changes == changes:
            unused += parts
        elif not harm:
            labels, changes = tried, effect.changes
            taken.append(one)
        elif parts != [one.pattern] and len(parts) > 1:
            candidates[:0] = [_suggested(present, key, one.reason) for key in parts]
        else:
            kept.append(replace(one, reason=_harm(harm[0])))
    return LabelSuggestion(labels, tuple(taken), tuple(kept), tuple(unused))


_Present = dict[str, dict[WorkloadRef, set[str]]]
"""The values of each label key, by owner."""


def _present(world: World) -> _Present:
    """Return the keys of templates and live pods that outlive a rollout, with their values."""
    templates = ((o.ref, o.template_labels) for o in world.inventory.owners if not o.host_network)
    return _values((*templates, *_pods(world)))


def _values(labelled: Iterable[tuple[WorkloadRef, Labels]]) -> _Present:
    found: _Present = {}
    for ref, labels in labelled:
        for key, value in labels:
            if is_stable(key):
                found.setdefault(key, {}).setdefault(ref, set()).add(value)
    return found


def _pods(world: World) -> Iterator[tuple[WorkloadRef, Labels]]:
    inventory, knowledge = world.inventory, world.knowledge
    yield from ((pod.owner, pod.labels) for pod in inventory.pods if not (pod.finished or pod.host_network))
    if not inventory.known:
        yield from ((ref, knowledge.labels.get(pod, ())) for pod, ref in knowledge.workloads.items())


def _candidates(world: World, present: _Present) -> Iterator[SuggestedKey]:
    used = {key: found for key, found in present.items() if is_used(world.labels.workload, key)}
    for pattern, reason in _HELM.items():
        if any(matches_any((pattern,), key) for key in used):
            yield _suggested(used, pattern, reason)
    of_pods = _values(_pods(world))
    for key, found in sorted(used.items()):
        if matches_any(_HELM, key):
            continue
        values = {value for of_owner in found.values() for value in of_owner}
        varies = min(
            (ref for ref, of_owner in of_pods.get(key, {}).items() if len(of_owner) > 1), default=None
        )
        if all(map(_HASH.fullmatch, values)):
            yield _suggested(used, key, f"its values look like hashes, such as {min(values)}")
        elif varies:
            yield _suggested(used, key, f"its value differs between pods of {varies}")


def _suggested(present: _Present, pattern: str, reason: str) -> SuggestedKey:
    owners = {ref for key, found in present.items() if matches_any((pattern,), key) for ref in found}
    return SuggestedKey(pattern, reason, len(owners))


def _excluding(labels: LabelConfig, pattern: str) -> LabelConfig:
    workload = labels.workload
    return replace(labels, workload=replace(workload, exclude=(*workload.exclude, pattern)))


def _harm(change: SelectorChange) -> str:
    if change.after is None:
        return f"it identifies: without it {change.ref} could not be selected"
    if not change.also:
        return f"it identifies: without it the selector of {change.ref} would miss pods of its own"
    others = listed(map(str, change.also))
    return f"it identifies: without it the selector of {change.ref} would select {others} too"
