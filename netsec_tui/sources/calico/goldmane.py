"""Flows of Calico from Goldmane itself, which asks for a client certificate."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from netsec_tui.errors import UsageError
from netsec_tui.sources.access import Access
from netsec_tui.sources.calico.goldmane_decode import ORIGIN, record_of_message
from netsec_tui.sources.calico.goldmane_proto import DEST_NAME, LIST, STREAM, goldmane
from netsec_tui.sources.calico.intake import HISTORY_SECONDS
from netsec_tui.sources.calico.record import Record, RecordReader
from netsec_tui.sources.calico.source import CalicoSource
from netsec_tui.sources.grpc.channel import GrpcChannel
from netsec_tui.sources.grpc.tls import secured
from netsec_tui.sources.life import Life
from netsec_tui.sources.problem import Problem
from netsec_tui.sources.reach.service import Wanted, reach

SERVER_NAME = "goldmane.calico-system.svc"
SERVICES = (
    Wanted("calico-system", "goldmane", secure=True, ca=("goldmane-ca-bundle", "tigera-ca-bundle.crt")),
)
WINDOW_SECONDS = 15
_PAGE_SIZE = 1000
_MOST_PAGES = 10_000


def goldmane_source(access: Access) -> CalicoSource:
    """Return the source of flows from Goldmane; it wants a client certificate (UsageError without one)."""
    return CalicoSource(access.name_of(ORIGIN), ORIGIN, "Goldmane", GoldmaneServer(access))


class GoldmaneServer:
    """Ask Goldmane by gRPC, as ``RecordServer`` says."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self.life = Life()
        self._reader = RecordReader()

    def listed(self) -> Iterator[Record | Problem]:
        """Yield the records of the last hour."""
        with self._channel() as channel:
            for flow in self._pages(channel):
                yield record_of_message(self._reader, flow)

    def streamed(self, start: int, stop: threading.Event) -> Iterator[Record | Problem | None]:
        """Yield the records from a time on, and those that come."""
        classes = goldmane()
        request = classes["FlowStreamRequest"](start_time_gte=start, aggregation_interval=WINDOW_SECONDS)
        with self._channel() as channel:
            for result in channel.stream(STREAM, request, classes["FlowResult"], stop):
                if result is None or isinstance(result, Problem):
                    yield result
                else:
                    yield record_of_message(self._reader, result.flow)

    def _channel(self) -> GrpcChannel:
        tls = self._access.tls
        if tls.mode != "off" and not tls.cert_file:
            raise UsageError(
                "Goldmane asks for a client certificate: give --source-cert and --source-key, for instance "
                "tls.crt and tls.key of Secret calico-system/node-certs, and --source-ca, for instance "
                "tigera-ca-bundle.crt of ConfigMap calico-system/goldmane-ca-bundle; "
                "--source whisker needs none"
            )
        way = reach(self._access, SERVICES)
        secure = None if tls.mode == "off" else secured(tls, SERVER_NAME, way.ca_data)
        return GrpcChannel(way.connect, way.peer, secure, life=self.life)

    def _pages(self, channel: GrpcChannel) -> Iterator[object]:
        """Yield the flows of all pages, in an order in which they stand still while flows come in."""
        classes, stop = goldmane(), threading.Event()
        for page in range(_MOST_PAGES):
            request = classes["FlowListRequest"](
                start_time_gte=-HISTORY_SECONDS,
                page=page,
                page_size=_PAGE_SIZE,
                sort_by=[{"sort_by": DEST_NAME}],
            )
            answer = channel.unary(LIST, request, classes["FlowListResult"], stop)
            yield from (result.flow for result in answer.flows)
            if not answer.flows or page + 1 >= answer.meta.totalPages:
                return
