"""Ranges: canonical text, inside or outside, what is cut out, the categories of unresolved IPs."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.core.cluster.addresses import Ranges, network, parse_cidr, ranges_of, single
from netsec_tui.errors import BadInputError
from netsec_tui.model.communication import AddressCategory
from netsec_tui.model.review import Standing
from tests.core.traffic import (
    Endpoint,
    cluster_node,
    exchange,
    inventory,
    of,
    only,
    pod,
    session,
    workload,
)

INTERNAL, EXTERNAL, UNKNOWN = AddressCategory.INTERNAL, AddressCategory.EXTERNAL, AddressCategory.UNKNOWN


@pytest.mark.parametrize(
    ("text", "wanted", "host_bits"),
    [
        ("192.0.2.7", "192.0.2.7/32", False),
        (" 192.0.2.7 ", "192.0.2.7/32", False),
        ("192.0.2.0/24", "192.0.2.0/24", False),
        ("192.0.2.7/24", "192.0.2.0/24", True),
        ("0.0.0.0/0", "0.0.0.0/0", False),
        ("10.1.2.3/0", "0.0.0.0/0", True),
        ("2001:DB8::/32", "2001:db8::/32", False),
        ("2001:db8::1", "2001:db8::1/128", False),
        ("2001:db8::1/64", "2001:db8::/64", True),
        ("::/0", "::/0", False),
        ("::ffff:10.244.0.1", "10.244.0.1/32", False),
        ("::ffff:10.244.0.0/112", "10.244.0.0/16", False),
    ],
)
def test_cidr_is_canonical(text, wanted, host_bits):
    assert parse_cidr(text) == (wanted, host_bits)


@pytest.mark.parametrize(
    "text",
    ["", "x", "10.0.0", "10.0.0.0/33", "10.0.0.256", "::/129", "10.0.0.0/-1", "10.0.0.0/", "1.2.3.4/8/8",
     "010.0.0.1", "10", "fe80::1%eth0", "[red]", "10.0.0.0/0.0.0.255", "\uff110.0.0.1"],
)  # fmt: skip
def test_what_is_no_cidr_is_refused_with_an_example(text):
    with pytest.raises(BadInputError, match="is not an IP address or CIDR; write for instance"):
        parse_cidr(text)


RANGES = Ranges(
    pods=(network("10.244.0.0/16"), network("fd00:1::/56")),
    services=(network("10.96.0.0/12"),),
    nodes=(single("172.18.0.2"),),
)


@pytest.mark.parametrize(
    ("cidr", "wanted"),
    [
        ("10.244.3.0/24", "pod range 10.244.0.0/16"),
        ("10.244.0.0/16", "pod range 10.244.0.0/16"),
        ("10.96.0.1/32", "service range 10.96.0.0/12"),
        ("fd00:1::1/128", "pod range fd00:1::/56"),
        ("10.0.0.0/8", ""),
        ("10.245.0.0/24", ""),
        ("172.18.0.2/32", ""),
        ("::/0", ""),
    ],
)
def test_inside_a_range(cidr, wanted):
    assert RANGES.inside(cidr) == wanted


@pytest.mark.parametrize(
    ("cidr", "wanted"),
    [
        ("0.0.0.0/0", ("10.96.0.0/12", "10.244.0.0/16")),
        ("10.240.0.0/12", ("10.244.0.0/16",)),
        ("10.244.0.0/16", ()),
        ("10.244.1.0/24", ()),
        ("192.0.2.0/24", ()),
        ("::/0", ("fd00:1::/56",)),
    ],
)
def test_ranges_within_a_block_are_cut_out(cidr, wanted):
    assert RANGES.excepts(cidr) == wanted


def test_ranges_that_lie_in_each_other_are_cut_out_once():
    nested = Ranges(pods=(network("10.244.0.0/16"), network("10.244.1.0/24"), network("10.244.0.0/16")))
    assert nested.excepts("10.0.0.0/8") == ("10.244.0.0/16",)


BLOCKS = st.builds(
    lambda address, length: str(ipaddress.ip_network((address, length), strict=False)),
    st.integers(0, 2**32 - 1).map(lambda n: (10 << 24) | (n & 0xFFFFFF)),
    st.integers(8, 32),
)


@given(st.lists(BLOCKS, max_size=6), BLOCKS)
def test_what_is_cut_out_lies_strictly_within_and_apart(ranges, cidr):
    cut = Ranges(pods=tuple(map(network, ranges))).excepts(cidr)
    networks = [network(c) for c in cut]
    assert all(n.subnet_of(network(cidr)) and n != network(cidr) for n in networks)
    assert not any(a.overlaps(b) for a in networks for b in networks if a is not b)
    for inner in map(network, ranges):
        if inner.subnet_of(network(cidr)) and inner != network(cidr):
            assert any(inner.subnet_of(n) for n in networks)


@pytest.mark.parametrize(
    ("pods", "services", "ip", "wanted"),
    [
        (("10.244.0.0/16",), (), "10.244.0.9", INTERNAL),
        ((), ("10.96.0.0/12",), "10.96.9.9", INTERNAL),
        ((), (), "172.18.0.2", INTERNAL),
        ((), (), "10.0.0.1", UNKNOWN),
        ((), (), "198.51.100.1", UNKNOWN),
        (("10.244.0.0/16",), (), "198.51.100.1", UNKNOWN),
        ((), ("10.96.0.0/12",), "198.51.100.1", UNKNOWN),
        (("10.244.0.0/16",), ("10.96.0.0/12",), "198.51.100.1", EXTERNAL),
        (("10.244.0.0/16",), ("10.96.0.0/12",), "10.0.0.1", EXTERNAL),
        (("10.244.0.0/16",), ("10.96.0.0/12",), "192.168.1.1", EXTERNAL),
        (("10.244.0.0/16",), ("10.96.0.0/12",), "2001:db8::1", UNKNOWN),
        (("10.244.0.0/16", "fd00:1::/56"), ("10.96.0.0/12", "fd00:2::/112"), "2001:db8::1", EXTERNAL),
        (("10.244.0.0/16", "fd00:1::/56"), ("10.96.0.0/12", "fd00:2::/112"), "fd00:2::9", INTERNAL),
    ],
)
def test_category_of_an_address_is_never_guessed(pods, services, ip, wanted):
    state = inventory(cluster_node("n1", "172.18.0.2"), pod_cidrs=pods, service_cidrs=services)
    assert ranges_of(state).category(ip) is wanted


KNOWN = {"pod_cidrs": ("10.244.0.0/16",), "service_cidrs": ("10.96.0.0/12",)}


@pytest.mark.parametrize("phase", ["Running", "Succeeded"])
def test_a_node_that_only_a_pod_on_its_network_tells_of_is_inside(phase):
    agent = pod("agent", ip="203.0.113.2", host=True, phase=phase)
    state = inventory(agent, workload("Deployment", "web"), **KNOWN)
    assert ranges_of(state).category("203.0.113.2") is INTERNAL
    assert ranges_of(state).category("203.0.113.3") is EXTERNAL
    row = only(session(exchange(of("web"), Endpoint("203.0.113.2"), 443), state), "Deployment/web", "egress")
    assert (row.category, row.standing) == (INTERNAL, Standing.OUT)


def test_unresolved_rows_have_a_category_and_others_none():
    state = inventory(
        workload("Deployment", "web"),
        cluster_node("n1", "172.18.0.2", "10.244.0.0/24"),
        service_cidrs=("10.96.0.0/12",),
    )
    for ip, wanted in (("198.51.100.1", EXTERNAL), ("10.244.0.9", INTERNAL), ("172.18.0.2", None)):
        row = only(session(exchange(of("web"), Endpoint(ip), 443), state), "Deployment/web", "egress")
        assert row.category is wanted
    row = only(session(exchange(of("web"), of("db"), 443), state), "Deployment/web", "egress")
    assert row.category is None
