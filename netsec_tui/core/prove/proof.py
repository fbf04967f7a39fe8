"""Prove a generated policy: compare all that it does to pods and addresses with what was decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.cluster.selectors import has_labels
from netsec_tui.core.decide.table import Decided
from netsec_tui.core.prove.judge import OwnPods
from netsec_tui.core.prove.opened import Opened, Shown
from netsec_tui.core.prove.tally import Tally, proof_of
from netsec_tui.model.connection import EndPod
from netsec_tui.model.decision import GeneralRule
from netsec_tui.model.identity import Direction
from netsec_tui.model.policy import NetworkPolicy
from netsec_tui.model.proof import Breach, Finding, Proof
from netsec_tui.model.review import Subject


class Prover:
    """Prove the policies of one workload; what no decision changes is worked out once."""

    def __init__(self, subject: Subject, own: OwnPods, ground: Ground) -> None:
        self._subject, self._own, self._ground = subject, own, ground
        self._selected: tuple[Finding, ...] | None = None
        self._shown: dict[Direction, Shown] = {}
        self._tallies = {direction: Tally() for direction in Direction}

    def prove(
        self,
        policies: tuple[NetworkPolicy, ...],
        decided: Mapping[Direction, Decided],
        general: Mapping[Direction, GeneralRule],
    ) -> Proof:
        """Return what evaluating the policies shows; nothing when there is no policy to prove."""
        if not policies:
            return Proof()
        for direction, tally in self._tallies.items():
            tally.follow(decided[direction].rows, general[direction])
        opened = [
            finding
            for policy in policies
            for direction in policy.policy_types
            for finding in self._opened(policy, direction, decided[direction])
        ]
        if self._selected is None:
            self._selected = tuple(self._selection(policies[0]))
        return proof_of(self._tallies.values(), (*opened, *self._selected))

    def _opened(self, policy: NetworkPolicy, direction: Direction, decided: Decided) -> Iterator[Finding]:
        shown = self._shown.get(direction)
        if shown is None or shown.cases is not decided.cases:
            shown = self._shown[direction] = Shown(decided.cases, self._ground.index)
        opened = Opened(policy.namespace, policy.rules(direction), self._ground.index)
        held = self._own.families if self._ground.state.ipblock_matches_pods else ()
        rest = opened.beyond(shown, decided.inclusions, held=held)
        for pod, ports in _pods_named(rest.pods):
            yield _pod_opened(direction, pod, ports)
        for text, count, ports in rest.addresses:
            yield _addresses_opened(direction, text, count, ports)

    def _selection(self, policy: NetworkPolicy) -> Iterator[Finding]:
        """Find pods that the policy selects though they are another's, and own pods that it does not."""
        index = self._ground.index
        chosen = index.members(index.selected(policy.namespace, policy.pod_selector))
        others = {pod: "" for pod in chosen if not self._covers(pod)}
        for pod, _ in _pods_named(others):
            sentence = f"{_title(pod)} is isolated by it: its labels match the policy's podSelector"
            yield Finding(Breach.ISOLATED, _short(pod), sentence)
        for pod in self._own.unselected:
            sentence = f"{_title(pod)} is not selected by it: the podSelector does not match its labels"
            yield Finding(Breach.NOT_SELECTED, _short(pod), sentence)

    def _covers(self, pod: EndPod) -> bool:
        """Tell whether a pod is the workload's; behind a Service not all pods of an owner need be."""
        subject = self._subject
        return pod.ref in subject.owners and (not subject.behind or has_labels(subject.behind, pod.labels))


def _pods_named(pods: Mapping[EndPod, str]) -> list[tuple[EndPod, str]]:
    """Return pods by name; the one that an owner would make next only where it has no live one."""
    live = {pod.ref for pod in pods if not pod.synthetic}
    named = [(pod, ports) for pod, ports in pods.items() if not pod.synthetic or pod.ref not in live]
    return sorted(named, key=lambda entry: (entry[0].namespace, entry[0].name))


def _short(pod: EndPod) -> str:
    return f"the next pod of {pod.ref} in {pod.namespace}" if pod.synthetic else str(pod)


def _title(pod: EndPod) -> str:
    return _short(pod) if pod.synthetic else f"{pod} of {pod.ref}"


def _pod_opened(direction: Direction, pod: EndPod, ports: str) -> Finding:
    word = "from" if direction is Direction.INGRESS else "to"
    sentence = f"{direction} {word} {_title(pod)} on {ports} is allowed, though no row shows it"
    return Finding(Breach.POD_OPENED, _short(pod), sentence, direction, ports)


def _addresses_opened(direction: Direction, text: str, count: int, ports: str) -> Finding:
    word = "from" if direction is Direction.INGRESS else "to"
    how_many = "1 address" if count == 1 else f"{count:,} addresses"
    sentence = f"{direction} {word} {text} ({how_many}) on {ports} is allowed, though no row shows it"
    return Finding(Breach.ADDRESSES_OPENED, text, sentence, direction, ports, count)
