"""How far a stream has been read that begins with what was before it."""

from __future__ import annotations

import time
from collections.abc import Iterable

QUIET_SECONDS = 2.0
"""Seconds of silence after which a stream that has told something is taken to have told what there was."""

FIRST_SECONDS = 5.0
"""Seconds after which a stream that has told nothing at all is taken to have nothing to tell."""

_STEADY_SECONDS, _STEADY_PACE = 1.0, 2.0
"""Where the times that are told go on no faster than that for so long, nothing is left to catch up with.

What is read of the past goes on far faster. By this alone is it known of a busy node whose clock is behind.
"""


class Backlog:
    """Know until when each node has told all, in epoch seconds, while a stream still tells of the past.

    It has caught up once it tells of a time after it was begun, is silent for a while, or tells of times that
    go on as the clock does. Where the past is asked for by itself, it has once that is answered, and what
    comes beside it says nothing of how far that has got.
    """

    def __init__(self) -> None:
        self._mark: tuple[float, float] | None = None
        self._read, self._reached = 0.0, dict[str, float]()
        self._over = False
        self.begin(0.0)

    def begin(self, read: float, *, asked: bool = False) -> None:
        """Take it that a stream begins anew; if all had been read, that was so until ``read``."""
        if self._over:
            self._read, self._reached = read, {}
        self._began, self._heard, self._mark = time.time(), time.monotonic(), None
        self._asked, self._over = asked, False

    def take(self, at: float, node: str = "", *, asked: bool = False) -> None:
        """Take note that the stream, or what answers for the past, tells of a time."""
        self._heard = time.monotonic()
        if self._over and (self._reached or self._read):
            return
        if asked == self._asked:
            self._reached[node] = max(min(at, time.time()), self._reached.get(node, 0.0))
            self._over = not self._asked and (at >= self._began or self._is_steady())

    def quiet(self) -> None:
        """Take note that nothing comes now."""
        patience = QUIET_SECONDS if self._mark else FIRST_SECONDS
        silent = time.monotonic() - self._heard >= patience
        self._over = self._over or (silent and not self._asked)

    def answered(self) -> None:
        """Take it that the past has been told that was asked for."""
        self._asked, self._over = False, True

    def _is_steady(self) -> bool:
        """Tell whether the times that were told of have gone on as the clock does for a while."""
        newest = max(self._reached.values())
        since, then = self._mark = self._mark or (self._heard, newest)
        if self._heard - since < _STEADY_SECONDS:
            return False
        self._mark = (self._heard, newest)
        return newest - then <= _STEADY_PACE * (self._heard - since)

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
