"""What is written as YAML is read back as the same object, whatever the strings look like."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.core.generate.serialize import policy_object, to_yaml, yaml_places
from netsec_tui.model.identity import Direction
from netsec_tui.model.policy import (
    IPBlock,
    LabelSelector,
    NetworkPolicy,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    Requirement,
)
from netsec_tui.model.provenance import RulePlace

WORDS = """
    y n Y N yes No ON off true False null NULL ~ none None nan inf .inf .nan << = -
    1e3 12e4 1E400 0x10 0o7 010 0b1 1_000 1.0 .5 -1 +1 1:30 190:20:30 2001-12-14 12 0
    a:b ? !tag &a *a %a @a `a {} [] {a} ' " \\ é 中 😀 [red]odd[/red] \x1b[31m \ufeff \x00
"""
SPACED = ("", " ", "a: b", "# x", "a #b", "- a", " a", "a ", "\t", "\n", "a\nb", "\x7f", "\x85", "\u2028")
MISREAD = (*WORDS.split(), *SPACED)


def labelled(*pairs: tuple[str, str]) -> NetworkPolicy:
    return NetworkPolicy("shop", "x", LabelSelector(pairs))


def read_back(*policies: NetworkPolicy) -> list[object]:
    return list(yaml.safe_load_all(to_yaml(policies)))


@pytest.mark.parametrize("text", MISREAD)
def test_every_string_stays_itself_as_value_as_key_and_as_list_item(text: str) -> None:
    policy = NetworkPolicy(
        text,
        text,
        LabelSelector(((text, text),), (Requirement(text, "In", (text, "plain")),)),
        ingress=(PolicyRule((PolicyPeer(namespace_selector=LabelSelector(((text, text),))),)),),
    )
    assert read_back(policy) == [policy_object(policy)]


@given(st.text(), st.text())
def test_any_text_stays_itself(key: str, value: str) -> None:
    policy = labelled((key, value))
    assert read_back(policy) == [policy_object(policy)]


@pytest.mark.parametrize("size", [1000, 1030, 5000])
def test_a_long_key_stays_itself_first_in_a_list_too(size: int) -> None:
    selector = LabelSelector((("x" * size, "1"), ("y" * size, "")))
    written = NetworkPolicy("shop", "x", selector, ingress=(PolicyRule((PolicyPeer(selector),)),))
    assert read_back(written) == [policy_object(written)]


@pytest.mark.parametrize("text", ["web", "a-b", "kubernetes.io/metadata.name", "Yes-man", "e3", "Deployment"])
def test_plain_words_are_not_quoted(text: str) -> None:
    assert f"name: {text}\n" in to_yaml([NetworkPolicy("shop", text)])


@pytest.mark.parametrize("text", ["a\x7fb", "a\x1bb", "a\x85b", "a\u202eb", "a\x7f😀", "\U000e0001"])
def test_nothing_but_printable_ascii_is_written(text: str) -> None:
    written = to_yaml([labelled((text, text))])
    assert all(" " <= char <= "~" for char in written.replace("\n", ""))


@pytest.mark.parametrize("text", ["y", "no", "1e3", "12e4", "0x10", "null", "~", "", "1_000"])
def test_what_yaml_would_misread_is_quoted(text: str) -> None:
    assert f'name: "{text}"\n' in to_yaml([NetworkPolicy("shop", text)])


names = st.text("abyn01e.-_", max_size=6)
labels = st.dictionaries(names, names, max_size=3).map(lambda d: tuple(sorted(d.items())))
selectors = st.builds(
    LabelSelector,
    labels,
    st.lists(
        st.one_of(
            st.builds(
                Requirement,
                names,
                st.sampled_from(["In", "NotIn"]),
                st.lists(names, min_size=1, max_size=2).map(tuple),
            ),
            st.builds(Requirement, names, st.sampled_from(["Exists", "DoesNotExist"])),
        ),
        max_size=2,
    ).map(tuple),
)
pod_peers = st.one_of(
    st.builds(PolicyPeer, selectors, st.none() | selectors), st.builds(PolicyPeer, st.none(), selectors)
)
blocks = st.sampled_from(
    [IPBlock("0.0.0.0/0", ("10.0.0.0/8", "172.16.0.0/12")), IPBlock("::/0"), IPBlock("203.0.113.7/32")]
)
peers = st.one_of(pod_peers, st.builds(PolicyPeer, ip_block=blocks))
ports = st.builds(
    PolicyPort,
    st.sampled_from(["TCP", "UDP", "SCTP"]),
    st.one_of(st.none(), st.integers(1, 65535), st.sampled_from(["http", "no", "on"])),
) | st.just(PolicyPort("TCP", 8000, 8080))
rules = st.builds(PolicyRule, st.lists(peers, max_size=3).map(tuple), st.lists(ports, max_size=2).map(tuple))
policies = st.builds(
    NetworkPolicy,
    names,
    names,
    selectors,
    st.sampled_from(
        [
            (Direction.INGRESS, Direction.EGRESS),
            (Direction.INGRESS,),
            (Direction.EGRESS,),
        ]
    ),
    st.lists(rules, max_size=3).map(tuple),
    st.lists(rules, max_size=3).map(tuple),
)


@given(st.lists(policies, max_size=3))
def test_every_policy_is_read_back_as_the_object_it_stands_for(written: list[NetworkPolicy]) -> None:
    assert read_back(*written) == [policy_object(policy) for policy in written]


def test_the_object_is_what_the_api_documents() -> None:
    policy = NetworkPolicy(
        "shop",
        "deployment-web",
        LabelSelector(
            (("app", "web"),), (Requirement("tier", "NotIn", ("a", "b")), Requirement("x", "Exists"))
        ),
        ingress=(PolicyRule(),),
        egress=(
            PolicyRule(
                (
                    PolicyPeer(LabelSelector(), LabelSelector((("kubernetes.io/metadata.name", "data"),))),
                    PolicyPeer(ip_block=IPBlock("0.0.0.0/0", ("10.0.0.0/8",))),
                ),
                (PolicyPort("TCP", 8000, 8080), PolicyPort("UDP"), PolicyPort("TCP", "http")),
            ),
        ),
    )
    assert policy_object(policy) == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "deployment-web", "namespace": "shop"},
        "spec": {
            "podSelector": {
                "matchLabels": {"app": "web"},
                "matchExpressions": [
                    {"key": "tier", "operator": "NotIn", "values": ["a", "b"]},
                    {"key": "x", "operator": "Exists"},
                ],
            },
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{}],
            "egress": [
                {
                    "to": [
                        {
                            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "data"}},
                            "podSelector": {},
                        },
                        {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}},
                    ],
                    "ports": [
                        {"protocol": "TCP", "port": 8000, "endPort": 8080},
                        {"protocol": "UDP"},
                        {"protocol": "TCP", "port": "http"},
                    ],
                }
            ],
        },
    }


def test_a_direction_without_rules_is_written_as_an_empty_list() -> None:
    assert to_yaml([NetworkPolicy("shop", "x")]).endswith("  ingress: []\n  egress: []\n")


def test_nothing_is_written_as_nothing() -> None:
    assert to_yaml([]) == ""


@given(st.lists(policies, max_size=3))
def test_the_lines_of_every_place_are_what_that_place_says(written: list[NetworkPolicy]) -> None:
    text, places = to_yaml(written).splitlines(), yaml_places(written)
    assert len(places) == len(text)
    lines: dict[RulePlace, str] = {}
    for place, line in zip(places, text, strict=True):
        if place is not None:
            lines[place] = lines.get(place, "") + f"{line}\n"
    for number, policy in enumerate(written):
        spec = policy_object(policy)["spec"]
        for direction in policy.policy_types:
            for index, rule in enumerate(spec[str(direction)]):
                own = RulePlace(number, direction, index)
                parts = [
                    (own._replace(peer=n), peer) for n, peer in enumerate(rule.get(_word(direction), []))
                ]
                parts += [(own._replace(port=n), port) for n, port in enumerate(rule.get("ports", []))]
                assert [yaml.safe_load(lines.pop(place)) for place, _ in parts] == [
                    [part] for _, part in parts
                ]
                assert set(yaml.safe_load(lines.pop(own))[0]) == set(rule)
            assert yaml.safe_load(lines.pop(RulePlace(number, direction))) == {
                str(direction): None if spec[str(direction)] else []
            }
    assert lines == {}


def _word(direction: Direction) -> str:
    return "from" if direction is Direction.INGRESS else "to"
