"""Requests to Whisker over a socket of ours: whole answers, and events as they come."""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from netsec_tui.errors import NetsecError, UnreachableError
from netsec_tui.sources.access import TlsOptions
from netsec_tui.sources.bounded import put
from netsec_tui.sources.calico.record import QuietError
from netsec_tui.sources.grpc.tls import Secured, secured
from netsec_tui.sources.life import Life
from netsec_tui.sources.reach.http import (
    WHOLE_SECONDS,
    TrickleError,
    body_of,
    ended_after,
    http_over,
    http_trouble,
    send,
    words,
)
from netsec_tui.sources.reach.service import Way
from netsec_tui.sources.whole_lines import WholeLines

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse

PATH = "/whisker-backend/flows"
SILENCE_SECONDS = 60.0
"""Seconds without an event after which a stream may hang; windows end every 15 s."""

ANSWER_SECONDS = 5.0
"""The same for an answer that needs no event to come first."""

_PATIENCE = 0.1
_CHUNK = 64 << 10
_ROOM = 64
_MOST_BYTES = 256 << 20
_LONGEST_LINE = 16 << 20
_REFUSALS = {
    401: "it asks for a log-in, which netsec-tui has none for",
    403: "it does not allow to read flows",
    404: f"it has no {PATH}; Whisker is part of Calico since 3.30",
    502: "its backend does not answer",
    503: "its backend is not ready",
    504: "its backend does not answer in time",
}


