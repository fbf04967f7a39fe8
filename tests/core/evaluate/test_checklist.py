"""Hold the evaluator to the checklist of NetworkPolicy semantics, a test a line, named after the line.

A defaulting, B isolation and union, C selectors, D ports, E ipBlock. F and G stand in the files beside it.
"""

from __future__ import annotations

from typing import Any

import pytest

from netsec_tui.core.evaluate import ClusterState, parse_policy
from netsec_tui.core.evaluate.match import block_contains, selector_matches
from netsec_tui.errors import BadInputError
from netsec_tui.model.connection import Doubt, Outcome
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import Direction, WorkloadRef
from netsec_tui.model.inventory import Service, ServicePort
from netsec_tui.model.policy import IPBlock, LabelSelector, NetworkPolicy, Requirement
from tests.core.evaluate.build import (
    ALLOWED,
    DB,
    DENIED,
    FAR,
    OUTSIDE,
    WEB,
    ask,
    deny_all,
    egress,
    egress_of_web,
    ingress,
    ingress_to_web,
    pod,
    policy,
    select,
    sides,
)

BOTH = [Direction.INGRESS, Direction.EGRESS]


# A. Defaulting


@pytest.mark.parametrize(
    ("spec", "types"),
    [
        ({}, [Direction.INGRESS]),
        ({"ingress": [{}]}, [Direction.INGRESS]),
        ({"egress": []}, [Direction.INGRESS]),
        ({"policyTypes": [], "egress": [{}]}, BOTH),
        ({"policyTypes": None, "egress": [{}]}, BOTH),
    ],
)
def test_a1_missing_policy_types_follow_the_rules(spec: dict[str, Any], types: list[Direction]) -> None:
    assert list(policy("x/p", podSelector={}, **spec).policy_types) == types


def test_a1_empty_egress_without_types_does_not_isolate_egress() -> None:
    assert sides([policy("x/p", podSelector={}, egress=[])], WEB, DB) == (ALLOWED, DENIED)
    assert sides([policy("x/p", podSelector={}, egress=[], policyTypes=["Egress"])], WEB, DB) == (
        DENIED,
        ALLOWED,
    )


def test_a2_rules_of_an_unnamed_direction_are_ignored() -> None:
    only_ingress = policy("x/p", podSelector={}, policyTypes=["Ingress"], egress=[{"to": []}], ingress=[])
    assert sides([only_ingress], WEB, DB) == (ALLOWED, DENIED)
    only_egress = policy("x/p", podSelector={}, policyTypes=["Egress"], ingress=[{}])
    assert sides([only_egress], WEB, DB) == (DENIED, ALLOWED)


def test_a3_missing_protocol_is_tcp() -> None:
    dns = egress_of_web({"ports": [{"port": 53}]})
    assert egress([dns], WEB, DB, "TCP/53") == ALLOWED
    assert egress([dns], WEB, DB, "UDP/53") == DENIED


def test_a4_missing_pod_selector_selects_the_namespace() -> None:
    p = parse_policy({"metadata": {"name": "p", "namespace": "x"}, "spec": {"policyTypes": ["Ingress"]}})
    assert ingress([p], FAR, WEB) == ingress([p], FAR, DB) == DENIED
    assert ingress([p], WEB, FAR) == ALLOWED


def test_a5_missing_namespace_is_that_of_the_request() -> None:
    obj = {"metadata": {"name": "p"}, "spec": {}}
    assert parse_policy(obj).namespace == "default"
    assert parse_policy(obj, default_namespace="shop").namespace == "shop"


def test_a6_namespaces_carry_their_name_as_a_label() -> None:
    p = ingress_to_web({"from": [{"namespaceSelector": select(**{"kubernetes.io/metadata.name": "y"})}]})
    assert ingress([p], FAR, WEB) == ALLOWED
    assert ingress([p], DB, WEB) == DENIED


def test_a7_only_the_pods_own_labels_count() -> None:
    owned = pod("x/w", app="other", owner=WorkloadRef("Deployment", "x", "web"))
    assert ingress([ingress_to_web()], FAR, owned) == ALLOWED


