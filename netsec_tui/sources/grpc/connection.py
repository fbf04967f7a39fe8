"""One HTTP/2 connection that carries gRPC calls, driven by the thread that wants their answers.

Framing after grpc, doc/PROTOCOL-HTTP2.md. Nothing is read from the socket unless an answer is asked for, and
what waits is no more than HTTP/2's window: a reader that is slow holds the server up.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from netsec_tui.sources.grpc.call import Call
from netsec_tui.sources.grpc.trouble import GrpcError, ended_way_out, refusal, status_of, tls_trouble
from netsec_tui.sources.life import Life
from netsec_tui.sources.objects.strip import printable

SEND_SECONDS = 5.0
_HEALTH = "/grpc.health.v1.Health/Check"
"""What a silent server is asked. Any answer is a sign of life, also that it offers no such method.

Not a ping of HTTP/2: that a proxy may answer by itself, and grpc-go ends the connection after a few of them
where no data passes.
"""

GREETING_SECONDS = 5.0
"""Seconds in which a server must have sent its settings, which it does unasked (RFC 9113, 3.4).

In as many it must have acknowledged ours, at once (6.5.3), or have answered anything else: one that greets
and then hangs would pass for one that has nothing to tell.
"""

ANSWER_SECONDS = 10.0
"""Seconds in which it must answer that."""

WINDOW = 4 << 20
_CHUNK = 64 << 10
_SETTINGS = (b"", b"\x04")
"""The type of a server's first frame, its fourth byte (RFC 9113, 3.4): h2 would wait for the frame's end."""

_CANCEL = 8
"""HTTP/2's error code (RFC 9113, 7): a call is not wanted any more."""


