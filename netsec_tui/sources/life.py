"""When a server was last heard, so that what came after is not taken for watched."""

from __future__ import annotations

import time

ASK_SECONDS = 10.0
"""Seconds of silence after which a server is asked for a sign of life."""

OWED_SECONDS = 5.0
"""Seconds after which that answer is overdue: until it comes, nobody knows what has been missed."""


class Life:
    """Take note of the signs of life of one server: whatever it sends, of any connection.

    One thread tells it; others may look.
    """

    def __init__(self) -> None:
        self._last = self._heard = self._asked = 0.0

    @property
    def last(self) -> float:
        """Return when the last sign came, in epoch seconds; now, as long as none has been waited for."""
        return self._last or time.time()

    @property
    def overdue(self) -> float:
        """Return when the last sign came of a server that should have given one since, 0.0 if all is well."""
        return self._last if self._asked and time.monotonic() - self._asked > OWED_SECONDS else 0.0

    @property
    def silent(self) -> float:
        """Return for how many seconds there has been no sign."""
        return time.monotonic() - self._heard

    @property
    def owes(self) -> float:
        """Return for how many seconds an answer has been waited for, 0.0 if none is."""
        return time.monotonic() - self._asked if self._asked else 0.0

    @property
    def quiet(self) -> bool:
        """Tell whether there has been no sign for so long that one is to be asked for."""
        return not self._asked and self.silent > ASK_SECONDS

    @property
    def well(self) -> bool:
        """Tell whether signs come as they should."""
        return self.silent <= ASK_SECONDS + OWED_SECONDS

    def sign(self) -> None:
        """Take note of a sign."""
        self._last, self._heard, self._asked = time.time(), time.monotonic(), 0.0

    def ask(self) -> None:
        """Take note that a sign is asked for."""
        self._asked = time.monotonic()

    def begin(self) -> None:
        """Take it that a connection begins: what was asked over another will not be answered."""
        self._heard, self._asked = time.monotonic(), 0.0
