"""Flows from Hubble Relay, or one agent, by its gRPC API (docs/sources.md)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from netsec_tui.errors import BadInputError, NetsecError, NotFoundError, UnreachableError
from netsec_tui.model.observed import Observed
from netsec_tui.sources import retry
from netsec_tui.sources.access import Access
from netsec_tui.sources.backlog import Backlog
from netsec_tui.sources.contract import Emit, FlowsRead, SourceStatus
from netsec_tui.sources.counted import counted
from netsec_tui.sources.grpc.channel import GrpcChannel
from netsec_tui.sources.grpc.trouble import GrpcError
from netsec_tui.sources.hubble.decode import ORIGIN
from netsec_tui.sources.hubble.relay_batch import Batch
from netsec_tui.sources.hubble.relay_where import relay_channel
from netsec_tui.sources.life import Life
from netsec_tui.sources.objects.strip import printable

STATUS_SECONDS = 10.0
"""Seconds between two looks at how the nodes are; so much traffic also keeps connections open."""

_FLUSH_SECONDS = 0.1
_SAY_SECONDS = 1.0
_MOST = 1_000
"""Flows that are handed on at once."""

_BEGIN_SECONDS = 1.0
"""How long the first word of the stream is waited for before older flows are asked for."""

_REFUSING = ("INVALID_ARGUMENT", "UNKNOWN", "INTERNAL", "UNIMPLEMENTED")
"""Statuses of servers that do not know a filter."""


class _UnfilteredError(Exception):
    """Report that an agent refuses the filters."""


class HubbleRelaySource:
    """Read what Hubble's agents hold and go on with what they see; a connection that ends is made again."""

    live = True

    def __init__(self, access: Access) -> None:
        self.name = access.name_of("hubble")
        self._access = access
        self._batch = Batch()
        self._backlog, self._life = Backlog(), Life()
        self._filtered = True
        self._server = self._peer = ""
        self._kept = ""
        self._since = 0.0
        self._broken = 0.0
        self._trouble = ""
        self._flushed = self._said = self._looked = 0.0

    def read(self, emit: Emit) -> None:
        """Emit what all agents hold now.

        Raises:
            NotFoundError: there is no such context or no kubeconfig.
            BadInputError: the kubeconfig or a file of the TLS options cannot be used.
            NetsecError: there is no Relay, RBAC forbids the way to it, or it does not answer.
        """
        try:
            self._read(emit)
        except _UnfilteredError:
            self._read(emit)
        except NetsecError as error:
            raise _at_the_start(error) from error
        self._hand_on(emit)
        self._tell(emit, ended=True)

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        """Emit what all agents hold, and what they see until ``stop`` is set.

        Raises:
            NetsecError: it cannot be reached at the start, for the reasons of ``read``.
        """
        wait = retry.FIRST_WAIT
        while not stop.is_set():
            had = self._batch.flows
            trouble = self._watch(emit, stop)
            self._hand_on(emit)
            if stop.is_set():
                break
            wait = retry.FIRST_WAIT if self._batch.flows > had else wait
            self._broken = self._broken or self._backlog.read_to or self._life.last
            self._trouble = f"{trouble}; it is tried again in {wait:g} s"
            self._tell(emit)
            stop.wait(wait)
            wait = retry.longer(wait)
        if self._broken:
            emit(retry.not_back(self._broken, "Hubble"))

    def _read(self, emit: Emit) -> None:
        stop = threading.Event()
        with self._channel() as channel:
            self._look(channel, stop)
            for reply in self._filtered_flows(channel, stop, follow=False):
                self._take(reply, emit)

    def _watch(self, emit: Emit, stop: threading.Event) -> str:
        """Follow over one connection; return why it has ended.

        Raises:
            NetsecError: there has never been one.
        """
        try:
            with self._channel() as channel:
                self._look(channel, stop)
                self._stream(channel, emit, stop)
            return f"{self.name} has ended its stream"
        except _UnfilteredError:
            return "an agent does not know the filters of its flows; they are asked for without"
        except NetsecError as error:
            if not self._since:
                raise _at_the_start(error) from error
            return str(error)

    def _stream(self, channel: GrpcChannel, emit: Emit, stop: threading.Event) -> None:
        """Begin with what comes from now on, then ask for what was before, so that nothing falls between.

        The stream has neither a number nor a time: Relay sends the request anew to a node that reconnects,
        and with either the node would tell everything a second time.
        """
        since, began = self._resume(), time.monotonic()
        live = self._filtered_flows(channel, stop, follow=True)
        for reply in live:
            self._take(reply, emit)
            if reply is not None or time.monotonic() - began > _BEGIN_SECONDS:
                break
        self._catch_up(channel, emit, stop, since)
        for reply in live:
            self._take(reply, emit)
            if time.monotonic() - self._looked > STATUS_SECONDS:
                self._look_again(channel, stop)
            if self._batch.returned:
                self._catch_up(channel, emit, stop, self._resume())

    def _resume(self) -> float:
        """Return from when on flows are to be asked for; until those have come, no node has told all."""
        self._backlog.begin(self._broken or time.time(), asked=True)
        return self._batch.resume()

    def _catch_up(self, channel: GrpcChannel, emit: Emit, stop: threading.Event, since: float) -> None:
        """Read what the agents hold from a time on, and say what they do not hold any more."""
        for reply in self._flows(channel, stop, follow=False, since=since):
            self._take(reply, emit, asked=True)
        if stop.is_set():
            return
        self._backlog.answered()
        self._batch.resumed()
        self._broken, self._trouble = 0.0, ""
        self._hand_on(emit)
        self._tell(emit)

    def _channel(self) -> GrpcChannel:
        channel = relay_channel(self._access, self._life)
        self._peer = channel.peer
        return channel

    def _filtered_flows(self, channel: GrpcChannel, stop: threading.Event, *, follow: bool) -> Iterator[Any]:
        """Yield replies with what the server leaves out, or with all where it does not know how."""
        begun = False
        try:
            for reply in self._flows(channel, stop, follow=follow):
                begun = begun or reply is not None
                yield reply
            return
        except GrpcError as error:
            if begun or not self._filtered or error.status not in _REFUSING:
                raise
        self._filtered = False
        yield from self._flows(channel, stop, follow=follow)

    def _flows(
        self, channel: GrpcChannel, stop: threading.Event, *, follow: bool, since: float = 0.0
    ) -> Iterator[Any]:
        from netsec_tui.sources.hubble.proto import GET_FLOWS, flows_request, types

        request = flows_request(filtered=self._filtered, follow=follow, since=since)
        return channel.stream(GET_FLOWS, request, types()["GetFlowsResponse"], stop)

    def _look(self, channel: GrpcChannel, stop: threading.Event) -> None:
        """Ask the server how it is and how its nodes are; a single agent knows of no nodes.

        Raises:
            GrpcError: it does not answer.
        """
        from netsec_tui.sources.hubble.proto import GET_NODES, NODE_UNAVAILABLE, SERVER_STATUS, types

        nothing = types()["Nothing"]()
        self._looked = time.monotonic()
        status = channel.unary(SERVER_STATUS, nothing, types()["ServerStatusResponse"], stop)
        self._server = printable(status.version, 60)
        self._kept = _history(status)
        self._since = self._since or time.time()
        try:
            nodes = channel.unary(GET_NODES, nothing, types()["GetNodesResponse"], stop).nodes
        except GrpcError as error:
            if error.status != "UNIMPLEMENTED":
                raise
            self._batch.see(dict.fromkeys(status.unavailable_nodes, NODE_UNAVAILABLE))
            return
        self._batch.keep(node.name for node in nodes)
        self._batch.see({node.name: node.state for node in nodes if node.name})

    def _look_again(self, channel: GrpcChannel, stop: threading.Event) -> None:
        try:
            self._look(channel, stop)
        except GrpcError:  # the stream tells soon enough whether the connection has ended
            self._looked = time.monotonic()

    def _take(self, reply: Any, emit: Emit, *, asked: bool = False) -> None:
        """Take a reply in, of the stream or of what was ``asked`` for of the past; None is silence."""
        if reply is None:
            self._backlog.quiet()
        elif flow := self._batch.take(reply):
            self._backlog.take(flow.time, flow.node, asked=asked)
        if self._batch.refused:
            self._batch.refused = False
            if self._filtered:
                self._filtered = False
                raise _UnfilteredError
        now = time.monotonic()
        if now - self._flushed > _FLUSH_SECONDS or self._batch.size >= _MOST:
            self._flushed = now
            self._hand_on(emit)
            if now - self._said > _SAY_SECONDS:
                self._tell(emit)

    def _hand_on(self, emit: Emit) -> None:
        if items := self._batch.handed_on():
            emit(FlowsRead(items))

    def _tell(self, emit: Emit, *, ended: bool = False) -> None:
        self._said = time.monotonic()
        batch = self._batch
        reporting = frozenset(name for name, reports in batch.nodes.items() if reports and not self._broken)
        since = min(filter(None, (batch.spans.first, self._since)), default=0.0)
        until = self._broken or (time.time() if ended else 0.0)
        overdue = 0.0 if until else self._life.overdue
        read_to = 0.0 if until else min(filter(None, (self._backlog.read_to, overdue)), default=0.0)
        ends = self._backlog.ends(batch.nodes) if read_to else {}
        if overdue:
            ends = {node: min(ends.get(node, overdue), overdue) for node in batch.nodes}
        spans = batch.spans.of(batch.nodes, ends)
        observed = Observed(ORIGIN, since, until, reporting, spans=spans)
        parts = [f"{counted(batch.flows, 'flow')} from {len(reporting)} of {len(batch.nodes)} nodes"]
        parts += filter(None, (self._peer, self._server, self._kept, batch.why))
        if not self._filtered:
            parts.append("an older Hubble, which cannot leave answers out")
        detail = "; ".join(parts)
        status = SourceStatus(self.name, self.live, detail, batch.unread, self._trouble, ended=ended)
        emit(replace(status, observed=observed, read_to=read_to, due=overdue))


def _at_the_start(error: NetsecError) -> NetsecError:
    """Return what is raised where nothing has been read; all but a caller's mistakes may pass with time."""
    known = isinstance(error, BadInputError | NotFoundError | UnreachableError)
    return error if known else UnreachableError(str(error))


def _history(status: Any) -> str:
    """Return how far back Hubble's buffers reach, empty when it does not say."""
    if not status.max_flows or not status.flows_rate > 0:
        return ""
    seconds = status.max_flows / status.flows_rate
    if seconds > 3600:
        return "Hubble keeps flows for hours"
    return (
        f"Hubble keeps flows for about {seconds / 60:.0f} min"
        if seconds > 90
        else (f"Hubble keeps flows for about {seconds:.0f} s only")
    )
