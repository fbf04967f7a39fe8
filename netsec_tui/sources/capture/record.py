"""Recording: what sources deliver goes into a capture."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from netsec_tui.errors import NetsecError, UnreachableError
from netsec_tui.model.flow import Gap
from netsec_tui.model.losses import Losses
from netsec_tui.sources.capture.writer import CaptureWriter
from netsec_tui.sources.contract import FlowsRead, Message, ObjectsRead, Source, SourceStatus
from netsec_tui.sources.feeds.thread import SourceThread, last_words, put_all
from netsec_tui.sources.feeds.unanswered import has_watched, unanswered
from netsec_tui.sources.feeds.unread import last_said
from netsec_tui.sources.objects.strip import is_gone

_ROOM = 64
_PATIENCE = 0.1
"""Seconds between two looks whether all sources have ended."""


@dataclass(slots=True)
class Recorded:
    """Count what was written.

    ``failures`` are what sources raised, ``statuses`` the last of each source. ``losses`` are
    events by the reason why they are missing; ``problems`` are each source's sentences about its objects.
    """

    flows: int = 0
    gaps: int = 0
    losses: Losses = field(default_factory=Losses)
    problems: dict[str, tuple[str, ...]] = field(default_factory=dict)
    objects: dict[str, int] = field(default_factory=dict)
    statuses: dict[str, SourceStatus] = field(default_factory=dict)
    failures: tuple[NetsecError, ...] = ()

    @property
    def anything(self) -> bool:
        """Tell whether the capture holds more than its header."""
        return bool(self.flows or self.gaps or self.objects)

    def count(self, message: Message) -> None:
        """Count one message."""
        if isinstance(message, FlowsRead):
            gaps = [gap for gap in message.flows if isinstance(gap, Gap)]
            self.flows += len(message.flows) - len(gaps)
            self.gaps += len(gaps)
            for gap in gaps:
                self.losses.add(gap)
        elif isinstance(message, ObjectsRead):
            self.problems[message.source] = message.problems
            self.objects[message.source] = sum(not is_gone(obj) for obj in message.objects)
        else:
            self.statuses[message.source] = message


def record(
    sources: Iterable[Source],
    path: str | Path,
    stop: threading.Event,
    *,
    overwrite: bool = False,
    report: Callable[[SourceStatus], None] = lambda status: None,
) -> Recorded:
    """Write what the sources deliver into a capture, until all have ended or ``stop`` is set.

    ``report`` is called with every status. ``stop`` is set on return, however it comes. When nothing at
    all was delivered and a source failed, the file is removed again. A live source that has not answered by
    the end has failed.

    Raises:
        CannotWriteError: the file exists already, or cannot be written (any more).
        NetsecError: nothing was delivered; what the first source raised.
    """
    recorded, given = Recorded(), tuple(sources)
    with CaptureWriter(path, overwrite=overwrite) as writer:
        messages: queue.Queue[Message] = queue.Queue(_ROOM)
        closed = threading.Event()
        take = partial(put_all, messages, closed=closed)
        threads = [SourceThread(source, take, stop) for source in given]
        for thread in threads:
            thread.start()
        try:
            for message in _delivered(messages, threads, stop, closed):
                writer.write(message)
                recorded.count(message)
                if isinstance(message, SourceStatus):
                    report(message)
            for message in _unsaid(recorded):
                writer.write(message)
                recorded.count(message)
        finally:
            stop.set()
            closed.set()
    failures = [thread.failure for thread in threads if thread.failure]
    recorded.failures = (*failures, *_silent(recorded, given))
    if recorded.failures and not recorded.anything:
        if Path(path).is_file():
            with suppress(OSError):
                Path(path).unlink()
        raise recorded.failures[0]
    return recorded


def _unsaid(recorded: Recorded) -> list[Message]:
    """Return what sources that hang cannot say themselves: how far they have been read."""
    now = time.time()
    going_on = [status for status in recorded.statuses.values() if status.observed and not status.ended]
    return [message for status in going_on for message in last_said(status, now)]


def _silent(recorded: Recorded, sources: Iterable[Source]) -> Iterator[NetsecError]:
    """Say of sources that they have not answered; yield those that no other was to complete."""
    live = {source.name: source.live for source in sources}
    told = [status for status in recorded.statuses.values() if live.get(status.source, True)]
    for status, error in unanswered(told):
        recorded.statuses[status.source] = replace(status, error=error)
        if status.source in live or not any(map(has_watched, told)):
            yield UnreachableError(error)


def _delivered(
    messages: queue.Queue[Message],
    threads: list[SourceThread],
    stop: threading.Event,
    closed: threading.Event,
) -> Iterator[Message]:
    """Yield messages until all sources have ended; after ``stop`` what they still say."""
    while not stop.is_set() and any(thread.is_alive() for thread in threads):
        with suppress(queue.Empty):
            yield messages.get(timeout=_PATIENCE)
    yield from last_words(messages, threads, closed)
