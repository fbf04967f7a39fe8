"""Websockets to pods through the API server, as commands and port-forwards need them.

The client library's own way exchanges a method of the client while it runs, which threads must not share,
waits for a connection without end, and takes long to join what is large.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from netsec_tui.errors import NetsecError
from netsec_tui.sources.cluster.login import login_headers
from netsec_tui.sources.objects.strip import printable

CONNECT_SECONDS = 5.0
CREATES_SINCE = (1, 35)
"""The version of Kubernetes from which on a websocket to a pod takes the verb create beside get."""


class Target(NamedTuple):
    """Name a container."""

    namespace: str
    pod: str
    container: str


class ExecError(NetsecError):
    """Report a command or a port-forward that gave no whole answer; another pod may."""


class ExecForbiddenError(ExecError):
    """Report that RBAC forbids to run commands in the pods of a namespace, or to forward their ports."""


class GoneError(ExecError):
    """Report a pod that is not there any more."""


class NoConnectionError(ExecError):
    """Report that the way to a node is closed; another pod there would not help."""


class UnauthenticatedError(ExecError):
    """Report credentials that the API server does not take (any more)."""


def rule_of(subresource: str) -> str:
    """Return the rule of a Role that allows it; servers before Kubernetes 1.35 ask for get alone."""
    return f'apiGroups: [""], resources: ["pods/{subresource}"], verbs: ["create", "get"]'


class Stream(NamedTuple):
    """Name a subresource of a pod that is a websocket: ``what`` it does, as sentences say it.

    ``refused`` is what RBAC has refused where a role does not allow it.
    """

    subresource: str
    what: str
    refused: str


@dataclass(frozen=True, slots=True)
class PodApi:
    """Open websockets to pods; ``headers`` are those that log in. Threads may share it.

    ``configuration`` is the client library's.
    """

    configuration: Any
    headers: tuple[str, ...]

    def connect(self, stream: Stream, namespace: str, pod: str, query: Sequence[tuple[str, str]]) -> Any:
        """Return a connected ``websocket.WebSocket`` that speaks v4.channel.k8s.io.

        Raises:
            ExecForbiddenError: RBAC forbids it.
            UnauthenticatedError: the API server does not take the credentials.
            GoneError: there is no such pod (any more).
            NoConnectionError: the API server or the node does not answer.
            ExecError: it is refused for another reason.
        """
        import websocket
        from kubernetes.stream import ws_client

        library: Any = ws_client
        settings = self.configuration
        url = settings.host.replace("http", "ws", 1) + _path(stream.subresource, namespace, pod, query)
        header = [*self.headers, "sec-websocket-protocol: v4.channel.k8s.io"]
        options: dict[str, Any] = {"header": header, "timeout": CONNECT_SECONDS, "redirect_limit": 0}
        if settings.proxy or settings.proxy_headers:
            options = library.websocket_proxycare(options, settings, url, {})
        socket: Any = websocket.WebSocket(sslopt=_tls(settings), skip_utf8_validation=True)
        try:
            socket.connect(url, **options)
        except websocket.WebSocketBadStatusException as error:
            raise _refusal(error, stream, namespace) from error
        except (websocket.WebSocketException, OSError, ValueError) as error:
            raise NoConnectionError(f"{stream.what} there: {words_of(error)}") from error
        return socket


def logins_of(client: Any) -> tuple[str, ...]:
    """Return the headers with which an ``ApiClient`` logs in, as lines.

    Raises:
        UnreachableError: its token is none.
    """
    return tuple(f"{name}: {value}" for name, value in login_headers(client).items())


def pod_api(client: Any) -> PodApi:
    """Return what opens websockets with the settings and the log-in of an ``ApiClient``."""
    return PodApi(client.configuration, logins_of(client))


def words_of(error: Exception) -> str:
    """Return what an exception says, as a part of a sentence."""
    said = getattr(error, "strerror", None) or str(error)
    return printable(" ".join(said.split()) or type(error).__name__)


def _path(subresource: str, namespace: str, pod: str, query: Sequence[tuple[str, str]]) -> str:
    namespace, pod = quote(namespace, safe=""), quote(pod, safe="")
    return f"/api/v1/namespaces/{namespace}/pods/{pod}/{subresource}?{urlencode(query)}"


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


def _refusal(error: Any, stream: Stream, namespace: str) -> ExecError:
    try:
        said = str(json.loads(error.resp_body or b"")["message"])
    except (ValueError, TypeError, KeyError):
        said = str(error)
    if error.status_code == 401:
        return UnauthenticatedError("the API server does not take the credentials of this context")
    if error.status_code == 403:
        return ExecForbiddenError(
            f"{stream.refused} of namespace {printable(namespace)}; what is missing in a Role there or a "
            f"ClusterRole is {rule_of(stream.subresource)}"
        )
    reason = printable(" ".join(said.split()))
    return GoneError(reason) if error.status_code == 404 else ExecError(reason)
