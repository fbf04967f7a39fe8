"""Evaluate recorded communications under the applied policies, the draft, and both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from operator import is_

from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.compare.row_cases import NO_ENDS, NO_STATE, RowCases, reach_of
from netsec_tui.core.compare.row_ends import RowEnds
from netsec_tui.core.compare.unseen import Seen, never_seen
from netsec_tui.core.evaluate import Policies
from netsec_tui.core.evaluate.state import ClusterState
from netsec_tui.core.words import listed
from netsec_tui.model.communication import Communication
from netsec_tui.model.connection import ConnectionVerdict, Outcome, SideVerdict
from netsec_tui.model.identity import Direction
from netsec_tui.model.policy import NetworkPolicy
from netsec_tui.model.proof import Reach
from netsec_tui.model.review import Review, Subject
from netsec_tui.model.whatif import Forecast, Outlook, Scenario, WhatIf, WhatIfVerdict


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
                outlook = self._outlook(self._policies(scenario, review), rows, seen, wanted)
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

    def _policies(self, scenario: Scenario, review: Review) -> Policies | None:
        """Return the policies of a scenario, None when it is not known which are applied."""
        if scenario is not Scenario.DRAFT_ALONE and not self._ground.world.inventory.known:
            return None
        return policies_of(scenario, self._ground.applied.all, review.policies)

    def _outlook(
        self,
        policies: Policies | None,
        rows: tuple[Communication, ...],
        seen: Seen,
        wanted: Callable[[], bool],
    ) -> Outlook | None:
        recorded = frozenset(row.key for row in rows if row.counts.total)
        if policies is None:
            unknown = Forecast(WhatIfVerdict.CANNOT_TELL, NO_STATE)
            return Outlook({row.key: unknown for row in rows}, recorded)
        judge = _Judge(policies, self._ground.state, self._ends)
        forecasts = {}
        for row in rows:
            if not wanted():
                return None
            forecasts[row.key] = judge.judge(row)
        unseen = never_seen(policies, self._ground, self._subject, self._ends, seen)
        return Outlook(forecasts, recorded, unseen)


class _Judge:
    """Judge rows under some policies."""

    def __init__(self, policies: Policies, state: ClusterState, ends: RowEnds) -> None:
        self._cases, self._ends = RowCases(policies, state, ends), ends

    def judge(self, row: Communication) -> Forecast:
        """Return the verdict on a row with its sentence."""
        counts: Counter[Outcome] = Counter()
        reasons: dict[Outcome, str] = {}
        for case in self._cases.of(row):
            outcome = _worst(verdict.outcome for verdict in case.verdicts)
            counts[outcome] += case.pairs
            first = next(verdict for verdict in case.verdicts if verdict.outcome is outcome)
            reasons.setdefault(outcome, _reason(first))
        verdict = VERDICTS[reach_of(counts)]
        if not counts:
            return Forecast(verdict, NO_ENDS)
        telling = _worst(counts)
        single = 1 in (len(self._ends.own), len(self._ends.peers(row)))
        return Forecast(verdict, reasons[telling], _share(counts[telling], counts.total(), single=single))


VERDICTS = {
    Reach.ALLOWED: WhatIfVerdict.ALLOWED,
    Reach.PARTLY: WhatIfVerdict.WOULD_BE_DENIED,
    Reach.DENIED: WhatIfVerdict.WOULD_BE_DENIED,
    Reach.UNKNOWN: WhatIfVerdict.CANNOT_TELL,
}
"""What is said of a row for what was found of all of its pairs."""

_BY_WEIGHT = (Outcome.DENIED, Outcome.UNDECIDED, Outcome.ALLOWED)


def _worst(outcomes: Iterable[Outcome]) -> Outcome:
    return min(outcomes, key=_BY_WEIGHT.index)


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
    return f"{direction} is isolated by {listed(names)}, and no rule allows it"
