"""Servers that do not answer: waited for so long in all, and by one of several who ask at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from netsec_tui.errors import UnreachableError

_Found = TypeVar("_Found")

_REMEMBERED = 2.0
"""Seconds for which a server that was silent is not asked by others that have never met it."""


class SilentError(UnreachableError):
    """Report a server that gives no answer in time."""


def within(seconds: float, work: Callable[[], _Found]) -> _Found:
    """Return what ``work`` returns, or raise what it raises; late, it goes on in a thread nobody waits for.

    The timeouts of a socket hold for each part of what comes and each address of a name, and not at all
    while a name is looked up.

    Raises:
        TimeoutError: that takes longer.
    """
    outcome: Future[_Found] = Future()

    def find() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=find, name="asking a server", daemon=True).start()
    return outcome.result(seconds)


class Silences:
    """Remember for a moment which servers were silent, so that inputs read in turn do not wait in turn."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._heard: dict[str, tuple[float, str]] = {}

    def note(self, server: str, sentence: str) -> None:
        """Take note that a server did not answer."""
        with self._lock:
            self._heard[server] = self._clock(), sentence

    def check(self, server: str) -> None:
        """Return unless a server was silent just now.

        Raises:
            SilentError: it was; with the sentence that was noted.
        """
        with self._lock:
            at, sentence = self._heard.get(server, (0.0, ""))
        if sentence and self._clock() - at < _REMEMBERED:
            raise SilentError(sentence)
