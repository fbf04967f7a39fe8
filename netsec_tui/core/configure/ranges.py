"""The pod and service ranges for display, and a range to offer for an unresolved IP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netsec_tui.core.cluster.addresses import IPNetwork, network, parse_cidr, range_order, within
from netsec_tui.core.cluster.known_ranges import KnownRange, known_ranges
from netsec_tui.core.words import listed
from netsec_tui.errors import BadInputError
from netsec_tui.model.config import Config, RangeKind
from netsec_tui.model.configuring import RangeLine
from netsec_tui.model.inventory import Inventory


def range_notes(inventory: Inventory, config: Config) -> tuple[RangeLine, ...]:
    """Return all ranges by kind and IP family, those by hand first, each with what there is to say."""
    known = known_ranges(inventory, config)
    told = {(one.kind, one.cidr, one.origin) for one in known}
    by_hand = _grouped(one for one in known if one.by_hand)
    in_force = _grouped(one for one in known if one.in_force)
    lines = [_line(one, by_hand, in_force) for one in known]
    lines += [
        RangeLine(
            found.kind,
            network(found.cidr).version,
            found.cidr,
            found.origin,
            in_force=False,
            note=_NOT_BELIEVED.format(found.pod),
        )
        for found in inventory.discovered
        if found.pod and (found.kind, found.cidr, found.origin) not in told
    ]
    return tuple(sorted(lines, key=_order))


_NOT_BELIEVED = (
    "not believed: pod {} is none of the control plane's by its name; if it is one, add how its name starts"
)


def _order(line: RangeLine) -> tuple[object, ...]:
    place = range_order(network(line.cidr))
    return line.kind, line.family, not line.by_hand, not line.in_force, place, line.origin


_Group = tuple[RangeKind, int]
_Groups = Mapping[_Group, tuple[str, ...]]
"""Ranges by kind and IP family."""


def _line(one: KnownRange, by_hand: _Groups, in_force: _Groups) -> RangeLine:
    version = network(one.cidr).version
    if one.in_force:
        note = _overlap(one, in_force.get((_OTHER[one.kind], version), ()))
        problem = bool(note)
    else:
        note, problem = _overruled(one, by_hand.get((one.kind, version), ()))
    return RangeLine(one.kind, version, one.cidr, one.origin, one.by_hand, one.in_force, note, problem)


def _grouped(known: Iterable[KnownRange]) -> _Groups:
    groups: dict[_Group, dict[str, None]] = {}
    for one in known:
        groups.setdefault((one.kind, network(one.cidr).version), {})[one.cidr] = None
    return {group: tuple(cidrs) for group, cidrs in groups.items()}


def _overruled(one: KnownRange, by_hand: tuple[str, ...]) -> tuple[str, bool]:
    """Return why a discovered range is not in force, and whether that does not fit."""
    around = [cidr for cidr in by_hand if within(network(one.cidr), network(cidr))]
    if around:
        return f"covered by {around[0]}, entered by hand", False
    return f"{one.cidr} told by {one.origin} lies outside what was entered by hand: {listed(by_hand)}", True


def _overlap(one: KnownRange, others: tuple[str, ...]) -> str:
    met = [cidr for cidr in others if network(one.cidr).overlaps(network(cidr))]
    if not met:
        return ""
    which = f"the {_OTHER[one.kind]} range {listed(met)}"
    return f"overlaps {which}: an address is a pod's or a Service's, so correct one of them"


_LENGTH = {
    (RangeKind.POD, 4): 16,
    (RangeKind.SERVICE, 4): 16,
    (RangeKind.POD, 6): 64,
    (RangeKind.SERVICE, 6): 108,
}
_WIDEST = {
    (RangeKind.POD, 4): 12,
    (RangeKind.SERVICE, 4): 12,
    (RangeKind.POD, 6): 48,
    (RangeKind.SERVICE, 6): 108,
}
_PUBLIC_WIDEST = {4: 24, 6: 48}
_PRIVATE = tuple(map(network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")))
"""What clusters give to pods and Services; around any other address there are others' machines."""


def suggest_range(address: str, kind: RangeKind, inventory: Inventory) -> str:
    """Return a CIDR to offer when an address is said to be in the pod or service range.

    It is a /16 around a private IPv4 address, a /64 for pods and a /108 for Services of private IPv6 (the
    widest that Kubernetes takes for them), and a public address alone. It becomes wider until it holds what
    the cluster is known to have of that kind nearby: node ranges, pods or ClusterIPs that share the first 12
    bits (IPv4; 24 with a public address) or 48 (IPv6). Then it becomes narrower until nothing that is known
    to be something else is in it: node addresses and what the cluster has of the other kind.

    Raises:
        BadInputError: it is no single IP address.
    """
    at = network(parse_cidr(address)[0])
    if at.num_addresses != 1:
        raise BadInputError(f"{address!r} is no single IP address")
    private = any(within(at, block) for block in _PRIVATE)
    length = _LENGTH[kind, at.version] if private else at.max_prefixlen
    widest = (
        _WIDEST[kind, at.version] if private else max(_WIDEST[kind, at.version], _PUBLIC_WIDEST[at.version])
    )
    shared = [_shared_bits(at, block) for block in _evidence(inventory, kind, at.version)]
    length = min([length, *(bits for bits in shared if bits >= widest)])
    foes = (*_evidence(inventory, _OTHER[kind], at.version), *_of_nodes(inventory, at.version))
    apart = [_shared_bits(at, block) + 1 for block in foes if not within(at, block)]
    return str(network(f"{at.network_address}/{max([length, *apart])}"))


_OTHER = {RangeKind.POD: RangeKind.SERVICE, RangeKind.SERVICE: RangeKind.POD}


def _shared_bits(at: IPNetwork, block: IPNetwork) -> int:
    """Return how many leading bits an address shares with a whole range."""
    differing = int(at.network_address) ^ int(block.network_address)
    return min(block.prefixlen, at.max_prefixlen - differing.bit_length())


def _evidence(inventory: Inventory, kind: RangeKind, version: int) -> set[IPNetwork]:
    if kind is RangeKind.POD:
        texts = [*inventory.pod_cidrs, *(cidr for node in inventory.nodes for cidr in node.pod_cidrs)]
        texts += [ip for pod in inventory.pods if not pod.host_network for ip in pod.ips]
    else:
        texts = [
            *inventory.service_cidrs,
            *(ip for service in inventory.services for ip in service.cluster_ips),
        ]
    return {block for block in map(network, texts) if block.version == version}


def _of_nodes(inventory: Inventory, version: int) -> set[IPNetwork]:
    blocks = (network(ip) for node in inventory.nodes for ip in node.addresses)
    return {block for block in blocks if block.version == version}
