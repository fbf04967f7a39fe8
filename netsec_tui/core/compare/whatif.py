"""Evaluate recorded communications under the applied policies, the draft, and both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from operator import is_
from typing import NamedTuple

from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.compare.unseen import Seen, never_seen
from netsec_tui.core.compare.whatif_ends import Alike, Group, RowEnds
from netsec_tui.core.compare.whatif_trim import holding, without_blocks
from netsec_tui.core.evaluate import Policies, evaluate
from netsec_tui.core.evaluate.state import ClusterState
from netsec_tui.model.communication import Communication
from netsec_tui.model.connection import Connection, ConnectionVerdict, End, EndPod, Outcome, SideVerdict
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import Direction
from netsec_tui.model.policy import NetworkPolicy, PolicyRule
from netsec_tui.model.review import Review, Subject
from netsec_tui.model.whatif import Judgement, Outlook, Scenario, WhatIf, WhatIfVerdict

_PORT_UNKNOWN = "its listening port is not known"
_END_UNKNOWN = "no pod or address of an end is known"
_NAMED = 3
"""How many policies a sentence names before it counts the rest."""


def policies_of(
    scenario: Scenario, applied: Iterable[NetworkPolicy], draft: Iterable[NetworkPolicy]
) -> Policies:
    """Return the policies of a scenario; a draft replaces the applied policy of its namespace and name."""
    drafted = tuple(draft)
    match scenario:
        case Scenario.APPLIED:
            return Policies(applied)
        case Scenario.DRAFT_ALONE:
            return Policies(drafted)
    replaced = {(policy.namespace, policy.name) for policy in drafted}
    return Policies((*(p for p in applied if (p.namespace, p.name) not in replaced), *drafted))


def what_if(review: Review, ground: Ground) -> WhatIf:
    """Return what becomes of a review's communications in every scenario."""
    made = WhatIfMaker(ground, review.subject).make(review)
    assert made is not None
    return made


class WhatIfMaker:
    """Answer for the reviews of one workload in one state of the cluster; may run in a thread of its own.

    A row is "would be denied" when that is so for any pair of its pods and addresses, and else "cannot
    tell" when it is so for any. A pod's connection to itself, which nothing can block, is left out.
    """

    def __init__(self, ground: Ground, subject: Subject) -> None:
        self._ground = ground
        self._ends = RowEnds(ground, subject)
        self._subject = subject
        self._applied: tuple[tuple[Communication, ...], Outlook] | None = None

    def make(self, review: Review, wanted: Callable[[], bool] = lambda: True) -> WhatIf | None:
        """Return the answers, or None as soon as nobody wants them any more."""
        rows = tuple(row.communication for d in Direction for row in review.of(d).rows)
        seen = Seen.of(rows, self._ends)
        found: dict[Scenario, Outlook] = {}
        for scenario in Scenario:
            outlook = self._known_applied(rows) if scenario is Scenario.APPLIED else None
            if outlook is None:
                policies = policies_of(scenario, self._ground.applied.all, review.policies)
                outlook = self._outlook(policies, rows, seen, wanted)
            if outlook is None:
                return None
            found[scenario] = outlook
        self._applied = (rows, found[Scenario.APPLIED])
        return found

    def _known_applied(self, rows: tuple[Communication, ...]) -> Outlook | None:
        """Return the answers about applied policies when only decisions have changed since."""
        if self._applied is None:
            return None
        before, outlook = self._applied
        return outlook if len(before) == len(rows) and all(map(is_, before, rows)) else None

    def _outlook(
        self,
        policies: Policies,
        rows: tuple[Communication, ...],
        seen: Seen,
        wanted: Callable[[], bool],
    ) -> Outlook | None:
        judge = _Judge(policies, self._ground.state, self._ends)
        judgements = {}
        for row in rows:
            if not wanted():
                return None
            judgements[row.key] = judge.judge(row)
        recorded = frozenset(row.key for row in rows if row.counts.total)
        offered = [
            row
            for row in rows
            if row.key not in recorded and judgements[row.key].verdict is WhatIfVerdict.ALLOWED
        ]
        unseen = never_seen(policies, self._ground, self._subject, self._ends, seen, offered)
        return Outlook(judgements, recorded, unseen)


class _Answer(NamedTuple):
    outcome: Outcome
    why: str = ""


