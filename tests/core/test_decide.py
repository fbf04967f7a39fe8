"""General rules, ticks, categories and search, as the tables show them."""

from __future__ import annotations

import pytest

from netsec_tui.model.communication import AddressCategory
from netsec_tui.model.decision import GeneralRule
from netsec_tui.model.identity import Direction
from netsec_tui.model.review import Row, Standing
from tests.core.scene import IN, OUT, SHOP, Scene, obj, owner, pod, shop

ROWS, BLOCK, INSIDE, ALLOW = GeneralRule
DNS = "cluster DNS"


def busy() -> Scene:
    return (
        shop(pod("bare-1", "10.244.0.70"))
        .sees(
            ("pay-1", "web-1"),
            ("db-0", "web-1"),
            ("203.0.113.50", "web-1"),
            ("web-1", "cart-1"),
            ("web-1", "db-0", 5432),
            ("web-1", "10.96.0.10", 53),
            ("web-1", "agent-x", 9100),
            ("web-1", "203.0.113.7", 443),
            ("web-1", "203.0.113.8", 443),
        )
        .chooses()
    )


def look(scene: Scene, direction: Direction) -> dict[str, tuple[bool, bool]]:
    """Return (ticked, in the policy) by name."""
    return {row.key.peer.name: (row.ticked, row.in_policy) for row in scene.table(direction).rows}


def summary(row: Row) -> tuple[Standing, bool, bool, str]:
    return row.standing, row.suspended, row.in_policy, row.allowed_by


# -- Rows decide -------------------------------------------------------------------------------------------


def test_by_default_the_rows_decide() -> None:
    scene = busy()
    assert (scene.table(IN).general, scene.table(OUT).general) == (ROWS, ROWS)
    assert look(scene, IN) == {"db": (True, True), "pay": (True, True), "203.0.113.50": (False, False)}


def test_a_tick_by_hand_and_its_reason() -> None:
    scene = busy()
    scene.tick(scene.row(OUT, "203.0.113.7")).tick(scene.row(OUT, "cart"), False)
    assert scene.row(OUT, "203.0.113.7").reason == "ticked by hand"
    assert scene.row(OUT, "cart").reason == "unticked by hand"
    assert look(scene, OUT)["203.0.113.7"] == (True, True)
    assert look(scene, OUT)["cart"] == (False, False)


# -- Block All ---------------------------------------------------------------------------------------------


def test_block_all_suspends_rows_manual_rules_aliases_and_dns() -> None:
    scene = busy().manual("198.51.100.0/24").alias("partner", "203.0.113.7", allowed=True).general(OUT, BLOCK)
    assert scene.rules(OUT) == []
    assert scene.policy.policy_types == (IN, OUT)
    table = scene.table(OUT)
    assert not any(row.in_policy for row in table.rows)
    ticked = {row.key.peer.name: row.reason for row in table.rows if row.ticked}
    assert ticked == dict.fromkeys(("cart", "db", "partner", DNS), "suspended by Block All")
    assert table.note == (
        "Block All: all egress is refused; rows, manual rules, allowed aliases, DNS are suspended"
    )
    assert [str(rule) for rule in table.manual] == ["198.51.100.0/24 all ports"]


def test_block_all_of_ingress_leaves_egress_alone() -> None:
    scene = busy()
    before = scene.rules(OUT)
    scene.general(IN, BLOCK)
    assert (scene.rules(IN), scene.rules(OUT)) == ([], before)
    assert scene.table(IN).note.endswith("rows, manual rules, allowed aliases are suspended")


def test_block_all_offers_no_dns_row_that_was_not_seen() -> None:
    scene = shop().sees(("pay-1", "web-1")).chooses()
    assert scene.names(OUT) == [DNS]
    assert scene.general(OUT, BLOCK).names(OUT) == []


# -- Allow All Inside Namespace ----------------------------------------------------------------------------


def test_inside_namespace_names_no_workload() -> None:
    scene = busy().general(IN, INSIDE)
    assert scene.rules(IN) == [{"from": [{"podSelector": {}}]}]


def test_inside_namespace_starts_everything_else_out() -> None:
    scene = busy().general(IN, INSIDE).general(OUT, INSIDE)
    assert summary(scene.row(IN, "pay")) == (Standing.OUT, False, True, f"general rule {INSIDE}")
    assert summary(scene.row(IN, "db")) == (Standing.OUT, False, False, "")
    assert scene.row(IN, "db").reason == f"starts out under {INSIDE}"
    assert look(scene, OUT)["db"] == (False, False)
    assert look(scene, OUT)[DNS] == (True, True)


