"""Policies of other kinds, from an object as it stands in a file to the inventory."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netsec_tui.kube.overriding import OVERRIDING_KINDS
from netsec_tui.model.inventory import Inventory
from netsec_tui.sources.inventory.build import build_inventory
from netsec_tui.sources.objects.strip import object_key, object_title, strip
from tests.sources.kube_objects import deployment, obj

SECRET = "hunter2"
SAME_NAME = [
    obj("NetworkPolicy", "x", api="networking.k8s.io/v1", spec={"podSelector": {}}),
    obj("NetworkPolicy", "x", api="projectcalico.org/v3", spec={"selector": "app == 'web'"}),
    obj("NetworkPolicy", "x", api="crd.antrea.io/v1beta1", spec={"appliedTo": [{"podSelector": {}}]}),
    obj("ClusterNetworkPolicy", "x", None, api="crd.antrea.io/v1beta1", spec={}),
    obj("ClusterNetworkPolicy", "x", None, api="policy.networking.k8s.io/v1alpha2", spec={}),
    obj("ClusterNetworkPolicy", "x", None, api="networking.k8s.aws/v1alpha1", spec={}),
]


def inventory_of(*objects: dict[str, Any]) -> Inventory:
    stripped = [kept for entry in objects if (kept := strip(entry)) is not None]
    inventory, problems = build_inventory(stripped)
    assert problems == ()
    return inventory


@pytest.mark.parametrize("kind", OVERRIDING_KINDS, ids=lambda kind: kind.resource)
def test_every_kind_arrives_with_its_whole_spec(kind: Any) -> None:
    policy = obj(kind.kind, "x", "shop", api=f"{kind.group}/v9", spec={"a": [{"b": {"c": 1}}]})
    inventory = inventory_of(policy)
    (found,) = inventory.overriding
    assert (found.kind, found.name) == (kind.title, "x")
    assert found.namespace == ("shop" if kind.namespaced else "")
    assert found.raw["spec"] == policy["spec"]
    assert inventory.known
    assert inventory.owners == ()
    assert inventory.policies == ()


def test_kinds_of_the_same_name_do_not_replace_each_other() -> None:
    inventory = inventory_of(*SAME_NAME)
    assert [applied.policy.name for applied in inventory.policies] == ["x"]
    assert sorted(map(str, inventory.overriding)) == [
        "AWS ClusterNetworkPolicy x",
        "Antrea ClusterNetworkPolicy x",
        "Antrea NetworkPolicy shop/x",
        "Calico NetworkPolicy shop/x",
        "ClusterNetworkPolicy x",
    ]
    assert len({object_key(entry) for entry in SAME_NAME}) == len(SAME_NAME)
    assert object_title(SAME_NAME[1]) == "NetworkPolicy.projectcalico.org shop/x"


def test_a_later_version_of_the_same_policy_counts() -> None:
    old, new = (
        obj(
            "CiliumNetworkPolicy", "x", api="cilium.io/v2", spec={"endpointSelector": {"matchLabels": labels}}
        )
        for labels in ({"app": "old"}, {"app": "new"})
    )
    (found,) = inventory_of(old, new).overriding
    assert found.selector is not None
    assert found.selector.match_labels == (("app", "new"),)


def test_headers_of_http_rules_are_not_kept() -> None:
    http = [{"path": "/pay", "headers": [f"X-Token: {SECRET}"], "headerMatches": [{"value": SECRET}]}]
    spec = {
        "endpointSelector": {"matchLabels": {"headers": "kept"}},
        "ingress": [{"toPorts": [{"rules": {"http": http}}]}],
    }
    for body in ({"spec": spec}, {"specs": [spec]}):
        kept = strip(obj("CiliumNetworkPolicy", "x", api="cilium.io/v2", **body, status={"a": SECRET}))
        assert kept is not None
        assert strip(kept) == kept
        text = json.dumps(kept)
        assert SECRET not in text
        assert '"path": "/pay"' in text
        assert '"headers": "kept"' in text


def test_a_mirrored_and_a_node_policy_are_no_overriding_ones() -> None:
    mirror = obj("NetworkPolicy", "knp.default.deny", api="projectcalico.org/v3", spec={"selector": "all()"})
    nodes = obj("CiliumClusterwideNetworkPolicy", "x", None, api="cilium.io/v2", spec={"nodeSelector": {}})
    assert inventory_of(mirror, nodes, deployment("web")).overriding == ()
