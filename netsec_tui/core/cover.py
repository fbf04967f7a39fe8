"""Find what covers a row besides its own tick: another inclusion, or a policy that is applied already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from netsec_tui.core.evaluate.match import rule_allows, selector_matches
from netsec_tui.core.express import World
from netsec_tui.core.selectors import has_labels
from netsec_tui.core.subject import labels_of
from netsec_tui.model.communication import Communication
from netsec_tui.model.connection import End, EndPod
from netsec_tui.model.flow import Labels
from netsec_tui.model.identity import CommunicationKey, Direction, PeerSort, WorkloadRef
from netsec_tui.model.inventory import AppliedPolicy
from netsec_tui.model.policy import NetworkPolicy, PolicyRule
from netsec_tui.model.review import Subject


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Hold one thing that was included, as a rule of its own, with its name for a person.

    ``key`` is set for a ticked row.
    """

    origin: str
    rule: PolicyRule
    key: CommunicationKey | None = None


class Ends:
    """Look up the pods and addresses that a row's peer stands for; remembers them for one review."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._owners: dict[WorkloadRef, tuple[EndPod, ...]] = {}

    def of(self, communication: Communication) -> tuple[End, ...]:
        """Return live pods plus one that the owner would make next, or addresses."""
        peer = communication.peer
        if peer.sort is PeerSort.OWNER:
            return self.owner(peer.ref)
        if peer.sort is PeerSort.ADDRESS:
            return (peer.name,) if peer.name else ()
        if peer.sort is PeerSort.SERVICE:
            service = self._world.inventory.service_by_name.get((peer.namespace, peer.name))
            return self.selected(peer.namespace, service.selector if service else ())
        if peer.sort is PeerSort.DNS and self._world.dns:
            return self.selected(self._world.dns.namespace, self._world.dns.selector)
        return tuple(ip for ip in communication.addresses if ip)

    def owner(self, ref: WorkloadRef) -> tuple[EndPod, ...]:
        """Return an owner's live pods and a synthetic one with its template's or last seen labels."""
        known = self._owners.get(ref)
        if known is None:
            world = self._world
            labels = labels_of(world.inventory, world.knowledge, ref)
            ports = getattr(world.inventory.owner_by_ref.get(ref), "ports", ())
            synthetic = EndPod(
                ref.namespace, ref.name, labels, self._namespace(ref.namespace), ports=ports, synthetic=True
            )
            known = self._owners[ref] = (*self._live(ref), synthetic)
        return known

    def _live(self, ref: WorkloadRef) -> tuple[EndPod, ...]:
        return tuple(
            EndPod(
                p.namespace, p.name, p.labels, self._namespace(p.namespace), p.ips, p.ports, p.host_network
            )
            for p in self._world.inventory.pods_by_owner.get(ref, ())
            if not p.finished
        )

    def selected(self, namespace: str, selector: Labels) -> tuple[EndPod, ...]:
        """Return the pods that a Service's selector selects, and one that has just its labels."""
        pods = tuple(
            EndPod(p.namespace, p.name, p.labels, self._namespace(namespace), p.ips, p.ports, p.host_network)
            for p in self._world.inventory.pods
            if p.namespace == namespace and has_labels(selector, p.labels) and not p.finished
        )
        return pods or (
            EndPod(namespace, "(selected)", selector, self._namespace(namespace), synthetic=True),
        )

    def _namespace(self, namespace: str) -> Labels | None:
        return self._world.inventory.namespaces.get(namespace)


def covering(
    namespace: str, communication: Communication, ends: tuple[End, ...], inclusions: Iterable[Inclusion]
) -> str:
    """Name the first other inclusion that lets any pod or address of a row through; empty when none does."""
    key = communication.key
    home = NetworkPolicy(namespace, "")
    for inclusion in inclusions:
        if inclusion.key == key:
            continue
        for end in ends:
            if rule_allows(home, inclusion.rule, key.direction, end, str(key.protocol), key.port, {}):
                return inclusion.origin
    return ""


def selects_subject(policy: NetworkPolicy, subject: Subject, ends: Ends) -> bool:
    """Tell whether an applied policy selects any pod of the selected workload."""
    if policy.namespace != subject.ref.namespace:
        return False
    pods = [pod for owner in subject.owners for pod in ends.owner(owner)]
    if subject.ref.kind == "Service":
        pods = [pod for pod in pods if has_labels(subject.selector.match_labels, pod.labels)]
    return any(selector_matches(policy.pod_selector, pod.label_map) for pod in pods)


def applied_that_allow(
    policies: Iterable[AppliedPolicy],
    communication: Communication,
    ends: tuple[End, ...],
    own_ports: Mapping[tuple[str, str], int],
) -> tuple[str, ...]:
    """Name the applied policies that let any pod or address of a row through on the workload's side."""
    key = communication.key
    names = []
    for applied in policies:
        policy = applied.policy
        if key.direction not in policy.policy_types:
            continue
        for end in ends:
            incoming = key.direction is Direction.INGRESS
            named = own_ports if incoming or isinstance(end, str) else end.named_ports
            if any(
                rule_allows(policy, rule, key.direction, end, str(key.protocol), key.port, named)
                for rule in policy.rules(key.direction)
            ):
                names.append(policy.name)
                break
    return tuple(names)