def test_inside_namespace_takes_ticks_on_top() -> None:
    scene = busy().general(IN, INSIDE)
    scene.tick(scene.row(IN, "db"))
    assert look(scene, IN)["db"] == (True, True)
    assert len(scene.rules(IN)) == 2


def test_a_tick_inside_the_namespace_adds_no_rule_and_stays_black() -> None:
    scene = busy().general(IN, INSIDE)
    scene.tick(scene.row(IN, "pay"))
    assert scene.rules(IN) == [{"from": [{"podSelector": {}}]}]
    assert summary(scene.row(IN, "pay")) == (Standing.IN, True, True, f"general rule {INSIDE}")


def test_inside_namespace_keeps_manual_rules_and_dns() -> None:
    scene = busy().manual("198.51.100.0/24").general(OUT, INSIDE)
    everyone = {"to": [{"podSelector": {}}, {"ipBlock": {"cidr": "198.51.100.0/24"}}]}
    inside, dns = scene.rules(OUT)
    assert inside == everyone
    assert {port["port"] for port in dns["ports"]} == {5353}
    scene.tick(scene.row(OUT, DNS), False)
    assert scene.rules(OUT) == [everyone]
    assert scene.general(OUT, ROWS).row(OUT, DNS).ticked is False


@pytest.mark.parametrize("first", [ROWS, INSIDE])
def test_unticked_dns_stays_unticked_under_the_other_rule(first: GeneralRule) -> None:
    scene = busy().general(OUT, first)
    scene.tick(scene.row(OUT, DNS), False)
    for rule in (INSIDE, ROWS, BLOCK, ALLOW, INSIDE):
        assert scene.general(OUT, rule).row(OUT, DNS).ticked is False
    assert not look(scene, OUT)[DNS][1]
    assert scene.row(OUT, DNS).reason == "unticked by hand"


def test_a_pod_on_the_host_network_is_not_inside_the_namespace() -> None:
    objects = [o for o in SHOP if o["metadata"]["name"] not in ("cart", "cart-1")]
    hosted = [owner("cart", hostNetwork=True), pod("cart-1", "172.18.0.2", "cart", hostNetwork=True)]
    scene = Scene(*objects, *hosted).sees(("web-1", "cart-1")).chooses().general(OUT, INSIDE)
    assert summary(scene.row(OUT, "cart")) == (Standing.NOT_EXPRESSIBLE, False, False, "")


def test_an_address_is_ticked_on_top_of_the_namespace() -> None:
    scene = busy().general(OUT, INSIDE)
    scene.tick(scene.row(OUT, "203.0.113.7"))
    assert look(scene, OUT)["203.0.113.7"] == (True, True)


# -- Allow All ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", list(Direction))
def test_allow_all_is_an_unrestricted_direction(direction: Direction) -> None:
    scene = busy().manual("198.51.100.0/24", direction).general(direction, ALLOW)
    assert scene.rules(direction) == [{}]
    assert scene.policy.policy_types == (IN, OUT)
    assert scene.table(direction).note.startswith(f"Allow All: all {direction} is allowed")


def test_under_allow_all_every_row_is_allowed_by_it() -> None:
    scene = busy().general(OUT, ALLOW)
    for row in scene.table(OUT).rows:
        assert row.allowed_by == f"general rule {ALLOW}"
        assert row.in_policy
    assert summary(scene.row(OUT, "cart")) == (Standing.IN, True, True, f"general rule {ALLOW}")
    assert summary(scene.row(OUT, "203.0.113.7")) == (Standing.OUT, False, True, f"general rule {ALLOW}")
    assert scene.row(OUT, "agent").standing is Standing.NOT_EXPRESSIBLE


def test_under_allow_all_no_unseen_dns_row_is_offered() -> None:
    assert shop().sees(("pay-1", "web-1")).chooses().general(OUT, ALLOW).names(OUT) == []


# -- each rule keeps ticks of its own ----------------------------------------------------------------------


@pytest.mark.parametrize("other", [BLOCK, INSIDE, ALLOW])
def test_leaving_a_general_rule_restores_the_ticks(other: GeneralRule) -> None:
    scene = busy()
    scene.tick(scene.row(OUT, "203.0.113.7")).tick(scene.row(OUT, "cart"), False)
    before = scene.review
    scene.general(OUT, other)
    under = look(scene, OUT)
    scene.tick(scene.row(OUT, "203.0.113.8")).tick(scene.row(OUT, "db"), False)
    changed = look(scene, OUT)
    assert changed != under
    assert scene.general(OUT, ROWS).review == before
    assert look(scene.general(OUT, other), OUT) == changed


