"""The result of it all for one workload: rows with their decision, policies, topology input, warnings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from netsec_tui.model.applied import Strayed
from netsec_tui.model.cni import Cni
from netsec_tui.model.communication import AddressCategory, Communication
from netsec_tui.model.config import ConfigPart
from netsec_tui.model.decision import NOTHING, GeneralRule, ManualRule, StoodFor
from netsec_tui.model.flow import Labels
from netsec_tui.model.identity import CommunicationKey, Direction, Peer, WorkloadRef
from netsec_tui.model.inventory import AppliedPolicy
from netsec_tui.model.policy import LabelSelector, NetworkPolicy, PolicyRule
from netsec_tui.model.proof import Opener, Proof, Reach
from netsec_tui.model.quality import Quality
from netsec_tui.model.saved import Changes
from netsec_tui.model.timespan import Coverage


class Standing(StrEnum):
    """Say where a row stands: in the policy, out of it, or beyond what a NetworkPolicy can say."""

    IN = "in"
    OUT = "out"
    NOT_EXPRESSIBLE = "not expressible"


class Since(StrEnum):
    """Say how a row compares with a decisions file or with the timespan."""

    KNOWN = ""
    NEW = "new"
    NOT_SEEN = "not seen"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one row of a table with its decision.

    ``reason`` is the sentence shown in the row (why out, why not expressible, what is uncertain).
    ``allowed_by`` names another inclusion that covers the row (a manual rule, an alias, the general
    rule). ``suspended`` means a general rule overrides the tick for now. ``category`` is set for
    unresolved IPs only. ``applied`` names applied policies that allow the row anyway. ``text`` is what a
    search looks through, case-folded. ``reach`` is what evaluating the generated policy says, on the
    workload's side and over all pods of both ends; ``opener`` what else than the row itself lets it, or
    a part of it, through. ``unlabelled`` is the namespace for want of whose labels the row cannot be in the
    policy. ``since`` marks what a decisions file did not know, and ticked rows outside the timespan.
    ``now`` is what the row opens as things are. ``cut`` means that traffic of it was let in which the policy
    denies, though nobody has decided that the row is out: it starts so.
    """

    communication: Communication
    standing: Standing
    reason: str = ""
    allowed_by: str = ""
    suspended: bool = False
    category: AddressCategory | None = None
    applied: tuple[str, ...] = ()
    text: str = ""
    reach: Reach = Reach.DENIED
    opener: Opener = Opener.NOTHING
    unlabelled: str = ""
    since: Since = Since.KNOWN
    now: StoodFor = NOTHING
    cut: bool = False

    @property
    def key(self) -> CommunicationKey:
        """Return the identity of the communication."""
        return self.communication.key

    @property
    def ticked(self) -> bool:
        """Tell whether the checkbox shows a tick."""
        return self.standing is Standing.IN

    @property
    def tickable(self) -> bool:
        """Tell whether the operator can tick or untick the row."""
        return self.standing is not Standing.NOT_EXPRESSIBLE

    @property
    def in_policy(self) -> bool:
        """Tell whether the generated policy allows the communication: a black line, else a red one."""
        return self.reach is Reach.ALLOWED


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Hold one thing that was included, as a rule of its own, with its name for a person.

    ``key`` is the row that brings it, None for a manual rule or a general rule. ``opener`` is what it is to
    other rows that it lets through.
    """

    origin: str
    rule: PolicyRule
    key: CommunicationKey | None = None
    opener: Opener = Opener.RANGE


@dataclass(frozen=True, slots=True)
class PeerFacts:
    """Hold what the detail of an entity shows; a tuple is empty when nothing is known."""

    peer: Peer
    labels: Labels = ()
    services: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    pods: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """Hold the selected workload: what the policy selects and whom that covers.

    ``refusal`` is empty, or one sentence why no policy can be made for it (host network, no labels).
    ``owners`` are the pod owners covered: the workload itself, or those behind a Service. ``shared`` are
    other owners with pods, or a template, that the selector selects too: the policy isolates them as well.
    ``behind`` are the labels that a Service selects its pods by, of which ``selector`` may use fewer.
    """

    ref: WorkloadRef
    selector: LabelSelector
    owners: tuple[WorkloadRef, ...]
    labels: Labels = ()
    refusal: str = ""
    notes: tuple[str, ...] = ()
    shared: tuple[WorkloadRef, ...] = ()
    behind: Labels = ()


@dataclass(frozen=True, slots=True)
class DirectionReview:
    """Hold one table: its general rule, rows in display order, manual rules, one line of state.

    ``note`` tells what the direction as a whole does, for instance "nothing seen in 3 h: all ingress will
    be refused", or what a general rule suspends; empty when there is nothing to say. ``inclusions`` is
    everything that the direction's part of the policy was made of.
    """

    direction: Direction
    general: GeneralRule
    rows: tuple[Row, ...]
    manual: tuple[ManualRule, ...] = ()
    note: str = ""
    inclusions: tuple[Inclusion, ...] = ()


@dataclass(frozen=True)
class Review:
    """Hold everything the screen shows for one workload and timespan; made anew on every change.

    ``yaml`` is what saving writes, empty when there is a ``refusal``: that of the subject, or ``withheld``, a
    sentence why no policy is generated though one could be; all rows are shown as allowed then. ``facts``
    holds the details of every peer and of the workload (under ``owner_peer(subject.ref)`` or its Service
    peer). ``applied`` are the cluster's policies that select the workload, ``strayed`` those that no longer
    do. ``warnings`` go to the top of the view; ``settled_in`` tells of those that the configuration settles
    which part of it does. ``quality`` says how well all this was observed. ``proof`` is what evaluating
    ``policies`` has shown, in a cluster that runs ``cni`` as far as that is known. ``changes`` names the rows
    that a decisions file did not know, and those ticked that were not seen.
    """

    subject: Subject
    coverage: Coverage
    ingress: DirectionReview
    egress: DirectionReview
    policies: tuple[NetworkPolicy, ...]
    yaml: str
    facts: Mapping[Peer, PeerFacts]
    applied: tuple[AppliedPolicy, ...] = ()
    warnings: tuple[str, ...] = ()
    proof: Proof = field(default_factory=Proof)
    cni: Cni | None = None
    withheld: str = ""
    strayed: tuple[Strayed, ...] = ()
    changes: Changes = field(default_factory=Changes)
    settled_in: Mapping[str, ConfigPart] = field(default_factory=dict)
    quality: Quality = field(default_factory=Quality)

    @property
    def refusal(self) -> str:
        """Return one sentence why there is no policy, empty when there is one."""
        return self.subject.refusal or self.withheld

    def of(self, direction: Direction) -> DirectionReview:
        """Return the table of one direction."""
        return self.ingress if direction is Direction.INGRESS else self.egress
