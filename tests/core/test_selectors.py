"""Policies select by labels that last, in a form that the API server takes."""

import pytest

from netsec_tui.core.cluster.selectors import (
    acceptable,
    common_labels,
    has_labels,
    owner_label,
    selector_from_labels,
)
from netsec_tui.kube.labels import is_stable, stable_selector
from netsec_tui.model.policy import LabelSelector, Requirement
from tests.core.traffic import end, exchange, of, pod, review, session, workload

UNSTABLE = [
    "pod-template-hash",
    "rollouts-pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
    "batch.kubernetes.io/job-completion-index",
    "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
]
CHANGED_BY_UPGRADES = ["app.kubernetes.io/version", "helm.sh/chart", "chart"]
STABLE = ["app", "k8s-app", "app.kubernetes.io/name", "job", "version", "batch", "my-controller-uid"]


@pytest.mark.parametrize("key", UNSTABLE)
def test_unstable_keys_are_in_no_policy(key):
    assert not is_stable(key)
    labels = {"app": "web", key: "x"}
    flows = exchange(of("client"), end("web-0", labels=labels, workloads=(("Deployment", "web"),)), 80)
    made = session(flows)
    assert review(made, "Deployment/web").policies[0].pod_selector.match_labels == (("app", "web"),)
    made = session(flows, [workload("Deployment", "web", labels=labels)])
    assert review(made, "Deployment/web").policies[0].pod_selector.match_labels == (("app", "web"),)


@pytest.mark.parametrize("key", STABLE)
def test_other_keys_are_kept(key):
    assert is_stable(key)
    assert selector_from_labels(((key, "x"),)) == LabelSelector(((key, "x"),))


@pytest.mark.parametrize("key", CHANGED_BY_UPGRADES)
def test_labels_that_upgrades_change_are_kept_only_where_the_owner_itself_selects_by_them(key):
    assert selector_from_labels(((key, "1"),)) is None
    assert selector_from_labels((("app", "web"), (key, "1"))) == LabelSelector((("app", "web"),))
    owners = LabelSelector(((key, "1"),))
    assert stable_selector(owners) == owners


def test_expressions_of_an_owner_are_kept_without_unstable_keys():
    kept, dropped = Requirement("tier", "In", ("a", "b")), Requirement("pod-template-hash", "Exists")
    selector = LabelSelector((("controller-uid", "1"),), (kept, dropped))
    assert stable_selector(selector) == LabelSelector((), (kept,))
    assert stable_selector(LabelSelector((("controller-uid", "1"),), (dropped,))) is None


def test_owner_whose_labels_all_change_gets_no_policy():
    objects = [pod("web-0", labels={"pod-template-hash": "x"})]
    found = review(session(exchange(of("client"), end("web-0"), 80), objects), "Pod/web-0")
    assert found.subject.refusal == "Pod/web-0 has no label that outlives its pods"
    assert found.yaml == ""


@pytest.mark.parametrize(
    ("key", "value", "good"),
    [
        ("app", "web", True),
        ("app", "", True),
        ("app", "a" * 63, True),
        ("app", "a" * 64, False),
        ("a" * 63, "x", True),
        ("a" * 64, "x", False),
        ("example.com/app", "x", True),
        ("example.com/" + "a" * 63, "x", True),
        ("Example.com/app", "x", False),
        ("/app", "x", False),
        ("a/b/c", "x", False),
        ("a_b.c-d", "A_b.C-d", True),
        ("app", "-x", False),
        ("app", "x\n", False),
        ("app\n", "x", False),
        ("app", "x y", False),
        ("app", "é", False),
        ("app", "\uff11", False),
    ],
)
def test_labels_that_the_api_server_takes(key, value, good):
    assert acceptable(LabelSelector(((key, value),))) is good


@pytest.mark.parametrize(
    ("sets", "common"),
    [
        ([], ()),
        ([()], ()),
        ([(("a", "1"), ("b", "2"))], (("a", "1"), ("b", "2"))),
        ([(("a", "1"), ("b", "2")), (("b", "2"), ("c", "3"))], (("b", "2"),)),
        ([(("a", "1"),), (("a", "2"),)], ()),
    ],
)
def test_common_labels(sets, common):
    assert common_labels(sets) == common


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        ((("app", "a"), ("app.kubernetes.io/name", "b"), ("k8s-app", "c")), ("app.kubernetes.io/name", "b")),
        ((("app", "a"), ("k8s-app", "c")), ("app", "a")),
        ((("app", ""), ("k8s-app", "c")), ("k8s-app", "c")),
        ((("name", "a"),), None),
    ],
)
def test_label_that_names_an_owner(labels, named):
    assert owner_label(labels) == named


def test_empty_selector_of_a_service_selects_nothing():
    assert not has_labels((), (("app", "a"),))
    assert has_labels((("app", "a"),), (("app", "a"), ("b", "c")))
    assert not has_labels((("app", "a"), ("x", "y")), (("app", "a"),))
