"""gRPC servers of the tests, by an implementation that is not ours (grpclib), in a thread of their own."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from grpclib.const import Cardinality, Handler
from grpclib.server import Server

from tests.sources.waiting import PATIENCE

Handle = Callable[[Any], Awaitable[None]]
"""Answer a call, given grpclib's stream."""


class Offered(NamedTuple):
    """Name what a method takes, what it gives, and what answers it."""

    request_class: Any
    reply_class: Any
    handle: Handle


class GrpcPeer:
    """Serve methods by path on a port of the loopback address."""

    def __init__(self, methods: Mapping[str, Offered], tls: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self.connections = 0
        self._methods, self._tls = methods, tls
        self._loop = asyncio.new_event_loop()
        self._server: _Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def start(self) -> None:
        """Listen; after the first time on the same port as before."""
        self._do(self._start)

    def kill(self) -> None:
        """Stop listening and break every connection off."""
        self._do(self._kill)

    def end(self) -> None:
        if self._server:
            self.kill()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def __mapping__(self) -> Mapping[str, Any]:
        return {
            path: Handler(offered.handle, Cardinality.UNARY_STREAM, offered[0], offered[1])
            for path, offered in self._methods.items()
        }

    def _do(self, work: Callable[[], Any]) -> None:
        asyncio.run_coroutine_threadsafe(work(), self._loop).result(10)

    async def _start(self) -> None:
        self._server = _Server([self])
        await self._server.start("127.0.0.1", self.port, ssl=self._tls, reuse_address=True)
        self.port = self._server._server.sockets[0].getsockname()[1]

    async def _kill(self) -> None:
        assert self._server
        self.connections += len(self._server.protocols)
        self._server.close()
        for protocol in self._server.protocols:
            if hasattr(protocol, "connection") and not protocol.connection.is_closing():
                protocol.connection._transport.abort()
        self._server = None
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=5)


class _Server(Server):
    def __init__(self, services: Any) -> None:
        super().__init__(services)
        self.protocols: list[Any] = []

    def _protocol_factory(self) -> Any:
        protocol = super()._protocol_factory()
        self.protocols.append(protocol)
        return protocol


@contextmanager
def serving_grpc(methods: Mapping[str, Offered], tls: ssl.SSLContext | None = None) -> Iterator[GrpcPeer]:
    """Serve until the block ends."""
    peer = GrpcPeer(methods, tls)
    peer.start()
    try:
        yield peer
    finally:
        peer.end()


class Certificates(NamedTuple):
    """Name PEM files: an authority, and a server's and a client's certificate by it with their keys."""

    authority: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path

    def server_context(self, *, mutual: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server, self.server_key)
        context.set_alpn_protocols(["h2"])
        if mutual:
            context.load_verify_locations(self.authority)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def certificates(folder: Path, server_name: str) -> Certificates:
    """Make them with openssl, for a server of that name, which may have a wildcard."""
    made = {}
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    for name, extension in (
        ("authority", "basicConstraints=critical,CA:TRUE"),
        ("server", f"subjectAltName=DNS:{server_name}"),
        ("client", "extendedKeyUsage=clientAuth"),
    ):
        made[name] = folder / f"{name}.pem"
        made[f"{name}_key"] = folder / f"{name}.key"
        signer = ["-CA", made["authority"], "-CAkey", made["authority_key"]] if name != "authority" else []
        subprocess.run(
            ["openssl", "req", "-x509", "-subj", f"/CN={name}", *key, "-keyout", made[f"{name}_key"],
             "-out", made[name], "-addext", extension, *signer],
            check=True, capture_output=True,
        )  # fmt: skip
    del made["authority_key"]
    return Certificates(**made)
