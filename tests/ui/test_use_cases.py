"""Use cases 1 to 4 of the documents on the demo, by keys; each "verify" and "should" is an assertion.

The screen is judged by what is drawn, the policy by the file that was saved, parsed anew, and by what the
cluster would let through once it is applied beside the policies that are there already.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from netsec_tui.core.evaluate import Policies, cluster_state, evaluate, parse_policy
from netsec_tui.model.connection import Connection, EndPod, Outcome
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import Direction
from tests.ui.demo_host import demo_inventory, opened
from tests.ui.drawn import all_within, as_pairs, black, lines_of
from tests.ui.driving import NARROW, WIDE

INGRESS, EGRESS = Direction.INGRESS, Direction.EGRESS
PROXIES = ("10.200.0.11", "10.200.0.12")
OUTSIDE = ("203.0.113.14", "192.0.2.20", "10.200.0.13", "2001:db8:50::7")
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["140x40", "80x24"])


@pytest.fixture(scope="module")
def cluster():
    return Cluster()


class Cluster:
    """The demo's cluster after ``kubectl apply`` of a saved policy: who reaches whom."""

    def __init__(self) -> None:
        self.inventory = demo_inventory()
        self.state = cluster_state(self.inventory)
        self.pods = [pod for pod in self.state.pods if not pod.host_network]
        self.ports = {(port.protocol, port.port) for pod in self.pods for port in pod.ports} | {
            (Protocol.TCP, 22),
            (Protocol.UDP, 5353),
        }
        self.policies = Policies()

    def apply(self, saved: dict[str, Any]) -> Cluster:
        """Apply a policy beside those of the cluster."""
        self.policies = Policies([parse_policy(saved), *(a.policy for a in self.inventory.policies)])
        return self

    def pod(self, namespace: str, owner: str) -> EndPod:
        """Return a pod of an owner."""
        return next(p for p in self.pods if p.namespace == namespace and p.ref.name == owner)

    def others(self, own: EndPod) -> list[EndPod]:
        """Return one pod of every other owner."""
        firsts = {pod.ref: pod for pod in reversed(self.pods) if pod.ref != own.ref}
        return list(firsts.values())

    def outcome(
        self, client: EndPod | str, server: EndPod | str, port: int, protocol: Protocol = Protocol.TCP
    ) -> Outcome:
        """Answer whether a connection would come about."""
        return evaluate(self.policies, self.state, Connection(client, server, protocol, port)).outcome

    def reaches(self, own: EndPod) -> set[tuple[Direction, str, str]]:
        """Return with whom a pod can still communicate: direction, owner, and port."""
        found = set()
        for peer in self.others(own):
            for protocol, port in self.ports:
                for direction, ends in ((INGRESS, (peer, own)), (EGRESS, (own, peer))):
                    if self.outcome(*ends, port, protocol) is Outcome.ALLOWED:
                        found.add((direction, peer.ref.name, f"{port}/{protocol}"))
        return found

    def reaches_outside(self, own: EndPod) -> set[str]:
        """Return which addresses outside the cluster a pod can reach, or be reached from, on any port."""
        return {
            address
            for address in (*OUTSIDE, *PROXIES)
            for protocol, port in (*self.ports, (Protocol.TCP, 443), (Protocol.TCP, 3128))
            for ends in ((own, address), (address, own))
            if self.outcome(*ends, port, protocol) is Outcome.ALLOWED
        }


