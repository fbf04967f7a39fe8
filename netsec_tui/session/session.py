"""The session: flows, cluster state, scope, decisions and aliases in; a Review out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from netsec_tui.core.cluster.addresses import parse_cidr
from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.cluster.subject import subject_of
from netsec_tui.core.decide.express import World
from netsec_tui.core.review import Evidence, Reviewer
from netsec_tui.errors import BadInputError, LockedError, NotFoundError
from netsec_tui.model.config import Config
from netsec_tui.model.decision import Alias, Decisions, ManualRule
from netsec_tui.model.flow import Flow, Gap
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.review import Review
from netsec_tui.model.timespan import TIMESPANS, Coverage, Timespan, Window
from netsec_tui.session import decide
from netsec_tui.session.actions import (
    Action,
    AddManualRule,
    ChooseTimespan,
    ChooseWorkload,
    ConfigSaved,
    Configure,
    RemoveAlias,
    RemoveManualRule,
    SetAlias,
    SetGeneralRule,
    SetTicks,
    Undo,
)
from netsec_tui.session.record import Record


@dataclass(frozen=True, slots=True)
class Options:
    """Hold what flags decide for the whole session.

    ``two_objects`` writes the directions as two policies; ``config`` is the configuration at the start, that
    of the file and what flags lay over it. ``locked`` is one sentence why the configuration must not be
    edited, empty when it may.
    """

    cluster: str = ""
    live: bool = False
    two_objects: bool = False
    config: Config = field(default_factory=Config)
    locked: str = ""
    timespan: Timespan = TIMESPANS[-1]


@dataclass(frozen=True, slots=True)
class WorkloadChoice:
    """Hold one line of the owner picker: a workload with recorded communications."""

    ref: WorkloadRef
    ingress: int
    egress: int
    host_network: bool = False


@dataclass(frozen=True)
class _Before:
    """Hold what ``Undo`` brings back; ``aliases`` only those that changed, None where there was none."""

    decisions: Decisions
    aliases: Mapping[str, Alias | None]


class Session:
    """Own all state; every method is cheap enough for the event loop."""

    def __init__(self, options: Options, now: Callable[[], float]) -> None:
        self.options = options
        self._now = now
        self._record = Record()
        self._scope: WorkloadRef | None = None
        self._timespan = options.timespan
        self._decisions: dict[WorkloadRef, Decisions] = {}
        self._config = self._saved_config = options.config
        self._record.configure(options.config)
        self._undo: dict[WorkloadRef, list[_Before]] = {}
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
        return self._decisions.get(self._scope, Decisions()) if self._scope else Decisions()

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Return what the sources could not deliver."""
        return tuple(self._record.observations.gaps)

    def add_flows(self, flows: Iterable[Flow | Gap]) -> None:
        """Fold in what a source has read."""
        self._record.add(flows)

    def set_inventory(self, inventory: Inventory) -> None:
        """Replace the cluster state; everything is resolved anew when it differs."""
        self._record.set_inventory(inventory)

    def workloads(self) -> tuple[WorkloadChoice, ...]:
        """Return the workloads with communications in the timespan, sorted by namespace, kind, name."""
        key = (self._record.version, self._window())
        if self._workloads is None or self._workloads[0] != key:
            counted = self._record.counted(self._window())
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
            BadInputError: a manual rule or alias cannot be used; the sentence says why.
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
            case Configure(config):
                self._require_unlocked()
                self._configure(config)
            case ConfigSaved(config):
                self._saved_config = config
                self._configure(config)
            case Undo():
                self._take_back()
        self._changes += 1

    def check_manual(self, rule: ManualRule) -> str:
        """Return why a manual rule is refused, or an empty string."""
        inside = self._record.resolved.ranges.inside(rule.cidr)
        if inside:
            return (
                f"{rule.cidr} is inside the {inside}: an ipBlock must not stand for pods; tick rows instead"
            )
        return decide.manual_mistake(rule)

    def review(self) -> Review | None:
        """Return the review of the chosen workload, None before one is chosen; unchanged rows are reused."""
        if self._scope is None:
            return None
        key = (self.version, self._window())
        if self._review is None or self._review[0] != key:
            made = self._current_reviewer().review(self.decisions, two_objects=self.options.two_objects)
            self._review = (key, made)
        return self._review[1]

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
            raise NotFoundError(self._not_found(ref))
        self._scope = ref

    def _not_found(self, ref: WorkloadRef) -> str:
        everyone = [choice.ref for choice in self.workloads()]
        if not everyone:
            return f"{ref} was not found: no communication of any workload was recorded yet"
        namespaces = sorted({other.namespace for other in everyone})
        if ref.namespace not in namespaces:
            return (
                f"no workload with communications in namespace {ref.namespace!r}; "
                f"there are some in {', '.join(namespaces)}"
            )
        names = ", ".join(str(other) for other in everyone if other.namespace == ref.namespace)
        return f"{ref} was not found in namespace {ref.namespace!r}; recorded there: {names}"

    def _window(self) -> Window:
        """Return the window: it ends now for live input, at the newest record for files."""
        newest = self._record.observations.last or 0.0
        end = max(self._now(), newest) if self.options.live else newest
        if self._timespan.seconds is None:
            return Window(0.0, end)
        start = max(0.0, (end - self._timespan.seconds) // 60 * 60)
        # A live window moves by whole minutes, so that nothing is worked out anew in between.
        return Window(start, (end // 60 + 1) * 60 if self.options.live else end)

    def _coverage(self, window: Window) -> Coverage:
        seen = self._record.observations
        if seen.first is None or seen.last is None:
            return Coverage(self._timespan, 0.0, 0.0, self.options.live)
        covered = max(0.0, min(window.end, seen.last) - max(window.start, seen.first))
        return Coverage(self._timespan, covered, seen.last, self.options.live)

    # Decisions

    def _decide(self, decisions: Decisions, aliases: tuple[Alias, ...] | None = None) -> None:
        if self._scope is None:
            return
        aliases = self.aliases if aliases is None else aliases
        before = _Before(self.decisions, decide.alias_changes(self.aliases, aliases))
        if decisions != before.decisions or before.aliases:
            self._undo.setdefault(self._scope, []).append(before)
            self._decisions[self._scope] = decisions
            self._configure(replace(self._config, aliases=aliases))

    def _take_back(self) -> None:
        history = self._undo.get(self._scope, []) if self._scope else []
        if history and self._scope:
            before = history.pop()
            self._decisions[self._scope] = before.decisions
            # Other workloads may have changed other aliases since: those stay.
            self._configure(replace(self._config, aliases=decide.restored(self.aliases, before.aliases)))

    def _configure(self, config: Config) -> None:
        self._config = config
        self._record.configure(config)

    def _require_unlocked(self) -> None:
        if self.options.locked:
            raise LockedError(self.options.locked)

    def _tick(self, keys: tuple, ticked: bool) -> None:  # type: ignore[type-arg]
        if self.review() is None:
            return
        tickable = self._current_reviewer().tickable
        self._decide(decide.with_ticks(self.decisions, [k for k in keys if tickable(k)], ticked))

    def _add_manual(self, rule: ManualRule) -> None:
        canonical = replace(rule, cidr=parse_cidr(rule.cidr)[0])
        refusal = self.check_manual(canonical)
        if refusal:
            raise BadInputError(refusal)
        self._decide(decide.with_manual(self.decisions, canonical))

    def _set_alias(self, alias: Alias, old: str) -> None:
        self._require_unlocked()
        aliases = decide.with_alias(self.aliases, alias, old)
        if old and all(known.name != alias.name for known in self.aliases):
            # The old ticks stay beside the copies, so that Undo finds them in whatever workload.
            for ref, decisions in self._decisions.items():
                if ref != self._scope:
                    self._decisions[ref] = decide.with_renamed(decisions, old, alias.name)
            self._decide(decide.with_renamed(self.decisions, old, alias.name), aliases)
        else:
            self._decide(self.decisions, aliases)

    # Review

    def _current_reviewer(self) -> Reviewer:
        window = self._window()
        key = (self._record.version, self._scope, window, self._config)
        if self._reviewer is None or self._reviewer[0] != key:
            before = self._reviewer[1] if self._reviewer else None
            self._reviewer = (key, Reviewer(self._evidence(window), before))
        return self._reviewer[1]

    def _evidence(self, window: Window) -> Evidence:
        assert self._scope is not None
        record = self._record
        subject = subject_of(record.inventory, record.knowledge, self._scope)
        return Evidence(
            self._world(),
            subject,
            record.communications(subject, window),
            self._coverage(window),
            record.observations.reports_replies,
            sum(gap.lost for gap in record.observations.gaps),
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
