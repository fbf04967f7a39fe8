"""An inventory that is built with what was read before is the one that is built from nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.sources.inventory import build as inventory
from netsec_tui.sources.inventory.build import build_inventory
from netsec_tui.sources.inventory.memo import Memo
from tests.sources.kube_objects import controlled_by, deployment, obj, pod, template

HASHED = {"app": "web", "pod-template-hash": "abc"}
WEB_SET = obj("ReplicaSet", "web-abc", api="apps/v1", metadata=controlled_by("Deployment", "web"),
              spec={"selector": {"matchLabels": HASHED}, "template": template(HASHED)})  # fmt: skip
POOL: list[Any] = [
    obj("Namespace", "shop", None),
    pod("web-abc-1", HASHED, ("ReplicaSet", "web-abc"), ip="10.1.0.7"),
    pod("web-abc-2", {"app": 5}, ("ReplicaSet", "web-abc"), ip="nowhere"),  # type: ignore[dict-item]
    {**pod("web-abc-3", HASHED, ("ReplicaSet", "web-abc"), ip="10.1.0.8"), "deleted": 1e9},
    WEB_SET,
    {**WEB_SET, "metadata": {"name": "web-abc", "namespace": "shop"}},
    {**WEB_SET, "deleted": 1e9},
    deployment("web"),
    deployment("web", {"app": "other"}),
    {**deployment("web"), "deleted": 1e9},
    obj("Job", "tick-28012345", api="batch/v1", spec={"template": template({})}),
    pod("tick-28012345-x", {}, ("Job", "tick-28012345")),
    obj("Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 99999}]}),
    obj("EndpointSlice", "web-1", api="discovery.k8s.io/v1", addressType="IPv4",
        metadata={"labels": {"kubernetes.io/service-name": "web"}},
        endpoints=[{"addresses": ["10.1.0.7", "bad"]}], ports=[{"port": 8080}]),
    obj("Node", "n1", None, spec={"podCIDR": "10.1.0.0/24"}),
    obj("NetworkPolicy", "deny", api="networking.k8s.io/v1", spec={"podSelector": {}}),
    obj("NetworkPolicy", "deny", api="networking.k8s.io/v1", spec={"podSelector": 5}),
    obj("CiliumNetworkPolicy", "x", api="cilium.io/v2", spec={"endpointSelector": {}}),
    {"apiVersion": "v1", "kind": "Pod", "metadata": {}},
    5,
]  # fmt: skip


@settings(max_examples=300)
@given(st.lists(st.lists(st.sampled_from(range(len(POOL))), max_size=len(POOL)), min_size=2, max_size=5))
def test_it_makes_no_difference_what_was_read_before(told: list[list[int]]) -> None:
    memo = Memo()
    for chosen in told:
        objects = [POOL[number] for number in chosen]
        found, problems = build_inventory(objects, memo=memo)
        fresh, all_problems = build_inventory(objects)
        assert found == fresh
        assert problems == all_problems


def test_only_what_has_changed_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    read_pod = inventory.read_pod

    def reads(fields: Any, owner: Any) -> Any:
        read.append(fields.data["metadata"]["name"])
        return read_pod(fields, owner)

    monkeypatch.setattr(inventory, "read_pod", reads)
    memo = Memo()
    pods = [pod(f"web-{number}") for number in range(5)]
    build_inventory([*pods, WEB_SET], memo=memo)
    read.clear()
    pods[3] = pod("web-3", {"app": "web"})
    found, _ = build_inventory([*pods, WEB_SET], memo=memo)
    assert read == ["web-3"]
    assert found.pod_by_name["shop", "web-3"].labels == (("app", "web"),)