# B. Isolation and union


def test_b1_directions_isolate_independently_and_only_in_the_own_namespace() -> None:
    p = ingress_to_web()
    assert sides([p], FAR, WEB) == (ALLOWED, DENIED)
    assert sides([p], WEB, FAR) == (ALLOWED, ALLOWED)


def test_b2_any_rule_of_any_policy_allows() -> None:
    policies = [
        deny_all("x"),
        policy("x/a", podSelector={}, ingress=[{"ports": [{"port": 1}]}, {"ports": [{"port": 80}]}]),
        policy("x/b", podSelector={}, ingress=[{"ports": [{"port": 80}]}]),
        policy("x/c", podSelector=select(app="db"), ingress=[{}]),
    ]
    for order in (policies, policies[::-1]):
        answer = ask(order, FAR, WEB).ingress
        assert answer.outcome is Outcome.ALLOWED
        assert sorted(map(str, answer.allowed_by)) == ["x/a ingress[1]", "x/b ingress[0]"]
        assert sorted(map(str, answer.isolated_by)) == ["x/a", "x/b", "x/deny-all"]
    assert ingress(policies, FAR, WEB, "TCP/81") == DENIED


def test_b3_both_sides_must_allow_and_both_are_told() -> None:
    verdict = ask([deny_all("x"), policy("x/in", podSelector={}, ingress=[{}])], WEB, DB)
    assert (verdict.egress.outcome, verdict.ingress.outcome) == (Outcome.DENIED, Outcome.ALLOWED)
    assert verdict.outcome is Outcome.DENIED
    assert [str(ref) for ref in verdict.egress.deciding] == ["x/deny-all"]
    assert [str(ref) for ref in verdict.ingress.deciding] == ["x/in ingress[0]"]


@pytest.mark.parametrize(("source", "destination", "answer"), [(OUTSIDE, WEB, 1), (WEB, OUTSIDE, 0)])
def test_b3_only_the_pods_side_is_evaluated(source: Any, destination: Any, answer: int) -> None:
    outcomes = sides([deny_all("x")], source, destination)
    assert outcomes[answer] == DENIED
    assert outcomes[1 - answer] == ALLOWED


def test_b4_replies_need_no_rule() -> None:
    policies = [deny_all("x"), policy("x/out", podSelector=select(app="web"), egress=[{}])]
    policies.append(policy("x/in", podSelector=select(app="db"), ingress=[{}]))
    assert ask(policies, WEB, DB).outcome is Outcome.ALLOWED
    assert ask(policies, DB, WEB).outcome is Outcome.DENIED


# B5 is about what is said, not about what is evaluated: verdicts are about new connections.


# C. Selectors


def test_c1_pod_selector_alone_means_the_policys_namespace() -> None:
    p = policy("x/p", podSelector=select(app="db"), ingress=[{"from": [{"podSelector": select(app="web")}]}])
    assert ingress([p], WEB, DB) == ALLOWED
    assert ingress([p], FAR, DB) == DENIED


def test_c2_one_item_is_and_two_items_are_or() -> None:
    far = {"namespaceSelector": select(team="far")}
    web = {"podSelector": select(app="web")}
    other = pod("y/other", app="other", namespace_labels={"team": "far"})
    alone, both, either = (
        policy("x/p", podSelector=select(app="db"), ingress=[{"from": peers}])
        for peers in ([far], [far | web], [far, web])
    )
    table = {"far": FAR, "other": other, "web": WEB}
    assert {n for n, p in table.items() if ingress([alone], p, DB) == ALLOWED} == {"far", "other"}
    assert {n for n, p in table.items() if ingress([both], p, DB) == ALLOWED} == {"far"}
    assert {n for n, p in table.items() if ingress([either], p, DB) == ALLOWED} == {"far", "other", "web"}


