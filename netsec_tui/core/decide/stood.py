"""Tell what a ticked row stands for besides its key, and when that is not what was ticked any more."""

from __future__ import annotations

from collections.abc import Iterable

from netsec_tui.core.cluster.addresses import network, within
from netsec_tui.core.cluster.world import World
from netsec_tui.core.decide.express import service_pod_ports
from netsec_tui.core.traffic.services import foreign_endpoints
from netsec_tui.model.communication import Communication
from netsec_tui.model.decision import NOTHING, DirectionDecisions, StoodFor
from netsec_tui.model.identity import Peer, PeerSort


def stands_for(world: World, communication: Communication) -> StoodFor:
    """Return what the rule of a row opens that its key does not tell; nothing where it tells all."""
    peer = communication.peer
    if peer.sort is PeerSort.NODE:
        return StoodFor(tuple(filter(None, communication.addresses)))
    if peer.sort is PeerSort.ALIAS and peer.name in world.aliases:
        return StoodFor(world.aliases[peer.name].entries)
    if peer.sort is PeerSort.SERVICE:
        return _service(world, communication)
    return NOTHING


def _service(world: World, communication: Communication) -> StoodFor:
    peer = communication.peer
    service = world.inventory.service_by_name.get((peer.namespace, peer.name))
    if service is None:
        return NOTHING
    told = service_pod_ports(world, service, communication)
    ports = tuple(sorted({number for one in told for number in one}))
    if service.selector:
        return StoodFor((), ports, ",".join(f"{key}={value}" for key, value in sorted(service.selector)))
    return StoodFor(tuple(sorted({e.ip for e in foreign_endpoints(world.inventory, service)})), ports)


def altered(decisions: DirectionDecisions, communication: Communication, now: StoodFor) -> str:
    """Say what a row opens by now that it did not when it was ticked, nothing while there is none."""
    before = decisions.stood.get(communication.key) if decisions.stood else None
    if before is None or covers(before, now):
        return ""
    return f"{_difference(communication.peer, before, now)}: tick it again to include it"


def covers(before: StoodFor, now: StoodFor) -> bool:
    """Tell whether what a row opens by now was all known before; of what was not known nothing differs."""
    return _same_selector(before, now) and _ports(before, now) and not _more_addresses(before, now)


def _same_selector(before: StoodFor, now: StoodFor) -> bool:
    """Tell whether the same pods are meant; a Service that lost its selector has addresses instead."""
    told = before.selector or before.addresses
    return not told or before.selector == now.selector or now == NOTHING


def _ports(before: StoodFor, now: StoodFor) -> bool:
    return not before.ports or set(now.ports) <= set(before.ports)


def _more_addresses(before: StoodFor, now: StoodFor) -> list[str]:
    return uncovered(before.addresses, now.addresses) if before.addresses else []


def uncovered(before: Iterable[str], now: Iterable[str]) -> list[str]:
    """Return the addresses and CIDRs that none of some others is or contains, sorted."""
    known = set(before)
    return sorted(entry for entry in set(now) - known if not any(_inside(entry, block) for block in known))


def _inside(entry: str, block: str) -> bool:
    return "/" in entry and "/" in block and within(network(entry), network(block))


def _difference(peer: Peer, before: StoodFor, now: StoodFor) -> str:
    if peer.sort is PeerSort.NODE:
        return f"node {peer.name} has other addresses now ({_told(now.addresses)}){_then(before.addresses)}"
    if peer.sort is PeerSort.ALIAS:
        more = _told(_more_addresses(before, now))
        return f"alias {peer.name} has entries now that it did not have when it was ticked ({more})"
    name = f"Service/{peer.name} in namespace {peer.namespace}"
    if not _same_selector(before, now):
        selects = f"selects other pods now ({now.selector or 'none'})"
        return f"{name} {selects}{_then((before.selector or 'none',))}"
    if not _ports(before, now):
        return f"{name} leads to other pod ports now ({_told(now.ports)}){_then(before.ports)}"
    return f"{name} has other endpoints now ({_told(now.addresses)}){_then(before.addresses)}"


def _then(before: Iterable[object]) -> str:
    return f" than when it was ticked ({_told(before)})"


def _told(some: Iterable[object]) -> str:
    return ", ".join(map(str, some))
