"""Connections that both of their nodes report: counted once, allowed where the server's node let them in.

Of a connection between two pods the client's node tells what became of it on its way out (Src), the server's
what became of it on its way in (Dst). That it went out says nothing of what became of it at its server. The
nodes report apart from each other, so that what they tell of one connection may fall into adjacent windows.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from netsec_tui.model.flow import Endpoint, Flow, Reserved, Verdict
from netsec_tui.sources.calico.record import Connection, Dialled, Record

REMEMBERED = 120
"""Seconds for which a window is remembered, so that what comes again is not counted again."""

_COMPLETE = 60
"""Seconds after which nothing more is expected of a window."""

_Service = Dialled | None
_Told = dict[tuple[Verdict, _Service, int], tuple[Record, int]]
"""How many connections are to be told, by what became of them, the Service dialled and the time."""


@dataclass(slots=True)
class _Part:
    """Hold connections that one node told of a window; ``left`` of them are not told on yet."""

    record: Record
    start: float
    end: float
    left: int

    @property
    def waits(self) -> bool:
        """Tell whether the other end's node will tell of these too."""
        record = self.record
        if record.server_side:
            return _reports(record.source)
        return record.verdict is not Verdict.DROPPED and _reports(record.destination)

    @property
    def verdict(self) -> Verdict:
        """Return what became of these, as far as one node alone can tell: to let them out is not enough."""
        attempt = self.waits and not self.record.server_side and self.record.verdict is Verdict.FORWARDED
        return Verdict.UNKNOWN if attempt else self.record.verdict

    def over(self, until: float) -> bool:
        """Tell whether the next window had ended as well at a time."""
        return self.end + min(max(0.0, self.end - self.start), _COMPLETE) <= until


def _reports(end: Endpoint) -> bool:
    """Tell whether a node reports for an end; one of a namespace and without a type may be a pod."""
    return bool(end.pod or end.namespace) or end.reserved is Reserved.HOST


@dataclass(slots=True)
class _Ledger:
    """Hold what both nodes told of a connection: ``parts`` are to be told on, ``alone`` are told already.

    Those are what one node told without the other; ``left`` is what the other has not told of since.
    """

    known: dict[tuple[float, float, object], int] = field(default_factory=dict)
    parts: list[_Part] = field(default_factory=list)
    alone: list[_Part] = field(default_factory=list)

    def take(self, record: Record, start: float, end: float) -> None:
        """Take a record in unless it is known; of two that differ in their count alone the larger holds."""
        key = (start, end, record.identity)
        more = record.count - self.known.get(key, 0)
        if more <= 0:
            return
        self.known[key] = record.count
        self.parts.append(_Part(record, start, end, more))

    def flows(self, until: float, origin: str) -> Iterator[Flow]:
        """Yield what is known of windows that had ended at a time; what was told is never taken back.

        What one node told alone waits for one window more. What then only went out is an attempt of which
        nobody knows the verdict. What the other node tells later on says no more than that verdict of an
        attempt, or the Service of what was let in or denied: so each verdict of the server's node counts
        once, in whatever order things come.
        """
        told: _Told = {}
        out, came = _sides(part for part in self.parts if part.end <= until)
        left_alone, came_alone = _sides(self.alone)
        for left, arrived, count in _pairs(out, came):
            _tell(told, left, arrived, count)
        for left, arrived, count in _pairs(left_alone, came):
            _tell(told, left, arrived, count if arrived.record.verdict is not Verdict.UNKNOWN else 0)
        for left, arrived, _ in _pairs(out, came_alone):
            _tell(told, left, arrived, 0)
        for part in (*out, *came):
            if part.left and (not part.waits or part.over(until)):
                _add(told, part.record, part.verdict, part.record.end, part.left)
                if part.waits:
                    self.alone.append(replace(part))
                part.left = 0
        self.parts = [part for part in self.parts if part.left]
        self.alone = [part for part in self.alone if part.left]
        for (verdict, service, time), (record, count) in told.items():
            yield _flow(record, verdict, service, time, count, origin)

    def forget(self, before: float) -> bool:
        """Forget windows that had ended before a time; return whether nothing is left."""
        self.known = {key: count for key, count in self.known.items() if key[1] >= before}
        self.alone = [part for part in self.alone if part.end >= before]
        return not (self.known or self.parts)


