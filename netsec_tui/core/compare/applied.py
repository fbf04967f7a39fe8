"""Which applied policies select a workload or a peer, and the map of a whole namespace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.cluster.subject import is_host_network
from netsec_tui.core.compare.row_ends import RowEnds
from netsec_tui.core.evaluate.match import selector_matches
from netsec_tui.core.evaluate.state import Override
from netsec_tui.model.applied import Held, Hold, NamespaceMap, PolicyUse, Strayed
from netsec_tui.model.communication import Communication
from netsec_tui.model.connection import End, EndPod
from netsec_tui.model.flow import Labels
from netsec_tui.model.identity import Direction, Peer, PeerSort, owner_peer, service_peer
from netsec_tui.model.inventory import AppliedPolicy, Inventory
from netsec_tui.model.policy import NetworkPolicy
from netsec_tui.model.review import Subject

_CLOSE = 0.75
"""How alike two label values are before one is taken for a slip of the other (1.0: the same)."""


class Applied:
    """Answer what the applied policies of a cluster select; nothing is worked out before it is asked for."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self._lookups: dict[str, _Lookup] = {}
        self._found: dict[tuple[str, Labels], tuple[AppliedPolicy, ...]] = {}

    @property
    def _inventory(self) -> Inventory:
        return self.ground.world.inventory

    def on_pod(self, pod: EndPod) -> tuple[AppliedPolicy, ...]:
        """Return the policies that select a pod, in whatever direction, by name."""
        key = (pod.namespace, pod.labels)
        if key not in self._found:
            self._found[key] = self._lookup(pod.namespace).selecting(pod)
        return self._found[key]

    def _lookup(self, namespace: str) -> _Lookup:
        if namespace not in self._lookups:
            self._lookups[namespace] = _Lookup(self.policies_in(namespace))
        return self._lookups[namespace]

    def policies_in(self, namespace: str) -> list[AppliedPolicy]:
        """Return the NetworkPolicies of a namespace, by name."""
        found = (p for p in self._inventory.policies if p.policy.namespace == namespace)
        return sorted(found, key=lambda applied: applied.policy.name)

    def on_subject(self, subject: Subject, strayed: tuple[Strayed, ...] = ()) -> Held:
        """Return the policies on the chosen workload, and those ``strayed`` from it."""
        ref = subject.ref
        peer = service_peer(ref.namespace, ref.name) if ref.kind == "Service" else owner_peer(ref)
        return replace(self.on_ends(peer, RowEnds(self.ground, subject).own), strayed=strayed)

    def on_peer(self, communication: Communication) -> Held:
        """Return the policies on the other end of a communication."""
        return self.on_ends(communication.peer, self.ground.ends.of(communication))

    def on_ends(self, peer: Peer, ends: Iterable[End]) -> Held:
        """Return the policies on some pods; of those that no pod lives of, the next one counts."""
        pods = [end for end in ends if isinstance(end, EndPod)]
        alike: dict[tuple[str, Labels], list[EndPod]] = {}
        for pod in pods:
            alike.setdefault((pod.namespace, pod.labels), []).append(pod)
        known: dict[tuple[str, str], AppliedPolicy] = {}
        selected: Counter[tuple[str, str]] = Counter()
        coming: Counter[tuple[str, str]] = Counter()
        for group in alike.values():
            made = sum(pod.synthetic for pod in group)
            for applied in self.on_pod(group[0]):
                name = (applied.policy.namespace, applied.policy.name)
                known[name] = applied
                selected[name] += len(group) - made
                coming[name] += made
        live, made = sum(not pod.synthetic for pod in pods), sum(pod.synthetic for pod in pods)
        holds = (Hold(known[name], selected[name], live, coming[name] == made) for name in sorted(known))
        host = peer.sort is PeerSort.OWNER and is_host_network(self._inventory, peer.ref)
        overriding = self._overriding(pods)
        return Held(
            peer,
            tuple(holds),
            tuple(f"{override.kind} {override.name}" for override in overriding),
            tuple(d for d in Direction if any(d in override.directions for override in overriding)),
            live,
            selectable=bool(pods),
            host_network=host,
        )

    def _overriding(self, pods: Sequence[EndPod]) -> tuple[Override, ...]:
        distinct = {(pod.namespace, pod.labels, pod.namespace_labels): pod for pod in pods}.values()
        return tuple(
            override
            for override in self.ground.state.overrides
            if any(override.may_select(pod) for pod in distinct)
        )

    def in_namespace(self, namespace: str) -> NamespaceMap:
        """Return the map of a namespace: policies with their workloads, workloads with their policies.

        Workloads without any policy come first among workloads.
        """
        ends = {ref: self.ground.ends.owner(ref) for ref in self.ground.owners if ref.namespace == namespace}
        helds = [self.on_ends(owner_peer(ref), pods) for ref, pods in ends.items()]
        uses: dict[str, list[tuple[Peer, Hold]]] = {}
        for held in helds:
            for hold in held.holds:
                uses.setdefault(hold.policy.policy.name, []).append((held.peer, hold))
        labelled = {
            label: str(ref)
            for ref, pods in ends.items()
            for pod in pods
            if isinstance(pod, EndPod)
            for label in pod.labels
        }
        return NamespaceMap(
            namespace,
            tuple(self._use(applied, uses, labelled) for applied in self.policies_in(namespace)),
            tuple(sorted(helds, key=lambda held: bool(held.holds))),
        )

    def _use(
        self,
        applied: AppliedPolicy,
        uses: Mapping[str, Sequence[tuple[Peer, Hold]]],
        labelled: Mapping[tuple[str, str], str],
    ) -> PolicyUse:
        selected = tuple(uses.get(applied.policy.name, ()))
        return PolicyUse(applied, selected, "" if selected else _why_nothing(applied.policy, labelled))


class _Lookup:
    """Find the policies of one namespace that select a pod, asking only those that one label brings near."""

    def __init__(self, policies: Iterable[AppliedPolicy]) -> None:
        self._all = tuple(policies)
        self._by_label: dict[tuple[str, str], list[int]] = {}
        self._others: list[int] = []
        for place, applied in enumerate(self._all):
            wanted = applied.policy.pod_selector.match_labels
            near = self._by_label.setdefault(wanted[0], []) if wanted else self._others
            near.append(place)

    def selecting(self, pod: EndPod) -> tuple[AppliedPolicy, ...]:
        near = sorted(self._others + [n for label in pod.labels for n in self._by_label.get(label, ())])
        return tuple(
            self._all[n] for n in near if selector_matches(self._all[n].policy.pod_selector, pod.label_map)
        )


def _why_nothing(policy: NetworkPolicy, labelled: Mapping[tuple[str, str], str]) -> str:
    """Return why a policy selects none of these labels' pods; names one that is almost right."""
    wanted = policy.pod_selector.match_labels
    missing = next((label for label in wanted if label not in labelled), None)
    if not labelled:
        return "no workload is here"
    if missing is None:
        return "no pod here has all of the labels that it asks for"
    key, value = missing
    text = f"no pod here has {key}={value}"
    others = [other for found, other in labelled if found == key]
    close = get_close_matches(value, others, n=1, cutoff=_CLOSE)
    return f"{text}; {labelled[key, close[0]]} has {key}={close[0]}" if close else text