class Whisker:
    """Ask Whisker at the end of ``way``, by HTTP or HTTPS, whichever it speaks (port 8081, later 8443).

    Where an option asks for TLS it is HTTPS. The certificate is Whisker's own: with mode "auto" it is taken
    as it is where the API server has led to the pod and no option says what it must be.
    """

    def __init__(self, way: Way, tls: TlsOptions) -> None:
        self._way, self._tls = way, tls
        self._secure = tls.secures(False)
        self._silence = SILENCE_SECONDS
        self._over = threading.Event()
        self._plain: socket.socket | None = None
        self._socket: socket.socket | None = None

    def get(self, query: str, silence: float = SILENCE_SECONDS, whole: float = WHOLE_SECONDS) -> bytes:
        """Return the body of the answer to a query; it may be silent, and take as a whole, so many seconds.

        Raises:
            UnreachableError: there is no answer, it is an error or too long; the sentence says which.
        """
        self._silence, self._whole = silence, whole
        response = self._ask(query, "application/json")
        assert self._socket
        try:
            with ended_after(self._socket, whole):
                body = body_of(response, _MOST_BYTES)
        except Exception as error:
            raise self._trouble(error) from error
        finally:
            self._close()
        if len(body) > _MOST_BYTES:
            raise UnreachableError(f"{self._way.peer} answers with more than {_MOST_BYTES >> 20} MiB")
        return body

    def events(
        self, query: str, look: Callable[[Whisker], object], stop: threading.Event, life: Life
    ) -> Iterator[bytes | None]:
        """Yield the lines of a stream of events as they come, until it ends or ``stop`` is set.

        None is yielded every tenth of a second while nothing comes. The server answers no sooner than it has
        something to tell: ``look`` asks it something else before, in another thread, and nothing is yielded
        until that has been answered. Nor does it send anything in silence: the same is asked then, over a
        connection of its own. A line that is cut off at the end is left out.

        Raises:
            UnreachableError: as for ``get``, or the connection broke off.
            QuietError: nothing came for a minute, though the server answers otherwise.
        """
        life.begin()
        chunks: queue.Queue[bytes | Exception] = queue.Queue(_ROOM)
        self._over, answered = threading.Event(), threading.Event()

        def read() -> None:
            self._read(query, look, answered, chunks, life)

        threading.Thread(target=read, name=f"events of {self._way.peer}", daemon=True).start()
        lines, begun = WholeLines(), 0.0
        try:
            while not stop.is_set():
                try:
                    chunk = chunks.get(timeout=_PATIENCE)
                except queue.Empty:
                    if answered.is_set():
                        self._keep_alive(look, chunks, life)
                        yield None
                    continue
                if isinstance(chunk, Exception):
                    raise chunk
                if not chunk:
                    return
                ended = lines.feed(chunk)
                yield from ended
                if ended or not begun:
                    begun = time.monotonic()
                if lines.begun and time.monotonic() - begun > SILENCE_SECONDS:
                    raise UnreachableError(
                        f"no end of an event of {self._way.peer} for {SILENCE_SECONDS:g} s"
                    )
                if lines.begun > _LONGEST_LINE:
                    raise UnreachableError(f"{self._way.peer} sends what are no events")
        finally:
            self._over.set()
            self._close()

    def _read(
        self,
        query: str,
        look: Callable[[Whisker], object],
        answered: threading.Event,
        chunks: queue.Queue[bytes | Exception],
        life: Life,
    ) -> None:
        """Hand on what comes, then nothing or what went wrong; a slow reader holds the server up."""
        over, heard = self._over, time.monotonic()
        try:
            look(self)
            life.sign()
            answered.set()
            # Longer, so that a stream which is merely silent is not taken for an answer that trickles in.
            self._silence, self._whole = SILENCE_SECONDS, SILENCE_SECONDS + 1.0
            response = self._ask(query, "text/event-stream")
            while put(chunks, told := response.read1(_CHUNK), over) and told:
                life.sign()
                heard = time.monotonic()
        except Exception as error:  # a socket that was closed from the other thread raises anything
            late = f"nothing has come from {self._way.peer} for {self._silence:g} s"
            silent = answered.is_set() and time.monotonic() - heard >= SILENCE_SECONDS
            if silent and life.well and TrickleError not in map(type, (error, error.__cause__)):
                put(chunks, QuietError(late), over)
            else:
                put(chunks, error if isinstance(error, NetsecError) else self._trouble(error, late), over)
        finally:
            self._close()

    def _keep_alive(
        self, look: Callable[[Whisker], object], chunks: queue.Queue[bytes | Exception], life: Life
    ) -> None:
        """Ask a server that is silent whether it is still there; if not, that is handed on."""
        if not life.quiet:
            return
        life.ask()
        other, over = Whisker(self._way, self._tls), self._over
        other._secure = self._secure

        def ask() -> None:
            try:
                look(other)
                life.sign()
            except NetsecError as error:
                put(chunks, UnreachableError(f"nothing comes of {self._way.peer} any more: {error}"), over)

        threading.Thread(target=ask, name=f"look at {self._way.peer}", daemon=True).start()

    def _ask(self, query: str, accept: str) -> HTTPResponse:
        try:
            return self._request(query, accept)
        except _MaybeSecureError as error:
            told = error.told
        self._secure = True
        try:
            return self._request(query, accept)
        except UnreachableError as error:
            if told is None or isinstance(error.__cause__, ssl.SSLCertVerificationError):
                raise
            self._secure = False
            raise told from error

    def _request(self, query: str, accept: str) -> HTTPResponse:
        from http.client import HTTPException

        maybe_tls = self._tls.mode == "auto" and not self._secure
        try:
            connection = self._dial()
            with ended_after(connection.sock, self._whole):
                send(connection, f"{PATH}?{query}", {"Accept": accept, "User-Agent": "netsec-tui"})
                response = connection.getresponse()
            if response.status == 200:
                connection.sock = None  # It is the response's, and closed here.
                return response
            said = words(response.read(_CHUNK).decode("utf-8", "replace"))
        except (HTTPException, OSError) as error:
            trouble = self._trouble(error)
            self._close()
            # What is no HTTP, or an end without a word, may be an alert of TLS.
            strange = isinstance(error, HTTPException | ConnectionResetError)
            if maybe_tls and strange and not getattr(self._plain, "trouble", ""):
                raise _MaybeSecureError(trouble) from error
            raise trouble from error
        self._close()
        if maybe_tls and response.status == 400 and "HTTPS" in said:
            raise _MaybeSecureError(None)
        why = _REFUSALS.get(response.status) or f"it answers {response.status}" + (
            f": {said}" if said else ""
        )
        look = self._way.look if response.status >= 500 else ""
        raise UnreachableError(f"{self._way.peer} gives no flows: {why}{look}")

    def _dial(self) -> HTTPConnection:
        self._go_on()
        self._plain = self._socket = self._way.connect()
        self._go_on()
        tls = self._secured() if self._secure else None
        connection = http_over(self._plain, self._way.host, tls, self._silence)
        self._socket = connection.sock
        self._go_on()
        return connection

    def _go_on(self) -> None:
        """Go on unless the stream was left meanwhile: who left it can only close a socket that was there."""
        if self._over.is_set():
            self._close()
            raise UnreachableError(f"{self._way.peer} is not asked any more")

    def _secured(self) -> Secured:
        tls = secured(self._tls, self._way.host)
        tls.context.set_alpn_protocols(["http/1.1"])
        named = self._tls.ca_file or self._tls.server_name
        if self._way.wanted and not named and self._tls.mode == "auto":
            tls.context.check_hostname = False
            tls.context.verify_mode = ssl.CERT_NONE
        return tls

    def _close(self) -> None:
        """Close the socket; what reads it in another thread is woken up."""
        if self._socket:
            with suppress(OSError):
                # Of a TLS connection too the socket underneath: its own method is not for two threads.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            self._socket.close()

    def _trouble(self, error: Exception, late: str = "") -> UnreachableError:
        seconds = self._whole if isinstance(error, TrickleError) else self._silence
        late = late or f"{self._way.peer} does not answer within {seconds:g} s"
        return http_trouble(self._way.peer, self._plain, error, late)


class _MaybeSecureError(Exception):
    """Say that a server seems to want HTTPS; ``told`` is what is wrong if it does not, None if it said so."""

    def __init__(self, told: UnreachableError | None) -> None:
        self.told = told
