"""The known pitfalls of selectors, labels and names, one named test each, from flows to the policy."""

import re

import pytest
import yaml

from netsec_tui.model.flow import Flow
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.review import Standing
from netsec_tui.sources.hubble.decode import HubbleDecoder
from tests.core.policy_rules import egress, opened, to_pods
from tests.core.scene import IN, WEB, Scene, obj, owner, pod, shop

UNSTABLE = {
    "pod-template-hash": "7d4b9c",
    "controller-revision-hash": "x1",
    "rollouts-pod-template-hash": "5f",
    "statefulset.kubernetes.io/pod-name": "db-0",
    "apps.kubernetes.io/pod-index": "0",
    "batch.kubernetes.io/job-name": "report-28",
    "job-name": "report-28",
    "controller-uid": "0a1b",
    "topology.kubernetes.io/zone": "a",
}


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Pod"])
@pytest.mark.parametrize("stable", [{"app": "x", "tier": "back"}, {}], ids=["stable", "none"])
def test_04_selectors_outlive_a_rollout_and_are_refused_when_empty(kind, stable):
    labels = {**stable, **UNSTABLE}
    if kind == "Pod":
        made = [pod("x", "10.244.0.77", labels=labels)]
    else:
        of_job = {"spec": {"template": {"metadata": {"labels": labels}, "spec": {}}}}
        made = [obj("Job", "x", "shop", "batch/v1", **of_job)] if kind == "Job" else []
        made = made or [owner("x", kind=kind, labels=labels)]
        made += [pod("x-1", "10.244.0.77", "x", kind=kind, labels=labels)]
    scene = shop(*made)
    scene.sees((made[-1]["metadata"]["name"], "cart-1", 8080)).chooses(WorkloadRef(kind, "shop", "x"))
    if stable:
        assert scene.review.subject.selector.match_labels == tuple(stable.items())
        scene.chooses(WEB._replace(name="cart"))
        assert opened(scene, IN) == [(to_pods(**stable), [8080])]
    else:
        assert f"{kind}/x" in scene.review.subject.refusal
        assert scene.review.yaml == ""
        scene.chooses(WEB._replace(name="cart"))
        assert (scene.row(IN, "x").standing, scene.rules(IN)) == (Standing.NOT_EXPRESSIBLE, [])


def test_04_a_selector_of_another_workload_is_said():
    scene = shop(pod("odd", "10.244.0.99", labels={"app": "web", "extra": "1"}))
    scene.sees(("cart-1", "web-1", 8080)).chooses()
    assert list(map(str, scene.review.subject.shared)) == ["Pod/odd"]
    assert "the policy's selector also selects Pod/odd" in scene.review.warnings


def test_15_a_peer_of_another_namespace_is_one_entry_of_both_selectors():
    scene = shop().sees(("web-1", "db-0", 5432), ("db-0", "web-1", 8080)).chooses()
    both = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "data"}},
        "podSelector": {"matchLabels": {"app": "db"}},
    }
    assert opened(scene, IN) == [([both], [8080])]
    assert [rule["to"] for rule in egress(scene)] == [[both]]


HARD = ["1.2", "true", "123", "on", "null", "1e3", "0x1f", "1_000", "no", "y", "2026-01-01", ""]


@pytest.mark.parametrize("value", HARD)
def test_16_label_values_stay_strings(value):
    labels = {"app": "x", "v": value}
    scene = shop(owner("x", labels=labels), pod("x-1", "10.244.0.77", "x", labels=labels))
    scene.sees(("x-1", "web-1", 8080)).chooses()
    assert opened(scene, IN) == [(to_pods(**labels), [8080])]
    scene.chooses(WEB._replace(name="x"))
    assert yaml.safe_load(scene.review.yaml)["spec"]["podSelector"] == {"matchLabels": labels}


@pytest.mark.parametrize("name", ["web", "a.b", "x" * 63, "x" * 200, "Web"])
def test_19_names_are_fixed_short_and_never_shared(name):
    names = []
    for kind in ("Deployment", "StatefulSet"):
        for two in (False, True):
            scene = shop(owner(name, kind=kind, labels={"app": "n"}), two_objects=two)
            scene.chooses(WorkloadRef(kind, "shop", name))
            first = scene.review
            names += [policy.name for policy in first.policies]
    assert len(set(names)) == len(names) == 6
    assert all(re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", n) and len(n) <= 63 for n in names)
    again = shop(owner(name, labels={"app": "n"})).chooses(WorkloadRef("Deployment", "shop", name))
    assert again.policy.name == names[0]


@pytest.mark.parametrize(
    ("label", "value", "good"),
    [
        ("app.kubernetes.io/version", "1.2-a_b", True),
        ("team", "", True),
        ("note", "a,b=c", False),
        ("note", 'say "x"', False),
        ("note", "a=b", False),
    ],
)
def test_20_labels_are_never_cut_at_commas_or_equals_signs(label, value, good):
    told = ["k8s:io.kubernetes.pod.namespace=shop", f"k8s:{label}={value}"]
    ends = {
        "source": {"namespace": "shop", "pod_name": "odd-1", "labels": told},
        "destination": {"namespace": "shop", "pod_name": "web-1", "labels": ["k8s:app=web"]},
    }
    record = {
        "time": "2026-09-21T10:00:00Z",
        "verdict": "FORWARDED",
        "IP": {"source": "10.0.0.9", "destination": "10.0.0.2"},
        "l4": {"TCP": {"source_port": 40000, "destination_port": 8080}},
        "Type": "L3_L4",
        "is_reply": False,
        "traffic_direction": "INGRESS",
        **ends,
    }
    read = HubbleDecoder().decode({"flow": record})
    assert isinstance(read, Flow)
    assert dict(read.source.labels) == {label: value}
    scene = Scene()
    scene.sees([read]).chooses(WorkloadRef("Workload", "shop", "web"))
    (row,) = scene.table(IN).rows
    assert f"{label}={value}".casefold() in row.text
    scene.tick(row)
    if good and label == "team":
        assert opened(scene, IN) == [(to_pods(team=""), [8080])]
    else:
        assert (row.standing, scene.rules(IN)) == (Standing.NOT_EXPRESSIBLE, [])
