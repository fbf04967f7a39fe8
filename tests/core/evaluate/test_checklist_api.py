"""Hold the parser to part G of the checklist: what the API refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.core.evaluate import parse_policy
from netsec_tui.errors import BadInputError
from tests.core.evaluate import strategies
from tests.core.evaluate.build import (
    policy,
)

# G. What the API refuses


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"policyTypes": ["ingress"]}, r"policyTypes\[0\]"),
        ({"policyTypes": ["Ingress", "Egress", "Ingress"]}, "policyTypes"),
        ({"policyTypes": "Ingress"}, "policyTypes must be a list"),
        ({"ingress": [{"ports": [{"protocol": "ICMP"}]}]}, r"ports\[0\]\.protocol"),
        ({"ingress": [{"ports": [{"port": 0}]}]}, r"ports\[0\]\.port"),
        ({"ingress": [{"ports": [{"port": 65536}]}]}, r"ports\[0\]\.port"),
        ({"ingress": [{"ports": [{"port": True}]}]}, r"ports\[0\]\.port"),
        ({"ingress": [{"ports": [{"port": "80"}]}]}, r"ports\[0\]\.port"),
        ({"ingress": [{"ports": [{"port": "a-name-of-16-cha"}]}]}, r"ports\[0\]\.port"),
        ({"ingress": [{"ports": [{"port": "a--b"}]}]}, r"ports\[0\]\.port"),
        ({"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0"}}]}]}, r"to\[0\]\.ipBlock\.cidr"),
        ({"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/33"}}]}]}, r"to\[0\]\.ipBlock\.cidr"),
        ({"egress": [{"to": [{"ipBlock": {}}]}]}, r"to\[0\]\.ipBlock\.cidr"),
        ({"podSelector": {"matchLabels": {"a": 1}}}, r"podSelector\.matchLabels\.a"),
        ({"podSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}, "In needs values"),
        (
            {"podSelector": {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}},
            "Exists must have no values",
        ),
        ({"podSelector": {"matchExpressions": [{"key": "a", "operator": "Gt"}]}}, r"\.operator"),
        ({"ingress": {"from": []}}, "spec.ingress must be a list"),
        ({"ingress": ["all"]}, r"spec\.ingress\[0\] must be an object"),
    ],
)
def test_g_refused_objects_name_the_object_and_the_field(spec: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInputError, match=f"NetworkPolicy x/p: .*{field}"):
        policy("x/p", **spec)


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(("Ingress", "80", "http")),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=300)
@given(strategies.specs, st.data())
def test_g_whatever_stands_in_a_field_is_parsed_or_refused(spec: dict[str, Any], data: st.DataObject) -> None:
    paths = list(_paths(spec))
    *way, last = data.draw(st.sampled_from(paths))
    place: Any = spec
    for step in way:
        place = place[step]
    place[last] = data.draw(_json)
    refusal = ""
    try:
        policy("x/p", **spec)
    except BadInputError as error:
        refusal = str(error)
    assert not refusal or refusal.startswith("NetworkPolicy x/p: spec.")


def _paths(value: Any) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (key,)
        yield from ((key, *path) for path in _paths(inner))


def test_g_a_policy_needs_a_name() -> None:
    with pytest.raises(BadInputError, match=r"metadata\.name"):
        parse_policy({"metadata": {"namespace": "x"}, "spec": {}})
