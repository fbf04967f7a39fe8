"""Tell the owner of a pod by the name that a controller gave it."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import Inventory

TEMPLATE_HASH = r"[bcdf-hj-np-tv-xz0-9]{5,10}"
"""What a Deployment puts after its name to name a ReplicaSet."""

PLANNED_TIME = r"[0-9]{8,10}"
"""What a CronJob puts after its name to name a Job: minutes."""

_RANDOM = r"[bcdf-hj-np-tv-xz2456789]{5}"
_ORDINAL = r"0|[1-9][0-9]*"
_TAILS = tuple(
    (kinds, tuple(map(re.compile, parts)))
    for kinds, parts in (
        (("DaemonSet", "ReplicaSet", "ReplicationController", "Job"), (_RANDOM,)),
        (("StatefulSet",), (_ORDINAL,)),
        (("Deployment", "Rollout"), (TEMPLATE_HASH, _RANDOM)),
        (("CronJob",), (PLANNED_TIME, _RANDOM)),
        (("Job",), (_ORDINAL, _RANDOM)),
    )
)
"""What stands after an owner's name, part by part, by the kinds of owner; the longest names come first."""


def owner_by_pod_name(inventory: Inventory, namespace: str, pod: str) -> WorkloadRef | None:
    """Return the owner of the cluster state whose controller would give a pod this very name.

    Of several the one with the longest name; None when there is none, or two of one name. One that is gone
    counts where none is there.
    """
    for owners in (inventory.owner_by_ref, inventory.gone_owner_by_ref):
        fitting = list(_fitting(owners, namespace, pod))
        if fitting:
            longest = [ref for ref in fitting if len(ref.name) == len(fitting[0].name)]
            return longest[0] if len(longest) == 1 else None
    return None


def _fitting(owners: Container[WorkloadRef], namespace: str, pod: str) -> Iterator[WorkloadRef]:
    for kinds, tail in _TAILS:
        name, *parts = pod.rsplit("-", len(tail))
        if len(parts) == len(tail) and all(map(re.Pattern.fullmatch, tail, parts)):
            refs = (WorkloadRef(kind, namespace, name) for kind in kinds)
            yield from (ref for ref in refs if ref in owners)
