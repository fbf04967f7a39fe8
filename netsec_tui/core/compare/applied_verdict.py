"""What the applied policies make of a communication: every pair of pods behind its ends is asked about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from netsec_tui.core.cluster.dns import over_both
from netsec_tui.core.compare.alike import Alike
from netsec_tui.core.compare.applied import Applied
from netsec_tui.core.compare.applied_words import Words
from netsec_tui.core.decide.express import express
from netsec_tui.core.evaluate.connection import evaluate
from netsec_tui.model.applied import AppliedSide, AppliedVerdict
from netsec_tui.model.communication import Communication
from netsec_tui.model.connection import Connection, ConnectionVerdict, End, EndPod, Outcome, SideVerdict
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import Direction, PeerSort
from netsec_tui.model.proof import Reach
from netsec_tui.model.review import Subject

_NO_STATE = "no cluster state was read, so it is not known which policies are applied"
_NO_ENDS = "it is not known which pods or addresses its ends are"
_NO_PORT = "its listening port is not known"

Cases = Counter[ConnectionVerdict]
"""Counts the pairs that have each verdict."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """Hold both ends and the (protocol, port) pairs to ask about."""

    sources: tuple[End, ...]
    destinations: tuple[End, ...]
    ports: tuple[tuple[Protocol, int], ...]
    translated: bool = False


class Verdicts:
    """Answer for the communications of one workload; each answer is remembered."""

    def __init__(self, applied: Applied, subject: Subject) -> None:
        self._applied = applied
        self._subject = subject
        self._known: dict[Communication, AppliedVerdict] = {}
        self._own = applied.own_ends(subject)
        self._alike = Alike(applied)
        self._present: dict[int, tuple[tuple[End, ...], tuple[End, ...]]] = {}

    def of(self, communication: Communication) -> AppliedVerdict:
        """Return whether the applied policies let a communication pass, and why."""
        found = self._known.get(communication)
        if found is None:
            found = self._known[communication] = self._ask(communication)
        return found

    def _ask(self, communication: Communication) -> AppliedVerdict:
        words = Words(self._subject.ref, communication, self._applied.ground.applied.all)
        if not self._applied.ground.world.inventory.known:
            return words.unknown(_NO_STATE)
        asked = self._asked(communication)
        cases = self._cases(asked)
        if not cases:
            return words.unknown(_NO_ENDS)
        sides = {d: _side(words, d, cases, asked) for d in Direction}
        outcome = _reach(Counter({o: _count(cases, o) for o in Outcome}))
        if outcome is Reach.DENIED and not communication.key.port and _has_rules(words, sides.values()):
            return words.unknown(_NO_PORT)
        allowed = _count(cases, Outcome.ALLOWED)
        egress, ingress = sides[Direction.EGRESS], sides[Direction.INGRESS]
        return words.verdict(outcome, egress, ingress, allowed, cases.total())

    def _asked(self, communication: Communication) -> _Asked:
        key, world = communication.key, self._applied.ground.world
        ends = self._applied.ground.ends.of(communication)
        ports: tuple[tuple[Protocol, int], ...] = ((key.protocol, key.port),)
        if key.peer.sort is PeerSort.SERVICE or over_both(key):
            # Only these stand for other ports than the row's own: those of the pods behind them.
            told = express(world, self._subject.ref.namespace, communication).ports
            ports = tuple((Protocol(p.protocol), p.port) for p in told if isinstance(p.port, int)) or ports
        incoming = key.direction is Direction.INGRESS
        sources, destinations = (ends, self._own) if incoming else (self._own, ends)
        translated = incoming and (key.peer.sort is PeerSort.EXTERNAL or bool(communication.exposed))
        return _Asked(sources, destinations, ports, translated)

    def _cases(self, asked: _Asked) -> Cases:
        """Ask about the pods there are; where none is, or only one with itself, about the next ones too."""
        there = self._there(asked.sources), self._there(asked.destinations)
        pairs = self._alike.pairs(*there) or self._alike.pairs(asked.sources, asked.destinations)
        policies, state = self._applied.ground.applied, self._applied.state
        cases: Cases = Counter()
        for source, destination, count in pairs:
            for protocol, port in asked.ports:
                connection = Connection(
                    source, destination, protocol, port, source_translated=asked.translated
                )
                cases[evaluate(policies, state, connection)] += count
        return cases

    def _there(self, ends: tuple[End, ...]) -> tuple[End, ...]:
        if id(ends) not in self._present:
            live = tuple(end for end in ends if isinstance(end, str) or not end.synthetic)
            self._present[id(ends)] = (ends, live or ends)
        return self._present[id(ends)][1]


def _count(cases: Cases, outcome: Outcome) -> int:
    return sum(count for verdict, count in cases.items() if verdict.outcome is outcome)


def _reach(counts: Counter[Outcome]) -> Reach:
    some = {outcome for outcome, count in counts.items() if count}
    if {Outcome.ALLOWED, Outcome.DENIED} <= some:
        return Reach.PARTLY
    if Outcome.UNDECIDED in some:
        return Reach.UNKNOWN
    return Reach.DENIED if Outcome.DENIED in some else Reach.ALLOWED


def _side(words: Words, direction: Direction, cases: Cases, asked: _Asked) -> AppliedSide:
    """Sum up one side; where it denies or is in doubt for some pairs, the reason is theirs."""
    found: Counter[SideVerdict] = Counter()
    for verdict, count in cases.items():
        found[verdict.side(direction)] += count
    outcome = _reach(Counter(_by_outcome(found)))
    ends = asked.sources if direction is Direction.EGRESS else asked.destinations
    is_pod = any(isinstance(end, EndPod) for end in ends)
    return AppliedSide(
        direction,
        outcome,
        tuple(dict.fromkeys(ref for side in found for ref in side.isolated_by)),
        tuple(dict.fromkeys(ref for side in found for ref in side.allowed_by)),
        words.clause(direction, outcome, tuple(found), is_pod=is_pod),
    )


def _by_outcome(found: Counter[SideVerdict]) -> dict[Outcome, int]:
    counted: dict[Outcome, int] = {}
    for side, count in found.items():
        counted[side.outcome] = counted.get(side.outcome, 0) + count
    return counted


def _has_rules(words: Words, sides: Iterable[AppliedSide]) -> bool:
    refusing = (side for side in sides if side.outcome is Reach.DENIED)
    return any(words.rules(side.isolated_by, side.direction) for side in refusing)
