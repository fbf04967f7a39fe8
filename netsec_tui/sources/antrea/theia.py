"""Flows that Antrea's Flow Aggregator has put into Theia's table in ClickHouse."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from typing import Any

from netsec_tui.errors import UnreachableError
from netsec_tui.model.flow import Flow
from netsec_tui.sources.access import Access
from netsec_tui.sources.antrea.flows import ORIGIN
from netsec_tui.sources.antrea.theia_client import ClickHouse
from netsec_tui.sources.antrea.theia_decode import TheiaDecoder
from netsec_tui.sources.antrea.theia_query import COLUMNS, NOW, edges, missing, row_of
from netsec_tui.sources.contract import Emit
from netsec_tui.sources.counted import counted
from netsec_tui.sources.fields import whole
from netsec_tui.sources.intake import Intake
from netsec_tui.sources.reach.http import https_to
from netsec_tui.sources.reach.service import Wanted, reach
from netsec_tui.sources.retry import poll

HOURS = 12
POLL_SECONDS = 10.0
"""The Flow Aggregator inserts every 8 s (antrea, clickhouse.commitInterval)."""

LATE_SECONDS = 10
"""What was inserted so lately is left for the next time: rows of the same second may still come."""

_WINDOW = 600
"""Seconds of rows that are asked for at once."""

_BATCH = 5000
"""Rows that are decoded at once: flows take more room than the answer that they come out of."""

SERVICES = (Wanted("flow-visibility", "clickhouse-clickhouse", port=8123),)


class TheiaSource:
    """Read who talked to whom from the table of the last hours, and what is inserted every few seconds.

    ClickHouse adds the connections up, by minute; each row of the table is read once.
    """

    live = True

    def __init__(self, access: Access, hours: float = HOURS) -> None:
        self.name = access.name_of("theia")
        self._access = access
        self._span = int(hours * 3600)
        self._decoder = TheiaDecoder()
        self._columns: frozenset[str] = frozenset()
        self._begun = self._watermark = self._now = 0  # by ClickHouse's clock
        self._ahead = 0.0
        self._connections = 0
        self._intake = Intake(self.name, ORIGIN, "a row of Theia's table")

    def read(self, emit: Emit) -> None:
        """Emit what the table holds of the last hours.

        Raises:
            NotFoundError: clickhouse-connect is not installed, or there is no such context.
            BadInputError: the kubeconfig cannot be read.
            UnreachableError: ClickHouse does not answer, or has no such table.
        """
        with closing(self._client()) as client:
            for _ in self._new(client, emit, late=0):
                pass
        self._tell(emit, ended=True)

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        """Emit what the table holds, and what is inserted until ``stop`` is set.

        Raises:
            NetsecError: ClickHouse cannot be reached at the start, for the reasons of ``read``.
        """
        ask = partial(self._new, emit=emit, late=LATE_SECONDS)
        poll(self._client, ask, partial(self._tell, emit), POLL_SECONDS, stop)

    def _client(self) -> ClickHouse:
        way = reach(self._access, SERVICES)
        return ClickHouse(way.connect, way.peer, https_to(self._access, way))

    def _new(self, client: ClickHouse, emit: Emit, late: int) -> Iterator[None]:
        """Emit what was inserted since the last time, part by part; a part that fails is asked for again."""
        if not self._columns:
            self._columns = frozenset(str(row.get("name")) for row in client.rows(COLUMNS, little=True))
            if lacking := missing(self._columns):
                raise UnreachableError(lacking)
        asked = time.time()
        told = (whole(row.get("now")) for row in client.rows(NOW, little=True))
        now = next(filter(None, told), int(asked))
        self._now, self._ahead = now - late, now + 1 - asked
        self._begun = self._begun or self._now + late - self._span
        self._watermark = self._watermark or self._begun
        while self._watermark < self._now:
            until = min(self._watermark + _WINDOW, self._now)
            rows = client.rows(edges(self._columns, self._watermark, until, self._begun))
            while some := [*islice(rows, _BATCH)]:
                self._take(some, emit)
            self._watermark = until
            yield

    def _take(self, rows: Iterable[dict[str, Any]], emit: Emit) -> None:
        found = [item for row in rows for item in self._decoder.decode(row_of(row))]
        requests = (flow for flow in found if isinstance(flow, Flow) and not flow.is_reply)
        self._connections += sum(flow.count for flow in requests if not flow.service)
        self._intake.take(found, emit)

    def _tell(self, emit: Emit, trouble: str = "", *, ended: bool = False) -> None:
        # By our clock, and no later than it really was: theirs is ahead by ``_ahead`` at most.
        read_to, every = (0.0, 0.0) if ended else (self._watermark - self._ahead, POLL_SECONDS)
        told, behind = counted(self._connections, "connection"), self._watermark < self._now
        self._intake.tell(emit, told, trouble, ended=ended, read_to=read_to, every=0.0 if behind else every)
