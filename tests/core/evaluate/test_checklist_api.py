"""Hold the parser to part G of the checklist: what the API refuses."""

from __future__ import annotations

from typing import Any

import pytest

from netsec_tui.core.evaluate import parse_policy
from netsec_tui.errors import BadInputError
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


def test_g_a_policy_needs_a_name() -> None:
    with pytest.raises(BadInputError, match=r"metadata\.name"):
        parse_policy({"metadata": {"namespace": "x"}, "spec": {}})
