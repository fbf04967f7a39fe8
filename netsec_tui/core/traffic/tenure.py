"""Who had an address when: pods come and go, and an address goes from one to the next."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from netsec_tui.core.traffic.turns import minute_of
from netsec_tui.model.inventory import Pod

LATE = 120.0
"""Seconds for which traffic of a deleted pod may still be told.

A closed connection stays in a node's table for that long, and nodes' clocks may be that far apart
(flow-sources.md §8.25). A pod that gets the address meanwhile has it from its own first minute on.
"""


class Tenure(NamedTuple):
    """Hold the minutes, both included, in which a pod had an address, unless a later tenure begins before."""

    since: float
    until: float
    pod: Pod


def tenures(pods: Iterable[Pod]) -> tuple[Tenure, ...]:
    """Return the tenures of the pods that have, or had, one address; of two in one minute the later counts.

    A pod is created before it gets its address, so where the one before it was deleted after that, its
    tenure begins there. One that had ended by itself had given the address back at a time nobody knows.
    """
    found: list[Tenure] = []
    freed = 0.0
    for pod in sorted(pods, key=lambda p: (p.created, not p.finished, p.name)):
        # Cluster state that does not tell when pods were created (manifests) tells no change of hands.
        since = max(minute_of(pod.created), freed // 60.0) if pod.created else -math.inf
        until = math.floor((pod.deleted + LATE) / 60.0) if pod.deleted else math.inf
        found.append(Tenure(since, until, pod))
        if pod.deleted and not pod.ended:
            freed = max(freed, pod.deleted)
    return tuple(found)


def holder_at(found: Iterable[Tenure], minute: float) -> Pod | None:
    """Return the pod that had the address in a minute, None when nobody had."""
    begun = [tenure for tenure in found if tenure.since <= minute]
    last = max(enumerate(begun), key=lambda entry: (entry[1].since, entry[0]), default=None)
    return last[1].pod if last and minute <= last[1].until else None


def changes_of(found: Iterable[Tenure]) -> tuple[int, ...]:
    """Return the minutes from which the address is another's or nobody's, sorted; mostly none."""
    ends = ({tenure.since, tenure.until + 1} for tenure in found)
    return tuple(sorted(int(minute) for minute in set().union(*ends) if math.isfinite(minute)))
