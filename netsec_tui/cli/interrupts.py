"""Ctrl-C as the end of what goes on, not of the program."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def ended_by_signals(stop: threading.Event) -> Iterator[threading.Event]:
    """Let the first Ctrl-C or SIGTERM set ``stop``, so that all ends in order, and a second one end at once.

    The event that is given is set by such a signal alone, whoever else sets ``stop``.
    """
    asked = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def end(number: int, frame: FrameType | None) -> None:
        asked.set()
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, end)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