class Connection:
    """Speak HTTP/2 over a connected socket, which may be wrapped in TLS; for one thread.

    ``plain`` is the socket itself, whose ``trouble``, if it has any, tells why it was closed; ``life`` hears
    of all that comes. ``greeted`` is set when the server has begun as HTTP/2 does, ``answers`` when it has
    reacted to something since.
    """

    def __init__(
        self,
        sock: socket.socket,
        plain: socket.socket,
        peer: str,
        authority: str,
        life: Life,
        more_headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        from h2.config import H2Configuration
        from h2.connection import H2Connection
        from h2.settings import SettingCodes

        self._socket, self._plain, self._peer, self._authority = sock, plain, peer, authority
        self._more_headers = more_headers
        self._secure = isinstance(sock, ssl.SSLSocket)
        self._http = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._calls: dict[int, Call] = {}
        self._life = life
        self.greeted = False
        self.answers = False
        life.begin()
        self._http.initiate_connection()
        self._http.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: WINDOW, SettingCodes.ENABLE_PUSH: 0})
        self._http.increment_flow_control_window(WINDOW)

    def call(self, method: str, request: bytes, timeout: float = 0.0) -> Call:
        """Begin a call with its one request, of less than 64 KiB; ``timeout`` (s) is told, unless it is 0."""
        number = self._http.get_next_available_stream_id()
        headers = [
            (":method", "POST"),
            (":scheme", "https" if self._secure else "http"),
            (":path", method),
            (":authority", self._authority),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", "netsec-tui"),
            *self._more_headers,
        ]
        if timeout:
            headers.append(("grpc-timeout", f"{int(timeout * 1000)}m"))
        self._http.send_headers(number, headers)
        data = b"\0" + len(request).to_bytes(4, "big") + request
        most = self._http.max_outbound_frame_size
        for start in range(0, len(data), most):
            self._http.send_data(number, data[start : start + most], end_stream=start + most >= len(data))
        self._calls[number] = call = Call(number, method)
        self._send()
        return call

    def acknowledge(self, call: Call) -> None:
        """Let the server send on, once the messages of a call have been taken."""
        size, call.unacknowledged = call.unacknowledged, 0
        if size:
            self._http.acknowledge_received_data(size, call.number)
            self._send()

    def end(self, call: Call) -> None:
        """Forget a call, and tell the server so if it goes on."""
        from h2.exceptions import H2Error

        self._calls.pop(call.number, None)
        try:
            self.acknowledge(call)
            if not call.ended:
                self._http.reset_stream(call.number, error_code=_CANCEL)
                self._send()
        except (H2Error, GrpcError):  # the connection has ended before
            pass

    def check(self, call: Call) -> None:
        """Raise what a call that has ended did not do.

        Raises:
            GrpcError: its status is not OK, or it has none.
        """
        if call.trouble:
            raise GrpcError(f"{self._peer} breaks {call.method.rpartition('/')[2]} off: {call.trouble}")
        headers = call.headers
        status = status_of(headers.get("grpc-status", ""), headers.get(":status", ""))
        if status != "OK":
            raise refusal(self._peer, call.method, status, unquote(headers.get("grpc-message", "")))
        if call.rest:
            raise GrpcError(f"{self._peer} breaks off within a message")

    def pump(self, seconds: float) -> None:
        """Take in what comes within that time, then at once what there is.

        Raises:
            GrpcError: the connection has ended, hangs or speaks no HTTP/2.
        """
        from h2.exceptions import H2Error

        data = self._receive(seconds)
        if not data:
            self._keep_alive()
            return
        self._life.sign()
        if not self.greeted and data[3:4] not in _SETTINGS:
            raise self._broken(ValueError("no settings"))
        self.greeted = True
        try:
            events = self._http.receive_data(data)
            for event in events:
                self._take(event)
        except (H2Error, UnicodeDecodeError, ValueError) as error:
            raise self._broken(error) from error
        self._send()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _receive(self, seconds: float) -> bytes:
        try:
            self._socket.settimeout(seconds)
            data = self._socket.recv(_CHUNK)
        except TimeoutError:
            return b""
        except ssl.SSLError as error:
            raise tls_trouble(self._peer, error) from error
        except OSError as error:
            raise self._lost(error.strerror or type(error).__name__) from error
        if not data:
            raise self._lost("")
        return data

    def _keep_alive(self) -> None:
        silent, owes = self._life.silent, self._life.owes
        if not self.answers and silent > GREETING_SECONDS:
            since = "after its greeting " if self.greeted else ""
            raise GrpcError(
                f"{self._peer} does not answer: nothing has come {since}for {GREETING_SECONDS:g} s"
            )
        if owes > ANSWER_SECONDS:
            silence = f"nothing has come for {silent:.0f} s"
            raise GrpcError(f"{self._peer} hangs: {silence}, and it does not answer when it is asked")
        if self._life.quiet:
            self._life.ask()
            self._ask_for_a_sign()

    def _ask_for_a_sign(self) -> None:
        from h2.exceptions import TooManyStreamsError

        try:
            asked = self.call(_HEALTH, b"")
            del self._calls[asked.number]  # what it answers does not matter
        except TooManyStreamsError:
            self._http.ping(b"netsec??")
            self._send()

    def _send(self) -> None:
        data = self._http.data_to_send()
        if not data:
            return
        try:
            self._socket.settimeout(SEND_SECONDS)
            self._socket.sendall(data)
        except ssl.SSLEOFError:
            pass  # reading tells of the end, and of an alert before it: of a certificate that is missing
        except ssl.SSLError as error:
            raise tls_trouble(self._peer, error) from error
        except OSError as error:
            # What the other side had to say before it closed is worth more than that it has closed.
            if isinstance(error, TimeoutError):
                raise GrpcError(f"{self._peer} hangs: it takes nothing for {SEND_SECONDS:.0f} s") from error

    def _take(self, event: Any) -> None:
        from h2 import events

        if not isinstance(event, events.RemoteSettingsChanged | events.WindowUpdated):
            self.answers = True
        match event:
            case events.DataReceived():
                call = self._calls.get(event.stream_id)
                if call is None:
                    self._http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    return
                call.unacknowledged += event.flow_controlled_length
                call.take(event.data)
            case events.ResponseReceived() | events.TrailersReceived():
                if call := self._calls.get(event.stream_id):
                    call.headers |= _headers(event.headers)
            case events.StreamEnded():
                if call := self._calls.get(event.stream_id):
                    call.ended = True
            case events.StreamReset():
                if call := self._calls.get(event.stream_id):  # never of one that has ended: h2 drops it
                    call.ended, call.trouble = True, f"HTTP/2 error {int(event.error_code)}"
            case events.ConnectionTerminated():
                raise self._dismissed(event)

    def _dismissed(self, event: Any) -> GrpcError:
        said = bytes(event.additional_data or b"").decode("utf-8", "replace")
        code = int(event.error_code or 0)
        why = printable(said, 100) or (f"HTTP/2 error {code}" if code else "it shuts down")
        return GrpcError(f"{self._peer} ends the connection: {why}")

    def _broken(self, error: Exception) -> GrpcError:
        if self.greeted:
            return GrpcError(f"{self._peer} sends what is no gRPC: {printable(str(error), 200)}")
        return GrpcError(f"{self._peer} speaks no gRPC{ended_way_out(secure=self._secure)}")

    def _lost(self, why: str) -> GrpcError:
        why = getattr(self._plain, "trouble", "") or why
        because = f": {why}" if why else ""
        way_out = "" if self.greeted or why else ended_way_out(secure=self._secure)
        return GrpcError(f"the connection to {self._peer} breaks off{because}{way_out}")


def _headers(pairs: Any) -> Mapping[str, str]:
    """Return headers as text; h2 has lower-cased and checked the names."""
    return {str(name): str(value) for name, value in pairs}
