from __future__ import annotations

from typing import Any

import pytest

from netsec_tui.kube.policies import parse_policy
from netsec_tui.model.identity import Direction
from netsec_tui.model.policy import IPBlock, LabelSelector, PolicyPeer, PolicyPort, PolicyRule
from netsec_tui.sources.inventory.policies import read_policy
from tests.sources.kube_objects import obj

IN, OUT = Direction.INGRESS, Direction.EGRESS
EVERYTHING = LabelSelector()


def policy_object(spec: Any) -> dict[str, Any]:
    return obj("NetworkPolicy", "p", api="networking.k8s.io/v1", spec=spec)


@pytest.mark.parametrize(
    ("spec", "types"),
    [
        ({}, (IN,)),
        (None, (IN,)),
        ({"egress": []}, (IN,)),
        ({"egress": None}, (IN,)),
        ({"egress": [{}]}, (IN, OUT)),
        ({"policyTypes": []}, (IN,)),
        ({"policyTypes": ["Egress"], "ingress": [{}]}, (OUT,)),
        ({"policyTypes": ["Egress", "Ingress"]}, (OUT, IN)),
    ],
)
def test_policy_types_are_defaulted(spec: Any, types: tuple[Direction, ...]) -> None:
    policy = parse_policy(policy_object(spec))
    assert policy.policy_types == types
    assert policy.pod_selector == EVERYTHING


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, PolicyRule()),
        ({"from": None, "ports": []}, PolicyRule()),
        ({"ports": [{}]}, PolicyRule(ports=(PolicyPort(),))),
        ({"ports": [{"port": "http"}]}, PolicyRule(ports=(PolicyPort("TCP", "http"),))),
        (
            {"ports": [{"protocol": "UDP", "port": 5, "endPort": 9}]},
            PolicyRule(ports=(PolicyPort("UDP", 5, 9),)),
        ),
        ({"from": [{"podSelector": {}}]}, PolicyRule((PolicyPeer(pod_selector=EVERYTHING),))),
        (
            {"from": [{"podSelector": None, "namespaceSelector": {}}]},
            PolicyRule((PolicyPeer(namespace_selector=EVERYTHING),)),
        ),
        (
            {"from": [{"ipBlock": {"cidr": "010.0.0.5/8", "except": ["10.1.2.3/16"]}}]},
            PolicyRule((PolicyPeer(ip_block=IPBlock("10.0.0.0/8", ("10.1.0.0/16",))),)),
        ),
        (
            {"from": [{"ipBlock": {"cidr": "::ffff:10.0.0.0/104"}}]},
            PolicyRule((PolicyPeer(ip_block=IPBlock("10.0.0.0/8")),)),
        ),
    ],
)
def test_rules(rule: Any, expected: PolicyRule) -> None:
    assert parse_policy(policy_object({"ingress": [rule]})).ingress == (expected,)


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("p", True),
        ("7-days.of.x", True),
        ("a" * 253, True),
        ("a" * 254, False),
        ("Web", False),
        ("-web", False),
        ("web-", False),
        ("a..b", False),
        ("a_b", False),
        ("ünter", False),
        ("web\n", False),
        ("[red]x[/]\x1b[2J", False),
    ],
)
def test_names_are_dns_subdomains(name: str, good: bool) -> None:
    problems: list[str] = []
    broken = policy_object({})
    broken["metadata"] = {**broken["metadata"], "name": name}
    assert (read_policy(broken, problems) is not None) is good
    assert bool(problems) is not good
    if problems:
        assert "metadata.name is" in problems[0]
        assert "left out" in problems[0]
        assert "\x1b" not in problems[0]


@pytest.mark.parametrize(("namespace", "good"), [("n1", True), ("a.b", False), ("a" * 64, False)])
def test_namespaces_are_dns_labels(namespace: str, good: bool) -> None:
    policy = policy_object({})
    policy["metadata"] = {**policy["metadata"], "namespace": namespace}
    assert (read_policy(policy, []) is not None) is good


BROKEN = [
    ([], "spec"),
    ({"podSelector": []}, "spec.podSelector"),
    ({"podSelector": {"matchLabels": {"v": 1}}}, "spec.podSelector.matchLabels.v"),
    ({"policyTypes": ["ingress"]}, "spec.policyTypes"),
    ({"policyTypes": [["Ingress"]]}, "spec.policyTypes[0]"),
    ({"ingress": [None]}, "spec.ingress[0]"),
    ({"ingress": [{"from": {}}]}, "spec.ingress[0].from"),
    ({"ingress": [{"from": [{}]}]}, "spec.ingress[0].from[0]"),
    (
        {"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}]},
        "spec.ingress[0].from[0]",
    ),
    ({"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0"}}]}]}, "spec.egress[0].to[0].ipBlock.cidr"),
    ({"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8"]}}]}]}, "ipBlock.except"),
    ({"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["::/9"]}}]}]}, "ipBlock.except"),
    ({"egress": [{"ports": [{"protocol": "ICMP"}]}]}, "ports[0].protocol"),
    ({"egress": [{"ports": [{"port": "80"}]}]}, "ports[0].port"),
    ({"egress": [{"ports": [{"port": 0}]}]}, "ports[0].port"),
    ({"egress": [{"ports": [{"port": "http", "endPort": 90}]}]}, "ports[0].endPort"),
    ({"egress": [{"ports": [{"port": 80, "endPort": 79}]}]}, "ports[0].endPort"),
    ({"podSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}, "matchExpressions[0].values"),
    ({"podSelector": {"matchExpressions": [{"key": "a", "operator": "Is"}]}}, "matchExpressions[0].operator"),
    ({"podSelector": {"matchExpressions": [{"operator": "Exists"}]}}, "matchExpressions[0].key"),
]


@pytest.mark.parametrize(("spec", "place"), BROKEN, ids=[case[1] for case in BROKEN])
def test_what_the_api_server_refuses_drops_the_policy_with_the_place(spec: Any, place: str) -> None:
    problems: list[str] = []
    assert read_policy(policy_object(spec), problems) is None
    (problem,) = problems
    assert problem.startswith("NetworkPolicy shop/p: spec")
    assert place in problem
    assert problem.endswith("the policy is left out")
