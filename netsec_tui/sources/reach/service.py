"""Connections to a source of flows: at its address, or to a pod behind its Service through the API server."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from netsec_tui.errors import BadInputError, NetsecError, UnreachableError
from netsec_tui.sources.access import Access, Address
from netsec_tui.sources.cluster.api import ClusterApi
from netsec_tui.sources.cluster.login import log_in, login_headers
from netsec_tui.sources.reach.pod_forward import NoServiceError, forward, service_target
from netsec_tui.sources.reach.pod_websocket import pod_api
from netsec_tui.sources.secret import header_value

TOKEN_VARIABLE = "NETSEC_SOURCE_TOKEN"
"""The environment variable with the bearer token for a source at an address of its own.

What logs in to the cluster is never sent to an address that somebody has typed.
"""

_CONNECT_SECONDS = 5.0

Vouches = Callable[[ClusterApi, str], bool]
"""Tell whether what nobody writes who has that namespace alone says that the source is in it."""


class Wanted(NamedTuple):
    """Name a Service that a source may be behind; ``ca`` is (ConfigMap, key) of who signs its certificate.

    ``port`` is where its pods listen; 0 takes the port of the Service with ``port_name``, else its first.
    """

    namespace: str
    service: str
    port_name: str = ""
    port: int = 0
    secure: bool = False
    ca: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Way:
    """Hold how a source is reached; ``connect`` returns a connected socket each time.

    ``peer`` names it in sentences, ``host`` is the name that its certificate carries. ``wanted`` is the
    Service that was found, None at an address of its own. ``bearer`` gives ``token``.
    ``ca_data`` vouches for the name of the Service alone: it comes from the namespace of those who run it.
    """

    connect: Callable[[], socket.socket]
    peer: str
    host: str
    wanted: Wanted | None = None
    bearer: Callable[[], str] = str
    ca_data: str = ""
    api: ClusterApi | None = None

    @property
    def token(self) -> str:
        """Return what may log in, empty for none.

        Raises:
            BadInputError: it is no token; only who asks for it need have it right.
        """
        return self.bearer()

    @property
    def look(self) -> str:
        """Return the end of a sentence on where to see how its server is; empty at an address of its own."""
        return f"; look at its pods with kubectl get pods -n {self.wanted.namespace}" if self.wanted else ""


def reach(access: Access, services: Sequence[Wanted], vouches: Vouches | None = None) -> Way:
    """Return the way to the first of some Services that has a pod which is ready, or to the address given.

    A name proves nothing: whoever has a namespace of that name has the Service. What logs in to the cluster
    goes along only where ``vouches`` says so, and never without it.

    Raises:
        NotFoundError: there is no such context or no kubeconfig.
        BadInputError: the kubeconfig cannot be read.
        RefusedError: the EndpointSlices may not be listed.
        UnreachableError: none of the Services is there, or the API server does not answer.
    """
    if access.address:
        return Way(_dial(access.address), str(access.address), access.address.host, bearer=_token)
    client = log_in(access.context, access.kubeconfig)
    api = ClusterApi(client)
    missing: list[UnreachableError] = []
    for wanted in services:
        try:
            pod, port = service_target(api, wanted.namespace, wanted.service, wanted.port_name)
        except UnreachableError as error:
            missing.append(error)
            continue
        return _through(client, api, wanted, pod, wanted.port or port, vouches)
    raise next((error for error in missing if not isinstance(error, NoServiceError)), missing[0])


def _through(
    client: Any, api: ClusterApi, wanted: Wanted, pod: str, port: int, vouches: Vouches | None
) -> Way:
    pods, host = pod_api(client), f"{wanted.service}.{wanted.namespace}.svc"

    def connect() -> socket.socket:
        try:
            return forward(pods, wanted.namespace, pod, port)
        except UnreachableError:
            raise
        except NetsecError as error:
            raise UnreachableError(f"{wanted.namespace}/{wanted.service}: {error}") from error

    authority, key = wanted.ca if wanted.secure else ("", "")
    ca_data = api.config_data(wanted.namespace, authority).get(key, "") if authority else ""
    peer = f"{wanted.namespace}/{wanted.service}"
    trusted = wanted.secure and vouches is not None and _vouched(vouches, api, wanted.namespace)
    return Way(connect, peer, host, wanted, partial(_bearer, client) if trusted else str, ca_data, api)


def _vouched(vouches: Vouches, api: ClusterApi, namespace: str) -> bool:
    try:
        return vouches(api, namespace)
    except NetsecError:
        return False


def _bearer(client: Any) -> str:
    """Return the token that logs in to the cluster, empty when something else does."""
    kind, _, token = login_headers(client).get("authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else ""


def _token() -> str:
    token = header_value(os.environ.get(TOKEN_VARIABLE, ""))
    if token is None:
        raise BadInputError(
            f"{TOKEN_VARIABLE} is no token: it holds a line break or a character that no header may hold; "
            "set it to the token alone"
        )
    return token


def _dial(address: Address) -> Callable[[], socket.socket]:
    def connect() -> socket.socket:
        try:
            return socket.create_connection((address.host, address.port), _CONNECT_SECONDS)
        except OSError as error:
            why = "it does not answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
            raise UnreachableError(f"{address} cannot be reached: {why}") from error

    return connect
