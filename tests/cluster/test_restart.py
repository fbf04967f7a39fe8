"""An API server that goes away, comes back, hangs or asks for other credentials, while the app is open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import certifi
import pytest
import yaml

from netsec_tui.sources.cluster import api as cluster_api
from netsec_tui.sources.cluster import source as cluster_source
from netsec_tui.sources.cluster.resources import RESOURCES
from netsec_tui.sources.feeds import feed
from tests.cluster import etcd
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.outages import hanging, killed
from tests.cluster.harness.rest import Rest
from tests.cluster.product.running import (
    ACCOUNTS,
    Pages,
    account,
    cluster_flags,
    documented_rights,
    flow,
    names,
    pods_of,
    run,
    token,
    write_kubeconfig,
)
from tests.cluster.product.terminal import Terminal
from tests.sources.kube_objects import deployment, obj
from tests.ui.demo_host import app_of
from tests.ui.driving import WIDE, Operator

WORKLOAD = ("-n", "shop", "deploy/web", "--since", "all")
POLICIES = "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies"
DOWN, KEPT = "cannot be reached", "what was read before is kept"


@pytest.fixture(scope="module")
def server(binaries) -> Iterator[Cluster]:
    """Return a cluster with two Deployments, whose API server these tests may kill."""
    with Cluster.up(control_plane_only=True) as started:
        objects = [obj("Namespace", "shop", None), deployment("web"), deployment("orders")]
        started.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(objects))
        yield started


@pytest.fixture(scope="module")
def flows(server, tmp_path_factory) -> Path:
    pods = pods_of(Rest(server.kubeconfig), "shop", "web", "orders")
    path = tmp_path_factory.mktemp("flows") / "flows.json"
    path.write_text(flow(pods["web"], pods["orders"]), encoding="utf-8")
    return path


@pytest.fixture
def quick(monkeypatch) -> None:
    """Have the product look again soon, and not wait for long."""
    monkeypatch.setattr(cluster_source, "POLL_SECONDS", 0.2)
    monkeypatch.setattr(feed, "AGAIN_SECONDS", 0.2)
    monkeypatch.setattr(cluster_api, "TIMEOUT", (2, 2))
    monkeypatch.setattr(cluster_api, "PULSE", (2, 2))


@asynccontextmanager
async def opened(kubeconfig: Path, *flags: str) -> Any:
    """Run the app over a cluster, as the command line starts it."""
    app = app_of(*flags, *cluster_flags(kubeconfig), *WORKLOAD)
    async with app.run_test(size=WIDE) as pilot:
        yield Operator(app, pilot)


async def reviewed(operator: Operator) -> None:
    """Wait until the workload's communication is there, and nothing is complained of."""
    await operator.until(lambda: [row.name for row in operator.rows("egress")] == ["orders"], "the row", 60)
    await operator.until(lambda: "all read" in operator.screen().splitlines()[0], "everything read", 60)


def policy(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"podSelector": {"matchLabels": {"app": "web"}}}}


async def test_the_screen_outlives_the_api_server_and_recovers_by_itself(server, flows, quick):
    rest = Rest(server.kubeconfig)
    async with opened(server.kubeconfig, "--flows", str(flows)) as operator:
        await reviewed(operator)
        with killed(server):
            # An answer that was under way when the server was killed breaks off first.
            refused = f"198.18.{server.instance.number}.2:6443 {DOWN}: Connection refused"
            await operator.until(lambda: refused in whole(operator), "the failure is said")
            assert whole(operator).count(DOWN) == 1
            await operator.press("w")
            assert KEPT in whole(operator)
            assert [row.name for row in operator.rows("egress")] == ["orders"]
            await operator.go_to("egress", "orders")
            before = operator.rows("egress")[0].box
            await operator.press("space")
            assert operator.rows("egress")[0].box != before
            await operator.press("space")
        rest.send("POST", POLICIES, policy("meanwhile"))
        await operator.until(lambda: DOWN not in whole(operator), "the failure is over", 60)
        await operator.press("5")
        await operator.until(lambda: "meanwhile" in operator.screen(), "the policy that came meanwhile")
    rest.send("DELETE", f"{POLICIES}/meanwhile")


def whole(operator: Operator) -> str:
    """Return the screen's text as if nothing were broken into lines."""
    return " ".join(operator.screen().split())


