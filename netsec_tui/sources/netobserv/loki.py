"""Pages of flows from Loki (grafana/loki, docs: HTTP API, query_range), in the order of time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

from netsec_tui.errors import UnreachableError
from netsec_tui.sources.fields import count
from netsec_tui.sources.reach.http import Answer, HttpService

QUERY = '{app="netobserv-flowcollector"}'
LIMIT = 5000
"""Entries of one page: as many as Loki gives by default (limits_config, max_entries_limit_per_query)."""

_FEWEST = 100
_LOOK = 10**9
"""Nanoseconds that are asked for first, only to find out whether Loki answers."""

_PATH = "/loki/api/v1/query_range"
_TENANT = "/api/logs/v1/network"
"""What stands before it at the gateway of the Loki operator, where flows are a tenant of their own."""

READ_RULE = 'apiGroups: ["loki.grafana.com"], resources: ["network"], resourceNames: ["logs"], verbs: ["get"]'

_ANOTHER = "; is it another service?"


class Page(NamedTuple):
    """Hold some entries, as the decoder takes them.

    ``lost_at`` is the time of all of them, in epoch seconds, where more may have it, else 0.0. ``last`` is
    the page after which there are no more.
    """

    answer: Any
    entries: int
    lost_at: float = 0.0
    last: bool = False


class Loki:
    """Read pages; what was read of the last ``overlap`` nanoseconds is not given again."""

    def __init__(self, overlap: int = 0) -> None:
        self._overlap = overlap
        self._limit = LIMIT
        self._prefix = ""
        self._prefixes = [_TENANT, ""]
        self._known: dict[int, int] = {}

    def pages(self, http: HttpService, start: int, end: int) -> Iterator[Page]:
        """Yield what was written from ``start`` until before ``end``, in nanoseconds, in pages.

        Raises:
            UnreachableError: Loki does not give it; the sentence says why.
        """
        if self._prefixes:
            self._ask(http, end - _LOOK, end, 1, first=True)
        while start < end:
            limit = self._limit
            answer = self._ask(http, start, end, limit)
            if answer is None:
                continue  # asked for less at once
            entries, newest = _span(answer)
            full = entries >= limit
            lost = full and newest <= start
            fresh = self._fresh(answer, newest)
            yield Page(answer, fresh, newest / 10**9 if lost else 0.0, last=not full)
            if not full:
                return
            start = max(start, newest) + lost

    def _ask(self, http: HttpService, start: int, end: int, limit: int, *, first: bool = False) -> Any | None:
        """Return one answer; None when Loki gives no such long ones, and shorter ones are asked for next."""
        query = {"query": QUERY, "start": start, "end": end, "limit": limit, "direction": "forward"}
        answer = http.get(f"{self._prefix}{_PATH}?{urlencode(query)}", first=first)
        while answer.status == 404 and self._prefixes:
            self._prefix = self._prefixes.pop(0)
            answer = http.get(f"{self._prefix}{_PATH}?{urlencode(query)}", first=first)
        if answer.status == 400 and b"max entries limit" in answer.body and self._limit > _FEWEST:
            self._limit = max(self._limit // 2, _FEWEST)
            return None
        if answer.status != 200:
            raise UnreachableError(_refusal(http, answer))
        self._prefixes = []
        try:
            value = json.loads(answer.body)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict) or not isinstance(value.get("data"), dict):
            raise UnreachableError(f"{http.peer} answers, but not as Loki does{http.look or _ANOTHER}")
        return value

    def _fresh(self, answer: Any, newest: int) -> int:
        """Take out of an answer what was given before, and return how many entries are left."""
        left = 0
        for stream in _streams(answer):
            fresh = []
            for entry in stream["values"]:
                at, mark = _time_of(entry), hash(str(entry))
                if mark not in self._known:
                    self._known[mark] = at
                    fresh.append(entry)
            stream["values"] = fresh
            left += len(fresh)
        oldest = newest - self._overlap
        self._known = {mark: at for mark, at in self._known.items() if at >= oldest}
        return left


def _streams(answer: Any) -> Iterator[Any]:
    streams = answer["data"].get("result")
    for stream in streams if isinstance(streams, list) else ():
        if isinstance(stream, dict) and isinstance(stream.get("values"), list):
            yield stream


def _time_of(entry: Any) -> int:
    return count(entry[0]) if isinstance(entry, list) and entry else 0


def _span(answer: Any) -> tuple[int, int]:
    """Return how many entries there are and the time of the newest."""
    times = [_time_of(entry) for stream in _streams(answer) for entry in stream["values"]]
    return len(times), max(times, default=0)


def _refusal(http: HttpService, answer: Answer) -> str:
    peer = http.peer
    said = f": {answer.words}" if answer.words else ""
    match answer.status:
        case 401:
            return (
                f"Loki at {peer} does not take the credentials; its gateway wants a token: that of the "
                "kubeconfig goes to it only where the FlowCollector may be listed and names its namespace "
                "(spec.loki.lokiStack), by verified TLS; or name an address, with one in NETSEC_SOURCE_TOKEN"
            )
        case 403:
            missing = f"what is missing in a ClusterRole is {READ_RULE}"
            return f"Loki at {peer} does not allow to read flows; {missing}"
        case 404:
            return f"{peer} has no query API of Loki; name another with --source netobserv://HOST:PORT"
        case 429:
            return f"Loki at {peer} is asked for too much (429){said}; it is asked again"
        case status if status >= 500:
            return f"Loki at {peer} fails with {status}{said}{http.look}"
        case status:
            return f"Loki at {peer} answers {status}{said}"
