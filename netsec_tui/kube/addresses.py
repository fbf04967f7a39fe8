"""CIDRs in the one spelling that is compared: canonical, host bits masked."""

from __future__ import annotations

import ipaddress

from netsec_tui.errors import BadInputError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


def read_network(text: str) -> Network:
    """Return the network that a CIDR names; an IPv4-mapped IPv6 one becomes IPv4.

    Host bits are masked and leading zeros dropped: clusters before Kubernetes 1.36 took and stored both.

    Raises:
        BadInputError: it is no address with a prefix length.
    """
    address, _, length = text.partition("/")
    try:
        if not (length.isascii() and length.isdigit()):
            raise ValueError("no prefix length")
        network = ipaddress.ip_network(f"{_without_leading_zeros(address)}/{int(length)}", strict=False)
    except ValueError as error:
        raise BadInputError(f"{text!r} is no CIDR such as 10.0.0.0/8 or fd00::/8") from error
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        inner = int(network.network_address) & 0xFFFFFFFF
        return ipaddress.IPv4Network((inner, network.prefixlen - _MAPPED.prefixlen))
    return network


def _without_leading_zeros(address: str) -> str:
    # The API server reads 010.0.0.1 as decimal; Python refuses it.
    octets = address.split(".")
    if not all(octet.isascii() and octet.isdigit() for octet in octets):
        return address
    return ".".join(octet.lstrip("0") or "0" for octet in octets)