def test_c3_an_empty_selector_matches_all_and_a_null_one_is_not_used() -> None:
    own = ingress_to_web({"from": [{"podSelector": {}}]})
    null = ingress_to_web({"from": [{"podSelector": {}, "namespaceSelector": None}]})
    every = ingress_to_web({"from": [{"namespaceSelector": {}}]})
    for p in (own, null):
        assert [ingress([p], end, WEB) for end in (DB, FAR, OUTSIDE)] == [ALLOWED, DENIED, DENIED]
    assert [ingress([every], end, WEB) for end in (DB, FAR, OUTSIDE)] == [ALLOWED, ALLOWED, DENIED]


@pytest.mark.parametrize("nothing", [{}, {"from": [], "ports": []}, {"from": None, "ports": None}])
def test_c4_missing_or_empty_lists_match_anything(nothing: dict[str, Any]) -> None:
    p = ingress_to_web(nothing)
    for end in (DB, FAR, OUTSIDE, "2001:db8::1"):
        for port in ("TCP/1", "UDP/53", "SCTP/65535"):
            assert ingress([p], end, WEB, port) == ALLOWED


@pytest.mark.parametrize("rules", [{}, {"ingress": []}, {"ingress": None}])
def test_c4_no_rules_allow_nothing(rules: dict[str, Any]) -> None:
    assert ingress([policy("x/p", podSelector={}, **rules)], DB, WEB) == DENIED


