"""Names and rules of generated policies; merging allows exactly what its rules allowed before."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.core.evaluate.match import rule_allows
from netsec_tui.core.generate.policies import generate, merge_rules, policy_name
from netsec_tui.model.connection import End, EndPod
from netsec_tui.model.identity import Direction, WorkloadRef
from netsec_tui.model.policy import (
    IPBlock,
    LabelSelector,
    NetworkPolicy,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    Requirement,
)
from netsec_tui.model.review import Subject

SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
"""DNS-1123 subdomain, as the API server checks names."""

APP = LabelSelector((("app", "a"),))
SHOP = LabelSelector((("kubernetes.io/metadata.name", "shop"),))


def ref(kind: str, name: str) -> WorkloadRef:
    return WorkloadRef(kind, "shop", name)


@pytest.mark.parametrize(
    ("kind", "name", "suffix", "expected"),
    [
        ("Deployment", "web", "", "deployment-web"),
        ("StatefulSet", "db", "-ingress", "statefulset-db-ingress"),
        ("Service", "web.v1", "", "service-web.v1"),
        ("CronJob", "x" * 55, "", "cronjob-" + "x" * 55),
        ("Workload", "a--b", "", "workload-a--b"),
    ],
)
def test_a_name_is_kind_and_name(kind: str, name: str, suffix: str, expected: str) -> None:
    assert policy_name(ref(kind, name), suffix) == expected


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Deployment", "x" * 56),
        ("Deployment", "a." * 40 + "b"),
        ("Workload", "My_App"),
        ("Workload", "_"),
        ("Workload", ""),
        ("Workload", "a.-b"),
        ("Workload", "a..b"),
        ("Workload", "x" * 50 + "." * 20 + "y"),
        ("Kind/With Slash", "web"),
        ("Deployment", "web-"),
        ("Pod", "(unnamed)"),
        ("Ünïcode", "né"),
    ],
)
def test_an_odd_or_long_name_is_shortened_with_a_hash(kind: str, name: str) -> None:
    made = policy_name(ref(kind, name))
    assert SUBDOMAIN.fullmatch(made)
    assert len(made) <= 63
    assert re.search(r"-[0-9a-f]{8}$", made)


ODD = st.text("aA0.-_é( ", max_size=70)


@given(ODD, ODD, st.sampled_from(["", "-ingress", "-egress"]))
def test_every_name_is_one_that_the_api_server_takes(kind: str, name: str, suffix: str) -> None:
    made = policy_name(ref(f"K{kind}", name), suffix)
    assert SUBDOMAIN.fullmatch(made)
    assert len(made) <= 63


@given(ODD, ODD)
def test_two_workloads_of_a_kind_never_share_a_name(one: str, other: str) -> None:
    same = policy_name(ref("Workload", one)) == policy_name(ref("Workload", other))
    assert same == (one == other)


# -- the objects -------------------------------------------------------------------------------------------

SUBJECT = Subject(ref("Deployment", "web"), APP, (ref("Deployment", "web"),))
RULE = PolicyRule((PolicyPeer(APP),), (PolicyPort("TCP", 80),))


def test_one_object_has_both_directions() -> None:
    (policy,) = generate(SUBJECT, (RULE,), ())
    assert policy.policy_types == (Direction.INGRESS, Direction.EGRESS)
    assert (policy.namespace, policy.name, policy.pod_selector) == ("shop", "deployment-web", APP)
    assert (policy.ingress, policy.egress) == ((RULE,), ())


@pytest.mark.parametrize("rules", [(), (RULE,)])
def test_two_objects_have_one_direction_each_whatever_the_rows(rules: tuple[PolicyRule, ...]) -> None:
    policies = generate(SUBJECT, rules, (), two_objects=True)
    assert [(p.name, p.policy_types) for p in policies] == [
        ("deployment-web-ingress", (Direction.INGRESS,)),
        ("deployment-web-egress", (Direction.EGRESS,)),
    ]
    assert policies[0].ingress == rules
    assert policies[1].ingress == ()


def test_a_refused_subject_has_no_policy() -> None:
    refused = Subject(ref("Deployment", "web"), LabelSelector(), (), refusal="it runs on the host network")
    assert generate(refused, (RULE,), ()) == ()
    assert generate(refused, (), (), two_objects=True) == ()


# -- merging -----------------------------------------------------------------------------------------------


def block(cidr: str, *excepts: str) -> PolicyPeer:
    return PolicyPeer(ip_block=IPBlock(cidr, excepts))


A, B = PolicyPeer(APP), PolicyPeer(LabelSelector((("app", "b"),)), SHOP)
P80, P443, UDP53, TCP = (
    PolicyPort("TCP", 80),
    PolicyPort("TCP", 443),
    PolicyPort("UDP", 53),
    PolicyPort("TCP"),
)


@pytest.mark.parametrize(
    ("rules", "merged"),
    [
        ([], ()),
        ([PolicyRule((A,), (P80,)), PolicyRule((A,), (P443,))], (PolicyRule((A,), (P80, P443)),)),
        ([PolicyRule((B,), (P80,)), PolicyRule((A,), (P80,))], (PolicyRule((A, B), (P80,)),)),
        (
            [PolicyRule((A,), (P80, P443)), PolicyRule((B,), (P80,))],
            (PolicyRule((A,), (P80, P443)), PolicyRule((B,), (P80,))),
        ),
        ([PolicyRule((A,), (P80, TCP, UDP53))], (PolicyRule((A,), (TCP, UDP53)),)),
        ([PolicyRule((A,), (P80,)), PolicyRule((A,))], (PolicyRule((A,)),)),
        ([PolicyRule((A,), (P80,)), PolicyRule()], (PolicyRule(),)),
        (
            [PolicyRule((A,), (P80,)), PolicyRule((), (P443,)), PolicyRule((), (P80,))],
            (PolicyRule((), (P80, P443)), PolicyRule((A,), (P80,))),
        ),
        (
            [PolicyRule((block("0.0.0.0/0", "10.0.0.0/8"), block("::/0", "fd00::/8"), A))],
            (
                PolicyRule((A,)),
                PolicyRule((block("0.0.0.0/0", "10.0.0.0/8"),)),
                PolicyRule((block("::/0", "fd00::/8"),)),
            ),
        ),
    ],
)
def test_rules_are_merged_to_few(rules: list[PolicyRule], merged: tuple[PolicyRule, ...]) -> None:
    assert merge_rules(rules) == merged


def test_namespace_and_pod_selector_stay_in_one_peer() -> None:
    (merged,) = merge_rules([PolicyRule((B,), (P80,)), PolicyRule((B,), (UDP53,))])
    assert merged.peers == (B,)


selectors = st.sampled_from(
    [
        LabelSelector(),
        APP,
        LabelSelector((("app", "b"),)),
        LabelSelector((), (Requirement("app", "NotIn", ("a",)),)),
        LabelSelector((("tier", "x"),), (Requirement("app", "Exists"),)),
    ]
)
peers = st.one_of(
    st.builds(PolicyPeer, selectors),
    st.builds(PolicyPeer, selectors, st.sampled_from([SHOP, LabelSelector()])),
    st.builds(PolicyPeer, st.none(), st.just(SHOP)),
    st.sampled_from(
        [
            block("203.0.113.0/24"),
            block("203.0.113.7/32"),
            block("0.0.0.0/0", "203.0.113.0/24"),
            block("2001:db8::/64", "2001:db8::7/128"),
        ]
    ),
)
ports = st.sampled_from(
    [P80, P443, UDP53, TCP, PolicyPort("UDP"), PolicyPort("TCP", 81, 443), PolicyPort("TCP", 79, 80)]
)
rules = st.lists(
    st.builds(
        PolicyRule,
        st.lists(peers, max_size=3).map(tuple),
        st.lists(ports, max_size=3, unique=True).map(tuple),
    ),
    max_size=6,
)

HOME = NetworkPolicy("home", "x")
ENDS: tuple[End, ...] = (
    *(
        EndPod(namespace, "p", labels, ())
        for namespace in ("home", "shop")
        for labels in ((), (("app", "a"),), (("app", "b"), ("tier", "x")))
    ),
    *("203.0.113.7", "203.0.113.8", "198.51.100.1", "2001:db8::7", "2001:db8::8"),
)
ASKED = [("TCP", 79), ("TCP", 80), ("TCP", 443), ("TCP", 8080), ("UDP", 53), ("UDP", 54), ("SCTP", 80)]


def allowed(some: list[PolicyRule] | tuple[PolicyRule, ...]) -> set[tuple[int, str, int]]:
    return {
        (index, protocol, port)
        for (index, end), (protocol, port) in itertools.product(enumerate(ENDS), ASKED)
        if any(rule_allows(HOME, rule, Direction.EGRESS, end, protocol, port, {}) for rule in some)
    }


@given(rules)
def test_merged_rules_allow_exactly_what_the_rules_allowed(some: list[PolicyRule]) -> None:
    assert allowed(merge_rules(some)) == allowed(some)


@given(rules, st.randoms())
def test_merging_takes_no_notice_of_the_order(some: list[PolicyRule], random: object) -> None:
    shuffled = list(some)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert merge_rules(shuffled) == merge_rules(some)


@given(rules)
def test_blocks_with_except_stand_in_rules_of_their_own(some: list[PolicyRule]) -> None:
    for rule in merge_rules(some):
        if any(peer.ip_block and peer.ip_block.excepts for peer in rule.peers):
            assert len(rule.peers) == 1


@given(rules)
def test_no_peer_is_written_twice(some: list[PolicyRule]) -> None:
    written = [peer for rule in merge_rules(some) for peer in rule.peers]
    assert len(written) == len(set(written))
