"""Keep the rows of one direction up to date with the decisions, at the cost of what a decision changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import is_

from netsec_tui.core.cluster.ends import Ends
from netsec_tui.core.cluster.world import World
from netsec_tui.core.decide.cover import Cover, applied_that_allow, covering
from netsec_tui.core.decide.inclusions import inclusion_of, standing_rules
from netsec_tui.core.decide.nearness import Nearness, Place, rule_places
from netsec_tui.core.decide.standing import Case, Stand, row_of, stand_of
from netsec_tui.core.decide.unlabelled import Unlabelled, unlabelled_among
from netsec_tui.core.generate.policies import merge_rules
from netsec_tui.core.prove.judge import Judge, OwnPods
from netsec_tui.model.decision import DirectionDecisions
from netsec_tui.model.identity import LOOKUPS, CommunicationKey, Direction, PeerSort
from netsec_tui.model.inventory import AppliedPolicy
from netsec_tui.model.policy import PolicyRule
from netsec_tui.model.proof import Reach
from netsec_tui.model.review import Inclusion, Row, Subject


@dataclass(frozen=True)
class Decided:
    """Hold the rows of a direction, everything that goes into its part of the policy, and that part.

    ``cases`` are what the rows were made of, in the same order.
    """

    rows: tuple[Row, ...] = ()
    inclusions: tuple[Inclusion, ...] = ()
    rules: tuple[PolicyRule, ...] = ()
    cases: tuple[Case, ...] = ()
    unlabelled: Unlabelled = field(default_factory=Unlabelled)


@dataclass(frozen=True)
class Setting:
    """Hold what all rows of a direction are decided in; ``applied`` are the cluster's other policies."""

    world: World
    subject: Subject
    direction: Direction
    applied: tuple[AppliedPolicy, ...]
    ends: Ends
    own: OwnPods

    def judge(self, rules: tuple[PolicyRule, ...]) -> Judge:
        """Return who says what rules of this direction make of a row."""
        return Judge(self.subject, self.own, self.ends.state, self.direction, rules)


