"""The session: flows, cluster state, scope, decisions and aliases in; a Review out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from netsec_tui.core.cluster.addresses import parse_cidr
from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.cluster.subject import subject_of
from netsec_tui.core.cluster.world import World
from netsec_tui.core.decide.changes import with_changes
from netsec_tui.core.decide.manual import manual_mistake
from netsec_tui.core.review import Evidence, Reviewer
from netsec_tui.errors import BadInputError, LockedError, NotFoundError
from netsec_tui.model.config import Config
from netsec_tui.model.decision import Alias, Decisions, ManualRule
from netsec_tui.model.flow import Flow, Gap
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.losses import Losses
from netsec_tui.model.observed import Observed
from netsec_tui.model.quality import Quality
from netsec_tui.model.review import Review
from netsec_tui.model.saved import SavedDecisions
from netsec_tui.model.timespan import Coverage, Timespan, Window
from netsec_tui.session import decide
from netsec_tui.session import saved as saved_as
from netsec_tui.session.actions import (
    Action,
    AddManualRule,
    ChooseTimespan,
    ChooseWorkload,
    ConfigSaved,
    Configure,
    DecisionsSaved,
    LoadDecisions,
    RemoveAlias,
    RemoveManualRule,
    SetAlias,
    SetGeneralRule,
    SetTicks,
    Undo,
)
from netsec_tui.session.ledger import Ledger
from netsec_tui.session.options import Options, WorkloadChoice
from netsec_tui.session.record import Record
from netsec_tui.session.scope import not_found, window_of

__all__ = ["Options", "Session", "WorkloadChoice"]


class Session:
    """Own all state; every method is cheap enough for the event loop."""

    def __init__(self, options: Options, now: Callable[[], float]) -> None:
        self.options = options
        self._now = now
        self._record = Record()
        self._scope: WorkloadRef | None = None
        self._timespan = options.timespan
        self._ledger = Ledger()
        self._config = self._saved_config = options.config
        self._record.configure(options.config)
        self._changes = 0
        self._reviewer: tuple[object, Reviewer] | None = None
        self._review: tuple[object, Review] | None = None
        self._workloads: tuple[object, tuple[WorkloadChoice, ...]] | None = None

    @property
    def version(self) -> int:
        """Return a number that grows whenever ``review`` or ``workloads`` may have changed."""
        return self._record.version + self._changes

    @property
    def scope(self) -> WorkloadRef | None:
        """Return the chosen workload."""
        return self._scope

    @property
    def timespan(self) -> Timespan:
        """Return the chosen window."""
        return self._timespan

    @property
    def aliases(self) -> tuple[Alias, ...]:
        """Return all aliases, by name."""
        return self._config.aliases

    @property
    def config(self) -> Config:
        """Return the configuration in force."""
        return self._config

    @property
    def saved_config(self) -> Config:
        """Return the configuration that the edits of this session started from, or that was saved last."""
        return self._saved_config

    @property
    def inventory(self) -> Inventory:
        """Return the cluster state last read."""
        return self._record.inventory

    @property
    def decisions(self) -> Decisions:
        """Return what was decided for the chosen workload."""
        return self._ledger.of(self._scope)

    @property
    def last_told(self) -> dict[str, float]:
        """Return the time of the last flow of each source, in epoch seconds."""
        return {origin: told.last for origin, told in self._record.observations.told.items()}

    @property
    def misdated(self) -> tuple[str, ...]:
        """Return why flows do not count whose time cannot be, where no flow counts at all."""
        return () if self._record.observations.told else self._record.observations.misdated

    @property
    def seen_before(self) -> bool:
        """Tell whether all that was seen lies before the timespan, as far as it is of workloads."""
        seen = bool(self._record.observations.told)
        return seen and self._timespan.seconds is not None and not self.workloads()

    @property
    def lost(self) -> dict[str, int]:
        """Return how many events and lines each reason has cost."""
        return Losses(self._record.observations.gaps).by_reason

    def add_flows(self, flows: Iterable[Flow | Gap], recording: str = "", teller: str = "") -> None:
        """Fold in what a source has read; a flow dated as none can be is a gap instead.

        ``recording`` names the file that it was read from, empty for a live source; ``teller`` the live
        source: what two of one kind tell alike counts once.
        """
        self._record.add(flows, self._now(), recording, teller)

    def begin_again(self) -> None:
        """Take it that sources begin again: what they remember, and have told before, counts once."""
        self._record.observations.begin_again(self._now())

    def set_observed(self, told: Iterable[Observed]) -> None:
        """Take in how well all present sources have watched; one that is not among them has ended."""
        self._record.watched(told, self._now())

    def set_inventory(self, inventory: Inventory) -> None:
        """Replace the cluster state; everything is resolved anew when it differs."""
        self._record.set_inventory(inventory)

    def workloads(self) -> tuple[WorkloadChoice, ...]:
        """Return the workloads with communications in the timespan, sorted by namespace, kind, name."""
        key = (self._record.version, self.window)
        if self._workloads is None or self._workloads[0] != key:
            counted = self._record.counted(self.window)
            choices = (
                WorkloadChoice(ref, ingress, egress, self._record.host_network(ref))
                for ref, (ingress, egress) in counted.items()
            )
            ordered = sorted(choices, key=lambda c: (c.ref.namespace, c.ref.kind, c.ref.name))
            self._workloads = (key, tuple(ordered))
        return self._workloads[1]

    def apply(self, action: Action) -> None:
        """Carry out an action.

        Raises:
            NotFoundError: the workload has no communications and is not in the cluster state.
            BadInputError: a manual rule, alias or decisions file cannot be used; the sentence says why.
            LockedError: the configuration must not be edited; the sentence says why.
        """
        match action:
            case ChooseWorkload(ref):
                self._choose(ref)
            case ChooseTimespan(timespan):
                self._timespan = timespan
            case SetTicks(keys, ticked):
                self._tick(keys, ticked)
            case SetGeneralRule(direction, rule):
                self._decide(decide.with_general(self.decisions, direction, rule))
            case AddManualRule(rule):
                self._add_manual(rule)
            case RemoveManualRule(direction, index):
                self._decide(decide.without_manual(self.decisions, direction, index))
            case SetAlias(alias, old):
                self._set_alias(alias, old)
            case RemoveAlias(name):
                self._require_unlocked()
                self._decide(self.decisions, tuple(a for a in self.aliases if a.name != name))
            case LoadDecisions(saved):
                self._load(saved)
            case DecisionsSaved(saved):
                self._ledger.saved(saved)
            case Undo():
                self._take_back()
            case _:
                self._settle(action)
        self._changes += 1

    def _settle(self, action: Configure | ConfigSaved) -> None:
        config = action.config
        if isinstance(action, ConfigSaved):
            self._saved_config, config = config, action.edited or config
        else:
            self._require_unlocked()
        self._configure(config)

    def check_manual(self, rule: ManualRule) -> str:
        """Return why a manual rule is refused, or an empty string."""
        inside = self._record.resolved.ranges.inside(rule.cidr)
        if inside:
            return (
                f"{rule.cidr} is inside the {inside}: an ipBlock must not stand for pods; tick rows instead"
            )
        return manual_mistake(rule)

    def review(self) -> Review | None:
        """Return the review of the chosen workload, None before one is chosen; unchanged rows are reused."""
        if self._scope is None:
            return None
        key = (self.version, self.window)
        if self._review is None or self._review[0] != key:
            made = self._current_reviewer().review(self.decisions, two_objects=self.options.two_objects)
            self._review = (key, with_changes(made, self._ledger.hold_back(made)))
        return self._review[1]

    def saved_decisions(self) -> SavedDecisions | None:
        """Return what a file would keep of the decisions, None before a workload is chosen."""
        review = self.review()
        return saved_as.saved_decisions(review, self.decisions, self.aliases) if review else None

    def ground(self) -> Ground | None:
        """Return the whole cluster as policies see it, None before a workload is chosen."""
        return self._current_reviewer().ground if self._scope else None

    def cluster(self) -> Ground:
        """Return the whole cluster as policies see it, whether a workload is chosen or not."""
        return self.ground() or Ground(self._world())

    # Scope

    def _choose(self, ref: WorkloadRef) -> None:
        inventory = self._record.inventory
        known = (
            ref in inventory.owner_by_ref
            or ref in inventory.pods_by_owner
            or (ref.kind == "Service" and (ref.namespace, ref.name) in inventory.service_by_name)
            or any(choice.ref == ref for choice in self.workloads())
            or ref in self._record.counted(Window(0.0, float("inf")))
        )
        if not known:
            raise NotFoundError(not_found(ref, (choice.ref for choice in self.workloads())))
        self._scope = ref

    @property
    def window(self) -> Window:
        """Return the time that is looked at; where it is live it moves on by the minute."""
        seen, observed, live = self._record.observations, self._record.observed, self.options.live
        return window_of(self._timespan, seen, observed, self._now(), live=live)

    def quality(self, namespace: str = "") -> Quality:
        """Return how good the observation is in the timespan, all but what concerns one workload's rows.

        Workloads without traffic are named for a namespace, an empty one names them all.
        """
        return self._record.quality(self._timespan, self.window, self._now(), namespace)

    # Decisions

    def _decide(self, decisions: Decisions, aliases: tuple[Alias, ...] | None = None) -> None:
        if self._scope is None:
            return
        aliases = self.aliases if aliases is None else aliases
        if self._ledger.put(self._scope, decisions, decide.alias_changes(self.aliases, aliases)):
            self._configure(replace(self._config, aliases=aliases))

    def lock(self, reason: str) -> None:
        """Refuse edits of the configuration from now on, for a reason; an empty one allows them again."""
        self.options = replace(self.options, locked=reason)

    def _take_back(self) -> None:
        if self._ledger.changed_aliases(self._scope):
            self._require_unlocked()
        changes = self._ledger.take_back(self._scope)
        if changes is not None:
            # Other workloads may have changed other aliases since: those stay.
            self._configure(replace(self._config, aliases=decide.restored(self.aliases, changes)))

    def _configure(self, config: Config) -> None:
        self._config = config
        self._record.configure(config)

    def _require_unlocked(self) -> None:
        if self.options.locked:
            raise LockedError(self.options.locked)

    def _tick(self, keys: tuple, ticked: bool) -> None:  # type: ignore[type-arg]
        review = self.review()
        if review is None:
            return
        tickable = self._current_reviewer().tickable
        # A tick on a row that is gone can be taken back: then nothing is left of it.
        kept = frozenset() if ticked else frozenset(review.changes.gone)
        chosen = [key for key in keys if tickable(key) or key in kept]
        decisions = saved_as.with_particulars(self.decisions, review, chosen) if ticked else self.decisions
        self._decide(decide.with_ticks(decisions, chosen, ticked))

    def _load(self, saved: SavedDecisions) -> None:
        if saved.workload != self._scope:
            raise BadInputError(saved_as.mismatch(saved.workload, self._scope))
        loaded = saved_as.loaded_decisions(saved, self._config.alias_by_name, self.check_manual)
        self._decide(saved_as.with_held(loaded, saved_as.held_of(self.decisions)))

    def _add_manual(self, rule: ManualRule) -> None:
        canonical = replace(rule, cidr=parse_cidr(rule.cidr)[0])
        refusal = self.check_manual(canonical)
        if refusal:
            raise BadInputError(refusal)
        self._decide(decide.with_manual(self.decisions, canonical))

    def _set_alias(self, alias: Alias, old: str) -> None:
        self._require_unlocked()
        known = self._config.alias_by_name
        aliases = decide.with_alias(self.aliases, alias, old)
        edited = next((one for one in aliases if one.name == alias.name), alias)
        before = known.get(alias.name) or known.get(old)
        if old and alias.name not in known:
            self._ledger.rename(self._scope, old, alias.name)
            decisions = decide.with_renamed(self.decisions, old, alias.name)
        else:
            decisions = self.decisions
        self._decide(saved_as.with_alias_edited(decisions, before, edited), aliases)

    # Review

    def _current_reviewer(self) -> Reviewer:
        window = self.window
        key = (self._record.version, self._scope, window, self._config)
        if self._reviewer is None or self._reviewer[0] != key:
            before = self._reviewer[1] if self._reviewer else None
            self._reviewer = (key, Reviewer(self._evidence(window), before))
        return self._reviewer[1]

    def _evidence(self, window: Window) -> Evidence:
        assert self._scope is not None
        record = self._record
        subject = subject_of(record.inventory, record.knowledge, self._scope, self._config.labels)
        quality = record.quality(self._timespan, window, self._now(), self._scope.namespace)
        newest = record.observations.last or 0.0
        return Evidence(
            self._world(),
            subject,
            record.communications(subject, window),
            Coverage(self._timespan, quality.covered, newest, self.options.live),
            record.observations.reports_replies,
            quality,
            record.exposed(subject),
        )

    def _world(self) -> World:
        record, resolved = self._record, self._record.resolved
        config = self._config
        return World(
            record.inventory,
            record.knowledge,
            resolved.ranges,
            resolved.dns,
            config.alias_by_name,
            config.labels,
        )
