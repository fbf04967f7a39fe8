"""Every feature that the demo has to show is on its screen."""

from __future__ import annotations

import re

import pytest

from netsec_tui.model.identity import Direction
from tests.ui.demo_host import WIDE, opened


async def test_all_six_kinds_can_be_chosen():
    async with opened(WIDE) as operator:
        await operator.answer("Namespace", "shop")
        await operator.until(lambda: "─ Kind in shop ─" in operator.screen(), "the kinds of shop")
        for kind in ("Service", "Deployment", "StatefulSet", "CronJob", "Job"):
            assert re.search(rf"│  {kind} +\d+ workload", operator.screen())
        await operator.press("escape")
        await operator.answer("Namespace", "monitoring")
        await operator.until(lambda: "─ Kind in monitoring ─" in operator.screen(), "the kinds of monitoring")
        assert re.search(r"│  DaemonSet +\d+ workload", operator.screen())


async def test_all_four_categories_of_addresses():
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "payments")
        categories = {row.name: row.rest.split()[0] for row in operator.rows("egress")}
        assert categories["10.244.2.250"] == "Internal"
        assert categories["192.0.2.20"] == "External"
        assert categories["2001:db8:50::7"] == "Unknown"

        # Four addresses of one owner become one, allowed row.
        for ip in ("192.0.2.20", "192.0.2.21", "192.0.2.22", "198.51.100.7"):
            await operator.go_to("egress", ip)
            await operator.press("at")
            await operator.type("provider")
            await operator.press("enter")
        (alias,) = [row for row in operator.rows("egress") if row.name == "provider"]
        assert alias.rest.split()[0] == "Aliased"
        assert (alias.box, alias.port) == ("[ ]", "443/TCP")
        await operator.go_to("egress", "provider")
        await operator.press("space")
        (line,) = [line for line in (await operator.drawn()).lines if line.name == "provider"]
        assert line.black


async def test_a_namespace_without_usable_labels(tmp_path):
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "catalog")
        assert "you need to assign labels to this namespace: legacy" in operator.screen().splitlines()[1]
        row = await operator.go_to("egress", "price-feed")
        assert row.box == "[-]"
        await operator.press("space")
        assert "Cannot be ticked: you need to assign labels to this namespace" in operator.status()
        (line,) = [line for line in (await operator.drawn()).lines if line.name == "price-feed"]
        assert line.red
        await operator.save(tmp_path / "catalog.yaml")
    assert "legacy" not in (tmp_path / "catalog.yaml").read_text()


async def test_a_host_network_workload_is_listed_and_refused():
    async with opened(WIDE) as operator:
        await operator.answer("Namespace", "monitoring")
        await operator.answer("Kind in monitoring", "daemonset")
        await operator.until(lambda: "─ DaemonSet in monitoring ─" in operator.screen(), "the owners")
        assert re.search(r"node-exporter .*host network: no policy possible", operator.screen())
        await operator.answer("DaemonSet in monitoring", "node-exporter")
        await operator.answer("Timespan", "all")
        await operator.until(lambda: "node-exporter" in operator.screen().splitlines()[0], "it is chosen")
        await operator.press("S")
        assert "runs on the host network" in operator.status()
        assert "Save the generated policy" not in operator.screen()
        assert "No NetworkPolicy can be made for this workload." in operator.pane("policy")


@pytest.mark.parametrize(
    ("scope", "box", "reason"),
    [
        (("shop", "ReplicaSet", "search"), "[ ]", "denied only"),
        (("shop", "CronJob", "stock-sync"), "[x]", "denied 32 times"),
        (("monitoring", "Deployment", "grafana"), "[ ]", "audited 8 times"),
    ],
    ids=["denied", "denied and allowed, from a CronJob", "audited"],
)
async def test_a_denied_flow(scope, box, reason):
    async with opened(WIDE) as operator:
        await operator.choose(*scope)
        row = await operator.go_to("egress", "postgres")
        assert row.box == box
        assert reason in row.rest
        assert reason in operator.status()


async def test_port_80_in_front_of_8080(tmp_path):
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "web")
        assert (await operator.go_to("egress", "orders")).port == "8080/TCP"
        await operator.press("enter")
        assert re.search(r"Port +8080/TCP on the pod, dialled as Service orders:80", operator.screen())
        await operator.press("escape")
        saved = await operator.save(tmp_path / "web.yaml")
    ports = [port["port"] for rule in saved["spec"]["egress"] for port in rule["ports"]]
    assert 8080 in ports
    assert 80 not in ports


async def test_an_applied_policy_and_what_it_lets_through_anyway():
    async with opened(WIDE) as operator:
        await operator.choose("data", "StatefulSet", "postgres")
        await operator.press("5")
        assert "postgres-clients" in operator.pane("applied")
        await operator.press("enter")
        assert "View Policy: data/postgres-clients" in operator.screen()
        assert "podSelector:" in operator.screen()
        await operator.press("escape")

        await operator.go_to("ingress", "orders")
        await operator.press("space")
        assert "postgres-clients lets it through" in operator.status()
        picture = await operator.drawn()
        (line,) = [line for line in picture.lines if line.name == "orders"]
        assert line.red
        assert line.direction is Direction.INGRESS
        (text,) = [text for text in picture.text.splitlines() if "✗!" in text]
        assert "orders" in text
        assert "! an applied policy lets it through" in picture.text
