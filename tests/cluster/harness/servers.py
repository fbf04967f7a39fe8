"""What answers in the pods: all listeners of all namespaces, in one thread."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.harness import netns

BACKLOG = 512
LARGEST = 65535
Responder = Callable[[bytes, str], bytes]
"""Makes the answer from what was asked (nothing where a TCP connection opens) and the address asked."""


@dataclass(frozen=True)
class Listener:
    """One port that answers.

    Attributes:
        protocol: TCP or UDP.
        port: its number.
        respond: makes the answer; what is empty is not sent.
        framed: over TCP, questions and answers come behind two bytes with their length, as DNS does it.
            Without, the answer goes out as soon as a client connects, and the client closes.
    """

    protocol: str
    port: int
    respond: Responder
    framed: bool = False


def says(line: str) -> Responder:
    """Return what answers everything with one line."""
    said = f"{line}\n".encode()
    return lambda asked, address: said


@dataclass
class _Open:
    """What an owner has open."""

    servers: list[asyncio.Server] = field(default_factory=list)
    datagrams: list[socket.socket] = field(default_factory=list)
    connections: set[asyncio.StreamWriter] = field(default_factory=set)


class Servers:
    """The listeners of every owner (a pod, the outside), served by one event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._owners: dict[str, _Open] = {}
        self._thread = threading.Thread(target=self._loop.run_forever, name="listeners", daemon=True)
        self._thread.start()

    def serve(self, owner: str, namespace: Path, listeners: Iterable[Listener]) -> None:
        """Open the listeners of an owner inside its network namespace; they answer when this returns.

        Raises:
            OSError: a port is taken there; what was opened before it is closed.
        """
        opened: list[tuple[Listener, socket.socket]] = []
        try:
            with netns.inside(namespace):
                opened += ((listener, _open(listener)) for listener in listeners)
        except OSError:
            for _, sock in opened:
                sock.close()
            raise
        self._run(self._attach(owner, opened))

    def stop(self, owner: str) -> None:
        """Close all of an owner, its connections too, so that nothing keeps its namespace alive."""
        self._run(self._detach(owner))

    def close(self) -> None:
        """End every listener and the thread."""
        for owner in list(self._owners):
            self.stop(owner)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _attach(self, owner: str, opened: list[tuple[Listener, socket.socket]]) -> None:
        kept = self._owners.setdefault(owner, _Open())
        for listener, sock in opened:
            if listener.protocol == "UDP":
                kept.datagrams.append(sock)
                self._loop.add_reader(sock, _answer_datagrams, sock, listener.respond)
                continue
            serve = _serve_framed if listener.framed else _serve_line
            server = await asyncio.start_server(
                _tracked(kept, serve, listener.respond), sock=sock, backlog=BACKLOG
            )
            kept.servers.append(server)

    async def _detach(self, owner: str) -> None:
        kept = self._owners.pop(owner, _Open())
        for server in kept.servers:
            server.close()
        for sock in kept.datagrams:
            self._loop.remove_reader(sock)
            sock.close()
        for writer in kept.connections:
            writer.transport.abort()


def _open(listener: Listener) -> socket.socket:
    """Return a bound socket of both families, in the namespace that the thread is in."""
    kind = socket.SOCK_DGRAM if listener.protocol == "UDP" else socket.SOCK_STREAM
    sock = socket.socket(socket.AF_INET6, kind)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if kind == socket.SOCK_DGRAM:
            # The answer has to leave from the address that was asked: a node has several.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("::", listener.port))
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"port {listener.port}/{listener.protocol}: {error.strerror}") from error
    return sock


def _answer_datagrams(sock: socket.socket, respond: Responder) -> None:
    with contextlib.suppress(BlockingIOError, ConnectionError):
        while True:
            asked, ancillary, _, client = sock.recvmsg(LARGEST, socket.CMSG_SPACE(20))
            to = [data for level, kind, data in ancillary if (level, kind) == _PACKET_INFO]
            address = _plain(socket.inet_ntop(socket.AF_INET6, to[0][:16]))
            answer = respond(asked, address)
            if not answer:
                continue
            # Interface 0: the route back decides, only the address is kept.
            source = [(*_PACKET_INFO, to[0][:16] + struct.pack("@i", 0))]
            with contextlib.suppress(OSError):
                sock.sendmsg([answer], source, 0, client)


_PACKET_INFO = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO)


def _plain(address: str) -> str:
    """Return an address as people write it: one of IPv4 that IPv6 maps as the IPv4 address."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


_Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter, Responder], Coroutine[Any, Any, None]]


def _tracked(
    kept: _Open, serve: _Serve, respond: Responder
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kept.connections.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await serve(reader, writer, respond)
        finally:
            kept.connections.discard(writer)
            writer.close()

    return handle


async def _serve_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, respond: Responder) -> None:
    writer.write(respond(b"", _plain(writer.get_extra_info("sockname")[0])))
    while await reader.read(LARGEST):
        pass


async def _serve_framed(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, respond: Responder
) -> None:
    address = _plain(writer.get_extra_info("sockname")[0])
    while True:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        answer = respond(await reader.readexactly(length), address)
        writer.write(struct.pack("!H", len(answer)) + answer)
        await writer.drain()
