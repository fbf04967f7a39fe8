"""Connections that both of their nodes report, counted once.

Of a connection between two pods the client's node tells what became of it on its way out (Src), the server's
what became of it on its way in (Dst). What was denied on its way in was allowed on its way out before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from netsec_tui.model.flow import Flow, Verdict
from netsec_tui.sources.calico_record import Connection, Record

REMEMBERED = 120
"""Seconds for which a window is remembered, so that what comes again is not counted again."""

_COMPLETE = 60
"""Seconds after which nothing more is expected of a window."""

_Service = tuple[str, str] | None
_Key = tuple[Connection, int, int]


@dataclass(slots=True)
class _Pair:
    """Hold what both reporters told of a connection in one window, and how much of it was told on."""

    records: dict[object, Record] = field(default_factory=dict)
    emitted: Counter[Verdict] = field(default_factory=Counter)
    by_service: Counter[tuple[Verdict, _Service]] = field(default_factory=Counter)

    def take(self, record: Record) -> bool:
        """Take a record in unless it is known; of two that differ in their count alone the larger holds."""
        before = self.records.get(record.identity)
        if before is not None and before.count >= record.count:
            return False
        self.records[record.identity] = record
        return True

    def flows(self, origin: str) -> Iterator[Flow]:
        """Yield what was not told on yet; what was is never taken back."""
        told = _counts(self.records.values())
        for verdict in Verdict:
            more = sum(count for (what, _), count in told.items() if what is verdict) - self.emitted[verdict]
            for what, count in told.items() if more > 0 else ():
                share = min(more, count - self.by_service[what]) if what[0] is verdict else 0
                if share > 0:
                    more -= share
                    self.emitted[verdict] += share
                    self.by_service[what] += share
                    yield self._flow(verdict, what[1], share, origin)

    def _flow(self, verdict: Verdict, service: _Service, count: int, origin: str) -> Flow:
        records = self.records.values()
        record = next((r for r in records if r.service == service), next(iter(records)))
        return Flow(
            float(max(r.end for r in records)),
            record.source,
            record.destination,
            record.connection.protocol,
            0,
            record.port,
            verdict,
            is_reply=False,
            service=service,
            count=count,
            origin=origin,
        )


def _counts(records: Iterable[Record]) -> Counter[tuple[Verdict, _Service]]:
    """Count connections by what became of them and by the Service, which the client's node alone may know.

    Of those that went out, as many were let in as the server's node did not deny; where it tells of more
    that were, it is right.
    """
    out: Counter[tuple[Verdict, _Service]] = Counter()
    came: Counter[Verdict] = Counter()
    for record in sorted(records, key=lambda r: str(r.service)):
        if record.server_side:
            came[record.verdict] += record.count
        else:
            out[record.verdict, record.service] += record.count
    refused = came[Verdict.DROPPED]
    for (verdict, service), count in list(out.items()):
        if verdict is Verdict.FORWARDED and refused:
            taken = min(count, refused)
            refused -= taken
            out[verdict, service] -= taken
            out[Verdict.DROPPED, service] += taken
    out[Verdict.DROPPED, None] += refused
    for verdict in (Verdict.FORWARDED, Verdict.UNKNOWN):
        gone = sum(count for (what, _), count in out.items() if what is verdict)
        out[verdict, None] += max(0, came[verdict] - gone)
    return out


class Pairing:
    """Put together what comes of each connection and window; ``origin`` is the flows' origin."""

    def __init__(self, origin: str) -> None:
        self.newest = 0
        self._origin = origin
        self._pairs: dict[_Key, _Pair] = {}
        self._waiting: dict[_Key, _Pair] = {}
        self._swept = 0

    @property
    def waiting(self) -> bool:
        """Tell whether ``flush`` has something to return."""
        return bool(self._waiting)

    def add(self, record: Record, *, whole: bool = False) -> None:
        """Take a record in; of a ``whole`` list each connection has one window, whatever its times are."""
        key = (record.connection, 0, 0) if whole else (record.connection, record.start, record.end)
        pair = self._pairs.get(key)
        if pair is None:
            pair = self._pairs[key] = _Pair()
        if pair.take(record):
            self._waiting[key] = pair
        self.newest = max(self.newest, record.end)

    def flush(self, *, until: int | None = None) -> tuple[Flow, ...]:
        """Return the flows of all that has come in, or of the windows that had ended at a time."""
        due = [key for key in self._waiting if until is None or 0 < key[2] <= until]
        flows = [flow for key in due for flow in self._waiting.pop(key).flows(self._origin)]
        if self.newest >= self._swept + _COMPLETE:
            self._swept, oldest = self.newest, self.newest - REMEMBERED
            known = self._pairs.items()
            self._pairs = {k: pair for k, pair in known if k in self._waiting or not 0 < k[2] < oldest}
        return tuple(flows)

    def complete(self) -> tuple[Flow, ...]:
        """Return the flows of windows of which no more is expected, a few windows at once."""
        return self.flush(until=self.newest - _COMPLETE) if self.newest >= self._swept + _COMPLETE else ()
