"""Connection tracking from a file: a table, or the events of ``conntrack -E`` (docs/sources.md)."""

from __future__ import annotations

import re

from netsec_tui.model.flow import Flow
from netsec_tui.sources.conntrack_dpctl import decode_dpctl, looks_like_dpctl
from netsec_tui.sources.conntrack_entry import Entry, EntryDecoder, Key, Unread
from netsec_tui.sources.conntrack_flows import Connections

POLL_SECONDS = 5.0
"""Events are told as a table would tell them that is read so often; what ends in between is in it once."""

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

    The connections of a table are told by ``finish``: where one is shown twice, it takes all of them to know.
    """

    def __init__(self, at: float) -> None:
        self._at = at
        self._entries = EntryDecoder()
        self._connections = Connections()
        self._table: dict[Key, Entry] = {}
        self._new: dict[Key, Entry] = {}
        self._ended: list[Key] = []
        self._due = 0.0
        self._watching = False

    def decode(self, line: str) -> Unread | tuple[Flow, ...]:
        """Return the flows known by now, mostly none, or why the line cannot be used; never raises."""
        line = line.strip()
        event = _EVENT.match(line)
        if event is None:
            entry = decode_dpctl(line) if looks_like_dpctl(line) else self._entries.decode(line)
        else:
            entry = self._entries.decode(line[event.end() :])
        if isinstance(entry, Unread):
            return entry
        told = self._pass_time(float(event[1])) if event and event[1] else ()
        if event:
            self._watch()
            self._take_event(event[2], entry)
        self._table[entry.key] = entry
        return told

    def finish(self) -> tuple[Flow, ...]:
        """Return the flows that are left."""
        return self._read()

    def _pass_time(self, when: float) -> tuple[Flow, ...]:
        when = min(when, _LAST_SECOND)
        told: tuple[Flow, ...] = ()
        if when >= self._due:
            told = self._read()
            self._due = when + POLL_SECONDS
        self._at = when
        return told

    def _watch(self) -> None:
        """Begin with an empty table: events are of what came while somebody listened."""
        if not self._watching:
            self._watching = True
            tuple(self._connections.take(_NODE, (), self._at))

    def _take_event(self, what: str, entry: Entry) -> None:
        if what == "NEW":
            self._new[entry.key] = entry
        elif what == "DESTROY":
            self._ended.append(entry.key)

    def _read(self) -> tuple[Flow, ...]:
        """Tell the table as it was when connections were new, which proves who opened them, and as it is."""
        told: list[Flow] = []
        if self._new:
            told += self._connections.take(_NODE, tuple({**self._table, **self._new}.values()), self._at)
        told += self._connections.take(_NODE, tuple(self._table.values()), self._at)
        for key in self._ended:
            self._table.pop(key, None)
        self._new, self._ended = {}, []
        return tuple(told)