@SIZES
async def test_case_1_only_allow_specified_communications(size, tmp_path, cluster):
    async with opened(size) as operator:
        # Select the cluster namespace and deployment for your application.
        await operator.choose("shop", "Deployment", "orders")

        # You should see pre-computed ingress and egress tables.
        # The application does not communicate with any external IP: you should not see any unresolved IPs.
        tables = {}
        for key, pane in (("1", "ingress"), ("2", "egress")):
            await operator.press(key)
            assert re.search(r"Unresolved(?: IPs)?  0 rows", operator.pane(pane))
            tables[pane] = operator.rows(pane)
        assert {row.name for row in tables["ingress"] if row.box == "[x]"} == {
            "web",
            "stock-sync",
            "prometheus",
        }
        assert {row.name for row in tables["egress"]} == {"cluster DNS", "postgres", "payments", "pricing-v1"}
        assert {row.box for row in tables["egress"]} == {"[x]"}

        # The topology map shows the same information.
        before = await operator.lines()
        for pane in tables:
            side = [line for line in before if line.direction == pane]
            assert as_pairs(side) == as_pairs(tables[pane])
            assert as_pairs(line for line in side if line.black) == as_pairs(
                row for row in tables[pane] if row.box == "[x]"
            )

        # One service is obsolete. You uncheck that row in the egress table.
        await operator.go_to("egress", "pricing-v1")
        await operator.press("space")
        (unticked,) = [row for row in operator.rows("egress") if row.name == "pricing-v1"]
        assert unticked.box == "[ ]"
        assert operator.status().startswith("Not in the policy")

        # Check the topology map: the communication still exists, but is now drawn in red.
        after = await operator.lines()
        (obsolete,) = lines_of(after, "pricing-v1")
        assert obsolete.red
        assert obsolete.port == "8080/TCP"
        assert [line for line in after if line.name != "pricing-v1"] == [
            line for line in before if line.name != "pricing-v1"
        ]

        saved = await operator.save(tmp_path / "orders.yaml")

    # Check the generated policy code. Verify: no ingress/egress raw IP.
    assert all_within(saved, "ipBlock") == []
    # Verify: no entry for the service you explicitly excluded.
    assert "pricing" not in (tmp_path / "orders.yaml").read_text()
    assert saved["spec"]["policyTypes"] == ["Ingress", "Egress"]
    # Verify that your application can only communicate with the services that were marked in black in the
    # topology and checked in the tables.
    own = cluster.apply(saved).pod("shop", "orders")
    assert cluster.reaches(own) == black(after)
    assert {name for _, name, _ in black(after)} == {
        "web",
        "stock-sync",
        "prometheus",
        "coredns",
        "postgres",
        "payments",
    }
    assert cluster.reaches_outside(own) == set()


async def test_case_2_allow_access_to_proxy_static_ips(tmp_path, cluster):
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "notifier")

        # See the proxy IPs in the egress section of the interface.
        proxies = [row for row in operator.rows("egress") if row.name in PROXIES]
        assert [(row.name, row.box, row.port) for row in proxies] == [
            (ip, "[ ]", "3128/TCP") for ip in PROXIES
        ]

        # Use the Allow Egress to IP mask to create a manual rule to allow those IPs in particular.
        for ip in PROXIES:
            await operator.press("2", "m")
            assert "Allow egress to IP mask" in operator.screen()
            await operator.type(f"{ip}/32")
            await operator.press("tab")
            await operator.type("tcp")
            await operator.press("tab")
            await operator.type("3128")
            await operator.press("enter")
        assert "2 IP masks" in operator.pane("egress")

        # De-select all the other entries in the ingress and egress tables.
        for pane in ("ingress", "egress"):
            for row in operator.rows(pane):
                if row.box == "[x]":
                    await operator.go_to(pane, row.name)
                    await operator.press("space")
            assert "[x]" not in {row.box for row in operator.rows(pane)}

        # Verify that only the communications to these external IPs are marked in black, the other
        # communications with the other services/deployments are marked in red.
        drawn = await operator.lines()
        assert {line.name.removesuffix("/32") for line in drawn if line.black} == set(PROXIES)
        assert {line.port for line in drawn if line.black} == {"3128/TCP"}
        assert {line.name for line in drawn if line.red} == {
            "payments",
            "sms-gateway",
            "postgres",
            "cluster DNS",
        }

        saved = await operator.save(tmp_path / "notifier.yaml")

    blocks = [{"ipBlock": {"cidr": f"{ip}/32"}} for ip in PROXIES]
    assert saved["spec"]["egress"] == [{"to": blocks, "ports": [{"protocol": "TCP", "port": 3128}]}]
    assert not saved["spec"].get("ingress")
    assert saved["spec"]["policyTypes"] == ["Ingress", "Egress"]
    own = cluster.apply(saved).pod("shop", "notifier")
    assert cluster.reaches(own) == set()
    assert cluster.reaches_outside(own) == set(PROXIES)


