"""What was deleted: kept for a while, so that traffic from before keeps its names."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from netsec_tui.sources.contract import KubeObject

KEPT_SECONDS = 7 * 86_400.0
"""The longest time span that can be looked back on."""

MOST = 20_000
"""Pods, and other objects as well, that are kept; the oldest go first."""

_OWNERS = ("replicasets", "deployments", "statefulsets", "daemonsets", "jobs", "cronjobs")


class Gone:
    """Keep deleted owners, and deleted pods that had an address of their own, each with its time."""

    def __init__(self) -> None:
        self._pods: deque[KubeObject] = deque()
        self._owners: deque[KubeObject] = deque()

    def add(self, resource: str, obj: KubeObject, when: float) -> None:
        """Take in an object with when it was last there (epoch seconds); most leave no trace."""
        if resource == "pods" and _addressed(obj):
            _put(self._pods, _left(obj), when)
        elif resource in _OWNERS:
            _put(self._owners, obj, when)

    def objects(self) -> tuple[KubeObject, ...]:
        """Return what is kept, the oldest first of each sort."""
        return (*self._owners, *self._pods)


def _put(kept: deque[KubeObject], obj: KubeObject, when: float) -> None:
    kept.append({**obj, "deleted": when})
    while len(kept) > MOST or kept[0]["deleted"] < when - KEPT_SECONDS:
        kept.popleft()


def _addressed(pod: KubeObject) -> bool:
    return bool(_child(pod, "status").get("podIP")) and not _child(pod, "spec").get("hostNetwork")


def _left(pod: KubeObject) -> KubeObject:
    """Return a pod as it was before it was told to go.

    Kubelets end a pod that is deleted with phase Succeeded or Failed. Without a time of deletion it had
    come to that by itself before, and its address was free since.
    """
    if not _child(pod, "metadata").get("deletionTimestamp"):
        return pod
    status = {key: value for key, value in _child(pod, "status").items() if key != "phase"}
    return {**pod, "status": status}


def _child(obj: KubeObject, key: str) -> Mapping[str, Any]:
    value = obj.get(key)
    return value if isinstance(value, Mapping) else {}
