"""Evaluate the generated policy for rows: on the workload's own side, over all pods of both ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from netsec_tui.core.cluster.ends import Ends
from netsec_tui.core.cluster.selectors import has_labels
from netsec_tui.core.decide.cover import Asked
from netsec_tui.core.evaluate.addresses import address_number
from netsec_tui.core.evaluate.connection import evaluate
from netsec_tui.core.evaluate.doubt import Question, side_verdict
from netsec_tui.core.evaluate.families import families_of
from netsec_tui.core.evaluate.match import NamedPorts, selector_matches
from netsec_tui.core.evaluate.state import ClusterState, Policies
from netsec_tui.core.words import listed
from netsec_tui.model.connection import Connection, Doubt, End, EndPod, Outcome, SideVerdict
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import Direction
from netsec_tui.model.policy import NetworkPolicy, PolicyRule
from netsec_tui.model.proof import Reach
from netsec_tui.model.review import Subject

_FEW = 3
"""Under this number of ends asking each is quicker than finding out which are alike."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Hold what the policy makes of a row.

    ``why`` is a sentence's part on what is left open or depends on the CNI, empty for ALLOWED and DENIED.
    """

    reach: Reach
    why: str = ""


_ALLOWED, _DENIED = Judgement(Reach.ALLOWED), Judgement(Reach.DENIED)


class OwnPods:
    """Hold the pods of the selected workload in groups that a policy and its peers cannot tell apart."""

    def __init__(self, subject: Subject, ends: Ends) -> None:
        self.all = own_pods(subject, ends)
        self.unselected = tuple(p for p in self.all if not selector_matches(subject.selector, p.label_map))
        self.families = families_of(self.all) or (4, 6)
        self.owners = frozenset(pod.ref for pod in self.all)
        ports = {tuple(sorted(pod.named_ports.items())): pod.named_ports for pod in self.all}
        self.named_ports: tuple[NamedPorts, ...] = tuple(ports.values())
        self._groups: dict[bool, tuple[tuple[EndPod, ...], ...]] = {}

    def groups(self, *, by_node: bool) -> tuple[tuple[EndPod, ...], ...]:
        """Return the groups; the node matters only towards nodes and what runs on their network."""
        if by_node not in self._groups:
            left_out = set(map(id, self.unselected))
            found: dict[tuple[object, ...], list[EndPod]] = {}
            for pod in self.all:
                kept_apart = (id(pod) in left_out, families_of((pod,)), pod.node if by_node else "")
                found.setdefault(kept_apart, []).append(pod)
            self._groups[by_node] = tuple(map(tuple, found.values()))
        return self._groups[by_node]


def own_pods(subject: Subject, ends: Ends) -> tuple[EndPod, ...]:
    """Return the live pods of a workload and one that each owner would make; one at least."""
    labels, ref = subject.behind or subject.selector.match_labels, subject.ref
    stand_in = EndPod(ref.namespace, str(ref), labels, owner=ref, synthetic=True)
    return known_pods(subject, ends) or (stand_in,)


def known_pods(subject: Subject, ends: Ends) -> tuple[EndPod, ...]:
    """Return the pods of a workload's owners, of a Service those that it selects."""
    pods = (pod for owner in subject.owners for pod in ends.pods_of(owner))
    if subject.ref.kind != "Service":
        return tuple(pods)
    return tuple(pod for pod in pods if has_labels(subject.behind, pod.labels))


