"""Where Hubble Relay is: at an address, or behind its Service in the cluster, through the API server."""

from __future__ import annotations

import socket
from typing import NamedTuple

from netsec_tui.errors import UnreachableError
from netsec_tui.sources.access import Access, TlsOptions
from netsec_tui.sources.cluster.api import ClusterApi
from netsec_tui.sources.cluster.login import log_in
from netsec_tui.sources.cluster.resources import resource
from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.grpc.channel import Connect, GrpcChannel, dial
from netsec_tui.sources.objects.fields import Fields
from netsec_tui.sources.objects.strip import printable
from netsec_tui.sources.reach.pod_forward import forward, service_target
from netsec_tui.sources.reach.pod_websocket import pod_api

SERVICE = "hubble-relay"
SERVER_NAME = "instance.hubble-relay.cilium.io"
"""A name that the certificate of Cilium's chart carries (*.hubble-relay.cilium.io)."""

_TLS_PORT = 443
_SERVICES = resource("services")


class RelayService(NamedTuple):
    """Name the Service of a Relay, and its port for gRPC."""

    namespace: str
    name: str
    port: int
    port_name: str

    @property
    def secure(self) -> bool:
        """Tell whether it speaks TLS: the chart gives it port 443 then, and 80 otherwise."""
        return self.port == _TLS_PORT or self.port_name == "https"


def relay_service(service: KubeObject) -> KubeObject | None:
    """Keep of a Service what tells where a Relay is; None for any other."""
    fields = Fields(service, "", "", [])
    metadata = fields.child("metadata")
    if SERVICE not in (metadata.text("name"), metadata.child("labels").text("k8s-app")):
        return None
    ports = [(port.port("port"), port.text("name")) for port in fields.child("spec").children("ports")]
    if not ports:
        return None
    return {"relay": RelayService(metadata.text("namespace"), metadata.text("name"), *ports[0])}


def find_relay(api: ClusterApi) -> RelayService:
    """Return the Service of Relay, that of this name before others with its label.

    Raises:
        RefusedError: Services cannot be listed.
        UnreachableError: there is none, or the server does not answer.
    """
    found: list[RelayService] = [kept["relay"] for kept in api.list(_SERVICES, relay_service)]
    if not found:
        raise UnreachableError(
            f"this cluster has no Service {SERVICE}; enable Hubble Relay (cilium hubble enable), name its "
            "address with --source hubble://HOST:PORT, or read the agents with --source hubble-exec"
        )
    return min(found, key=lambda relay: (relay.name != SERVICE, relay))


def relay_channel(access: Access) -> GrpcChannel:
    """Return a channel to the Relay of a cluster, or to an address; nothing is asked of it yet.

    Raises:
        NetsecError: the kubeconfig or a file of the TLS options cannot be used, no Relay is there, or RBAC
            forbids to look for it.
    """
    if access.address:
        host, port = access.address.host, access.address.port
        peer = f"Hubble at {printable(str(access.address))}"
        secure = access.tls.secures(port == _TLS_PORT)
        return _channel(dial(host, port), peer, access.tls, host, secure=secure)
    client = log_in(access.context, access.kubeconfig)
    api = ClusterApi(client)
    relay = find_relay(api)
    pod, port = service_target(api, relay.namespace, relay.name, relay.port_name)
    pods = pod_api(client)

    def connect() -> socket.socket:
        return forward(pods, relay.namespace, pod, port)

    peer = f"Hubble Relay {printable(f'{relay.namespace}/{pod}')}"
    return _channel(connect, peer, access.tls, SERVER_NAME, secure=access.tls.secures(relay.secure))


def _channel(connect: Connect, peer: str, options: TlsOptions, name: str, *, secure: bool) -> GrpcChannel:
    from netsec_tui.sources.grpc.tls import secured

    return GrpcChannel(connect, peer, secured(options, name) if secure else None)
