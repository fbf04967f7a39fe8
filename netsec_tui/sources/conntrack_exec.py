"""Running a command in a pod through the API server, over a websocket of its own.

The client library's own way exchanges a method of the client while it runs, which threads must not share,
waits for a connection without end, and takes long to join what is large.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from netsec_tui.errors import NetsecError
from netsec_tui.sources.objects import printable

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
_PATIENCE = 0.25
"""Seconds between two looks whether to stop."""

RULE = 'apiGroups: [""], resources: ["pods/exec"], verbs: ["create", "get"]'
"""What a role must allow; servers before Kubernetes 1.35 ask for get alone."""

_MOST_BYTES = 512 << 20
_STDOUT, _STDERR, _STATUS = 1, 2, 3
"""Channels of the protocol v4.channel.k8s.io."""


class Target(NamedTuple):
    """Name a container."""

    namespace: str
    pod: str
    container: str


class ExecError(NetsecError):
    """Report a command that gave no whole answer; another pod may."""


class ExecForbiddenError(ExecError):
    """Report that RBAC forbids to run commands in the pods of a namespace."""


class GoneError(ExecError):
    """Report a pod that is not there any more."""


class NoConnectionError(ExecError):
    """Report that the way to a node is closed; another pod there would not help."""


class UnauthenticatedError(ExecError):
    """Report credentials that the API server does not take (any more)."""


@dataclass(frozen=True, slots=True)
class Executor:
    """Run commands in containers; ``headers`` are those that log in. Threads may share it.

    ``configuration`` is the client library's.
    """

    configuration: Any
    headers: tuple[str, ...]

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
        socket = self._connect(_path(target, command), target)
        try:
            socket.settimeout(_PATIENCE)
            channels = _channels(socket, deadline, stop)
        finally:
            socket.shutdown()
        trouble = _trouble(channels)
        if trouble:
            raise ExecError(trouble)
        return b"".join(channels[_STDOUT])

    def _connect(self, path: str, target: Target) -> Any:
        import websocket
        from kubernetes.stream import ws_client

        library: Any = ws_client
        settings = self.configuration
        url = settings.host.replace("http", "ws", 1) + path
        header = [*self.headers, "sec-websocket-protocol: v4.channel.k8s.io"]
        options: dict[str, Any] = {"header": header, "timeout": CONNECT_SECONDS, "redirect_limit": 0}
        if settings.proxy or settings.proxy_headers:
            options = library.websocket_proxycare(options, settings, url, {})
        socket: Any = websocket.WebSocket(sslopt=_tls(settings), skip_utf8_validation=True)
        try:
            socket.connect(url, **options)
        except websocket.WebSocketBadStatusException as error:
            raise _refusal(error, target) from error
        except (websocket.WebSocketException, OSError, ValueError) as error:
            raise NoConnectionError(f"no command can be run there: {_words(error)}") from error
        return socket


def executor(client: Any) -> Executor:
    """Return what runs commands with the settings and the log-in of an ``ApiClient``."""
    settings = client.configuration
    logins = [s for s in settings.auth_settings().values() if s["in"] == "header" and s["value"]]
    return Executor(settings, tuple(f"{s['key'].lower()}: {s['value']}" for s in logins))


def _path(target: Target, command: Sequence[str]) -> str:
    namespace, pod = quote(target.namespace, safe=""), quote(target.pod, safe="")
    query = [("container", target.container)] if target.container else []
    query += [("stdout", "true"), ("stderr", "true"), *(("command", word) for word in command)]
    return f"/api/v1/namespaces/{namespace}/pods/{pod}/exec?{urlencode(query)}"


def _tls(settings: Any) -> dict[str, Any]:
    """Return the TLS options that the client library uses for its requests."""
    options: dict[str, Any] = {"cert_reqs": ssl.CERT_NONE, "check_hostname": False}
    if settings.verify_ssl:
        options = {"cert_reqs": ssl.CERT_REQUIRED}
        if settings.ssl_ca_cert:
            options["ca_certs"] = settings.ssl_ca_cert
        if settings.assert_hostname is not None:
            options["check_hostname"] = settings.assert_hostname
    if settings.cert_file:
        options |= {"certfile": settings.cert_file, "keyfile": settings.key_file}
    if settings.tls_server_name:
        options["server_hostname"] = settings.tls_server_name
    return options


def _channels(socket: Any, deadline: float, stop: threading.Event) -> dict[int, list[bytes]]:
    """Return all that comes until the other side closes, by channel."""
    import websocket

    channels: dict[int, list[bytes]] = {_STDOUT: [], _STDERR: [], _STATUS: []}
    size = 0
    while True:
        if stop.is_set():
            raise ExecError("it was stopped")
        if time.monotonic() > deadline:
            raise ExecError(f"it does not answer within {ANSWER_SECONDS:.0f} s")
        try:
            code, frame = socket.recv_data_frame(True)
        except websocket.WebSocketTimeoutException:
            continue
        except (websocket.WebSocketException, OSError) as error:
            raise ExecError(f"its answer is cut off: {_words(error)}") from error
        if code == websocket.ABNF.OPCODE_CLOSE:
            return channels
        data = frame.data
        size += len(data)
        if size > _MOST_BYTES:
            raise ExecError(f"its answer is longer than {_MOST_BYTES >> 20} MiB")
        if code == websocket.ABNF.OPCODE_BINARY and data and data[0] in channels:
            channels[data[0]].append(data[1:])


def _trouble(channels: dict[int, list[bytes]]) -> str:
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


def _refusal(error: Any, target: Target) -> ExecError:
    try:
        said = str(json.loads(error.resp_body or b"")["message"])
    except (ValueError, TypeError, KeyError):
        said = str(error)
    if error.status_code == 401:
        return UnauthenticatedError("the API server does not take the credentials of this context")
    if error.status_code == 403:
        return ExecForbiddenError(
            f"commands may not be run in pods of namespace {printable(target.namespace)}; what is missing in "
            f"a Role there or a ClusterRole is {RULE}"
        )
    reason = printable(" ".join(said.split()))
    return GoneError(reason) if error.status_code == 404 else ExecError(reason)


def _last_line(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return printable(lines[-1]) if lines else ""


def _words(error: Exception) -> str:
    return printable(" ".join(str(error).split()) or type(error).__name__)
