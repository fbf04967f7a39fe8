"""Use case 5 of the documents by keys: a namespace without labels, labelled on disk while the app runs.

``kubernetes.io/metadata.name`` is excluded by the configuration, as every namespace carries it.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from netsec_tui.core.evaluate import Policies, cluster_state, evaluate, parse_policy
from netsec_tui.model.connection import Connection, Outcome
from netsec_tui.model.flow import Protocol
from netsec_tui.sources.inventory.build import build_inventory
from netsec_tui.sources.objects.strip import strip
from tests.core.scene import namespace, obj, owner, pod
from tests.ui.demo_host import NARROW, WIDE, Operator, app_of

MESSAGE = "you need to assign labels to this namespace: billing"
CONFIG = """\
schema: 1
labels:
  namespaces:
    exclude: [kubernetes.io/metadata.name]
cidrs:
  pods: [10.244.0.0/16]
  services: [10.96.0.0/16]
"""
PODS = {"web-1": "10.244.0.1", "cart-1": "10.244.0.2", "pay-1": "10.244.0.3", "coredns-1": "10.244.0.4"}


def cluster(**billing: str) -> list[dict[str, Any]]:
    """Return the objects of the cluster; ``billing`` are the labels of the namespace that had none."""
    dns = {"labels": {"k8s-app": "kube-dns"}, "ports": (("dns", "UDP", 53), ("dns-tcp", "TCP", 53))}
    ports = [
        {"name": n, "port": 53, "targetPort": 53, "protocol": p} for n, p in (("u", "UDP"), ("t", "TCP"))
    ]
    service = {"selector": {"k8s-app": "kube-dns"}, "clusterIP": "10.96.0.10", "ports": ports}
    return [
        namespace("shop", team="shop"),
        namespace("kube-system", team="platform"),
        namespace("billing", **billing),
        owner("web"),
        pod("web-1", PODS["web-1"], "web"),
        owner("cart"),
        pod("cart-1", PODS["cart-1"], "cart"),
        owner("pay", "billing"),
        pod("pay-1", PODS["pay-1"], "pay", "billing"),
        owner("coredns", "kube-system", **dns),
        pod("coredns-1", PODS["coredns-1"], "coredns", "kube-system", **dns),
        obj("Service", "kube-dns", "kube-system", spec=service),
    ]


def talk(client: str, server: str, port: int, minute: int) -> list[dict[str, Any]]:
    """Return a request and its answer as Hubble records them."""
    return [
        {
            "flow": {
                "time": f"2026-01-05T{8 + minute // 60:02}:{minute % 60:02}:0{int(reply)}Z",
                "verdict": "FORWARDED",
                "is_reply": reply,
                "traffic_direction": "EGRESS",
                "IP": {"source": PODS[ends[0]], "destination": PODS[ends[1]], "ipVersion": "IPv4"},
                "l4": {
                    "TCP": {"source_port": ports[0], "destination_port": ports[1], "flags": {"SYN": True}}
                },
            }
        }
        for reply, ends, ports in (
            (False, (client, server), (40000, port)),
            (True, (server, client), (port, 40000)),
        )
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the present folder with manifests, flows of 13 hours, and the configuration."""
    (tmp_path / "k8s").mkdir()
    write_manifests(tmp_path)
    spoken = [talk("web-1", peer, 8080, minute) for minute in (0, 780) for peer in ("cart-1", "pay-1")]
    lines = [json.dumps(record) for records in spoken for record in records]
    (tmp_path / "flows.json").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def write_manifests(folder: Path, **billing: str) -> None:
    """Put the cluster's objects in place at once, as editors do: the app may look at any moment."""
    written = folder / "cluster.new"
    written.write_text(yaml.safe_dump_all(cluster(**billing)), encoding="utf-8")
    written.replace(folder / "k8s" / "cluster.yaml")


