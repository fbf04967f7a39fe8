from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.core.evaluate.parse import parse_policy
from netsec_tui.errors import BadInputError
from netsec_tui.model.identity import Direction
from netsec_tui.model.policy import IPBlock, LabelSelector, NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule
from netsec_tui.sources.inventory_policies import read_policy
from tests.sources.kube_objects import obj

VECTORS = Path(__file__).parents[2].parent / "shared" / "data" / "netpol-vectors.jsonl.gz"
IN, OUT = Direction.INGRESS, Direction.EGRESS
EVERYTHING = LabelSelector()


def policy_object(spec: Any) -> dict[str, Any]:
    return obj("NetworkPolicy", "p", api="networking.k8s.io/v1", spec=spec)


def read(spec: Any) -> tuple[NetworkPolicy | None, list[str]]:
    problems: list[str] = []
    applied = read_policy(policy_object(spec), problems)
    return (applied.policy if applied else None), problems


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
    policy, problems = read(spec)
    assert problems == []
    assert policy is not None
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
    policy, problems = read({"ingress": [rule]})
    assert problems == []
    assert policy is not None
    assert policy.ingress == (expected,)


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
    policy, problems = read(spec)
    assert policy is None
    assert len(problems) == 1
    assert problems[0].startswith("NetworkPolicy shop/p: spec")
    assert place in problems[0]


def both(spec: Any) -> None:
    """Assert that the evaluator's parser and this one say the same of a policy."""
    try:
        expected: NetworkPolicy | None = parse_policy(policy_object(spec))
    except (BadInputError, TypeError):
        expected = None
    assert read(spec)[0] == expected


def test_it_agrees_with_the_evaluator_on_every_published_vector() -> None:
    if not VECTORS.exists():
        pytest.skip("the shared policy vectors are not beside the repository")
    with gzip.open(VECTORS, "rt") as lines:
        next(lines)
        specs = [policy["spec"] for line in lines for policy in json.loads(line)["policies"]]
    assert len(specs) > 100
    for spec in specs:
        assert read(spec)[1] == []
        both(spec)


TEXTS = st.sampled_from(["a", "b", "", "In", "NotIn", "Exists", "http", "80", "a--b", "²", "x" * 16])
NUMBERS = st.sampled_from([0, 1, 80, 90, 65535, 65536, -1, True, 1.5])
CIDRS = st.sampled_from(
    ["10.0.0.0/8", "10.1.2.3/16", "::/0", "fd00::/8", "10.0.0.0", "010.0.0.0/9", "::ffff:10.0.0.0/112"]
)
WRONG = st.none() | st.just([]) | st.just({}) | TEXTS | NUMBERS


def either(right: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(right, right, right, right, WRONG)


def mapping(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return either(st.fixed_dictionaries({}, optional={name: either(value) for name, value in fields.items()}))


def few(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return either(st.lists(items, max_size=2))


SELECTORS = mapping(
    matchLabels=st.dictionaries(TEXTS, either(TEXTS), max_size=2),
    matchExpressions=few(mapping(key=TEXTS, operator=TEXTS, values=few(TEXTS))),
)
BLOCKS = mapping(cidr=CIDRS, **{"except": few(CIDRS)})
PEERS = few(
    mapping(podSelector=SELECTORS, namespaceSelector=SELECTORS, ipBlock=BLOCKS) | mapping(ipBlock=BLOCKS)
)
PORTS = few(mapping(protocol=st.sampled_from(["TCP", "UDP", "ICMP"]), port=NUMBERS | TEXTS, endPort=NUMBERS))
SPECS = mapping(
    podSelector=SELECTORS,
    policyTypes=few(st.sampled_from(["Ingress", "Egress", "Both"])),
    ingress=few(mapping(ports=PORTS, **{"from": PEERS})),
    egress=few(mapping(ports=PORTS, to=PEERS)),
)


@settings(max_examples=300)
@given(spec=SPECS)
def test_it_agrees_with_the_evaluator_on_any_policy(spec: Any) -> None:
    both(spec)
