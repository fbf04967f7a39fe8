"""What the pickers offer, in which order, and what typing finds."""

import pytest

from netsec_tui.model.identity import WorkloadRef
from netsec_tui.session.session import WorkloadChoice
from netsec_tui.ui.choices import Choice, kinds, matching, namespaces, owners


def workload(kind, namespace, name, ingress=1, egress=2, host_network=False):
    return WorkloadChoice(WorkloadRef(kind, namespace, name), ingress, egress, host_network)


WORKLOADS = (
    workload("Rollout", "shop", "canary"),
    workload("Job", "shop", "import"),
    workload("CronJob", "shop", "nightly"),
    workload("StatefulSet", "shop", "db"),
    workload("DaemonSet", "shop", "agent", host_network=True),
    workload("Deployment", "shop", "web"),
    workload("Deployment", "shop", "api"),
    workload("Service", "shop", "web"),
    workload("Pod", "shop", "lonely"),
    workload("Deployment", "ops", "tool"),
)


def test_namespaces_by_name_with_counts():
    assert [(c.label, c.note) for c in namespaces(WORKLOADS)] == [
        ("ops", "1 workload"),
        ("shop", "9 workloads"),
    ]


def test_kinds_in_the_order_of_the_documents_then_others_by_name():
    assert [c.label for c in kinds(WORKLOADS, "shop")] == [
        "Service",
        "Deployment",
        "DaemonSet",
        "StatefulSet",
        "CronJob",
        "Job",
        "Pod",
        "Rollout",
    ]


def test_owners_of_one_kind_and_namespace():
    assert [c.label for c in owners(WORKLOADS, "shop", "Deployment")] == ["api", "web"]


def test_host_network_is_marked():
    (agent,) = owners(WORKLOADS, "shop", "DaemonSet")
    assert agent.note == "1 in, 2 out, host network: no policy possible"


COMMANDS = [
    Choice("ask", "namespace", "another namespace", "ns"),
    Choice("shop", "ns shop", "go there"),
    Choice("shop2", "ns shop-eu", "go there"),
    Choice("quit", "quit", "leave", "q exit"),
    Choice("query", "sql", "query"),
]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", ["ask", "shop", "shop2", "quit", "query"]),
        (":", ["ask", "shop", "shop2", "quit", "query"]),
        (":q", ["quit", "query"]),
        (":ns shop", ["shop", "shop2"]),
        ("shop ns", ["shop", "shop2"]),
        ("NS", ["ask", "shop", "shop2"]),
        ("xyz", []),
    ],
)
def test_typing(typed, found):
    assert [choice.value for choice in matching(COMMANDS, typed)] == found
