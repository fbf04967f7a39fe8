"""What flows tell of pods: one flow names a pod without its labels, another gives them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from netsec_tui.core.cluster.selectors import owner_label
from netsec_tui.core.traffic.aggregated import is_aggregated
from netsec_tui.kube.labels import stable_labels
from netsec_tui.model.flow import Endpoint, Labels
from netsec_tui.model.identity import WorkloadRef

PodName = tuple[str, str]
"""(namespace, pod name)"""


@dataclass
class Knowledge:
    """Gather facts about pods from the endpoints of all flows; grows only.

    ``version`` counts additions that may change how an earlier endpoint resolves.
    """

    labels: dict[PodName, Labels] = field(default_factory=dict)
    workloads: dict[PodName, WorkloadRef] = field(default_factory=dict)
    pods_by_ip: dict[str, set[PodName]] = field(default_factory=dict)
    workloads_by_labels: dict[tuple[str, Labels], set[WorkloadRef]] = field(default_factory=dict)
    owner_keys: dict[WorkloadRef, set[str]] = field(default_factory=dict)
    version: int = 0
    _told_labels: dict[PodName, set[Labels]] = field(default_factory=dict)
    _told_workloads: dict[PodName, set[tuple[str, str]]] = field(default_factory=dict)
    _index: tuple[int, dict[tuple[str, Labels], set[WorkloadRef]]] = (-1, {})

    def learn(self, endpoint: Endpoint) -> None:
        """Take in what one endpoint tells."""
        self._learn_owner_key(endpoint)
        if not endpoint.namespace:
            return
        if endpoint.workloads and endpoint.labels:
            kind, name = endpoint.workloads[0]
            self._learn_labels_of(WorkloadRef(kind, endpoint.namespace, name), endpoint.labels)
        if not endpoint.pod or is_aggregated(endpoint.pod):
            return
        pod = (endpoint.namespace, endpoint.pod)
        if endpoint.labels and self._put(self._told_labels, pod, endpoint.labels):
            self.labels[pod] = _undisputed(self._told_labels[pod])
        if endpoint.workloads and self._put(self._told_workloads, pod, endpoint.workloads[0]):
            kind, name = min(self._told_workloads[pod])
            self.workloads[pod] = WorkloadRef(kind, endpoint.namespace, name)
        if endpoint.ip:
            self._put(self.pods_by_ip, endpoint.ip, pod)

    def workload_with(self, namespace: str, labels: Labels) -> WorkloadRef | None:
        """Return the only workload that flows told of pods with these labels; hashes do not count.

        Sources name the workload of the pods on their own node only; the others' labels lead to it.
        """
        if self._index[0] != self.version:
            self._index = (self.version, self._by_labels())
        told = self._index[1].get((namespace, stable_labels(labels)), set())
        return next(iter(told)) if len(told) == 1 else None

    def _by_labels(self) -> dict[tuple[str, Labels], set[WorkloadRef]]:
        found = {key: set(refs) for key, refs in self.workloads_by_labels.items()}
        for pod, ref in self.workloads.items():
            if pod in self.labels:
                found.setdefault((ref.namespace, stable_labels(self.labels[pod])), set()).add(ref)
        return found

    def _learn_labels_of(self, ref: WorkloadRef, labels: Labels) -> None:
        self._put(self.workloads_by_labels, (ref.namespace, stable_labels(labels)), ref)

    def _learn_owner_key(self, endpoint: Endpoint) -> None:
        named = owner_label(endpoint.labels)
        if named and endpoint.namespace:
            ref = WorkloadRef("Workload", endpoint.namespace, named[1])
            self._put(self.owner_keys, ref, named[0])

    def _put(self, index: dict, key: object, value: object) -> bool:  # type: ignore[type-arg]
        values = index.setdefault(key, set())
        if value in values:
            return False
        values.add(value)
        self.version += 1
        return True


def _undisputed(told: Iterable[Labels]) -> Labels:
    """Return all labels that were told of a pod but those with two values, whichever came first."""
    values: dict[str, set[str]] = {}
    for labels in told:
        for key, value in labels:
            values.setdefault(key, set()).add(value)
    return tuple(sorted((key, min(found)) for key, found in values.items() if len(found) == 1))
