"""What connection tracking does not say for certain, or says too late: it is told as what it is."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from netsec_tui.model.flow import Flow, Gap
from netsec_tui.sources.conntrack import known as conntrack_known
from netsec_tui.sources.conntrack import source as conntrack
from netsec_tui.sources.conntrack.source import ConntrackSource
from netsec_tui.sources.reach import pod_websocket
from tests.cluster.harness import netns, waiting
from tests.cluster.harness.calls import Call
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.forgetting import forget_all
from tests.cluster.harness.outages import hanging, killed
from tests.cluster.harness.places import origin
from tests.cluster.harness.rest import Rest
from tests.cluster.harness.traffic import Answer, Probe
from tests.cluster.objects import DNS
from tests.cluster.product.running import cluster_flags, run
from tests.sources.collected import Collected, following
from tests.ui.demo_host import app_of
from tests.ui.driving import WIDE, Operator

WORKLOADS = Path(__file__).resolve().parent / "workloads"
SOURCE = ("--source", "conntrack")
SECONDS = 10
HIGH = 45_000


@dataclass(frozen=True)
class Place:
    """A pod: its address, and the files of its network namespace and of its node's."""

    ip: str
    path: Path
    node: Path


@pytest.fixture(scope="module")
def own_cluster(binaries) -> Iterator[Cluster]:
    """Return a cluster of this module alone: its tables are emptied, its API server is killed."""
    with Cluster.up() as started:
        started.load(DNS, WORKLOADS / "conntrack.yaml")
        yield started


@pytest.fixture
def ends(own_cluster) -> tuple[Place, Place]:
    """Return a client and a server on different nodes, of whom no table knows anything."""
    clients, servers = (_pods(own_cluster, app) for app in ("client", "api"))
    node, client = next(iter(clients.items()))
    server = next(place for other, place in servers.items() if other != node)
    forget(own_cluster)
    return client, server


def _pods(cluster: Cluster, app: str) -> dict[str, Place]:
    found = Rest(cluster.kubeconfig).items("/api/v1/namespaces/tracked/pods")
    return {
        pod["spec"]["nodeName"]: Place(
            pod["status"]["podIP"],
            origin(cluster.instance, f"tracked/{pod['metadata']['name']}")[0],
            origin(cluster.instance, f"node:{pod['spec']['nodeName']}")[0],
        )
        for pod in found
        if pod["metadata"]["labels"].get("app") == app
    }


def forget(cluster: Cluster) -> None:
    """Have the kernel of every node forget all connections, as it does when its table is full."""
    forget_all([node.path for node in cluster.nodes])


@contextmanager
def shorter_timeout(cluster: Cluster, seconds: int) -> Iterator[None]:
    """Have the nodes give connections another timeout for a while, as if they had been idle since."""
    name = "net.netfilter.nf_conntrack_tcp_timeout_established"
    for node in cluster.nodes:
        netns.set_sysctls(node.path, {name: seconds})
    try:
        yield
    finally:
        for node in cluster.nodes:
            netns.set_sysctls(node.path, {name: 432_000})


@contextmanager
def connected(client: Place, server: Place, port: int, *, own: int = 0) -> Iterator[tuple[Any, Any]]:
    """Open a TCP connection between two pods, and give its two ends."""
    with ExitStack() as opened:
        listening, calling = (
            opened.enter_context(closing(netns.socket_in(p.path, socket.AF_INET, socket.SOCK_STREAM)))
            for p in (server, client)
        )
        for one in (listening, calling):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.settimeout(SECONDS)
        listening.bind((server.ip, port))
        listening.listen()
        calling.bind((client.ip, own))
        calling.connect((server.ip, port))
        answering = opened.enter_context(closing(listening.accept()[0]))
        answering.settimeout(SECONDS)
        yield calling, answering


def rows(cluster: Cluster, target: str) -> list[dict[str, Any]]:
    """Return the rows of a workload but the one of the cluster DNS, which is there unseen."""
    done = run(cluster.kubeconfig, "list", "-n", "tracked", target, "-o", "json", *SOURCE)
    assert done.code == 0, done.said
    return [row for row in json.loads(done.out)["rows"] if row["peer"]["type"] != "dns"]


