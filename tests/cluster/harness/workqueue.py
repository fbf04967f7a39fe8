"""Work on named things by several threads: each is in one hand at a time, and what fails is tried again."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

_RETRY = 0.5
_log = logging.getLogger(__name__)


class WorkQueue:
    """Calls a function for every key that was added, once more when it was added again meanwhile."""

    def __init__(self, work: Callable[[str], None], threads: int) -> None:
        """Say what to do.

        Args:
            work: Is called with a key; when it raises, it is called again half a second later.
            threads: How many keys are worked on at once.
        """
        self._work = work
        self._ready: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting: set[str] = set()
        self._working: set[str] = set()
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name=f"worker {number}", daemon=True)
            for number in range(threads)
        ]

    def start(self) -> None:
        """Begin to work."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish what is in hand and end; what waits is left."""
        self._stopped.set()
        for _ in self._threads:
            self._ready.put("")
        for thread in self._threads:
            thread.join()

    def add(self, key: str) -> None:
        """Have a key worked on."""
        with self._lock:
            if key in self._waiting:
                return
            self._waiting.add(key)
            if key not in self._working:
                self._ready.put(key)

    def _run(self) -> None:
        while True:
            key = self._ready.get()
            if self._stopped.is_set():
                return
            with self._lock:
                self._waiting.discard(key)
                self._working.add(key)
            failed = False
            try:
                self._work(key)
            except Exception as error:  # The work of one key must not end the thread of all.
                _log.warning("%s: %s; tried again", key, error)
                failed = True
            with self._lock:
                self._working.discard(key)
                if key in self._waiting:
                    self._ready.put(key)
            if failed:
                again = threading.Timer(_RETRY, self.add, [key])
                again.daemon = True
                again.start()
