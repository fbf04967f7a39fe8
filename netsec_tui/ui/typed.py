"""Turn what was typed into dialogs into model values, with one sentence for each mistake."""

from __future__ import annotations

from ipaddress import ip_network

from netsec_tui.errors import BadInputError
from netsec_tui.model.decision import PortRange
from netsec_tui.model.flow import Protocol

ANY_PROTOCOL = "any"
"""What a person types for "every protocol and port"; an empty field means the same."""


def typed_cidr(text: str) -> tuple[str, bool]:
    """Read an address or range; return canonical CIDR text and whether host bits were cleared for it.

    Raises:
        BadInputError: the text is neither an address nor a range.
    """
    text = text.strip()
    try:
        network = ip_network(text, strict=False)
    except ValueError as error:
        raise BadInputError(
            f"{text or 'an empty field'} is no IP mask; write one like 10.1.2.0/24"
        ) from error
    address = text.partition("/")[0]
    return str(network), str(ip_network(address).network_address) != str(network.network_address)


def typed_protocol(text: str) -> Protocol | None:
    """Read a protocol; None means every one.

    Raises:
        BadInputError: no NetworkPolicy can name the protocol.
    """
    word = text.strip().upper()
    if word in ("", ANY_PROTOCOL.upper()):
        return None
    known = {protocol.value: protocol for protocol in Protocol if protocol.expressible}
    if word not in known:
        raise BadInputError(f"{text.strip()} is no protocol here; write TCP, UDP, SCTP or leave it empty")
    return known[word]


def typed_ports(text: str) -> tuple[PortRange, ...]:
    """Read ports such as ``443, 8000-8080``; none means every port.

    Raises:
        BadInputError: a part is no port between 1 and 65535, or a range runs backwards.
    """
    return tuple(_port_range(part) for part in text.replace(",", " ").split())


def _port_range(part: str) -> PortRange:
    first, dash, last = part.partition("-")
    try:
        ports = PortRange(int(first), int(last if dash else first))
    except ValueError as error:
        raise BadInputError(f"{part} is no port; write ports like 443 or 8000-8080") from error
    if not 1 <= ports.first <= ports.last <= 65535:
        raise BadInputError(f"{part} is no range of ports between 1 and 65535")
    return ports