def rows_of_an_answer(cluster: Cluster, calling: Any, answering: Any) -> list[dict[str, Any]]:
    """Return the rows of the server once it has spoken first.

    An entry tells of itself for two seconds after its packet: a busy machine may take longer to read it.
    """
    found: list[dict[str, Any]] = []
    for _ in range(5):
        if not found:
            answering.sendall(b"the server speaks first")
            assert calling.recv(100)
            found = rows(cluster, "deploy/api")
    return found


def said(row: dict[str, Any]) -> tuple[str, str, str, int]:
    return row["direction"], row["peer"]["name"], row["orientation"], row["port"]


def of_server(flows: list[Flow], port: int) -> list[Flow]:
    return [flow for flow in flows if flow.destination_port == port]


def test_a_connection_that_goes_on_by_an_answer_is_not_turned_round(own_cluster, ends):
    with connected(*ends, 9000) as (calling, answering):
        forget(own_cluster)
        found = rows_of_an_answer(own_cluster, calling, answering)
    assert [said(row) for row in found] == [("ingress", "client", "inferred", 9000)]
    assert "direction inferred" in found[0]["reason"]


@pytest.mark.parametrize(("own", "port"), [(40_000, 45_100), (20_000, 9100), (20_000, 45_100)])
def test_what_an_answer_began_anew_goes_by_what_is_declared(own_cluster, ends, own, port):
    with connected(*ends, port, own=own) as (calling, answering):
        forget(own_cluster)
        found = rows_of_an_answer(own_cluster, calling, answering)
    assert [said(row) for row in found] == [("ingress", "client", "inferred", port)]


@pytest.mark.parametrize(("own", "port"), [(40_000, 45_200), (20_000, 9200)])
def test_who_opened_a_connection_is_not_known_where_nothing_tells(own_cluster, ends, own, port):
    with connected(*ends, port, own=own) as (calling, answering):
        forget(own_cluster)
        found = rows_of_an_answer(own_cluster, calling, answering)
    assert {(row["orientation"], row["reason"]) for row in found} == {
        ("unknown", "its listening port is not known")
    }


def test_that_a_connection_is_new_is_no_proof_of_who_opened_it(own_cluster, ends, quick):
    client, server = ends
    with connected(client, server, 9010), observed(own_cluster) as collected:
        wait(collected, lambda flows: of_server(flows, 9010))
        collected.wait_for(lambda: "2 of 2 nodes" in collected.status.detail)
        with connected(client, server, 9011):
            wait(collected, lambda flows: of_server(flows, 9011))
    assert {flow.proven for flow in _flows(collected) if {9010, 9011} & set(ports_of(flow))} == {False}


def test_what_is_read_while_it_opens_is_proven_and_then_whatever_its_server_is_asked(
    own_cluster, ends, quick
):
    client, server = ends
    with ExitStack() as opened:
        sockets = [
            opened.enter_context(closing(netns.socket_in(p.path, socket.AF_INET, socket.SOCK_STREAM)))
            for p in (server, client, client)
        ]
        listening, first, second = sockets
        listening.bind((server.ip, 9012))
        listening.listen()
        collected = opened.enter_context(observed(own_cluster))
        with dropping(server.node, 9012):
            first.setblocking(False)
            first.connect_ex((server.ip, 9012))
            wait(collected, lambda flows: of_server(flows, 9012))
        wait(collected, lambda flows: [flow for flow in flows if flow.is_reply and flow.source_port == 9012])
        second.settimeout(SECONDS)
        second.connect((server.ip, 9012))
        port = second.getsockname()[1]
        wait(collected, lambda flows: [flow for flow in flows if port in ports_of(flow)])
    assert {flow.proven for flow in _flows(collected) if 9012 in ports_of(flow)} == {True}


def ports_of(flow: Flow) -> tuple[int, int]:
    return flow.source_port, flow.destination_port


