"""Where Hubble Relay is: at an address, or behind its Service in the cluster, through the API server."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from netsec_tui.errors import UnreachableError
from netsec_tui.sources.access import Access, TlsOptions
from netsec_tui.sources.cluster.api import ClusterApi
from netsec_tui.sources.cluster.login import log_in
from netsec_tui.sources.cluster.refusals import RefusedError
from netsec_tui.sources.cluster.resources import resource
from netsec_tui.sources.grpc.channel import GrpcChannel, dial
from netsec_tui.sources.hubble.relay_choice import (
    BY_ADDRESS,
    SERVICE,
    TLS_PORT,
    RelayService,
    agents_namespace,
    choose_relay,
    relay_service,
)
from netsec_tui.sources.life import Life
from netsec_tui.sources.objects.strip import printable
from netsec_tui.sources.reach.pod_forward import forward, service_target
from netsec_tui.sources.reach.pod_websocket import pod_api

if TYPE_CHECKING:
    from netsec_tui.sources.grpc.tls import Secured

SERVER_NAME = "instance.hubble-relay.cilium.io"
"""A name that the certificate of Cilium's chart carries (*.hubble-relay.cilium.io)."""

_SERVICES, _DAEMON_SETS = resource("services"), resource("daemonsets")


def find_relay(api: ClusterApi) -> RelayService:
    """Return the Service of the cluster's Relay.

    Raises:
        RefusedError: Services cannot be listed.
        UnreachableError: there is none, nothing tells which of several it is, or the server does not answer.
    """
    services = api.list(_SERVICES, lambda service: {"relay": relay_service(service)})
    relays = [kept["relay"] for kept in services if kept["relay"]]
    relay = choose_relay(relays, _agents(api)) if relays else None
    if relay is None:
        raise UnreachableError(
            f"this cluster has no Service {SERVICE}; enable Hubble Relay (cilium hubble enable), "
            f"{BY_ADDRESS}, or read the agents with --source hubble-exec"
        )
    return relay.service


def _agents(api: ClusterApi) -> set[str]:
    """Return the namespaces of agents, none where DaemonSets may not be listed."""
    try:
        kept = api.list(_DAEMON_SETS, lambda daemons: {"namespace": agents_namespace(daemons)})
    except RefusedError:
        return set()
    return {str(one["namespace"]) for one in kept} - {""}


def relay_channel(access: Access, life: Life) -> GrpcChannel:
    """Return a channel to the Relay of a cluster, or to an address, with its ``life``; nothing is asked yet.

    Raises:
        NetsecError: the kubeconfig or a file of the TLS options cannot be used, no Relay is there, or RBAC
            forbids to look for it.
    """
    if access.address:
        host, port = access.address.host, access.address.port
        peer = f"Hubble at {printable(str(access.address))}"
        secure = access.tls.secures(port == TLS_PORT)
        return GrpcChannel(dial(host, port), peer, _tls(access.tls, host, secure=secure), life=life)
    client = log_in(access.context, access.kubeconfig)
    api = ClusterApi(client)
    relay = find_relay(api)
    pod, port = service_target(api, relay.namespace, relay.name, relay.port_name)
    pods = pod_api(client)

    def connect() -> socket.socket:
        return forward(pods, relay.namespace, pod, port)

    peer = f"Hubble Relay {printable(f'{relay.namespace}/{pod}')}"
    tls = _tls(access.tls, SERVER_NAME, secure=access.tls.secures(relay.secure))
    return GrpcChannel(connect, peer, tls, life=life)


def _tls(options: TlsOptions, name: str, *, secure: bool) -> Secured | None:
    from netsec_tui.sources.grpc.tls import secured

    return secured(options, name) if secure else None
