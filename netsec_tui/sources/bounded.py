"""A queue with little room, between a thread that reads and one that may be slower."""

from __future__ import annotations

import queue
import threading
from typing import TypeVar

_Item = TypeVar("_Item")

_PATIENCE = 0.1
"""Seconds between two looks whether to stop, while there is no room."""


def put(items: queue.Queue[_Item], item: _Item, stop: threading.Event) -> bool:
    """Put an item into a queue as soon as there is room; return False when ``stop`` was set before."""
    while not stop.is_set():
        try:
            items.put(item, timeout=_PATIENCE)
        except queue.Full:
            continue
        return True
    return False
