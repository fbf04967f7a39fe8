"""What flows tell of pods: one flow names a pod without its labels, another gives them."""

from __future__ import annotations

from dataclasses import dataclass, field

from netsec_tui.core.selectors import owner_label
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

    def learn(self, endpoint: Endpoint) -> None:
        """Take in what one endpoint tells."""
        self._learn_owner_key(endpoint)
        if not endpoint.namespace:
            return
        if endpoint.workloads:
            kind, name = endpoint.workloads[0]
            ref = WorkloadRef(kind, endpoint.namespace, name)
            self._put(self.workloads_by_labels, (endpoint.namespace, endpoint.labels), ref)
        if not endpoint.pod:
            return
        pod = (endpoint.namespace, endpoint.pod)
        if endpoint.labels and pod not in self.labels:
            self.labels[pod] = endpoint.labels
            self.version += 1
        if endpoint.workloads and pod not in self.workloads:
            kind, name = endpoint.workloads[0]
            self.workloads[pod] = WorkloadRef(kind, endpoint.namespace, name)
            self.version += 1
        if endpoint.ip:
            self._put(self.pods_by_ip, endpoint.ip, pod)

    def _learn_owner_key(self, endpoint: Endpoint) -> None:
        named = owner_label(endpoint.labels)
        if named and endpoint.namespace:
            ref = WorkloadRef("Workload", endpoint.namespace, named[1])
            self._put(self.owner_keys, ref, named[0])

    def _put(self, index: dict, key: object, value: object) -> None:  # type: ignore[type-arg]
        values = index.setdefault(key, set())
        if value not in values:
            values.add(value)
            self.version += 1
