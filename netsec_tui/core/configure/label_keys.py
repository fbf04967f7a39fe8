"""The label keys that a cluster's workloads and namespaces have, and which of them a filter uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from netsec_tui.core.cluster.labelling import is_used, matches_any
from netsec_tui.core.cluster.selectors import NAME_LABEL
from netsec_tui.core.traffic.knowledge import Knowledge
from netsec_tui.errors import BadInputError
from netsec_tui.kube.labels import is_stable
from netsec_tui.model.config import LabelConfig, LabelFilter
from netsec_tui.model.flow import Labels
from netsec_tui.model.inventory import Inventory

_EXAMPLES = 8

LAST_RESORT = "where no other is usable"
"""When namespaces are selected by their name although the configuration includes other labels only."""


@dataclass(frozen=True, slots=True)
class KnownKey:
    """Hold a label key, on how many owners or namespaces it is, and some of its values, sorted."""

    key: str
    objects: int
    values: tuple[str, ...]


def workload_keys(inventory: Inventory, knowledge: Knowledge) -> tuple[KnownKey, ...]:
    """Return the keys of templates and live pods, most owners first; hashes of a rollout are none."""
    return _counted(_of_workloads(inventory, knowledge))


def namespace_keys(inventory: Inventory) -> tuple[KnownKey, ...]:
    """Return the keys of namespaces, those on most namespaces first."""
    return _counted(inventory.namespaces.items())


def _of_workloads(inventory: Inventory, knowledge: Knowledge) -> Iterator[tuple[object, Labels]]:
    yield from ((owner.ref, owner.template_labels) for owner in inventory.owners if not owner.host_network)
    yield from ((p.owner, p.labels) for p in inventory.pods if not (p.finished or p.host_network))
    if not inventory.known:
        yield from ((ref, knowledge.labels.get(pod, ())) for pod, ref in knowledge.workloads.items())


def _counted(labelled: Iterable[tuple[object, Labels]]) -> tuple[KnownKey, ...]:
    objects: dict[str, set[object]] = {}
    values: dict[str, set[str]] = {}
    for thing, labels in labelled:
        for key, value in labels:
            if is_stable(key):
                objects.setdefault(key, set()).add(thing)
                values.setdefault(key, set()).add(value)
    known = (
        KnownKey(key, len(found), tuple(sorted(values[key])[:_EXAMPLES])) for key, found in objects.items()
    )
    return tuple(sorted(known, key=lambda k: (-k.objects, k.key)))


def idle_patterns(inventory: Inventory, knowledge: Knowledge, labels: LabelConfig) -> Iterator[str]:
    """Yield the patterns that match no key of the cluster; none as long as no key is known."""
    sorts = (
        (labels.workload, {known.key for known in workload_keys(inventory, knowledge)}),
        (labels.namespace, {known.key for known in namespace_keys(inventory)} | {NAME_LABEL}),
    )
    for keys, present in sorts:
        for pattern in dict.fromkeys((*keys.include, *keys.exclude)):
            if present and not any(matches_any((pattern,), key) for key in present):
                yield pattern


def why_unused(keys: LabelFilter, key: str) -> str:
    """Return which pattern keeps a workload's key out, or that none includes it; empty for a key in use."""
    pattern = next((p for p in keys.exclude if matches_any((p,), key)), "")
    if pattern:
        return "excluded" if pattern == key else f"excluded by {pattern}"
    return "" if is_used(keys, key) else "not included"


def why_unused_in_namespaces(keys: LabelFilter, key: str) -> str:
    """Return why namespaces are not selected by a key; empty for a key in use."""
    if _name_alone(keys, key):
        return "not needed beside the name"
    if key == NAME_LABEL and keys.include and not matches_any((*keys.include, *keys.exclude), key):
        return LAST_RESORT
    return why_unused(keys, key)


def _name_alone(keys: LabelFilter, key: str) -> bool:
    """Tell whether a key is left out because the label of the name stands alone (labelling.py)."""
    named = not keys.include and not matches_any(keys.exclude, NAME_LABEL)
    return named and key != NAME_LABEL and is_used(keys, key)


def toggled(keys: LabelFilter, key: str) -> LabelFilter:
    """Return a filter that uses a workload's key which this one leaves out, or the other way round.

    Raises:
        BadInputError: a pattern that covers other keys too excludes it.
    """
    return replace(keys, exclude=(*keys.exclude, key)) if is_used(keys, key) else _using(keys, key)


def toggled_in_namespaces(keys: LabelFilter, key: str) -> LabelFilter:
    """Return a filter that selects namespaces by a key which this one leaves out, or the other way round.

    Raises:
        BadInputError: a pattern that covers other keys too excludes it.
    """
    if key in keys.include and is_used(keys, key):
        return replace(keys, include=tuple(pattern for pattern in keys.include if pattern != key))
    if _name_alone(keys, key):
        return replace(keys, include=(key,))
    return toggled(keys, key)


def _using(keys: LabelFilter, key: str) -> LabelFilter:
    kept = replace(keys, exclude=tuple(pattern for pattern in keys.exclude if pattern != key))
    wider = next((pattern for pattern in kept.exclude if matches_any((pattern,), key)), "")
    if wider:
        raise BadInputError(f"{key} is excluded by the pattern {wider}: edit or remove that pattern")
    return kept if is_used(kept, key) else replace(kept, include=(*kept.include, key))
