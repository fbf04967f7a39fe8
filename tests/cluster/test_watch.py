"""A cluster watched through a real API server: changes as they come, and what it takes to lose none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from netsec_tui.sources.cluster import source as cluster_source
from netsec_tui.sources.cluster import watch as cluster_watch
from netsec_tui.sources.cluster.source import ClusterSource
from tests.cluster import etcd
from tests.cluster.harness import waiting
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.outages import killed
from tests.cluster.harness.rest import MERGE, Rest
from tests.cluster.product.running import account, cluster_flags, documented_rights, flow, pods_of
from tests.sources.collected import Collected, following
from tests.sources.kube_objects import deployment, obj
from tests.ui.demo_host import app_of
from tests.ui.driving import WIDE, Operator

SHOP = "/api/v1/namespaces/shop"
APPS = "/apis/apps/v1/namespaces/shop/deployments"


@pytest.fixture(scope="module")
def server(binaries) -> Iterator[Cluster]:
    """Return a cluster with two Deployments, whose API server these tests may kill."""
    with Cluster.up(control_plane_only=True) as started:
        objects = [obj("Namespace", "shop", None), deployment("web"), deployment("orders")]
        started.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(objects))
        pods_of(Rest(started.kubeconfig), "shop", "web", "orders")
        yield started


@pytest.fixture(scope="module")
def user(server, tmp_path_factory) -> Path:
    """Return the kubeconfig of an account with the documented rights alone."""
    return account(server, tmp_path_factory.mktemp("user"), "watches", documented_rights())


@pytest.fixture
def rest(server) -> Rest:
    return Rest(server.kubeconfig)


@pytest.fixture
def only_watching(monkeypatch) -> None:
    """Have nothing come but what is watched."""
    monkeypatch.setattr(cluster_watch, "POLLED_SECONDS", 3600.0)


def labels(found: Collected, name: str = "shop") -> dict[str, str]:
    (one,) = [o for o in found.objects if o["kind"] == "Namespace" and o["metadata"]["name"] == name]
    return one["metadata"].get("labels", {})


async def test_a_label_put_on_a_namespace_shows_on_the_screen(
    server, user, rest, tmp_path, monkeypatch, only_watching
):
    monkeypatch.setattr(cluster_source, "POLL_SECONDS", 3600.0)
    rest.send("POST", "/api/v1/namespaces", {"metadata": {"name": "data"}})
    rest.send("POST", APPS.replace("shop", "data"), deployment("db") | {"metadata": {"name": "db"}})
    pods = pods_of(rest, "shop", "web") | pods_of(rest, "data", "db")
    path = tmp_path / "flows.json"
    path.write_text(flow(pods["web"], pods["db"]), encoding="utf-8")
    app = app_of("--flows", str(path), *cluster_flags(user), "-n", "shop", "deploy/web", "--since", "all",
                 "--set", "labels.namespaces.include=team")  # fmt: skip
    async with app.run_test(size=WIDE) as pilot:
        operator = Operator(app, pilot)
        await operator.until(lambda: [r.name for r in operator.rows("egress")] == ["db"], "the row", 60)
        await operator.press("4", "z")
        assert "team: storage" not in operator.screen()
        rest.send("PATCH", "/api/v1/namespaces/data", {"metadata": {"labels": {"team": "storage"}}}, MERGE)
        await operator.until(lambda: "team: storage" in operator.screen(), "the label in the policy")


def test_versions_that_etcd_has_forgotten_are_listed_again(server, user, rest):
    with following(ClusterSource(Cluster.context, str(user))) as found:
        found.wait_for(lambda: "orders" in found.names)
        with killed(server):
            found.wait_for(lambda: "cannot be reached" in found.status.error)
            etcd.compact(server.instance)
        rest.send("PATCH", SHOP, {"metadata": {"labels": {"run": "compacted"}}}, MERGE)
        waiting.until(lambda: labels(found).get("run") == "compacted", 60, "the label after the compaction")
        waiting.until(lambda: found.status.error == "", 60, "all is well again")


def test_what_happens_while_the_api_server_is_away_is_not_missed(server, user, rest):
    rest.send("POST", APPS, deployment("short") | {"metadata": {"name": "short"}})
    pods_of(rest, "shop", "short")
    with following(ClusterSource(Cluster.context, str(user))) as found:
        found.wait_for(lambda: "short" in found.names)
        for number in range(2):
            with killed(server):
                found.wait_for(lambda: "cannot be reached" in found.status.error)
            if not number:
                rest.send("DELETE", f"{APPS}/short")
            rest.send("PATCH", SHOP, {"metadata": {"labels": {"run": str(number)}}}, MERGE)
            waiting.until(lambda number=number: labels(found).get("run") == str(number), 60, "the label")
            waiting.until(lambda: found.status.error == "", 60, "all is well again")
        assert "short" in found.gone
        assert "short" not in found.names
