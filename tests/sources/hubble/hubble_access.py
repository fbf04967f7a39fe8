"""Ways to a Hubble Relay of the tests, and what comes of it."""

from __future__ import annotations

from typing import Any

from netsec_tui.model.flow import Flow
from netsec_tui.sources.access import Access, Address, TlsOptions
from tests.sources.collected import Collected
from tests.sources.hubble.hubble_peer import HubblePeer
from tests.sources.kube_objects import obj, slice_of
from tests.sources.waiting import until


def direct(peer: HubblePeer, **tls: Any) -> Access:
    """Return the access to it by its address."""
    return Access(address=Address(*peer.address), tls=TlsOptions(**tls))


def service(
    port: int = 80,
    name: str = "hubble-relay",
    namespace: str = "kube-system",
    port_name: str = "",
    **labels: str,
) -> dict[str, Any]:
    made = obj("Service", name, namespace, spec={"ports": [{"port": port, "name": port_name}]})
    made["metadata"]["labels"] = labels
    return made


def relay_slice(
    pod: str = "hubble-relay-1", name: str = "hubble-relay", namespace: str = "kube-system"
) -> dict[str, Any]:
    return slice_of("relay-x", [pod], [("", 4245)], name, namespace)


def ports(collected: Collected) -> list[int]:
    """Return the ports of the flows in the order in which they came."""
    return [item.destination_port for item in collected.flows if isinstance(item, Flow)]


def settled(peer: HubblePeer, collected: Collected) -> None:
    """Wait until a source follows, and has read what was there, once at least."""
    until(lambda: peer.following)
    there = {reply.flow.l4.TCP.destination_port for reply in peer.ring}
    collected.wait_for(lambda: there <= set(ports(collected)))
    until(lambda: any(not request.follow for request in peer.requests))
    collected.wait_for(lambda: collected.status.observed is not None and not collected.status.error)
