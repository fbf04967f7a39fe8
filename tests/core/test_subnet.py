"""The message "Cluster subnet is incomplete", and that nothing of the cluster is ever called External."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.core.cluster.addresses import Cover, network, ranges_of
from netsec_tui.core.cluster.known_ranges import KnownRange, believed, known_ranges, settled
from netsec_tui.core.subnet import SUBNET_INCOMPLETE
from netsec_tui.model.communication import AddressCategory
from netsec_tui.model.config import Config, ConfigPart, DiscoveredRange, RangeKind
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import Inventory, Node
from netsec_tui.session.actions import Configure
from tests.core.scene import OUT, SHOP, Scene, known_ends, obj, pod, service, talk

POD, SERVICE = RangeKind.POD, RangeKind.SERVICE
PODS, SERVICES = ("10.244.0.0/16",), ("10.96.0.0/16",)
BOTH = {"pod_cidrs": PODS, "service_cidrs": SERVICES}
WAY = "enter what is missing in the configuration"
NO_NODES = tuple(o for o in SHOP if o["kind"] != "Node")


def message(scene: Scene) -> str:
    """Return the one message, empty when there is none."""
    found = [warning for warning in scene.review.warnings if warning.startswith(SUBNET_INCOMPLETE)]
    assert len(found) <= 1
    assert scene.review.settled_in == dict.fromkeys(found, ConfigPart.RANGES)
    return found[0].removeprefix(f"{SUBNET_INCOMPLETE}: ") if found else ""


def shop(*more: Any, objects: tuple[Any, ...] = NO_NODES, **ranges: Any) -> Scene:
    scene = Scene(*objects, *more, ranges=ranges)
    return scene.sees(("web-1", "203.0.113.7", 443), ("web-1", "203.0.113.8", 443)).chooses()


STRAY = pod("stray", "10.9.0.4", "cart")
SIX = service("six", "fd00:96::7")
NODE = obj("Node", "node-b", None, status={"addresses": [{"type": "InternalIP", "address": "172.18.0.4"}]})


@pytest.mark.parametrize(
    ("scene", "wanted"),
    [
        (shop(**BOTH), ""),
        (shop(pod_cidrs=PODS), f"the IPv4 service range is not known, so 2 addresses are Unknown; {WAY}"),
        (
            shop(service_cidrs=SERVICES),
            f"the IPv4 pod range is not known, so 2 addresses are Unknown; {WAY}",
        ),
        (shop(), f"the IPv4 pod and service ranges are not known, so 2 addresses are Unknown; {WAY}"),
        (
            shop(SIX, **BOTH),
            "the IPv6 pod and service ranges are not known, so an address outside the known ranges "
            f"would be Unknown; {WAY}",
        ),
        (
            shop(**BOTH).sees(("web-1", "2001:db8::7", 443)),
            f"the IPv6 pod and service ranges are not known, so 1 address is Unknown; {WAY}",
        ),
        (
            shop(SIX, pod_cidrs=("10.244.0.0/16", "fd00:10::/64")),
            "the IPv4 service range is not known; the IPv6 service range is not known, "
            f"so 2 addresses are Unknown; {WAY}",
        ),
        (
            shop(STRAY, **BOTH),
            f"pod shop/stray has 10.9.0.4, in no known pod range, so 2 addresses are Unknown; {WAY}",
        ),
        (
            shop(service("other", "10.97.0.1"), **BOTH),
            "Service shop/other has 10.97.0.1, in no known service range, "
            f"so 2 addresses are Unknown; {WAY}",
        ),
        (
            shop(NODE, objects=SHOP, service_cidrs=SERVICES),
            "node node-b tells no IPv4 pod range; pod data/db-0 has 10.244.1.20, in no known pod range, "
            f"so 2 addresses are Unknown; {WAY}",
        ),
        (shop(NODE, **BOTH), ""),
    ],
    ids=[
        "complete", "no service range", "no pod range", "neither", "IPv6 of a Service", "IPv6 seen",
        "one kind of two families", "a pod elsewhere", "a Service elsewhere", "a node without",
        "a wide range",
    ],
)  # fmt: skip
def test_what_is_missing_is_named_with_what_it_costs(scene: Scene, wanted: str) -> None:
    assert message(scene) == wanted
    categories = {row.category for row in scene.table(OUT).rows if row.key.peer.unresolved}
    if " Unknown" not in wanted:
        assert AddressCategory.UNKNOWN not in categories
    elif "are Unknown" in wanted:
        assert categories == {AddressCategory.UNKNOWN}


def test_without_any_cluster_state_the_families_seen_count() -> None:
    scene = Scene().sees(talk(known_ends(SHOP)["web-1"], "203.0.113.7", 443))
    scene.chooses(WorkloadRef("Workload", "shop", "web"))
    assert message(scene) == f"the IPv4 pod and service ranges are not known, so 1 address is Unknown; {WAY}"
    assert scene.row(OUT, "203.0.113.7").category is AddressCategory.UNKNOWN


def test_addresses_of_an_alias_do_not_count() -> None:
    scene = shop(pod_cidrs=PODS)
    scene.alias("partner", "203.0.113.7")
    assert "so 1 address is Unknown" in message(scene)


def test_entering_the_range_ends_the_message_and_categories_follow() -> None:
    scene = shop(pod_cidrs=PODS)
    scene.does(Configure(replace(scene.session.config, service_cidrs=SERVICES)))
    assert message(scene) == ""
    assert scene.row(OUT, "203.0.113.7").category is AddressCategory.EXTERNAL


def test_by_hand_wins_but_what_the_cluster_tells_beside_it_is_a_gap() -> None:
    scene = shop(**BOTH)
    scene.does(Configure(replace(scene.session.config, service_cidrs=("10.96.0.0/24",))))
    assert message(scene).startswith(
        "the test tells 10.96.0.0/16, not among the service ranges entered by hand, so 2 addresses"
    )
    scene.does(Configure(replace(scene.session.config, service_cidrs=("10.96.0.0/17", "10.96.128.0/17"))))
    assert message(scene) == ""


def test_a_permission_that_is_missing_is_named_only_when_ranges_are() -> None:
    scene = shop(pod_cidrs=PODS)
    inventory = replace(scene.session.inventory, unread_ranges=("servicecidrs may not be listed",))
    scene.session.set_inventory(inventory)
    assert message(scene).endswith(f"{WAY}, or let it be read: servicecidrs may not be listed")
    scene.does(Configure(replace(scene.session.config, service_cidrs=SERVICES)))
    assert message(scene) == ""


def test_known_ranges_tell_where_they_come_from_and_which_count() -> None:
    state = Inventory(
        discovered=(
            DiscoveredRange(SERVICE, "10.96.0.0/16", "ServiceCIDR kubernetes"),
            DiscoveredRange(POD, "10.244.0.0/24", "Node n1 podCIDRs"),
            DiscoveredRange(POD, "fd00::/64", "Node n1 podCIDRs"),
            DiscoveredRange(POD, "10.7.0.0/16", "Pod mallory/kube-proxy-1", "mallory/kube-proxy-1"),
        )
    )
    assert known_ranges(state, Config(pod_cidrs=("10.244.0.0/16",))) == (
        KnownRange(POD, "10.244.0.0/16", "", by_hand=True, in_force=True),
        KnownRange(POD, "10.244.0.0/24", "Node n1 podCIDRs", by_hand=False, in_force=False),
        KnownRange(POD, "fd00::/64", "Node n1 podCIDRs", by_hand=False, in_force=True),
        KnownRange(SERVICE, "10.96.0.0/16", "ServiceCIDR kubernetes", by_hand=False, in_force=True),
    )


FOUR = st.builds(
    lambda number, prefix: str(ipaddress.ip_network((10 << 24 | number, prefix), strict=False)),
    st.integers(0, 2**24 - 1),
    st.integers(8, 28),
)
SIXES = st.builds(
    lambda number, prefix: str(ipaddress.ip_network((0xFD << 120 | number << 64, prefix), strict=False)),
    st.integers(0, 2**24 - 1),
    st.integers(40, 96),
)
CIDRS = st.lists(FOUR | SIXES, max_size=4).map(tuple)
TOLD = st.lists(
    st.builds(
        DiscoveredRange,
        st.sampled_from(RangeKind),
        FOUR | SIXES,
        st.just("somewhere"),
        st.sampled_from(
            ["", "kube-system/kube-apiserver-1", "kube-system/kube-proxy-1", "evil/kube-proxy-1"]
        ),
    ),
    max_size=6,
).map(tuple)
CONFIGS = st.builds(Config, pod_cidrs=CIDRS, service_cidrs=CIDRS)


def ends_of(cidr: str) -> list[str]:
    block = network(cidr)
    return [str(block.network_address), str(block.broadcast_address)]


@given(TOLD, CONFIGS, st.lists(FOUR, max_size=2))
def test_no_address_of_a_range_by_hand_or_believed_is_external(
    told: tuple[DiscoveredRange, ...], config: Config, node_cidrs: list[str]
) -> None:
    state = Inventory(discovered=told, nodes=(Node("n1", (), tuple(node_cidrs)),))
    ranges = ranges_of(settled(state, config))
    known = [found.cidr for found in believed(state, config)]
    for cidr in (*config.pod_cidrs, *config.service_cidrs):
        assert all(ranges.category(ip) is AddressCategory.INTERNAL for ip in ends_of(cidr))
    for cidr in known:
        assert all(ranges.category(ip) is not AddressCategory.EXTERNAL for ip in ends_of(cidr))


@given(TOLD, st.lists(FOUR, max_size=2))
def test_entering_what_is_discovered_changes_nothing(
    told: tuple[DiscoveredRange, ...], node_cidrs: list[str]
) -> None:
    state = Inventory(discovered=told, nodes=(Node("n1", (), tuple(node_cidrs)),))
    found = settled(state, Config())
    same = settled(state, Config(pod_cidrs=found.pod_cidrs, service_cidrs=found.service_cidrs))
    assert ranges_of(same) == ranges_of(found)


@given(TOLD, CONFIGS)
def test_of_a_kind_and_family_either_those_by_hand_count_or_those_discovered(
    told: tuple[DiscoveredRange, ...], config: Config
) -> None:
    state = Inventory(discovered=told)
    found = settled(state, config)
    for kind, entered, chosen in (
        (POD, config.pod_cidrs, found.pod_cidrs),
        (SERVICE, config.service_cidrs, found.service_cidrs),
    ):
        for version in (4, 6):
            hand = {c for c in entered if network(c).version == version}
            said = {
                f.cidr
                for f in believed(state, config)
                if f.kind is kind and network(f.cidr).version == version
            }
            assert {c for c in chosen if network(c).version == version} == (hand or said)  # fmt: skip


@given(st.lists(FOUR | SIXES, max_size=5), FOUR | SIXES)
def test_a_cover_holds_what_lies_in_its_ranges_together(given_ranges: list[str], asked: str) -> None:
    blocks, inner = [network(c) for c in given_ranges], network(asked)
    same = [b for b in blocks if b.version == inner.version]
    joined = list(ipaddress.collapse_addresses(same))  # type: ignore[type-var]
    assert Cover(blocks).holds(inner) == any(inner.subnet_of(b) for b in joined)
