"""Ask the evaluator about every pair of pods behind two ends, and sum up what it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from netsec_tui.cli.check_ends import Asked
from netsec_tui.cli.check_state import Cluster
from netsec_tui.cli.exits import CANNOT_TELL, DONE, NO
from netsec_tui.core.evaluate import evaluate
from netsec_tui.model.connection import (
    Connection,
    ConnectionVerdict,
    End,
    EndPod,
    Outcome,
    RuleRef,
    SideVerdict,
)
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import Direction

LOOPBACK = "a pod's connection to itself (loopback) cannot be blocked"
EXAMPLES = 10
"""Pairs that are named of all that have the same verdict."""

_REASONS = 3
_CODES = {Outcome.ALLOWED: DONE, Outcome.DENIED: NO, Outcome.UNDECIDED: CANNOT_TELL}


@dataclass(frozen=True, slots=True)
class Case:
    """Hold one verdict; ``port`` is the one at the destination, which a Service may differ in by pod."""

    verdict: ConnectionVerdict
    port: int
    loopback: bool = False

    @property
    def outcome(self) -> Outcome:
        """Return whether the connection comes about, which for loopback no policy can change."""
        return Outcome.ALLOWED if self.loopback else self.verdict.outcome


@dataclass(slots=True)
class Pairs:
    """Count the pairs of a case and keep the first few."""

    count: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)

    def add(self, source: End, destination: End) -> None:
        """Take in one pair."""
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append((str(source), str(destination)))


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold what was found for all pairs; ``unknown`` says why there are none."""

    source: str
    destination: str
    protocol: Protocol
    port: int
    cases: dict[Case, Pairs]
    notes: tuple[str, ...] = ()
    unknown: str = ""

    @property
    def counts(self) -> Counter[Outcome]:
        """Return the number of pairs of each outcome."""
        return Counter({o: sum(p.count for c, p in self.cases.items() if c.outcome is o) for o in Outcome})

    @property
    def outcomes(self) -> set[Outcome]:
        """Return the outcomes that there are: more than one when pods differ."""
        return {case.outcome for case in self.cases} or {Outcome.UNDECIDED}

    @property
    def allowed(self) -> bool | None:
        """Return True when all pairs are allowed, False when none is, None when mixed or not known."""
        if len(self.outcomes) > 1 or Outcome.UNDECIDED in self.outcomes:
            return None
        return self.outcomes == {Outcome.ALLOWED}

    @property
    def exit_code(self) -> int:
        """Return 0, 1 or 2 for the three of ``allowed``."""
        return CANNOT_TELL if len(self.outcomes) > 1 else _CODES[next(iter(self.outcomes))]

    def side(self, direction: Direction) -> Outcome:
        """Return what one side says for all pairs, undecided when pods differ."""
        outcomes = {case.verdict.side(direction).outcome for case in self.cases}
        return outcomes.pop() if len(outcomes) == 1 else Outcome.UNDECIDED

    @property
    def rules(self) -> tuple[RuleRef, ...]:
        """Return the rules that allow, or the policies that isolate where none does, of both sides."""
        sides = (case.verdict.side(direction) for case in self.cases for direction in reversed(Direction))
        return tuple(dict.fromkeys(ref for side in sides for ref in side.deciding))

    @property
    def reason(self) -> str:
        """Return one sentence about why."""
        if self.unknown:
            return self.unknown
        if len(self.outcomes) > 1:
            return f"pods differ: {shares(self)}"
        reasons = list(dict.fromkeys(map(why, self.cases)))
        more = len(reasons) - _REASONS
        return "; or ".join(reasons[:_REASONS]) + (f"; or one of {more} more reasons" if more > 0 else "")


def answer(cluster: Cluster, source: Asked, destination: Asked, protocol: Protocol, port: int) -> Answer:
    """Evaluate every pair of different pods; a pod with itself only when there is no other pair."""
    notes = dict.fromkeys((*source.notes, *destination.notes))
    if source.owner and source.owner == destination.owner and len(source.ends) == 1:
        destination = _with_sibling(destination)
        notes[f"{source.text} has one pod here; another with the same labels stands in for its next"] = None
    pairs = [(end, to, number) for end, _ in source.ends for to, number in destination.ends]
    others = [pair for pair in pairs if destination.through_service or not _same(pair[0], pair[1])]
    if others and len(others) < len(pairs):
        notes[f"pairs of a pod with itself are left out: {LOOPBACK}"] = None
    told = {source.family, destination.family} - {None}
    family = told.pop() if len(told) == 1 else None
    cases: dict[Case, Pairs] = {}
    for end, to, number in others or pairs:
        asked = Connection(
            end,
            to,
            protocol,
            number,
            family=family,
            through_service=destination.through_service,
            source_translated=destination.exposed and isinstance(end, str),
        )
        verdict = evaluate(cluster.policies, cluster.state, asked)
        case = Case(verdict, number, loopback=not others)
        cases.setdefault(case, Pairs()).add(end, to)
    for case in cases:
        for side in (case.verdict.egress, case.verdict.ingress):
            notes |= dict.fromkeys(note for note in side.notes if note not in side_reason(side))
    unknown = source.unknown or destination.unknown
    return Answer(source.text, destination.text, protocol, port, cases, tuple(notes), unknown)


def _with_sibling(asked: Asked) -> Asked:
    """Return the end with its one pod replaced by another that has no address yet."""
    return replace(
        asked,
        ends=tuple(
            (replace(end, name=f"{end.name} (another)", ips=(), node="", synthetic=True), port)
            for end, port in asked.ends
            if isinstance(end, EndPod)
        ),
    )


def _same(source: End, destination: End) -> bool:
    return str(source) == str(destination) and isinstance(source, EndPod)


def shares(found: Answer) -> str:
    """Return how many pairs have which outcome, as text."""
    counts = found.counts
    told = [f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome]]
    return f"of {counts.total()} pairs {', '.join(told)}"


def why(case: Case) -> str:
    """Return why a case has its outcome, as a clause for each side that matters."""
    if case.loopback:
        policies = case.verdict.outcome
        return LOOPBACK + ("" if policies is Outcome.ALLOWED else f"; the policies alone say {policies}")
    return "; ".join(_clauses(case.verdict))


def _clauses(verdict: ConnectionVerdict) -> Iterator[str]:
    for direction in reversed(Direction):
        side = verdict.side(direction)
        if side.outcome is verdict.outcome:
            yield f"{direction}: {side_reason(side)}"


def side_reason(side: SideVerdict) -> str:
    """Return what one side's answer rests on."""
    if side.doubt:
        return "; ".join((str(side.doubt), *side.notes))
    if side.allowed_by:
        return f"allowed by {_refs(side.allowed_by)}"
    if side.isolated_by:
        return f"isolated by {_refs(side.isolated_by)}, and no rule allows it"
    return "; ".join(side.notes) or "no policy selects the pod"


def _refs(refs: Iterable[RuleRef]) -> str:
    return ", ".join(map(str, refs))
