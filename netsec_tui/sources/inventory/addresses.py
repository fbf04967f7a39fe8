"""Addresses and ranges in the one spelling that is compared: canonical, host bits masked."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from netsec_tui.errors import BadInputError
from netsec_tui.kube.addresses import Network, read_network


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
