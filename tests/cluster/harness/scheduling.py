"""Which node a pod runs on."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping, Sequence

from tests.cluster.harness.pods import Addresses
from tests.cluster.harness.rest import Object

ADDRESS = "netsec-tui.dev/ip"
"""The annotation by which a pod asks for an IPv4 address."""


class Scheduler:
    """Gives each pod a node that it may run on, the nodes in turn."""

    def __init__(self, pools: Mapping[str, Addresses]) -> None:
        """Say which nodes there are.

        Args:
            pools: The addresses of each node by its name.
        """
        self._pools = pools
        self._turn = itertools.count()
        self._lock = threading.Lock()

    def choose(self, pod: Object, nodes: Sequence[Object]) -> str | None:
        """Return the name of a node for a pod, of Node objects; None where none will do."""
        labels = {node["metadata"]["name"]: node["metadata"].get("labels", {}) for node in nodes}
        fitting = [name for name in sorted(self._pools) if name in labels and _fits(pod, name, labels[name])]
        wanted = pod["metadata"].get("annotations", {}).get(ADDRESS)
        if wanted:
            fitting = [name for name in fitting if self._pools[name].holds(wanted)]
        if not fitting:
            return None
        with self._lock:
            return fitting[next(self._turn) % len(fitting)]


def _fits(pod: Object, name: str, labels: Mapping[str, str]) -> bool:
    spec = pod["spec"]
    selector: Mapping[str, str] = spec.get("nodeSelector") or {}
    if not selector.items() <= labels.items():
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    terms = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms")
    return terms is None or any(_term_holds(term, name, labels) for term in terms)


def _term_holds(term: Object, name: str, labels: Mapping[str, str]) -> bool:
    fields = [(need, {"metadata.name": name}) for need in term.get("matchFields") or []]
    expressions = [(need, labels) for need in term.get("matchExpressions") or []]
    return all(_need_holds(need, values) for need, values in [*fields, *expressions])


def _need_holds(need: Object, values: Mapping[str, str]) -> bool:
    value, operator = values.get(need["key"]), need["operator"]
    listed = value in (need.get("values") or [])
    return {
        "In": listed,
        "NotIn": not listed,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }.get(operator, False)