class Table:
    """Decide all rows of one direction; what one inclusion covers of another row is named there.

    The answer depends on the decisions alone. The ones before are remembered to find what differs: the
    rows whose tick changed, and the rows near what these bring in or take out. Numbers are indexes into
    ``cases``; ``known`` holds the rows last made, for this and other tables to use again where equal.
    """

    def __init__(self, setting: Setting, cases: tuple[Case, ...], known: dict[CommunicationKey, Row]) -> None:
        self._setting = setting
        self._cases = cases
        self._numbers = _numbers(cases)
        self._unlabelled = unlabelled_among((case.communication, case.expression) for case in cases)
        self._last: DirectionDecisions | None = None
        self._decided = Decided()
        self._known = known
        self._rows: list[Row | None] = []
        self._stands: list[Stand] = []
        self._included: list[Inclusion | None] = []
        self._standing: tuple[Inclusion, ...] = ()
        self._applied: dict[int, tuple[str, ...]] = {}
        self._rules_near = Nearness()
        self._rows_near: Nearness | None = None

    def tickable(self, key: CommunicationKey) -> bool:
        """Tell whether there is a row of that key and a policy can express it."""
        numbers = (n for n in self._numbers.get(key, ()) if self._cases[n].communication.key == key)
        return any(not self._cases[n].expression.obstacle for n in numbers)

    def holds(self, cases: tuple[Case, ...]) -> bool:
        """Tell whether these are the very cases that the table was made of."""
        return len(cases) == len(self._cases) and all(map(is_, cases, self._cases))

    def decide(self, decisions: DirectionDecisions) -> Decided:
        """Return rows, inclusions and rules under some decisions."""
        if self._last is decisions:
            return self._decided
        last, self._last = self._last, decisions
        moved: Iterable[int] = range(len(self._cases))
        if last is None or (last.general, last.manual) != (decisions.general, decisions.manual):
            self._start(decisions)
        else:
            moved = self._move(decisions, self._changed(last, decisions))
        inclusions = (*self._standing, *(one for one in self._included if one))
        rules = merge_rules(inclusion.rule for inclusion in inclusions)
        judge = self._setting.judge(rules)
        self._rows += [None] * (len(self._cases) - len(self._rows))
        for number in moved:
            self._rows[number] = self._same_or_new(number, judge)
        rows = tuple(row for row in self._rows if row)
        self._decided = Decided(rows, inclusions, rules, self._cases, self._unlabelled)
        return self._decided

    def _same_or_new(self, number: int, judge: Judge) -> Row:
        row = self._row(number, judge)
        known = self._known.get(row.key)
        if known == row:
            return known
        self._known[row.key] = row
        return row

    def _changed(self, old: DirectionDecisions, new: DirectionDecisions) -> list[CommunicationKey]:
        """Return the keys with another tick than before, under one general rule."""
        before, after = old.ticks.get(old.general, {}), new.ticks.get(new.general, {})
        changed = [key for key, ticked in after.items() if before.get(key) is not ticked]
        changed += [key for key in before if key not in after]
        if old.stood is not new.stood:
            told = old.stood.items() ^ new.stood.items()
            changed += (key for key, _ in told)
        held = old.held ^ new.held
        changed += held
        if old.dns is not new.dns or LOOKUPS in held:
            changed += [key for key in self._keys() if key.peer.sort is PeerSort.DNS]
        if old.reviewed is not new.reviewed:
            both = old.reviewed is not None and new.reviewed is not None
            changed += (old.reviewed or set()) ^ (new.reviewed or set()) if both else self._keys()
        return changed

    def _keys(self) -> Iterator[CommunicationKey]:
        return (case.communication.key for case in self._cases)

    def _start(self, decisions: DirectionDecisions) -> None:
        """Work out anew where all rows stand and what they include."""
        self._standing = standing_rules(self._setting.world, self._setting.subject, decisions)
        self._stands = [stand_of(decisions, case) for case in self._cases]
        self._included = [None] * len(self._cases)
        self._rules_near = Nearness()
        for number in range(len(self._cases)):
            self._include(number)

    def _move(self, decisions: DirectionDecisions, keys: Iterable[CommunicationKey]) -> set[int]:
        """Follow changed ticks and return the numbers of the rows that these may concern."""
        changed = {number for key in keys for number in self._numbers.get(key, ())}
        places: set[Place] = set()
        for number in changed:
            before = self._included[number]
            self._stands[number] = stand_of(decisions, self._cases[number])
            self._include(number)
            if before != self._included[number]:
                places |= self._rule_places(self._included[number] or before)
        return changed | (self._near_rows(places) if places else set())

    def _include(self, number: int) -> None:
        before, wanted = self._included[number], self._stands[number].included
        if wanted and before is None:
            inclusion = self._included[number] = inclusion_of(self._cases[number])
            self._rules_near.put(number, self._rule_places(inclusion))
        elif before is not None and not wanted:
            self._included[number] = None

    def _rule_places(self, inclusion: Inclusion | None) -> frozenset[Place]:
        home = self._setting.subject.ref.namespace
        return rule_places(home, inclusion.rule) if inclusion else frozenset()

    def _near_rows(self, places: Iterable[Place]) -> set[int]:
        if self._rows_near is None:
            self._rows_near = Nearness()
            for number, case in enumerate(self._cases):
                self._rows_near.put(number, case.places)
        return self._rows_near.near(places)

    def _row(self, number: int, judge: Judge) -> Row:
        case, stand = self._cases[number], self._stands[number]
        judgement = judge.judge(case.asked)
        if stand.included:
            return row_of(case, stand, Cover(), judgement, ())
        cover = self._cover(number)
        applied = () if judgement.reach is Reach.ALLOWED else self._applied_to(number)
        return row_of(case, stand, cover, judgement, applied)

    def _cover(self, number: int) -> Cover:
        case = self._cases[number]
        if not case.communication.key.protocol.expressible:
            return Cover()
        near = (self._included[n] for n in sorted(self._rules_near.near(case.places)))
        offered = (*self._standing, *(one for one in near if one))
        if not offered:
            return Cover()
        home, state = self._setting.subject.ref.namespace, self._setting.ends.state
        return covering(home, case.asked, offered, ipblock_matches_pods=state.ipblock_matches_pods)

    def _applied_to(self, number: int) -> tuple[str, ...]:
        if not self._setting.applied:
            return ()
        known = self._applied.get(number)
        if known is None:
            asked = self._cases[number].asked
            matching = self._setting.ends.state.ipblock_matches_pods
            known = applied_that_allow(
                self._setting.applied, asked, self._setting.own.named_ports, ipblock_matches_pods=matching
            )
            self._applied[number] = known
        return known


def _numbers(cases: tuple[Case, ...]) -> dict[CommunicationKey, list[int]]:
    """Map each key to the rows that its tick concerns: its own, and an alias that has taken it in."""
    numbers: dict[CommunicationKey, list[int]] = {}
    for number, case in enumerate(cases):
        for key in (case.communication.key, *case.communication.folded):
            numbers.setdefault(key, []).append(number)
    return numbers
