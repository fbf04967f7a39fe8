"""Flows of Calico from Whisker, which gives what Goldmane has without a certificate."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

from netsec_tui.errors import UnreachableError
from netsec_tui.sources.access import Access
from netsec_tui.sources.calico.intake import HISTORY_SECONDS, Intake
from netsec_tui.sources.calico.record import Record, RecordReader, whole
from netsec_tui.sources.calico.whisker_decode import ORIGIN, items_of, record_of
from netsec_tui.sources.calico.whisker_http import Whisker
from netsec_tui.sources.contract import Emit
from netsec_tui.sources.problem import Problem
from netsec_tui.sources.reach.service import Wanted, reach

SERVICES = (Wanted("calico-system", "whisker"),)
_PAGE_SIZE = 1000
_MOST_PAGES = 10_000


class WhiskerSource:
    """Read what Whisker has of the last hour, and follow what comes."""

    live = True

    def __init__(self, access: Access) -> None:
        self.name = access.name_of("whisker")
        self._access = access
        self._reader = RecordReader()
        self._intake = Intake(self.name, ORIGIN, "Whisker")

    def read(self, emit: Emit) -> None:
        """Emit the flows of the last hour, each connection once.

        Raises:
            NetsecError: the kubeconfig cannot be used, or Whisker cannot be found or does not give its flows.
        """
        for value in self._listed(self._whisker()):
            self._intake.take(record_of(self._reader, value), whole=True)
        self._intake.pass_on(emit, all_of_it=True)
        self._intake.tell(emit, ended=True)

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        """Emit the flows of the last hour and those that come, until ``stop`` is set; breaks are resumed.

        Raises:
            NetsecError: Whisker cannot be reached at the start, for the reasons of ``read``.
        """
        self._intake.follow(lambda: self._followed(stop), emit, stop)

    def _whisker(self) -> Whisker:
        return Whisker(reach(self._access, SERVICES), self._access.tls)

    def _followed(self, stop: threading.Event) -> Iterator[Record | Problem | None]:
        for line in self._whisker().events(f"watch=true&startTimeGte={self._intake.asked_from}", stop):
            value = None if line is None else _event(line)
            if line is None or isinstance(value, Problem):
                yield value
            elif value is not None:
                yield record_of(self._reader, value)

    def _listed(self, whisker: Whisker) -> Iterator[object]:
        """Yield the items of all pages; released versions have one, whatever is asked for."""
        had = 0
        for page in range(_MOST_PAGES):
            body = whisker.get(f"startTimeGte=-{HISTORY_SECONDS}&page={page}&pageSize={_PAGE_SIZE}")
            try:
                answer = json.loads(body)
            except (ValueError, RecursionError):
                answer = None
            if not isinstance(answer, dict) or "items" not in answer:
                raise UnreachableError("Whisker answers with what is no list of flows")
            items = [*items_of(answer["items"])]
            yield from items
            had += len(items)
            total = answer.get("total")
            told = total if isinstance(total, dict) else {}
            more = had < (whole(told.get("totalResults")) or 0) and page + 1 < (
                whole(told.get("totalPages")) or 0
            )
            if not items or not more:
                return


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
