"""The demo: made anew it is the same, and it holds what docs/demo.md promises."""

import ipaddress
import threading
import zlib
from pathlib import Path

import pytest

from netsec_tui.core.cluster.known_ranges import settled
from netsec_tui.demo import cluster, make, scenario, traffic
from netsec_tui.model.config import Config
from netsec_tui.model.flow import Protocol, Reserved, Verdict
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.sources.contract import FlowsRead, ObjectsRead, SourceStatus
from netsec_tui.sources.demo import CAPTURE, DemoSource
from netsec_tui.sources.inventory import build_inventory

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def messages():
    heard = []
    DemoSource().read(heard.append)
    return heard


@pytest.fixture(scope="module")
def flows(messages):
    return [flow for message in messages if isinstance(message, FlowsRead) for flow in message.flows]


@pytest.fixture(scope="module")
def inventory(messages):
    (objects,) = [message.objects for message in messages if isinstance(message, ObjectsRead)]
    found, problems = build_inventory(objects)
    assert problems == ()
    return settled(found, Config())


def test_made_anew_the_capture_has_the_same_bytes(tmp_path):
    make.make(tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == CAPTURE.read_bytes()


def test_the_capture_is_small_and_plain():
    assert CAPTURE.stat().st_size < 150_000
    assert CAPTURE.read_bytes().isascii()


def test_the_source_gives_what_the_scenario_makes(messages, flows):
    assert flows == traffic.flows()
    assert messages[-1] == SourceStatus("demo", False, f"{len(flows)} flows", ended=True)


def test_following_is_reading_and_ends_by_itself(messages):
    heard = []
    DemoSource().follow(heard.append, threading.Event())
    assert heard == messages


def test_the_window_is_13_hours_and_20_minutes(flows):
    times = [flow.time for flow in flows]
    assert times == sorted(times)
    assert times[-1] - times[0] == 13 * 3600 + 20 * 60
    assert 400 <= len(flows) <= 1500


def test_every_pod_in_a_flow_exists_and_has_the_address_and_labels_told(flows, inventory):
    ends = {end for flow in flows for end in (flow.source, flow.destination) if end.pod}
    for end in ends:
        pod = inventory.pod_by_name[end.namespace, end.pod]
        assert end.ip in pod.ips
        assert set(end.labels) <= set(pod.labels)
        assert end.workloads in ((), ((pod.owner.kind, pod.owner.name),))


def test_nobody_talks_before_being_created(flows, inventory):
    for flow in flows:
        for end in (flow.source, flow.destination):
            if end.pod:
                assert inventory.pod_by_name[end.namespace, end.pod].created <= flow.time


def test_addresses_are_unique_and_inside_their_nodes_range(inventory):
    own = [ip for pod in inventory.pods if not pod.host_network for ip in pod.ips]
    assert len(own) == len(set(own))
    ranges = {node.name: [ipaddress.ip_network(cidr) for cidr in node.pod_cidrs] for node in inventory.nodes}
    for pod in inventory.pods:
        for ip in () if pod.host_network else pod.ips:
            assert any(ipaddress.ip_address(ip) in block for block in ranges[pod.node])


def test_services_select_pods_and_stand_in_the_service_range(inventory):
    (block,) = map(ipaddress.ip_network, inventory.service_cidrs)
    for service in inventory.services:
        assert all(ipaddress.ip_address(ip) in block for ip in service.cluster_ips)
        selected = [p for p in inventory.pods if set(service.selector) <= set(p.labels)]
        assert selected or service.name == "kubernetes"


def test_all_kinds_are_there(inventory):
    kinds = {owner.ref.kind for owner in inventory.owners}
    assert kinds >= {
        "Deployment",
        "DaemonSet",
        "StatefulSet",
        "CronJob",
        "Job",
        "ReplicaSet",
        "Pod",
        "Rollout",
    }
    runs = inventory.pods_by_owner[WorkloadRef("CronJob", "shop", "stock-sync")]
    assert len(runs) == 3
    assert len({pod.labels for pod in runs}) == 3


def test_the_namespace_without_usable_labels_has_pods_but_no_object(inventory):
    assert "legacy" not in inventory.namespaces
    assert {pod.namespace for pod in inventory.pods} - set(inventory.namespaces) == {"legacy"}


def between(flows, client, server):
    """Return the requests of a workload to a workload, told by pod names."""
    return [
        flow
        for flow in flows
        if not flow.is_reply
        and f"{flow.source.namespace}/{flow.source.pod}".startswith(f"{client}-")
        and f"{flow.destination.namespace}/{flow.destination.pod}".startswith(f"{server}-")
    ]


def test_ten_pods_call_ten_pods(flows):
    calls = between(flows, "shop/web", "shop/orders")
    assert len({flow.source.pod for flow in calls}) == 10
    assert len({flow.destination.pod for flow in calls}) == 10


@pytest.mark.parametrize(
    ("client", "server", "verdicts"),
    [
        ("shop/search", "data/postgres", {Verdict.DROPPED}),
        ("shop/stock-sync", "data/postgres", {Verdict.DROPPED, Verdict.FORWARDED}),
        ("monitoring/grafana", "data/postgres", {Verdict.AUDIT}),
        ("shop/web", "shop/catalog", {Verdict.REDIRECTED}),
        ("shop/cart", "shop/catalog", {Verdict.TRANSLATED, Verdict.FORWARDED}),
    ],
)
def test_verdicts(flows, client, server, verdicts):
    assert {flow.verdict for flow in between(flows, client, server)} == verdicts


def test_the_applied_policy_is_what_the_verdicts_followed(inventory):
    (applied,) = inventory.policies
    assert (applied.policy.namespace, applied.policy.name) == ("data", "postgres-clients")
    (requirement,) = applied.policy.ingress[0].peers[0].pod_selector.match_expressions
    assert requirement.values == ("notifier", "orders", "stock-sync")


REMARKABLE = {
    "icmp": lambda f: f.protocol is Protocol.ICMP,
    "sctp": lambda f: f.protocol is Protocol.SCTP,
    "udp with answer": lambda f: f.protocol is Protocol.UDP and f.is_reply,
    "tcp dns": lambda f: f.protocol is Protocol.TCP and f.destination_port == 53,
    "refused": lambda f: f.is_reply and f.rst,
    "traced": lambda f: (
        f.verdict is Verdict.TRACED and f.source_port == 0 and f.service == ("shop", "catalog")
    ),
    "no direction": lambda f: f.is_reply is None and not f.proven,
    "pod called world": lambda f: f.destination.pod and f.destination.reserved is Reserved.WORLD,
    "proxied": lambda f: f.source.labels and not f.source.pod and f.source.namespace == "shop",
    "dialled service": lambda f: f.destination.ip == "10.96.0.21" and f.destination_port == 80,
    "answer of a service": lambda f: f.is_reply and f.source.ip == "10.96.0.24" and f.source_port == 25,
    "api server": lambda f: f.destination.reserved is Reserved.KUBE_APISERVER and f.destination_port == 6443,
    "probe": lambda f: f.source.reserved is Reserved.HOST and f.destination_port == 8080,
    "host network": lambda f: f.destination.pod.startswith("node-exporter-") and f.destination_port == 9100,
    "ipv6": lambda f: ":" in f.destination.ip and ":" in f.source.ip,
    "dns names": lambda f: f.destination.names == (scenario.PROVIDER,),
    "client outside": lambda f: f.source.ip == "203.0.113.14" and f.destination.pod.startswith("web-"),
}


@pytest.mark.parametrize("what", REMARKABLE)
def test_remarkable_flows_are_there(flows, what):
    assert any(REMARKABLE[what](flow) for flow in flows)


def test_an_address_in_a_pod_range_has_no_pod(flows, inventory):
    assert any(flow.destination.ip == "10.244.2.250" for flow in flows)
    assert "10.244.2.250" not in inventory.pods_by_ip


def test_use_case_1_meets_nothing_but_pods_and_services(flows, inventory):
    known = {*inventory.pods_by_ip, *inventory.service_by_ip, *inventory.node_by_ip}
    orders = [f for f in flows if any(e.pod.startswith("orders-") for e in (f.source, f.destination))]
    assert orders
    assert {end.ip for flow in orders for end in (flow.source, flow.destination)} <= known


def test_use_case_4_only_asks_one_deployment_and_dns(flows):
    own = [f for f in flows if "report-exporter" in f.source.pod + f.destination.pod]
    assert all(f.is_reply for f in own if "report-exporter" in f.destination.pod)
    peers = {f.destination.pod.partition("-")[0] or f.service for f in own if not f.is_reply}
    assert peers == {"warehouse", "coredns", ("data", "warehouse"), ("kube-system", "kube-dns")}


def test_what_looks_random_is_the_same_everywhere():
    assert cluster.chance("a", 1) == zlib.crc32(b"a/1")


def test_the_page_about_the_demo_names_what_there_is(inventory):
    page = (ROOT / "docs" / "demo.md").read_text(encoding="utf-8")
    for count, noun in ((len(inventory.pods), "pods"), (len(inventory.services), "Services")):
        assert f"{count} {noun}" in page
    assert f"{len(inventory.owners)} workloads" in page
    for ip in (*scenario.PROXIES, "10.244.2.250", "2001:db8:50::7", "10.96.0.0/16"):
        assert f"`{ip}`" in page or f" {ip}`" in page
    for workload in scenario.WORKLOADS:
        if workload.kind not in ("Deployment", "StatefulSet", "DaemonSet"):
            assert workload.name in page
