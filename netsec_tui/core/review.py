"""Put a review together for one workload: subject, rows of both directions, policies, warnings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from netsec_tui.core.cluster.addresses import address_order
from netsec_tui.core.cluster.ends import Ends
from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.decide.cover import selects_subject
from netsec_tui.core.decide.express import World
from netsec_tui.core.decide.fold import fold_aliases, fold_dns
from netsec_tui.core.decide.standing import Case, case_of
from netsec_tui.core.decide.table import Decided, Setting, Table
from netsec_tui.core.describe import direction_note, facts_of, warnings_of
from netsec_tui.core.generate.policies import generate, policy_names
from netsec_tui.core.generate.serialize import to_yaml
from netsec_tui.core.prove.judge import OwnPods
from netsec_tui.core.prove.proof import Prover
from netsec_tui.model.communication import Communication
from netsec_tui.model.decision import Decisions, DirectionDecisions, GeneralRule
from netsec_tui.model.identity import CommunicationKey, Direction, PeerSort
from netsec_tui.model.policy import NetworkPolicy
from netsec_tui.model.proof import Proof
from netsec_tui.model.review import DirectionReview, PeerFacts, Review, Row, Subject
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


_TableKey = tuple[Direction, bool, bool]


class Reviewer:
    """Make reviews of one piece of evidence; what no decision changes is worked out once.

    ``before`` is the reviewer of the evidence before: what still holds is taken over from it. ``ground`` is
    the whole cluster, for questions that go beyond the rows.
    """

    def __init__(self, evidence: Evidence, before: Reviewer | None = None) -> None:
        self._evidence = evidence
        self._tables: dict[_TableKey, Table] = {}
        self._cases: dict[CommunicationKey, Case] = {}
        self._rows: dict[Direction, dict[CommunicationKey, Row]] = {}
        self._warnings: dict[tuple[bool, bool], tuple[str, ...]] = {}
        self._old_tables: Mapping[_TableKey, Table] = {}
        self._old_cases: Mapping[CommunicationKey, Case] = {}
        if before and before._same_but_rows(evidence):
            self._ends: Ends = before._ends
            self._own: OwnPods = before._own
            self.ground: Ground = before.ground.seen_by(evidence.world)
            self._prover: Prover = before._prover
            self._old_tables, self._old_cases = before._tables, before._cases
            if before._evidence.world.aliases != evidence.world.aliases:
                self._old_cases = {
                    k: c for k, c in before._cases.items() if k.peer.sort is not PeerSort.ALIAS
                }
        else:
            self._ends = Ends(evidence.world)
            self._own = OwnPods(evidence.subject, self._ends)
            self.ground = Ground(evidence.world, self._ends)
            self._prover = Prover(evidence.subject, self._own, self.ground)
        if before and before._evidence.subject == evidence.subject:
            self._rows = before._rows
        applied = evidence.world.inventory.policies
        self._applied = tuple(p for p in applied if selects_subject(p.policy, evidence.subject, self._ends))
        self._facts = facts_of(evidence.world, evidence.subject, evidence.communications, self._ends)

    def _same_but_rows(self, evidence: Evidence) -> bool:
        mine = self._evidence
        return (
            mine.world.same_cluster(evidence.world)
            and mine.subject == evidence.subject
            and mine.reports_replies == evidence.reports_replies
        )

    def review(self, decisions: Decisions, *, two_objects: bool = False) -> Review:
        """Return the review under some decisions; rows that did not change are the same objects.

        Where the CNI seen needs it the directions are two objects, asked for or not.
        """
        evidence = self._evidence
        two_objects = two_objects or bool(self._ends.cni and self._ends.cni.two_objects)
        ingress, egress = (self._decide(d, decisions.of(d), two_objects) for d in Direction)
        policies = generate(evidence.subject, ingress.rules, egress.rules, two_objects=two_objects)
        return Review(
            subject=evidence.subject,
            coverage=evidence.coverage,
            ingress=self._direction(Direction.INGRESS, decisions, ingress),
            egress=self._direction(Direction.EGRESS, decisions, egress),
            policies=policies,
            yaml=to_yaml(policies),
            facts=self._facts,
            applied=self._applied,
            warnings=self._warned(decisions.egress.general, policies),
            proof=self._prove(policies, decisions, ingress, egress),
            cni=self._ends.cni,
        )

    def _prove(
        self, policies: tuple[NetworkPolicy, ...], decisions: Decisions, ingress: Decided, egress: Decided
    ) -> Proof:
        general = {direction: decisions.of(direction).general for direction in Direction}
        return self._prover.prove(policies, {Direction.INGRESS: ingress, Direction.EGRESS: egress}, general)

    def tickable(self, key: CommunicationKey) -> bool:
        """Tell whether a row of that key is shown and a policy can express it."""
        return any(
            table.tickable(key)
            for (direction, *_), table in self._tables.items()
            if direction is key.direction
        )

    def _decide(self, direction: Direction, chosen: DirectionDecisions, two_objects: bool) -> Decided:
        offered = direction is Direction.EGRESS and restricts(chosen.general)
        key = (direction, offered, two_objects)
        if key not in self._tables:
            self._tables[key] = self._table(*key)
        return self._tables[key].decide(chosen)

    def _table(self, direction: Direction, offered: bool, two_objects: bool) -> Table:
        evidence = self._evidence
        world, subject = evidence.world, evidence.subject
        rows: Iterable[Communication] = (c for c in evidence.communications if c.key.direction is direction)
        rows = fold_aliases(rows, tuple(world.aliases.values()), world.ranges)
        if direction is Direction.EGRESS:
            rows = fold_dns(rows, world.dns, offered=offered)
        cases = tuple(self._case(row) for row in sorted(rows, key=_display_order))
        old = self._old_tables.get((direction, offered, two_objects))
        if old and old.holds(cases):
            return old
        ours = policy_names(subject, two_objects=two_objects)
        others = tuple(p for p in self._applied if p.policy.name not in ours)
        setting = Setting(world, subject, direction, others, self._ends, self._own)
        return Table(setting, cases, self._rows.setdefault(direction, {}))

    def _case(self, communication: Communication) -> Case:
        evidence = self._evidence
        key, peer = communication.key, communication.peer
        case = self._cases.get(key) or self._old_cases.get(key)
        if case is None or case.communication != communication:
            case = case_of(
                evidence.world,
                evidence.subject,
                communication,
                self._facts.get(peer, PeerFacts(peer)),
                self._ends,
                reports_replies=evidence.reports_replies,
            )
        self._cases[key] = case
        return case

    def _warned(self, egress: GeneralRule, policies: tuple[NetworkPolicy, ...]) -> tuple[str, ...]:
        restricted = restricts(egress)
        rules = (rule for policy in policies for direction in Direction for rule in policy.rules(direction))
        blocks = any(peer.ip_block for rule in rules for peer in rule.peers)
        if (restricted, blocks) not in self._warnings:
            self._warnings[restricted, blocks] = warnings_of(
                self._evidence, self.ground, self._own, restricted=restricted, blocks=blocks
            )
        return self._warnings[restricted, blocks]

    def _direction(self, direction: Direction, decisions: Decisions, decided: Decided) -> DirectionReview:
        chosen = decisions.of(direction)
        note = direction_note(
            self._evidence.subject, direction, chosen, decided.rows, self._evidence.coverage
        )
        return DirectionReview(
            direction, chosen.general, decided.rows, chosen.manual, note, decided.inclusions
        )


def restricts(general: GeneralRule) -> bool:
    """Tell whether rows count under a general rule, and with them name look-ups."""
    return general in (GeneralRule.ROWS_DECIDE, GeneralRule.INSIDE_NAMESPACE)


def _display_order(communication: Communication) -> tuple[object, ...]:
    key = communication.key
    peer = key.peer
    number = address_order(peer.name) if peer.sort is PeerSort.ADDRESS and peer.name else (0, 0)
    return (peer.unresolved, peer.namespace, peer.kind, number, peer.name, key.port, key.protocol)
