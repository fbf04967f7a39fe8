"""Which connections tables have told lately: who reads them anew finds the same ones in them again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from netsec_tui.model.flow import Flow, Gap
from netsec_tui.model.timespan import plausible
from netsec_tui.sources.conntrack.flows import ORIGIN
from netsec_tui.sources.conntrack.known import MEMORY
from netsec_tui.sources.recent import TELL_AGAIN

REMEMBERED = MEMORY + TELL_AGAIN
"""Seconds for which an entry may stay after its connection was told last: a table remembers what has ended,
and does not say when that was."""

_Key = tuple[object, ...]
_Seen = dict[_Key, tuple[float, bool]]


class ToldConnections:
    """Remember connections by their ends, and leave out what the first reading after a break repeats.

    All that a table shows is new to who reads it for the first time. Of what was told within the last three
    minutes it is taken for the same once more: one that goes on is told again a minute later, as ever.
    ``clock`` is epoch seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._young: _Seen = {}
        self._old: _Seen = {}
        self._due = 0.0
        self._before: _Seen = {}

    def begin_again(self) -> None:
        """Take it that the tables are read anew from now on."""
        self._before = self._old | self._young

    def news(self, flows: Iterable[Flow | Gap]) -> list[Flow | Gap]:
        """Return flows and gaps of all sources but for connections that were told before."""
        return [*self._news(flows)]

    def _news(self, flows: Iterable[Flow | Gap]) -> Iterator[Flow | Gap]:
        for flow in flows:
            if flow.origin != ORIGIN or isinstance(flow, Gap) or not flow.count:
                yield flow
                continue
            key = _key(flow)
            told, proven = self._before.get(key, _NEVER)
            if flow.time >= told + REMEMBERED:
                self._note(key, flow)
                yield flow
                continue
            if flow.source_port or flow.destination_port:
                del self._before[key]
            if flow.proven and not proven:
                yield replace(flow, time=told, count=0)

    def _note(self, key: _Key, flow: Flow) -> None:
        # What a wrong clock dates ahead says nothing of how much time has passed.
        if flow.time >= self._due and plausible(flow.time, self._clock()):
            self._old, self._young, self._due = self._young, {}, flow.time + REMEMBERED
        self._young[key] = flow.time, flow.proven


_NEVER = float("-inf"), False


def _key(flow: Flow) -> _Key:
    """Return what tells a connection, whichever way round it is guessed to go."""
    ends = (flow.source.ip, flow.source_port), (flow.destination.ip, flow.destination_port)
    return min(ends), max(ends), flow.protocol, flow.verdict, flow.is_reply
