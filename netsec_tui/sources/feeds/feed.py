"""All sources at once for the screen, or one after the other for headless use."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from netsec_tui.errors import NetsecError
from netsec_tui.model.inventory import Inventory
from netsec_tui.sources.contract import FlowsRead, Message, ObjectsRead, Source, SourceStatus
from netsec_tui.sources.feeds.state import ClusterState
from netsec_tui.sources.feeds.thread import AGAIN_SECONDS, SourceThread, named, put_all

FeedMessage = FlowsRead | Inventory | SourceStatus

_ROOM = 64
"""Messages that may wait to be drained; a faster source waits, so nothing is lost and memory stays small."""


class Feed:
    """Follow sources, each in a thread of its own, and hand over what they read when asked.

    One that cannot be reached at the start is tried again; its status says so.
    The inventory is built in the thread of the source whose objects have changed.
    """

    def __init__(self, sources: Iterable[Source]) -> None:
        self._messages: queue.Queue[FeedMessage] = queue.Queue(_ROOM)
        self._stop = threading.Event()
        self._closed = threading.Event()
        self._state = ClusterState()
        self._building = threading.Lock()
        self._threads = [
            SourceThread(source, partial(self._take, origin), self._stop, AGAIN_SECONDS)
            for origin, source in enumerate(sources)
        ]

    def start(self) -> None:
        """Start reading."""
        for thread in self._threads:
            thread.start()

    def drain(self, max_seconds: float = 0.1, max_flows: int = 10_000) -> Sequence[FeedMessage]:
        """Return what has been read since, without waiting for more; of several inventories only the last."""
        drained: list[FeedMessage] = []
        inventory: Inventory | None = None
        flows, deadline = 0, time.monotonic() + max_seconds
        while flows < max_flows and time.monotonic() < deadline:
            try:
                message = self._messages.get_nowait()
            except queue.Empty:
                break
            if isinstance(message, Inventory):
                inventory = message
                continue
            flows += len(message.flows) if isinstance(message, FlowsRead) else 0
            drained.append(message)
        return [inventory, *drained] if inventory else drained

    @property
    def ended(self) -> bool:
        """Tell whether no source will deliver any more and everything has been drained."""
        return not any(thread.is_alive() for thread in self._threads) and self._messages.empty()

    def stop(self) -> None:
        """Stop reading and return at once: every source ends by itself as soon as it looks.

        What they still say is to be drained. One that waits for input that never comes is left to
        the end of the process.
        """
        self._stop.set()

    def close(self) -> bool:
        """Stop, and take in nothing that sources say from now on; return whether all had ended before.

        Those that had not may have had something to say. What was taken in can still be drained.
        """
        ended = not any(thread.is_alive() for thread in self._threads)
        self._stop.set()
        self._closed.set()
        return ended

    def _take(self, origin: int, message: Message) -> None:
        if not isinstance(message, ObjectsRead):
            put_all(self._messages, message, self._closed)
            return
        # The lock is held until the inventory is queued: an older one must never come after a newer.
        with self._building:
            if self._state.take(origin, message):
                put_all(self._messages, self._state.inventory(), self._closed)


@dataclass(frozen=True, slots=True)
class Reading:
    """Hold what reading once came to.

    ``failures`` are what sources raised, with their exit codes. ``unclear`` names the parts of objects
    that were read but could not be understood, a sentence each; ``inventory.missing`` holds them as well.
    """

    inventory: Inventory
    statuses: tuple[SourceStatus, ...]
    failures: tuple[NetsecError, ...]
    unclear: tuple[str, ...] = ()


def read_all(
    sources: Iterable[Source],
    on_flows: Callable[[FlowsRead], None],
) -> Reading:
    """Read every source once, in order; flows go to ``on_flows`` as they come and are not kept.

    A source that fails costs no other: its status has the sentence and ``failures`` the error.
    """
    state = ClusterState()
    statuses: dict[tuple[int, str], SourceStatus] = {}
    failures: list[NetsecError] = []

    for origin, source in enumerate(sources):
        status = statuses[origin, source.name] = SourceStatus(source.name, source.live)

        def take(message: Message, origin: int = origin, source: Source = source) -> None:
            nonlocal status
            message = named(message, source)
            if isinstance(message, FlowsRead):
                on_flows(message)
            elif isinstance(message, ObjectsRead):
                state.take(origin, message)
            else:
                status = statuses[origin, message.source] = message

        try:
            source.read(take)
        except NetsecError as error:
            failures.append(error)
            statuses[origin, status.source] = replace(status, error=str(error), ended=True)
    inventory, unclear = state.build()
    return Reading(inventory, tuple(statuses.values()), tuple(failures), unclear)
