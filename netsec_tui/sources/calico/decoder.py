"""Decode files of what Goldmane or Whisker tells, value by value."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from netsec_tui.model.flow import Flow
from netsec_tui.sources.calico.pairs import Pairing
from netsec_tui.sources.calico.record import Record, RecordReader
from netsec_tui.sources.problem import Problem


class CalicoDecoder:
    """Turn JSON values into flows; both reports of a connection are put together before it is told.

    ``origin`` is the flows' origin. ``record_of`` returns the record in a value that is a flow, or why there
    is none; ``items_of`` the items of a value that is a list of flows, None of any other. ``addresses`` is
    false because Calico tells none that are outside the cluster.
    """

    addresses = False

    def __init__(
        self,
        origin: str,
        record_of: Callable[[RecordReader, object], Record | Problem],
        items_of: Callable[[object], Iterable[object] | None],
    ) -> None:
        self._reader = RecordReader()
        self._pairs = Pairing(origin)
        self._record_of, self._items_of = record_of, items_of

    def decode(self, value: object) -> Problem | tuple[Flow, ...]:
        """Return the flows known by now, mostly none, or why a value cannot be used; never raises.

        Of a list the first reason counts, and the flows of it are told at the end.
        """
        items = self._items_of(value)
        if items is not None:
            return self._take_all(items)
        record = self._record_of(self._reader, value)
        if isinstance(record, Problem):
            return record
        self._pairs.add(record)
        return self._pairs.complete()

    def finish(self) -> tuple[Flow, ...]:
        """Return the flows that are left."""
        return self._pairs.flush()

    def _take_all(self, items: Iterable[object]) -> Problem | tuple[Flow, ...]:
        problem: Problem | None = None
        for item in items:
            record = self._record_of(self._reader, item)
            if isinstance(record, Record):
                self._pairs.add(record, whole=True)
            else:
                problem = problem or record
        return problem or ()