async def test_the_screen_opens_while_the_api_server_is_down_and_fills_when_it_comes(server, flows, quick):
    app = app_of("--flows", str(flows), *cluster_flags(server.kubeconfig), *WORKLOAD)
    async with AsyncExitStack() as open_later:
        with killed(server):
            pilot = await open_later.enter_async_context(app.run_test(size=WIDE))
            operator = Operator(app, pilot)
            await operator.until(lambda: DOWN in whole(operator), "the failure is said")
        await operator.until(lambda: DOWN not in whole(operator), "the failure is over", 60)
        await reviewed(operator)


async def test_the_screen_says_that_the_api_server_hangs_and_goes_on_when_it_does_not(server, flows, quick):
    async with opened(server.kubeconfig, "--flows", str(flows)) as operator:
        await reviewed(operator)
        with hanging(server):
            await operator.until(lambda: "does not answer within 2 s" in whole(operator), "it is said", 60)
            assert [row.name for row in operator.rows("egress")] == ["orders"]
        await operator.until(lambda: "does not answer" not in whole(operator), "it is over", 60)


def test_a_command_gives_up_on_an_api_server_that_hangs(server):
    with hanging(server):
        done = run(server.kubeconfig, "list")
    assert (done.code, done.out) == (69, "")
    (said,) = done.said
    assert "cannot be reached: it does not answer within 5 s" in said


def test_a_command_says_that_there_is_no_api_server(server):
    with killed(server):
        done = run(server.kubeconfig, "list")
    assert (done.code, done.out) == (69, "")
    (said,) = done.said
    assert "refused" in said
    assert "check that the cluster runs" in said


def test_a_certificate_of_another_authority_is_said(server, tmp_path):
    (other,) = [write_kubeconfig(tmp_path / "other", server, "any", authority=certifi.where())]
    done = run(other, "list")
    assert (done.code, done.out) == (69, "")
    (said,) = done.said
    assert "certificate verify failed" in said
    assert "check the certificate authority" in said


async def test_credentials_that_end_are_said_and_new_ones_are_found(server, flows, quick, tmp_path):
    rest = Rest(server.kubeconfig)
    config = account(server, tmp_path, "leaving", documented_rights())
    async with opened(config, "--flows", str(flows)) as operator:
        await reviewed(operator)
        # A token ends with its account; the server remembers for some seconds that it was good.
        rest.send("DELETE", f"/api/v1/namespaces/{ACCOUNTS}/serviceaccounts/leaving")
        await operator.until(lambda: "does not take the credentials" in whole(operator), "it is said", 60)
        assert [row.name for row in operator.rows("egress")] == ["orders"]
        rest.send("POST", f"/api/v1/namespaces/{ACCOUNTS}/serviceaccounts", {"metadata": {"name": "leaving"}})
        write_kubeconfig(config, server, token(rest, "leaving"))
        await operator.until(lambda: "credentials" not in whole(operator), "it is over", 60)


def test_a_list_whose_token_expires_with_the_server_is_begun_again(server):
    rest = Rest(server.kubeconfig)
    maps = [f"p-{number:03}" for number in range(620)]
    for name in maps:
        rest.send("POST", POLICIES, policy(name))

    def restart() -> None:
        rest.send("POST", POLICIES, policy("p-999-late"))
        server.kill_api_server()
        etcd.compact(server.instance)
        server.start_api_server()

    api = Pages(server.kubeconfig, restart)
    (resource,) = [one for one in RESOURCES if one.name == "networkpolicies"]
    assert names(api.list(resource)) == [*maps, "p-999-late"]
    assert 410 in api.refused
    rest.send("DELETE", POLICIES)


def test_a_real_terminal_stays_whole_while_the_api_server_is_away(server, flows):
    arguments = ["--flows", str(flows), *cluster_flags(server.kubeconfig), *WORKLOAD]
    with Terminal(*arguments) as terminal:
        terminal.until("all read")
        terminal.until("orders")
        with killed(server):
            terminal.until(DOWN)
            assert "orders" in terminal.text()
            terminal.press("?")
            terminal.until("type to search")
            terminal.press("\x1b")
            terminal.until_not("type to search")
        terminal.until_not(DOWN)
        with hanging(server):
            terminal.press("q")
            assert terminal.exit_code() == 0
