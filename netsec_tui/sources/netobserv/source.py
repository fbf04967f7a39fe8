"""Flows of NetObserv out of Loki, for OVN-Kubernetes and any other network plugin."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing

from netsec_tui.errors import NetsecError
from netsec_tui.model.flow import Flow, Gap
from netsec_tui.sources.access import Access
from netsec_tui.sources.contract import Emit
from netsec_tui.sources.counted import counted
from netsec_tui.sources.intake import Intake
from netsec_tui.sources.netobserv.collector import collector_of, has_gateway
from netsec_tui.sources.netobserv.decode import ORIGIN, NetObservDecoder
from netsec_tui.sources.netobserv.loki import Loki, Page
from netsec_tui.sources.netobserv.reporters import Reporters
from netsec_tui.sources.problem import Problem
from netsec_tui.sources.reach.http import ANSWER_SECONDS, HttpService, https_to
from netsec_tui.sources.reach.service import Wanted, Way, reach
from netsec_tui.sources.retry import poll

HOURS = 12
POLL_SECONDS = 5.0
_OVERLAP = 30 * 10**9
"""Records come late: the agents keep them for 5 s, and the pipeline writes in batches."""

LATEST = 120 * 10**9
"""Records of a node whose clock is behind come later still."""

LOOK_BACK_EVERY = 60 * 10**9
"""Those are asked for less often: with many flows, all of the last minutes are many pages."""

SILENT_SECONDS = 300.0
"""Seconds without a record of a node after which nobody knows whether it is quiet or not looked at."""

_SERVICE_CA = ("openshift-service-ca.crt", "service-ca.crt")
SERVICES = (
    Wanted("netobserv", "loki"),
    Wanted("netobserv", "loki-gateway-http", "public", secure=True, ca=_SERVICE_CA),
    Wanted("netobserv-loki", "loki-gateway-http", "public", secure=True, ca=_SERVICE_CA),
)
"""Where NetObserv's documentation puts Loki: a single pod, or the Loki operator's LokiStack ``loki``."""

_CROWDED = "Loki may have more records of one moment than it gives at once"
_HOUR = 3_600 * 10**9


class NetObservSource:
    """Read the flows of the last hours from Loki, and ask for new ones every few seconds."""

    live = True

    def __init__(self, access: Access, hours: float = HOURS) -> None:
        self.name = access.name_of("netobserv")
        self._access = access
        self._span = int(hours * _HOUR)
        self._reporters = Reporters()
        self._configured = 0
        self._intake = Intake(self.name, ORIGIN, "a record in Loki")

    def read(self, emit: Emit) -> None:
        """Emit what Loki has of the last hours.

        Raises:
            NetsecError: the kubeconfig cannot be used, or Loki cannot be found or does not give its flows.
        """
        loki, decoder = Loki(), NetObservDecoder(self._reporters)
        with closing(self._http()) as http:
            now = time.time_ns()
            for part in _hours(now - self._span, now):
                for page in loki.pages(http, *part):
                    self._take(page, decoder, emit)
        self._tell(emit, ended=True)

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        """Emit what is new, and in between what Loki has of the hours before, the last hour first.

        Raises:
            NetsecError: Loki cannot be reached at the start, for the reasons of ``read``.
        """
        now = time.time_ns()
        # What was before has a decoder of its own: with many flows it would make the other forget too soon.
        live, decoder, old = _Live(now), NetObservDecoder(self._reporters), NetObservDecoder(self._reporters)
        history = _History(_hours(now - LATEST - self._span, now - LATEST))
        self._intake.complete_from(history.read_from)
        past_next = False

        def ask(http: HttpService) -> Iterator[None]:
            nonlocal past_next
            turn, past_next = time.monotonic() + POLL_SECONDS, False
            for page in live.pages(http):
                self._take(page, decoder, emit)
                if not page.last:
                    yield
            past_next = history.left  # one page each time at least, or a slow Loki never gives it
            yield
            while past_next and (past := history.page(http)):
                self._take(past, old, emit)
                past_next = history.left and time.monotonic() < turn
                yield

        def tell(trouble: str) -> None:
            self._intake.complete_from(history.read_from)
            meanwhile = ANSWER_SECONDS if past_next and not trouble else 0.0
            self._tell(emit, trouble, read_to=live.read_to, meanwhile=meanwhile)

        poll(self._http, ask, tell, POLL_SECONDS, stop)

    def _http(self) -> HttpService:
        way = reach(self._access, SERVICES, has_gateway)
        self._configured = _sampling(way)
        tls = https_to(self._access, way)
        safe = tls and not self._access.tls.insecure
        token = way.token if safe else ""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return HttpService(way.connect, way.peer, way.host, tls, headers, way.look)

    def _take(self, page: Page, decoder: NetObservDecoder, emit: Emit) -> None:
        found: list[Flow | Gap | Problem] = [*decoder.decode(page.answer)]
        if page.lost_at:
            found.append(Gap(page.lost_at, 0, _CROWDED))
        self._intake.take(found, emit)

    def _tell(
        self,
        emit: Emit,
        trouble: str = "",
        *,
        ended: bool = False,
        read_to: float = 0.0,
        meanwhile: float = 0.0,
    ) -> None:
        last: dict[str, float] = {}
        for node, (first, at) in self._reporters.nodes.items():
            self._intake.reach_back_to(first, node)
            last |= {node: at} if node else {}
        nodes, sampling = frozenset(last), self._reporters.sampling or self._configured
        how = f"1 of {sampling} packets" if sampling else "sampling not told"
        told = f"{counted(self._intake.flows, 'flow')} from {counted(len(nodes), 'node')}, {how}"
        spoken = time.time() - SILENT_SECONDS
        silent = {node: at for node, at in last.items() if at < spoken}
        self._intake.tell(
            emit,
            told,
            trouble,
            ended=ended,
            nodes=nodes,
            silent=silent,
            sampling=sampling,
            read_to=read_to,
            every=POLL_SECONDS,
            meanwhile=meanwhile,
        )


def _sampling(way: Way) -> int:
    """Return what the FlowCollector says of it, 0 where it may not be read."""
    try:
        return collector_of(way.api, way.api.groups()).sampling if way.api else 0
    except NetsecError:
        return 0


class _Live:
    """Read what is new since the last time, and once more what was before it, for it comes late."""

    def __init__(self, begun: int) -> None:
        self._loki = Loki(LATEST + 2 * LOOK_BACK_EVERY)
        self._read, self._looked_back = begun, 0
        self._begun = begun

    @property
    def read_to(self) -> float:
        """Return until when all has been read, in epoch seconds."""
        return self._read / 10**9

    def pages(self, http: HttpService) -> Iterator[Page]:
        """Yield pages, in order; what was not read to the end is read again the next time.

        Raises:
            UnreachableError: Loki does not give them now.
        """
        now, start = time.time_ns(), self._read - _OVERLAP
        looks_back = now - self._looked_back >= LOOK_BACK_EVERY
        if looks_back:
            start = min(start, max(self._looked_back, self._begun) - LATEST)
        yield from self._loki.pages(http, start, now)
        self._read = now
        if looks_back:
            self._looked_back = now


class _History:
    """Read what was before, hour by hour backwards; an hour that breaks off is begun anew."""

    def __init__(self, hours: list[tuple[int, int]]) -> None:
        self._hours = hours
        self._loki = Loki()
        self._http: HttpService | None = None
        self._pages: Iterator[Page] | None = None
        self._start = hours[0][0] if hours else 0

    @property
    def read_from(self) -> float:
        """Return from when on all has been read, in epoch seconds."""
        return (self._hours[-1][1] if self._hours else self._start) / 10**9

    @property
    def left(self) -> bool:
        """Tell whether some of it has not been read yet."""
        return bool(self._hours)

    def page(self, http: HttpService) -> Page | None:
        """Return the next page, None when all has been read.

        Raises:
            UnreachableError: Loki does not give it now.
        """
        if http is not self._http:
            self._http, self._pages = http, None
        while self._hours:
            self._pages = self._pages or self._loki.pages(http, *self._hours[-1])
            page = next(self._pages, None)
            if not page or page.last:
                self._hours.pop()
                self._pages = None
            if page:
                return page
        return None


def _hours(start: int, end: int) -> list[tuple[int, int]]:
    """Return a span of time in parts of an hour at most, in nanoseconds."""
    return [(at, min(at + _HOUR, end)) for at in range(start, end, _HOUR)]
