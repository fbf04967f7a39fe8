"""Find applied policies that no longer select a workload, as its labels have changed."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from netsec_tui.core.evaluate.match import selector_matches
from netsec_tui.model.applied import Strayed
from netsec_tui.model.connection import EndPod
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import AppliedPolicy
from netsec_tui.model.policy import LabelSelector


class _Extent(IntEnum):
    NOTHING = 0
    SOME = 1
    ALL = 2


class SelectedBefore:
    """Remember of every workload how far the applied policies have selected it.

    A policy whose podSelector was edited is another one: then not the labels have changed.
    """

    def __init__(self) -> None:
        self._most: dict[tuple[WorkloadRef, str, LabelSelector], _Extent] = {}

    def strayed(
        self,
        ref: WorkloadRef,
        pods: Iterable[EndPod],
        policies: Iterable[AppliedPolicy],
        names: Iterable[str],
    ) -> tuple[Strayed, ...]:
        """Return the policies that select fewer of a workload's pods than they did, and remember.

        Those of the ``names`` that are generated for the workload are taken to have selected all of it.
        """
        told = [pod for pod in pods if pod.labels or not pod.synthetic]
        generated = set(names)
        found = []
        for applied in policies if told else ():
            policy = applied.policy
            if policy.namespace != ref.namespace:
                continue
            key = (ref, policy.name, policy.pod_selector)
            now = _extent(policy.pod_selector, told)
            least = _Extent.ALL if policy.name in generated else _Extent.NOTHING
            self._most[key] = max(now, least, self._most.get(key, _Extent.NOTHING))
            if now < self._most[key]:
                found.append(Strayed(applied, ref, now is _Extent.SOME, policy.name in generated))
        return tuple(sorted(found, key=lambda one: one.policy.policy.name))


def _extent(selector: LabelSelector, pods: Iterable[EndPod]) -> _Extent:
    matches = {selector_matches(selector, pod.label_map) for pod in pods}
    return _Extent.SOME if len(matches) > 1 else _Extent.ALL if True in matches else _Extent.NOTHING
