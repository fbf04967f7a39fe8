"""Rows that become one: the addresses of an alias, and observed DNS."""

from __future__ import annotations

import pytest

from netsec_tui.core.cluster.addresses import Ranges, network
from netsec_tui.core.decide.fold import fold_aliases, fold_dns
from netsec_tui.model.communication import AddressCategory, Communication, Counts, Orientation, Via
from netsec_tui.model.config import Config
from netsec_tui.model.decision import Alias, GeneralRule
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import (
    CommunicationKey,
    Direction,
    PeerSort,
    WorkloadRef,
    address_peer,
    alias_peer,
    node_peer,
)
from netsec_tui.session.actions import ConfigSaved, RemoveAlias, SetAlias, Undo
from tests.core.scene import DNS_LABELS, IN, OUT, SHOP, Scene, known_ends, service, shop, talk

TCP = Protocol.TCP
UDP = {"protocol": Protocol.UDP}
WEB = known_ends(SHOP)["web-1"]


def partner(*entries: str, name: str = "partner") -> Alias:
    return Alias(name, entries)


def holder(aliases: list[Alias], ip: str, ranges: Ranges) -> str | None:
    """Return the name of the alias whose row takes an address."""
    (row,) = fold_aliases([seen(ip)], tuple(aliases), ranges)
    return row.peer.name if row.peer.sort is PeerSort.ALIAS else None


@pytest.mark.parametrize(
    ("aliases", "ip", "name"),
    [
        ([partner("203.0.113.7/32")], "203.0.113.7", "partner"),
        ([partner("203.0.113.0/24")], "203.0.113.7", "partner"),
        ([partner("203.0.113.0/24")], "203.0.114.7", None),
        ([partner("0.0.0.0/0")], "2001:db8::1", None),
        ([partner("2001:db8::/32")], "2001:db8::1", "partner"),
        ([partner("0.0.0.0/0", name="all"), partner("203.0.113.0/24", name="near")], "203.0.113.7", "near"),
        ([partner("203.0.113.0/24", name="b"), partner("203.0.113.0/24", name="a")], "203.0.113.7", "a"),
        ([], "203.0.113.7", None),
    ],
)
def test_an_address_belongs_to_the_alias_with_the_narrowest_entry(
    aliases: list[Alias], ip: str, name: str | None
) -> None:
    assert holder(aliases, ip, Ranges()) == name


def test_a_pod_range_inside_an_entry_is_no_part_of_the_alias() -> None:
    ranges = Ranges(pods=(network("10.244.0.0/16"),))
    assert holder([partner("10.0.0.0/8")], "10.244.9.9", ranges) is None
    assert holder([partner("10.0.0.0/8")], "10.1.9.9", ranges) == "partner"
    assert holder([partner("10.244.9.9/32")], "10.244.9.9", ranges) == "partner"


def seen(ip: str, port: int = 443, direction: Direction = OUT, **more: object) -> Communication:
    key = CommunicationKey(direction, address_peer(ip), TCP, port)
    return Communication(key, addresses=(ip,), **more)  # type: ignore[arg-type]


def test_folding_adds_up_what_was_seen() -> None:
    one = seen(
        "203.0.113.7",
        counts=Counts((0, 2, 0, 0, 0, 0, 0, 0), 1, 0),
        first_seen=10.0,
        last_seen=20.0,
        orientation=Orientation.INFERRED,
        pods=("a/x",),
        names=("b.example",),
        via=(Via("shop", "s", 80),),
        arrival_told=True,
    )
    two = seen(
        "203.0.113.6",
        counts=Counts((0, 1, 3, 0, 0, 0, 0, 0), 2, 1),
        first_seen=5.0,
        last_seen=15.0,
        orientation=Orientation.PROVEN,
        own_pods=("shop/web-1",),
        names=("a.example",),
    )
    (row,) = fold_aliases([one, two], (partner("203.0.113.0/24"),), Ranges())
    assert row == Communication(
        CommunicationKey(OUT, alias_peer("partner"), TCP, 443),
        Counts((0, 3, 3, 0, 0, 0, 0, 0), 3, 1),
        5.0,
        20.0,
        Orientation.PROVEN,
        (Via("shop", "s", 80),),
        ("203.0.113.6", "203.0.113.7"),
        ("a/x",),
        ("shop/web-1",),
        ("a.example", "b.example"),
        (one.key, two.key),
        arrival_told=True,
    )


