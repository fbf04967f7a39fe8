"""Whom else a selector selects: the labels of a namespace's pods, by owner."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from netsec_tui.core.cluster.selectors import has_labels
from netsec_tui.core.evaluate.match import selector_matches
from netsec_tui.core.traffic.knowledge import Knowledge
from netsec_tui.kube.labels import stable_labels
from netsec_tui.model.flow import Labels
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.policy import LabelSelector

Labelled = tuple[WorkloadRef, Labels]
"""An owner with labels that pods of it have; one owner may come with several."""


class LabelSets:
    """Hold owners with the labels of their pods, to find those that a selector of stable keys selects."""

    def __init__(self, found: Iterable[Labelled]) -> None:
        self._all = frozenset((ref, stable_labels(labels)) for ref, labels in found)
        self._by_label: dict[tuple[str, str], list[Labelled]] = defaultdict(list)
        for one in self._all:
            for pair in one[1]:
                self._by_label[pair].append(one)

    def selected(self, selector: LabelSelector) -> set[WorkloadRef]:
        """Return the owners of which any labels match."""
        by_label = [self._by_label.get(pair, []) for pair in selector.match_labels]
        near = min(by_label, key=len) if by_label else self._all
        return {ref for ref, labels in near if selector_matches(selector, dict(labels))}


def label_sets(inventory: Inventory, knowledge: Knowledge, namespace: str) -> LabelSets:
    """Return the stable labels of a namespace's templates and live pods, by owner."""
    return LabelSets(labelled(inventory, knowledge, namespace))


def labelled(inventory: Inventory, knowledge: Knowledge, namespace: str) -> Iterator[Labelled]:
    """Yield all labels of a namespace's templates and live pods.

    Pods on the host network are left out: no selector matches them. Without any cluster state the pods
    whose owner flows told of stand in.
    """
    for owner in inventory.owners_by_namespace.get(namespace, ()):
        if owner.template_labels and not owner.host_network and owner.ref.kind != "Pod":
            yield owner.ref, owner.template_labels
    for pod in inventory.pods:
        if pod.namespace == namespace and not pod.finished and not pod.host_network:
            yield pod.owner, pod.labels
    if not inventory.known:
        for named, ref in knowledge.workloads.items():
            if ref.namespace == namespace and knowledge.labels.get(named):
                yield ref, knowledge.labels[named]


def not_behind(found: Iterable[Labelled], whole: Labels, selector: LabelSelector) -> tuple[WorkloadRef, ...]:
    """Return the owners with pods that a part of a Service's selector selects, but not the whole; sorted."""
    others = {
        ref
        for ref, labels in found
        if selector_matches(selector, dict(labels)) and not has_labels(whole, labels)
    }
    return tuple(sorted(others))
