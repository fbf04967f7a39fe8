"""Empty a feed into a session, and tell whether there is something new to show."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from netsec_tui.model.flow import Gap
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.timespan import Window
from netsec_tui.session.session import Session
from netsec_tui.sources.conntrack.told import ToldConnections
from netsec_tui.sources.contract import FlowsRead, SourceStatus, observed_by
from netsec_tui.ui.advice import settled
from netsec_tui.ui.start import FeedLike, FeedMessage

DRAIN_SECONDS = 0.1
"""How long the event loop may wait for what a feed has read, once it has taken in many flows."""

MANY_FLOWS = 1000
"""A feed that hands over so many at once is reading a backlog."""

_CUT_OFF = (
    "the cluster was looked at again before all its sources had ended; what they said last is not known"
)


class Intake:
    """Hold one session and the feed that fills it; without a feed the session stays as it is.

    ``connections`` are those that earlier feeds of the session have told: a source may begin with what it
    remembers, and nothing counts twice. ``beginning`` holds until all sources have told once what was before.
    """

    def __init__(
        self, session: Session, feed: FeedLike | None, connections: ToldConnections | None = None
    ) -> None:
        self.session = session
        self._connections = connections or ToldConnections()
        self.statuses: dict[str, SourceStatus] = {}
        self._feed = feed
        self._left = False
        self.beginning = feed is not None
        self._came, self._flowed = 0, False
        self._drained: deque[FeedMessage] = deque()
        self._seen: tuple[object, ...] = ()
        self._window: Window | None = None

    @property
    def settled(self) -> bool:
        """Tell whether all sources have delivered what there was."""
        return settled(self.statuses.values())

    def start(self) -> None:
        """Start reading."""
        if self._feed is not None:
            self._feed.start()

    def stop(self) -> None:
        """Stop reading, at once; nothing is moved into the session from then on."""
        if self._feed is not None:
            self._feed.close()

    def leave(self) -> None:
        """Ask the feed to stop, and let the session know that nobody watches any more.

        Sources may take a while to end: what they still say is kept as long as ``empty`` is called.
        """
        if self._feed is not None:
            self._feed.stop()
        self.empty()
        self._left = True
        self.session.set_observed(())

    def again(self, feed: FeedLike | None) -> Intake:
        """Return the same session with another feed that goes on where this one was left.

        From then on the one before would tell the same once more: it is not listened to, which is said as a
        gap where it had not ended.
        """
        if self._feed is not None:
            cut_off = not self._feed.close()
            while self.empty():
                pass
            if cut_off:
                self.session.add_flows((Gap(time.time(), 0, _CUT_OFF),))
        self.session.begin_again()
        self._connections.begin_again()
        return Intake(self.session, feed, self._connections)

    def fail(self, source: str, error: str) -> None:
        """Take it that there is no feed because of an error; with a feed the sources speak for themselves."""
        if self._feed is None:
            self.statuses[source] = SourceStatus(source, live=False, error=error, ended=True)

    def empty(self) -> bool:
        """Move what was read into the session; tell whether there may be more at once."""
        if not self._drained and self._feed is not None:
            self._drained.extend(self._feed.drain(DRAIN_SECONDS))
        flows, deadline = 0, time.monotonic() + DRAIN_SECONDS
        while self._drained:
            flows += self._take(self._drained.popleft())
            if flows >= MANY_FLOWS and time.monotonic() >= deadline:
                break
        return flows >= MANY_FLOWS

    def _take(self, message: FeedMessage) -> int:
        """Move one message into the session, and return how many flows it had."""
        if isinstance(message, FlowsRead):
            flows = self._connections.news(message.flows)
            self.session.add_flows(flows, message.recording, message.teller)
            self._came += len(message.flows)
            return len(message.flows)
        if isinstance(message, Inventory):
            self.session.set_inventory(message)
        else:
            self.statuses[message.source] = message
            self._watched([message] if self._left else self.statuses.values())
        return 0

    def _watched(self, statuses: Iterable[SourceStatus]) -> None:
        self.session.set_observed(observed_by(statuses))
        if self._left:  # even where a source that has not ended yet says that it goes on
            self.session.set_observed(())

    def news(self) -> bool:
        """Tell whether session or sources differ from when this was last asked.

        How far a quiet source has read moves with each of its answers, and is shown nowhere.
        """
        shown = tuple(replace(status, read_to=0.0, due=0.0) for status in self.statuses.values())
        self.beginning = self.beginning and self._tells_of_before()
        before, self._seen = self._seen, (self.session.version, self.beginning, shown)
        return self._seen != before

    def _tells_of_before(self) -> bool:
        """Tell whether more may come of what was before; what does not say so hands over much at once."""
        came, self._came = self._came, 0
        self._flowed = self._flowed or came > 0
        if self._drained or came >= MANY_FLOWS or not self._flowed:
            return True
        return any(
            status.behind or not (status.live or status.settled or status.error)
            for status in self.statuses.values()
        )

    def moved(self) -> bool:
        """Tell whether the window differs from when this was last asked.

        A live one goes on by the minute: so does the time that was observed, also of a quiet cluster.
        """
        before, self._window = self._window, self.session.window
        return self._window != before
