"""Whisker in a pod, reached through the API server: names of real pods become their owners' rows.

What answers in the pod is written from Whisker's published protocol (tests/sources/calico/whisker_server.py).
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from netsec_tui.sources.access import Access
from netsec_tui.sources.calico.whisker import whisker_source
from tests.cluster.harness import netns, waiting
from tests.cluster.harness.calls import Call
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.places import pod_link
from tests.cluster.harness.rest import Rest
from tests.cluster.product.running import Right, account, documented_rights, run
from tests.sources.calico.calico_flows import told, whisker_json
from tests.sources.calico.whisker_server import WhiskerServer
from tests.sources.collected import following
from tests.sources.running import running

WORKLOADS = Path(__file__).resolve().parent / "workloads"
SOURCE = ("--source", "whisker")
OUTSIDE = "198.51.100.77"
PORT = 8081
SERVER_SIDE, DENY = 2, 2
PUBLIC, PRIVATE, NODE = ("pub", "-", 4, ()), ("pvt", "-", 4, ()), ("node1", "-", 2, ())
PORT_FORWARD = [Right(verb, "", "pods/portforward") for verb in ("get", "create")]


@pytest.fixture(scope="module")
def cluster(binaries):
    with Cluster.up() as started:
        started.load(*(WORKLOADS / f"{name}.yaml" for name in ("system", "conntrack", "whisker")))
        started.add_outside(OUTSIDE)
        yield started


@pytest.fixture(scope="module")
def whisker(cluster):
    """Return Whisker's backend, which listens in the network namespace of the pod behind its Service."""
    pod = pods(cluster, "calico-system", "k8s-app=whisker")[0]
    place = pod_link(cluster.instance, "calico-system", pod["metadata"]["name"])
    waiting.until(place.exists, 60, "the network of Whisker's pod")
    with netns.inside(place.resolve()):
        server = WhiskerServer(("0.0.0.0", PORT))
    with running(server):
        yield server


def pods(cluster: Cluster, namespace: str, selector: str) -> list[dict[str, Any]]:
    path = f"/api/v1/namespaces/{namespace}/pods?labelSelector={selector.replace('=', '%3D')}"
    found: list[dict[str, Any]] = []

    def running() -> bool:
        found[:] = Rest(cluster.kubeconfig).items(path)
        return bool(found) and all(pod["status"].get("phase") == "Running" for pod in found)

    waiting.until(running, 60, f"pods {selector} in {namespace}")
    return found


def end(cluster: Cluster, app: str) -> tuple[str, str, int, tuple[str, ...]]:
    """Return all pods of an app as Calico names them: by their generateName, with the labels all have."""
    found = pods(cluster, "tracked", f"app={app}")
    (name,) = {pod["metadata"]["generateName"] for pod in found}
    labels = set.intersection(*({*pod["metadata"]["labels"].items()} for pod in found))
    return f"{name}*", "tracked", 1, tuple(sorted(f"{key}={value}" for key, value in labels))


def both(source: Any, dest: Any, **more: Any) -> list[dict[str, Any]]:
    """Return what the nodes of a connection's two ends tell of it, in the window that ended just now."""
    start = int(time.time()) // 15 * 15 - 30
    flows = [
        told(source, dest, start=start, **more),
        told(source, dest, start=start, reporter=SERVER_SIDE, **more),
    ]
    return [whisker_json(flow) for flow in flows]


@pytest.fixture
def seen(cluster, whisker):
    client, api = end(cluster, "client"), end(cluster, "api")
    whisker.flows = [
        *both(client, api),
        *both(client, api, port=9000)[:1],
        *both(client, api, port=9000, action=DENY)[1:],
        both(client, PUBLIC, port=443)[0],
        both(client, PRIVATE, port=5432)[0],
        both(client, NODE, port=9555)[0],
    ]
    return whisker


def rows(kubeconfig: Path, *sources: str) -> dict[tuple[str, str, int], dict[str, Any]]:
    done = run(kubeconfig, "list", "-n", "tracked", "deploy/client", "-o", "json", *sources)
    assert done.code == 0, done.said
    return {
        (row["peer"]["type"], row["peer"].get("name", ""), row["port"]): row
        for row in json.loads(done.out)["rows"]
        if row["peer"]["type"] != "dns"
    }