def test_there_is_one_row_for_each_direction_protocol_and_port() -> None:
    rows = [seen("203.0.113.7"), seen("203.0.113.8"), seen("203.0.113.7", 80), seen("203.0.113.7", 443, IN)]
    folded = fold_aliases(rows, (partner("203.0.113.0/24"),), Ranges())
    assert [(row.key.direction, row.key.port, len(row.folded)) for row in folded] == [
        (OUT, 443, 2),
        (OUT, 80, 1),
        (IN, 443, 1),
    ]


def test_only_unresolved_addresses_fold() -> None:
    node = Communication(CommunicationKey(OUT, node_peer("203.0.113.7"), TCP, 443))
    assert fold_aliases([node], (partner("203.0.113.0/24"),), Ranges()) == (node,)


def test_without_the_cluster_dns_nothing_folds_and_no_row_is_made() -> None:
    rows = [seen("10.96.0.10", 53)]
    assert fold_dns(rows, None, offered=True) == tuple(rows)


# -- as a person sees it -----------------------------------------------------------------------------------


def two_addresses() -> Scene:
    return (
        shop()
        .sees(("web-1", "203.0.113.7", 443), ("web-1", "203.0.113.8", 443), ("web-1", "203.0.113.8", 80))
        .chooses()
    )


def test_aliased_addresses_are_one_row_a_port_and_of_their_own_category() -> None:
    scene = two_addresses().alias("partner", "203.0.113.7", "203.0.113.8")
    rows = [row for row in scene.table(OUT).rows if row.key.peer.unresolved]
    assert [(row.key.peer.name, row.key.port) for row in rows] == [("partner", 80), ("partner", 443)]
    assert {row.category for row in rows} == {AddressCategory.ALIASED}
    assert scene.row(OUT, "partner", 443).communication.addresses == ("203.0.113.7", "203.0.113.8")


@pytest.mark.parametrize(
    ("ticked", "together"),
    [([], False), (["203.0.113.7"], False), (["203.0.113.7", "203.0.113.8"], True)],
)
@pytest.mark.parametrize("general", [GeneralRule.ROWS_DECIDE, GeneralRule.INSIDE_NAMESPACE])
def test_the_row_of_an_alias_is_in_only_if_all_folded_rows_were(
    general: GeneralRule, ticked: list[str], together: bool
) -> None:
    scene = two_addresses().general(OUT, general)
    for ip in ticked:
        scene.tick(scene.row(OUT, ip, 443))
    scene.alias("partner", "203.0.113.7", "203.0.113.8")
    assert scene.row(OUT, "partner", 443).ticked is together
    assert not scene.row(OUT, "partner", 80).ticked


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        (("203.0.113.7", "203.0.113.8"), "not all of its addresses were ticked"),
        # One that was never seen was not ticked either.
        (("203.0.113.7", "198.51.100.1"), "not all of its addresses were ticked"),
        (("203.0.113.0/24",), "wider than the addresses that were ticked"),
        (("203.0.113.7", "198.51.100.0/24"), "wider than the addresses that were ticked"),
        (("203.0.113.7/31",), "wider than the addresses that were ticked"),
    ],
)
def test_a_row_that_folding_took_out_says_so(entries: tuple[str, ...], told: str) -> None:
    scene = two_addresses()
    scene.tick(scene.row(OUT, "203.0.113.7")).alias("partner", *entries)
    assert (scene.row(OUT, "partner", 443).ticked, scene.row(OUT, "partner", 443).reason) == (False, told)