def _sides(parts: Iterable[_Part]) -> tuple[list[_Part], list[_Part]]:
    """Return what the clients' nodes told and what the servers' did, in order."""
    ordered = sorted(parts, key=_order)
    return [p for p in ordered if not p.record.server_side], [p for p in ordered if p.record.server_side]


def _order(part: _Part) -> tuple[float, int, str]:
    """Sort by time; at one time denials and those who dialled a Service first."""
    return part.end, -part.record.verdict, str(part.record.service)


def _pairs(out: Iterable[_Part], came: Iterable[_Part]) -> Iterator[tuple[_Part, _Part, int]]:
    """Yield which parts tell of the same connections, and of how many, and take them off both.

    Windows that touch belong together, the oldest first: a node that always reports a window later than the
    other loses no connection so. What was denied on its way out never came.
    """
    waiting = deque(part for part in out if part.record.verdict is not Verdict.DROPPED)
    for arrived in came:
        while waiting and arrived.left and waiting[0].start <= arrived.end:
            left = waiting[0]
            if left.end < arrived.start or not left.left:
                waiting.popleft()
                continue
            count = min(left.left, arrived.left)
            left.left -= count
            arrived.left -= count
            yield left, arrived, count


def _tell(told: _Told, left: _Part, arrived: _Part, count: int) -> None:
    """Tell what both nodes know: the client's the Service that was dialled, the server's what became of it.

    Nothing is told of no connections, but for a Service that was not known.
    """
    if count or (left.record.service and not arrived.record.service):
        time = max(left.record.end, arrived.record.end)
        _add(told, left.record, arrived.record.verdict, time, count)


def _add(told: _Told, record: Record, verdict: Verdict, time: int, count: int) -> None:
    key = (verdict, record.service, time)
    before = told.get(key, (record, 0))
    told[key] = before[0], before[1] + count


def _flow(record: Record, verdict: Verdict, service: _Service, time: int, count: int, origin: str) -> Flow:
    return Flow(
        float(time),
        record.source,
        record.destination,
        record.connection.protocol,
        0,
        record.port,
        verdict,
        is_reply=False,
        service=service and service[:2],
        service_port=service[2] if service and service[2] != record.port else 0,
        count=count,
        origin=origin,
        arrived=verdict is Verdict.FORWARDED,  # nobody tells so of what has only gone out
    )


class Pairing:
    """Put together what comes of each connection; ``origin`` is the flows' origin."""

    def __init__(self, origin: str) -> None:
        self.newest = 0
        self._origin = origin
        self._ledgers: dict[Connection, _Ledger] = {}
        self._waiting: dict[Connection, _Ledger] = {}
        self._swept = 0

    @property
    def waiting(self) -> bool:
        """Tell whether something has come in that was not told on yet."""
        return bool(self._waiting)

    def add(self, record: Record, *, whole: bool = False) -> None:
        """Take a record in; of a ``whole`` list each connection has one window, whatever its times are."""
        ledger = self._ledgers.get(record.connection)
        if ledger is None:
            ledger = self._ledgers[record.connection] = _Ledger()
        ledger.take(record, *((0.0, math.inf) if whole else (record.start, record.end)))
        if ledger.parts:
            self._waiting[record.connection] = ledger
        self.newest = max(self.newest, record.end)

    def flush(self, *, until: float = math.inf) -> tuple[Flow, ...]:
        """Return the flows of all that has come in, or what is known of windows that had ended at a time."""
        flows = [f for ledger in self._waiting.values() for f in ledger.flows(until, self._origin)]
        self._waiting = {name: ledger for name, ledger in self._waiting.items() if ledger.parts}
        if self.newest >= self._swept + _COMPLETE:
            self._swept, oldest = self.newest, self.newest - REMEMBERED
            self._ledgers = {n: ledger for n, ledger in self._ledgers.items() if not ledger.forget(oldest)}
        return tuple(flows)

    def complete(self) -> tuple[Flow, ...]:
        """Return the flows of windows of which no more is expected, a few windows at once."""
        return self.flush(until=self.newest - _COMPLETE) if self.newest >= self._swept + _COMPLETE else ()
