"""Who had an address when: pods come and go, and an address goes from one to the next."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from netsec_tui.model.inventory import Pod

LATE = 120.0
"""Seconds for which a gone pod's traffic may still be told: a closed connection stays in a table so long.

Gone is what was deleted or has ended by itself. It counts only while nobody else is known to have the
address.
"""

_CLOCK_SKEW = 5.0
"""Seconds by which a node's clock may run behind the API server's.

What is dated so shortly before a pod was created may be of that pod, or of one that had the address before.
"""


class Tenure(NamedTuple):
    """Hold from when to before when, in epoch seconds, a pod had an address, unless a later one begins."""

    since: float
    until: float
    pod: Pod


def tenures(pods: Iterable[Pod]) -> tuple[Tenure, ...]:
    """Return the tenures of the pods that have, or had, one address; of two from one time the later counts.

    A pod is created before it gets its address, so nothing from before that is its own: who had the address
    then may be gone unseen. Where the one before it was deleted after that, its tenure begins there. One that
    had ended by itself had given the address back by then, or at a time nobody knows: where that is not told
    it has no tenure, since another may have had the address ever since.
    """
    held: list[Tenure] = []
    freed = -math.inf
    for pod in sorted(pods, key=lambda p: (p.created, not p.finished, p.name)):
        # Cluster state that does not tell when pods were created (manifests) tells no change of hands.
        since = max(pod.created, freed) if pod.created else -math.inf
        if pod.ended and pod.created and not pod.ended_at:
            held.append(Tenure(since, -math.inf, pod))
            continue
        end = min((time for time in (pod.ended_at, pod.deleted) if time), default=math.inf)
        held.append(Tenure(since, end, pod))
        if end < math.inf:
            freed = max(freed, end)
    return tuple(tenure._replace(until=_told_until(tenure, held)) for tenure in held)


def _told_until(held: Tenure, all_held: Iterable[Tenure]) -> float:
    """Return until when an address counts as that of a pod that held it until ``held.until``."""
    nexts = (max(held.until, other.since - _CLOCK_SKEW) for other in all_held if other.since > held.since)
    return min((held.until + LATE, *nexts))


def certain(found: Iterable[Tenure], doubt: float) -> tuple[Tenure, ...]:
    """Return when a pod had the address for sure, if all that was seen may have been ``doubt`` seconds later.

    After a pod that ended by itself that may be one of whom nothing is known.
    """
    found = tuple(found)
    return tuple(
        t._replace(until=min((_sure(t, doubt), *(o.since - doubt for o in found if o.since > t.since))))
        for t in found
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
