"""How an entry of a connection tracking table stood when it was last read, and what became of it since."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from netsec_tui.sources.conntrack.entry import Entry
from netsec_tui.sources.recent import TELL_AGAIN

MEMORY = 120.0
"""Seconds for which a table remembers what has ended, by the kernel's defaults (TIME_WAIT)."""

OPENING = frozenset({"SYN_SENT", "SYN_SENT2", "SYN_RECV", "COOKIE_WAIT", "COOKIE_ECHOED"})
"""States before a connection is open; what the kernel has picked up in the middle never has them."""

PICKED_UP = frozenset({"HEARTBEAT_SENT", "HEARTBEAT_ACKED", "DATA_SENT"})
"""States of SCTP for what the kernel has picked up in the middle (nf_conntrack_proto_sctp.c)."""

OPEN = "ESTABLISHED"
"""The state of an open connection, of TCP as of SCTP."""

_RESET = "CLOSE"
REFUSED = frozenset({_RESET, "CLOSED"})
"""States without an answer of what was refused, or picked up and reset: nothing tells which."""

OVER = REFUSED | {"TIME_WAIT"}
"""States of what has ended: no packet will pass any more."""

_LATE = 5
"""Seconds by which late packets of a connection that is closing may set its timeout back."""

_UNEVEN = 2
"""Seconds by which timeouts seem to jump although nothing passed: they are whole, and readings take time."""

_SWEEP = 180
"""Seconds in which the kernel certainly removes what has run out (GC_SCAN_INTERVAL_MAX is 60 s)."""


class Change(Enum):
    """Say what of an entry is to be told."""

    BEGINS = auto()
    WAKES = auto()
    BEGINS_ANEW = auto()
    IS_ANSWERED = auto()
    GOES_ON = auto()


class Known:
    """Hold how an entry of one node stood when it was last read, and when its connection was last told.

    ``quiet`` marks one that was idle when it was first read, and has not been told. ``mirrored`` marks one
    that an answer made: its connection goes the other way round. ``opened`` marks one that proves who opened
    its connection. ``doubt`` are the seconds by which it may have been later than told.
    """

    __slots__ = (
        "age",
        "answered",
        "doubt",
        "mirrored",
        "opened",
        "quiet",
        "read",
        "reading",
        "start",
        "state",
        "timeout",
        "told",
    )

    def __init__(self, told: float, *, quiet: bool = False, doubt: float = 0.0) -> None:
        self.told, self.doubt = told, doubt
        self.quiet = quiet
        self.mirrored = self.opened = False

    def renew(self, entry: Entry, now: float, reading: int) -> None:
        """Take over how the entry stands now."""
        _, self.state, self.timeout, self.answered, self.age, self.start = entry
        self.read, self.reading = now, reading

    def change(self, entry: Entry, now: float) -> Change | None:
        """Return what has become of the connection since, None for nothing, and when that is told."""
        if self.quiet:
            if not self.stirs(entry, now):
                return None
            self.quiet, self.told = False, now
            return Change.WAKES
        if self.replaced(entry):
            self.told, self.doubt = begun(entry, now, 0.0), 0.0
            return Change.BEGINS_ANEW
        if entry.answered and not self.answered:
            return Change.IS_ANSWERED
        if is_due(self.told, now) and self.goes_on(entry, now):
            self.told, self.doubt = now, 0.0
            return Change.GOES_ON
        return None

    def replaced(self, entry: Entry) -> bool:
        """Tell whether another connection between the same ports has taken the place of this one."""
        if self.answered and not entry.answered:
            return True
        if self.age >= 0 <= entry.age:
            return entry.age < self.age
        if 0 <= self.start < entry.start - 1:
            return True
        if not self.state or self.state == OPEN or self.state in OPENING | PICKED_UP:
            return False
        if self.state in OVER and entry.state in OVER:
            return entry.timeout > self.timeout + _LATE
        return self.state in OVER or entry.state in OPENING or entry.state == OPEN

    def goes_on(self, entry: Entry, now: float) -> bool:
        """Tell whether packets of an open connection have passed since it was last read."""
        return entry.state in ("", OPEN) and self._moved(entry, now)

    def stirs(self, entry: Entry, now: float) -> bool:
        """Tell whether a connection that was idle is used again.

        A reset does not show it: who has the client's address by now sends one for what it never opened.
        """
        return self.replaced(entry) or (entry.state != _RESET and self._moved(entry, now))

    def ran_out(self, now: float) -> bool:
        """Tell whether the timeout ran out, and the kernel has removed the entry since."""
        return 0 <= self.timeout < now - self.read - _SWEEP

    def _moved(self, entry: Entry, now: float) -> bool:
        """Tell whether the timeout did anything but run down: every packet sets it anew.

        There is none where the network card or the flow table has taken the connection over.
        """
        if entry.timeout < 0 or entry.state != self.state:
            return True
        return abs(entry.timeout - self.timeout + now - self.read) > _UNEVEN


class News(NamedTuple):
    """Hold an entry of which something is to be told, and what is known of it."""

    change: Change
    entry: Entry
    known: Known


def is_due(told: float, now: float) -> bool:
    """Tell whether what goes on is to be told again."""
    return now - told >= TELL_AGAIN


def met(entry: Entry, now: float, idle_for: float, doubt: float) -> Known:
    """Return an entry met for the first time, idle for so long or by up to ``doubt`` seconds less."""
    told = begun(entry, now, idle_for)
    return Known(told, doubt=doubt if told == now - idle_for else 0.0)


def begun(entry: Entry, now: float, idle_for: float) -> float:
    """Return when a connection began where that is told, else when its last packet passed.

    So it is for one that began long ago: of the time since then the table has forgotten all the others,
    and nobody shall take it for time that was observed. The age needs no clock of the node's.
    """
    start = now - entry.age if entry.age >= 0 else entry.start
    return start if now - MEMORY <= start <= now else now - idle_for