class Judge:
    """Say what the rules of one direction make of rows."""

    def __init__(
        self,
        subject: Subject,
        own: OwnPods,
        state: ClusterState,
        direction: Direction,
        rules: tuple[PolicyRule, ...],
    ) -> None:
        self._own, self._state, self._direction = own, state, direction
        self._open = PolicyRule() in rules
        self._blocks = state.ipblock_matches_pods and any(p.ip_block for rule in rules for p in rule.peers)
        incoming, outgoing = (rules, ()) if direction is Direction.INGRESS else ((), rules)
        policy = NetworkPolicy(subject.ref.namespace, "", subject.selector, (direction,), incoming, outgoing)
        self._policies = Policies(() if subject.refusal else (policy,))
        self._refused = bool(subject.refusal)

    def judge(self, asked: Asked) -> Judgement:
        """Return what the policy makes of all pairs of a row's pods and addresses."""
        if self._refused:
            return Judgement(Reach.UNKNOWN)
        if not asked.ends:
            return (
                _ALLOWED if self._open else Judgement(Reach.UNKNOWN, "where its other end is, is not known")
            )
        verdicts = tuple(self._verdicts(asked, self._distinct(asked.ends)))
        outcomes = {verdict.outcome for _, _, verdict in verdicts}
        if outcomes <= {Outcome.ALLOWED}:  # without any pair it is a pod and itself, which nothing can part
            return _ALLOWED
        if outcomes == {Outcome.DENIED}:
            return _DENIED
        if {Outcome.ALLOWED, Outcome.DENIED} <= outcomes:
            return Judgement(Reach.PARTLY, self._parts(self._verdicts(asked, asked.ends)))
        return Judgement(Reach.UNKNOWN, _doubt(verdicts))

    def _distinct(self, ends: tuple[End, ...]) -> Iterable[End]:
        """Return one of the ends that rules cannot tell apart; own pods all, for none is asked of itself."""
        if len(ends) < _FEW:
            return ends
        found: dict[object, End] = {}
        for end in ends:
            apart: object = end
            if isinstance(end, EndPod) and end.ref not in self._own.owners:
                apart = (end.namespace, end.labels, end.ips if self._blocks else families_of((end,)))
            found.setdefault(apart, end)
        return found.values()

    def _verdicts(self, asked: Asked, ends: Iterable[End]) -> Iterator[tuple[EndPod, End, SideVerdict]]:
        for end in ends:
            by_node = isinstance(end, str) and self._state.node_at(end) is not None
            for group in self._own.groups(by_node=by_node):
                own = next((pod for pod in group if not _same(pod, end)), None)
                if own is not None:
                    for protocol, port in asked.ports:
                        yield own, end, self._side(own, end, Protocol(protocol), port)

    def _side(self, own: EndPod, end: End, protocol: Protocol, port: int) -> SideVerdict:
        family = address_number(end)[0] if isinstance(end, str) else None
        source, destination = (end, own) if self._direction is Direction.INGRESS else (own, end)
        connection = Connection(source, destination, protocol, port, family)
        if isinstance(end, str) and self._state.service_at(end) is not None:
            # Policies act on the pods behind a Service's address, not on the address.
            return evaluate(self._policies, self._state, connection).side(self._direction)
        return side_verdict(Question(self._policies, self._state, connection, self._direction, own, end))

    def _parts(self, verdicts: Iterable[tuple[EndPod, End, SideVerdict]]) -> str:
        """Say who is let through when others are not."""
        through = [(own, end) for own, end, verdict in verdicts if verdict.outcome is Outcome.ALLOWED]
        unselected = [_name(own) for own, _ in through if own in self._own.unselected]
        if unselected:
            return f"the policy does not select {listed(dict.fromkeys(unselected))}"
        return f"allowed for {listed(dict.fromkeys(_name(end) for _, end in through))} only"


def _doubt(verdicts: Iterable[tuple[EndPod, End, SideVerdict]]) -> str:
    """Return why it cannot be told; what only a pod that is yet to be placed raises is said as such."""
    doubts = {(verdict.doubt, own.synthetic) for own, _, verdict in verdicts if verdict.doubt}
    if doubts == {(Doubt.NODE_UNKNOWN, True)}:
        return "the workload's next pod may run on that very node"
    return str(next(iter(sorted(doubt for doubt, _ in doubts))))


def _same(pod: EndPod, end: End) -> bool:
    return isinstance(end, EndPod) and (pod.namespace, pod.name) == (end.namespace, end.name)


def _name(end: End) -> str:
    if isinstance(end, str):
        return end
    return f"the next pod of {end.ref}" if end.synthetic else str(end)
