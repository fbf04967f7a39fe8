"""What is kept of a cluster's objects, of those that are gone, and for how long."""

from __future__ import annotations

from typing import Any

import pytest

from netsec_tui.sources.cluster import gone as cluster_gone
from netsec_tui.sources.cluster import objects as cluster_objects
from netsec_tui.sources.cluster.objects import ClusterObjects
from tests.sources.kube_objects import deployment, obj, pod


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(cluster_objects.time, "time", made.time)
    return made


def gone(objects: ClusterObjects) -> dict[str, float]:
    return {o["metadata"]["name"]: o["deleted"] for o in objects.snapshot().objects if "deleted" in o}


def web(name: str = "web-1", **metadata: Any) -> Any:
    made = pod(name, ip="10.1.0.7")
    return {**made, "metadata": {**made["metadata"], **metadata}}


def test_what_a_listing_lacks_went_when_it_was_last_seen(clock: Clock) -> None:
    objects = ClusterObjects(5)
    objects.replace("pods", [web()])
    clock.now += 100
    objects.lost_sight("pods")
    clock.now += 600
    objects.replace("pods", [])
    assert gone(objects) == {"web-1": 1_000_100.0}


def test_what_is_told_to_be_deleted_went_now(clock: Clock) -> None:
    objects = ClusterObjects(5)
    objects.replace("pods", [web()])
    clock.now += 100
    objects.remove("pods", web())
    objects.remove("pods", web())
    assert gone(objects) == {"web-1": 1_000_100.0}


def test_pods_without_an_address_of_their_own_and_other_resources_leave_no_trace(clock: Clock) -> None:
    host = pod("proxy", ip="192.0.2.1", hostNetwork=True)
    kept = {
        "pods": [pod("pending"), host, web()],
        "deployments": [deployment("web")],
        "services": [obj("Service", "web")],
        "nodes": [obj("Node", "n1", None)],
        "networkpolicies": [obj("NetworkPolicy", "deny")],
    }
    objects = ClusterObjects(5)
    for name, there in kept.items():
        objects.replace(name, there)
    for name in kept:
        objects.replace(name, [])
    assert sorted(gone(objects)) == ["web", "web-1"]
    assert objects.snapshot().count == 0


@pytest.mark.parametrize(
    ("deletion", "phase"), [({}, "Failed"), ({"deletionTimestamp": "2024-05-01T00:00:00Z"}, None)]
)
def test_only_a_pod_that_was_not_told_to_go_had_ended_by_itself(
    clock: Clock, deletion: dict[str, str], phase: str | None
) -> None:
    ended = {**web(**deletion), "status": {"podIP": "10.1.0.7", "phase": "Failed"}}
    objects = ClusterObjects(5)
    objects.replace("pods", [web()])
    objects.remove("pods", ended)
    (kept,) = (o for o in objects.snapshot().objects if "deleted" in o)
    assert kept["status"].get("phase") == phase


def test_what_went_is_kept_for_a_week_and_the_oldest_go_first(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_gone, "MOST", 3)
    objects = ClusterObjects(5)

    def ends(name: str, after: float) -> list[str]:
        clock.now += after
        objects.put("pods", web(name))
        objects.remove("pods", web(name))
        return list(gone(objects))

    assert ends("a", 0) == ["a"]
    assert ends("b", 10) == ["a", "b"]
    assert ends("c", cluster_gone.KEPT_SECONDS - 5) == ["b", "c"]
    assert [ends("d", 1), ends("e", 0)] == [["b", "c", "d"], ["c", "d", "e"]]


def test_what_stays_equal_is_no_change() -> None:
    objects = ClusterObjects(5)
    objects.replace("pods", [web()])
    first = objects.snapshot()
    objects.replace("pods", [web()])
    objects.put("pods", web())
    objects.remove("pods", web("nobody"))
    objects.reach("pods")
    objects.allow("pods")
    assert not objects.wait(0)
    assert objects.snapshot().objects[0] is first.objects[0]
    objects.put("pods", web(labels={"a": "b"}))
    assert objects.wait(0)
