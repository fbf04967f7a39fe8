"""What the main screen is shown: one immutable value, made anew when something changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.generate.provenance import Provenance
from netsec_tui.model.config import Config, ConfigPart
from netsec_tui.model.identity import CommunicationKey, WorkloadRef
from netsec_tui.model.review import Review
from netsec_tui.model.timespan import Timespan
from netsec_tui.session.session import Session
from netsec_tui.sources.contract import SourceStatus
from netsec_tui.ui.advice import Advice, advise


@dataclass(frozen=True, slots=True)
class TopMessage:
    """Hold a sentence for the top of the view; ``part`` of the configuration settles it, if one does."""

    text: str
    part: ConfigPart | None = None


@dataclass(frozen=True)
class View:
    """Hold everything the panes draw; ``review`` is None until a workload is chosen.

    ``known`` tells whether there is cluster state, ``lost`` how many events the sources did not deliver,
    ``awaited`` is the workload that flags have named while it is not there. ``focused`` is the
    communication that was focused last, in a table or the topology; ``provenance`` tells which rules of
    the policy come from which rows. ``beginning`` tells that sources still tell of what was before.
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
    advice: Advice = field(default_factory=Advice)
    ground: Ground | None = field(default=None, compare=False)
    focused: CommunicationKey | None = None
    provenance: Provenance | None = None
    beginning: bool = False

    @property
    def warnings(self) -> tuple[TopMessage, ...]:
        """Return what goes to the top of the view: sources that fail, then what the review warns of."""
        if self.review is None:
            return ()
        errors = dict.fromkeys(status.error for status in self.statuses if status.error)
        failing = map(TopMessage, errors)
        settled_in = self.review.settled_in
        return (*failing, *(TopMessage(text, settled_in.get(text)) for text in self.review.warnings))


def view_of(
    session: Session,
    statuses: Iterable[SourceStatus],
    namespace: str,
    awaited: WorkloadRef | None = None,
    *,
    beginning: bool = False,
    unchosen: bool = False,
) -> View:
    """Gather what the screen shows from the session and the sources; ``unchosen`` as for ``advise``."""
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
        lost=sum(session.lost.values()),
        known=inventory.known,
        config=session.config,
        advice=advise(session, told, awaited, unchosen=unchosen) if review is None else Advice(),
        provenance=Provenance(review) if review is not None else None,
        ground=session.ground(),
        beginning=beginning,
    )
