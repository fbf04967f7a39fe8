"""Say when the ranges of the cluster are not known in full, and what that costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netsec_tui.core.cluster.addresses import Ranges, single
from netsec_tui.core.decide.fold import not_folded
from netsec_tui.model.communication import AddressCategory, Communication
from netsec_tui.model.config import RangeKind
from netsec_tui.model.decision import Alias
from netsec_tui.model.identity import PeerSort
from netsec_tui.model.inventory import Inventory

SUBNET_INCOMPLETE = "Cluster subnet is incomplete"
_WAY_OUT, _WHERE = "enter what is missing", " in the configuration"


def seen_from_the_configuration(sentence: str) -> str:
    """Return what ``subnet_warning`` says as it is told where the ranges are entered."""
    return sentence.replace(f"{_WAY_OUT}{_WHERE}", _WAY_OUT)


def subnet_warning(
    inventory: Inventory, ranges: Ranges, aliases: Iterable[Alias], communications: Iterable[Communication]
) -> Iterator[str]:
    """Yield one sentence when a range of an IP family in use is missing or leaves something out.

    In use are the families of pods, of Services and of the workload's unresolved IPs outside aliases.
    """
    unresolved = _unresolved(ranges, aliases, communications)
    families = _in_use(inventory, unresolved)
    reasons = [reason for family in families for reason in _reasons(ranges, family)]
    if not reasons:
        return
    unknown = sum(ranges.category(ip) is AddressCategory.UNKNOWN for ip in unresolved)
    way_out = f"{_WAY_OUT}{_WHERE}"
    if inventory.unread_ranges:
        way_out += f", or let it be read: {'; '.join(inventory.unread_ranges)}"
    yield f"{SUBNET_INCOMPLETE}: {'; '.join(reasons)}, so {_cost(unknown)}; {way_out}"


def incomplete_kinds(
    inventory: Inventory, ranges: Ranges, aliases: Iterable[Alias], communications: Iterable[Communication]
) -> tuple[RangeKind, ...]:
    """Return the kinds of ranges that ``subnet_warning`` is about, none when it has nothing to say."""
    families = _in_use(inventory, _unresolved(ranges, aliases, communications))
    return tuple(kind for kind in RangeKind if any(kind in _lacking(ranges, family) for family in families))


def _unresolved(
    ranges: Ranges, aliases: Iterable[Alias], communications: Iterable[Communication]
) -> set[str]:
    rows = not_folded(communications, aliases, ranges)
    return {row.peer.name for row in rows if row.peer.sort is PeerSort.ADDRESS and row.peer.name}


def _in_use(inventory: Inventory, unresolved: Iterable[str]) -> list[int]:
    return sorted(_families(inventory) | {6 if ":" in ip else 4 for ip in unresolved})


def _families(inventory: Inventory) -> set[int]:
    pods = (ip for pod in inventory.pods if not pod.host_network for ip in pod.ips)
    services = (ip for service in inventory.services for ip in service.cluster_ips)
    return {single(ip).version for ips in (pods, services) for ip in ips}


def _reasons(ranges: Ranges, family: int) -> Iterator[str]:
    """Yield what is wrong with one family: the kinds that are missing, or else what they leave out."""
    if ranges.complete(family):
        return
    missing = _missing(ranges, family)
    if len(missing) == 1:
        yield f"the IPv{family} {missing[0]} range is not known"
    elif missing:
        yield f"the IPv{family} {' and '.join(missing)} ranges are not known"
    else:
        yield from (gap.what for gap in ranges.gaps if gap.version == family)


def _missing(ranges: Ranges, family: int) -> list[RangeKind]:
    by_kind = {RangeKind.POD: ranges.pods, RangeKind.SERVICE: ranges.services}
    return [kind for kind, known in by_kind.items() if all(r.version != family for r in known)]


def _lacking(ranges: Ranges, family: int) -> set[RangeKind]:
    """Return the kinds of which a family has no range, else those that leave something out."""
    missing = set(_missing(ranges, family))
    return missing or {gap.kind for gap in ranges.gaps if gap.version == family}


def _cost(unknown: int) -> str:
    if unknown:
        return "1 address is Unknown" if unknown == 1 else f"{unknown} addresses are Unknown"
    return "an address outside the known ranges would be Unknown"
