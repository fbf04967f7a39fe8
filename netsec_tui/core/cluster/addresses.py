"""Ranges and addresses: canonical text, categories, what may stand in an ipBlock."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from netsec_tui.errors import BadInputError
from netsec_tui.model.communication import AddressCategory
from netsec_tui.model.config import RangeKind
from netsec_tui.model.inventory import Inventory

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


@lru_cache(maxsize=65536)
def network(cidr: str) -> IPNetwork:
    """Return a parsed CIDR with its host bits cleared."""
    return ipaddress.ip_network(cidr, strict=False)


@lru_cache(maxsize=65536)
def single(ip: str) -> IPNetwork:
    """Return the network of one address: /32, or /128 for IPv6."""
    return ipaddress.ip_network(ip)


@lru_cache(maxsize=65536)
def block_text(ip: str) -> str:
    """Return the CIDR text of one address: "203.0.113.7/32"."""
    return str(single(ip))


def parse_cidr(text: str) -> tuple[str, bool]:
    """Return canonical CIDR text for an address or range, and whether host bits had to be cleared.

    Raises:
        BadInputError: the text is neither an IP address nor a CIDR.
    """
    address, slash, mask = text.strip().partition("/")
    try:
        # Python reads 0.0.0.255 as a mask upside down and 0.0.0.0 as everything; nobody means the second.
        if "%" in text or ("." in mask and not mask.startswith("255.")):
            raise ValueError(text)
        parsed = ipaddress.ip_network(f"{address}{slash}{mask}", strict=False)
        host_bits = bool(slash) and ipaddress.ip_address(address) != parsed.network_address
    except ValueError:
        raise BadInputError(
            f"{text!r} is not an IP address or CIDR; write for instance 203.0.113.7 or 203.0.113.0/24"
        ) from None
    return str(_unmapped(parsed)), host_bits


def _unmapped(parsed: IPNetwork) -> IPNetwork:
    """Return IPv4 written inside IPv6 as IPv4: dataplanes see it so, and ranges are compared so."""
    if isinstance(parsed, ipaddress.IPv6Network) and parsed.subnet_of(_MAPPED):
        return ipaddress.IPv4Network((int(parsed.network_address) & 0xFFFFFFFF, parsed.prefixlen - 96))
    return parsed


def width(cidr: str) -> int:
    """Return how many addresses a CIDR holds."""
    return network(cidr).num_addresses


def width_text(addresses: int) -> str:
    """Return a number of addresses for a person: "256 addresses", "about 2^96 addresses"."""
    if addresses > 1 << 32:
        return f"about 2^{addresses.bit_length() - 1} addresses"
    return "1 address" if addresses == 1 else f"{addresses:,} addresses"


@lru_cache(maxsize=65536)
def is_link_local(ip: str) -> bool:
    """Tell whether an address is valid on one link only, as a cache on the node has (RFC 3927, 4291)."""
    return bool(ip) and ipaddress.ip_address(ip).is_link_local


def address_order(ip: str) -> tuple[int, int]:
    """Return what addresses sort by: family, then number."""
    address = single(ip)
    return address.version, int(address.network_address)


def range_order(block: IPNetwork) -> tuple[int, int, int]:
    """Return what ranges sort by: family, first address, then the wider first."""
    return block.version, int(block.network_address), block.prefixlen


def within(inner: IPNetwork, outer: IPNetwork) -> bool:
    """Tell whether one network lies in another of the same family."""
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def outermost(cidrs: Iterable[str]) -> tuple[str, ...]:
    """Return the CIDRs that lie in no other of them, sorted by family and address."""
    kept: list[str] = []
    for cidr in sorted(set(cidrs), key=lambda cidr: range_order(network(cidr))):
        if not kept or not within(network(cidr), network(kept[-1])):
            kept.append(cidr)
    return tuple(kept)


class Cover:
    """Answer whether networks lie in ranges, also in several of them that adjoin."""

    def __init__(self, ranges: Iterable[IPNetwork]) -> None:
        self._ranges = frozenset(range_order(r) for family in _joined(ranges) for r in family)
        self._prefixes = {(version, prefix) for version, _, prefix in self._ranges}

    def holds(self, inner: IPNetwork) -> bool:
        """Tell whether a network lies in the ranges as a whole."""
        first, length = int(inner.network_address), inner.max_prefixlen
        return any(
            (version, first >> (length - prefix) << (length - prefix), prefix) in self._ranges
            for version, prefix in self._prefixes
            if version == inner.version and prefix <= inner.prefixlen
        )


def _joined(ranges: Iterable[IPNetwork]) -> Iterator[Iterable[IPNetwork]]:
    """Yield the ranges of each family, without overlaps and as few as they can be."""
    given = set(ranges)
    yield ipaddress.collapse_addresses(r for r in given if isinstance(r, ipaddress.IPv4Network))
    yield ipaddress.collapse_addresses(r for r in given if isinstance(r, ipaddress.IPv6Network))


@dataclass(frozen=True, slots=True)
class RangeGap:
    """Hold one proof that the known ranges of an IP family (4 or 6) leave something of the cluster out."""

    version: int
    what: str
    kind: RangeKind


@dataclass(frozen=True)
class Ranges:
    """Hold the known pod and service ranges and node addresses of the cluster.

    The address of a pod on the host network is its node's, whether the Node was read or not. ``gaps`` tell
    where they are known to leave something of the cluster out.
    """

    pods: tuple[IPNetwork, ...] = ()
    services: tuple[IPNetwork, ...] = ()
    nodes: tuple[IPNetwork, ...] = ()
    gaps: tuple[RangeGap, ...] = ()

    def inside(self, cidr: str) -> str:
        """Name the range that a CIDR lies in: "pod range 10.244.0.0/16"; empty when in none."""
        inner = network(cidr)
        for name, ranges in (("pod", self.pods), ("service", self.services)):
            for outer in ranges:
                if within(inner, outer):
                    return f"{name} range {outer}"
        return ""

    def excepts(self, cidr: str) -> tuple[str, ...]:
        """Return the pod and service ranges that a CIDR contains, to be cut out of it, without overlaps."""
        outer = network(cidr)
        contained = {r for r in (*self.pods, *self.services) if within(r, outer) and r != outer}
        largest = [r for r in contained if not any(r != o and within(r, o) for o in contained)]
        return tuple(str(r) for r in sorted(largest, key=lambda r: (r.version, r)))

    def complete(self, version: int) -> bool:
        """Tell whether both pod and service ranges of an IP family (4 or 6) are known."""
        return version in self._complete

    @cached_property
    def _complete(self) -> frozenset[int]:
        known = (frozenset(r.version for r in ranges) for ranges in (self.pods, self.services))
        return frozenset.intersection(*known) - {gap.version for gap in self.gaps}

    def category(self, ip: str) -> AddressCategory:
        """Say whether an address is inside or outside the cluster, without guessing."""
        address = single(ip)
        if any(within(address, r) for r in (*self.pods, *self.services, *self.nodes)):
            return AddressCategory.INTERNAL
        return AddressCategory.EXTERNAL if self.complete(address.version) else AddressCategory.UNKNOWN


def ranges_of(inventory: Inventory) -> Ranges:
    """Return the ranges that an inventory tells."""
    pods = tuple(network(c) for c in inventory.pod_cidrs)
    services = tuple(network(c) for c in inventory.service_cidrs)
    return Ranges(
        pods,
        services,
        _of_nodes(inventory),
        _gaps(inventory, pods, services),
    )


def _of_nodes(inventory: Inventory) -> tuple[IPNetwork, ...]:
    told = [ip for node in inventory.nodes for ip in node.addresses]
    lent = (ip for pod in inventory.pods if pod.host_network for ip in pod.ips)
    return tuple(single(ip) for ip in dict.fromkeys((*told, *lent)))


def _gaps(
    inventory: Inventory, pods: tuple[IPNetwork, ...], services: tuple[IPNetwork, ...]
) -> tuple[RangeGap, ...]:
    """Return what lies in none of the ranges of its kind and family, one example of each sort."""
    covers = {RangeKind.POD: Cover(pods), RangeKind.SERVICE: Cover(services)}
    found: dict[tuple[str, int], RangeGap] = {}
    for sort, kind, version, what in (
        *_nodes_without(inventory, pods),
        *_outside(inventory, covers),
        *_overruled(inventory, covers),
    ):
        found.setdefault((sort, version), RangeGap(version, what, kind))
    return tuple(found.values())


_Found = tuple[str, RangeKind, int, str]
"""Sort of a gap, the range that lacks something, the IP family, and the example in words."""


def _nodes_without(inventory: Inventory, pods: tuple[IPNetwork, ...]) -> Iterator[_Found]:
    """Yield nodes that tell no range; one that is no node's stands for all of them."""
    of_nodes = {network(cidr) for node in inventory.nodes for cidr in node.pod_cidrs}
    wide = {r.version for r in pods if r not in of_nodes}
    for node in inventory.nodes:
        for version in sorted({4, 6} - wide - {network(cidr).version for cidr in node.pod_cidrs}):
            yield "node", RangeKind.POD, version, f"node {node.name} tells no IPv{version} pod range"


def _outside(inventory: Inventory, covers: Mapping[RangeKind, Cover]) -> Iterator[_Found]:
    for pod in inventory.pods:
        for ip in () if pod.host_network else pod.ips:
            if not covers[RangeKind.POD].holds(single(ip)):
                what = f"pod {pod.namespace}/{pod.name} has {ip}, in no known pod range"
                yield "pod", RangeKind.POD, single(ip).version, what
    for service in inventory.services:
        for ip in service.cluster_ips:
            if not covers[RangeKind.SERVICE].holds(single(ip)):
                what = f"Service {service.namespace}/{service.name} has {ip}, in no known service range"
                yield "service", RangeKind.SERVICE, single(ip).version, what


def _overruled(inventory: Inventory, covers: Mapping[RangeKind, Cover]) -> Iterator[_Found]:
    """Yield ranges that the cluster tells and that those entered by hand leave out."""
    for told in inventory.believed:
        block = network(told.cidr)
        if not covers[told.kind].holds(block):
            what = f"{told.origin} tells {told.cidr}, not among the {told.kind} ranges entered by hand"
            yield f"{told.kind} told", told.kind, block.version, what
