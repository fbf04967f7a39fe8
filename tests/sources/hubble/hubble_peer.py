"""A Hubble Relay of the tests: a ring of flows, streams that follow, nodes that come and go."""

from __future__ import annotations

import asyncio
import itertools
import ssl
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from netsec_tui.sources.hubble.proto import GET_FLOWS, GET_NODES, SERVER_STATUS, types
from tests.sources.grpc.grpc_peer import GrpcPeer, Offered

_UUIDS = itertools.count(1)
_NANOS = itertools.count(1)


class HubblePeer(GrpcPeer):
    """Give out what is in ``ring``, then what ``tell`` adds.

    ``nodes`` are names and states as GetNodes and the head of each stream tell them; with ``alone`` it is an
    agent, which knows of no nodes. ``refuses`` is the status for filters; ``requests`` holds all requests;
    ``first`` is told to all who follow, ``losses`` to all who ask for what is kept. The first answer to one
    of these ends before as many flows as ``breaks_after`` are told, with the status
    ``breaks_with``. While it ``keeps_back``, nothing of what is kept is told.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, capacity: int = 4095) -> None:
        known = types()
        nothing = known["Nothing"]
        methods = {
            GET_FLOWS: Offered(known["GetFlowsRequest"], known["GetFlowsResponse"], self._flows),
            GET_NODES: Offered(nothing, known["GetNodesResponse"], self._nodes),
            SERVER_STATUS: Offered(nothing, known["ServerStatusResponse"], self._status),
        }
        self.ring: deque[Any] = deque(maxlen=capacity)
        self.losses: list[Any] = []
        self.nodes: dict[str, int] = {"n1": 1}
        self.alone = False
        self.refuses: Status | None = None
        self.requests: list[Any] = []
        self.breaks_after, self.breaks_with = 0, Status.UNAVAILABLE
        self.first: Any = None
        self.keeps_back = False
        self._following: list[asyncio.Queue[Any]] = []
        super().__init__(methods, tls)

    @property
    def following(self) -> int:
        return len(self._following)

    def tell(self, *replies: Any) -> None:
        """Put replies into the ring and tell everyone who follows."""
        for reply in replies:
            self._loop.call_soon_threadsafe(self._put, reply)

    def _put(self, reply: Any) -> None:
        if reply.HasField("flow"):
            self.ring.append(reply)
        for queue in self._following:
            queue.put_nowait(reply)

    def _kept(self, request: Any) -> list[Any]:
        """Return what is in the ring; losses are told whatever time is asked for."""
        asked = request.number or request.since.ByteSize()
        return [*self.losses, *self._old(request)] if asked else self._old(request)

    async def _flows(self, stream: Any) -> None:
        request = await stream.recv_message()
        self.requests.append(request)
        if self.refuses and request.whitelist:
            raise GRPCError(self.refuses, "unknown filter")
        queue: asyncio.Queue[Any] = asyncio.Queue()
        if request.follow:
            self._following.append(queue)
        try:
            await self._tell_nodes(stream)
            while self.keeps_back and not request.follow:
                await asyncio.sleep(0.01)
            for number, reply in enumerate(self._kept(request)):
                if number + 1 == self.breaks_after:
                    self.breaks_after = 0
                    raise GRPCError(self.breaks_with, "going down")
                await stream.send_message(reply)
            if request.follow and self.first is not None:
                await stream.send_message(self.first)
            while request.follow:
                await stream.send_message(await queue.get())
        finally:
            if request.follow:
                self._following.remove(queue)

    def _old(self, request: Any) -> list[Any]:
        since = request.since.seconds + request.since.nanos / 1e9
        if since:
            return [r for r in self.ring if r.flow.time.seconds + r.flow.time.nanos / 1e9 >= since]
        return [*self.ring][-request.number :] if request.number else []

    async def _tell_nodes(self, stream: Any) -> None:
        if self.alone:
            return
        for state in sorted(set(self.nodes.values())):
            reply = types()["GetFlowsResponse"](node_name="relay")
            reply.node_status.state_change = state
            reply.node_status.node_names.extend(n for n, s in self.nodes.items() if s == state)
            await stream.send_message(reply)

    async def _nodes(self, stream: Any) -> None:
        await stream.recv_message()
        if self.alone:
            raise GRPCError(Status.UNIMPLEMENTED, "GetNodes not implemented")
        node = types()["Node"]
        told = [node(name=name, state=state, max_flows=4095) for name, state in self.nodes.items()]
        await stream.send_message(types()["GetNodesResponse"](nodes=told))

    async def _status(self, stream: Any) -> None:
        await stream.recv_message()
        status = types()["ServerStatusResponse"](version="cilium v1.19.4", max_flows=4095, flows_rate=20.0)
        status.unavailable_nodes.extend(name for name, state in self.nodes.items() if state == 2)
        await stream.send_message(status)


def flow(port: int = 8080, node: str = "n1", at: float = 0.0, **more: Any) -> Any:
    """Return a reply with a flow of web to that port of orders, seen by a node now or ``at`` a time."""
    known = types()
    moment = at or time.time()
    reply = known["GetFlowsResponse"](node_name=node)
    made = reply.flow
    made.time.seconds, made.time.nanos = int(moment), int(moment % 1 * 1e9)
    made.verdict, made.node_name, made.uuid = 1, node, f"uuid-{next(_UUIDS)}"
    made.IP.source, made.IP.destination = "10.0.1.5", "10.0.2.6"
    made.l4.TCP.source_port, made.l4.TCP.destination_port = 40_000, port
    made.l4.TCP.flags.SYN = True
    made.is_reply.SetInParent()
    endpoint = known["Endpoint"]
    labels = ["k8s:app=web", "k8s:io.kubernetes.pod.namespace=shop"]
    made.source = endpoint(
        ID=7, identity=300, namespace="shop", pod_name="web-1", labels=labels
    ).SerializeToString()
    made.destination = endpoint(identity=301, namespace="shop", pod_name="orders-1").SerializeToString()
    for name, value in more.items():
        setattr(made, name, value)
    return reply


def lost(count: int, node: str = "n1") -> Any:
    reply = types()["GetFlowsResponse"](node_name=node)
    reply.time.seconds, reply.time.nanos = int(time.time()), next(_NANOS)
    reply.lost_events.source, reply.lost_events.num_events_lost = 3, count
    return reply


def node_status(state: int, *names: str, message: str = "") -> Any:
    reply = types()["GetFlowsResponse"](node_name="relay")
    reply.node_status.state_change, reply.node_status.message = state, message
    reply.node_status.node_names.extend(names)
    return reply


@contextmanager
def serving_hubble(tls: ssl.SSLContext | None = None, capacity: int = 4095) -> Iterator[HubblePeer]:
    """Serve until the block ends."""
    peer = HubblePeer(tls, capacity)
    peer.start()
    try:
        yield peer
    finally:
        peer.end()
