"""Names that stand for all pods of one controller, as Calico tells them: ``web-6b687c8dcb-*``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

from netsec_tui.core.traffic.pod_names import PLANNED_TIME, TEMPLATE_HASH, owner_by_pod_name
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import Inventory, Pod

_STAR = "-*"
_ENDS = ("bcdfg", "0")
"""What a controller may have put in place of the star: random letters, or a StatefulSet's ordinal."""

_REVISION = re.compile(rf"(.+)-(?:{TEMPLATE_HASH}|{PLANNED_TIME})")


def is_aggregated(pod: str) -> bool:
    """Tell whether a pod's name is the generateName of several with a star (Felix, GetMetadata)."""
    return pod.endswith(_STAR)


def stem_of(pod: str) -> str:
    """Return what an aggregated name says of its owner's: without the star and the hash of a rollout."""
    name = pod.removesuffix(_STAR)
    revision = _REVISION.fullmatch(name)
    return revision[1] if revision else name


class AggregatedNames:
    """Find the owners behind aggregated names in one cluster state."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    def owner(self, namespace: str, pod: str) -> WorkloadRef | None:
        """Return the owner of all pods so named, else the one whose controller would name pods so.

        Pods that are gone count where none is there. None when there is no owner, or several.
        """
        name = pod.removesuffix(_STAR)
        found = self._owners.get((namespace, name)) or self._gone.get((namespace, name), set())
        if not found:
            ends = (owner_by_pod_name(self._inventory, namespace, f"{name}-{end}") for end in _ENDS)
            found = {ref for ref in ends if ref}
        return next(iter(found)) if len(found) == 1 else None

    @cached_property
    def _owners(self) -> _Owners:
        return _by_generate_name(self._inventory.pods)

    @cached_property
    def _gone(self) -> _Owners:
        return _by_generate_name(self._inventory.gone_pods)


_Owners = dict[tuple[str, str], set[WorkloadRef]]


def _by_generate_name(pods: Iterable[Pod]) -> _Owners:
    owners: _Owners = {}
    for pod in pods:
        if pod.owner.kind != "Pod":
            owners.setdefault((pod.namespace, pod.name.rpartition("-")[0]), set()).add(pod.owner)
    return owners
