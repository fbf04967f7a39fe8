"""Flows of Calico from Whisker, which gives what Goldmane has without a certificate."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from netsec_tui.errors import UnreachableError
from netsec_tui.sources.access import Access
from netsec_tui.sources.calico.intake import HISTORY_SECONDS
from netsec_tui.sources.calico.record import Record, RecordReader
from netsec_tui.sources.calico.source import CalicoSource
from netsec_tui.sources.calico.whisker_decode import ORIGIN, items_of, record_of
from netsec_tui.sources.calico.whisker_http import ANSWER_SECONDS, Whisker
from netsec_tui.sources.fields import count
from netsec_tui.sources.life import Life
from netsec_tui.sources.problem import Problem
from netsec_tui.sources.reach.service import Wanted, reach

SERVICES = (Wanted("calico-system", "whisker"),)
_LOOK_SECONDS = 60
"""How far back a first question looks, which only finds out whether Whisker answers."""

_PAGE_SIZE = 1000
_MOST_PAGES = 10_000


def whisker_source(access: Access) -> CalicoSource:
    """Return the source of flows from Whisker."""
    return CalicoSource(access.name_of(ORIGIN), ORIGIN, "Whisker", WhiskerServer(access))


class WhiskerServer:
    """Ask Whisker by HTTP, as ``RecordServer`` says."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self.life = Life()
        self._reader = RecordReader()

    def listed(self) -> Iterator[Record | Problem]:
        """Yield the records of the last hour."""
        whisker = self._whisker()
        _look(whisker)
        for value in self._pages(whisker):
            yield record_of(self._reader, value)

    def streamed(self, start: int, stop: threading.Event) -> Iterator[Record | Problem | None]:
        """Yield the records from a time on, and those that come."""
        whisker = self._whisker()
        for line in whisker.events(f"watch=true&startTimeGte={start}", _look, stop, self.life):
            value = None if line is None else _event(line)
            if line is None or isinstance(value, Problem):
                yield value
            elif value is not None:
                yield record_of(self._reader, value)

    def _whisker(self) -> Whisker:
        return Whisker(reach(self._access, SERVICES), self._access.tls)

    def _pages(self, whisker: Whisker) -> Iterator[object]:
        """Yield the items of all pages; released versions have one, whatever is asked for."""
        had = 0
        for page in range(_MOST_PAGES):
            body = whisker.get(f"startTimeGte=-{HISTORY_SECONDS}&page={page}&pageSize={_PAGE_SIZE}")
            items, total = _list(body)
            yield from items
            had += len(items)
            told = total if isinstance(total, dict) else {}
            more = had < count(told.get("totalResults")) and page + 1 < count(told.get("totalPages"))
            if not items or not more:
                return


def _look(whisker: Whisker) -> None:
    """Ask for little, so that a server which hangs or is none of Whisker is soon told from a quiet one.

    Raises:
        UnreachableError: it does not answer with a list of flows.
    """
    query = f"startTimeGte=-{_LOOK_SECONDS}&page=0&pageSize=1"
    _list(whisker.get(query, ANSWER_SECONDS, ANSWER_SECONDS))


def _list(body: bytes) -> tuple[Sequence[object], object]:
    """Return the items of a list, and what it tells of how many there are."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    items = items_of(answer)
    if items is None:
        raise UnreachableError("Whisker answers with what is no list of flows")
    return items, answer.get("total")


def _event(line: bytes) -> Any:
    """Return the JSON of a line of server-sent events, None where it carries none (WHATWG HTML, 9.2)."""
    if line.startswith(b"error:"):
        return Problem(line[len(b"error:") :].decode("utf-8", "replace").strip())
    if not line.startswith(b"data:"):
        return None
    try:
        return json.loads(line[len(b"data:") :])
    except (ValueError, RecursionError):
        return Problem("an event that is not JSON")
