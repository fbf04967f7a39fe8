"""Read what a check asks: the port, and the ends as typed."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from netsec_tui.cli.values import Target, target
from netsec_tui.errors import UsageError
from netsec_tui.model.flow import Protocol

_PORTLESS = (Protocol.ICMP,)
_LAST_PORT = 65535
_TOO_LONG = 10
_FORMS = "NS/POD, NS/KIND/NAME or an IP address"


class Named(NamedTuple):
    """Hold the text of an end that is an object: its namespace, and kind and name."""

    namespace: str
    target: Target

    def __str__(self) -> str:
        return f"{self.namespace}/{self.target}"


def parse_port(text: str) -> tuple[Protocol, int]:
    """Return protocol and port of ``TCP/8080``, port 0 for ``ICMP``.

    Raises:
        UsageError: the text means no port.
    """
    protocol, _, number = text.partition("/")
    if not number and protocol.upper() not in _PORTLESS:
        raise UsageError(f"{text!r} is not PROTOCOL/PORT, for instance TCP/8080")
    digits = number.isascii() and number.isdigit() and len(number) < _TOO_LONG
    return known_port(protocol, int(number) if digits else number or None)


def known_port(protocol: object, port: object) -> tuple[Protocol, int]:
    """Return protocol and port of their two values; a protocol without ports (ICMP) takes None only.

    Raises:
        UsageError: the protocol is not known or the port not from 1 to 65535.
    """
    name = protocol.upper() if isinstance(protocol, str) else ""
    if name not in set(Protocol) - {Protocol.OTHER}:
        raise UsageError(f"protocol {_shown(protocol)} is not known; use TCP, UDP, SCTP or ICMP")
    if name in _PORTLESS:
        if port is not None:
            raise UsageError(f"{name} has no ports; ask without one")
        return Protocol(name), 0
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= _LAST_PORT:
        raise UsageError(f"port {_shown(port)} is not a number from 1 to {_LAST_PORT}")
    return Protocol(name), port


def parse_end(text: str) -> Named | str:
    """Return an end as typed: an object's names (``NS/POD`` is of kind Pod), or an address as canonical text.

    Raises:
        UsageError: it is neither.
    """
    address = _address(text)
    if address:
        return address
    parts = text.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise UsageError(f"{_shown(text)} is no end; give {_FORMS}")
    if _is_range(text):
        raise UsageError(f"{text} is a range; ask about one address of it, or use --matrix")
    return Named(parts[0], target("/".join(parts[1:])) if len(parts) == 3 else Target("Pod", parts[1]))


def _address(text: str) -> str:
    try:
        return "" if "%" in text else str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def _is_range(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:79]}…"