async def test_case_3_allow_communication_only_inside_the_namespace(tmp_path, cluster):
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "catalog")

        # Allow ingress, and egress, inside the namespace using the general rules.
        for key, pane in (("1", "ingress"), ("2", "egress")):
            await operator.press(key, "r")
            await operator.answer(f"General rule for {pane}", "inside namespace")
            assert "Allow All Inside Namespace" in operator.pane(pane)

        drawn = await operator.lines()
        inside = {"web", "cart", "import-catalog", "search", "sessions"}
        assert {line.name for line in drawn if line.black} == {*inside, "cluster DNS"}
        assert {"prometheus", "price-feed"} <= {line.name for line in drawn if line.red}

        saved = await operator.save(tmp_path / "catalog.yaml")

    # Generate the policy and confirm: everything inside the namespace is allowed, without nominating a
    # particular service/deployment.
    everyone_inside = [{"podSelector": {}}]
    assert saved["spec"]["ingress"] == [{"from": everyone_inside}]
    whole, dns = sorted(saved["spec"]["egress"], key=lambda rule: "ports" in rule)
    assert whole == {"to": everyone_inside}
    assert {port["port"] for port in dns["ports"]} == {53}
    assert all_within(dns["to"], "podSelector") == [{"matchLabels": {"k8s-app": "kube-dns"}}]
    own = cluster.apply(saved).pod("shop", "catalog")
    shop = {
        (direction, peer.ref.name, f"{port}/{protocol}")
        for peer in cluster.others(own)
        if peer.namespace == "shop"
        for protocol, port in cluster.ports
        for direction in Direction
    }
    assert cluster.reaches(own) == shop | {(EGRESS, "coredns", "53/UDP"), (EGRESS, "coredns", "53/TCP")}
    assert cluster.reaches_outside(own) == set()


@SIZES
async def test_case_4_allow_access_to_a_specified_namespace_egress_only(size, tmp_path, cluster):
    async with opened(size) as operator:
        await operator.choose("analytics", "Deployment", "report-exporter")

        # Verify that the ingress table is empty, both for Kubernetes entities and for raw IPs.
        await operator.press("1")
        assert operator.rows("ingress") == []
        assert re.search(r"In-cluster(?: communications)?  0 rows", operator.pane("ingress"))
        assert re.search(r"Unresolved(?: IPs)?  0 rows", operator.pane("ingress"))
        assert "all ingress will be refused" in operator.pane("ingress")

        # Verify that the only communication listed on the Egress table is communication with deployment B;
        # beside it stands the row of the cluster's DNS.
        await operator.press("2")
        rows = operator.rows("egress")
        assert [(row.box, row.name, row.port) for row in rows] == [
            ("[x]", "cluster DNS", "53/UDP+TCP"),
            ("[x]", "warehouse", "9000/TCP"),
        ]
        assert re.search(r"Unresolved(?: IPs)?  0 rows", operator.pane("egress"))
        drawn = await operator.lines()
        assert as_pairs(drawn) == as_pairs(rows)
        assert all(line.black for line in drawn)

        saved = await operator.save(tmp_path / "report-exporter.yaml")

    assert saved["metadata"]["namespace"] == "analytics"
    assert saved["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert not saved["spec"].get("ingress")
    own = cluster.apply(saved).pod("analytics", "report-exporter")
    # Verify: your application cannot communicate with other entities inside A's namespace.
    neighbours = [peer for peer in cluster.others(own) if peer.namespace == "analytics"]
    assert neighbours
    for peer in neighbours:
        for protocol, port in cluster.ports:
            assert cluster.outcome(own, peer, port, protocol) is Outcome.DENIED
            assert cluster.outcome(peer, own, port, protocol) is Outcome.DENIED
    # Verify: the application can contact the cluster DNS server to resolve other entities.
    (dns,) = [s for s in cluster.inventory.services if s.name == "kube-dns"]
    for protocol in (Protocol.UDP, Protocol.TCP):
        assert cluster.outcome(own, cluster.pod("kube-system", "coredns"), 53, protocol) is Outcome.ALLOWED
        assert cluster.outcome(own, dns.cluster_ips[0], 53, protocol) is Outcome.ALLOWED
    assert cluster.reaches(own) == black(drawn)
    assert cluster.reaches_outside(own) == set()
