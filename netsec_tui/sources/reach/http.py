"""Requests to an HTTP server over a socket of ours, so that a forwarded port needs no local one."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from netsec_tui.errors import UnreachableError
from netsec_tui.sources.access import Access
from netsec_tui.sources.grpc.tls import Secured, secured
from netsec_tui.sources.grpc.trouble import ended_way_out, tls_asked, tls_silence, tls_trouble
from netsec_tui.sources.objects.strip import printable
from netsec_tui.sources.reach.service import Way

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
WHOLE_SECONDS = 300.0
"""Seconds for the whole of an answer, however its bytes trickle in."""

FIRST_SECONDS = 5.0
"""Both for a first question that is asked for little, so that a server that hangs is soon known."""

MOST_BYTES = 256 << 20
_MOST_WORDS = 300
_ALERT = "\x15\x03"
"""What an alert of TLS begins with: the answer of a server that wants it."""

_SECURE_PORTS = frozenset({443, 8443})


class Answer(NamedTuple):
    """Hold an answer: its status and the whole of its body."""

    status: int
    body: bytes

    @property
    def words(self) -> str:
        """Return the beginning of the body as words for a sentence."""
        return words(self.body[:4096].decode("utf-8", "replace"))


class HttpService:
    """Ask one server, over a connection that is kept as long as the server does; for one thread.

    ``connect`` returns a connected socket, ``peer`` names the server in sentences and ``host`` is told to it;
    ``look`` is that of its way.
    """

    def __init__(
        self,
        connect: Callable[[], socket.socket],
        peer: str,
        host: str,
        tls: Secured | None = None,
        headers: Mapping[str, str] | None = None,
        look: str = "",
    ) -> None:
        self.peer, self.look = peer, look
        self._connect, self._host, self._tls = connect, host, tls
        self._headers = {"User-Agent": "netsec-tui", "Accept": "application/json", **(headers or {})}
        self._open: HTTPConnection | None = None
        self._silence, self._whole = ANSWER_SECONDS, WHOLE_SECONDS
        self._plain: Any = None
        self._heard = False

    def get(self, path: str, most: int = MOST_BYTES, *, first: bool = False) -> Answer:
        """Return the answer to a GET request, whatever its status; ``first`` waits 5 s for all of it.

        Raises:
            UnreachableError: the server does not answer, or not as HTTP says; or the answer is too long.
        """
        from http.client import HTTPException

        self._silence = FIRST_SECONDS if first else ANSWER_SECONDS
        self._whole = FIRST_SECONDS if first else WHOLE_SECONDS
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
        connection.sock.settimeout(self._silence)
        with ended_after(connection.sock, self._whole):
            send(connection, path, self._headers)
            response = connection.getresponse()
            body = body_of(response, most)
        self._heard = True
        if len(body) > most:
            self.close()
            raise UnreachableError(f"{self.peer} answers with more than {most >> 20} MiB")
        if not self._tls and response.status == 400 and b"HTTPS" in body[:_MOST_WORDS]:
            self.close()
            raise tls_asked(self.peer)
        if response.will_close:
            self.close()
        return Answer(response.status, body)

    def _dial(self) -> HTTPConnection:
        self._plain = self._connect()
        return http_over(self._plain, self._host, self._tls, self._silence)

    def _trouble(self, error: Exception) -> UnreachableError:
        seconds = self._whole if isinstance(error, TrickleError) else self._silence
        late = f"{self.peer} does not answer within {seconds:g} s"
        secure = None if self._heard else self._tls is not None
        return http_trouble(self.peer, self._plain, error, late, secure)


def https_to(access: Access, way: Way) -> Secured | None:
    """Return how to secure HTTP to the end of a way, None where nothing says that it speaks TLS.

    Raises:
        BadInputError: a file of the TLS options cannot be used.
    """
    address = access.address
    guess = way.wanted.secure if way.wanted else bool(address and address.port in _SECURE_PORTS)
    if not access.tls.secures(guess):
        return None
    tls = secured(access.tls, way.host, way.ca_data)
    tls.context.set_alpn_protocols(["http/1.1"])
    return tls


def http_over(plain: socket.socket, host: str, tls: Secured | None, silence: float) -> HTTPConnection:
    """Return a connection over a connected socket, which it closes where TLS fails.

    It waits ``silence`` seconds for data. A new socket is never made: it would go another way.

    Raises:
        OSError: TLS fails.
    """
    from http.client import HTTPConnection

    connection = HTTPConnection(host)
    connection.auto_open = 0
    connection.sock = secured_over(plain, tls, silence)
    return connection


def secured_over(plain: socket.socket, tls: Secured | None, silence: float) -> socket.socket:
    """Return a connected socket after the handshake of TLS, if there is any; as ``http_over`` says.

    Raises:
        OSError: TLS fails.
    """
    plain.settimeout(CONNECT_SECONDS)
    try:
        connected = tls.context.wrap_socket(plain, server_hostname=tls.server_name or None) if tls else plain
    except TimeoutError as error:
        plain.close()
        raise _NoHandshakeError from error
    except OSError:
        plain.close()
        raise
    connected.settimeout(silence)
    return connected


def send(connection: HTTPConnection, path: str, headers: Mapping[str, str]) -> None:
    """Send a GET request; that the server has ended the connection before is left to who reads the answer.

    What it had to say by then is worth more, above all the alert of TLS about a client certificate.

    Raises:
        OSError: it cannot be sent for another reason.
    """
    with suppress(ssl.SSLEOFError, BrokenPipeError):
        connection.request("GET", path, headers=headers)


def body_of(response: HTTPResponse, most: int) -> bytes:
    """Return the body of an answer, of a longer one the first ``most`` + 1 bytes.

    Raises:
        IncompleteRead: it is shorter than was announced.
    """
    from http.client import IncompleteRead

    body = response.read(most + 1)
    if response.length and len(body) <= most:  # a read of so much at most does not complain of less
        raise IncompleteRead(body, response.length)
    return body


class TrickleError(TimeoutError):
    """Report an answer that was still coming in, bit by bit, when its time was over."""


@contextmanager
def ended_after(connected: socket.socket | None, seconds: float) -> Iterator[Callable[[socket.socket], None]]:
    """Shut a connection down where the block takes longer; its timeout holds for each part of what comes.

    What is yielded takes a connection that is made within the block.

    Raises:
        TrickleError: it was shut down.
    """
    late = threading.Event()
    connections = [connected] if connected else []

    def end() -> None:
        late.set()
        for each in connections:
            with suppress(OSError):
                # Of a TLS connection too the socket underneath: its own method is not for two threads.
                socket.socket.shutdown(each, socket.SHUT_RDWR)

    def watch(made: socket.socket) -> None:
        connections.append(made)
        if late.is_set():
            end()

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield watch
    except UnreachableError:
        raise
    except Exception as error:
        if late.is_set():
            raise TrickleError from error
        raise
    finally:
        timer.cancel()
    if late.is_set():  # what there is may be but the beginning
        raise TrickleError


class _NoHandshakeError(TimeoutError):
    """Report that nobody has answered the handshake of TLS."""


def http_trouble(
    peer: str, plain: Any, error: Exception, late: str, secure: bool | None = None
) -> UnreachableError:
    """Return what an error on a connection means, ``late`` for one by time; a forwarded socket knows more.

    ``secure`` tells whether TLS was spoken to a server that has not answered yet, None where that is known to
    be right.
    """
    from http.client import BadStatusLine, IncompleteRead

    if isinstance(error, ssl.SSLError):
        return tls_trouble(peer, error)
    if isinstance(error, _NoHandshakeError):
        return tls_silence(peer)
    if isinstance(error, TimeoutError):
        return UnreachableError(late)
    if isinstance(error, IncompleteRead):
        return UnreachableError(f"the answer of {peer} was cut short")
    if isinstance(error, BadStatusLine) and str(error).startswith(_ALERT):
        return tls_asked(peer)
    if isinstance(error, BadStatusLine) and not isinstance(error, ConnectionError):
        return UnreachableError(f"{peer} speaks no HTTP; is it another service?{_greeting(str(error))}")
    forwarded = getattr(plain, "trouble", "")
    why = forwarded or getattr(error, "strerror", "") or str(error)
    because = f": {words(why)}" if why else ""
    wordless = isinstance(error, ConnectionError) and not forwarded and secure is not None
    way_out = ended_way_out(secure=bool(secure)) if wordless else ""
    return UnreachableError(f"the connection to {peer} breaks off{because}{way_out}")


def _greeting(line: str) -> str:
    """Return what a server said instead of HTTP, nothing of what is not text."""
    line = line.strip()
    return f" It says: {words(line)}" if line.isascii() and line.isprintable() and line else ""


def words(said: str) -> str:
    """Return the beginning of what a server said as words for a sentence."""
    return printable(" ".join(said.split()), _MOST_WORDS)
