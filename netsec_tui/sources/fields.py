"""Values of decoded JSON that nothing is known of yet, made into text, whole numbers and addresses."""

from __future__ import annotations

import ipaddress
from typing import Any

# Of the largest number of 64 bits; longer ones would cost more to read than they say.
_LONGEST_NUMBER = 20


def text(value: Any) -> str:
    """Return a string that can always be encoded (JSON may hold lone surrogates); "" for anything else."""
    if type(value) is not str:
        return ""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def whole(value: Any) -> int | None:
    """Return a number that is not negative, None for anything else; protojson writes 64 bits as text."""
    if type(value) is str:
        return int(value) if value.isascii() and value.isdecimal() and len(value) <= _LONGEST_NUMBER else None
    if type(value) is float:
        return int(value) if 0 <= value < 2**63 and value.is_integer() else None
    return value if type(value) is int and value >= 0 else None


def count(value: Any) -> int:
    """Return a number that is not negative, 0 for anything else."""
    return whole(value) or 0


def canonical_ip(value: Any) -> str:
    """Return an address as canonical text, IPv4-mapped IPv6 as IPv4, anything invalid as an empty string."""
    if type(value) is not str:
        return ""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
