"""Who had an address when: pods come and go, and an address goes from one to the next."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from netsec_tui.model.inventory import Pod

LATE = 120.0
"""Seconds for which a gone pod's traffic may still be told, and for which a new one's may come early.

Gone is what was deleted or has ended by itself. A closed connection stays in a node's table for that long,
and nodes' clocks may be that far apart (flow-sources.md §8.25). Both count only while nobody else is known
to have had the address.
"""

_CLOCK_SKEW = 5.0
"""Seconds by which a node's clock may run behind the API server's where another had the address before."""


class Tenure(NamedTuple):
    """Hold from when to before when, in epoch seconds, a pod had an address, unless a later one begins."""

    since: float
    until: float
    pod: Pod


def tenures(pods: Iterable[Pod]) -> tuple[Tenure, ...]:
    """Return the tenures of the pods that have, or had, one address; of two from one time the later counts.

    A pod is created before it gets its address, so where the one before it was deleted after that, its
    tenure begins there. One that had ended by itself had given the address back by then, or at a time nobody
    knows: where that is not told it has no tenure, since another may have had the address ever since.
    """
    found: list[Tenure] = []
    freed = 0.0
    held_until = -math.inf
    for pod in sorted(pods, key=lambda p: (p.created, not p.finished, p.name)):
        # Cluster state that does not tell when pods were created (manifests) tells no change of hands.
        since = max(_begin(pod.created, held_until), freed) if pod.created else -math.inf
        if pod.ended and pod.created and not pod.ended_at:
            found.append(Tenure(since, since, pod))
            held_until = math.inf
            continue
        end = min((time for time in (pod.ended_at, pod.deleted) if time), default=math.inf)
        found.append(Tenure(since, end + LATE, pod))
        held_until = max(held_until, end + LATE)
        if end < math.inf:
            freed = max(freed, end)
    return tuple(found)


def _begin(created: float, held_until: float) -> float:
    return min(created - _CLOCK_SKEW, max(created - LATE, held_until))


def certain(found: Iterable[Tenure], doubt: float) -> tuple[Tenure, ...]:
    """Return when a pod had the address for sure, if all that was seen may have been ``doubt`` seconds later.

    Who comes next had it from when it was created on, not from when its first flows may be dated. After a
    pod that ended by itself that may be one of whom nothing is known.
    """
    firm = [t._replace(since=max(t.since, t.pod.created)) if t.pod.created else t for t in found]
    return tuple(
        t._replace(until=min((_sure(t, doubt), *(o.since - doubt for o in firm if o.since > t.since))))
        for t in firm
    )


def _sure(tenure: Tenure, doubt: float) -> float:
    return tenure.until - doubt if tenure.pod.ended else tenure.until


def holder_at(found: Iterable[Tenure], when: float) -> Pod | None:
    """Return the pod that had the address at a time, None when nobody had."""
    begun = [tenure for tenure in found if tenure.since <= when]
    last = max(enumerate(begun), key=lambda entry: (entry[1].since, entry[0]), default=None)
    return last[1].pod if last and when < last[1].until else None


def changes_of(found: Iterable[Tenure]) -> tuple[float, ...]:
    """Return the times from which the address is another's or nobody's, sorted; mostly none."""
    ends = ({tenure.since, tenure.until} for tenure in found)
    return tuple(sorted(time for time in set().union(*ends) if math.isfinite(time)))
