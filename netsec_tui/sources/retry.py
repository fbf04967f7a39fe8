"""Servers that go away and come back: what breaks off is told, and taken up again after a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from netsec_tui.errors import NetsecError
from netsec_tui.model.flow import Gap
from netsec_tui.model.timespan import from_to
from netsec_tui.sources.contract import FlowsRead
from netsec_tui.sources.life import Life

FIRST_WAIT, LONGEST_WAIT = 1.0, 10.0
"""Seconds until a stream that broke off is taken up again: at first, and at most."""


class Closeable(Protocol):
    """Be connected to a server until it is closed."""

    def close(self) -> None:
        """End the connection."""


_Client = TypeVar("_Client", bound=Closeable)


def longer(wait: float) -> float:
    """Return how many seconds to wait after a wait that was of no use."""
    return min(wait * 2, LONGEST_WAIT)


def follow_stream(
    stream: Callable[[], Iterator[object]],
    broken: Callable[[str], None],
    ended: str,
    stop: threading.Event,
    life: Life,
) -> float:
    """Go through one stream after the other until ``stop`` is set.

    Return since when nothing had come of them once one broke off, in epoch seconds, 0.0 if none had: the
    last sign of life before.

    ``stream`` begins one and handles what comes; what it yields is true when something has come. ``broken``
    is told why one broke off, in the words of ``ended`` when it raised nothing.

    Raises:
        NetsecError: a stream raised it before anything had come.
    """
    begun, wait, since = False, FIRST_WAIT, 0.0
    while not stop.is_set():
        trouble = ended
        try:
            for came in stream():
                if came:
                    begun, wait, since = True, FIRST_WAIT, 0.0
        except NetsecError as error:
            if not begun:
                raise
            trouble = str(error)
        if stop.is_set():
            break
        since = since or life.last
        broken(f"{trouble}; it is tried again")
        stop.wait(wait)
        wait = longer(wait)
    return since


def not_back(since: float, server: str) -> FlowsRead:
    """Return the gap of a stream that broke off and of which nothing had come any more at the end."""
    now = time.time()
    lost = f"flows {from_to(since, now)} are not known"
    return FlowsRead((Gap(since, 0, f"{lost}: nothing had come of {server} since it broke off", until=now),))


def poll(
    connect: Callable[[], _Client],
    ask: Callable[[_Client], Iterator[object]],
    tell: Callable[[str], None],
    seconds: float,
    stop: threading.Event,
) -> None:
    """Ask a server every so many seconds until ``stop`` is set; after trouble over a new connection.

    ``ask`` handles what the server answers and yields after each answer. ``tell`` is called after each answer
    and after each round with what is wrong, empty when all is well.

    Raises:
        NetsecError: the server could not be reached, or did not answer, before it ever had.
    """
    client: _Client | None = connect()
    answered = False
    try:
        while not stop.is_set():
            trouble, due = "", time.monotonic() + seconds
            try:
                client = client or connect()
                for _ in ask(client):
                    answered = True
                    tell("")
                    if stop.is_set():
                        break
            except NetsecError as error:
                if not answered:
                    raise
                trouble = f"{error}; it is asked again every {seconds:g} s"
                if client:
                    client.close()
                client = None  # its pod may be another one by now, or the token have ended
            tell(trouble)
            stop.wait(max(0.0, due - time.monotonic()))
    finally:
        if client:
            client.close()
