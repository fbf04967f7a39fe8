"""What is typed into dialogs becomes model values, or one sentence."""

import pytest

from netsec_tui.errors import BadInputError
from netsec_tui.model.decision import PortRange
from netsec_tui.model.flow import Protocol
from netsec_tui.ui.typed import typed_cidr, typed_ports, typed_protocol


@pytest.mark.parametrize(
    ("text", "cidr", "cleared"),
    [
        ("10.1.2.0/24", "10.1.2.0/24", False),
        (" 10.1.2.3/24 ", "10.1.2.0/24", True),
        ("203.0.113.7", "203.0.113.7/32", False),
        ("2001:DB8::1", "2001:db8::1/128", False),
        ("2001:db8::1/64", "2001:db8::/64", True),
        ("0.0.0.0/0", "0.0.0.0/0", False),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8", False),
    ],
)
def test_cidr(text, cidr, cleared):
    assert typed_cidr(text) == (cidr, cleared)


@pytest.mark.parametrize("text", ["", "shop", "10.0.0.0/33", "10.0.0", "::1/129", "[red]"])
def test_no_cidr_is_told(text):
    with pytest.raises(BadInputError, match="no IP mask; write one like"):
        typed_cidr(text)


@pytest.mark.parametrize(
    ("text", "protocol"),
    [("", None), ("any", None), ("tcp", Protocol.TCP), (" UDP ", Protocol.UDP), ("sctp", Protocol.SCTP)],
)
def test_protocol(text, protocol):
    assert typed_protocol(text) is protocol


@pytest.mark.parametrize("text", ["icmp", "http", "other"])
def test_a_protocol_that_no_policy_can_name_is_told(text):
    with pytest.raises(BadInputError, match=f"{text} is no protocol here"):
        typed_protocol(text)


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("", ()),
        ("443", (PortRange(443, 443),)),
        ("443, 8000-8080", (PortRange(443, 443), PortRange(8000, 8080))),
        ("1 65535", (PortRange(1, 1), PortRange(65535, 65535))),
    ],
)
def test_ports(text, ports):
    assert typed_ports(text) == ports


@pytest.mark.parametrize("text", ["0", "65536", "8080-80", "http", "-", "80-", "4 4 x"])
def test_no_ports_are_told(text):
    with pytest.raises(BadInputError, match="port"):
        typed_ports(text)