@asynccontextmanager
async def opened(folder: Path, size: tuple[int, int]) -> Any:
    files = ("--flows", "flows.json", "--manifests", "k8s", "--config", "config.yaml")
    app = app_of(*files, "-n", "shop", "--since", "all", "deploy/web")
    async with app.run_test(size=size) as pilot:
        operator = Operator(app, pilot)
        await operator.until(lambda: "Deployment/web" in operator.screen().splitlines()[0], "web is chosen")
        await operator.until(lambda: "pay" in operator.screen() or size == NARROW, "its rows are there")
        yield operator


def outcome(objects: list[dict[str, Any]], saved: dict[str, Any], client: str, server: str) -> Outcome:
    """Answer whether a connection on port 8080 comes about once the saved policy is applied."""
    inventory, _ = build_inventory([kept for entry in objects if (kept := strip(entry)) is not None])
    state = cluster_state(inventory)
    ends = {p.name: p for p in state.pods}
    connection = Connection(ends[client], ends[server], Protocol.TCP, 8080)
    return evaluate(Policies([parse_policy(saved)]), state, connection).outcome


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["140x40", "80x24"])
async def test_case_5_allow_access_when_a_namespace_has_been_labelled(folder: Path, size: Any) -> None:
    async with opened(folder, size) as operator:
        # A message at the top of the view will state "you need to assign labels to this namespace".
        await operator.until(lambda: MESSAGE in operator.screen(), "the message")
        top = next(n for n, line in enumerate(operator.screen().splitlines()) if MESSAGE in line)
        assert top <= 3

        # The row says why, and cannot be ticked.
        row = await operator.go_to("egress", "pay")
        assert row.box != "[x]"
        await operator.press("space")
        assert next(r for r in operator.rows("egress") if r.name == "pay").box == row.box
        assert MESSAGE in operator.status()
        assert next(r for r in operator.rows("egress") if r.name == "cart").box == "[x]"

        # The generated policy should not have an entry for that communication.
        before = await operator.save(folder / "before.yaml")
        assert before["spec"]["podSelector"] == {"matchLabels": {"app": "web"}}
        assert "pay" not in json.dumps(before)
        assert "billing" not in json.dumps(before)
        assert outcome(cluster(), before, "web-1", "cart-1") is Outcome.ALLOWED
        assert outcome(cluster(), before, "web-1", "pay-1") is Outcome.DENIED

        # The topology map should show the connection with a red line.
        assert [line.red for line in await operator.lines_to("pay")] == [True]
        assert [line.black for line in await operator.lines_to("cart")] == [True]

        # Attach a label to the namespace that was missing it: a row shows the updated information.
        write_manifests(folder, team="money")
        await operator.until(lambda: MESSAGE not in operator.screen(), "the message is gone")
        row = await operator.go_to("egress", "pay")
        assert row.box == "[ ]"
        assert [line.red for line in await operator.lines_to("pay")] == [True]

        # Whitelist the connection appropriately.
        await operator.go_to("egress", "pay")
        await operator.press("space")
        assert next(r for r in operator.rows("egress") if r.name == "pay").box == "[x]"
        assert [line.black for line in await operator.lines_to("pay")] == [True]

        # Generate and download the policy and apply it.
        after = await operator.save(folder / "after.yaml")
        pay = {
            "namespaceSelector": {"matchLabels": {"team": "money"}},
            "podSelector": {"matchLabels": {"app": "pay"}},
        }
        (rule,) = [rule for rule in after["spec"]["egress"] if pay in rule["to"]]
        assert rule["ports"] == [{"protocol": "TCP", "port": 8080}]
        assert "metadata.name" not in json.dumps(after)
        labelled = cluster(team="money")
        assert outcome(labelled, after, "web-1", "pay-1") is Outcome.ALLOWED
        assert outcome(labelled, after, "web-1", "cart-1") is Outcome.ALLOWED
        assert outcome(labelled, after, "pay-1", "web-1") is Outcome.DENIED
