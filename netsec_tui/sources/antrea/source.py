"""Flows from the FlowStreamService of Antrea's Flow Aggregator, over gRPC."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from netsec_tui.model.flow import Flow, Gap
from netsec_tui.model.timespan import from_to
from netsec_tui.sources.access import Access
from netsec_tui.sources.antrea.exporter import exports_to
from netsec_tui.sources.antrea.flows import ORIGIN
from netsec_tui.sources.antrea.message import AntreaMessageDecoder, ended_at
from netsec_tui.sources.backlog import Backlog
from netsec_tui.sources.contract import Emit, FlowsRead
from netsec_tui.sources.counted import counted
from netsec_tui.sources.grpc.channel import GrpcChannel
from netsec_tui.sources.grpc.tls import secured
from netsec_tui.sources.grpc.trouble import GrpcError
from netsec_tui.sources.intake import Intake
from netsec_tui.sources.life import Life
from netsec_tui.sources.problem import Problem
from netsec_tui.sources.reach.service import TOKEN_VARIABLE, Wanted, Way, reach
from netsec_tui.sources.retry import follow_stream, not_back

PORT = 14740
SERVICES = (
    Wanted("flow-aggregator", "flow-aggregator", port=PORT, secure=True, ca=("flow-aggregator-ca", "ca.crt")),
)
RULE = 'apiGroups: ["observability.antrea.io"], resources: ["flows"], verbs: ["list", "watch"]'
"""What newer Flow Aggregators ask for, cluster-wide (antrea, flow-viewer-clusterrole.yaml)."""

_LOOK_BACK = 120.0
"""Seconds that are asked for again where the server cannot resume: aggregators keep records for 90 s."""

_WAYS_OUT = {
    "UNAUTHENTICATED": "it wants a token: that of the kubeconfig goes to it only where ConfigMap "
    "kube-system/antrea-config may be read and its flowExporter is enabled and names it, over verified TLS; "
    f"or name an address, with one in {TOKEN_VARIABLE}",
    "PERMISSION_DENIED": f"what is missing in a ClusterRole, bound cluster-wide, is {RULE}",
    "UNIMPLEMENTED": "it has no FlowStreamService; a newer Antrea has (flowStreamService.enable)",
}


class AntreaSource:
    """Follow the Flow Aggregator; what was missed while it was away is asked for again."""

    live = True

    def __init__(self, access: Access) -> None:
        self.name = access.name_of("antrea")
        self._access = access
        self._decoder = AntreaMessageDecoder()
        self._resume: Any = None
        self._last = 0.0
        self._broke_off = self._caught_up = 0.0
        self._backlog = Backlog()
        self._life = Life()
        self._intake = Intake(self.name, ORIGIN, "a record of the Flow Aggregator", life=self._life)

    def read(self, emit: Emit) -> None:
        """Emit what the Flow Aggregator holds: the last 8,192 records.

        Raises:
            NetsecError: the kubeconfig cannot be used, or the Flow Aggregator gives nothing.
        """
        for _ in self._stream(emit, threading.Event(), follow=False):
            pass
        self._tell(emit, ended=True)

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        """Emit what the Flow Aggregator holds and sees until ``stop`` is set.

        Raises:
            NetsecError: it cannot be reached at the start, for the reasons of ``read``.
        """
        ended = "the Flow Aggregator has ended the stream"
        broken = partial(self._break_off, emit)
        if since := follow_stream(partial(self._followed, emit, stop), broken, ended, stop, self._life):
            emit(not_back(min(since, self._backlog.read_to or since), "the Flow Aggregator"))

    def _followed(self, emit: Emit, stop: threading.Event) -> Iterator[bool]:
        before = partial(self._stream, emit, stop, follow=False)
        for _ in self._backlog.catch_up(self._broke_off, before, stop):
            self._tell(emit)
            yield True
        if stop.is_set():
            return
        self._caught_up = time.time()
        for _ in self._stream(emit, stop, follow=True):
            self._tell(emit)
            yield True

    def _break_off(self, emit: Emit, trouble: str) -> None:
        self._broke_off = self._broke_off or self._life.last
        self._tell(emit, trouble)

    def _stream(self, emit: Emit, stop: threading.Event, *, follow: bool) -> Iterator[None]:
        """Emit what one stream tells; yields whenever there may be something to say of it."""
        from netsec_tui.sources.antrea.proto import GET_FLOWS, classes

        way, reply_class = reach(self._access, SERVICES, exports_to), classes()["GetFlowsResponse"]
        dropped, first = 0, True
        try:
            with self._channel(way) as channel:
                for reply in channel.stream(GET_FLOWS, self._request(follow=follow), reply_class, stop):
                    if isinstance(reply, Problem):
                        self._intake.take([reply], emit)
                    elif reply is not None:
                        if first:
                            self._after_a_break(reply, emit)
                        first = False
                        self._take(reply, dropped, emit)
                        dropped = max(dropped, reply.dropped_count)
                    yield
        except GrpcError as error:
            raise self._explained(error, way) from error

    def _channel(self, way: Way) -> GrpcChannel:
        options = self._access.tls
        if options.mode == "off":
            return GrpcChannel(way.connect, way.peer, life=self._life)
        tls = secured(options, way.host, way.ca_data)
        token = way.token if not options.insecure else ""
        headers = [("authorization", f"Bearer {token}")] if token else []
        return GrpcChannel(way.connect, way.peer, tls, headers, self._life)

    def _request(self, *, follow: bool) -> Any:
        from netsec_tui.sources.antrea.proto import classes

        request = classes()["GetFlowsRequest"](follow=follow, cluster_wide=True)
        if self._resume is not None:
            request.resume.CopyFrom(self._resume)
        elif self._last:
            request.since.seconds = int(self._last - _LOOK_BACK)
        return request

    def _explained(self, error: GrpcError, way: Way) -> GrpcError:
        if error.status == "INVALID_ARGUMENT" and self._resume is not None:
            self._resume = None  # it is another server's: the next stream asks by time
        hint = _WAYS_OUT.get(error.status, "")
        if error.status == "UNAVAILABLE" and way.wanted and not self._last:
            hint = "is its FlowStreamService switched on (flowStreamService.enable)?"
        if error.status in _WAYS_OUT:
            return GrpcError(
                f"the Flow Aggregator at {way.peer} refuses ({error.status}): {hint}", error.status
            )
        return GrpcError(f"{error}; {hint}" if hint else str(error), error.status)

    def _after_a_break(self, reply: Any, emit: Emit) -> None:
        """Tell what a stream that was taken up again, or goes on, cannot say it has in full."""
        broke_off, caught_up, now = self._broke_off, self._caught_up, time.time()
        self._broke_off = self._caught_up = 0.0
        resumed = self._resume is not None and not reply.resume_reset
        if broke_off and not resumed:
            away = f"the Flow Aggregator was out of reach {from_to(broke_off, now)}"
        elif caught_up and reply.resume_reset:
            away = f"the Flow Aggregator did not go on from where it had been read {from_to(caught_up, now)}"
        else:
            return
        reason = f"{away}; records of that time may be missing"
        emit(FlowsRead((Gap(broke_off or caught_up, 0, reason, until=now),)))

    def _take(self, reply: Any, dropped: int, emit: Emit) -> None:
        found: list[Flow | Gap | Problem] = []
        for message in reply.flows:
            found += self._decoder.decode(message)
            self._backlog.take(ended_at(message), asked=True)
            # What a wrong clock dates ahead is not where the stream is to be taken up again.
            self._last = max(self._last, min(ended_at(message), time.time()))
        if reply.dropped_count > dropped:
            lost = reply.dropped_count - dropped
            found.append(
                Gap(time.time(), lost, "the Flow Aggregator overwrote records before they were read")
            )
        if reply.resume_token.stream_epoch:
            self._resume = type(reply.resume_token)()
            self._resume.CopyFrom(reply.resume_token)
        self._intake.take(found, emit)

    def _tell(self, emit: Emit, trouble: str = "", *, ended: bool = False) -> None:
        read_to = 0.0 if trouble or ended else self._backlog.read_to
        self._intake.tell(emit, counted(self._intake.flows, "flow"), trouble, ended=ended, read_to=read_to)
