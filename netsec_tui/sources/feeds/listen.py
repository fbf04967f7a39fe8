"""All sources at once for a while, for an answer without a screen."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from netsec_tui.errors import NetsecError, UnreachableError
from netsec_tui.model.flow import Flow
from netsec_tui.sources.contract import FlowsRead, Message, ObjectsRead, Source, SourceStatus
from netsec_tui.sources.feeds.feed import Reading
from netsec_tui.sources.feeds.state import ClusterState
from netsec_tui.sources.feeds.thread import AGAIN_SECONDS, SourceThread, last_words, put_all
from netsec_tui.sources.feeds.unanswered import has_watched, unanswered
from netsec_tui.sources.feeds.unread import last_said, unread

_ROOM = 64
_PATIENCE = 0.1
"""Seconds between two looks whether to end."""

GRACE_SECONDS = 3.0
"""For how much longer than asked a source is listened to that is still telling of the past."""

OnFlows = Callable[[FlowsRead], None]


def listen(
    state: Sequence[Source],
    flows: Sequence[Source],
    seconds: float,
    on_flows: OnFlows,
    stop: threading.Event,
    report: Callable[[float], None] = lambda elapsed: None,
) -> Reading:
    """Follow sources for so many seconds, until those of flows have all ended, or until ``stop`` is set.

    Files are read to their end, and the sources of cluster state are waited for until each has told it once
    or has failed; sources that still tell of the past, for ``GRACE_SECONDS`` more. ``report`` is called about
    ten times a second with the seconds that have passed. A live source of flows that has not said how it
    watches by the end has failed, whatever ended it; so has one that has not read all that there was, unless
    ``stop`` was set.
    """
    return _Listening(state, flows, on_flows).go_on(seconds, stop, report)


class _Listening:
    """Hold what the sources have told so far."""

    def __init__(self, state: Sequence[Source], flows: Sequence[Source], on_flows: OnFlows) -> None:
        self._over = threading.Event()
        self._closed = threading.Event()
        self._messages: queue.Queue[tuple[int, Message]] = queue.Queue(_ROOM)
        self._on_flows = on_flows
        self._flowed = False
        self._objects = ClusterState()
        self._statuses: dict[tuple[int, str], SourceStatus] = {}
        self._state = [*map(self._thread, range(len(state)), state)]
        self._flows = [*map(self._thread, range(len(state), len(state) + len(flows)), flows)]
        self._live = [at for at, source in enumerate(flows, len(state)) if source.live]
        self._files = [thread for thread, source in zip(self._flows, flows, strict=True) if not source.live]

    def go_on(self, seconds: float, stop: threading.Event, report: Callable[[float], None]) -> Reading:
        threads = [*self._state, *self._flows]
        for thread in threads:
            thread.start()
        begun = time.monotonic()
        try:
            while not stop.is_set() and not self._done(self._late(time.monotonic() - begun - seconds)):
                self._take_next()
                report(time.monotonic() - begun)
            self._over.set()
            for said in last_words(self._messages, threads, self._closed):
                self._take(*said)
        finally:
            self._over.set()
            self._closed.set()
        silent = self._end(interrupted=stop.is_set()) | self._silent()
        inventory, unclear = self._objects.build()
        failures = self._failures(threads, silent, interrupted=stop.is_set())
        return Reading(inventory, tuple(self._statuses.values()), failures, unclear)

    def _end(self, *, interrupted: bool) -> dict[int, NetsecError]:
        """Say what was not read by the end; return what that makes of sources which nobody interrupted.

        One that hangs has not said that it has ended.
        """
        now, failures = time.time(), dict[int, NetsecError]()
        for at, told in [(origin, status) for origin in self._live for status in self._told(origin)]:
            if told.observed and not told.ended:
                for message in last_said(told, now):
                    self._take(at, message)
            missing = unread(told, now)
            if missing and not told.error and not interrupted:
                error = f"{missing}: {'its answer is overdue' if told.due else 'listen for longer (--for)'}"
                self._statuses[at, told.source] = replace(self._statuses[at, told.source], error=error)
                failures[at] = UnreachableError(error)
        return failures

    def _silent(self) -> dict[int, NetsecError]:
        """Say of sources of flows that they have not answered; return those that tell nothing else."""
        failures: dict[int, NetsecError] = {}
        for at in self._live:
            told = self._told(at)
            for status, error in unanswered(told):
                self._statuses[at, status.source] = replace(status, error=error)
                if not any(map(has_watched, told)):
                    failures[at] = UnreachableError(error)
        return failures

    def _failures(
        self, threads: Sequence[SourceThread], silent: dict[int, NetsecError], *, interrupted: bool
    ) -> tuple[NetsecError, ...]:
        """Return what sources raised, and what those of flows only told where none of them gave anything.

        Where listening was interrupted, they might have given something later.
        """
        raised = {at: t.failure for at, t in enumerate(threads) if t.failure and self._failing(at)} | silent
        of_flows = range(len(self._state), len(threads))
        quiet = not self._flowed and not interrupted
        if quiet and all(at in raised or self._gave_nothing(at) for at in of_flows):
            raised |= {at: UnreachableError(self._errors(at)) for at in of_flows if at not in raised}
        return tuple(raised.values())

    def _thread(self, origin: int, source: Source) -> SourceThread:
        return SourceThread(source, partial(self._put, origin), self._over, AGAIN_SECONDS)

    def _put(self, origin: int, message: Message) -> None:
        put_all(self._messages, (origin, message), self._closed)

    def _late(self, over: float) -> bool:
        """Tell whether the time to listen is over by so many seconds that nobody is waited for any more."""
        told = (status for at in self._live for status in self._told(at))
        return over >= (GRACE_SECONDS if any(status.behind for status in told) else 0.0)

    def _done(self, late: bool) -> bool:
        awaited = self._files if late else self._flows
        ended = not any(thread.is_alive() for thread in awaited)
        return (
            ended and (late or self._messages.empty()) and all(map(self._has_told, range(len(self._state))))
        )

    def _has_told(self, origin: int) -> bool:
        return any(told.settled or told.error for told in self._told(origin))

    def _failing(self, origin: int) -> bool:
        return bool(self._errors(origin))

    def _gave_nothing(self, origin: int) -> bool:
        """Tell whether a source that watches has had errors only; with a node that reports, all was quiet."""
        watched = [told.observed for told in self._told(origin) if told.observed]
        return bool(watched) and self._failing(origin) and not any(observed.nodes for observed in watched)

    def _errors(self, origin: int) -> str:
        return "; ".join(told.error for told in self._told(origin) if told.error)

    def _told(self, origin: int) -> list[SourceStatus]:
        return [status for (of, _), status in self._statuses.items() if of == origin]

    def _take_next(self) -> None:
        """Take in the next message, if one comes soon."""
        try:
            said = self._messages.get(timeout=_PATIENCE)
        except queue.Empty:
            return
        self._take(*said)

    def _take(self, origin: int, message: Message) -> None:
        if isinstance(message, FlowsRead):
            self._flowed = self._flowed or any(isinstance(flow, Flow) for flow in message.flows)
            self._on_flows(message)
        elif isinstance(message, ObjectsRead):
            self._objects.take(origin, message)
        else:
            self._statuses[origin, message.source] = message
