"""How far a stream has been read that begins with what was before it."""

from __future__ import annotations

import time
from collections.abc import Iterable

QUIET_SECONDS = 0.5
"""Seconds of silence after which a stream is taken to have told what there was."""


class Backlog:
    """Know until when each node has told all, in epoch seconds, while a stream still tells of the past.

    It has caught up once it tells of a time after it was begun, or is silent for a while. Where the past is
    asked for by itself, what comes beside it says nothing of how far that has got.
    """

    def __init__(self, *, asked: bool = False) -> None:
        self._began, self._heard = time.time(), time.monotonic()
        self._asked, self._over = asked, False
        self._read, self._reached = 0.0, dict[str, float]()

    def begin(self, read: float, *, asked: bool = False) -> None:
        """Take it that a stream begins anew; if all had been read, that was so until ``read``."""
        if self._over:
            self._read, self._reached = read, {}
        self._began, self._heard = time.time(), time.monotonic()
        self._asked, self._over = asked, False

    def take(self, at: float, node: str = "", *, asked: bool = False) -> None:
        """Take note that the stream, or what answers for the past, tells of a time."""
        self._heard = time.monotonic()
        if self._over and (self._reached or self._read):
            return
        if asked == self._asked:
            self._reached[node] = max(min(at, time.time()), self._reached.get(node, 0.0))
            self._over = not self._asked and at >= self._began

    def quiet(self) -> None:
        """Take note that nothing comes now."""
        silent = time.monotonic() - self._heard >= QUIET_SECONDS
        self._over = self._over or (silent and not self._asked)

    def answered(self) -> None:
        """Take it that the past has been told; what has come beside it is read once the stream is silent."""
        self._began, self._heard, self._asked = time.time(), -QUIET_SECONDS, False

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
