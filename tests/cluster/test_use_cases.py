"""The five use cases of the documents, from real traffic to packets that prove what the applied policy does.

The app is what ``netsec-tui --context harness --source conntrack -n shop deploy/orders`` starts, or the same
with ``--source hubble``, driven by keys. It is there before the traffic, and learns of it from the kernels
alone, or from what Hubble says that they did. tests/ui/test_use_cases.py walks the cases on the demo.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from netsec_tui.model.identity import Direction
from tests.cluster.harness.calls import read_calls
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.forgetting import forget_all
from tests.cluster.harness.hubble import Hubble
from tests.cluster.product.packets import Found, answered, resolves, send
from tests.ui.demo_host import app_of
from tests.ui.drawn import Drawn, Row, all_within, as_pairs, black
from tests.ui.driving import NARROW, WIDE, Operator

WORKLOADS = Path(__file__).parent / "workloads"
CASES = WORKLOADS / "use-cases"
MANIFESTS = (
    CASES / "namespaces.yaml",
    WORKLOADS / "system.yaml",
    WORKLOADS / "stranger.yaml",
    CASES / "shop.yaml",
    CASES / "around.yaml",
)
NAMESPACES = ("shop", "data", "analytics", "billing", "legacy", "monitoring", "elsewhere", "kube-system")

INGRESS, EGRESS = Direction.INGRESS, Direction.EGRESS
PROXIES = ("192.0.2.21", "192.0.2.22")
PROXY_PORT = 3128
OUTSIDE = [*((ip, PROXY_PORT) for ip in PROXIES), ("192.0.2.20", PROXY_PORT), ("2001:db8:50::7", 443)]
DNS = {(EGRESS, "coredns", "53/UDP"), (EGRESS, "coredns", "53/TCP")}

NEEDS_LABELS = "you need to assign labels to this namespace: billing"
WITHOUT_NAME_LABEL = """\
schema: 1
labels:
  namespaces:
    exclude: [kubernetes.io/metadata.name]