def test_one_direction_leaves_the_ticks_of_the_other_alone() -> None:
    scene = busy()
    before = look(scene, IN)
    scene.general(OUT, INSIDE).tick(scene.row(OUT, "203.0.113.7"))
    assert look(scene, IN) == before


# -- categories --------------------------------------------------------------------------------------------

POD_RANGE, SERVICE_RANGE = ("10.244.0.0/16",), ("10.96.0.0/16",)


@pytest.mark.parametrize(
    ("ranges", "ip", "category"),
    [
        ({}, "10.244.0.99", AddressCategory.INTERNAL),
        ({}, "10.244.7.7", AddressCategory.UNKNOWN),
        ({}, "10.96.9.9", AddressCategory.UNKNOWN),
        ({}, "203.0.113.7", AddressCategory.UNKNOWN),
        ({}, "192.168.1.1", AddressCategory.UNKNOWN),
        ({"pod_cidrs": POD_RANGE}, "10.244.7.7", AddressCategory.INTERNAL),
        ({"pod_cidrs": POD_RANGE}, "203.0.113.7", AddressCategory.UNKNOWN),
        ({"service_cidrs": SERVICE_RANGE}, "10.96.9.9", AddressCategory.INTERNAL),
        # Pods outside the only node range show that there are pod ranges nobody told.
        ({"service_cidrs": SERVICE_RANGE}, "203.0.113.7", AddressCategory.UNKNOWN),
        ({"service_cidrs": SERVICE_RANGE, "pod_cidrs": POD_RANGE}, "203.0.113.7", AddressCategory.EXTERNAL),
        ({"service_cidrs": SERVICE_RANGE, "pod_cidrs": POD_RANGE}, "192.168.1.1", AddressCategory.EXTERNAL),
        ({"service_cidrs": SERVICE_RANGE}, "2001:db8::1", AddressCategory.UNKNOWN),
        (
            {"service_cidrs": ("fd00::/108",), "pod_cidrs": ("fd01::/64",)},
            "2001:db8::1",
            AddressCategory.EXTERNAL,
        ),
        (
            {"service_cidrs": ("fd00::/108",), "pod_cidrs": ("fd01::/64",)},
            "fd01::9",
            AddressCategory.INTERNAL,
        ),
    ],
)
def test_categories_rest_on_known_ranges_and_never_on_rfc_1918(
    ranges: dict[str, tuple[str, ...]], ip: str, category: AddressCategory
) -> None:
    scene = Scene(*SHOP, ranges=ranges).sees(("web-1", ip, 443)).chooses()
    assert scene.row(OUT, ip).category is category


def test_only_unresolved_ips_have_a_category() -> None:
    categories = {row.key.peer.name: row.category for row in busy().table(OUT).rows}
    assert {name for name, category in categories.items() if category} == {"203.0.113.7", "203.0.113.8"}


# -- search ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("cart", {"cart"}),
        ("deployment", {"cart"}),
        ("data", {"db"}),
        ("statefulset", {"db"}),
        ("partner", {"partner"}),
        ("203.0.113.8", {"203.0.113.8"}),
        ("10.244.1.20", {"db"}),
        ("5432", {"db"}),
        ("5432/tcp", {"db"}),
        ("app=cart", {"cart"}),
        ("k8s-app=kube-dns", {DNS}),
        ("cart:80", {"cart"}),
        ("kube-dns:53", {DNS}),
        ("host network", {"agent"}),
        ("unresolved", {"203.0.113.8"}),
        ("aliased", {"partner"}),
        ("unticked by hand", {"db"}),
        ("nothing like this", set()),
    ],
)
def test_search_looks_through_everything_that_names_a_row(typed: str, found: set[str]) -> None:
    scene = busy().sees(("web-1", "10.96.0.12", 80)).alias("partner", "203.0.113.7", allowed=True)
    scene.tick(scene.row(OUT, "db"), False)
    assert {row.key.peer.name for row in scene.table(OUT).rows if typed in row.text} == found


def test_search_finds_services_that_were_not_dialled() -> None:
    scene = shop().sees(("web-1", "cart-1")).chooses()
    extra = [
        row.key.peer.name for row in scene.table(OUT).rows if "service" in row.text or "cart" in row.text
    ]
    assert extra == ["cart"]
    objects = [*SHOP, obj("Service", "basket", "shop", spec={"selector": {"app": "cart"}, "ports": []})]
    scene = Scene(*objects).sees(("web-1", "cart-1")).chooses()
    assert "basket" in scene.row(OUT, "cart").text


def test_search_finds_what_allows_a_row() -> None:
    scene = busy().general(OUT, ALLOW)
    assert "general rule allow all" in scene.row(OUT, "cart").text
