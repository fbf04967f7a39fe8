"""Rows that another inclusion covers, in whole or in part, and lines that an applied policy allows anyway."""

from __future__ import annotations

from typing import Any

import pytest

from netsec_tui.core.decide.cover import Asked, Cover, covering
from netsec_tui.core.decide.nearness import Nearness, end_places, rule_places
from netsec_tui.model.connection import EndPod
from netsec_tui.model.decision import GeneralRule, PortRange
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import CommunicationKey, Peer, owner_peer
from netsec_tui.model.policy import IPBlock, LabelSelector, PolicyPeer, PolicyPort, PolicyRule, Requirement
from netsec_tui.model.proof import Opener
from netsec_tui.model.review import Inclusion, Row, Standing
from netsec_tui.session.actions import Undo
from tests.core.scene import IN, OUT, SHOP, WEB, Scene, known_ends, policy, service, shop, talk

TCP = {"protocol": Protocol.TCP}


def told(row: Row) -> tuple[Standing, str, bool]:
    return row.standing, row.allowed_by, row.in_policy


def two_addresses() -> Scene:
    return shop().sees(("web-1", "203.0.113.7", 443), ("web-1", "203.0.113.8", 80)).chooses()


# -- manual rules and aliases ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "by"),
    [
        ({}, "manual rule 203.0.113.0/24 all ports"),
        (TCP, "manual rule 203.0.113.0/24 all ports/TCP"),
        (TCP | {"ports": (PortRange(443, 443),)}, "manual rule 203.0.113.0/24 443/TCP"),
        (TCP | {"ports": (PortRange(400, 500),)}, "manual rule 203.0.113.0/24 400-500/TCP"),
        (TCP | {"ports": (PortRange(80, 80),)}, ""),
        ({"protocol": Protocol.UDP}, ""),
    ],
)
def test_a_manual_rule_covers_what_it_allows(rule: dict[str, Any], by: str) -> None:
    scene = two_addresses().manual("203.0.113.0/24", **rule)
    assert told(scene.row(OUT, "203.0.113.7")) == (Standing.OUT, by, bool(by))


def test_a_manual_rule_of_one_direction_covers_nothing_in_the_other() -> None:
    scene = two_addresses().sees(("203.0.113.7", "web-1")).manual("203.0.113.0/24", IN)
    assert scene.row(IN, "203.0.113.7").allowed_by
    assert not scene.row(OUT, "203.0.113.7").allowed_by


def test_everything_of_one_family_says_nothing_of_the_other() -> None:
    scene = shop().sees(("web-1", "2001:db8::7", 443)).chooses().manual("0.0.0.0/0")
    assert not scene.row(OUT, "2001:db8::7").in_policy
    assert scene.manual("::/0").row(OUT, "2001:db8::7").in_policy


def test_what_a_manual_rule_leaves_out_is_not_covered() -> None:
    scene = Scene(*SHOP, ranges={"pod_cidrs": ("10.244.0.0/16",)}).sees(("web-1", "cart-1")).chooses()
    scene.tick(scene.row(OUT, "cart"), False).manual("0.0.0.0/0")
    assert told(scene.row(OUT, "cart")) == (Standing.OUT, "", False)
    assert scene.row(OUT, "cart").reason == "unticked by hand"


def test_an_alias_covers_an_address_of_another_alias() -> None:
    scene = two_addresses().sees(("web-1", "203.0.113.9", 443))
    scene.alias("near", "203.0.113.9").alias("wide", "203.0.113.0/24", allowed=True)
    assert told(scene.row(OUT, "near")) == (Standing.OUT, "alias wide", True)


def test_a_covered_row_can_be_ticked_and_then_stands_for_itself() -> None:
    scene = two_addresses().manual("203.0.113.0/24")
    scene.tick(scene.row(OUT, "203.0.113.7"))
    assert told(scene.row(OUT, "203.0.113.7")) == (Standing.IN, "", True)


def test_taking_the_cover_away_turns_the_row_red_again() -> None:
    scene = two_addresses()
    before = scene.review
    assert scene.manual("203.0.113.0/24").row(OUT, "203.0.113.7").in_policy
    assert scene.does(Undo()).review == before


# -- rows that cover rows ----------------------------------------------------------------------------------


def test_a_row_covers_another_of_the_same_pods() -> None:
    objects = [*SHOP, service("both", "10.96.0.60", [(80, 8080)], selector={"app": "cart"})]
    dialled_by_other = talk(known_ends(SHOP)["web-1"], "10.96.0.60", 80)
    scene = Scene(*objects).sees(dialled_by_other, ("web-1", "10.96.0.12", 80)).chooses()
    rows = [row for row in scene.table(OUT).rows if row.key.peer.name in ("both", "cart")]
    assert len(rows) == 2
    scene.tick(rows[0], False)
    covered, other = (scene.row(OUT, row.key.peer.name) for row in rows)
    assert covered.allowed_by == f"row {other.key.peer.kind}/{other.key.peer.name} 8080/TCP"
    scene.tick(other, False)
    assert not scene.row(OUT, covered.key.peer.name).in_policy


