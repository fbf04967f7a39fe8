"""Reading from a real API server with the rights that the README asks for, and with each of them lacking."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from netsec_tui.core.cluster.known_ranges import settled
from netsec_tui.kube.overriding import OVERRIDING_KINDS
from netsec_tui.model.config import Config
from netsec_tui.sources.capture.source import CaptureSource
from netsec_tui.sources.cluster import source as cluster
from netsec_tui.sources.cluster import watch as cluster_watch
from netsec_tui.sources.cluster.source import ClusterSource
from netsec_tui.sources.contract import ObjectsRead
from netsec_tui.sources.feeds.feed import read_all
from tests.cluster.harness import waiting
from tests.cluster.harness.rest import MERGE, Rest
from tests.cluster.product.running import (
    ACCOUNTS,
    Right,
    account,
    binding,
    cluster_flags,
    documented_rights,
    documented_role,
    flow,
    names,
    pods_of,
    run,
    wait_for_right,
)
from tests.sources.collected import following, read
from tests.sources.kube_objects import deployment, obj, template
from tests.ui.demo_host import app_of
from tests.ui.driving import WIDE, Operator

RIGHTS = documented_rights()
RANGE_KINDS = {"ippools": "IPPool", "ciliumnodes": "CiliumNode", "ciliumpodippools": "CiliumPodIPPool",
               "networks": "Network"}  # fmt: skip
RANGES = {"servicecidrs", "configmaps", *RANGE_KINDS}
BUILT_IN = {"", "apps", "batch", "discovery.k8s.io", "networking.k8s.io"}
SAME_OBJECTS = "projectcalico.org"
"""The group that is listed in place of crd.projectcalico.org where both are served; here it is not."""

KINDS = {
    *(("", kind) for kind in ("Namespace", "Node", "Pod", "Service", "ConfigMap")),
    *(("apps", kind) for kind in ("ReplicaSet", "Deployment", "StatefulSet", "DaemonSet")),
    *(("batch", kind) for kind in ("Job", "CronJob")),
    ("discovery.k8s.io", "EndpointSlice"),
    *(("networking.k8s.io", kind) for kind in ("NetworkPolicy", "ServiceCIDR")),
}

KUBEADM = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
POD_SUBNET = {"ClusterConfiguration": "networking: {podSubnet: 10.244.0.0/16}\n"}
NO_SUBNET = {"ClusterConfiguration": "networking: {dnsDomain: cluster.local}\n"}
LINES = ["web", "orders"]
READING = [right for right in RIGHTS if right.verb != "watch"]
SERVED = [right for right in READING if right.group != SAME_OBJECTS]
WATCHED = {right for right in RIGHTS if right.verb == "watch" and right.group != SAME_OBJECTS}


@pytest.fixture(scope="module")
def rest(control_plane) -> Rest:
    return Rest(control_plane.kubeconfig)


@pytest.fixture(scope="module")
def shop(control_plane, rest) -> Any:
    """Return the pods of two Deployments, among one object of every kind that the product reads."""
    labels = {"app": "tick"}
    job = {**template(labels), "spec": {**template(labels)["spec"], "restartPolicy": "Never"}}
    daemons, states = deployment("agent", kind="DaemonSet"), deployment("db", kind="StatefulSet")
    objects = [
        obj("Namespace", "shop", None),
        obj("Node", "node1", None),
        obj("ConfigMap", "kubeadm-config", "kube-system", data=POD_SUBNET),
        obj("Secret", "password", stringData={"root": "hunter2"}),
        *(deployment(name) for name in LINES),
        daemons,
        {**states, "spec": {**states["spec"], "serviceName": "db"}},
        obj("CronJob", "tick", api="batch/v1",
            spec={"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": job}}}),
        obj("Job", "tock", api="batch/v1", spec={"template": job}),
        obj("Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}),
        obj("NetworkPolicy", "deny", api="networking.k8s.io/v1",
            spec={"podSelector": {"matchLabels": {"app": "db"}}}),
    ]  # fmt: skip
    control_plane.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(objects))
    return pods_of(rest, "shop", *LINES)


@pytest.fixture(scope="module")
def flows(shop, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("flows") / "flows.json"
    path.write_text(flow(shop["web"], shop["orders"]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def minimal(control_plane, rest, shop) -> Path:
    """Return the kubeconfig of a user with the rights of the README's role, as it stands there, alone."""
    control_plane.kubectl("apply", "-f", "-", input=documented_role())
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "minimal"}
    bound = {"kind": "ClusterRoleBinding", "apiVersion": "rbac.authorization.k8s.io/v1"}
    control_plane.kubectl(
        "apply", "-f", "-", input=json.dumps(bound | binding("minimal", "netsec-tui", subject))
    )
    wait_for_right(rest, "minimal", RIGHTS[-1])
    return control_plane.kubeconfig_for("minimal")


