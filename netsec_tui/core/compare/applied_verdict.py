"""What the applied policies make of a communication: every pair of pods behind its ends is asked about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from netsec_tui.core.compare.applied import Applied
from netsec_tui.core.compare.applied_words import Words
from netsec_tui.core.compare.row_cases import NO_ENDS, NO_STATE, RowCases, reach_of
from netsec_tui.core.compare.row_ends import RowEnds
from netsec_tui.model.applied import AppliedSide, AppliedVerdict
from netsec_tui.model.communication import Communication
from netsec_tui.model.connection import ConnectionVerdict, EndPod, Outcome, SideVerdict
from netsec_tui.model.identity import Direction
from netsec_tui.model.review import Subject

Cases = Counter[ConnectionVerdict]
"""Counts the pairs that have each verdict."""


class Verdicts:
    """Answer for the communications of one workload; each answer is remembered."""

    def __init__(self, applied: Applied, subject: Subject) -> None:
        ground = applied.ground
        self._ground, self._subject = ground, subject
        self._ends = RowEnds(ground, subject)
        self._cases = RowCases(ground.applied, ground.state, self._ends)
        self._known: dict[Communication, AppliedVerdict] = {}

    def of(self, communication: Communication) -> AppliedVerdict:
        """Return whether the applied policies let a communication pass, and why."""
        found = self._known.get(communication)
        if found is None:
            found = self._known[communication] = self._ask(communication)
        return found

    def _ask(self, communication: Communication) -> AppliedVerdict:
        words = Words(self._subject.ref, communication, self._ground.applied.all)
        if not self._ground.world.inventory.known:
            return words.unknown(NO_STATE)
        cases: Cases = Counter()
        for case in self._cases.of(communication):
            for verdict in case.verdicts:
                cases[verdict] += case.pairs
        if not cases:
            return words.unknown(NO_ENDS)
        egress, ingress = (
            _side(words, direction, cases, is_pod=self._is_pod(communication, direction))
            for direction in (Direction.EGRESS, Direction.INGRESS)
        )
        counts = _counts((verdict.outcome, count) for verdict, count in cases.items())
        return words.verdict(reach_of(counts), egress, ingress, counts)

    def _is_pod(self, communication: Communication, side: Direction) -> bool:
        own = side is communication.key.direction
        ends = self._ends.own if own else self._ends.peers(communication)
        return any(isinstance(end, EndPod) for end in ends)


def _counts(found: Iterable[tuple[Outcome, int]]) -> Counter[Outcome]:
    counts: Counter[Outcome] = Counter()
    for outcome, count in found:
        counts[outcome] += count
    return counts


def _side(words: Words, direction: Direction, cases: Cases, *, is_pod: bool) -> AppliedSide:
    """Sum up one side; where it denies or is in doubt for some pairs, the reason is theirs."""
    found: dict[SideVerdict, None] = dict.fromkeys(verdict.side(direction) for verdict in cases)
    outcome = reach_of({side.outcome for side in found})
    return AppliedSide(
        direction,
        outcome,
        tuple(dict.fromkeys(ref for side in found for ref in side.isolated_by)),
        tuple(dict.fromkeys(ref for side in found for ref in side.allowed_by)),
        words.clause(direction, outcome, tuple(found), is_pod=is_pod),
    )