class _Judge:
    """Judge rows under some policies; connections that policies cannot tell apart are evaluated once."""

    def __init__(self, policies: Policies, state: ClusterState, ends: RowEnds) -> None:
        self._policies, self._state, self._ends = policies, state, ends
        self._alike = Alike(policies.all, state)
        self._answers: dict[Hashable, _Answer] = {}

    def judge(self, row: Communication) -> Judgement:
        """Return the verdict on a row with its sentence."""
        counts: Counter[Outcome] = Counter()
        reasons: dict[Outcome, str] = {}
        own, peers = self._ends.own, self._ends.peers(row)
        for pairs, answer in self._asked(row, own, peers):
            counts[answer.outcome] += pairs
            reasons.setdefault(answer.outcome, answer.why)
        if not counts:
            return Judgement(WhatIfVerdict.CANNOT_TELL, _END_UNKNOWN)
        for outcome, verdict in _VERDICTS.items():
            if outcome in counts:
                share = _share(counts[outcome], counts.total(), single=1 in (len(own), len(peers)))
                return Judgement(verdict, reasons[outcome], share)
        raise AssertionError(f"an outcome that is none: {counts}")

    def _asked(
        self, row: Communication, own: tuple[End, ...], peers: tuple[End, ...]
    ) -> Iterator[tuple[int, _Answer]]:
        """Yield the answer for each pair of groups with the number of pairs that it stands for."""
        ports = self._ends.ports(row)
        for mine, others in self._alike.pairs(own, peers):
            key = (mine.token, others.token, row.key.direction, ports)
            pairs = len(mine.ends) * len(others.ends) - self._same(mine, others)
            if pairs and key not in self._answers:
                ends = next((a, b) for a in mine.ends for b in others.ends if not self._alike.are_one(a, b))
                client, server = ends if row.key.direction is Direction.EGRESS else reversed(ends)
                answers = [self._answer(client, server, *port) for port in ports]
                self._answers[key] = min(answers, key=lambda answer: tuple(_VERDICTS).index(answer.outcome))
            if pairs:
                yield pairs, self._answers[key]

    def _same(self, mine: Group, others: Group) -> int:
        identity = self._alike.identity
        return len({identity(end) for end in mine.ends} & {identity(end) for end in others.ends})

    def _answer(self, client: End, server: End, protocol: Protocol, port: int) -> _Answer:
        policies = self._between_pods if _are_plain_pods(client, server) else self._policies
        verdict = evaluate(policies, self._state, Connection(client, server, protocol, port))
        outcome = verdict.outcome
        if outcome is Outcome.DENIED and protocol.expressible and not port:
            # Only what is denied whatever the ports of its rules is denied for sure.
            verdict = evaluate(self._portless, self._state, Connection(client, server, protocol, port))
            if verdict.outcome is not Outcome.DENIED:
                return _Answer(Outcome.UNDECIDED, _PORT_UNKNOWN)
        return _Answer(outcome, _reason(verdict))

    @cached_property
    def _between_pods(self) -> Policies:
        """Return the policies without the ipBlocks that no pod's address is in or can be in."""
        state = self._state
        known = holding((*state.pods, *(end for end in self._ends.own if isinstance(end, EndPod))))
        return Policies(without_blocks(self._policies.all, lambda b: known(b) or state.may_hold_pods(b)))

    @cached_property
    def _portless(self) -> Policies:
        return Policies(map(_for_any_port, self._policies.all))


_VERDICTS = {
    Outcome.DENIED: WhatIfVerdict.WOULD_BE_DENIED,
    Outcome.UNDECIDED: WhatIfVerdict.CANNOT_TELL,
    Outcome.ALLOWED: WhatIfVerdict.ALLOWED,
}
"""What one pair's outcome makes of a whole row, the first that there is."""


def _are_plain_pods(*ends: End) -> bool:
    return all(isinstance(end, EndPod) and not end.host_network for end in ends)


def _for_any_port(policy: NetworkPolicy) -> NetworkPolicy:
    ingress, egress = (tuple(PolicyRule(rule.peers) for rule in policy.rules(d)) for d in Direction)
    return replace(policy, ingress=ingress, egress=egress)


def _share(some: int, all_pairs: int, *, single: bool) -> str:
    """Return for how many pods an answer holds, nothing when for all."""
    if some == all_pairs:
        return ""
    return f"{some:,} of {all_pairs:,} {'pods' if single else 'pairs of pods'}"


def _reason(verdict: ConnectionVerdict) -> str:
    """Return why a connection is denied or undecided; that it is allowed needs no reason."""
    if verdict.outcome is Outcome.ALLOWED:
        return ""
    return "; ".join(
        _side_reason(direction, verdict.side(direction))
        for direction in reversed(Direction)
        if verdict.side(direction).outcome is verdict.outcome
    )


def _side_reason(direction: Direction, side: SideVerdict) -> str:
    if side.doubt:
        return f"{direction}: {'; '.join((str(side.doubt), *side.notes))}"
    names = list(dict.fromkeys(map(str, side.isolated_by)))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{direction} is isolated by {', '.join(names[:_NAMED])}{more}, and no rule allows it"