def test_a_row_that_cannot_be_written_may_still_be_covered() -> None:
    ranges = {"pod_cidrs": ("10.244.0.0/16",), "service_cidrs": ("10.96.0.0/16",)}
    scene = Scene(*SHOP, ranges=ranges).sees(("web-1", "agent-x", 9100)).chooses().manual("172.18.0.0/24")
    row = scene.row(OUT, "agent")
    assert told(row) == (Standing.NOT_EXPRESSIBLE, "manual rule 172.18.0.0/24 all ports", True)


def test_icmp_is_never_called_allowed() -> None:
    scene = shop().sees(talk(known_ends(SHOP)["web-1"], "203.0.113.7", 0, protocol=Protocol.ICMP)).chooses()
    for rule in GeneralRule:
        assert not scene.manual("203.0.113.0/24").general(OUT, rule).row(OUT, "203.0.113.7").in_policy


def test_a_block_that_reaches_live_pods_only_covers_them_in_part() -> None:
    plain = [o for o in SHOP if o["kind"] != "Node"]
    scene = Scene(*plain).sees(("web-1", "cart-1")).chooses().manual("10.244.0.0/16")
    scene.tick(scene.row(OUT, "cart"), False)
    row = scene.row(OUT, "cart")
    assert told(row) == (Standing.OUT, "", False)
    assert row.reason == "unticked by hand; in part allowed by manual rule 10.244.0.0/16 all ports"


# -- covering ----------------------------------------------------------------------------------------------

A = LabelSelector((("app", "a"),))
ALICE = EndPod("home", "a-1", (("app", "a"), ("tier", "x")), (), ("10.0.0.1",))
FAR = (("env", "prod"), ("kubernetes.io/metadata.name", "far"))
BOB = EndPod("far", "b-1", (("app", "b"),), FAR, ("10.0.0.2",))


def included(name: str, *peers: PolicyPeer, ports: tuple[PolicyPort, ...] = ()) -> Inclusion:
    return Inclusion(name, PolicyRule(peers, ports))


def block(cidr: str) -> PolicyPeer:
    return PolicyPeer(ip_block=IPBlock(cidr))


RANGE = Opener.RANGE


def row_inclusion(name: str, peer: Peer, *peers: PolicyPeer) -> Inclusion:
    key = CommunicationKey(OUT, peer, Protocol.TCP, 80)
    return Inclusion(name, PolicyRule(peers), key, Opener.ROW)


@pytest.mark.parametrize(
    ("inclusions", "expected"),
    [
        ([], Cover()),
        ([included("a", PolicyPeer(A))], Cover("a", RANGE)),
        ([included("ten", block("10.0.0.0/8"))], Cover("ten", RANGE)),
        (
            [included("a", PolicyPeer(A)), included("bob", block("10.0.0.2/32"))],
            Cover("a, bob", RANGE),
        ),
        (
            [included("first", block("10.0.0.0/8")), included("later", PolicyPeer(A))],
            Cover("first", RANGE),
        ),
        ([included("ten", block("10.0.0.0/8"), ports=(PolicyPort("UDP"),))], Cover()),
        ([Inclusion("everything", PolicyRule())], Cover("everything", RANGE)),
        ([row_inclusion("row a", owner_peer(WEB), PolicyPeer(A))], Cover("row a", Opener.ROW)),
        (
            [Inclusion("general rule", PolicyRule(), opener=Opener.GENERAL)],
            Cover("general rule", Opener.GENERAL),
        ),
    ],
)
def test_a_cover_names_the_first_inclusion_for_each_end(inclusions: list[Inclusion], expected: Cover) -> None:
    assert covering("home", Asked(OUT, (ALICE, BOB), (("TCP", 80),)), inclusions) == expected


def test_blocks_cover_pods_only_where_the_cni_lets_them() -> None:
    ten = [included("ten", block("10.0.0.0/8"))]
    asked = Asked(OUT, (ALICE, "10.1.1.1"), (("TCP", 80),))
    assert covering("home", asked, ten, ipblock_matches_pods=False) == Cover("ten", RANGE)
    assert covering("home", Asked(OUT, (ALICE,), asked.ports), ten, ipblock_matches_pods=False) == Cover()


def test_every_port_is_asked() -> None:
    dns = Asked(OUT, (ALICE,), (("UDP", 53), ("TCP", 53)))
    tcp = included("tcp", PolicyPeer(A), ports=(PolicyPort("TCP", 53),))
    assert covering("home", dns, [tcp]) == Cover("tcp", RANGE)


