"""Put a review together for one workload: subject, rows of both directions, policies, warnings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from netsec_tui.core.cover import Ends, selects_subject
from netsec_tui.core.decide import Case, Decided, case_of, decide
from netsec_tui.core.describe import direction_note, facts_of, warnings_of
from netsec_tui.core.express import World
from netsec_tui.core.fold import fold_aliases, fold_dns
from netsec_tui.core.generate import generate
from netsec_tui.core.serialize import to_yaml
from netsec_tui.model.communication import Communication
from netsec_tui.model.decision import Alias, Decisions, GeneralRule
from netsec_tui.model.identity import Direction
from netsec_tui.model.inventory import AppliedPolicy
from netsec_tui.model.review import DirectionReview, Review, Row, Subject
from netsec_tui.model.timespan import Coverage


@dataclass(frozen=True)
class Evidence:
    """Hold what was seen of a workload in a window; decisions do not touch it.

    ``lost`` counts events and lines that sources could not deliver.
    """

    world: World
    subject: Subject
    communications: tuple[Communication, ...]
    coverage: Coverage
    reports_replies: bool
    lost: int = 0


class Reviewer:
    """Make reviews of one piece of evidence; what no decision changes is worked out once."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._ends = Ends(evidence.world)
        self._cases: dict[tuple[Communication, tuple[Alias, ...]], Case] = {}
        self._rows: dict[Row, Row] = {}
        applied = evidence.world.inventory.policies
        self._applied = tuple(p for p in applied if selects_subject(p.policy, evidence.subject, self._ends))
        self._facts = facts_of(evidence.world, evidence.subject, evidence.communications, self._ends)

    def review(self, decisions: Decisions, *, two_objects: bool = False) -> Review:
        """Return the review under some decisions; rows that did not change are the same objects."""
        evidence = self._evidence
        subject = evidence.subject
        ours = {p.name for p in generate(subject, (), (), two_objects=two_objects)}
        others = tuple(p for p in self._applied if p.policy.name not in ours)
        ingress = self._decide(Direction.INGRESS, decisions, others)
        egress = self._decide(Direction.EGRESS, decisions, others)
        policies = generate(subject, ingress.inclusions, egress.inclusions, two_objects=two_objects)
        return Review(
            subject=subject,
            coverage=evidence.coverage,
            ingress=self._direction(Direction.INGRESS, decisions, ingress),
            egress=self._direction(Direction.EGRESS, decisions, egress),
            policies=policies,
            yaml=to_yaml(policies),
            facts=self._facts,
            applied=self._applied,
            warnings=warnings_of(evidence.world, evidence, decisions),
        )

    def _decide(
        self, direction: Direction, decisions: Decisions, applied: tuple[AppliedPolicy, ...]
    ) -> Decided:
        world = self._evidence.world
        chosen = decisions.of(direction)
        rows: Iterable[Communication] = (
            c for c in self._evidence.communications if c.key.direction is direction
        )
        rows = fold_aliases(rows, tuple(world.aliases.values()))
        if direction is Direction.EGRESS:
            restricted = chosen.general not in (GeneralRule.ALLOW_ALL, GeneralRule.BLOCK_ALL)
            rows = fold_dns(rows, world.dns, offered=restricted)
        cases = sorted((self._case(row) for row in rows), key=lambda c: _display_order(c.communication))
        decided = decide(world, self._evidence.subject, direction, cases, chosen, applied, self._ends)
        return replace(decided, rows=tuple(self._rows.setdefault(row, row) for row in decided.rows))

    def _case(self, communication: Communication) -> Case:
        evidence = self._evidence
        key = (communication, tuple(evidence.world.aliases.values()))
        if key not in self._cases:
            self._cases[key] = case_of(
                evidence.world,
                evidence.subject,
                communication,
                reports_replies=evidence.reports_replies,
            )
        return self._cases[key]

    def _direction(self, direction: Direction, decisions: Decisions, decided: Decided) -> DirectionReview:
        chosen = decisions.of(direction)
        note = direction_note(direction, chosen, decided.rows, self._evidence.coverage)
        return DirectionReview(direction, chosen.general, decided.rows, chosen.manual, note)


def _display_order(communication: Communication) -> tuple[object, ...]:
    key = communication.key
    return (key.peer.unresolved, key.peer.namespace, key.peer.kind, key.peer.name, key.port, key.protocol)
