"""Keep the cases in which another engine was found to differ, each with what the API server's rules say.

All were found by ``test_against_nca``, which words them differently for that engine since.
"""

from __future__ import annotations

from typing import Any

import pytest

from netsec_tui.core.evaluate import connectivity
from tests.core.evaluate.build import pod, policy, sides

N0 = pod("n0/p", "10.0.0.1", ("http=TCP/80",), tier="a")
BARE = pod("n2/bare", "10.0.0.2", ("http=UDP/80",), namespace_labels={"tier": "a"})
TIERED = pod("n2/tiered", "10.0.0.3", tier="b", namespace_labels={"tier": "a"})


def _from_everywhere(operator: str) -> dict[str, Any]:
    selector = {"matchExpressions": [{"key": "tier", "operator": operator}]}
    return {"ingress": [{"from": [{"podSelector": selector, "namespaceSelector": {}}]}]}


@pytest.mark.parametrize(
    ("spec", "source", "destination", "expected"),
    [
        # network-config-analyzer: a bare `egress: []` isolates egress. The API server stores [Ingress].
        ({"egress": []}, N0, BARE, ("allowed", "allowed")),
        ({"egress": []}, BARE, N0, ("allowed", "denied")),
        # network-config-analyzer: refuses rules of an unnamed direction. The API server ignores them.
        ({"policyTypes": ["Ingress"], "egress": []}, N0, BARE, ("allowed", "allowed")),
        ({"policyTypes": ["Egress"], "ingress": [{}]}, N0, BARE, ("denied", "allowed")),
        # network-config-analyzer: refuses Egress before Ingress. The order has no meaning.
        ({"policyTypes": ["Egress", "Ingress"], "ingress": [{}]}, N0, BARE, ("denied", "allowed")),
        ({"policyTypes": ["Egress", "Ingress"], "ingress": [{}]}, BARE, N0, ("allowed", "allowed")),
        # network-config-analyzer: beside a namespaceSelector, Exists and DoesNotExist only look at pods of
        # the policy's own namespace. Both selectors hold for a pod, wherever it is.
        (_from_everywhere("DoesNotExist"), BARE, N0, ("allowed", "allowed")),
        (_from_everywhere("DoesNotExist"), TIERED, N0, ("allowed", "denied")),
        (_from_everywhere("Exists"), BARE, N0, ("allowed", "denied")),
        (_from_everywhere("Exists"), TIERED, N0, ("allowed", "allowed")),
    ],
)
def test_the_rules_of_the_api_server_hold(
    spec: dict[str, Any], source: Any, destination: Any, expected: tuple[str, str]
) -> None:
    p = policy("n0/p", **spec)
    assert sides([p], source, destination, "TCP/80") == expected
    ports = connectivity([p], [N0, BARE, TIERED]).ports(source, destination)
    assert ports.covers("TCP", 80) == (expected == ("allowed", "allowed"))
