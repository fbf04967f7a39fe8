"""Waiting for something that other processes do: polled, never hoped for."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(check: Callable[[], object], seconds: float, what: str, pause: float = 0.05) -> None:
    """Return as soon as a check holds; it is asked again after each pause, in seconds.

    Raises:
        TimeoutError: it does not hold within so many seconds; the message says what was waited for.
    """
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(pause)