@pytest.fixture(scope="module")
def plugins(control_plane, shop) -> Any:
    """Have the API server serve the kinds of network plugins that the role names, each with one object."""
    kinds = {(kind.group, kind.plural): kind.kind for kind in OVERRIDING_KINDS}
    kinds |= {(r.group, r.resource): RANGE_KINDS[r.resource] for r in RIGHTS if r.resource in RANGE_KINDS}
    wanted = [(r.group, r.resource) for r in SERVED if r.group not in BUILT_IN]
    definitions = [_definition(group, plural, kinds[group, plural]) for group, plural in wanted]
    control_plane.kubectl("create", "-f", "-", input=yaml.safe_dump_all(definitions))
    control_plane.kubectl("wait", "--for=condition=Established", "crd", *names(definitions), "--timeout=30s")
    own = [obj(kinds[at], "one", None, f"{at[0]}/v1", spec={}) for at in wanted]
    control_plane.kubectl("create", "-f", "-", input=yaml.safe_dump_all(own))
    yield kinds
    control_plane.kubectl("delete", "crd", *names(definitions), "--wait=true")


def _definition(group: str, plural: str, kind: str) -> dict[str, Any]:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": anything}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
        },
        "spec": {
            "group": group,
            "scope": "Cluster",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
            "versions": [version],
        },
    }


def asked(cluster: Any, user: str) -> list[dict[str, Any]]:
    """Return what the API server's audit log says that a user has asked for."""
    lines = (cluster.instance.logs / "audit.log").read_text(encoding="utf-8").splitlines()
    return [event for event in map(json.loads, lines) if event["user"]["username"] == user]


def rights_used(events: list[dict[str, Any]]) -> set[Right]:
    """Return the rights that requests for objects took."""
    used = set()
    for event in events:
        if reference := event.get("objectRef"):
            name = (reference["name"],) if reference.get("name") else ()
            group = reference.get("apiGroup", "")
            used.add(Right(event["verb"], group, reference["resource"], name))
    return used


# The documented role


def test_the_documented_role_is_enough_and_nothing_is_complained_of(minimal, flows):
    done = run(minimal, "list", "--flows", flows)
    assert (done.code, done.said) == (0, [])
    assert [line.split()[:5] for line in done.out.splitlines() if "Deployment" in line] == [
        ["shop", "Deployment", "orders", "1", "0"],
        ["shop", "Deployment", "web", "0", "1"],
    ]
    done = run(minimal, "list", "-n", "shop", "deploy/web", "--flows", flows)
    assert (done.code, [line for line in done.said if "role" in line.lower() or "subnet" in line]) == (0, [])


@pytest.mark.parametrize(
    "resource", ["namespaces", "pods", "replicasets", "networkpolicies", "servicecidrs", "configmaps"]
)
def test_a_right_that_lacks_is_named_to_whoever_runs_a_command(
    control_plane, rest, flows, tmp_path, resource
):
    (lacking,) = [r for r in READING if r.resource == resource and r.group in BUILT_IN]
    user = account(control_plane, tmp_path, f"lists-no-{resource}", [r for r in RIGHTS if r != lacking])
    rest.send("PATCH", KUBEADM, {"data": NO_SUBNET}, MERGE)
    try:
        done = run(user, "list", "-n", "shop", "deploy/orders", "--flows", flows)
    finally:
        rest.send("PATCH", KUBEADM, {"data": POD_SUBNET}, MERGE)
    (said,) = [line for line in done.said if "ClusterRole" in line]
    assert f'apiGroups: ["{lacking.group}"], resources: ["{resource}"]' in said
    assert said.count("what is missing in a ClusterRole") == 1
    assert done.code == 0
    assert "web" in done.out


async def test_a_right_that_lacks_is_named_on_the_screen(control_plane, flows, tmp_path):
    (lacking,) = [right for right in READING if str(right) == "networkpolicies.networking.k8s.io"]
    user = account(control_plane, tmp_path, "looks", [right for right in RIGHTS if right != lacking])
    app = app_of("--flows", str(flows), *cluster_flags(user), "-n", "shop", "deploy/web", "--since", "all")
    async with app.run_test(size=WIDE) as pilot:
        operator = Operator(app, pilot)
        await operator.until(lambda: "all read" in operator.screen().splitlines()[0], "everything read", 60)
        await operator.press("w")
        shown = " ".join(operator.screen().split())
        assert 'apiGroups: ["networking.k8s.io"], resources: ["networkpolicies"], verbs: ["list"]' in shown
        assert shown.count("may not be listed") == 1
        assert [row.name for row in operator.rows("egress")] == ["orders"]


