"""Flows of NetObserv out of Loki, for OVN-Kubernetes and any other network plugin."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from netsec_tui.errors import NetsecError, UnreachableError
from netsec_tui.model.flow import Flow, Gap
from netsec_tui.model.observed import Observed
from netsec_tui.sources.access import Access
from netsec_tui.sources.contract import Emit, FlowsRead, SourceStatus
from netsec_tui.sources.grpc_tls import Secured, secured
from netsec_tui.sources.http_service import HttpService
from netsec_tui.sources.netobserv_decode import ORIGIN, NetObservDecoder
from netsec_tui.sources.netobserv_loki import Loki, Page
from netsec_tui.sources.netobserv_sampling import sampling_of
from netsec_tui.sources.objects import printable
from netsec_tui.sources.problem import Problem
from netsec_tui.sources.service_reach import Wanted, Way, reach

HOURS = 12
POLL_SECONDS = 5.0
_OVERLAP = 30 * 10**9
"""Records come late: the agents keep them for 5 s, and the pipeline writes in batches."""

_SERVICE_CA = ("openshift-service-ca.crt", "service-ca.crt")
SERVICES = (
    Wanted("netobserv", "loki"),
    Wanted("netobserv", "loki-gateway-http", "public", secure=True, ca=_SERVICE_CA),
    Wanted("netobserv-loki", "loki-gateway-http", "public", secure=True, ca=_SERVICE_CA),
)
"""Where NetObserv's documentation puts Loki: a single pod, or the Loki operator's LokiStack ``loki``."""

_SECURE_PORTS = frozenset({443, 8443})
_HOUR = 3_600 * 10**9


class NetObservSource:
    """Read the flows of the last hours from Loki, and ask for new ones every few seconds."""

    live = True

    def __init__(self, access: Access, hours: float = HOURS) -> None:
        self.name = f"netobserv of context {access.context}" if access.context else "netobserv"
        self._access = access
        self._span = int(hours * _HOUR)
        self._nodes: set[str] = set()
        self._sampling = self._configured = 0
        self._flows = self._unread = 0
        self._why = ""
        self._since = 0.0
        self._told: SourceStatus | None = None

    def read(self, emit: Emit) -> None:
        """Emit what Loki has of the last hours.

        Raises:
            NetsecError: the kubeconfig cannot be used, or Loki cannot be found or does not give its flows.
        """
        http, now = self._http(), time.time_ns()
        try:
            decoder = NetObservDecoder()
            loki = Loki(http)
            for part in _hours(now - self._span, now):
                for page in loki.pages(*part):
                    self._take(page, decoder, emit)
        finally:
            http.close()
        self._tell(emit, ended=True)

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        """Emit what is new, and in between what Loki has of the hours before, the last hour first.

        Raises:
            NetsecError: Loki cannot be reached at the start, for the reasons of ``read``.
        """
        begun = time.time_ns() - _OVERLAP
        first = self._http()
        http: HttpService | None = first
        live, decoder = Loki(first, _OVERLAP), NetObservDecoder()
        history = _History(first, _hours(begun - self._span, begun))
        cursor, trouble, reached = begun + _OVERLAP, "", False
        try:
            while not stop.is_set():
                due = time.monotonic() + POLL_SECONDS
                try:
                    if http is None:
                        http = live.http = history.http = self._http()
                    now = time.time_ns()
                    for page in live.pages(cursor - _OVERLAP, now):
                        self._take(page, decoder, emit)
                    cursor, trouble, reached = now, "", True
                    while not stop.is_set() and (old := history.page()):
                        self._take(old, history.decoder, emit)
                        if time.monotonic() >= due:
                            break
                except NetsecError as error:
                    if not reached:
                        raise
                    trouble = f"{error}; it is asked again every {POLL_SECONDS:g} s"
                    if http:
                        http.close()
                    http = None  # its pod may be another one by now, or the token have ended
                self._tell(emit, trouble)
                stop.wait(max(0.0, due - time.monotonic()))
        finally:
            if http:
                http.close()

    def _http(self) -> HttpService:
        way = reach(self._access, SERVICES)
        self._configured = _sampling(way)
        tls = self._secured(way)
        safe = tls and not self._access.tls.insecure
        headers = {"Authorization": f"Bearer {way.token}"} if way.token and safe else {}
        return HttpService(way.connect, way.peer, way.host, tls, headers)

    def _secured(self, way: Way) -> Secured | None:
        options, address = self._access.tls, self._access.address
        guessed = way.wanted.secure if way.wanted else bool(address and address.port in _SECURE_PORTS)
        named = bool(options.ca_file or options.cert_file or options.server_name or options.insecure)
        if options.mode == "off" or not (options.mode == "on" or guessed or named):
            return None
        tls = secured(options, way.host, way.ca_data)
        tls.context.set_alpn_protocols(["http/1.1"])
        return tls

    def _take(self, page: Page, decoder: NetObservDecoder, emit: Emit) -> None:
        found = decoder.decode(page.answer)
        flows: list[Flow | Gap] = [flow for flow in found if isinstance(flow, Flow)]
        unread = [problem for problem in found if isinstance(problem, Problem)]
        self._flows += len(flows)
        self._nodes |= decoder.nodes
        self._sampling = max(self._sampling, decoder.sampling)
        if flows:
            self._since = min([self._since or time.time(), *(flow.time for flow in flows)])
        if unread:
            self._unread += len(unread)
            self._why = self._why or printable(f"a record in Loki: {unread[0].reason}", 400)
            flows.append(Gap(time.time(), len(unread), self._why))
        if page.lost:
            flows.append(Gap(time.time(), 1, "Loki has more records of one moment than it gives at once"))
        if flows:
            emit(FlowsRead(tuple(flows)))

    def _tell(self, emit: Emit, trouble: str = "", *, ended: bool = False) -> None:
        until = time.time() if ended else 0.0
        sampling = self._sampling or self._configured
        observed = Observed(ORIGIN, self._since or time.time(), until, frozenset(self._nodes), sampling)
        how = f"1 of {sampling} packets" if sampling else "sampling not told"
        detail = f"{self._flows} flows from {len(self._nodes)} nodes, {how}" if self._flows else "no flow yet"
        if self._why:
            detail += f"; {self._why}"
        status = SourceStatus(
            self.name, self.live, detail, self._unread, trouble, ended=ended, observed=observed
        )
        if status != self._told:
            self._told = status
            emit(status)


def _sampling(way: Way) -> int:
    """Return what the FlowCollector says of it, 0 where it may not be read."""
    try:
        return sampling_of(way.api, way.api.groups()) if way.api else 0
    except NetsecError:
        return 0


class _History:
    """Read what was before, hour by hour backwards; what breaks off is taken up again.

    Each hour has a ``decoder`` of its own, since one takes what is older than what it told for a repetition.
    ``http`` may be replaced by another way to the same server.
    """

    def __init__(self, http: HttpService, hours: list[tuple[int, int]]) -> None:
        self.decoder = NetObservDecoder()
        self.http, self._hours = http, hours
        self._loki = Loki(http)
        self._pages: Iterator[Page] | None = None

    def page(self) -> Page | None:
        """Return the next page, None when all has been read.

        Raises:
            UnreachableError: Loki does not give it now; the next call begins the hour anew.
        """
        while self._hours:
            self._loki.http = self.http
            self._pages = self._pages or self._loki.pages(*self._hours[-1])
            try:
                page = next(self._pages, None)
            except UnreachableError:
                self._pages = None
                raise
            if page:
                return page
            self._hours.pop()
            self._pages, self.decoder = None, NetObservDecoder()
        return None


def _hours(start: int, end: int) -> list[tuple[int, int]]:
    """Return a span of time in parts of an hour at most, in nanoseconds."""
    return [(at, min(at + _HOUR, end)) for at in range(start, end, _HOUR)]
