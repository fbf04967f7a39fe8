"""Calls to a gRPC server, in the thread of the source that wants the answers."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from netsec_tui.sources.access import Address
from netsec_tui.sources.grpc.trouble import GrpcError, tls_silence, tls_trouble
from netsec_tui.sources.life import Life
from netsec_tui.sources.problem import Problem

if TYPE_CHECKING:
    from netsec_tui.sources.grpc.connection import Connection
    from netsec_tui.sources.grpc.tls import Secured

CONNECT_SECONDS = 5.0
UNARY_SECONDS = 5.0
_PATIENCE = 0.1

Connect = Callable[[], socket.socket]
Headers = Sequence[tuple[str, str]]
"""Names in small letters, and values."""


class GrpcChannel:
    """Make calls over one connection to a server, within a ``with`` block; another block connects again.

    ``connect`` returns a connected socket, which the channel closes; what it raises comes through. ``peer``
    names the server in sentences, ``headers`` go with each call, ``life`` is told of its signs of life. Only
    one thread may use a channel.
    """

    def __init__(
        self,
        connect: Connect,
        peer: str,
        tls: Secured | None = None,
        headers: Headers = (),
        life: Life | None = None,
    ) -> None:
        self._connect, self.peer, self._tls, self._headers = connect, peer, tls, headers
        self._life = life or Life()
        self._connection: Connection | None = None

    def __enter__(self) -> GrpcChannel:
        from netsec_tui.sources.grpc.connection import Connection

        plain = self._connect()
        plain.settimeout(CONNECT_SECONDS)
        authority = (self._tls and self._tls.server_name) or "localhost"
        secure = self._secure(plain)
        self._connection = Connection(secure, plain, self.peer, authority, self._life, self._headers)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._connection
        self._connection.close()
        self._connection = None

    def unary(self, method: str, request: Any, reply_class: Any, stop: threading.Event) -> Any:
        """Return the reply to one request; ``method`` is its path, ``/package.Service/Method``.

        Raises:
            GrpcError: the server refuses, does not answer in time, or the connection ends; or it was stopped.
        """
        assert self._connection
        asked = method.rpartition("/")[2]
        connection, begun = self._connection, time.monotonic()
        call = connection.call(method, request.SerializeToString(), UNARY_SECONDS)
        try:
            while not call.ended:
                waited = time.monotonic() - begun
                if stop.is_set():
                    why = f"had not answered {asked} when reading ended, {waited:.1f} s later"
                    raise GrpcError(f"{self.peer} {why}", "CANCELLED")
                if waited > UNARY_SECONDS:
                    why = f"does not answer {asked} within {UNARY_SECONDS:.0f} s"
                    raise GrpcError(f"{self.peer} {why}", "DEADLINE_EXCEEDED")
                connection.pump(_PATIENCE)
            connection.check(call)
        finally:
            connection.end(call)
        reply = _parser(reply_class)(call.messages[0]) if call.messages else None
        if reply is None or isinstance(reply, Problem):
            raise GrpcError(f"{self.peer} answers {asked} with what is no reply", "INTERNAL")
        return reply

    def stream(
        self, method: str, request: Any, reply_class: Any, stop: threading.Event
    ) -> Iterator[Any | Problem | None]:
        """Yield the replies to one request until the server ends them or ``stop`` is set.

        None is yielded every tenth of a second while nothing comes from a server that answers, so that the
        caller can see to what it has; a reply that cannot be decoded is a ``Problem``. Other calls may be
        made in between.

        Raises:
            GrpcError: the server refuses, or the connection ends or hangs.
        """
        assert self._connection
        connection = self._connection
        call = connection.call(method, request.SerializeToString())
        messages, parsed = call.messages, _parser(reply_class)
        try:
            while not stop.is_set():
                while messages:
                    yield parsed(messages.popleft())
                connection.acknowledge(call)
                if call.ended:
                    connection.check(call)
                    return
                try:
                    connection.pump(_PATIENCE)
                except GrpcError:
                    yield from map(parsed, messages)  # what came before the end
                    raise
                if not messages and connection.answers:
                    yield None
        finally:
            connection.end(call)

    def _secure(self, plain: socket.socket) -> socket.socket:
        if self._tls is None:
            return plain
        try:
            return self._tls.context.wrap_socket(plain, server_hostname=self._tls.server_name or None)
        except ssl.SSLError as error:
            plain.close()
            raise tls_trouble(self.peer, error) from error
        except TimeoutError as error:
            plain.close()
            raise tls_silence(self.peer) from error
        except OSError as error:
            plain.close()
            why = getattr(plain, "trouble", "") or error.strerror or str(error)
            raise GrpcError(f"the TLS connection to {self.peer} breaks off: {why}") from error


def _parser(reply_class: Any) -> Callable[[bytes], Any]:
    from google.protobuf.message import DecodeError

    decode = reply_class.FromString

    def parsed(data: bytes) -> Any:
        try:
            return decode(data)
        except DecodeError:
            return Problem("a message that is not as the protocol says")

    return parsed


def dial(host: str, port: int) -> Connect:
    """Return what connects to a server at an address of its own.

    What it returns raises GrpcError when there is no connection within 5 s.
    """

    def connect() -> socket.socket:
        try:
            return socket.create_connection((host, port), CONNECT_SECONDS)
        except OSError as error:
            why = "it does not answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
            raise GrpcError(f"{Address(host, port)} cannot be reached: {why}") from error

    return connect
