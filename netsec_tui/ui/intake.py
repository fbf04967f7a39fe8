"""Empty a feed into a session, and tell whether there is something new to show."""

from __future__ import annotations

from netsec_tui.model.inventory import Inventory
from netsec_tui.session.session import Session
from netsec_tui.sources.contract import FlowsRead, SourceStatus
from netsec_tui.ui.start import FeedLike

DRAIN_SECONDS = 0.1
"""How long the event loop may wait for what a feed has read."""


class Intake:
    """Hold one session and the feed that fills it; without a feed the session stays as it is."""

    def __init__(self, session: Session, feed: FeedLike | None) -> None:
        self.session = session
        self.statuses: dict[str, SourceStatus] = {}
        self._feed = feed
        self._seen: tuple[int, tuple[SourceStatus, ...]] = (-1, ())

    def start(self) -> None:
        """Start reading."""
        if self._feed is not None:
            self._feed.start()

    def stop(self) -> None:
        """Stop reading; may take a moment."""
        if self._feed is not None:
            self._feed.stop()

    def empty(self) -> bool:
        """Move what was read into the session; tell whether session or sources differ from last time."""
        for message in self._feed.drain(DRAIN_SECONDS) if self._feed is not None else ():
            if isinstance(message, FlowsRead):
                self.session.add_flows(message.flows)
            elif isinstance(message, Inventory):
                self.session.set_inventory(message)
            else:
                self.statuses[message.source] = message
        before, self._seen = self._seen, (self.session.version, tuple(self.statuses.values()))
        return self._seen != before