def test_a_user_without_any_right_is_told_what_is_missing_first(control_plane):
    done = run(control_plane.kubeconfig_for("nothing"), "list")
    assert (done.code, done.out) == (69, "")
    (said,) = done.said
    assert "lets this context list nothing" in said
    assert 'resources: ["namespaces"]' in said


# Where the cluster tells its ranges


def test_ranges_are_found_where_a_real_cluster_tells_them(control_plane, rest, minimal):
    node = obj(
        "Node", "told", None, spec={"podCIDRs": ["10.7.1.0/24", "fd00:7:1::/64"], "podCIDR": "10.7.1.0/24"}
    )
    proxy = obj("ConfigMap", "kube-proxy", "kube-system", data={"config.conf": "clusterCIDR: 10.7.0.0/16\n"})
    services = obj("ServiceCIDR", "more", None, "networking.k8s.io/v1", spec={"cidrs": ["10.97.0.0/16"]})
    control_plane.kubectl("create", "-f", "-", input=yaml.safe_dump_all([node, proxy, services]))
    try:
        reading = read_all([ClusterSource("harness", str(minimal))], lambda flows: None)
    finally:
        for name in ("node/told", "servicecidr/more", "-n=kube-system configmap/kube-proxy"):
            control_plane.kubectl("delete", "--wait=false", *name.split())
    found = {told.cidr: told.origin for told in reading.inventory.discovered}
    assert found == {
        "10.7.1.0/24": "Node told podCIDRs",
        "fd00:7:1::/64": "Node told podCIDRs",
        "10.244.0.0/16": "ConfigMap kube-system/kubeadm-config networking.podSubnet",
        "10.7.0.0/16": "ConfigMap kube-system/kube-proxy clusterCIDR",
        "10.96.0.0/16": "ServiceCIDR kubernetes",
        "fd00:10:96::/112": "ServiceCIDR kubernetes",
        "10.97.0.0/16": "ServiceCIDR more",
    }
    inventory = settled(reading.inventory, Config())
    assert set(inventory.service_cidrs) == {"10.96.0.0/16", "10.97.0.0/16", "fd00:10:96::/112"}
    assert set(inventory.pod_cidrs) >= {"10.244.0.0/16", "10.7.0.0/16", "fd00:7:1::/64"}
    assert (reading.failures, reading.unclear, inventory.missing, inventory.unread_ranges) == ((), (), (), ())


# With the kinds of network plugins, which stay to the end of this module


def test_with_the_documented_role_every_kind_is_read_and_nothing_else_is_asked_for(
    control_plane, minimal, plugins, tmp_path
):
    before = len(asked(control_plane, "minimal"))
    done = run(minimal, "record", "--source", "none", "-o", tmp_path / "all.capture")
    assert (done.code, done.said[1:]) == (0, [])
    recorded = read(CaptureSource(tmp_path / "all.capture"))
    assert (recorded.problems, recorded.names.count("kubeadm-config")) == ((), 1)
    custom = {(group, kind) for (group, _), kind in plugins.items() if group != SAME_OBJECTS}
    assert kinds_of(recorded.objects) == KINDS | custom
    assert "hunter2" not in (tmp_path / "all.capture").read_text(encoding="utf-8")

    events = asked(control_plane, "minimal")[before:]
    assert {event["requestURI"] for event in events if "objectRef" not in event} == {"/apis/"}
    by_name = {Right(r.verb, r.group, r.resource, (name,)) for r in RIGHTS if r.names for name in r.names}
    # What follows may begin to watch before all is known to be read.
    assert rights_used(events) - WATCHED == {r for r in SERVED if not r.names} | by_name
    refused = [event["requestURI"] for event in events if event["responseStatus"]["code"] not in (200, 404)]
    assert refused == []


