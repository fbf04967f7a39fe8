"""What docs/demo.md says of the demo, line by line, as questions to the product."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import cache

from netsec_tui.cli import documents
from netsec_tui.cli.flags import parse
from netsec_tui.cli.loading import choose, load
from netsec_tui.cli.values import target
from netsec_tui.model.flow import Flow, Reserved
from netsec_tui.model.identity import WorkloadRef

PROXIES = {"10.200.0.11", "10.200.0.12"}
PROVIDER = {"192.0.2.20", "192.0.2.21", "192.0.2.22", "198.51.100.7"}
CLIENTS = {"203.0.113.14", "203.0.113.77", "203.0.113.201"}
KINDS = {
    *(
        ("shop", ref)
        for ref in ("Service/web", "Deployment/web", "StatefulSet/sessions", "CronJob/stock-sync")
    ),
    ("shop", "Job/import-catalog"),
    ("monitoring", "DaemonSet/log-agent"),
}
OTHERS = {("shop", ref) for ref in ("ReplicaSet/search", "Pod/toolbox", "Rollout/cart")}


class World:
    """What the product makes of a capture, workload by workload."""

    def __init__(self, flows: Iterable[Flow], *flags: str) -> None:
        self.flows = tuple(flows)
        self.loaded = load(parse(["list", *flags]))
        self.inventory = self.loaded.reading.inventory
        self.workloads = {(c.ref.namespace, str(c.ref)) for c in self.loaded.session.workloads()}
        self.rows = cache(self._rows)

    def _rows(self, workload: str) -> list[dict]:
        namespace, kind, name = workload.split("/")
        loaded = replace(self.loaded, namespace=namespace)
        return documents.review(choose(loaded, target(f"{kind}/{name}")))["rows"]

    def peers(self, workload: str, direction: str) -> set[str]:
        """Return the names of those that a workload was seen to communicate with."""
        return {row["peer"]["name"] for row in self._seen(workload) if row["direction"] == direction}

    def row(self, workload: str, peer: str, port: int | None = None, direction: str = "egress") -> dict:
        """Return the row of a peer, an empty one where there is none."""
        for row in self._seen(workload):
            if (row["direction"], row["peer"]["name"]) == (direction, peer) and port in (None, row["port"]):
                return row
        return {"counts": Counter(), "via": [], "dnsNames": [], "peerPods": [], "category": None}

    def _seen(self, workload: str) -> list[dict]:
        return [row for row in self.rows(workload) if row["lastSeen"]]


def service_port(world, name):
    (service,) = [s for s in world.inventory.services if (s.namespace, s.name) == ("shop", name)]
    return {port.port: port.target_port for port in service.ports}


def use_case_1(world):
    rows = [row for row in world.rows("shop/deploy/orders") if row["lastSeen"]]
    last = {row["peer"]["name"]: row["lastSeen"] for row in rows}
    assert last["pricing-v1"] < "2026-03-05T15:00" < min(last["payments"], last["postgres"])
    return "address" not in {row["peer"]["type"] for row in rows}


def use_case_3(world):
    rows = [row for row in world.rows("shop/deploy/catalog") if row["lastSeen"]]
    elsewhere = [row["peer"] for row in rows if row["peer"]["namespace"] != "shop"]
    assert {peer["type"] for peer in elsewhere} == {"owner", "dns", "node"}
    named = {peer["name"] for peer in elsewhere if peer["type"] == "owner"}
    return named == {"prometheus", "price-feed"}


def use_case_4(world):
    assert world.peers("analytics/deploy/report-exporter", "ingress") == set()
    return world.peers("analytics/deploy/report-exporter", "egress") == {"warehouse", "cluster DNS"}


def use_case_5(world):
    assert "legacy" not in world.inventory.namespaces
    return world.row("shop/deploy/catalog", "price-feed")["state"] == "not expressible"


def ten_by_ten(world):
    (row,) = [row for row in world.rows("shop/deploy/web") if row["peer"]["name"] == "orders"]
    return len(row["ownPods"]) == len(row["peerPods"]) == 10


def port_80(world):
    assert service_port(world, "orders")[80] == 8080
    assert service_port(world, "catalog")[80] == "http"
    return all(
        (row["port"], [(via["name"], via["port"]) for via in row["via"]]) == (8080, [(name, 80)])
        for name in ("orders", "catalog")
        if (row := world.row("shop/deploy/web", name))
    )


def three_jobs(world):
    inventory = world.inventory
    pods = inventory.pods_by_owner[WorkloadRef("CronJob", "shop", "stock-sync")]
    talked = {pod for row in world.rows("shop/cj/stock-sync") for pod in row["ownPods"]}
    return len(pods) == 3 and talked == {f"{pod.namespace}/{pod.name}" for pod in pods}


def balanced(world):
    rows = [row for row in world.rows("shop/deploy/web") if row["peer"]["name"] == "external ingress"]
    return bool(rows) and set(rows[0]["addresses"]) >= CLIENTS


def nodes(world):
    probed = (
        "shop/deploy/orders",
        "shop/deploy/catalog",
        "analytics/deploy/dashboard",
        "monitoring/deploy/grafana",
    )
    named = {node.name for node in world.inventory.nodes}
    assert all(world.peers(workload, "ingress") & named for workload in probed)
    (balanced,) = [r for r in world.rows("shop/deploy/web") if r["peer"]["name"] == "external ingress"]
    assert set(balanced["addresses"]) & set(world.inventory.node_by_ip)
    return bool(world.peers("monitoring/sts/prometheus", "egress") & named)


def unanswered(world, *row):
    counts = world.row(*row)["counts"]
    return counts["forwarded"] + counts["unknown"] > 0 == counts["answers"] + counts["refusals"]


def udp_unanswered(world):
    assert world.row("shop/deploy/web", "statsd")["state"] == "in"
    assert world.row("shop/po/toolbox", "search")["state"] == "out"
    return unanswered(world, "shop/deploy/web", "statsd") and unanswered(world, "shop/po/toolbox", "search")


def verdicts(world, *row):
    counts = world.row(*row)["counts"]
    return {verdict for verdict in ("forwarded", "dropped", "audit", "redirected") if counts[verdict]}


def dns(world):
    asking = world.peers("kube-system/deploy/coredns", "ingress")
    return len(asking) >= 12 and all(
        world.row(f"shop/deploy/{name}", "cluster DNS")["counts"]["answers"] for name in ("web", "orders")
    )


def host_network(world):
    owners = world.inventory.owner_by_ref
    assert owners[WorkloadRef("DaemonSet", "monitoring", "node-exporter")].host_network
    return world.row("monitoring/sts/prometheus", "node-exporter")["counts"]["answers"] > 0


CLAIMS = {
    "use case 1: only specified communications, one of them obsolete": use_case_1,
    "use case 2: proxies with static IPs": lambda w: (
        {p for p in PROXIES if w.row("shop/deploy/notifier", p, 3128)["category"] == "External"} == PROXIES
    ),
    "use case 3: only inside the namespace": use_case_3,
    "use case 4: egress to one Deployment of another namespace": use_case_4,
    "use case 5: a namespace whose labels are not known": use_case_5,
    "the kinds": lambda w: w.workloads >= KINDS,
    "other owners": lambda w: w.workloads >= OTHERS,
    "ten pods calling ten pods: one row": ten_by_ten,
    "three Jobs that are one CronJob": three_jobs,
    "Service port 80 in front of 8080": port_80,
    "a Service whose backend was never seen": lambda w: (
        [via["port"] for via in w.row("shop/rollout/cart", "mail", 2525)["via"]] == [25]
    ),
    "a call that sockets translate (TRACED, TRANSLATED)": lambda w: (
        w.row("shop/rollout/cart", "catalog")["counts"]["traced"] > 0
        and w.row("shop/rollout/cart", "catalog")["counts"]["translated"] > 0
    ),
    "a call through a layer 7 proxy (REDIRECTED)": lambda w: (
        "redirected" in verdicts(w, "shop/deploy/web", "catalog")
    ),
    "a pod that the flow source calls `world`": lambda w: (
        any(flow.destination.pod and flow.destination.reserved is Reserved.WORLD for flow in w.flows)
        and w.row("shop/deploy/web", "tracing")["state"] == "in"
    ),
    "a load balancer: addresses of clients on ingress": balanced,
    "*External*, and one owner with four addresses to alias": lambda w: all(
        w.row("shop/deploy/payments", ip, 443)["category"] == "External" for ip in PROVIDER
    ),
    "names of addresses": lambda w: all(
        w.row("shop/deploy/payments", ip)["dnsNames"] == ["api.payments.example"] for ip in PROVIDER
    ),
    "*Aliased*": lambda w: w.peers("shop/deploy/payments", "egress") >= PROVIDER,
    "*Internal*": lambda w: w.row("shop/deploy/payments", "10.244.2.250")["category"] == "Internal",
    "*Unknown*": lambda w: w.row("shop/deploy/payments", "2001:db8:50::7")["category"] == "Unknown",
    "denied only": lambda w: verdicts(w, "shop/rs/search", "postgres") == {"dropped"},
    "allowed and denied": lambda w: verdicts(w, "shop/cj/stock-sync", "postgres") == {"forwarded", "dropped"},
    "audited": lambda w: verdicts(w, "monitoring/deploy/grafana", "postgres") == {"audit"},
    "never answered": lambda w: unanswered(w, "analytics/deploy/dashboard", "logstore"),
    "scanned ports, refused": lambda w: all(
        w.row("shop/po/toolbox", "web", port)["counts"]["refusals"] for port in (22, 3306)
    ),
    "UDP without an answer": udp_unanswered,
    "UDP with an answer, and a workload that calls itself": lambda w: (
        w.row("shop/rs/search", "search", 7946)["counts"]["answers"] > 0
    ),
    "SCTP": lambda w: w.row("shop/deploy/notifier", "sms-gateway").get("protocol") == "SCTP",
    "ICMP": lambda w: (
        "ICMP" in {r["protocol"] for r in w.rows("monitoring/sts/prometheus") if r["peer"]["name"] == "web"}
    ),
    "direction inferred": lambda w: (
        w.row("monitoring/deploy/grafana", "prometheus").get("orientation") == "inferred"
    ),
    "host network, as scope and as peer": host_network,
    "nodes": nodes,
    "the API server": lambda w: (
        [
            (v["name"], v["port"])
            for v in w.row("kube-system/deploy/cluster-operator", "kubernetes", 6443)["via"]
        ]
        == [("kubernetes", 443)]
    ),
    "cluster DNS": dns,
    "an applied policy": lambda w: (
        [(a.policy.namespace, a.policy.name) for a in w.inventory.policies] == [("data", "postgres-clients")]
    ),
}