@pytest.mark.parametrize("by", ["elsewhere", "in the file"])
def test_ticks_of_addresses_do_not_become_a_range_that_others_name(by: str) -> None:
    scene = two_addresses().sees(("cart-1", "203.0.113.7", 443))
    for ip in ("203.0.113.7", "203.0.113.8"):
        scene.tick(scene.row(OUT, ip, 443))
    wide = Alias("wide", ("203.0.113.0/24",))
    if by == "elsewhere":
        scene.chooses(WorkloadRef("Deployment", "shop", "cart")).does(SetAlias(wide)).chooses()
    else:
        scene.does(ConfigSaved(Config(aliases=(wide,))))
    assert not scene.row(OUT, "wide", 443).ticked
    assert "ipBlock" not in scene.review.yaml


def test_an_allowed_alias_is_in_and_its_rules_name_every_entry() -> None:
    scene = two_addresses().alias("partner", "203.0.113.7", "203.0.113.8", "198.51.100.0/24", allowed=True)
    row = scene.row(OUT, "partner", 443)
    assert (row.ticked, row.reason) == (True, "alias is set allowed; covers 258 addresses")
    (rule,) = [rule for rule in scene.rules(OUT) if "ipBlock" in rule["to"][0]]
    assert [entry["ipBlock"]["cidr"] for entry in rule["to"]] == [
        "198.51.100.0/24",
        "203.0.113.7/32",
        "203.0.113.8/32",
    ]
    assert [port["port"] for port in rule["ports"]] == [80, 443]


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("ticked", [True, False])
def test_an_explicit_tick_of_the_row_wins(allowed: bool, ticked: bool) -> None:
    scene = two_addresses()
    for ip in ("203.0.113.7", "203.0.113.8"):
        scene.tick(scene.row(OUT, ip, 443), not ticked)
    scene.alias("partner", "203.0.113.0/24", allowed=allowed)
    scene.tick(scene.row(OUT, "partner", 443), ticked)
    assert scene.row(OUT, "partner", 443).ticked is ticked


def test_a_ticked_address_that_was_seen_folds_once() -> None:
    scene = two_addresses()
    keys = tuple(scene.row(OUT, ip, 443).key for ip in ("203.0.113.7", "203.0.113.8"))
    scene.tick(keys[0]).alias("partner", "203.0.113.7", "203.0.113.8")
    assert scene.row(OUT, "partner", 443).communication.folded == keys


def test_removing_an_alias_or_undo_unfolds_the_rows_with_their_ticks() -> None:
    scene = two_addresses()
    scene.tick(scene.row(OUT, "203.0.113.7"))
    before = scene.review
    assert scene.alias("partner", "203.0.113.0/24").does(Undo()).review == before
    assert scene.alias("partner", "203.0.113.0/24").does(RemoveAlias("partner")).review == before


def test_an_alias_without_traffic_of_the_workload_adds_nothing_to_its_policy() -> None:
    scene = two_addresses()
    before = scene.review.yaml
    assert scene.alias("others", "192.0.2.0/24", allowed=True).review.yaml == before


# -- DNS ---------------------------------------------------------------------------------------------------


def test_observed_dns_folds_into_one_row_whatever_was_dialled() -> None:
    dns = known_ends(SHOP)["coredns-1"]
    scene = shop().sees(talk(WEB, dns, 5353, **UDP), talk(WEB, dns, 5353), talk(WEB, "10.96.0.10", 53, **UDP))
    row = scene.chooses().row(OUT, "cluster DNS")
    assert scene.names(OUT) == ["cluster DNS"]
    assert row.communication.counts.allowed == 3
    assert len(row.communication.folded) >= 2


def test_other_ports_of_the_dns_pods_are_rows_of_their_own() -> None:
    scene = shop().sees(("web-1", "coredns-1", 9153)).chooses()
    assert scene.names(OUT) == ["cluster DNS", "coredns"]


def test_dns_that_only_names_udp_is_written_for_tcp_too() -> None:
    objects = [o for o in SHOP if o["metadata"]["name"] != "kube-dns"]
    udp_only = service("kube-dns", "10.96.0.10", [(53, 53)], "kube-system", DNS_LABELS, ("UDP",))
    scene = Scene(*objects, udp_only).sees(("pay-1", "web-1")).chooses()
    assert [rule["ports"] for rule in scene.rules(OUT)] == [
        [{"protocol": "TCP", "port": 53}, {"protocol": "UDP", "port": 53}]
    ]
