"""What a source waits for, said once that takes long, to whoever runs the source in this thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

_Found = TypeVar("_Found")

LONG_SECONDS = 5.0
"""Seconds without a word after which a person would begin to wonder."""

Tell = Callable[[str], None]
"""Take a sentence, empty once the wait is over; called from another thread while this one waits."""

_here = threading.local()


def listener() -> Tell | None:
    """Return who is told of the waits in this thread, None for nobody."""
    return getattr(_here, "tell", None)


@contextmanager
def waits_told(tell: Tell) -> Iterator[None]:
    """Have the waits in this thread told to somebody, within the block."""
    before, _here.tell = listener(), tell
    try:
        yield
    finally:
        _here.tell = before


@contextmanager
def waited_for(what: str) -> Iterator[None]:
    """Wait for something in the block; if it takes long, that is told while it lasts."""
    tell = listener()
    if tell is None:
        yield
        return
    wait = _Wait(tell, f"still waiting after {LONG_SECONDS:g} s for {what}")
    timer = threading.Timer(LONG_SECONDS, wait.last)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        wait.end()


def patiently(what: str, work: Callable[[], _Found]) -> _Found:
    """Return what ``work`` returns, as ``waited_for`` waits."""
    with waited_for(what):
        return work()


class _Wait:
    """Tell one wait, and its end if it was told; never the other way round."""

    def __init__(self, tell: Tell, sentence: str) -> None:
        self._tell, self._sentence = tell, sentence
        self._lock = threading.Lock()
        self._over = self._told = False

    def last(self) -> None:
        with self._lock:
            if not self._over:
                self._told = True
                self._tell(self._sentence)

    def end(self) -> None:
        with self._lock:
            self._over = True
            if self._told:
                self._tell("")