@pytest.mark.parametrize("peer", [{}, {"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}])
def test_c5_peers_that_the_api_refuses(peer: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match=r"NetworkPolicy x/p: spec\.ingress\[0\]\.from\[0\]"):
        ingress_to_web({"from": [peer]})


def test_c5_labels_and_expressions_must_both_hold() -> None:
    selector = LabelSelector((("app", "web"),), (Requirement("tier", "Exists"),))
    assert selector_matches(selector, {"app": "web", "tier": ""})
    assert not selector_matches(selector, {"app": "web"})
    assert not selector_matches(selector, {"app": "db", "tier": ""})


@pytest.mark.parametrize(
    ("operator", "values", "matching"),
    [
        ("In", ("a", "b"), ["a", "b"]),
        ("In", ("",), [""]),
        ("NotIn", ("a", "b"), ["A", "", None]),
        ("NotIn", ("",), ["a", "b", "A", None]),
        ("Exists", (), ["a", "b", "A", ""]),
        ("DoesNotExist", (), [None]),
    ],
)
def test_c6_operators(operator: str, values: tuple[str, ...], matching: list[str | None]) -> None:
    selector = LabelSelector(match_expressions=(Requirement("key", operator, values),))
    found = [
        value
        for value in ("a", "b", "A", "", None)
        if selector_matches(selector, {} if value is None else {"key": value, "other": "a"})
    ]
    assert found == matching


def test_c6_operators_in_policies() -> None:
    def from_pods(**requirement: Any) -> NetworkPolicy:
        return ingress_to_web({"from": [{"podSelector": {"matchExpressions": [requirement]}}]})

    bare = pod("x/bare")
    cases = [
        (from_pods(key="app", operator="NotIn", values=["db"]), [DENIED, ALLOWED]),
        (from_pods(key="app", operator="Exists"), [ALLOWED, DENIED]),
        (from_pods(key="app", operator="DoesNotExist"), [DENIED, ALLOWED]),
        (from_pods(key="app", operator="In", values=["db", "x"]), [ALLOWED, DENIED]),
    ]
    for p, expected in cases:
        assert [ingress([p], DB, WEB), ingress([p], bare, WEB)] == expected


def test_c7_unknown_namespace_labels_are_flagged_and_only_the_name_matches() -> None:
    stranger = pod("y/s", namespace_labels=None)
    by_team = ingress_to_web({"from": [{"namespaceSelector": select(team="far")}]})
    answer = ask([by_team], stranger, WEB).ingress
    assert answer.outcome is Outcome.DENIED
    assert answer.notes == ("labels of namespace y are not known: only its name was matched",)
    by_name = ingress_to_web(
        {"from": [{"namespaceSelector": select(**{"kubernetes.io/metadata.name": "y"})}]}
    )
    assert ingress([by_name], stranger, WEB) == ALLOWED
    assert ask([by_name], FAR, WEB).ingress.notes == ()


# D. Ports


def test_d1_a_protocol_without_port_is_all_its_ports() -> None:
    p = ingress_to_web({"ports": [{"protocol": "UDP"}]})
    assert ingress([p], DB, WEB, "UDP/1") == ingress([p], DB, WEB, "UDP/65535") == ALLOWED
    assert ingress([p], DB, WEB, "TCP/1") == DENIED


def test_d2_a_number_is_the_pods_port_and_never_the_services() -> None:
    service = Service(
        "x", "db", (("app", "db"),), (ServicePort("", Protocol.TCP, 80, 8080),), "ClusterIP", ("10.9.0.1",)
    )
    state = ClusterState(pods=(WEB, DB), services=(service,))
    service_port, pod_port = (egress_of_web({"ports": [{"port": n}]}) for n in (80, 8080))
    assert egress([service_port], WEB, "10.9.0.1", "TCP/80", state) == DENIED
    assert egress([pod_port], WEB, "10.9.0.1", "TCP/80", state) == ALLOWED


def test_d3_a_name_resolves_per_destination_pod_and_protocol() -> None:
    out = egress_of_web({"ports": [{"port": "http"}]})
    assert egress([out], WEB, DB, "TCP/8080") == egress([out], WEB, FAR, "TCP/80") == ALLOWED
    assert egress([out], WEB, DB, "TCP/80") == egress([out], WEB, FAR, "TCP/8080") == DENIED
    assert ingress([ingress_to_web({"ports": [{"port": "http"}]})], DB, WEB, "TCP/80") == ALLOWED


@pytest.mark.parametrize(
    "entry", [{"port": "nope"}, {"port": "dns"}, {"port": "http", "protocol": "UDP"}, {"port": "web"}]
)
def test_d3_a_name_that_is_not_declared_matches_nothing(entry: dict[str, Any]) -> None:
    p = ingress_to_web({"ports": [entry]})
    assert {ingress([p], DB, WEB, f"{proto}/{n}") for proto in ("TCP", "UDP") for n in (53, 80)} == {DENIED}


def test_d3_a_name_never_matches_ip_block_peers_in_egress() -> None:
    everywhere = {"ipBlock": {"cidr": "0.0.0.0/0"}}
    out = egress_of_web({"to": [everywhere], "ports": [{"port": "http"}]})
    assert egress([out], WEB, OUTSIDE) == egress([out], WEB, FAR) == DENIED
    assert egress([egress_of_web({"ports": [{"port": "http"}]})], WEB, OUTSIDE) == DENIED
    # In ingress the name is the selected pod's, so a block as the source makes no difference.
    assert (
        ingress([ingress_to_web({"from": [everywhere], "ports": [{"port": "http"}]})], OUTSIDE, WEB)
        == ALLOWED
    )


def test_d4_end_port_is_an_inclusive_range() -> None:
    p = ingress_to_web({"ports": [{"port": 80, "endPort": 90}, {"port": 100, "endPort": 100}]})
    allowed = [n for n in (79, 80, 85, 90, 91, 99, 100, 101) if ingress([p], DB, WEB, f"TCP/{n}") == ALLOWED]
    assert allowed == [80, 85, 90, 100]


@pytest.mark.parametrize(
    "entry", [{"endPort": 90}, {"port": "http", "endPort": 90}, {"port": 91, "endPort": 90}]
)
def test_d4_end_port_needs_a_number_below_it(entry: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match=r"spec\.ingress\[0\]\.ports\[0\]\.endPort"):
        ingress_to_web({"ports": [entry]})


def test_d5_sctp_never_acts_as_tcp_but_isolates() -> None:
    p = ingress_to_web({"ports": [{"protocol": "SCTP", "port": 80}]})
    outcomes = [ingress([p], DB, WEB, f"{protocol}/80") for protocol in ("SCTP", "TCP", "UDP")]
    assert outcomes == [ALLOWED, DENIED, DENIED]


# E. ipBlock


def test_e1_excepts_belong_to_their_own_block() -> None:
    block = {"ipBlock": {"cidr": "203.0.113.0/24", "except": ["203.0.113.0/29", "203.0.113.128/25"]}}
    p = ingress_to_web({"from": [block]})
    assert [ingress([p], f"203.0.113.{n}", WEB) for n in (7, 8, 127, 128)] == [
        DENIED,
        ALLOWED,
        ALLOWED,
        DENIED,
    ]
    other = policy("x/other", podSelector={}, ingress=[{"from": [{"ipBlock": {"cidr": "203.0.113.7/32"}}]}])
    assert ingress([p, other], OUTSIDE, WEB) == ALLOWED


def test_e1_excepts_may_lie_in_each_other() -> None:
    block = IPBlock("10.0.0.0/8", ("10.1.0.0/16", "10.1.1.0/24", "10.1.0.0/30"))
    addresses = ("10.0.255.255", "10.1.0.5", "10.1.1.1", "10.1.2.1", "10.2.0.0")
    assert [block_contains(block, ip) for ip in addresses] == [True, False, False, False, True]


def test_e2_a_block_matches_its_family_only() -> None:
    four = ingress_to_web({"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]})
    six = ingress_to_web({"from": [{"ipBlock": {"cidr": "::/0"}}]})
    dual = pod("x/dual", "10.0.0.9,fd00::9", app="web")
    for p, expected in ((four, [ALLOWED, DENIED]), (six, [DENIED, ALLOWED])):
        assert [ingress([p], ip, dual) for ip in (OUTSIDE, "2001:db8::1")] == expected
    assert ingress([four], "::ffff:203.0.113.7", dual) == ALLOWED


def test_e2_ipv6_excepts() -> None:
    block = IPBlock("2001:db8::/32", ("2001:db8:1::/48",))
    addresses = ("2001:db8::1", "2001:db8:1::1", "2001:db8:2::1", "2001:db9::1")
    assert [block_contains(block, ip) for ip in addresses] == [True, False, True, False]


@pytest.mark.parametrize("cut", ["10.0.0.0/8", "10.0.0.0/7", "11.0.0.0/9", "fd00::/64"])
def test_e3_an_except_is_a_smaller_part(cut: str) -> None:
    with pytest.raises(BadInputError, match=r"ipBlock\.except\[0\]"):
        ingress_to_web({"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": [cut]}}]})


@pytest.mark.parametrize(
    ("stored", "meant"),
    [
        ("10.0.0.5/24", "10.0.0.0/24"),
        ("010.001.0.0/16", "10.1.0.0/16"),
        ("2001:db8::5/64", "2001:db8::/64"),
        ("::ffff:10.0.0.5/120", "10.0.0.0/24"),
    ],
)
def test_e3_stored_cidrs_of_old_are_masked(stored: str, meant: str) -> None:
    p = ingress_to_web({"from": [{"ipBlock": {"cidr": stored}}]})
    assert p.ingress[0].peers[0].ip_block == IPBlock(meant)


def test_e4_whether_blocks_match_pods_is_a_switch() -> None:
    p = ingress_to_web({"from": [{"ipBlock": {"cidr": "10.0.0.0/16"}}]})
    assert ingress([p], DB, WEB) == ALLOWED
    assert ingress([p], DB, WEB, state=ClusterState(ipblock_matches_pods=False)) == DENIED
    assert ingress([p], "10.0.0.2", WEB, state=ClusterState((DB,), ipblock_matches_pods=False)) == DENIED
    assert ingress([p], "10.0.0.77", WEB, state=ClusterState(ipblock_matches_pods=False)) == ALLOWED


def test_e5_without_the_switch_a_nodes_address_is_undecided() -> None:
    p = ingress_to_web({"from": [{"ipBlock": {"cidr": "192.168.0.0/16"}}]})
    on_a = pod("x/web", "10.0.0.1", app="web", node="a")
    nodes = {"192.168.0.2": "b"}
    assert ingress([p], "192.168.0.2", on_a, state=ClusterState(nodes=nodes)) == ALLOWED
    cilium = ClusterState(nodes=nodes, ipblock_matches_pods=False)
    assert ask([p], "192.168.0.2", on_a, state=cilium).ingress.doubt is Doubt.NODE_ADDRESS
