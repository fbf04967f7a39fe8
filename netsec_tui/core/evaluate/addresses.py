"""Read addresses and CIDRs once and compare them as numbers."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import NamedTuple

from netsec_tui.errors import BadInputError
from netsec_tui.model.policy import IPBlock

BITS = {4: 32, 6: 128}
_MAPPED_PREFIX = 96


class Span(NamedTuple):
    """Hold the addresses of one family from ``first`` to ``last``, both included."""

    family: int
    first: int
    last: int


@lru_cache(maxsize=65536)
def address_number(ip: str) -> tuple[int, int]:
    """Return (family, number) of an address; an IPv4-mapped IPv6 address is IPv4.

    Raises:
        BadInputError: the text is no IP address.
    """
    try:
        address = ipaddress.ip_address(ip)
    except ValueError as error:
        raise BadInputError(f"{ip!r} is not an IP address") from error
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return address.version, int(address)


def canonical_cidr(text: str) -> str:
    """Return a CIDR as text without host bits and leading zeros; an IPv4-mapped one becomes IPv4.

    Stored objects may hold such CIDRs from before Kubernetes 1.36 refused them.

    Raises:
        BadInputError: the text is no CIDR.
    """
    address, slash, length = text.partition("/")
    if not slash or not (length.isascii() and length.isdigit()):
        raise BadInputError(f"{text!r} is not a CIDR such as 10.0.0.0/8 or fd00::/8")
    if ":" not in address:
        address = ".".join(part.lstrip("0") or "0" if part.isdigit() else part for part in address.split("."))
    try:
        network = ipaddress.ip_network(f"{address}/{int(length)}", strict=False)
    except ValueError as error:
        raise BadInputError(f"{text!r} is not a CIDR such as 10.0.0.0/8 or fd00::/8") from error
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is not None and network.prefixlen >= _MAPPED_PREFIX:
        return f"{mapped}/{network.prefixlen - _MAPPED_PREFIX}"
    return str(network)


@lru_cache(maxsize=65536)
def cidr_span(cidr: str) -> Span:
    """Return the addresses of a CIDR; raises BadInputError as ``canonical_cidr`` does."""
    network = ipaddress.ip_network(canonical_cidr(cidr))
    return Span(network.version, int(network.network_address), int(network.broadcast_address))


@lru_cache(maxsize=65536)
def block_spans(block: IPBlock) -> tuple[Span, ...]:
    """Return the addresses of an ipBlock as disjoint spans in order, its excepts cut out."""
    family, position, last = cidr_span(block.cidr)
    spans = []
    for cut in sorted(span for span in map(cidr_span, block.excepts) if span.family == family):
        if cut.first > position:
            spans.append(Span(family, position, min(cut.first - 1, last)))
        position = max(position, cut.last + 1)
    if position <= last:
        spans.append(Span(family, position, last))
    return tuple(spans)


def address_text(family: int, number: int) -> str:
    """Return an address as canonical text."""
    return str(ipaddress.IPv4Address(number) if family == 4 else ipaddress.IPv6Address(number))