@pytest.mark.parametrize(
    ("inclusion", "expected"),
    [
        (Inclusion("everything", PolicyRule()), Cover("everything", RANGE)),
        (included("a", PolicyPeer(A)), Cover()),
    ],
)
def test_a_row_whose_ends_nobody_knows_is_covered_by_a_rule_for_everybody_only(
    inclusion: Inclusion, expected: Cover
) -> None:
    assert covering("home", Asked(OUT, (), (("TCP", 80),)), [inclusion]) == expected


NAMED_FAR = LabelSelector((("kubernetes.io/metadata.name", "far"),))


@pytest.mark.parametrize(
    ("peer", "end"),
    [
        (PolicyPeer(A), ALICE),
        (PolicyPeer(LabelSelector((("app", "a"), ("tier", "x")))), ALICE),
        (PolicyPeer(LabelSelector((), (Requirement("app", "Exists"),))), ALICE),
        (PolicyPeer(LabelSelector()), ALICE),
        (PolicyPeer(LabelSelector((("app", "b"),)), NAMED_FAR), BOB),
        (PolicyPeer(None, NAMED_FAR), BOB),
        (PolicyPeer(LabelSelector((("app", "b"),)), LabelSelector((("env", "prod"),))), BOB),
        (PolicyPeer(LabelSelector((("app", "b"),)), LabelSelector(FAR)), BOB),
        (PolicyPeer(None, LabelSelector((("env", "prod"),))), BOB),
        (PolicyPeer(LabelSelector((), (Requirement("app", "Exists"),)), LabelSelector(FAR[:1])), BOB),
        (PolicyPeer(LabelSelector((("app", "b"),)), LabelSelector()), BOB),
        (block("10.0.0.2/32"), BOB),
        (block("10.0.0.0/30"), BOB),
        (block("203.0.113.7/32"), "203.0.113.7"),
        (block("203.0.113.0/24"), "203.0.113.7"),
        (block("2001:db8::7/128"), "2001:db8::7"),
    ],
)
def test_what_a_rule_matches_is_near_it(peer: PolicyPeer, end: EndPod | str) -> None:
    rule = PolicyRule((peer,))
    asked = Asked(OUT, (end,), (("TCP", 80),))
    assert covering("home", asked, [Inclusion("it", rule)]).by == "it"
    near = Nearness()
    near.put(7, rule_places("home", rule))
    assert near.near(end_places([end])) == {7}


# -- applied policies --------------------------------------------------------------------------------------

FROM_PAY = {"from": [{"podSelector": {"matchLabels": {"app": "pay"}}}]}
SELECTS_WEB = {"podSelector": {"matchLabels": {"app": "web"}}}


@pytest.mark.parametrize(
    ("name", "spec", "names"),
    [
        ("open", {**SELECTS_WEB, "ingress": [FROM_PAY]}, ("open",)),
        ("open", {**SELECTS_WEB, "ingress": [{**FROM_PAY, "ports": [{"port": "http"}]}]}, ("open",)),
        ("open", {**SELECTS_WEB, "ingress": [{**FROM_PAY, "ports": [{"port": 81}]}]}, ()),
        ("open", {"podSelector": {"matchLabels": {"app": "cart"}}, "ingress": [FROM_PAY]}, ()),
        ("open", {"podSelector": {}, "ingress": [{}]}, ("open",)),
        ("open", {**SELECTS_WEB, "policyTypes": ["Egress"], "egress": [{}]}, ()),
        ("deployment-web", {**SELECTS_WEB, "ingress": [FROM_PAY]}, ()),
    ],
)
def test_a_red_line_that_an_applied_policy_allows_says_so(
    name: str, spec: dict[str, Any], names: tuple[str, ...]
) -> None:
    scene = shop(policy(name, spec)).sees(("pay-1", "web-1")).chooses()
    assert scene.row(IN, "pay").applied == ()
    scene.tick(scene.row(IN, "pay"), False)
    assert scene.row(IN, "pay").applied == names


def test_policies_that_select_the_workload_are_listed_raw() -> None:
    spec = {**SELECTS_WEB, "ingress": [FROM_PAY]}
    other = policy("other", {"podSelector": {"matchLabels": {"app": "cart"}}})
    elsewhere = policy("elsewhere", {"podSelector": {}}, "data")
    scene = shop(policy("open", spec), other, elsewhere, policy("all", {"podSelector": {}})).chooses()
    assert {a.policy.name: a.raw["spec"] for a in scene.review.applied} == {
        "open": spec,
        "all": {"podSelector": {}},
    }


def test_a_service_lists_the_policies_of_the_pods_it_selects() -> None:
    scene = shop(policy("open", {**SELECTS_WEB, "ingress": [FROM_PAY]}))
    scene.chooses(WEB._replace(kind="Service"))
    assert [a.policy.name for a in scene.review.applied] == ["open"]