def test_an_answer_that_is_late_is_not_taken_for_a_question(own_cluster, ends):
    client, server = ends
    with ExitStack() as opened:
        asking, answering = (
            opened.enter_context(closing(netns.socket_in(p.path, socket.AF_INET, socket.SOCK_DGRAM)))
            for p in ends
        )
        answering.bind((server.ip, 9053))
        asking.bind((client.ip, 0))
        for one in (asking, answering):
            one.settimeout(SECONDS)
        asking.sendto(b"?", (server.ip, 9053))
        _, who = answering.recvfrom(100)
        forget(own_cluster)
        answering.sendto(b"!", who)
        assert asking.recv(100) == b"!"
        found = rows(own_cluster, "deploy/api")
    assert [said(row) for row in found] == [("ingress", "client", "inferred", 9053)]


def test_who_opened_a_connection_between_two_high_ports_is_remembered(own_cluster, ends, quick):
    client, server = ends
    with connected(client, server, HIGH) as (calling, answering), observed(own_cluster) as collected:
        wait(collected, lambda flows: of_server(flows, HIGH))
        told = len(_flows(collected))
        forget(own_cluster)
        answering.sendall(b"the server speaks first")
        assert calling.recv(100)
        with connected(client, server, 9001):
            wait(collected, lambda flows: of_server(flows, 9001))
        requests = [flow for flow in _flows(collected)[told:] if not flow.is_reply]
    assert HIGH not in {flow.source_port for flow in requests}


@contextmanager
def low_ports(place: Place) -> Iterator[None]:
    """Have a pod's clients begin at ports that are nobody's elsewhere."""
    netns.set_sysctls(place.path, {"net.ipv4.ip_local_port_range": "1024 32000"})
    try:
        yield
    finally:
        netns.set_sysctls(place.path, {"net.ipv4.ip_local_port_range": "32768 60999"})


@pytest.mark.parametrize("way", ["Service", "pod"])
def test_a_server_above_the_ports_of_its_clients_is_the_server(own_cluster, ends, way):
    client, server = ends
    service = own_cluster.kubectl("get", "-n", "tracked", "svc/api", "-o", "jsonpath={.spec.clusterIP}")
    address = service if way == "Service" else server.ip
    with low_ports(client), ExitStack() as opened:
        for _ in range(12):
            calling = opened.enter_context(
                closing(netns.socket_in(client.path, socket.AF_INET, socket.SOCK_STREAM))
            )
            calling.settimeout(SECONDS)
            calling.connect((address, 50051))
            assert calling.getsockname()[1] < 32768
        found = {target: rows(own_cluster, target) for target in ("deploy/api", "deploy/client")}
    told = {target: [(*said(row)[:2], row["port"]) for row in found[target]] for target in found}
    assert told == {
        "deploy/api": [("ingress", "client", 50051)],
        "deploy/client": [("egress", "api", 50051)],
    }


def test_masquerading_makes_no_clients_of_servers(own_cluster, ends):
    node = own_cluster.nodes[0].addresses[0]
    probes = [Probe("outside:203.0.113.10", node, 30556) for _ in range(12)]
    assert set(own_cluster.probe(probes, SECONDS)) == {Answer.REACHED}
    found = rows(own_cluster, "deploy/api")
    assert {(row["direction"], row["port"]) for row in found} == {("ingress", 50051)}


def test_what_was_dropped_at_the_servers_node_is_not_counted_as_allowed(own_cluster, ends):
    client, server = ends
    with dropping(server.node, 9007), ExitStack() as opened:
        for _ in range(4):
            calling = netns.socket_in(client.path, socket.AF_INET, socket.SOCK_STREAM)
            opened.enter_context(closing(calling))
            calling.setblocking(False)
            calling.connect_ex((server.ip, 9007))
        (row,) = rows(own_cluster, "deploy/api")
    told = {name: row["counts"][name] for name in ("forwarded", "dropped", "unknown", "answers")}
    assert told == {"forwarded": 0, "dropped": 0, "unknown": 4, "answers": 0}
    assert (row["state"], row["reason"]) == ("out", "never answered: no verdict on it was seen")


@contextmanager
def dropping(node: Path, port: int) -> Iterator[None]:
    """Have a node drop what is sent to a port of its pods, as it does for a NetworkPolicy."""
    chain = f"chain in {{ type filter hook forward priority 0; tcp dport {port} drop; }}"
    with netns.inside(node):
        netns.run("nft", "-f", "-", stdin=f"table inet truth {{\n{chain}\n}}\n")
    try:
        yield
    finally:
        with netns.inside(node):
            netns.run("nft", "delete", "table", "inet", "truth")


