"""How far a stream has been read that begins with what was before it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

QUIET_SECONDS = 2.0
"""Seconds of silence after which a stream that has told something is taken to have told what there was."""

FIRST_SECONDS = 5.0
"""Seconds after which a stream that has told nothing at all is taken to have nothing to tell."""

_HARDLY_SECONDS = 5.0
"""Seconds in which an answer about the past comes whole where little can have come meanwhile."""

_T = TypeVar("_T")


class Backlog:
    """Know until when each node has told all, in epoch seconds, while a stream still tells of the past.

    Where the past is asked for by itself, all has been told once that is answered, and what comes beside it
    says nothing of how far that has got. Of one stream that begins with the past it can only be guessed: it
    has caught up once it tells of when it was begun, or is silent for a while.
    """

    def __init__(self) -> None:
        self._read, self._reached = 0.0, dict[str, float]()
        self._over = self._told = False
        self.begin(0.0)

    def begin(self, read: float, *, asked: bool = False, late: float = 0.0) -> None:
        """Take it that a stream begins anew; if all had been read, that was so until ``read``.

        What has come in by then it tells with times that are ``late`` seconds before, at most.
        """
        if self._over:
            self._read, self._reached = read, {}
        self._began, self._heard, self._late = time.time(), time.monotonic(), late
        self._asked, self._over, self._told = asked, False, False

    def catch_up(self, read: float, ask: Callable[[], Iterable[_T]], stop: threading.Event) -> Iterator[_T]:
        """Yield what answers questions for the past; all is read then but of the last few seconds.

        ``ask`` asks for all that has not been told. An answer that takes long is itself soon the past: it is
        asked again. ``read`` is as for ``begin``.
        """
        self.begin(read, asked=True)
        while not stop.is_set():
            began, since = time.time(), time.monotonic()
            yield from ask()
            if stop.is_set():
                return
            self.answered()
            if time.monotonic() - since <= _HARDLY_SECONDS:
                return
            self.begin(began, asked=True)

    def take(self, at: float, node: str = "", *, asked: bool = False) -> None:
        """Take note that the stream, or what answers for the past, tells of a time."""
        self._heard = time.monotonic()
        if self._over and (self._reached or self._read):
            return
        if asked == self._asked:
            self._reached[node] = max(min(at, time.time()), self._reached.get(node, 0.0))
            self._told = True
            self._over = not self._asked and at >= self._began - self._late

    def quiet(self) -> None:
        """Take note that nothing comes now."""
        patience = QUIET_SECONDS if self._told else FIRST_SECONDS
        silent = time.monotonic() - self._heard >= patience
        self._over = self._over or (silent and not self._asked)

    def answered(self) -> None:
        """Take it that the past has been told that was asked for."""
        self._asked, self._over = False, True

    @property
    def read_to(self) -> float:
        """Return until when all has been read, 0.0 once that is now."""
        if self._over:
            return 0.0
        return max(self._read, min(self._reached.values(), default=0.0)) or self._began

    def ends(self, nodes: Iterable[str]) -> dict[str, float]:
        """Return until when each node has told all, nothing once that is now."""
        if self._over:
            return {}
        return {node: max(self._read, self._reached.get(node, 0.0)) for node in nodes}
