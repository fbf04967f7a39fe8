"""What flows tell of pods: one flow names a pod without its labels, another gives them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from netsec_tui.core.cluster.selectors import owner_label
from netsec_tui.core.traffic.aggregated import is_aggregated
from netsec_tui.kube.labels import stable_labels
from netsec_tui.model.flow import Endpoint, Labels
from netsec_tui.model.identity import WorkloadRef

PodName = tuple[str, str]
"""(namespace, pod name)"""

LabelSet = tuple[str, Labels]
"""(namespace, labels that outlive a rollout)"""

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Facts:
    """Hold of what something is known, or was asked: pods, addresses, and whose pods have some labels."""

    pods: set[PodName] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    labels: set[LabelSet] = field(default_factory=set)


@dataclass
class Knowledge:
    """Gather facts about pods from the endpoints of all flows; grows only."""

    labels: dict[PodName, Labels] = field(default_factory=dict)
    workloads: dict[PodName, WorkloadRef] = field(default_factory=dict)
    pods_by_ip: dict[str, set[PodName]] = field(default_factory=dict)
    workloads_by_labels: dict[LabelSet, set[WorkloadRef]] = field(default_factory=dict)
    owner_keys: dict[WorkloadRef, set[str]] = field(default_factory=dict)
    _told_labels: dict[PodName, set[Labels]] = field(default_factory=dict)
    _told_workloads: dict[PodName, set[tuple[str, str]]] = field(default_factory=dict)
    _sharing: dict[LabelSet, Counter[WorkloadRef]] = field(default_factory=dict)

    def learn(self, endpoint: Endpoint) -> Facts:
        """Take in what one endpoint tells; return of what something else is known than before."""
        news = Facts()
        self._learn_owner_key(endpoint)
        if not endpoint.namespace:
            return news
        if endpoint.workloads and endpoint.labels:
            kind, name = endpoint.workloads[0]
            ref = WorkloadRef(kind, endpoint.namespace, name)
            shared = endpoint.namespace, stable_labels(endpoint.labels)
            if _put(self.workloads_by_labels, shared, ref):
                self._share(shared, ref, 1, news)
        if endpoint.pod and not is_aggregated(endpoint.pod):
            self._learn_pod((endpoint.namespace, endpoint.pod), endpoint, news)
        return news

    def snapshot(self) -> Knowledge:
        """Return what is known now, for another thread: this one goes on learning."""
        return Knowledge(
            dict(self.labels),
            dict(self.workloads),
            {ip: set(pods) for ip, pods in self.pods_by_ip.items()},
            {labels: set(refs) for labels, refs in self.workloads_by_labels.items()},
            {ref: set(keys) for ref, keys in self.owner_keys.items()},
            _sharing={labels: Counter(refs) for labels, refs in self._sharing.items()},
        )

    def workload_with(self, labels: LabelSet) -> WorkloadRef | None:
        """Return the only workload that flows told of pods with these labels.

        Sources name the workload of the pods on their own node only; the others' labels lead to it.
        """
        told = self._sharing.get(labels, ())
        return next(iter(told)) if len(told) == 1 else None

    def _learn_pod(self, pod: PodName, endpoint: Endpoint, news: Facts) -> None:
        before = self.labels.get(pod), self.workloads.get(pod)
        if endpoint.labels and _put(self._told_labels, pod, endpoint.labels):
            self.labels[pod] = _undisputed(self._told_labels[pod])
        if endpoint.workloads and _put(self._told_workloads, pod, endpoint.workloads[0]):
            kind, name = min(self._told_workloads[pod])
            self.workloads[pod] = WorkloadRef(kind, endpoint.namespace, name)
        if endpoint.ip and _put(self.pods_by_ip, endpoint.ip, pod):
            news.addresses.add(endpoint.ip)
        now = self.labels.get(pod), self.workloads.get(pod)
        if now != before:
            news.pods.add(pod)
            for (labels, ref), by in ((now, 1), (before, -1)):
                if labels is not None and ref:
                    self._share((endpoint.namespace, stable_labels(labels)), ref, by, news)

    def _share(self, labels: LabelSet, ref: WorkloadRef, by: int, news: Facts) -> None:
        """Count the tellings by which a workload's pods have some labels."""
        before = self.workload_with(labels)
        told = self._sharing.setdefault(labels, Counter())
        told[ref] += by
        if not told[ref]:
            del told[ref]
        if self.workload_with(labels) != before:
            news.labels.add(labels)

    def _learn_owner_key(self, endpoint: Endpoint) -> None:
        named = owner_label(endpoint.labels)
        if named and endpoint.namespace:
            _put(self.owner_keys, WorkloadRef("Workload", endpoint.namespace, named[1]), named[0])


def _put(index: dict[_Key, set[_Value]], key: _Key, value: _Value) -> bool:
    values = index.setdefault(key, set())
    if value in values:
        return False
    values.add(value)
    return True


def _undisputed(told: Iterable[Labels]) -> Labels:
    """Return all labels that were told of a pod but those with two values, whichever came first."""
    values: dict[str, set[str]] = {}
    for labels in told:
        for key, value in labels:
            values.setdefault(key, set()).add(value)
    return tuple(sorted((key, min(found)) for key, found in values.items() if len(found) == 1))