def test_what_nobody_uses_any_more_is_not_told_again(own_cluster, ends, quick, monkeypatch):
    monkeypatch.setattr(conntrack_known, "TELL_AGAIN", 1.0)
    monkeypatch.setattr(conntrack, "POLL_SECONDS", 3.0)
    with connected(*ends, 9002), connected(*ends, 9003) as (calling, _), observed(own_cluster) as collected:

        def busy() -> bool:
            calling.send(b"x")
            requests = [flow for flow in of_server(_flows(collected), 9003) if not flow.is_reply]
            return len(requests) >= 4

        waiting.until(busy, 60, "a connection in use to be told again")
        idle = [flow for flow in of_server(_flows(collected), 9002) if not flow.is_reply]
    assert len(idle) == 1


def test_what_was_idle_for_long_is_told_as_soon_as_it_is_used(own_cluster, ends, quick):
    with ExitStack() as opened:
        with shorter_timeout(own_cluster, 400_000):
            calling, _ = opened.enter_context(connected(*ends, 9004))
        opened.enter_context(connected(*ends, 9005))
        collected = opened.enter_context(observed(own_cluster))
        wait(collected, lambda flows: of_server(flows, 9005))
        collected.wait_for(lambda: "1 more are open, may be idle" in collected.status.detail)
        assert of_server(_flows(collected), 9004) == []
        calling.send(b"x")
        wait(collected, lambda flows: of_server(flows, 9004))
        collected.wait_for(lambda: "idle" not in collected.status.detail)


def test_pods_in_which_tables_are_read_may_be_replaced(own_cluster, ends, monkeypatch):
    with observed(own_cluster) as collected:
        collected.wait_for(lambda: "2 of 2 nodes" in collected.status.detail)
        own_cluster.kubectl("-n", "kube-system", "delete", "pod", "-l", "k8s-app=kube-proxy", "--wait")
        began = time.time()
        with connected(*ends, 9006):
            wait(collected, lambda flows: {f.node for f in of_server(flows, 9006) if f.time >= began - 1})
        collected.wait_for(lambda: "2 of 2 nodes" in collected.status.detail and not collected.status.error)
    assert all(flow.lost == 0 for flow in collected.flows if isinstance(flow, Gap))


@pytest.fixture
def quick(monkeypatch) -> None:
    """Have the product look again soon, and not wait for long."""
    monkeypatch.setattr(conntrack, "POLL_SECONDS", 0.5)
    monkeypatch.setattr(pod_websocket, "CONNECT_SECONDS", 2.0)


@contextmanager
def observed(cluster: Cluster) -> Iterator[Collected]:
    with following(ConntrackSource(cluster.context, str(cluster.kubeconfig))) as collected:
        yield collected


def wait(collected: Collected, found: Any) -> None:
    collected.wait_for(lambda: bool(found(_flows(collected))))


def _flows(collected: Collected) -> list[Flow]:
    return [flow for flow in collected.flows if isinstance(flow, Flow)]


@pytest.mark.parametrize("away", [killed, hanging])
async def test_the_screen_goes_on_when_the_api_server_was_away(own_cluster, ends, quick, away):
    own_cluster.drive([Call("tracked/deploy/client", "tracked/svc/api:80")])
    workload = ("-n", "tracked", "deploy/client", "--since", "all")
    app = app_of(*SOURCE, *cluster_flags(own_cluster.kubeconfig), *workload)
    async with app.run_test(size=WIDE) as pilot:
        operator = Operator(app, pilot)

        def named(*names: str) -> bool:
            return set(names) <= {row.name for row in operator.rows("egress")}

        await operator.until(lambda: named("api"), "the row", 60)
        with away(own_cluster):
            await operator.until(lambda: "source failing" in operator.screen(), "the failure is said", 60)
            assert named("api")
        # What was opened since is read, and nothing is complained of any more.
        own_cluster.drive([Call("tracked/deploy/client", "tracked/ds/agent:9555")])
        await operator.until(lambda: named("api", "node1"), "what is new", 60)
        await operator.until(lambda: "source failing" not in operator.screen(), "the failure is over", 60)
