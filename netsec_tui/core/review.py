"""Put a review together for one workload: subject, rows of both directions, policies, warnings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from netsec_tui.core.cluster.ends import Ends
from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.cluster.strayed import SelectedBefore
from netsec_tui.core.cluster.world import World
from netsec_tui.core.decide.cover import selects_subject
from netsec_tui.core.decide.kept import Exposed
from netsec_tui.core.decide.rows import Layout, Rows
from netsec_tui.core.decide.standing import Case, case_of
from netsec_tui.core.decide.table import Decided, Setting, Table
from netsec_tui.core.decide.unlabelled import Unlabelled, unlabelled_warning, withheld_sentence
from netsec_tui.core.describe import direction_note, facts_of, no_policy_note, warnings_of
from netsec_tui.core.generate.policies import generate, policy_names
from netsec_tui.core.generate.serialize import to_yaml
from netsec_tui.core.prove.judge import OwnPods, known_pods
from netsec_tui.core.prove.proof import Prover
from netsec_tui.core.quality import doubtful
from netsec_tui.core.subnet import subnet_warning
from netsec_tui.model.communication import Communication
from netsec_tui.model.config import ConfigPart
from netsec_tui.model.decision import Decisions, DirectionDecisions, GeneralRule
from netsec_tui.model.identity import CommunicationKey, Direction, PeerSort
from netsec_tui.model.policy import NetworkPolicy
from netsec_tui.model.proof import Proof, Reach
from netsec_tui.model.quality import Quality
from netsec_tui.model.review import DirectionReview, PeerFacts, Review, Row, Subject
from netsec_tui.model.timespan import Coverage


@dataclass(frozen=True)
class Evidence:
    """Hold what was seen of a workload in a window; decisions do not touch it.

    ``quality`` is how good the observation is, all but what concerns the rows. ``exposed`` are the
    Services by which the outside may reach a port of the workload, seen or not.
    """

    world: World
    subject: Subject
    communications: tuple[Communication, ...]
    coverage: Coverage
    reports_replies: bool
    quality: Quality = field(default_factory=Quality)
    exposed: Exposed = field(default_factory=dict)


_TableKey = tuple[Direction, bool, bool]


class Reviewer:
    """Make reviews of one piece of evidence; what no decision changes is worked out once.

    ``before`` is the reviewer of the evidence before: what still holds is taken over from it. ``ground`` is
    the whole cluster, for questions that go beyond the rows.
    """

    def __init__(self, evidence: Evidence, before: Reviewer | None = None) -> None:
        self._evidence = evidence
        self._layout = Layout(evidence.world, evidence.communications, evidence.exposed)
        self._tables: dict[_TableKey, tuple[Rows, Table]] = {}
        self._cases: dict[CommunicationKey, Case] = {}
        self._rows: dict[Direction, dict[CommunicationKey, Row]] = {}
        self._warnings: dict[tuple[bool, bool], tuple[str, ...]] = {}
        self._allowed: dict[CommunicationKey, tuple[Row, Row]] = {}
        self._old_tables: Mapping[_TableKey, tuple[Rows, Table]] = {}
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
        self._before: SelectedBefore = before._before if before else SelectedBefore()
        applied = evidence.world.inventory.policies
        self._strayed = self._before.strayed(
            evidence.subject.ref,
            known_pods(evidence.subject, self._ends),
            applied,
            (name for two in (False, True) for name in policy_names(evidence.subject, two_objects=two)),
        )
        self._applied = tuple(p for p in applied if selects_subject(p.policy, evidence.subject, self._ends))
        self._facts = facts_of(evidence.world, evidence.subject, evidence.communications, self._ends)
        rows, inferred, unaddressed = doubtful(row for d in Direction for row in self._layout.seen(d))
        self._quality = replace(evidence.quality, rows=rows, inferred=inferred, unaddressed=unaddressed)
        world = evidence.world
        self._incomplete = tuple(
            subnet_warning(world.inventory, world.ranges, world.aliases.values(), evidence.communications)
        )

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
        unlabelled = ingress.unlabelled.with_other(egress.unlabelled)
        withheld = "" if evidence.subject.refusal else _withheld(decisions, unlabelled)
        if withheld:
            ingress, egress = (self._as_allowed(decided) for decided in (ingress, egress))
        made = generate(evidence.subject, ingress.rules, egress.rules, two_objects=two_objects)
        policies = () if withheld else made
        unlabelled_told = self._unlabelled_told(unlabelled, withheld)
        return Review(
            subject=evidence.subject,
            coverage=evidence.coverage,
            quality=self._quality,
            ingress=self._direction(Direction.INGRESS, decisions, ingress, withheld),
            egress=self._direction(Direction.EGRESS, decisions, egress, withheld),
            policies=policies,
            yaml=to_yaml(policies),
            facts=self._facts,
            applied=self._applied,
            warnings=(
                *unlabelled_told,
                *(one.sentence for one in self._strayed),
                *self._warned(decisions.egress.general, policies),
            ),
            proof=self._prove(policies, decisions, ingress, egress),
            cni=self._ends.cni,
            withheld=withheld,
            strayed=self._strayed,
            settled_in=dict.fromkeys(unlabelled_told, ConfigPart.LABELS)
            | dict.fromkeys(self._incomplete, ConfigPart.RANGES),
        )

    def _unlabelled_told(self, unlabelled: Unlabelled, withheld: str) -> tuple[str, ...]:
        """Return the sentence on labels that are wanted, which is told before all else."""
        if not unlabelled.namespaces:
            return ()
        return (withheld or unlabelled_warning(self._evidence.world, unlabelled.namespaces),)

    def _as_allowed(self, decided: Decided) -> Decided:
        """Return a direction as it is without a policy; rows that did not change are the same objects."""
        rows = []
        for row in decided.rows:
            before = self._allowed.get(row.key)
            if before is None or before[0] is not row:
                before = self._allowed[row.key] = (row, replace(row, reach=Reach.ALLOWED))
            rows.append(before[1])
        return replace(decided, rows=tuple(rows), inclusions=(), rules=())

    def _prove(
        self, policies: tuple[NetworkPolicy, ...], decisions: Decisions, ingress: Decided, egress: Decided
    ) -> Proof:
        general = {direction: decisions.of(direction).general for direction in Direction}
        return self._prover.prove(policies, {Direction.INGRESS: ingress, Direction.EGRESS: egress}, general)

    def tickable(self, key: CommunicationKey) -> bool:
        """Tell whether a row of that key is shown and a policy can express it."""
        return any(
            table.tickable(key)
            for (direction, *_), (_, table) in self._tables.items()
            if direction is key.direction
        )

    def _decide(self, direction: Direction, chosen: DirectionDecisions, two_objects: bool) -> Decided:
        offered = direction is Direction.EGRESS and restricts(chosen.general)
        key, kept = (direction, offered, two_objects), self._layout.kept(direction, chosen)
        if key not in self._tables or self._tables[key][0] is not kept:
            self._tables[key] = (kept, self._table(key, kept))
        return self._tables[key][1].decide(chosen)

    def _table(self, key: _TableKey, kept: Rows) -> Table:
        direction, offered, two_objects = key
        world, subject = self._evidence.world, self._evidence.subject
        if any(row.peer not in self._facts for row in kept):
            self._facts = facts_of(world, subject, kept, self._ends) | self._facts
        cases = tuple(map(self._case, self._layout.rows(direction, kept, offered=offered)))
        for tables in (self._tables, self._old_tables):
            if key in tables and tables[key][1].holds(cases):
                return tables[key][1]
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
                self._evidence,
                self.ground,
                self._own,
                self._incomplete,
                restricted=restricted,
                blocks=blocks,
            )
        return self._warnings[restricted, blocks]

    def _direction(
        self, direction: Direction, decisions: Decisions, decided: Decided, withheld: str
    ) -> DirectionReview:
        chosen, evidence = decisions.of(direction), self._evidence
        note = direction_note(evidence.subject, direction, chosen, decided.rows, evidence.coverage)
        note = no_policy_note(direction) if withheld else note
        return DirectionReview(
            direction, chosen.general, decided.rows, chosen.manual, note, decided.inclusions
        )


def _withheld(decisions: Decisions, unlabelled: Unlabelled) -> str:
    """Say why no policy is made when none of the rows could be in it, and nothing else is."""
    chosen = [decisions.of(direction) for direction in Direction]
    untouched = all(one.general is GeneralRule.ROWS_DECIDE and not one.manual for one in chosen)
    affected = unlabelled.namespaces and unlabelled.whole
    return withheld_sentence(unlabelled.namespaces) if affected and untouched else ""


def restricts(general: GeneralRule) -> bool:
    """Tell whether rows count under a general rule, and with them name look-ups."""
    return general in (GeneralRule.ROWS_DECIDE, GeneralRule.INSIDE_NAMESPACE)
