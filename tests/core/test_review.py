"""The review as a whole: notes, DNS, warnings, and what must hold of every generated policy."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from netsec_tui.core.cluster.addresses import ranges_of
from netsec_tui.core.cluster.dns import find_dns
from netsec_tui.core.cluster.ends import Ends
from netsec_tui.core.cluster.world import World
from netsec_tui.core.evaluate.match import rule_allows
from netsec_tui.core.generate.serialize import policy_object
from netsec_tui.core.traffic.knowledge import Knowledge
from netsec_tui.model.decision import GeneralRule
from netsec_tui.model.flow import Endpoint, Protocol, Verdict
from netsec_tui.model.identity import Direction, PeerSort, WorkloadRef, alias_peer, owner_peer
from netsec_tui.model.review import Row, Standing
from netsec_tui.session.session import Session
from tests.core.acceptance import check, check_schema
from tests.core.random_scenes import OBJECTS, RANGES, carry_out, scenes, steps, traffic
from tests.core.scene import IN, NOW, OUT, SHOP, WEB, Scene, flow, inventory, known_ends, shop, talk

DNS = "cluster DNS"
ENDS = known_ends(SHOP)


# -- a direction as a whole --------------------------------------------------------------------------------


def note(direction: Direction, *spoken: Any, **more: Any) -> str:
    return shop().sees(*spoken, **more).chooses().table(direction).note


def test_a_direction_without_traffic_is_isolated_and_says_so() -> None:
    scene = shop().sees(("web-1", "cart-1"), time=NOW - 11_400).sees(("web-1", "cart-1")).chooses()
    assert scene.table(IN).note == "nothing seen in 3 h 10 min: all ingress will be refused"
    assert scene.policy.policy_types == (IN, OUT)
    assert scene.rules(IN) == []


def test_a_direction_with_rows_needs_no_note() -> None:
    assert note(IN, ("pay-1", "web-1")) == ""


def test_dns_is_not_traffic_and_is_named_as_what_stays() -> None:
    assert (
        note(OUT, ("pay-1", "web-1")) == "nothing seen in 0 s: all egress will be refused but the cluster DNS"
    )


def test_manual_rules_are_named_as_what_stays() -> None:
    scene = shop().sees(("web-1", "cart-1")).chooses().manual("203.0.113.0/24", IN)
    assert scene.table(IN).note.endswith("all ingress will be refused but 203.0.113.0/24 all ports")


@pytest.mark.parametrize("two_objects", [False, True])
def test_a_workload_without_any_traffic_is_isolated_in_both_directions(two_objects: bool) -> None:
    review = shop(two_objects=two_objects).chooses().review
    types = {t for document in yaml.safe_load_all(review.yaml) for t in document["spec"]["policyTypes"]}
    assert types == {"Ingress", "Egress"}


# -- DNS ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "offered"),
    [
        (GeneralRule.ROWS_DECIDE, True),
        (GeneralRule.INSIDE_NAMESPACE, True),
        (GeneralRule.BLOCK_ALL, False),
        (GeneralRule.ALLOW_ALL, False),
    ],
)
def test_the_dns_row_is_there_whenever_egress_is_restricted_and_not_blocked(
    rule: GeneralRule, offered: bool
) -> None:
    scene = shop().sees(("pay-1", "web-1")).chooses().general(OUT, rule)
    assert scene.names(OUT) == ([DNS] if offered else [])
    assert DNS not in scene.names(IN)


def test_the_dns_row_starts_in_and_is_for_the_real_pods_and_port() -> None:
    scene = shop().sees(("pay-1", "web-1")).chooses()
    row = scene.row(OUT, DNS)
    assert (row.standing, row.reason) == (Standing.IN, "not seen; every name look-up needs it")
    assert scene.rules(OUT) == [
        {
            "to": [
                {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
                }
            ],
            "ports": [{"protocol": "TCP", "port": 5353}, {"protocol": "UDP", "port": 5353}],
        }
    ]


def test_the_dns_row_can_be_unticked_before_and_after_it_is_seen() -> None:
    scene = shop().sees(("pay-1", "web-1")).chooses()
    scene.tick(scene.row(OUT, DNS), False)
    assert scene.rules(OUT) == []
    scene.sees(talk(ENDS["web-1"], "10.96.0.10", 53, protocol=Protocol.UDP))
    assert not scene.row(OUT, DNS).in_policy


def without(name: str) -> list[Any]:
    return [o for o in SHOP if o["metadata"]["name"] != name]


@pytest.mark.parametrize("objects", [[], without("kube-dns")])
def test_dns_is_never_invented_and_its_absence_is_told(objects: list[Any]) -> None:
    scene = Scene(*objects)
    scene.ends = ENDS
    scene.sees(("web-1", "cart-1"))
    scene.chooses(scene.session.workloads()[-1].ref)
    assert DNS not in scene.names(OUT)
    assert any("the cluster's DNS is not known" in warning for warning in scene.review.warnings)


@pytest.mark.parametrize("rule", [GeneralRule.BLOCK_ALL, GeneralRule.ALLOW_ALL])
def test_no_warning_about_dns_where_no_rule_for_it_would_be_made(rule: GeneralRule) -> None:
    scene = Scene(*without("kube-dns")).sees(("web-1", "cart-1")).chooses().general(OUT, rule)
    assert not any("DNS" in warning for warning in scene.review.warnings)


# -- warnings and facts ------------------------------------------------------------------------------------


def test_without_cluster_state_the_cost_is_told() -> None:
    scene = Scene()
    scene.ends = ENDS
    scene.sees(("web-1", "cart-1")).chooses(WorkloadRef("Workload", "shop", "web"))
    assert any(w.startswith("no cluster state") and "--manifests" in w for w in scene.review.warnings)


def test_what_the_sources_could_not_read_is_told() -> None:
    session_inventory = replace(inventory(*SHOP), missing=("Services could not be listed: forbidden",))
    scene = shop().sees(("web-1", "cart-1")).chooses()
    scene.session.set_inventory(session_inventory)
    assert "Services could not be listed: forbidden" in scene.review.warnings


def test_facts_are_there_for_every_peer_and_the_workload() -> None:
    scene = shop().sees(("web-1", "cart-1"), ("pay-1", "web-1"), ("web-1", "203.0.113.7", 443)).chooses()
    scene.alias("partner", "203.0.113.7")
    facts = scene.review.facts
    peers = {row.key.peer for d in Direction for row in scene.table(d).rows}
    assert {*peers, owner_peer(WEB), alias_peer("partner")} <= set(facts)
    cart = facts[owner_peer(WorkloadRef("Deployment", "shop", "cart"))]
    assert (cart.labels, cart.services, cart.ports) == ((("app", "cart"),), ("cart",), ("8080/TCP",))
    assert (cart.pods, cart.addresses) == (("shop/cart-1",), ("10.244.0.12",))


# -- the policy of a Service -------------------------------------------------------------------------------


def test_a_service_is_its_selector_and_the_owners_behind_it() -> None:
    scene = (
        shop().sees(("pay-1", "web-1"), ("web-2", "cart-1")).chooses(WorkloadRef("Service", "shop", "web"))
    )
    assert scene.policy.name == "service-web"
    assert scene.policy.pod_selector.match_labels == (("app", "web"),)
    assert scene.review.subject.owners == (WEB,)
    assert (scene.names(IN), scene.names(OUT)) == (["pay"], [DNS, "cart"])


# -- what holds of every review ----------------------------------------------------------------------------


def world_of(session: Session) -> World:
    known = session.inventory
    aliases = {alias.name: alias for alias in session.aliases}
    return World(known, Knowledge(), ranges_of(known), find_dns(known, Knowledge()), aliases)


def verdicts(scene: Scene, world: World, row: Row) -> set[bool]:
    """Return whether the generated policies let the ends of a row through, each end on its port."""
    key = row.key
    ports = [(str(key.protocol), key.port)]
    if key.peer.sort is PeerSort.DNS and world.dns:
        ports = [(str(protocol), number) for protocol, number in world.dns.ports]
    rules = [(p, rule) for p in scene.review.policies for rule in p.rules(key.direction)]
    return {
        any(rule_allows(p, rule, key.direction, end, protocol, port, {}) for p, rule in rules)
        for end in Ends(world).of(row.communication)
        for protocol, port in ports
    }


@settings(max_examples=150)
@given(scenes())
def test_a_row_is_black_exactly_when_the_generated_policy_lets_it_through(scene: Scene) -> None:
    world = world_of(scene.session)
    for direction in Direction:
        for row in scene.table(direction).rows:
            if scene.review.withheld:
                assert row.in_policy
                continue
            if not row.key.protocol.expressible:
                assert not row.in_policy
                continue
            found = verdicts(scene, world, row)
            if row.in_policy:
                assert found <= {True}, row
            elif "in part allowed by" in row.reason:
                assert found == {True, False}, row
            else:
                assert found <= {False}, row


@settings(max_examples=100)
@given(scenes())
def test_every_generated_object_is_one_that_the_api_server_takes(scene: Scene) -> None:
    review = scene.review
    written = list(yaml.safe_load_all(review.yaml))
    assert written == [policy_object(policy) for policy in review.policies]
    for document in written:
        check(document)
    types = [t for document in written for t in document["spec"]["policyTypes"]]
    assert types == ([] if review.refusal else ["Ingress", "Egress"])


@settings(max_examples=25)
@given(scenes())
def test_every_generated_object_has_the_schema_of_the_api(scene: Scene) -> None:
    for document in yaml.safe_load_all(scene.review.yaml):
        check_schema(document)


@settings(max_examples=60)
@given(scenes())
def test_what_is_suspended_or_out_brings_no_rule(scene: Scene) -> None:
    assume(not scene.review.refusal)
    for direction in Direction:
        table = scene.table(direction)
        rules = scene.rules(direction)
        if table.general is GeneralRule.BLOCK_ALL:
            assert rules == []
        elif table.general is GeneralRule.ALLOW_ALL:
            assert rules == [{}]
        else:
            assert {} not in rules
        if not table.manual and not any(row.in_policy for row in table.rows):
            assert rules in ([], [{}], [{"from": [{"podSelector": {}}]}], [{"to": [{"podSelector": {}}]}])


@settings(max_examples=60)
@given(traffic, st.sampled_from(RANGES), st.lists(steps, max_size=5), st.randoms(use_true_random=False))
def test_the_same_decisions_give_the_same_bytes_in_whatever_order_input_came(
    flows: list[Any], ranges: dict[str, Any], taken: list[Any], order: random.Random
) -> None:
    scene = Scene(*OBJECTS, ranges=ranges).sees(flows).chooses()
    for step in taken:
        carry_out(scene, step)
    objects, shuffled = list(OBJECTS), list(flows)
    order.shuffle(objects)
    order.shuffle(shuffled)
    other = Scene().sees(shuffled[::2])
    other.session.set_inventory(inventory(*objects, **ranges))
    other.sees(shuffled[1::2]).chooses()
    for step in taken:
        carry_out(other, step)
    assert other.review.yaml == scene.review.yaml
    assert other.review.ingress.rows == scene.review.ingress.rows
    assert other.review.egress.rows == scene.review.egress.rows


VALUES = st.sampled_from(
    [
        "y",
        "n",
        "1e3",
        "0x10",
        "12e4",
        "null",
        "yes",
        "1_000",
        "0o7",
        "",
        "on",
        "No",
        "1.0",
        "a",
        "123",
        "true",
    ]
)


@settings(max_examples=60)
@given(VALUES, VALUES)
def test_label_values_stay_strings(own: str, other: str) -> None:
    web = Endpoint("10.9.0.1", "shop", "web-1", (("app", "web"), ("x", own)), (("Deployment", "web"),))
    peer = Endpoint("10.9.0.2", "shop", "peer-1", (("tier", "t"), ("x", other)), (("Deployment", "peer"),))
    scene = Scene().sees(talk(web, peer)).chooses()
    (document,) = yaml.safe_load_all(scene.review.yaml)
    check(document)
    assert document["spec"]["podSelector"]["matchLabels"]["x"] == own
    assert document["spec"]["egress"][0]["to"][0]["podSelector"]["matchLabels"]["x"] == other


def test_the_order_of_decisions_makes_no_difference() -> None:
    def decided(names: list[str], cidrs: list[str]) -> str:
        scene = shop().sees(*(("web-1", ip, 443) for ip in ("203.0.113.7", "203.0.113.8", "198.51.100.1")))
        scene.chooses()
        for name in names:
            scene.tick(scene.row(OUT, name))
        for cidr in cidrs:
            scene.manual(cidr)
        return scene.review.yaml

    one = decided(["203.0.113.7", "198.51.100.1"], ["192.0.2.0/24", "192.0.3.0/24"])
    assert one == decided(["198.51.100.1", "203.0.113.7"], ["192.0.3.0/24", "192.0.2.0/24"])


def test_the_verdict_is_no_part_of_a_row() -> None:
    seen = [flow(ENDS["web-1"], ENDS["cart-1"], verdict=v) for v in Verdict]
    scene = shop().sees(seen, ("web-1", "cart-1")).chooses()
    assert scene.names(OUT) == [DNS, "cart"]
    assert scene.row(OUT, "cart").reason.startswith("denied once, audited once: ")


def test_addresses_stand_in_the_order_of_their_numbers() -> None:
    peers = ("203.0.113.201", "203.0.113.77", "203.0.113.9", "2001:db8::9")
    rows = shop().sees(*(("web-1", ip, 443) for ip in peers)).chooses().table(OUT).rows
    assert [r.key.peer.name for r in rows if r.key.peer.unresolved] == [
        "203.0.113.9",
        "203.0.113.77",
        "203.0.113.201",
        "2001:db8::9",
    ]
