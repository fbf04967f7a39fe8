"""Five thousand pods, and lists longer than a page, as a real API server gives them."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from netsec_tui.sources.cluster.api import ClusterApi
from netsec_tui.sources.cluster.resources import RESOURCES
from netsec_tui.sources.cluster.source import ClusterSource
from netsec_tui.sources.contract import ObjectsRead
from tests.cluster import fake_pods
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.rest import MERGE, Rest
from tests.cluster.product.running import Pages, cluster_flags, flow, names, run
from tests.sources.collected import following, read
from tests.ui.demo_host import app_of
from tests.ui.driving import WIDE, Operator

PODS = 5_000
OWNERS = PODS // fake_pods.REPLICAS
POLICIES = 1_100
APP = f"deploy/{fake_pods.name(0).split('-1a2b3c')[0]}"


@pytest.fixture(scope="module")
def large(binaries) -> Any:
    """Return a cluster with 5,000 pods of 500 Deployments, whose controllers stand still."""
    with Cluster.up(control_plane_only=True) as started:
        started.control_plane.signal("kube-controller-manager", signal.SIGSTOP)
        fake_pods.write(Rest(started.kubeconfig), PODS)
        yield started


@pytest.fixture(scope="module")
def flows(large, tmp_path_factory) -> Path:
    """Return a file of flows from each owner's first pod to the next owner's."""
    rest = Rest(large.kubeconfig)
    pods = {
        item["metadata"]["name"]: item
        for item in rest.items(f"/api/v1/namespaces/{fake_pods.NAMESPACE}/pods")
    }
    firsts = [pods[fake_pods.name(number)] for number in range(0, PODS, fake_pods.REPLICAS)]
    lines = [flow(client, server) for client, server in zip(firsts, firsts[1:] + firsts[:1], strict=True)]
    path = tmp_path_factory.mktemp("flows") / "flows.json"
    path.write_text("".join(lines), encoding="utf-8")
    return path


def test_all_pods_are_read_page_by_page_with_their_owners_and_addresses(large):
    found = read(ClusterSource(Cluster.context, str(large.kubeconfig)))
    (told,) = [message for message in found.messages if isinstance(message, ObjectsRead)]
    assert (told.problems, told.range_problems) == ((), ())
    pods = {o["metadata"]["name"]: o for o in told.objects if o["kind"] == "Pod"}
    assert set(pods) == {fake_pods.name(number) for number in range(PODS)}
    assert {pods[fake_pods.name(n)]["status"]["podIP"] for n in range(PODS)} == {
        *map(fake_pods.address, range(PODS))
    }
    assert len([o for o in told.objects if o["kind"] == "Pod"]) == PODS


def test_a_command_lists_every_workload_of_5000_pods(large, flows):
    done = run(large.kubeconfig, "list", "-o", "json", "--flows", flows)
    assert (done.code, done.said) == (0, [])
    listed = json.loads(done.out)["workloads"]
    assert len(listed) == OWNERS
    assert {(one["kind"], one["ingress"], one["egress"]) for one in listed} == {("Deployment", 1, 1)}


def test_a_change_of_one_pod_of_5000_is_told_without_listing_them_again(large, monkeypatch):
    listed: list[str] = []
    listing = ClusterApi.listing

    def counted(self: Any, resource: Any, *rest: Any) -> Any:
        listed.append(resource.name)
        return listing(self, resource, *rest)

    monkeypatch.setattr(ClusterApi, "listing", counted)
    path = f"/api/v1/namespaces/{fake_pods.NAMESPACE}/pods/{fake_pods.name(7)}"
    with following(ClusterSource(Cluster.context, str(large.kubeconfig))) as found:
        found.wait_for(lambda: found.status.read)
        before = {id(o) for o in found.objects}
        Rest(large.kubeconfig).send("PATCH", path, {"metadata": {"labels": {"changed": "yes"}}}, MERGE)
        found.wait_for(lambda: any("changed" in o["metadata"].get("labels", {}) for o in found.objects))
        # All others are the very objects that they were: whoever reads them has nothing to read again.
        (other,) = [o for o in found.objects if id(o) not in before and o["kind"] == "Pod"]
        assert other["metadata"]["name"] == fake_pods.name(7)
        assert listed.count("pods") == 1


async def test_keys_are_answered_while_5000_pods_are_read(large, flows):
    scope = ("-n", fake_pods.NAMESPACE, APP, "--since", "all")
    app = app_of("--flows", str(flows), *cluster_flags(large.kubeconfig), *scope)
    async with app.run_test(size=WIDE) as pilot:
        operator = Operator(app, pilot)

        def header() -> str:
            return operator.screen().splitlines()[0]

        async def answered(key: str, shown: bool) -> None:
            # Not by the pilot, whose keys wait until the whole program is at rest.
            app.simulate_key(key)
            deadline = time.monotonic() + 60
            while ("─ Help ─" in operator.screen()) is not shown:
                assert time.monotonic() < deadline, operator.screen()
                await asyncio.sleep(0.01)

        while_reading = 0
        while "all read" not in header():
            await answered("question_mark", True)
            while_reading += "all read" not in header()
            await answered("escape", False)
        assert while_reading
        caller = f"app-{OWNERS - 1:04}"
        await operator.until(lambda: [r.name for r in operator.rows("ingress")] == [caller], "the row", 60)


def test_policies_that_come_and_go_while_pages_are_read(control_plane):
    rest = Rest(control_plane.kubeconfig)
    policies = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
    there = [f"p-{number:04}" for number in range(POLICIES)]
    for name in there:
        rest.send("POST", policies, {"metadata": {"name": name}, "spec": {"podSelector": {}}})
    (resource,) = [one for one in RESOURCES if one.name == "networkpolicies"]

    def change() -> None:
        rest.send("POST", policies, {"metadata": {"name": "p-9999-late"}, "spec": {"podSelector": {}}})
        rest.send("DELETE", f"{policies}/{there[-1]}")

    try:
        api = Pages(control_plane.kubeconfig, change)
        first = own(api.list(resource), "default")
        assert len(first) == len(set(first))
        assert set(first) - {"p-9999-late", there[-1]} == set(there[:-1])
        assert own(api.list(resource), "default") == [*there[:-1], "p-9999-late"]
    finally:
        rest.send("DELETE", policies)


def own(objects: Any, namespace: str) -> list[str]:
    """Return the names of the objects of a namespace."""
    return names(o for o in objects if o["metadata"]["namespace"] == namespace)
