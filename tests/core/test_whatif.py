"""What policies would make of recorded communications: applied, applied and draft, draft alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.core.compare.applied import Applied
from netsec_tui.core.compare.applied_verdict import Verdicts
from netsec_tui.core.compare.row_ends import RowEnds, is_translated
from netsec_tui.core.compare.whatif import WhatIfMaker, policies_of, what_if
from netsec_tui.core.evaluate import evaluate
from netsec_tui.model.connection import Connection, EndPod, Outcome
from netsec_tui.model.decision import GeneralRule
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import Direction, WorkloadRef
from netsec_tui.model.proof import Reach
from netsec_tui.model.review import Row
from netsec_tui.model.whatif import Outlook, Scenario, WhatIf, WhatIfVerdict
from tests.core.random_policies import applied_policies
from tests.core.random_scenes import OBJECTS, carry_out, steps, traffic
from tests.core.scene import IN, OUT, SHOP, WEB, Object, Scene, flow, obj, owner, pod, policy, shop

APPLIED, BOTH, DRAFT = Scenario
ALLOWED, DENIED, UNKNOWN = WhatIfVerdict

DENY_ALL = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
ONLY_PAY = {
    "podSelector": {"matchLabels": {"app": "cart"}},
    "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "pay"}}}]}],
}


def asked(scene: Scene) -> WhatIf:
    ground = scene.session.ground()
    assert ground is not None
    return what_if(scene.review, ground)


def verdicts(scene: Scene, row: Row) -> tuple[WhatIfVerdict, ...]:
    found = asked(scene)
    return tuple(found[scenario].forecasts[row.key].verdict for scenario in Scenario)


def why(scene: Scene, scenario: Scenario, row: Row) -> str:
    return asked(scene)[scenario].forecasts[row.key].sentence(scenario)


def to_cart(*objects: Object, **options: Any) -> Scene:
    return shop(*objects, **options).sees(("web-1", "cart-1")).chooses()


def unticked(scene: Scene, name: str) -> Scene:
    return scene.tick(scene.row(OUT, name), False)


# -- what becomes of a row ---------------------------------------------------------------------------------


def test_nothing_applied_and_a_draft_that_includes_the_row() -> None:
    scene = to_cart()
    assert verdicts(scene, scene.row(OUT, "cart")) == (ALLOWED, ALLOWED, ALLOWED)


def test_a_row_left_out_of_the_draft_would_be_denied_by_it() -> None:
    scene = unticked(to_cart(), "cart")
    assert verdicts(scene, scene.row(OUT, "cart")) == (ALLOWED, DENIED, DENIED)
    assert why(scene, BOTH, scene.row(OUT, "cart")) == (
        "Would be denied (applied + draft): egress is isolated by shop/deployment-web, and no rule allows it"
    )


def test_the_policy_of_the_other_end_counts_too() -> None:
    scene = to_cart(policy("cart-in", ONLY_PAY))
    assert verdicts(scene, scene.row(OUT, "cart")) == (DENIED, DENIED, ALLOWED)
    assert "ingress is isolated by shop/cart-in" in why(scene, APPLIED, scene.row(OUT, "cart"))


def test_an_applied_policy_of_the_drafts_name_is_replaced() -> None:
    mine = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress", "Egress"]}
    scene = to_cart(policy("deployment-web", mine))
    assert verdicts(scene, scene.row(OUT, "cart")) == (DENIED, ALLOWED, ALLOWED)


def test_a_policy_of_the_drafts_name_in_another_namespace_stays() -> None:
    scene = shop(policy("deployment-web", DENY_ALL, "data")).sees(("web-1", "db-0", 5432)).chooses()
    assert verdicts(scene, scene.row(OUT, "db")) == (DENIED, DENIED, ALLOWED)


def test_an_applied_policy_with_another_name_still_adds_to_the_draft() -> None:
    everything = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}
    scene = unticked(to_cart(policy("open", everything)), "cart")
    assert verdicts(scene, scene.row(OUT, "cart")) == (ALLOWED, ALLOWED, DENIED)


def test_one_pod_of_several_is_enough_and_is_counted() -> None:
    picky = {
        "podSelector": {"matchLabels": {"app": "web"}},
        "policyTypes": ["Egress"],
        "egress": [{"to": [{"ipBlock": {"cidr": "203.0.113.0/28"}}]}],
    }
    scene = shop(policy("out", picky)).sees(("web-1", "203.0.113.7", 443), ("web-1", "203.0.113.77", 443))
    scene.chooses().alias("provider", "203.0.113.0/24")
    # Three pods of web (two live ones, one to come) times two addresses.
    assert why(scene, APPLIED, scene.row(OUT, "provider")) == (
        "Would be denied for 3 of 6 pairs of pods (applied): "
        "egress is isolated by shop/out, and no rule allows it"
    )


def test_a_single_other_end_counts_pods() -> None:
    young = {
        "podSelector": {"matchLabels": {"app": "web", "track": "canary"}},
        "policyTypes": ["Egress"],
    }
    canary = pod("web-3", "10.244.0.33", "web", labels={"app": "web", "track": "canary"})
    scene = shop(canary, policy("out", young)).sees(("web-1", "203.0.113.7", 443)).chooses()
    assert why(scene, APPLIED, scene.row(OUT, "203.0.113.7")).startswith(
        "Would be denied for 1 of 4 pods (applied): "
    )


def test_a_workload_on_the_host_network_stands_for_its_nodes_addresses() -> None:
    closed = policy("closed", DENY_ALL, "kube-system")
    here, there = (
        pod(f"cart-{name}", f"10.244.3.{n}", "cart", nodeName=f"node-{name}") for n, name in enumerate("ab")
    )
    agent = WorkloadRef("DaemonSet", "kube-system", "agent")
    scene = shop(closed).sees(("agent-x", "cart-1")).chooses(agent)
    # No policy selects it, and none is on the other end.
    assert verdicts(scene, scene.row(OUT, "cart")) == (ALLOWED,) * 3
    objects = [o for o in SHOP if not o["metadata"]["name"].startswith("cart-")]
    scene = Scene(*objects, here, there, policy("cart-in", ONLY_PAY)).sees(("agent-x", "cart-a"))
    row = scene.chooses(agent).row(OUT, "cart")
    assert verdicts(scene, row) == (DENIED, DENIED, ALLOWED)
    assert why(scene, APPLIED, row).startswith("Would be denied for 1 of 3 pods (applied): ")


def test_what_only_the_next_pods_node_leaves_open_says_so() -> None:
    here = pod("cart-a", "10.244.3.1", "cart", nodeName="node-a")
    objects = [o for o in SHOP if not o["metadata"]["name"].startswith("cart-")]
    scene = Scene(*objects, here, policy("cart-in", ONLY_PAY)).sees(("agent-x", "cart-a"))
    row = scene.chooses(WorkloadRef("DaemonSet", "kube-system", "agent")).row(OUT, "cart")
    assert why(scene, APPLIED, row) == (
        "Cannot tell for 1 of 2 pods (applied): ingress: an owner's next pod may run on that very node"
    )
    ground = scene.session.ground()
    assert ground is not None
    told = Verdicts(Applied(ground), scene.review.subject).of(row.communication)
    assert (told.outcome, told.short) == (Reach.UNKNOWN, "an owner's next pod may run on that very node")


def test_a_protocol_that_no_policy_speaks_of_is_a_question_for_the_cni() -> None:
    scene = shop(policy("closed", DENY_ALL)).sees(
        [flow(*_ends("web-1", "cart-1"), 0, protocol=Protocol.ICMP)]
    )
    row = scene.chooses().row(OUT, "cart")
    assert verdicts(scene, row)[0] is UNKNOWN


def test_a_policy_of_another_kind_may_overrule() -> None:
    spec = {"endpointSelector": {"matchLabels": {"app": "cart"}}, "ingress": [{}]}
    cilium = obj("CiliumNetworkPolicy", "cart", "shop", "cilium.io/v2", spec=spec)
    scene = to_cart(cilium).sees(("web-1", "pay-1"))
    assert verdicts(scene, scene.row(OUT, "cart")) == (UNKNOWN,) * 3
    assert "CiliumNetworkPolicy" in why(scene, APPLIED, scene.row(OUT, "cart"))
    assert verdicts(scene, scene.row(OUT, "pay")) == (ALLOWED,) * 3


@pytest.mark.parametrize(
    ("egress", "verdict"),
    [
        ([], DENIED),
        ([{"ports": [{"port": 443}]}], UNKNOWN),
        ([{}], ALLOWED),
        ([{"to": [{"podSelector": {"matchLabels": {"app": "pay"}}}], "ports": [{"port": 443}]}], DENIED),
    ],
)
def test_a_port_that_is_not_known_could_be_any(egress: list[Object], verdict: WhatIfVerdict) -> None:
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": egress}
    scene = shop(policy("some", spec)).sees([flow(*_ends("web-1", "cart-1"), 0)]).chooses()
    (row,) = (row for row in scene.table(OUT).rows if row.key.peer.name == "cart")
    assert row.key.port == 0
    assert verdicts(scene, row)[0] is verdict


def _ends(*names: str) -> tuple[Any, ...]:
    scene = shop()
    return tuple(scene.end(name) for name in names)


def test_a_cluster_without_pods_of_the_workload_is_still_answered_for_the_next_one() -> None:
    objects = [o for o in SHOP if not o["metadata"]["name"].startswith("web-")]
    scene = Scene(*objects, policy("closed", DENY_ALL)).sees([flow(_ends("web-1")[0], "203.0.113.7", 443)])
    scene.chooses()
    assert verdicts(scene, scene.row(OUT, "203.0.113.7"))[0] is DENIED


OUT_TO_BLOCK = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Egress"]}


def to_block(cidr: str) -> Object:
    return policy("out", OUT_TO_BLOCK | {"egress": [{"to": [{"ipBlock": {"cidr": cidr}}]}]})


@pytest.mark.parametrize(
    ("cidr", "verdict"), [("10.244.77.0/24", UNKNOWN), ("203.0.113.0/24", DENIED), ("0.0.0.0/0", UNKNOWN)]
)
def test_a_pod_to_come_may_get_any_address_of_the_pods_range(cidr: str, verdict: WhatIfVerdict) -> None:
    objects = [o for o in SHOP if o["metadata"]["name"] != "cart-1"]
    scene = Scene(*objects, to_block(cidr), ranges={"pod_cidrs": ("10.244.0.0/16",)})
    scene.sees([flow(*_ends("web-1", "cart-1"))]).chooses()
    assert verdicts(scene, scene.row(OUT, "cart"))[0] is verdict


def test_a_block_of_a_pod_outside_of_the_known_range_counts_for_that_pod() -> None:
    objects = [o for o in SHOP if o["metadata"]["name"] != "cart-1"]
    elsewhere = pod("cart-1", "192.168.5.5", "cart")
    scene = Scene(*objects, elsewhere, to_block("192.168.5.5/32")).sees(("web-1", "cart-1")).chooses()
    assert why(scene, APPLIED, scene.row(OUT, "cart")).startswith("Would be denied for 3 of 6 pairs of pods ")


def test_pods_on_the_node_that_a_connection_comes_from_are_told_apart() -> None:
    here, there = (
        pod(f"web-{name}", f"10.244.3.{n}", "web", nodeName=name)
        for n, name in enumerate(("node-a", "node-b"))
    )
    shop_objects = [o for o in SHOP if not o["metadata"]["name"].startswith("web-")]
    scene = Scene(*shop_objects, here, there, policy("closed", DENY_ALL)).sees(("172.18.0.2", "web-node-b"))
    (row,) = (row for row in scene.chooses().table(IN).rows if row.communication.counts.total)
    # Its own node gets in anyway, and of the pod to come the node is not known.
    assert why(scene, APPLIED, row).startswith("Would be denied for 1 of 3 ")


def test_counts_are_of_rows_with_traffic() -> None:
    scene = unticked(to_cart().sees(("web-1", "203.0.113.7", 443), ("pay-1", "web-1")), "cart")
    outlook = asked(scene)[BOTH]
    unseen_dns = [row for row in scene.table(OUT).rows if not row.communication.counts.total]
    assert len(unseen_dns) == 1
    assert unseen_dns[0].key in outlook.forecasts
    assert [outlook.count(verdict) for verdict in WhatIfVerdict] == [1, 2, 0]
    assert outlook.keys(ALLOWED) == {scene.row(IN, "pay").key}


# -- allowed though never seen -----------------------------------------------------------------------------


def lines(outlook: Outlook, direction: Direction) -> set[tuple[str, str]]:
    return {(line.who, line.ports) for line in outlook.unseen if line.direction is direction}


def test_without_policies_everything_is_open_and_is_told_in_one_line() -> None:
    objects = [
        thing for n in range(6) for thing in (owner(f"x{n}"), pod(f"x{n}-1", f"10.244.2.{n}", f"x{n}"))
    ]
    outlook = asked(to_cart(*objects))[APPLIED]
    # Four of the shop and its neighbours, and six more; the agent is on the host network.
    everyone = ("all other pod owners (10)", "all ports")
    assert lines(outlook, OUT) == {everyone, ("any address", "all ports")} == lines(outlook, IN)
    assert outlook.never_seen == 2 * (10 + 1)


def test_owners_that_shut_themselves_off_are_named_as_exceptions() -> None:
    closed = policy("closed", {"podSelector": {}, "policyTypes": ["Ingress"]}, "data")
    outlook = asked(to_cart(closed, owner("mail"), pod("mail-1", "10.244.2.1", "mail")))[APPLIED]
    assert lines(outlook, OUT) == {
        ("all other pod owners (4) but data/StatefulSet/db", "all ports"),
        ("any address", "all ports"),
    }
    assert ("all other pod owners (5)", "all ports") in lines(outlook, IN)


def test_few_owners_are_named_each_with_the_ports_that_no_row_shows() -> None:
    closed = policy("closed", {"podSelector": {}, "policyTypes": ["Ingress"]}, "data")
    assert lines(asked(to_cart(closed))[APPLIED], OUT) == {
        ("Deployment/cart", "all ports but TCP 8080"),
        ("Deployment/pay", "all ports"),
        ("kube-system/Deployment/coredns", "all ports but TCP 5353; UDP 5353"),
        ("any address", "all ports"),
    }


def test_a_draft_opens_what_its_selectors_match_and_no_row_shows() -> None:
    wide = {
        "podSelector": {"matchLabels": {"app": "web"}},
        "policyTypes": ["Ingress", "Egress"],
        "egress": [
            {
                "to": [{"podSelector": {}}, {"ipBlock": {"cidr": "203.0.113.0/24"}}],
                "ports": [{"port": 8080, "endPort": 8082}],
            }
        ],
    }
    scene = shop(policy("wide", wide)).sees(("web-1", "cart-1"), ("web-1", "203.0.113.7")).chooses()
    outlook = asked(scene)[APPLIED]
    assert lines(outlook, OUT) == {
        ("Deployment/cart", "TCP 8081-8082"),
        ("Deployment/pay", "TCP 8080-8082"),
        ("203.0.113.0/24", "TCP 8080-8082"),
    }
    assert lines(outlook, IN) == set()
    assert outlook.never_seen == 3


@pytest.mark.parametrize("left_out", ["nothing", "coredns"])
def test_a_row_that_was_never_asked_shows_what_it_opens_all_the_same(left_out: str) -> None:
    objects = [o for o in SHOP if not o["metadata"]["name"].startswith(left_out)]
    scene = Scene(*objects).sees(("web-1", "cart-1"), ("web-1", "203.0.113.7", 443)).chooses()
    scene.tick(scene.row(OUT, "203.0.113.7"))
    unseen = [row for row in scene.table(OUT).rows if not row.communication.counts.total]
    assert [(row.key.peer.name, row.ticked) for row in unseen] == [("cluster DNS", True)]
    assert asked(scene)[DRAFT].unseen == ()


def test_block_all_opens_nothing() -> None:
    scene = to_cart()
    for direction in Direction:
        scene.general(direction, GeneralRule.BLOCK_ALL)
    assert asked(scene)[DRAFT].never_seen == 0


# -- work that is saved ------------------------------------------------------------------------------------


def test_answers_about_applied_policies_are_kept_while_only_decisions_change() -> None:
    scene = to_cart(policy("cart-in", ONLY_PAY))
    ground = scene.session.ground()
    assert ground is not None
    maker = WhatIfMaker(ground, scene.review.subject)
    first = maker.make(scene.review)
    second = maker.make(unticked(scene, "cart").review)
    assert first is not None
    assert second is not None
    assert second[APPLIED] is first[APPLIED]
    assert second == what_if(scene.review, ground)


def test_nothing_is_returned_when_nobody_wants_it_any_more() -> None:
    scene = to_cart()
    ground = scene.session.ground()
    assert ground is not None
    assert WhatIfMaker(ground, scene.review.subject).make(scene.review, lambda: False) is None


# -- against brute force -----------------------------------------------------------------------------------


@given(
    applied_policies,
    traffic,
    st.lists(steps, max_size=3),
    st.sampled_from(["web", "cart", "agent", "coredns"]),
)
@settings(max_examples=60)
def test_every_verdict_is_that_of_all_pairs(
    policies: tuple[Object, ...], flows: list[Any], decisions: list[Any], name: str
) -> None:
    scene = Scene(*OBJECTS, *policies).sees(flows)
    known = {choice.ref.name: choice.ref for choice in scene.session.workloads()}
    scene.chooses(known.get(name, WEB))
    for step in decisions:
        carry_out(scene, step)
    ground = scene.session.ground()
    assert ground is not None
    found = asked(scene)
    ends = RowEnds(ground, scene.review.subject)
    for scenario in Scenario:
        known_policies = policies_of(scenario, ground.applied.all, scene.review.policies)
        for direction in Direction:
            for row in scene.table(direction).rows:
                told = found[scenario].forecasts[row.key]
                outcomes = {
                    evaluate(known_policies, ground.state, connection).outcome
                    for connection in all_connections(ends, row)
                }
                assert told.verdict is expected(outcomes), (scenario, row.key, told)


def all_connections(ends: RowEnds, row: Row) -> Iterable[Connection]:
    for mine in ends.own:
        for other in ends.peers(row.communication):
            if isinstance(other, EndPod) and isinstance(mine, EndPod) and str(mine) == str(other):
                continue
            client, server = (other, mine) if row.key.direction is IN else (mine, other)
            for protocol, port in ends.ports(row.communication):
                translated = is_translated(row.communication)
                yield Connection(client, server, protocol, port, source_translated=translated)


def expected(outcomes: set[Outcome]) -> WhatIfVerdict:
    if Outcome.DENIED in outcomes:
        return DENIED
    return ALLOWED if outcomes == {Outcome.ALLOWED} else UNKNOWN
