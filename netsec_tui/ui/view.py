"""What the main screen is shown: one immutable value, made anew when something changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.generate.provenance import Provenance
from netsec_tui.core.subnet import SUBNET_INCOMPLETE
from netsec_tui.model.config import Config
from netsec_tui.model.identity import CommunicationKey, WorkloadRef
from netsec_tui.model.review import Review
from netsec_tui.model.timespan import Timespan
from netsec_tui.session.session import Session
from netsec_tui.sources.contract import SourceStatus
from netsec_tui.ui.advice import Advice, advise
from netsec_tui.ui.keymap import key_of


@dataclass(frozen=True)
class View:
    """Hold everything the panes draw; ``review`` is None until a workload is chosen.

    ``known`` tells whether there is cluster state, ``lost`` how many events the sources did not deliver,
    ``awaited`` is the workload that flags have named while it is not there. ``focused`` is the
    communication that was focused last, in a table or the topology; ``provenance`` tells which rules of
    the policy come from which rows. ``locked`` says why the configuration must not be edited, if so.
    """

    cluster: str = ""
    namespace: str = ""
    timespan: Timespan | None = None
    scope: WorkloadRef | None = None
    awaited: WorkloadRef | None = None
    review: Review | None = None
    statuses: tuple[SourceStatus, ...] = ()
    lost: int = 0
    known: bool = False
    config: Config = field(default_factory=Config)
    locked: str = ""
    advice: Advice = field(default_factory=Advice)
    ground: Ground | None = field(default=None, compare=False)
    focused: CommunicationKey | None = None
    provenance: Provenance | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what goes to the top of the view: sources that fail, then what the review warns of."""
        if self.review is None:
            return ()
        failing = (status.error for status in self.statuses if status.error)
        return (*failing, *map(with_way_out, self.review.warnings))


_LABELS = ("you need to assign labels to ", "All communications are displayed as allowed")


def is_about_labels(warning: str) -> bool:
    """Tell whether a message is about labels that namespaces lack."""
    return warning.startswith(_LABELS)


def is_about_ranges(warning: str) -> bool:
    """Tell whether a message is about ranges of the cluster that are not known."""
    return warning.startswith(SUBNET_INCOMPLETE)


def with_way_out(warning: str) -> str:
    """Add to a message of the configuration the key that leads there."""
    if not (is_about_labels(warning) or is_about_ranges(warning)):
        return warning
    return f"{warning}{way_out()}"


def way_out() -> str:
    """Return what stands behind a message that the configuration can settle."""
    return f" ({key_of('configuration')}: Configuration)"


def area_of_warnings(warnings: Iterable[str]) -> str:
    """Return the area of the configuration that the first such message is about, empty without one."""
    for warning in warnings:
        if is_about_labels(warning) or is_about_ranges(warning):
            return "labels" if is_about_labels(warning) else "ranges"
    return ""


def view_of(
    session: Session,
    statuses: Iterable[SourceStatus],
    namespace: str,
    awaited: WorkloadRef | None = None,
) -> View:
    """Gather what the screen shows from the session and the sources."""
    told = tuple(statuses)
    inventory, review = session.inventory, session.review()
    return View(
        cluster=session.options.cluster,
        namespace=session.scope.namespace if session.scope else namespace,
        timespan=session.timespan,
        scope=session.scope,
        awaited=awaited,
        review=review,
        statuses=told,
        lost=sum(gap.lost for gap in session.gaps),
        known=inventory.known,
        config=session.config,
        locked=session.options.locked,
        advice=advise(session, told, awaited) if review is None else Advice(),
        provenance=Provenance(review) if review is not None else None,
        ground=session.ground(),
    )
