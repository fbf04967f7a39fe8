"""What may keep a policy from doing what the API says comes first of all warnings."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.scene import Scene, obj, owner, shop

OVERRIDE = obj(
    "CiliumNetworkPolicy",
    "l7",
    "shop",
    "cilium.io/v2",
    spec={"endpointSelector": {"matchLabels": {"app": "web"}}, "ingress": [{}]},
)


def scene(*more: Any) -> Scene:
    return shop(*more).sees(("web-1", "cart-1")).chooses()


def daemon(name: str) -> Any:
    return owner(name, "kube-system", "DaemonSet", hostNetwork=True)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("cilium", "Cilium runs here; all 6 differences: in the proof"),
        ("kube-router", "kube-router runs here: policies of both directions in one object go wrong"),
        ("kindnet", "kindnet runs here: whether it enforces NetworkPolicies is not seen"),
        ("kube-flannel", "Flannel enforces no NetworkPolicy"),
    ],
)
def test_the_plugin_is_the_first_warning(name: str, first: str) -> None:
    assert scene(daemon(name)).review.warnings[0].startswith(first)


def test_what_overrides_comes_before_how_the_plugin_differs() -> None:
    found = scene(daemon("cilium"), OVERRIDE).review.warnings
    assert found[0].startswith("CiliumNetworkPolicy shop/l7 may override")
    assert found[1].startswith("Cilium runs here")


def test_ip_blocks_of_this_policy_are_named_where_they_match_no_pods() -> None:
    shown = scene(daemon("cilium"))
    assert "ipBlocks" not in shown.review.warnings[0]
    shown.manual("203.0.113.0/24")
    assert shown.review.warnings[0].startswith(
        "Cilium runs here: ipBlocks, which this policy has, match no pods"
    )
