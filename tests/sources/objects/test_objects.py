from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.sources.objects.strip import object_key, printable, strip, unpack
from tests.sources.kube_objects import deployment, obj, pod


def junk() -> st.SearchStrategy[Any]:
    leaves = (
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=3)
    )
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=8,
    )


SECRET = "hunter2"
LEAKY_CONTAINER = {
    "name": "c",
    "env": [{"name": "PASSWORD", "value": SECRET}],
    "command": ["run", SECRET],
    "args": [SECRET],
    "ports": [{"containerPort": 80, "hostIP": SECRET}],
}
LEAKY_METADATA = {
    "annotations": {"kubectl.kubernetes.io/last-applied-configuration": SECRET},
    "managedFields": [{"manager": SECRET}],
    "labels": {"app": "web"},
}


@pytest.mark.parametrize(
    "leaky",
    [
        obj("Pod", "web", metadata=LEAKY_METADATA, spec={"containers": [LEAKY_CONTAINER]}),
        obj("Pod", "web", spec={"containers": {"c": LEAKY_CONTAINER}, "initContainers": [LEAKY_CONTAINER]}),
        obj(
            "Pod", "web", spec={"containers": [], "volumes": [{"secret": SECRET}]}, status={"message": SECRET}
        ),
        obj("Pod", "web", spec={"containers": [{"ports": {"env": SECRET}}]}),
        obj(
            "CronJob",
            "web",
            api="batch/v1",
            spec={
                "jobTemplate": {
                    "metadata": LEAKY_METADATA,
                    "spec": {
                        "template": {"metadata": LEAKY_METADATA, "spec": {"containers": [LEAKY_CONTAINER]}}
                    },
                }
            },
        ),
        obj("Service", "web", metadata=LEAKY_METADATA, spec={"ports": [{"port": 80, "x": SECRET}]}),
        obj("Node", "n1", None, metadata=LEAKY_METADATA, spec={"providerID": SECRET}),
        obj(
            "NetworkPolicy", "p", api="networking.k8s.io/v1", metadata=LEAKY_METADATA, spec={}, status=SECRET
        ),
        deployment("web"),
    ],
    ids=lambda leaky: leaky["kind"],
)
def test_nothing_that_could_hold_a_secret_is_kept(leaky: dict[str, Any]) -> None:
    kept = strip(leaky)
    assert kept is not None
    assert SECRET not in json.dumps(kept)


@pytest.mark.parametrize(
    ("kind", "api"),
    [
        ("ConfigMap", "v1"),
        ("Secret", "v1"),
        ("Service", "serving.knative.dev/v1"),
        ("NetworkPolicy", "policy.example/v1"),
        ("Node", "management.example/v3"),
        ("Ingress", "networking.k8s.io/v1"),
    ],
)
def test_objects_of_no_use_are_dropped(kind: str, api: str) -> None:
    assert (
        strip(obj(kind, "x", api=api, data={"password": SECRET}, spec={"selector": {}, "x": SECRET})) is None
    )


def test_when_a_pod_was_given_a_node_is_kept() -> None:
    given = {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2024-05-01T10:00:00Z"}
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2024-05-01T10:00:09Z"}
    told = {"phase": "Running", "startTime": "2024-05-01T10:00:01Z"}
    status = {**told, "conditions": [{**given, "message": SECRET}, ready], "message": SECRET}
    kept = strip(obj("Pod", "web", status=status))
    assert kept is not None
    assert kept["status"] == {**told, "conditions": [given]}


@pytest.mark.parametrize("phase", ["Running", "Succeeded"])
def test_when_containers_finished_is_kept_of_pods_that_have_ended(phase: str) -> None:
    finished = {"state": {"terminated": {"finishedAt": "2024-05-01T10:00:00Z"}}}
    ready = {"type": "Ready", "status": "False", "lastTransitionTime": "2024-05-01T10:00:01Z"}
    leaky = {"state": {"terminated": {**finished["state"]["terminated"], "message": SECRET}}, "image": SECRET}
    status = {
        "phase": phase,
        "containerStatuses": [leaky],
        "initContainerStatuses": [leaky],
        "ephemeralContainerStatuses": [leaky],
        "conditions": [{**ready, "message": SECRET}],
    }
    kept = strip(obj("Pod", "job", status=status))
    assert kept is not None
    names = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    ends = {**{name: [finished] for name in names}, "conditions": [ready]}
    assert kept["status"] == ({"phase": phase, **ends} if phase == "Succeeded" else {"phase": phase})


def test_a_custom_owner_is_kept_by_its_selector_and_template() -> None:
    rollout = deployment("web", kind="Rollout") | {"apiVersion": "argoproj.io/v1alpha1"}
    kept = strip(rollout)
    assert kept is not None
    assert kept["spec"]["selector"] == {"matchLabels": {"app": "web"}}
    assert SECRET not in json.dumps(kept)


@given(
    spec=junk(),
    status=junk(),
    metadata=junk(),
    kind=st.sampled_from(["Pod", "Service", "NetworkPolicy", "Odd"]),
)
def test_stripping_twice_changes_nothing_and_what_is_kept_is_json(
    spec: Any, status: Any, metadata: Any, kind: str
) -> None:
    for api in ("v1", "networking.k8s.io/v1"):
        once = strip({"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec, "status": status})
        if once is not None:
            assert strip(once) == once
            assert json.loads(json.dumps(once)) == once


def test_lists_are_unpacked_in_order_and_typed_items_get_their_kind() -> None:
    bare = {"metadata": {"name": "a"}}
    document = {
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {"apiVersion": "v1", "kind": "PodList", "items": [bare]},
            obj("Service", "b"),
            {"apiVersion": "apps/v1", "kind": "DeploymentList", "items": [deployment("c")]},
        ],
    }
    assert [(o["apiVersion"], *object_key(o)) for o in unpack(document)] == [
        ("v1", "Pod", "default", "a"),
        ("v1", "Service", "shop", "b"),
        ("apps/v1", "Deployment", "shop", "c"),
    ]


def test_a_single_object_is_its_own_list() -> None:
    web = pod("web")
    assert list(unpack(web)) == [web]


def test_foreign_text_shows_its_escapes_literally() -> None:
    assert printable("a\x1b[31mb\nc\u202ed") == "a\\x1b[31mb\\nc\\u202ed"
    assert len(printable("x" * 1000)) == 200
