"""Running a command in a pod through the API server, over a websocket of its own."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from netsec_tui.sources.life import Life
from netsec_tui.sources.objects.strip import printable
from netsec_tui.sources.reach.pod_websocket import ExecError, PodApi, Stream, Target, logins_of, words_of

ANSWER_SECONDS = 30.0
HANG_SECONDS = 30.0
"""Seconds without a sign of life after which a stream is given up."""

_PATIENCE = 0.25
"""Seconds between two looks whether to stop."""

_EXEC = Stream("exec", "no command can be run", "commands may not be run in pods")
_MOST_BYTES = 512 << 20
_MOST_COMPLAINTS = 64 << 10
_STDOUT, _STDERR, _STATUS = 1, 2, 3
"""Channels of the protocol v4.channel.k8s.io."""

Channels = dict[int, list[bytes]]


class Executor(PodApi):
    """Run commands in containers. Threads may share it."""

    __slots__ = ()

    def run(self, target: Target, command: Sequence[str], stop: threading.Event) -> bytes:
        """Return what a command writes to its standard output.

        Raises:
            ExecForbiddenError: RBAC forbids it.
            UnauthenticatedError: the API server does not take the credentials.
            GoneError: there is no such pod (any more).
            NoConnectionError: the API server or the node does not answer.
            ExecError: there is no such container or command, it failed, or took too long.
        """
        deadline = time.monotonic() + ANSWER_SECONDS
        socket = self._open(target, command)
        try:
            socket.settimeout(_PATIENCE)
            channels = _channels(socket, deadline, stop)
        finally:
            socket.shutdown()
        trouble = _trouble(channels)
        if trouble:
            raise ExecError(trouble)
        return b"".join(channels[_STDOUT])

    def stream(
        self, target: Target, command: Sequence[str], stop: threading.Event, life: Life
    ) -> Iterator[bytes]:
        """Yield what a command writes to its standard output as it comes, until it ends or ``stop`` is set.

        Nothing (``b""``) is yielded every quarter of a second while it is silent, so that the caller can see
        to what it has; ``life`` is told of all that comes.

        Raises:
            ExecError: for the reasons of ``run``, or the other side shows no sign of life.
        """
        socket = self._open(target, command)
        try:
            socket.settimeout(_PATIENCE)
            yield from _chunks(socket, stop, life)
        finally:
            socket.shutdown()

    def _open(self, target: Target, command: Sequence[str]) -> Any:
        query = [("container", target.container)] if target.container else []
        query += [("stdout", "true"), ("stderr", "true"), *(("command", word) for word in command)]
        return self.connect(_EXEC, target.namespace, target.pod, query)


def executor(client: Any) -> Executor:
    """Return what runs commands with the settings and the log-in of an ``ApiClient``."""
    return Executor(client.configuration, logins_of(client))


def _channels(socket: Any, deadline: float, stop: threading.Event) -> Channels:
    """Return all that comes until the other side closes, by channel."""
    channels = _no_channels()
    size = 0
    while True:
        if stop.is_set():
            raise ExecError("it was stopped")
        if time.monotonic() > deadline:
            raise ExecError(f"it does not answer within {ANSWER_SECONDS:.0f} s")
        code, data = _frame(socket)
        if code == _CLOSE:
            return channels
        size += len(data)
        if size > _MOST_BYTES:
            raise ExecError(f"its answer is longer than {_MOST_BYTES >> 20} MiB")
        if code == _BINARY and data and data[0] in channels:
            channels[data[0]].append(data[1:])


def _chunks(socket: Any, stop: threading.Event, life: Life) -> Iterator[bytes]:
    channels = _no_channels()
    life.begin()
    complaints = 0
    while not stop.is_set():
        code, data = _frame(socket)
        if code == _CLOSE:
            if trouble := _trouble(channels):
                raise ExecError(trouble)
            return
        if code == _SILENCE:
            if life.silent > HANG_SECONDS:
                raise ExecError(f"it gives no sign of life within {HANG_SECONDS:.0f} s")
            if life.quiet:
                life.ask()
                _ping(socket)
            yield b""
            continue
        life.sign()
        if code != _BINARY or len(data) < 2:
            continue
        if data[0] == _STDOUT:
            yield data[1:]
        elif data[0] in channels and complaints < _MOST_COMPLAINTS:
            complaints += len(data)
            channels[data[0]].append(data[1:])


_SILENCE, _BINARY, _CLOSE = -1, 2, 8
"""What came of a websocket: nothing within ``_PATIENCE``, or a frame with this opcode (RFC 6455, 11.8)."""


def _frame(socket: Any) -> tuple[int, bytes]:
    import websocket

    try:
        code, frame = socket.recv_data_frame(True)
    except websocket.WebSocketTimeoutException:
        return _SILENCE, b""
    except (websocket.WebSocketException, OSError) as error:
        raise ExecError(f"its answer is cut off: {words_of(error)}") from error
    return code, frame.data


def _ping(socket: Any) -> None:
    import websocket

    try:
        socket.ping()
    except (websocket.WebSocketException, OSError) as error:
        raise ExecError(f"its answer is cut off: {words_of(error)}") from error


def _no_channels() -> Channels:
    return {_STDOUT: [], _STDERR: [], _STATUS: []}


def _trouble(channels: Channels) -> str:
    """Return why a command did not do its work, empty when it did."""
    try:
        status = json.loads(b"".join(channels[_STATUS]))
    except ValueError:
        return "its answer is cut off"
    if not isinstance(status, dict):
        return "its answer is cut off"
    if status.get("status") == "Success":
        return ""
    return _last_line(b"".join(channels[_STDERR])) or printable(str(status.get("message") or "it failed"))


def _last_line(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return printable(lines[-1]) if lines else ""
