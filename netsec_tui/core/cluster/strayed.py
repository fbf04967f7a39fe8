"""Find applied policies that lost a workload to other labels, or that only have the name generated for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from netsec_tui.core.evaluate.match import selector_matches
from netsec_tui.model.applied import Strayed
from netsec_tui.model.connection import EndPod
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import AppliedPolicy
from netsec_tui.model.policy import LabelSelector


class SelectedBefore:
    """Remember which pods of every workload, by name, the applied policies have selected.

    The pod that an owner would make next is among them, so that it does not matter when pods are replaced. A
    policy whose podSelector was edited is another one: then it is not the labels that have changed.
    """

    def __init__(self) -> None:
        self._selected: dict[tuple[WorkloadRef, str, LabelSelector], set[str]] = defaultdict(set)

    def strayed(
        self,
        ref: WorkloadRef,
        pods: Iterable[EndPod],
        policies: Iterable[AppliedPolicy],
        names: Iterable[str],
    ) -> tuple[Strayed, ...]:
        """Return the policies that do not select pods which they have selected, and remember the others.

        Those of the ``names`` that are generated for the workload should select all of it, seen to or not.
        """
        told = {pod.name: pod for pod in pods if pod.labels or not pod.synthetic}
        generated, found = set(names), []
        for applied in policies:
            policy = applied.policy
            if policy.namespace != ref.namespace:
                continue
            selected = {n for n, pod in told.items() if selector_matches(policy.pod_selector, pod.label_map)}
            known = self._selected[ref, policy.name, policy.pod_selector]
            known |= selected
            ours = policy.name in generated
            relabelled = bool((known & set(told)) - selected)
            if relabelled or (ours and set(told) - selected):
                found.append(Strayed(applied, ref, bool(selected), ours, relabelled))
        return tuple(sorted(found, key=lambda one: one.policy.policy.name))
