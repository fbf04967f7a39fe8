"""Ranges for display, with what overrules what, and the range offered for an unresolved IP."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.core.cluster.addresses import network
from netsec_tui.core.cluster.known_ranges import settled
from netsec_tui.core.configure.ranges import range_notes, suggest_range
from netsec_tui.errors import BadInputError
from netsec_tui.model.config import Config, DiscoveredRange, RangeKind
from netsec_tui.model.inventory import Inventory, Node, Service

POD, SERVICE = RangeKind.POD, RangeKind.SERVICE
NODE = DiscoveredRange(POD, "10.244.0.0/24", "Node n1 podCIDRs")
API = DiscoveredRange(SERVICE, "10.96.0.0/12", "kube-apiserver arguments", "kube-system/kube-apiserver-a")
FAKE = DiscoveredRange(SERVICE, "0.0.0.0/1", "arguments of pod shop/kube-apiserver", "shop/kube-apiserver")
SIX = DiscoveredRange(POD, "fd00::/64", "Node n1 podCIDRs")


def lines(config=None, *discovered):
    found = Inventory(discovered=discovered)
    config = config or Config()
    return range_notes(settled(found, config), config)


def test_by_kind_and_family_with_origins():
    found = lines(Config(service_cidrs=("10.96.0.0/12",)), SIX, NODE, API)
    assert [(line.kind, line.family, line.cidr, line.origin, line.by_hand) for line in found] == [
        (POD, 4, "10.244.0.0/24", "Node n1 podCIDRs", False),
        (POD, 6, "fd00::/64", "Node n1 podCIDRs", False),
        (SERVICE, 4, "10.96.0.0/12", "", True),
        (SERVICE, 4, "10.96.0.0/12", "kube-apiserver arguments", False),
    ]


def test_by_hand_wins_of_its_family_and_what_lies_outside_is_told():
    by_hand, other, six = lines(Config(pod_cidrs=("10.0.0.0/16",)), NODE, SIX)
    assert (by_hand.in_force, by_hand.note) == (True, "")
    assert not other.in_force
    assert other.note == (
        "10.244.0.0/24 told by Node n1 podCIDRs lies outside what was entered by hand: 10.0.0.0/16"
    )
    assert six.in_force


def test_by_hand_around_what_is_told():
    _, told = lines(Config(pod_cidrs=("10.244.0.0/16",)), NODE)
    assert (told.in_force, told.note) == (False, "covered by 10.244.0.0/16, entered by hand")


def test_arguments_of_any_pod_are_not_believed():
    (line,) = lines(None, FAKE)
    assert not line.in_force
    assert line.note.startswith(
        "not believed: pod shop/kube-apiserver is none of the control plane's by its name"
    )
    (believed,) = lines(Config(control_plane_pods=("shop/kube-apiserver",)), FAKE)
    assert (believed.in_force, believed.note) == (True, "")


def test_pod_and_service_ranges_that_overlap_are_told_on_both():
    pods, services = lines(Config(pod_cidrs=("10.0.0.0/8",)), API)
    assert pods.note.startswith("overlaps the service range 10.96.0.0/12")
    assert services.note.startswith("overlaps the pod range 10.0.0.0/8")


NODES = (
    Node("n1", ("192.168.1.10",), ("10.244.0.0/24",)),
    Node("n2", ("192.168.1.11",), ("10.244.1.0/24", "fd00:0:0:1::/64")),
)
CLUSTER = Inventory(
    nodes=NODES,
    services=(Service("default", "kubernetes", (), (), cluster_ips=("10.96.0.1",)),),
)
PUBLIC = Inventory(nodes=(Node("n1", ("192.168.1.10",), ("198.51.100.128/26",)),))
SUGGESTED = {
    "nothing known": (Inventory(), "10.5.6.7", POD, "10.5.0.0/16"),
    "beside the nodes": (CLUSTER, "10.244.7.9", POD, "10.244.0.0/16"),
    "wider to hold the nodes": (CLUSTER, "10.245.7.9", POD, "10.244.0.0/15"),
    "nodes far away": (CLUSTER, "10.20.7.9", POD, "10.20.0.0/16"),
    "a Service": (CLUSTER, "10.96.7.9", SERVICE, "10.96.0.0/16"),
    "wider to hold a Service": (CLUSTER, "10.100.7.9", SERVICE, "10.96.0.0/13"),
    "narrower beside nodes": (CLUSTER, "192.168.200.1", POD, "192.168.128.0/17"),
    "narrower beside a Service": (CLUSTER, "10.96.128.1", POD, "10.96.128.0/17"),
    "a public address": (Inventory(), "8.8.8.8", POD, "8.8.8.8/32"),
    "an address for documents": (Inventory(), "203.0.113.7", SERVICE, "203.0.113.7/32"),
    "a public address beside the nodes": (PUBLIC, "198.51.100.200", POD, "198.51.100.128/25"),
    "a public address far from the nodes": (PUBLIC, "198.51.101.9", POD, "198.51.101.9/32"),
    "public IPv6": (Inventory(), "2001:db8::9", POD, "2001:db8::9/128"),
    "shared addresses": (Inventory(), "100.64.7.9", POD, "100.64.0.0/16"),
    "IPv6": (Inventory(), "fd00:1:2:3::9", POD, "fd00:1:2:3::/64"),
    "IPv6 beside the nodes": (CLUSTER, "fd00:0:0:7::9", POD, "fd00::/61"),
    "IPv6 Service": (Inventory(), "fd00:1:2:3::9", SERVICE, "fd00:1:2:3::/108"),
    "mapped": (Inventory(), "::ffff:10.5.6.7", POD, "10.5.0.0/16"),
}


@pytest.mark.parametrize(("inventory", "address", "kind", "expected"), SUGGESTED.values(), ids=SUGGESTED)
def test_suggested_range(inventory, address, kind, expected):
    assert suggest_range(address, kind, inventory) == expected


@pytest.mark.parametrize("text", ["10.0.0.0/8", "proxy", ""])
def test_no_range_for_what_is_no_address(text):
    with pytest.raises(BadInputError):
        suggest_range(text, POD, Inventory())


@given(
    st.ip_addresses(v=4).map(str),
    st.lists(st.ip_addresses(v=4).map(str), max_size=3),
    st.lists(st.ip_addresses(v=4).map(lambda ip: str(network(f"{ip}/24"))), max_size=3),
    st.sampled_from(list(RangeKind)),
)
def test_a_suggestion_holds_its_address_and_nothing_of_another_kind(address, nodes, services, kind):
    found = Inventory(
        nodes=tuple(Node(f"n{n}", (ip,)) for n, ip in enumerate(nodes)), service_cidrs=tuple(services)
    )
    offered = network(suggest_range(address, kind, found))
    at = network(address)
    assert at.subnet_of(offered)
    foes = [network(ip) for ip in nodes] + ([] if kind is SERVICE else [network(c) for c in services])
    assert not [foe for foe in foes if foe.overlaps(offered) and not at.subnet_of(foe)]
