"""What other label filters would do to every selector of the cluster, before they are accepted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from netsec_tui.core.cluster.labelled import Labelled, labelled
from netsec_tui.core.cluster.labelling import unused, used_selector
from netsec_tui.core.cluster.subject import is_host_network, owner_selector
from netsec_tui.core.cluster.world import World
from netsec_tui.core.configure.label_keys import idle_patterns
from netsec_tui.core.evaluate.bits import members
from netsec_tui.core.evaluate.classes import LabelIndex
from netsec_tui.core.words import labels_needed
from netsec_tui.model.config import LabelConfig
from netsec_tui.model.configuring import NAMESPACE, LabelEffect, SelectorChange
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import Service
from netsec_tui.model.policy import LabelSelector

_Found = tuple[LabelSelector | None, str]
"""A selector, or None with one sentence why there is none."""


def label_effect(world: World, labels: LabelConfig) -> LabelEffect:
    """Return which selectors of owners, Services and namespaces change when ``labels`` are in force.

    Owners on the host network are left out: no selector is written for them.
    """
    idle = idle_patterns(world.inventory, world.knowledge, labels)
    return replace(Effects(world).of(labels), idle=tuple(idle))


class Effects:
    """Hold the selectors of a cluster as they are now, to try several label filters against them."""

    def __init__(self, world: World) -> None:
        self._world = world
        inventory = world.inventory
        services = (service for service in inventory.services if service.selector)
        self._services = {_service_ref(service): service for service in services}
        self._owners = tuple(ref for ref in _owners(world) if not is_host_network(inventory, ref))
        spaces = {ref.namespace for ref in self._owners} | set(inventory.namespaces)
        self._spaces = tuple(WorkloadRef(NAMESPACE, "", name) for name in sorted(spaces))
        self._now = dict(self._selectors(world.labels))
        self._pods: dict[str, _Selectable] = {}
        labels_of = inventory.namespaces.items()
        self._labelled_spaces = _Selectable((WorkloadRef(NAMESPACE, "", n), found) for n, found in labels_of)

    def of(self, labels: LabelConfig) -> LabelEffect:
        """Return what changes when other filters are in force, harmful changes first."""
        after = self._selectors(labels)
        changed = [self._change(ref, found) for ref, found in after if found[0] != self._now[ref][0]]
        ordered = sorted(
            changed, key=lambda change: (not change.harmful, not change.dns, change.ref[1:], change.ref)
        )
        return LabelEffect(tuple(ordered), len(self._now))

    def _selectors(self, labels: LabelConfig) -> Iterator[tuple[WorkloadRef, _Found]]:
        inventory, knowledge, keys = self._world.inventory, self._world.knowledge, labels.workload
        for ref in self._owners:
            yield ref, owner_selector(inventory, knowledge, ref, keys)
        for ref, service in self._services.items():
            whole = LabelSelector(service.selector)
            kept = used_selector(keys, whole)
            yield ref, (kept, "" if kept else unused(ref, whole))
        world = replace(self._world, labels=labels)
        for space in self._spaces:
            selector = world.namespace_selector(space.name)
            yield space, (selector, "" if selector else labels_needed((space.name,)))

    def _change(self, ref: WorkloadRef, found: _Found) -> SelectorChange:
        before, (after, why) = self._now[ref][0], found
        service = self._services.get(ref)
        # A Service that could not be selected by gets its own pods back, no others.
        base = LabelSelector(service.selector) if service and before is None else before
        selectable = self._selectable(ref)
        also, no_longer = selectable.turnover(base, after)
        if after and selectable.leaves_out(ref, before, after):
            why = _LEFT_OUT.format(ref)
        dns = self._world.dns
        return SelectorChange(
            ref,
            before,
            after,
            tuple(sorted(also - {ref})),
            tuple(sorted(no_longer - {ref})),
            why,
            dns is not None and ref == WorkloadRef("Service", dns.namespace, dns.name),
        )

    def _selectable(self, ref: WorkloadRef) -> _Selectable:
        if ref.kind == NAMESPACE:
            return self._labelled_spaces
        if ref.namespace not in self._pods:
            pods = labelled(self._world.inventory, self._world.knowledge, ref.namespace)
            self._pods[ref.namespace] = _Selectable(set(pods))
        return self._pods[ref.namespace]


_LEFT_OUT = "it does not select all pods that {} has or would make"


class _Selectable:
    """Hold owners or namespaces with their labels, to compare whom two selectors select."""

    def __init__(self, found: Iterable[Labelled]) -> None:
        pairs = tuple(found)
        self._refs = tuple(ref for ref, _ in pairs)
        self._labels = LabelIndex(labels for _, labels in pairs)
        self._of: dict[WorkloadRef, int] = {}
        for number, ref in enumerate(self._refs):
            self._of[ref] = self._of.get(ref, 0) | 1 << number

    def turnover(
        self, before: LabelSelector | None, after: LabelSelector | None
    ) -> tuple[set[WorkloadRef], set[WorkloadRef]]:
        """Return whom the second selects but not the first, and the other way round; None selects nobody."""
        first, second = (self._labels.select(s) if s else 0 for s in (before, after))
        return self._named(second & ~first), self._named(first & ~second)

    def leaves_out(self, ref: WorkloadRef, before: LabelSelector | None, after: LabelSelector) -> bool:
        """Tell whether the second selects less of an owner itself than the first, or nothing of it."""
        own, then = self._of.get(ref, 0), self._labels.select(after)
        now = self._labels.select(before) if before else own
        return bool(own & now & ~then) or bool(own and not own & then)

    def _named(self, bits: int) -> set[WorkloadRef]:
        return {self._refs[number] for number in members(bits)}


def _service_ref(service: Service) -> WorkloadRef:
    return WorkloadRef("Service", service.namespace, service.name)


def _owners(world: World) -> list[WorkloadRef]:
    inventory, knowledge = world.inventory, world.knowledge
    known = {owner.ref for owner in inventory.owners} | set(inventory.pods_by_owner)
    if not inventory.known:
        known |= set(knowledge.workloads.values()) | set(knowledge.owner_keys)
    return sorted(known)
