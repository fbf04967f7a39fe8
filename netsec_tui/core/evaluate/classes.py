"""Classes of pods: those that no selector, port name or address of the policies can tell apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from netsec_tui.core.evaluate.addresses import address_number
from netsec_tui.core.evaluate.families import families_of
from netsec_tui.core.evaluate.match import NamedPorts
from netsec_tui.core.evaluate.ports import known_names, names_used, port_entries
from netsec_tui.core.evaluate.ranges import AddressClasses
from netsec_tui.model.connection import EndPod
from netsec_tui.model.policy import LabelSelector, NetworkPolicy

Seen = tuple[tuple[str, str | None], ...]
"""Labels as the selectors see them: None for a value that none of them names."""


class _Key(NamedTuple):
    namespace: str
    labels: Seen
    namespace_labels: Seen
    named: tuple[tuple[tuple[str, str], int], ...]
    addresses: tuple[tuple[int, ...], ...]
    families: tuple[int, ...]


class Vocabulary:
    """Hold the label keys that selectors ask for, and of each key the values that they name."""

    def __init__(self, selectors: Iterable[LabelSelector | None]) -> None:
        self._values: dict[str, set[str]] = defaultdict(set)
        for selector in selectors:
            if selector is None:
                continue
            for key, value in selector.match_labels:
                self._values[key].add(value)
            for requirement in selector.match_expressions:
                self._values[requirement.key].update(requirement.values)

    def see(self, labels: Mapping[str, str]) -> Seen:
        """Return what the selectors can see of some labels."""
        return tuple(
            (key, labels[key] if labels[key] in self._values[key] else None)
            for key in sorted(labels.keys() & self._values.keys())
        )


class LabelIndex:
    """Find the classes that a selector matches, as a bit set, without looking at each."""

    def __init__(self, labels: Iterable[Seen]) -> None:
        self._with_key: dict[str, int] = defaultdict(int)
        self._with_pair: dict[tuple[str, str | None], int] = defaultdict(int)
        count = 0
        for number, seen in enumerate(labels):
            count = number + 1
            for key, value in seen:
                self._with_key[key] |= 1 << number
                self._with_pair[key, value] |= 1 << number
        self.everything = (1 << count) - 1

    def select(self, selector: LabelSelector | None) -> int:
        """Return the classes that a selector matches; None, a selector that is not used, matches all."""
        found = self.everything
        if selector is None:
            return found
        for pair in selector.match_labels:
            found &= self._with_pair.get(pair, 0)
        for requirement in selector.match_expressions:
            found &= self._holding(requirement.key, requirement.operator, requirement.values)
        return found

    def _holding(self, key: str, operator: str, values: tuple[str, ...]) -> int:
        if operator in ("Exists", "DoesNotExist"):
            found = self._with_key.get(key, 0)
        else:
            found = 0
            for value in values:
                found |= self._with_pair.get((key, value), 0)
        return found if operator in ("In", "Exists") else self.everything & ~found


@dataclass(frozen=True)
class PodClasses:
    """Hold the classes, numbered from 0, with the look-ups by which rules become bit sets.

    ``pods`` are the members of each, ``named`` the named ports. ``addresses`` has for each family that was
    asked for the address classes of each class (a bit set), ``of_family`` the classes that have addresses
    of it or whose addresses are not known. ``of_namespace`` only knows namespaces that have policies.
    """

    pods: tuple[tuple[EndPod, ...], ...]
    named: tuple[NamedPorts, ...]
    addresses: tuple[tuple[int, ...], ...]
    of_family: Mapping[int, int]
    of_namespace: Mapping[str, int]
    labels: LabelIndex
    namespace_labels: LabelIndex
    number: Mapping[tuple[str, str], int]

    @cached_property
    def addresses_of_pods(self) -> frozenset[tuple[int, int]]:
        """Return (family, number) of every address that a pod has, whether ipBlocks match pods or not."""
        return frozenset(address_number(ip) for group in self.pods for pod in group for ip in pod.ips)


def pod_classes(
    policies: tuple[NetworkPolicy, ...],
    pods: Iterable[EndPod],
    ranges: AddressClasses,
    *,
    ipblock_matches_pods: bool,
    families: tuple[int | None, ...],
) -> PodClasses:
    """Sort pods into classes; their addresses count by ``families``, None for all of them at once."""
    peers = [peer for p in policies for rule in p.ingress + p.egress for peer in rule.peers]
    by_pod = Vocabulary([p.pod_selector for p in policies] + [peer.pod_selector for peer in peers])
    by_namespace = Vocabulary(peer.namespace_selector for peer in peers)
    names = names_used(port_entries(policies))
    with_policies = {p.namespace for p in policies}
    several = len(families) > 1
    groups: dict[_Key, list[EndPod]] = defaultdict(list)
    for pod in pods:
        ips = pod.ips if ipblock_matches_pods else ()
        key = _Key(
            namespace=pod.namespace if pod.namespace in with_policies else "",
            labels=by_pod.see(pod.label_map),
            namespace_labels=by_namespace.see(pod.namespace_label_map),
            named=tuple(sorted(known_names(pod.named_ports, names).items())),
            addresses=tuple(
                tuple(sorted({ranges.locate(ip) for ip in ips if family in (None, address_number(ip)[0])}))
                for family in families
            ),
            families=families_of((pod,)) if several else (),
        )
        groups[key].append(pod)
    return _indexed(groups, families)


def _indexed(groups: Mapping[_Key, list[EndPod]], families: tuple[int | None, ...]) -> PodClasses:
    of_family: dict[int, int] = defaultdict(int)
    of_namespace: dict[str, int] = defaultdict(int)
    for number, key in enumerate(groups):
        of_namespace[key.namespace] |= 1 << number
        for family in key.families or filter(None, families):
            of_family[family] |= 1 << number
    of_namespace.pop("", None)
    return PodClasses(
        pods=tuple(map(tuple, groups.values())),
        named=tuple(dict(key.named) for key in groups),
        addresses=tuple(
            tuple(sum(1 << a for a in key.addresses[index]) for key in groups)
            for index in range(len(families))
        ),
        of_family=of_family,
        of_namespace=of_namespace,
        labels=LabelIndex(key.labels for key in groups),
        namespace_labels=LabelIndex(key.namespace_labels for key in groups),
        number={(p.namespace, p.name): n for n, members in enumerate(groups.values()) for p in members},
    )
