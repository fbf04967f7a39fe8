"""One source in one thread; whatever it raises ends in a SourceStatus."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from netsec_tui.errors import NetsecError, UnreachableError
from netsec_tui.sources.bounded import put
from netsec_tui.sources.cluster.refusals import RefusedError
from netsec_tui.sources.contract import Emit, FlowsRead, Message, Source, SourceStatus
from netsec_tui.sources.defect import defect_of
from netsec_tui.sources.feeds.unread import last_said, watched_until
from netsec_tui.sources.waits import listener, waits_told

_Item = TypeVar("_Item")

_CHUNK = 1000
"""Flows in one message at most: so many that a message costs nothing, so few that the screen stays quick."""


AGAIN_SECONDS = 5.0
"""Seconds until a source that could not be reached, or was refused what it needs, is tried again."""

LAST_SECONDS = 1.0
"""How long sources that were asked to stop may still say what they lost, and how they have ended."""

_PATIENCE = 0.05
"""Seconds between two looks whether all sources have ended."""


class SourceThread(threading.Thread):
    """Follow a source until it ends or ``stop`` is set; the last status always says that it has ended.

    The first one says that there is a source which has told nothing yet, so that nobody takes what others
    have read for everything. A source may say how it is doing as often as it likes: only what has changed is
    handed on.

    ``failure`` is what the source raised, if anything, until it tells flows or how it watches after all.
    After ``again`` seconds, unless they are 0, a source that could not be reached is followed anew, and so is
    one that RBAC refused what it needs: the right may be granted. A long wait is told to who listens where
    this is made, else in the status.
    """

    def __init__(self, source: Source, emit: Emit, stop: threading.Event, again: float = 0) -> None:
        super().__init__(name=source.name, daemon=True)
        self.failure: NetsecError | None = None
        self._source = source
        self._deliver = emit
        self._stop_asked = stop
        self._again = again
        self._status = SourceStatus(source.name, source.live)
        self._told: SourceStatus | None = None
        self._tell_wait = listener() or self._waits

    def run(self) -> None:
        """Follow the source; called by ``start``."""
        self._deliver(self._nothing_yet())
        with waits_told(self._tell_wait):
            self._run()

    def _run(self) -> None:
        self.failure = self._follow()
        while self._again and isinstance(self.failure, (UnreachableError, RefusedError)):
            tried = f"{self.failure}; it is tried again every {self._again:g} s"
            observed = watched_until(self._status, time.time())
            self._emit(replace(self._status, error=tried, observed=observed))
            if self._stop_asked.wait(self._again):
                break
            self.failure = self._follow()
        if self.failure or not self._status.ended:
            for message in last_said(self._status, time.time(), str(self.failure or "")):
                self._emit(message)

    def _follow(self) -> NetsecError | None:
        try:
            self._source.follow(self._hear, self._stop_asked)
        except Exception as error:  # One source must not take the others or the screen with it.
            return as_failure(self._source, error)
        return None

    def _emit(self, message: Message) -> None:
        if isinstance(message, SourceStatus):
            if message == self._told:
                return
            self._status = self._told = message
        self._deliver(named(message, self._source))

    def _nothing_yet(self) -> SourceStatus:
        return SourceStatus(self._source.name, live=False)

    def _waits(self, sentence: str) -> None:
        """Say what is waited for; with an empty sentence, what was said before."""
        status = self._told or self._nothing_yet()
        self._deliver(replace(status, detail=sentence) if sentence else status)

    def _hear(self, message: Message) -> None:
        """Take what the source itself tells: what it could not do before is over once it does it."""
        if isinstance(message, FlowsRead) or (isinstance(message, SourceStatus) and _fares_well(message)):
            self.failure = None
        self._emit(message)


def named(message: Message, source: Source) -> Message:
    """Return what a source tells with its name, if that is flows and it is live; an inner one has its own."""
    if isinstance(message, FlowsRead) and source.live and not (message.recording or message.teller):
        return replace(message, teller=source.name)
    return message


def _fares_well(status: SourceStatus) -> bool:
    return status.observed is not None and not status.error


def as_failure(source: Source, error: Exception) -> NetsecError:
    """Return what a source raised as one sentence; anything but a NetsecError is a defect of the product."""
    if isinstance(error, NetsecError):
        return error
    return NetsecError(f"{source.name} stopped at {defect_of(error)}")


def put_all(messages: queue.Queue[_Item], message: _Item, closed: threading.Event) -> None:
    """Put a message into a bounded queue, many flows in several; wait for room, give up only on ``closed``.

    This is not what asks sources to stop: what they lost and how they ended they say only then.
    """
    parts: list[Any] = [message]
    if isinstance(message, FlowsRead) and len(message.flows) > _CHUNK:
        flows = message.flows
        starts = range(0, len(flows), _CHUNK)
        parts = [replace(message, flows=flows[at : at + _CHUNK]) for at in starts]
    for part in parts:
        put(messages, part, closed)


def last_words(
    messages: queue.Queue[_Item], threads: Sequence[threading.Thread], closed: threading.Event
) -> Iterator[_Item]:
    """Yield what is queued and what sources that were asked to stop still say, for a second at most.

    From then on nothing is taken any more: ``closed`` is set.
    """
    deadline = time.monotonic() + LAST_SECONDS
    try:
        while any(thread.is_alive() for thread in threads) and time.monotonic() < deadline:
            try:
                yield messages.get(timeout=_PATIENCE)
            except queue.Empty:
                continue
    finally:
        closed.set()
    while True:
        try:
            yield messages.get_nowait()
        except queue.Empty:
            return
