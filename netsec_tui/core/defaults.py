"""Say how a row starts, in or out, from what was seen alone; every answer comes with its reason."""

from __future__ import annotations

from dataclasses import dataclass

from netsec_tui.core.dns import is_local_dns
from netsec_tui.core.express import World
from netsec_tui.model.communication import Communication, Orientation
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import Direction, PeerSort, WorkloadRef
from netsec_tui.model.inventory import ContainerPort
from netsec_tui.model.review import Subject

_NODE = {
    Direction.INGRESS: "nodes start out: a pod's own node gets in anyway, for probes",
    Direction.EGRESS: "nodes start out",
}


@dataclass(frozen=True, slots=True)
class Default:
    """Hold whether a row starts in the policy, and why not or with which caveat.

    ``plain`` marks a reason that says no more than how rows of its sort start.
    """

    ticked: bool
    reason: str = ""
    plain: bool = False


def default_of(
    world: World, subject: Subject, communication: Communication, *, reports_replies: bool
) -> Default:
    """Return how a communication starts; ``reports_replies`` tells whether the source reports answers."""
    sort = communication.peer.sort
    counts = communication.counts
    if sort is PeerSort.DNS:
        return Default(
            True, _caveat(communication) if counts.total else "not seen; every name look-up needs it"
        )
    if sort is PeerSort.ALIAS:
        allowed = world.aliases[communication.peer.name].allowed
        return Default(allowed, "alias is set allowed" if allowed else "unresolved IPs start out", True)
    if is_local_dns(communication.key):
        return Default(True, "DNS cache on the node")
    if sort is PeerSort.ADDRESS:
        return Default(False, "unresolved IPs start out", True)
    if sort is PeerSort.NODE:
        return Default(False, _NODE[communication.key.direction], True)
    # An audited request is answered, and would be refused all the same once its policy is enforced.
    if not counts.allowed and (counts.denied or not counts.answers):
        return Default(False, _never(communication))
    if sort is PeerSort.API_SERVER:
        return Default(True, _caveat(communication))
    if communication.orientation is Orientation.UNKNOWN:
        return Default(False, "who opened the connection is not known")
    if reports_replies and not counts.answers:
        if communication.key.protocol is not Protocol.UDP:
            return Default(False, _never(communication))
        if not declares(world, subject, communication):
            return Default(False, "UDP without an answer, and no pod declares the port")
    return Default(True, _caveat(communication))


def _never(communication: Communication) -> str:
    counts = communication.counts
    if counts.denied and not counts.allowed:
        return f"denied only ({_times(counts.denied)})"
    if counts.refusals:
        return f"never answered (refused {_times(counts.refusals)})"
    if not counts.allowed:
        return "never answered: no verdict on it was seen"
    return "never answered"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _caveat(communication: Communication) -> str:
    parts = []
    if communication.counts.denied:
        parts.append(f"denied {_times(communication.counts.denied)}")
    if communication.orientation is Orientation.INFERRED:
        parts.append("direction inferred")
    return ", ".join(parts)


def declares(world: World, subject: Subject, communication: Communication) -> bool:
    """Tell whether the listening side declares the port, in a container or behind a Service."""
    key = communication.key
    if communication.via:
        return True
    refs = (communication.peer.ref,) if key.direction is Direction.EGRESS else subject.owners
    return any(_listens(port, communication) for ref in refs for port in _ports(world, ref))


def _ports(world: World, ref: WorkloadRef) -> tuple[ContainerPort, ...]:
    inventory = world.inventory
    owner = inventory.owner_by_ref.get(ref)
    pods = inventory.pods_by_owner.get(ref, ())
    return (owner.ports if owner else ()) + tuple(port for pod in pods for port in pod.ports)


def _listens(port: ContainerPort, communication: Communication) -> bool:
    return port.port == communication.key.port and port.protocol is communication.key.protocol
