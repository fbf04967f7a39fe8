"""The selected workload: what its policy selects, whom that covers, and when there can be none."""

import pytest

from tests.core.traffic import (
    IN,
    Endpoint,
    end,
    exchange,
    of,
    only,
    pod,
    review,
    service,
    session,
    table,
    workload,
)

CLIENT = of("client")


def look(objects, text, server=None):
    server = server or end("p", labels={"app": "web"}, workloads=(tuple(text.split("/")),))
    return review(session(exchange(CLIENT, server, 80), objects), text)


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "Rollout"])
def test_selector_is_the_owners_own(kind):
    labels = {"app": "web", "tier": "front"}
    chosen = {"matchLabels": {"app": "web"}}
    objects = [workload(kind, "web", labels=labels, selector=chosen)]
    found = look(objects, f"{kind}/web")
    assert found.policies[0].pod_selector.match_labels == (("app", "web"),)
    assert found.subject.labels == (("app", "web"), ("tier", "front"))
    assert [str(owner) for owner in found.subject.owners] == [f"{kind}/web"]


@pytest.mark.parametrize("kind", ["CronJob", "Job"])
def test_jobs_are_selected_by_the_labels_of_their_template(kind):
    objects = [workload(kind, "web", labels={"app": "web", "controller-uid": "x", "job-name": "web-1"})]
    found = look(objects, f"{kind}/web")
    assert found.policies[0].pod_selector.match_labels == (("app", "web"),)


def test_selector_by_expressions_is_kept():
    chosen = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "www"]}]}
    found = look([workload("Deployment", "web", selector=chosen)], "Deployment/web")
    (requirement,) = found.policies[0].pod_selector.match_expressions
    assert (requirement.key, requirement.operator, requirement.values) == ("app", "In", ("web", "www"))


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet", "CronJob"])
def test_host_network_is_listed_and_its_policy_refused(kind):
    made = session(
        exchange(CLIENT, end("p", workloads=((kind, "web"),)), 80), [workload(kind, "web", host=True)]
    )
    choice = next(c for c in made.workloads() if c.ref.name == "web")
    assert choice.host_network
    found = review(made, f"{kind}/web")
    assert "host network" in found.subject.refusal
    assert (found.policies, found.yaml) == ((), "")
    assert table(made, f"{kind}/web", IN) == ["Workload/client TCP 80"]


def test_bare_pod_on_the_host_network_is_refused():
    made = session(exchange(CLIENT, end("p"), 80), [pod("p", "p", host=True)])
    assert "host network" in review(made, "Pod/p").subject.refusal
    assert "host network" in only(made, "Workload/client", "egress").reason


def test_service_of_host_network_pods_is_refused_and_flagged():
    objects = [workload("DaemonSet", "web", host=True), service("web", [(80, 80)])]
    made = session(exchange(CLIENT, end("p", workloads=(("DaemonSet", "web"),)), 80), objects)
    assert "host network" in review(made, "Service/web").subject.refusal
    assert {str(c.ref): c.host_network for c in made.workloads()} == {
        "DaemonSet/web": True,
        "Service/web": True,
        "Workload/client": False,
    }


def test_service_without_selector_has_no_policy():
    made = session(
        exchange(CLIENT, Endpoint("10.96.0.1"), 80),
        [service("open", [(80, 80)], selector={}, ip="10.96.0.1")],
    )
    found = review(made, "Service/open")
    assert found.subject.refusal == "Service/open has no selector, so it stands for no pods"
    assert found.yaml == ""


def test_service_with_labels_that_no_api_server_takes_has_no_policy():
    objects = [workload("Deployment", "web"), service("web", [(80, 80)], selector={"app": "web", "x y": "z"})]
    found = look(objects, "Service/web", of("web"))
    assert found.subject.refusal == "the API server would not accept the labels of Service/web"
    assert found.yaml == ""


def test_other_workloads_that_the_selector_selects_are_named():
    objects = [
        workload("Deployment", "web", labels={"app": "web"}),
        workload("Deployment", "web-canary", labels={"app": "web", "track": "canary"}),
        workload("Deployment", "api"),
        workload("DaemonSet", "host", labels={"app": "web"}, host=True),
        workload("Deployment", "elsewhere", labels={"app": "web"}, namespace="other"),
    ]
    found = look(objects, "Deployment/web")
    assert found.subject.notes == ("the policy's selector also selects Deployment/web-canary",)
    assert set(found.subject.notes) <= set(found.warnings)
    assert list(map(str, found.subject.shared)) == ["Deployment/web-canary"]


@pytest.mark.parametrize(
    ("other", "shared"),
    [
        (pod("x", labels={"app": "web", "pod-template-hash": "1"}), ["Pod/x"]),
        (pod("x", "web", owner=("StatefulSet", "api")), ["StatefulSet/api"]),
        (pod("x", "web", owner=("Deployment", "web")), []),
        (pod("x", "web", phase="Succeeded"), []),
        (pod("x", "web", host=True), []),
        (pod("x", "web", namespace="other"), []),
        (pod("x", "api"), []),
    ],
)
def test_live_pods_of_others_count_though_no_template_matches(other, shared):
    objects = [workload("Deployment", "web"), workload("StatefulSet", "api"), other]
    assert list(map(str, look(objects, "Deployment/web").subject.shared)) == shared


def test_without_cluster_state_the_pods_seen_tell_whom_a_selector_selects_besides():
    one, two = (end(f"{n}-0", labels={"app": "web"}, workloads=(("Deployment", n),)) for n in ("one", "two"))
    made = session([*exchange(CLIENT, one, 80), *exchange(CLIENT, two, 80)])
    assert list(map(str, review(made, "Deployment/one").subject.shared)) == ["Deployment/two"]


def test_a_service_shares_nothing_for_all_that_it_selects_is_its_own():
    objects = [workload("Deployment", n, "web") for n in ("one", "two")]
    found = look([*objects, service("web", [(80, 80)])], "Service/web", of("web"))
    assert {"one", "two"} <= {owner.name for owner in found.subject.owners}
    assert found.subject.shared == ()


def test_missing_cluster_state_is_said_with_its_cost():
    warnings = look([], "Deployment/web").warnings
    assert any("no cluster state" in w and "add --manifests or --context" in w for w in warnings)
    assert not any(
        "no cluster state" in w for w in look([workload("Deployment", "web")], "Deployment/web").warnings
    )