def test_names_lead_to_owners_nodes_and_networks(cluster, seen):
    found = rows(cluster.kubeconfig, *SOURCE)
    told_of = {key: (row["counts"]["forwarded"], row["counts"]["dropped"]) for key, row in found.items()}
    assert told_of == {
        ("owner", "api", 8080): (1, 0),
        ("owner", "api", 9000): (0, 1),
        ("network", "public network", 443): (1, 0),
        ("network", "private network", 5432): (1, 0),
        ("node", "node1", 9555): (1, 0),
    }
    assert found["owner", "api", 8080]["peer"]["kind"] == "Deployment"
    for network in (("network", "public network", 443), ("network", "private network", 5432)):
        assert "its addresses are not told: add --source conntrack" in found[network]["reason"]


def test_policy_lets_in_what_was_seen_and_writes_no_address(cluster, seen):
    done = run(cluster.kubeconfig, "generate", "-n", "tracked", "deploy/client", *SOURCE)
    assert done.code == 0, done.said
    policies = list(yaml.safe_load_all(done.out))
    rules = [rule for policy in policies for rule in policy["spec"].get("egress", [])]
    peers = [
        (peer, rule["ports"]) for rule in rules for peer in rule["to"] if "namespaceSelector" not in peer
    ]
    assert peers == [({"podSelector": {"matchLabels": {"app": "api"}}}, [{"protocol": "TCP", "port": 8080}])]
    assert "ipBlock" not in done.out


def test_connection_tracking_beside_it_tells_the_addresses(cluster, seen):
    done = cluster.drive([Call("tracked/deploy/client", f"{OUTSIDE}:443")])
    assert [one.heard.answer.name for one in done] == ["REACHED"] * len(done)
    found = rows(cluster.kubeconfig, *SOURCE, "--source", "conntrack")
    assert found["address", OUTSIDE, 443]["counts"]["forwarded"] >= 1
    assert found["network", "public network", 443]["reason"] == (
        "its addresses are not told; those that another source has seen on this port have rows: tick them"
    )
    assert "add --source conntrack" in found["network", "private network", 5432]["reason"]


def test_pods_of_a_rollout_that_is_over_are_their_owners_still(cluster, seen):
    client, api = end(cluster, "client"), end(cluster, "api")
    before = (f"{api[0].rsplit('-', 2)[0]}-5d4f8c7b9-*", *api[1:])
    seen.flows = [*both(client, before), *both(client, api)]
    found = rows(cluster.kubeconfig, *SOURCE)
    assert {key: row["counts"]["forwarded"] for key, row in found.items()} == {("owner", "api", 8080): 2}


def test_stream_through_the_api_server_goes_on_after_that_was_killed(cluster, seen):
    source = whisker_source(Access(cluster.context, str(cluster.kubeconfig)))
    client, api = end(cluster, "client"), end(cluster, "api")
    with following(source) as collected:
        collected.wait_for(lambda: {flow.destination_port for flow in collected.flows} >= {8080, 443, 9555})
        seen.push(*both(client, api, port=7001))
        collected.wait_for(
            lambda: [flow.count for flow in collected.flows if flow.destination_port == 7001] == [1]
        )
        cluster.kill_api_server()
        collected.wait_for(lambda: "it is tried again" in collected.status.error)
        cluster.start_api_server()
        seen.push(*both(client, api, port=7002))
        collected.wait_for(lambda: 7002 in {flow.destination_port for flow in collected.flows})
        collected.wait_for(lambda: collected.status.error == "")
    again = [flow for flow in collected.flows if flow.destination_port in (7001, 7002)]
    assert sum(flow.count for flow in again) == 2


def test_documented_rights_and_port_forwards_are_enough(cluster, seen, tmp_path):
    rights = [right for right in documented_rights() if right.resource != "pods/portforward"]
    enough = account(cluster, tmp_path, "calico-enough", [*PORT_FORWARD, *rights])
    assert ("owner", "api", 8080) in rows(enough, *SOURCE)
    lacking = account(cluster, tmp_path, "calico-lacking", rights)
    done = run(lacking, "list", "-n", "tracked", "deploy/client", *SOURCE)
    assert done.code != 0
    assert any('resources: ["pods/portforward"], verbs: ["create", "get"]' in line for line in done.said), (
        done.said
    )
