"""Requests to an HTTP server over a socket of ours, so that a forwarded port needs no local one."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from netsec_tui.errors import UnreachableError
from netsec_tui.sources.grpc_tls import Secured
from netsec_tui.sources.grpc_trouble import tls_trouble
from netsec_tui.sources.objects import printable

if TYPE_CHECKING:
    from http.client import HTTPConnection

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
MOST_BYTES = 256 << 20
_MOST_WORDS = 300


class Answer(NamedTuple):
    """Hold an answer: its status and the whole of its body."""

    status: int
    body: bytes

    @property
    def words(self) -> str:
        """Return the beginning of the body as words for a sentence."""
        return printable(" ".join(self.body[:4096].decode("utf-8", "replace").split()), _MOST_WORDS)


class HttpService:
    """Ask one server, over a connection that is kept as long as the server does; for one thread.

    ``connect`` returns a connected socket, ``peer`` names the server in sentences and ``host`` is told to it.
    """

    def __init__(
        self,
        connect: Callable[[], socket.socket],
        peer: str,
        host: str,
        tls: Secured | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.peer = peer
        self._connect, self._host, self._tls = connect, host, tls
        self._headers = {"User-Agent": "netsec-tui", "Accept": "application/json", **(headers or {})}
        self._open: HTTPConnection | None = None
        self._plain: Any = None

    def get(self, path: str, most: int = MOST_BYTES) -> Answer:
        """Return the answer to a GET request, whatever its status.

        Raises:
            UnreachableError: the server does not answer, or not as HTTP says; or the answer is too long.
        """
        from http.client import HTTPException

        while True:
            kept = self._open is not None
            try:
                return self._ask(path, most)
            except (HTTPException, OSError) as error:
                self.close()
                # A connection that was kept may have been closed since: one of its own tells.
                if not kept or isinstance(error, TimeoutError):
                    raise self._trouble(error) from error

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._open:
            self._open.close()
            self._open = None

    def _ask(self, path: str, most: int) -> Answer:
        connection = self._open or self._dial()
        self._open = connection
        connection.request("GET", path, headers=self._headers)
        response = connection.getresponse()
        body = response.read(most + 1)
        if len(body) > most:
            self.close()
            raise UnreachableError(f"{self.peer} answers with more than {most >> 20} MiB")
        if response.will_close:
            self.close()
        return Answer(response.status, body)

    def _dial(self) -> HTTPConnection:
        from http.client import HTTPConnection

        connected: Any = self._connect()
        self._plain = connected
        connected.settimeout(CONNECT_SECONDS)
        if self._tls:
            try:
                name = self._tls.server_name or None
                connected = self._tls.context.wrap_socket(connected, server_hostname=name)
            except OSError:
                connected.close()
                raise
        connected.settimeout(ANSWER_SECONDS)
        connection = HTTPConnection(self._host)
        connection.auto_open = 0
        connection.sock = connected
        return connection

    def _trouble(self, error: Exception) -> UnreachableError:
        if isinstance(error, ssl.SSLError):
            return tls_trouble(self.peer, error)
        if isinstance(error, TimeoutError):
            return UnreachableError(f"{self.peer} does not answer within {ANSWER_SECONDS:.0f} s")
        why = getattr(self._plain, "trouble", "") or getattr(error, "strerror", "") or str(error)
        because = f": {printable(why, _MOST_WORDS)}" if why else ""
        return UnreachableError(f"the connection to {self.peer} breaks off{because}")
