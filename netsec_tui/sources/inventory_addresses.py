"""Addresses and ranges in the one spelling that is compared: canonical, host bits masked."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from netsec_tui.errors import BadInputError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


def canonical_ip(text: str) -> str:
    """Return an address as Python prints it; IPv4 inside IPv6 becomes IPv4, a zone is dropped.

    Raises:
        BadInputError: it is no address.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError as error:
        raise BadInputError(f"{text!r} is no IP address") from error
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def read_network(text: str) -> Network:
    """Return the network that a CIDR names, host bits masked (networkpolicy-semantics.md E2, E3).

    Raises:
        BadInputError: it is no address with a prefix length.
    """
    address, _, length = text.partition("/")
    try:
        if not (length.isascii() and length.isdigit()):
            raise ValueError("no prefix length")
        network = ipaddress.ip_network(f"{_without_leading_zeros(address)}/{length}", strict=False)
    except ValueError as error:
        raise BadInputError(f"{text!r} is no CIDR such as 10.0.0.0/8 or fd00::/8") from error
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        inner = int(network.network_address) & 0xFFFFFFFF
        return ipaddress.IPv4Network((inner, network.prefixlen - _MAPPED.prefixlen))
    return network


def ranges(texts: Iterable[tuple[str, str]], problems: list[str]) -> tuple[str, ...]:
    """Return canonical CIDRs without duplicates, IPv4 first, in the order of their addresses.

    ``texts`` are pairs of where the CIDR stands and its text; one that is none is named and left out.
    """
    networks: set[Network] = set()
    for where, text in texts:
        try:
            networks.add(read_network(text))
        except BadInputError as error:
            problems.append(f"{where}: {error}")
    ordered = sorted(networks, key=lambda net: (net.version, int(net.network_address), net.prefixlen))
    return tuple(map(str, ordered))


def _without_leading_zeros(address: str) -> str:
    # Clusters before 1.36 store 010.0.0.1 and read it as decimal; Python refuses it.
    octets = address.split(".")
    if not all(octet.isascii() and octet.isdigit() for octet in octets):
        return address
    return ".".join(octet.lstrip("0") or "0" for octet in octets)
