"""Ask policies about every pair of pods and addresses behind a row, and sum up what they say."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

from netsec_tui.core.compare.alike import Alike
from netsec_tui.core.compare.row_ends import Ports, RowEnds, is_translated
from netsec_tui.core.compare.trim import Trimmed, holding
from netsec_tui.core.evaluate import Policies, evaluate
from netsec_tui.core.evaluate.state import ClusterState
from netsec_tui.model.communication import Communication
from netsec_tui.model.connection import (
    Connection,
    ConnectionVerdict,
    Doubt,
    End,
    EndPod,
    Outcome,
    SideVerdict,
)
from netsec_tui.model.identity import Direction
from netsec_tui.model.policy import NetworkPolicy, PolicyRule
from netsec_tui.model.proof import Reach

NO_STATE = "no cluster state was read, so it is not known which policies are applied"
NO_ENDS = "it is not known which pods or addresses its ends are"


class Case(NamedTuple):
    """Hold how many pairs of different ends have the same verdicts: one for each port of the row."""

    pairs: int
    verdicts: tuple[ConnectionVerdict, ...]


def reach_of(outcomes: Collection[Outcome]) -> Reach:
    """Sum up what was found for all pairs: whatever is denied for some only is denied in part."""
    if Outcome.DENIED in outcomes:
        return Reach.DENIED if set(outcomes) == {Outcome.DENIED} else Reach.PARTLY
    return Reach.UNKNOWN if Outcome.UNDECIDED in outcomes or not outcomes else Reach.ALLOWED


class RowCases:
    """Answer for rows under some policies; connections that these cannot tell apart are evaluated once."""

    def __init__(self, policies: Policies, state: ClusterState, ends: RowEnds) -> None:
        self._policies, self._state, self._ends = policies, state, ends
        self._alike = Alike(policies.all, state)
        self._answers: dict[Hashable, tuple[ConnectionVerdict, ...]] = {}

    def of(self, row: Communication) -> Iterator[Case]:
        """Yield the cases of a row; none when an end is not known, or is one pod and nothing else is there.

        A pod's connection to itself, which nothing can block, is left out.
        """
        ports, translated = self._ends.ports(row), is_translated(row)
        for mine, others in self._alike.pairs(self._ends.own, self._ends.peers(row)):
            pairs = mine.pairs(others)
            if not pairs:
                continue
            key = (mine.token, others.token, row.key.direction, ports, translated)
            if key not in self._answers:
                ends = self._alike.different(mine, others)
                source, destination = ends if row.key.direction is Direction.EGRESS else reversed(ends)
                self._answers[key] = tuple(self._ask(source, destination, ports, translated))
            yield Case(pairs, self._answers[key])

    def _ask(
        self, source: End, destination: End, ports: Ports, translated: bool
    ) -> Iterator[ConnectionVerdict]:
        for protocol, port in ports:
            connection = Connection(source, destination, protocol, port, source_translated=translated)
            verdict = self._evaluate(connection)
            if verdict.outcome is Outcome.DENIED and protocol.expressible and not port:
                # Only what is denied whatever the ports of the rules is denied for sure.
                verdict = _unless_by_port(verdict, evaluate(self._portless, self._state, connection))
            yield ConnectionVerdict(*(self._placed(verdict, connection, d) for d in (_OUT, _IN)))

    def _evaluate(self, connection: Connection) -> ConnectionVerdict:
        ends = (connection.source, connection.destination)
        if any(isinstance(end, str) or end.host_network for end in ends):
            return evaluate(self._policies, self._state, connection)
        verdict = evaluate(self._between_pods.policies, self._state, connection)
        return ConnectionVerdict(*(self._between_pods.as_written(verdict.side(d)) for d in (_OUT, _IN)))

    def _placed(
        self, verdict: ConnectionVerdict, connection: Connection, direction: Direction
    ) -> SideVerdict:
        """Say of a pod to come that it is its node that is not known, when nothing else is in doubt."""
        side, subject, peer = verdict.side(direction), connection.source, connection.destination
        if direction is Direction.INGRESS:
            subject, peer = peer, subject
        made = isinstance(subject, EndPod) and subject.synthetic
        if side.doubt is Doubt.NODE_UNKNOWN and made and isinstance(peer, str) and self._state.node_at(peer):
            return replace(side, doubt=Doubt.NEXT_POD_NODE)
        return side

    @cached_property
    def _between_pods(self) -> Trimmed:
        """Return the policies without the ipBlocks that no pod's address is in or can be in."""
        state = self._state
        known = holding((*state.pods, *(end for end in self._ends.own if isinstance(end, EndPod))))
        return Trimmed(self._policies.all, lambda block: known(block) or state.may_hold_pods(block))

    @cached_property
    def _portless(self) -> Policies:
        return Policies(map(_for_any_port, self._policies.all))


_OUT, _IN = Direction.EGRESS, Direction.INGRESS


def _unless_by_port(verdict: ConnectionVerdict, portless: ConnectionVerdict) -> ConnectionVerdict:
    """Leave open what only the port, which is not known, has denied."""
    sides = {d: verdict.side(d) for d in Direction}
    for direction, side in sides.items():
        if side.outcome is Outcome.DENIED and portless.side(direction).outcome is not Outcome.DENIED:
            sides[direction] = replace(side, outcome=Outcome.UNDECIDED, doubt=Doubt.PORT_UNKNOWN)
    return ConnectionVerdict(egress=sides[_OUT], ingress=sides[_IN])


def _for_any_port(policy: NetworkPolicy) -> NetworkPolicy:
    ingress, egress = (tuple(PolicyRule(rule.peers) for rule in policy.rules(d)) for d in Direction)
    return replace(policy, ingress=ingress, egress=egress)
