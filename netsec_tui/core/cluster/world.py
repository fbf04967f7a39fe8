"""The cluster as it is known, with the aliases and labels that are configured: what rows are expressed in."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from netsec_tui.core.cluster.addresses import Ranges, single
from netsec_tui.core.cluster.dns import ClusterDns
from netsec_tui.core.cluster.labelled import LabelSets, label_sets
from netsec_tui.core.cluster.labelling import namespace_selector
from netsec_tui.core.evaluate.match import selector_matches
from netsec_tui.core.traffic.knowledge import Knowledge
from netsec_tui.model.config import LabelConfig
from netsec_tui.model.decision import Alias
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.policy import LabelSelector


@dataclass(frozen=True)
class World:
    """Hold all that expressing needs besides the row."""

    inventory: Inventory
    knowledge: Knowledge
    ranges: Ranges
    dns: ClusterDns | None
    aliases: dict[str, Alias]
    labels: LabelConfig = field(default_factory=LabelConfig)

    def namespace_selector(self, namespace: str) -> LabelSelector | None:
        """Return what selects a namespace, None when nothing can.

        Without any Namespace object the label that every namespace carries is relied on.
        """
        known = self.inventory.namespaces
        if known and namespace not in known:
            return None
        return namespace_selector(self.labels.namespace, namespace, known.get(namespace, ()))

    def also_selected(self, namespace: str) -> tuple[str, ...]:
        """Return the other namespaces that the selector of a namespace selects too, sorted."""
        if namespace not in self._also_selected:
            selector = self.namespace_selector(namespace)
            self._also_selected[namespace] = tuple(
                sorted(
                    other
                    for other, labels in self.inventory.namespaces.items()
                    if selector and other != namespace and selector_matches(selector, dict(labels))
                )
            )
        return self._also_selected[namespace]

    def selected(self, namespace: str, selector: LabelSelector) -> set[WorkloadRef]:
        """Return the owners in a namespace of whose pods a selector selects any."""
        return self.labelled(namespace).selected(selector)

    @cached_property
    def pod_families(self) -> frozenset[int]:
        """Return the IP versions of the pods' ranges and addresses."""
        addresses = (single(ip).version for pod in self.inventory.pods for ip in pod.ips)
        return frozenset((*addresses, *(block.version for block in self.ranges.pods)))

    def labelled(self, namespace: str) -> LabelSets:
        """Return the labels of a namespace's pods by owner; they are looked up once."""
        if namespace not in self._labelled:
            self._labelled[namespace] = label_sets(self.inventory, self.knowledge, namespace)
        return self._labelled[namespace]

    @cached_property
    def _labelled(self) -> dict[str, LabelSets]:
        return {}

    @cached_property
    def _also_selected(self) -> dict[str, tuple[str, ...]]:
        return {}

    def same_cluster(self, other: World) -> bool:
        """Tell whether at most the aliases differ.

        Knowledge grows in place; the ranges are made anew with every state of it, so they tell.
        """
        same = self.inventory is other.inventory and self.ranges is other.ranges and self.dns is other.dns
        return same and self.labels == other.labels
