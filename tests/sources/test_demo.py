"""The demo: it holds what docs/demo.md promises, recorded or added as the page says."""

import ipaddress
import json
import re
import threading
from pathlib import Path

import pytest

from netsec_tui.core.cluster.known_ranges import settled
from netsec_tui.demo.source import CAPTURE, DemoSource
from netsec_tui.model.config import Config
from netsec_tui.model.flow import Protocol, Reserved
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.sources.contract import FlowsRead, ObjectsRead, SourceStatus
from netsec_tui.sources.inventory.build import build_inventory
from tests.sources.demo_claims import CLAIMS, World

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "demo.md").read_text(encoding="utf-8")


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


@pytest.fixture(scope="module")
def demo(flows):
    return World(flows, "--demo")


@pytest.fixture(scope="module")
def recorded(flows, tmp_path_factory):
    """What the product makes of the demo without its synthetic flows."""
    lines = CAPTURE.read_text(encoding="ascii").splitlines(keepends=True)
    kept = tmp_path_factory.mktemp("demo") / "recorded.jsonl"
    kept.write_text("".join(x for x in lines if not json.loads(x).get("flow", {}).get("synthetic")))
    return World((flow for flow in flows if not flow.synthetic), "--capture", str(kept))


def test_the_capture_is_small_and_plain():
    assert CAPTURE.stat().st_size < 250_000
    assert CAPTURE.read_bytes().isascii()


def test_its_first_line_tells_people_how_it_was_made():
    header = json.loads(CAPTURE.read_text(encoding="ascii").partition("\n")[0])
    assert re.search("times are stretched.*marked synthetic were added", header["note"])


def test_the_source_counts_what_nobody_observed(messages, flows):
    made_up = sum(flow.synthetic for flow in flows)
    detail = f"{len(flows)} flows, {made_up} of them synthetic"
    assert messages[-1] == SourceStatus("demo", False, detail, ended=True, synthetic=made_up)
    assert 0 < made_up < len(flows) / 10


def test_the_page_counts_what_there_is(flows, inventory):
    made_up = sum(flow.synthetic for flow in flows)
    assert (
        f"{len(inventory.nodes)} nodes, {len(inventory.pods)} pods of {len(inventory.owners)} workloads, "
        f"{len(inventory.services)} Services; {len(flows) - made_up} records of flows that were recorded, "
        f"{made_up} that were added."
    ) in PAGE


def test_following_is_reading_and_ends_by_itself(messages):
    heard = []
    DemoSource().follow(heard.append, threading.Event())
    assert heard == messages


def test_the_window_is_13_hours_and_20_minutes(flows):
    times = [flow.time for flow in flows]
    assert times == sorted(times)
    assert times[-1] - times[0] == 13 * 3600 + 20 * 60


def test_every_pod_in_a_flow_exists_and_has_the_address_and_labels_told(flows, inventory):
    ends = {end for flow in flows for end in (flow.source, flow.destination) if end.pod}
    assert ends
    for end in ends:
        pod = inventory.pod_by_name[end.namespace, end.pod]
        assert end.ip in pod.ips
        assert set(end.labels) <= set(pod.labels)


def test_nobody_talks_before_being_created(flows, inventory):
    for flow in flows:
        for end in (flow.source, flow.destination):
            pods = [pod for pod in inventory.pods_by_ip.get(end.ip, ()) if not pod.host_network]
            assert not pods or min(pod.created for pod in pods) <= flow.time


def test_only_what_is_marked_says_more_than_addresses(flows):
    recorded = [flow for flow in flows if not flow.synthetic]
    assert {flow.protocol for flow in recorded} == {Protocol.TCP, Protocol.UDP, Protocol.ICMP}
    for flow in recorded:
        for end in (flow.source, flow.destination):
            assert (end.pod, end.labels, end.names, end.reserved) == ("", (), (), Reserved.NONE)


def test_no_flow_is_between_nodes_and_the_api_server_alone(flows, inventory):
    own = {*inventory.node_by_ip, *inventory.api_server_ips}
    assert not any({flow.source.ip, flow.destination.ip} <= own for flow in flows if not flow.synthetic)


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
    assert len({pod.labels for pod in runs}) == 3


def test_the_namespace_without_usable_labels_has_pods_but_no_object(inventory):
    assert "legacy" not in inventory.namespaces
    assert {pod.namespace for pod in inventory.pods} - set(inventory.namespaces) == {"legacy"}


def test_an_address_in_a_pod_range_has_no_pod(flows, inventory):
    assert any(flow.destination.ip == "10.244.2.250" for flow in flows)
    assert "10.244.2.250" not in inventory.pods_by_ip


# -- the table of the page ---------------------------------------------------------------------------------


TABLE = {
    cells[0]: cells[-1]
    for line in PAGE.splitlines()
    if line.startswith("| ")
    and (cells := [cell.strip() for cell in line.strip("|").split("|")])[-1] in ("recorded", "added")
}


def test_every_line_of_the_page_is_held():
    assert TABLE.keys() == CLAIMS.keys()


@pytest.mark.parametrize("what", CLAIMS)
def test_the_demo_holds_what_the_page_says(demo, what):
    assert CLAIMS[what](demo)


@pytest.mark.parametrize("what", CLAIMS)
def test_what_was_recorded_needs_no_synthetic_flow_and_what_was_added_does(recorded, what):
    assert bool(CLAIMS[what](recorded)) == (TABLE[what] == "recorded")
