"""Read addresses and CIDRs once and compare them as numbers."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import NamedTuple

from netsec_tui.errors import BadInputError
from netsec_tui.kube.addresses import read_network
from netsec_tui.model.policy import IPBlock

BITS = {4: 32, 6: 128}


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


@lru_cache(maxsize=65536)
def cidr_span(cidr: str) -> Span:
    """Return the addresses of a CIDR; raises BadInputError when it is none."""
    network = read_network(cidr)
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


def span_text(span: Span) -> str:
    """Return a span for a person, for instance ``10.0.0.0-10.0.0.255``."""
    first = address_text(span.family, span.first)
    return first if span.first == span.last else f"{first}-{address_text(span.family, span.last)}"
