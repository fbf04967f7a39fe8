"""Connection tracking from a file: a table, or the events of ``conntrack -E`` (docs/sources.md)."""

from __future__ import annotations

import re

from netsec_tui.model.flow import Flow, Gap
from netsec_tui.model.timespan import from_to
from netsec_tui.sources.conntrack.dpctl import decode_dpctl, looks_like_dpctl
from netsec_tui.sources.conntrack.entry import Entry, EntryDecoder, Key, Unread
from netsec_tui.sources.conntrack.flows import Connections

_SWEEP_SECONDS = 60.0
_JITTER = 2.0
"""Seconds by which a clock that keeps time may be set back."""

_EVENT = re.compile(r"(?:\[(\d{1,11}(?:\.\d{1,9})?)\])?\s*\[(NEW|UPDATE|DESTROY)\]\s+")
_LOOKS = re.compile(r"(?:^|\s)src=[0-9a-fA-F.:]+ dst=[0-9a-fA-F.:]+ ")
_LAST_SECOND = 253_402_300_799.0
_NODE = ""


def looks(head: bytes) -> bool:
    """Tell whether a file that begins so holds entries of connection tracking."""
    for line in head.decode("utf-8", "replace").splitlines()[:20]:
        if line.strip():
            return bool(_LOOKS.search(line)) or looks_like_dpctl(line.strip())
    return False


class ConntrackFileDecoder:
    """Turn lines into flows; ``at`` is when the table was read, for lines that tell no time.

    The connections of a table are told once it is over: where one is shown twice, it takes all to know.
    With 0.0 for ``at``, nobody knows when: ``undated`` counts the lines that tell nothing therefore.
    ``table`` is true while no event has come, ``timeless`` once a line was dated by ``at``.
    """

    def __init__(self, at: float) -> None:
        self._at = at
        self._entries = EntryDecoder()
        self._connections = Connections()
        self._table: dict[Key, Entry] = {}
        self._due = 0.0
        self.undated = 0
        self.table = True
        self.timeless = False
        self._timed = False

    @property
    def idle(self) -> int:
        """Return how many connections are open but not told, since nobody knows when they were last used."""
        return self._connections.quiet

    def decode(self, line: str) -> Unread | tuple[Flow | Gap, ...]:
        """Return the flows known by now, of a table none, or why the line cannot be used; never raises.

        A gap says that the clock of events, which stand as they came, was set back.
        """
        line = line.strip()
        event = _EVENT.match(line)
        if event is None:
            entry = decode_dpctl(line) if looks_like_dpctl(line) else self._entries.decode(line)
        else:
            self.table = False
            entry = self._entries.decode(line[event.end() :])
        if isinstance(entry, Unread):
            return entry
        gaps = self._pass_time(float(event[1])) if event is not None and event[1] else ()
        if not self._at:
            self.undated += 1
            return gaps
        self.timeless = self.timeless or not self._timed
        if event is None:
            self._table[entry.key] = entry
            return ()
        return (*gaps, *self.finish(), *self._connections.hear(_NODE, event[2], entry, self._at))

    def finish(self) -> tuple[Flow, ...]:
        """Return the flows of a table that is over."""
        table, self._table = self._table, {}
        return tuple(self._connections.see(_NODE, table.values(), self._at)) if table else ()

    def _pass_time(self, when: float) -> tuple[Gap, ...]:
        before = self._at if self._timed else 0.0
        self._timed = True
        self._at = min(when, _LAST_SECOND)
        back = self._at < before - _JITTER
        if back or self._at >= self._due:
            self._connections.expire(_NODE, self._at)
            self._due = self._at + _SWEEP_SECONDS
        return (Gap(self._at, 0, _set_back(before, self._at)),) if back else ()


def _set_back(before: float, now: float) -> str:
    return (
        f"the times of events go back {from_to(before, now)}: a clock was set, or files were put "
        "together in another order, so when it was watched, and for how long, is not known"
    )
