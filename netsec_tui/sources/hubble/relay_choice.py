"""Which Service is the cluster's Hubble Relay, where any namespace may have one of that name; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from netsec_tui.errors import UnreachableError
from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.objects.fields import Fields
from netsec_tui.sources.objects.strip import printable

SERVICE = "hubble-relay"
BY_ADDRESS = "name its address with --source hubble://HOST:PORT"
TLS_PORT = 443
_SYSTEM = "kube-system"
_AGENTS = frozenset({"cilium", "anetd", "retina-agent"})
_LABELS = frozenset({"cilium", "retina"})
_MOST_NAMED = 5


class RelayService(NamedTuple):
    """Name the Service of a Relay, and its port for gRPC."""

    namespace: str
    name: str
    port: int
    port_name: str

    @property
    def secure(self) -> bool:
        """Tell whether it speaks TLS: the chart gives it port 443 then, and 80 otherwise."""
        return self.port == TLS_PORT or self.port_name == "https"

    @property
    def title(self) -> str:
        """Return how sentences name it."""
        return printable(f"Service {self.namespace}/{self.name}")


class Relay(NamedTuple):
    """Name the Relay to take; ``proven`` tells that it is where nobody has a Service who has a namespace."""

    service: RelayService
    proven: bool


def relay_service(service: KubeObject) -> RelayService | None:
    """Return where a Relay is, if a Service is one by its name or label."""
    fields = Fields(service, "", "", [])
    metadata = fields.child("metadata")
    if SERVICE not in (metadata.text("name"), metadata.child("labels").text("k8s-app")):
        return None
    ports = [(port.port("port"), port.text("name")) for port in fields.child("spec").children("ports")]
    if not ports:
        return None
    return RelayService(metadata.text("namespace"), metadata.text("name"), *ports[0])


def agents_namespace(daemon_set: KubeObject) -> str:
    """Return where agents of Cilium or Retina run, empty for any other DaemonSet.

    They run on the nodes' own network, which somebody who has a namespace alone may write of a DaemonSet, but
    no pod of it is let in then (Pod Security Standards, baseline). Google calls Cilium's anetd.
    """
    fields = Fields(daemon_set, "", "", [])
    metadata = fields.child("metadata")
    named = metadata.text("name") in _AGENTS or metadata.child("labels").text("k8s-app") in _LABELS
    host = fields.child("spec").child("template").child("spec").flag("hostNetwork")
    ready = fields.child("status").data.get("numberReady") or fields.data.get("ready")
    return metadata.text("namespace") if named and host and ready else ""


def choose_relay(relays: Iterable[RelayService], agents: Collection[str]) -> Relay | None:
    """Return the cluster's Relay, None where there is none; ``agents`` are the namespaces of its agents.

    One beside the agents comes first, then one in kube-system, then any other. In a namespace the Service of
    that name comes before others with the label.

    Raises:
        UnreachableError: several namespaces have one, and nothing tells which it is.
    """
    found = sorted(relays, key=lambda relay: (relay.name != SERVICE, relay))
    for there in (agents, (_SYSTEM,)):
        if beside := [relay for relay in found if relay.namespace in there]:
            return Relay(_only(beside), True)
    return Relay(_only(found), False) if found else None


def _only(relays: list[RelayService]) -> RelayService:
    if len({relay.namespace for relay in relays}) == 1:
        return relays[0]
    named = ", ".join(relay.title for relay in relays[:_MOST_NAMED])
    more = f" and {len(relays) - _MOST_NAMED} more" if len(relays) > _MOST_NAMED else ""
    raise UnreachableError(f"which Hubble Relay is the cluster's cannot be told: {named}{more}; {BY_ADDRESS}")