def test_with_the_documented_role_everything_is_watched_and_a_change_is_told_at_once(
    control_plane, rest, minimal, plugins, monkeypatch
):
    # Whatever is told within the test is told because it is watched.
    for module, name in ((cluster, "POLL_SECONDS"), (cluster_watch, "POLLED_SECONDS")):
        monkeypatch.setattr(module, name, 3600.0)
    before = len(asked(control_plane, "minimal"))
    with following(ClusterSource("harness", str(minimal))) as found:

        def watched() -> set[Right]:
            return {r for r in rights_used(asked(control_plane, "minimal")[before:]) if r.verb == "watch"}

        waiting.until(lambda: watched() == WATCHED, 60, "everything is watched")
        rest.send("PATCH", "/api/v1/namespaces/shop", {"metadata": {"labels": {"team": "a"}}}, MERGE)
        found.wait_for(lambda: labels_of(found.objects, "Namespace", "shop").get("team") == "a")
        own = "/apis/cilium.io/v1/ciliumnetworkpolicies/one"
        rest.send("PATCH", own, {"spec": {"description": "changed"}}, MERGE)
        found.wait_for(lambda: any(o.get("spec") == {"description": "changed"} for o in found.objects))
        assert (found.problems, found.status.error) == ((), "")
    rest.send("PATCH", "/api/v1/namespaces/shop", {"metadata": {"labels": {"team": None}}}, MERGE)
    by_name = {Right(r.verb, r.group, r.resource, (name,)) for r in RIGHTS if r.names for name in r.names}
    lists = [right for right in SERVED if not right.names]
    assert rights_used(asked(control_plane, "minimal")[before:]) == {*lists, *by_name, *WATCHED}


def test_rights_to_watch_that_lack_are_named_and_all_is_listed_again_and_again(
    control_plane, rest, minimal, tmp_path, monkeypatch
):
    monkeypatch.setattr(cluster_watch, "POLLED_SECONDS", 0.2)
    user = account(control_plane, tmp_path, "watches-nothing", READING)
    with following(ClusterSource("harness", str(user))) as found:
        found.wait_for(
            lambda: any('resources: ["networkpolicies"], verbs: ["watch"]' in p for p in found.problems)
        )
        found.wait_for(
            lambda: all(f'"{r.resource}"' in found.problems[0] for r in WATCHED if r.group in BUILT_IN)
        )
        assert len(found.problems) == 1
        rest.send("PATCH", "/api/v1/namespaces/shop", {"metadata": {"labels": {"team": "a"}}}, MERGE)
        found.wait_for(lambda: labels_of(found.objects, "Namespace", "shop").get("team") == "a")
    rest.send("PATCH", "/api/v1/namespaces/shop", {"metadata": {"labels": {"team": None}}}, MERGE)


def labels_of(objects: Iterable[Mapping[str, Any]], kind: str, name: str) -> Mapping[str, str]:
    """Return the labels of an object."""
    (one,) = [
        o for o in objects if o["kind"] == kind and o["metadata"]["name"] == name and "deleted" not in o
    ]
    return one["metadata"].get("labels", {})


def test_each_right_that_lacks_is_named_alone_and_the_rest_is_read(control_plane, minimal, plugins, tmp_path):
    whole = kinds_of(read(ClusterSource("harness", str(minimal))).objects)
    for number, lacking in enumerate(SERVED):
        rights = [right for right in RIGHTS if right != lacking]
        user = account(control_plane, tmp_path, f"without-{number}", rights)
        found = read(ClusterSource("harness", str(user)))
        (told,) = [message for message in found.messages if isinstance(message, ObjectsRead)]
        in_range = lacking.resource in RANGES
        (sentence,) = told.range_problems if in_range else told.problems
        assert (told.problems if in_range else told.range_problems) == ()
        limited = f", resourceNames: [{', '.join(lacking.names)}]" if lacking.names else ""
        rule = f'apiGroups: ["{lacking.group}"], resources: ["{lacking.resource}"]{limited}'
        assert f'{rule}, verbs: ["{lacking.verb}"]' in sentence
        assert len(whole - kinds_of(found.objects)) == 1, lacking
    assert_no_writes(control_plane)


def kinds_of(objects: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Return API group and kind of objects."""
    return {(o["apiVersion"].rpartition("/")[0], o["kind"]) for o in objects}


def assert_no_writes(cluster: Any) -> None:
    """Hold all that was asked by the accounts of this module against what reading takes."""
    lines = (cluster.instance.logs / "audit.log").read_text(encoding="utf-8").splitlines()
    own = [e for e in map(json.loads, lines) if f":{ACCOUNTS}:" in e["user"]["username"]]
    assert own
    assert {event["verb"] for event in own} == {"list", "get", "watch"}
    assert not [event for event in own if event.get("objectRef", {}).get("resource") == "secrets"]
