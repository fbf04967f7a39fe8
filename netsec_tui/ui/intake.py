"""Empty a feed into a session, and tell whether there is something new to show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netsec_tui.model.flow import Flow, Gap
from netsec_tui.model.inventory import Inventory
from netsec_tui.session.session import Session
from netsec_tui.sources.contract import FlowsRead, SourceStatus, observed_by
from netsec_tui.ui.advice import settled
from netsec_tui.ui.start import FeedLike

DRAIN_SECONDS = 0.1
"""How long the event loop may wait for what a feed has read."""

MANY_FLOWS = 1000
"""A feed that hands over so many at once is reading a backlog."""


class Intake:
    """Hold one session and the feed that fills it; without a feed the session stays as it is.

    ``told`` is the time of the last flow of each source that an earlier feed has told, ``lost`` of the last
    loss of each source, node and reason: a source may begin with what it remembers, and nothing counts twice.
    """

    def __init__(
        self,
        session: Session,
        feed: FeedLike | None,
        told: Mapping[str, float] | None = None,
        lost: Mapping[tuple[str, str, str], float] | None = None,
    ) -> None:
        self.session = session
        self._told = told or {}
        self._lost = lost or {}
        self.statuses: dict[str, SourceStatus] = {}
        self._feed = feed
        self._seen: tuple[int, tuple[SourceStatus, ...]] = (-1, ())

    @property
    def settled(self) -> bool:
        """Tell whether all sources have delivered what there was."""
        return settled(self.statuses.values())

    def start(self) -> None:
        """Start reading."""
        if self._feed is not None:
            self._feed.start()

    def stop(self) -> None:
        """Stop reading, at once."""
        if self._feed is not None:
            self._feed.stop()

    def leave(self) -> None:
        """Stop reading, and let the session know that nobody watches any more; what was read is kept."""
        self.stop()
        self.empty()
        self.session.set_observed(())

    def again(self, feed: FeedLike | None) -> Intake:
        """Return the same session with another feed that goes on where this one was left."""
        return Intake(self.session, feed, self.session.last_told, self.session.lost_until)

    def fail(self, source: str, error: str) -> None:
        """Take it that there is no feed because of an error; with a feed the sources speak for themselves."""
        if self._feed is None:
            self.statuses[source] = SourceStatus(source, live=False, error=error, ended=True)

    def empty(self) -> bool:
        """Move what was read into the session; tell whether there may be more at once."""
        flows = 0
        for message in self._feed.drain(DRAIN_SECONDS) if self._feed is not None else ():
            if isinstance(message, FlowsRead):
                self.session.add_flows(self._news(message.flows))
                flows += len(message.flows)
            elif isinstance(message, Inventory):
                self.session.set_inventory(message)
            else:
                self.statuses[message.source] = message
                self.session.set_observed(observed_by(self.statuses.values()))
        return flows >= MANY_FLOWS

    def _news(self, flows: Iterable[Flow | Gap]) -> list[Flow | Gap]:
        return [flow for flow in flows if self._is_news(flow)] if self._told or self._lost else [*flows]

    def _is_news(self, flow: Flow | Gap) -> bool:
        if isinstance(flow, Flow):
            return flow.time > self._told.get(flow.origin, 0.0)
        return not flow.lost or flow.time > self._lost.get((flow.origin, flow.node, flow.reason), -1.0)

    def news(self) -> bool:
        """Tell whether session or sources differ from when this was last asked."""
        before, self._seen = self._seen, (self.session.version, tuple(self.statuses.values()))
        return self._seen != before