"""


def walked(*more: tuple[str, tuple[int, int]]) -> Any:
    """Have a case walked on a wide screen with flows from each source, and in whatever way besides."""
    ways = [("conntrack", WIDE), ("hubble", WIDE), *more]
    named = [f"{source}-{columns}x{lines}" for source, (columns, lines) in ways]
    return pytest.mark.parametrize(("scene", "size"), ways, indirect=["scene"], ids=named)


@dataclass
class Scene:
    """The cluster without policies, where its flows come from, and the folder that the app saves to."""

    cluster: Cluster
    folder: Path
    source: str

    @asynccontextmanager
    async def opened(
        self, size: tuple[int, int], namespace: str, name: str, *flags: str
    ) -> AsyncIterator[Operator]:
        """Start the app on a Deployment, say how far to look back, and have everybody make their calls."""
        cluster = ("--kubeconfig", str(self.cluster.kubeconfig), "--context", self.cluster.context)
        app = app_of(*cluster, "--source", self.source, *flags, "-n", namespace, f"deploy/{name}")
        async with app.run_test(size=size) as pilot:
            operator = Operator(app, pilot)
            await operator.until(
                lambda: f"Deployment/{name}" in operator.screen().split("\n")[0], "it is chosen"
            )
            await operator.answer("Timespan", "last 1 h")
            await operator.press()
            made = await asyncio.to_thread(answered, self.cluster, read_calls(CASES / "calls.yaml"))
            assert set(made.values()) == {True}, made
            yield operator

    def apply(self, saved: Path) -> None:
        """Apply a policy as people do, once the API server has said that it would; wait until it counts."""
        assert "(server dry run)" in self.cluster.kubectl("apply", "--dry-run=server", "-f", saved)
        self.cluster.kubectl("apply", "-f", saved)
        self.cluster.settle()

    def sent(self, workload: str) -> Found:
        """Send packets between a workload and everybody; the evaluator agrees with what comes of them."""
        found = send(self.cluster, workload, NAMESPACES, OUTSIDE)
        assert found.differences == []
        assert found.parted == set()
        return found


@pytest.fixture(scope="module")
def shop(enforced_cluster: Cluster) -> Cluster:
    enforced_cluster.load(*MANIFESTS)
    return enforced_cluster


@pytest.fixture(scope="module")
def hubble(shop: Cluster) -> Iterator[Hubble]:
    with Hubble.up(shop) as started:
        yield started


@pytest.fixture
def scene(
    shop: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Scene]:
    source = getattr(request, "param", "conntrack")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("NO_COLOR", "TEXTUAL_THEME", "NETSEC_TUI_THEME", "TMUX"):
        monkeypatch.delenv(name, raising=False)
    shop.delete_policies()
    # What the packets of the last case left in the tables is no traffic of this one.
    forget_all([node.path for node in shop.nodes])
    if source == "hubble":
        told: Hubble = request.getfixturevalue("hubble")
        told.settle()
        told.forget()
    yield Scene(shop, tmp_path, source)
    shop.delete_policies()


async def table(operator: Operator, pane: str, names: set[str]) -> list[Row]:
    """Open a table and return its rows as soon as they are those of some peers."""
    await operator.press("1" if pane == "ingress" else "2")
    await operator.until(lambda: {row.name for row in operator.rows(pane)} == names, f"{pane} of {names}")
    await operator.press()
    return operator.rows(pane)


def unresolved(operator: Operator, pane: str) -> int:
    """Return how many unresolved IPs the heading of a table tells."""
    found = re.search(r"Unresolved(?: IPs)?  (\d+) rows?", operator.pane(pane))
    assert found, operator.pane(pane)
    return int(found[1])


def red(drawn: list[Drawn]) -> set[tuple[Direction, str, str]]:
    """Return the red lines as direction, peer and port."""
    return {(line.direction, line.name, line.port) for line in drawn if line.red}


def test_without_a_policy_everything_gets_through(scene: Scene) -> None:
    """What does not, once there is one, was held back by it: every way is one that packets can take."""
    found = scene.sent("shop/orders")
    assert found.ways == found.tried
    names = {name for _, name, _ in found.ways}
    assert {"stranger", "coredns", "192.0.2.20", "2001:db8:50::7"} <= names
    assert {"node1", "node2"} & names  # all but the own node of each pod
    assert resolves(scene.cluster, "shop/orders")


@walked(("conntrack", NARROW))
async def test_case_1_only_allow_specified_communications(scene: Scene, size: tuple[int, int]) -> None:
    async with scene.opened(size, "shop", "orders") as operator:
        # You should see pre-computed ingress and egress tables, and should not see any unresolved IPs.
        tables = {
            "ingress": await table(operator, "ingress", {"web", "prometheus"}),
            "egress": await table(operator, "egress", {"cluster DNS", "postgres", "payments", "pricing-v1"}),
        }
        for key, pane in (("1", "ingress"), ("2", "egress")):
            await operator.press(key)
            assert unresolved(operator, pane) == 0
            assert {row.box for row in tables[pane]} == {"[x]"}
        # A Service's port leads to another one of the pods, and that is what a policy is about.
        assert as_pairs(tables["egress"]) == [
            ("cluster DNS", "53/UDP+TCP"),
            ("payments", "8443/TCP"),
            ("postgres", "5432/TCP"),
            ("pricing-v1", "8080/TCP"),
        ]

        # The topology map shows the same information.
        before = await operator.lines()
        for pane, rows in tables.items():
            side = [line for line in before if line.direction == pane]
            assert as_pairs(side) == as_pairs(rows)
        assert red(before) == set()

        # One service is obsolete. You uncheck that row in the egress table.
        await operator.go_to("egress", "pricing-v1")
        await operator.press("space")
        (unticked,) = [row for row in operator.rows("egress") if row.name == "pricing-v1"]
        assert unticked.box == "[ ]"

        # The communication still exists, but is now drawn in red.
        after = await operator.lines()
        assert red(after) == {(EGRESS, "pricing-v1", "8080/TCP")}
        assert black(after) == black(before) - red(after)
        saved = await operator.save(scene.folder / "orders.yaml")

    # Verify: no ingress/egress raw IP, no entry for the service you explicitly excluded.
    assert all_within(saved, "ipBlock") == []
    assert "pricing" not in (scene.folder / "orders.yaml").read_text(encoding="utf-8")

    # Upload it. Verify that your application can only communicate with the services that were marked in black
    # in the topology and checked in the tables.
    scene.apply(scene.folder / "orders.yaml")
    assert scene.sent("shop/orders").ways == black(after)
    assert answered(scene.cluster, calls_of("shop", "orders"), ["shop/svc/pricing:80"]) == {
        "shop/svc/payments:443": True,
        "data/svc/postgres:5432": True,
        "shop/svc/pricing:80": False,
    }
    assert resolves(scene.cluster, "shop/orders")


@walked()
async def test_case_2_allow_access_to_proxy_static_ips(scene: Scene, size: tuple[int, int]) -> None:
    async with scene.opened(size, "shop", "notifier") as operator:
        # See the proxy IPs in the egress section of the interface.
        rows = await table(operator, "egress", {*PROXIES, "postgres", "cluster DNS"})
        proxies = [row for row in rows if row.name in PROXIES]
        assert [(row.name, row.box, row.port) for row in proxies] == [
            (ip, "[ ]", f"{PROXY_PORT}/TCP") for ip in PROXIES
        ]
        await table(operator, "ingress", {"payments"})

        # Use the Allow Egress to IP mask to create a manual rule to allow those IPs in particular.
        for ip in PROXIES:
            await operator.press("2", "m")
            assert "Allow egress to IP mask" in operator.screen()
            for typed in (f"{ip}/32", "tcp", str(PROXY_PORT)):
                await operator.type(typed)
                await operator.press("enter" if typed.isdigit() else "tab")
        assert "2 IP masks" in operator.pane("egress")

        # De-select all the other entries in the ingress and egress tables.
        for pane in ("ingress", "egress"):
            await operator.press("1" if pane == "ingress" else "2")
            for row in operator.rows(pane):
                if row.box == "[x]":
                    await operator.go_to(pane, row.name)
                    await operator.press("space")
            assert "[x]" not in {row.box for row in operator.rows(pane)}

        # Verify that only the communications to these external IPs are marked in black, the other
        # communications with the other services/deployments are marked in red.
        drawn = await operator.lines()
        assert black(drawn) == {(EGRESS, ip, f"{PROXY_PORT}/TCP") for ip in PROXIES}
        assert {line.name for line in drawn if line.red} == {"payments", "postgres", "cluster DNS"}
        saved = await operator.save(scene.folder / "notifier.yaml")

    blocks = [{"ipBlock": {"cidr": f"{ip}/32"}} for ip in PROXIES]
    assert saved["spec"]["egress"] == [{"to": blocks, "ports": [{"protocol": "TCP", "port": PROXY_PORT}]}]
    scene.apply(scene.folder / "notifier.yaml")
    assert scene.sent("shop/notifier").ways == black(drawn)
    # The look-up of a name is one of the communications that were taken out.
    assert not resolves(scene.cluster, "shop/notifier")
    assert answered(scene.cluster, calls_of("shop", "notifier"), ["data/svc/postgres:5432"]) == {
        **{f"{ip}:{PROXY_PORT}": True for ip in PROXIES},
        "data/svc/postgres:5432": False,
    }


@walked()
async def test_case_3_allow_communication_only_inside_the_namespace(
    scene: Scene, size: tuple[int, int]
) -> None:
    async with scene.opened(size, "shop", "catalog") as operator:
        await table(operator, "ingress", {"web", "cart", "prometheus"})
        await table(operator, "egress", {"search", "sessions", "price-feed", "cluster DNS"})

        # Allow ingress, and egress, inside the namespace using the general rules.
        for key, pane in (("1", "ingress"), ("2", "egress")):
            await operator.press(key, "r")
            await operator.answer(f"General rule for {pane}", "inside namespace")
            assert "Allow All Inside Namespace" in operator.pane(pane)

        drawn = await operator.lines()
        assert {line.name for line in drawn if line.black} == {
            "web",
            "cart",
            "search",
            "sessions",
            "cluster DNS",
        }
        assert {line.name for line in drawn if line.red} == {"prometheus", "price-feed"}
        saved = await operator.save(scene.folder / "catalog.yaml")

    # Confirm: everything inside the namespace is allowed, without nominating a particular service/deployment.
    everybody = [{"podSelector": {}}]
    assert saved["spec"]["ingress"] == [{"from": everybody}]
    assert {"to": everybody} in saved["spec"]["egress"]
    assert all_within(saved["spec"]["egress"], "namespaceSelector") == [
        {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}
    ]

    scene.apply(scene.folder / "catalog.yaml")
    found = scene.sent("shop/catalog")
    assert black(drawn) <= found.ways
    assert not red(drawn) & found.ways
    neighbours = {"web", "orders", "cart", "payments", "pricing-v1", "notifier", "search", "sessions"}
    assert {name for _, name, _ in found.ways - DNS} == neighbours
    assert {direction for direction, *_ in found.ways - DNS} == {INGRESS, EGRESS}
    assert found.ways >= DNS
    assert answered(scene.cluster, calls_of("shop", "catalog"), ["legacy/svc/price-feed:7070"]) == {
        "shop/svc/search:80": True,
        "shop/svc/sessions:6379": True,
        "legacy/svc/price-feed:7070": False,
    }


@walked(("conntrack", NARROW))
async def test_case_4_allow_access_to_a_specified_namespace_egress_only(
    scene: Scene, size: tuple[int, int]
) -> None:
    async with scene.opened(size, "analytics", "report-exporter") as operator:
        # Verify that the only communication listed on the Egress table is communication with deployment B;
        # beside it stands the row of the cluster's DNS.
        rows = await table(operator, "egress", {"cluster DNS", "warehouse"})
        assert [(row.box, row.name, row.port) for row in rows] == [
            ("[x]", "cluster DNS", "53/UDP+TCP"),
            ("[x]", "warehouse", "9000/TCP"),
        ]
        assert unresolved(operator, "egress") == 0

        # Verify that the ingress table is empty, both for Kubernetes entities and for raw IPs.
        assert await table(operator, "ingress", set()) == []
        assert re.search(r"In-cluster(?: communications)?  0 rows", operator.pane("ingress"))
        assert unresolved(operator, "ingress") == 0

        drawn = await operator.lines()
        assert as_pairs(drawn) == as_pairs(rows)
        assert red(drawn) == set()
        await operator.save(scene.folder / "report-exporter.yaml")

    # Download the autogenerated policy, apply it, and verify:
    scene.apply(scene.folder / "report-exporter.yaml")
    ways = scene.sent("analytics/report-exporter").ways
    # Your application cannot communicate with other entities inside A's namespace.
    assert "dashboard" not in {name for _, name, _ in ways}
    # The application can contact the cluster DNS server to resolve other entities.
    assert ways >= DNS
    assert resolves(scene.cluster, "analytics/report-exporter")
    assert ways == black(drawn)
    assert answered(scene.cluster, calls_of("analytics", "report-exporter")) == {
        "data/svc/warehouse:8123": True
    }


@walked()
async def test_case_5_allow_access_when_a_namespace_has_been_labelled(
    scene: Scene, size: tuple[int, int]
) -> None:
    cluster = scene.cluster
    cluster.kubectl("label", "namespace", "billing", "team-")
    (scene.folder / "config.yaml").write_text(WITHOUT_NAME_LABEL, encoding="utf-8")
    async with scene.opened(size, "shop", "web", "--config", "config.yaml") as operator:
        await table(operator, "ingress", {"prometheus"})
        rows = await table(operator, "egress", {"orders", "catalog", "cart", "pay", "cluster DNS"})
        assert {row.name for row in rows if row.box == "[x]"} == {row.name for row in rows} - {"pay"}

        # A message at the top of the view will state "you need to assign labels to this namespace".
        await operator.until(lambda: NEEDS_LABELS in operator.screen(), "the message")
        assert any(NEEDS_LABELS in line for line in operator.screen().splitlines()[:4])

        # The topology map should show the connection with a red line.
        before = await operator.lines()
        assert red(before) == {(EGRESS, "pay", "8080/TCP")}

        # The generated policy should not have an entry for that communication.
        saved = await operator.save(scene.folder / "before.yaml")
        assert not {"pay", "billing"} & set(re.findall(r"[\w-]+", json.dumps(saved)))

        # Attach a label to the namespace that was missing it. A row shows the updated information.
        await asyncio.to_thread(cluster.kubectl, "label", "namespace", "billing", "team=money")
        await operator.until(lambda: NEEDS_LABELS not in operator.screen(), "the message is gone")
        row = await operator.go_to("egress", "pay")
        assert row.box == "[ ]"

        # Whitelist the connection appropriately.
        await operator.press("space")
        assert next(row for row in operator.rows("egress") if row.name == "pay").box == "[x]"
        after = await operator.lines()
        assert red(after) == set()
        assert black(after) == black(before) | red(before)
        saved = await operator.save(scene.folder / "after.yaml")

    # Generate and download the policy and apply it.
    assert {"matchLabels": {"team": "money"}} in all_within(saved, "namespaceSelector")
    assert "metadata.name" not in json.dumps(saved)
    scene.apply(scene.folder / "before.yaml")
    assert scene.sent("shop/web").ways == black(before)
    pay = "billing/svc/pay:80"
    assert answered(cluster, calls_of("shop", "web"), [pay])[pay] is False
    scene.apply(scene.folder / "after.yaml")
    assert scene.sent("shop/web").ways == black(after)
    assert set(answered(cluster, calls_of("shop", "web")).values()) == {True}
    assert resolves(cluster, "shop/web")


def calls_of(namespace: str, name: str) -> list[Any]:
    """Return the calls that a Deployment makes."""
    return [call for call in read_calls(CASES / "calls.yaml") if call.client == f"{namespace}/deploy/{name}"]
