"""The session: flows, cluster state, scope, decisions and aliases in; a Review out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from netsec_tui.model.decision import Alias, Decisions, ManualRule
from netsec_tui.model.flow import Flow, Gap
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.review import Review
from netsec_tui.model.timespan import TIMESPANS, Timespan
from netsec_tui.session.actions import Action


@dataclass(frozen=True, slots=True)
class Options:
    """Hold what flags decide for the whole session.

    ``two_objects`` writes the directions as two policies; ``pod_cidrs``/``service_cidrs`` are canonical
    ranges given by hand.
    """

    cluster: str = ""
    live: bool = False
    two_objects: bool = False
    pod_cidrs: tuple[str, ...] = ()
    service_cidrs: tuple[str, ...] = ()
    timespan: Timespan = TIMESPANS[-1]


@dataclass(frozen=True, slots=True)
class WorkloadChoice:
    """Hold one line of the owner picker: a workload with recorded communications."""

    ref: WorkloadRef
    ingress: int
    egress: int
    host_network: bool = False


class Session:
    """Own all state; every method is cheap enough for the event loop."""

    def __init__(self, options: Options, now: Callable[[], float]) -> None:
        self.options = options

    @property
    def version(self) -> int:
        """Return a number that grows whenever ``review`` or ``workloads`` may have changed."""
        raise NotImplementedError

    @property
    def scope(self) -> WorkloadRef | None:
        """Return the chosen workload."""
        raise NotImplementedError

    @property
    def timespan(self) -> Timespan:
        """Return the chosen window."""
        raise NotImplementedError

    @property
    def aliases(self) -> tuple[Alias, ...]:
        """Return all aliases, by name."""
        raise NotImplementedError

    @property
    def inventory(self) -> Inventory:
        """Return the cluster state last read."""
        raise NotImplementedError

    @property
    def decisions(self) -> Decisions:
        """Return what was decided for the chosen workload."""
        raise NotImplementedError

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Return what the sources could not deliver."""
        raise NotImplementedError

    def add_flows(self, flows: Iterable[Flow | Gap]) -> None:
        """Fold in what a source has read."""
        raise NotImplementedError

    def set_inventory(self, inventory: Inventory) -> None:
        """Replace the cluster state; everything is resolved anew when it differs."""
        raise NotImplementedError

    def workloads(self) -> tuple[WorkloadChoice, ...]:
        """Return the workloads with communications in the timespan, sorted by namespace, kind, name."""
        raise NotImplementedError

    def apply(self, action: Action) -> None:
        """Carry out an action.

        Raises:
            NotFoundError: the workload has no communications and is not in the cluster state.
            BadInputError: a manual rule or alias cannot be used; the sentence says why.
        """
        raise NotImplementedError

    def check_manual(self, rule: ManualRule) -> str:
        """Return why a manual rule is refused, or an empty string."""
        raise NotImplementedError

    def review(self) -> Review | None:
        """Return the review of the chosen workload, None before one is chosen; unchanged rows are reused."""
        raise NotImplementedError
