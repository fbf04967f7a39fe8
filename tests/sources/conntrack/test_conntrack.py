"""Reading tables on the nodes of an API server of the tests: where, by which command, and what is refused."""

import socket
import threading

import pytest

from netsec_tui.errors import NotFoundError, UnreachableError
from netsec_tui.sources.conntrack.nodes import COMMANDS
from netsec_tui.sources.conntrack.source import ConntrackSource
from netsec_tui.sources.reach import pod_exec
from netsec_tui.sources.reach.pod_exec import executor
from netsec_tui.sources.reach.pod_websocket import ExecError, Target
from tests.sources.api_server import write_kubeconfig
from tests.sources.collected import following, gaps, read
from tests.sources.conntrack.conntrack_lines import line
from tests.sources.conntrack.conntrack_server import OTHER, PROXY, TABLE, clients, cluster, pod
from tests.sources.exec_server import CUT_OFF, HANGS, ExecServer
from tests.sources.running import running
from tests.sources.waiting import until

pytestmark = pytest.mark.usefixtures("quick_tables")

TRIED = "cat /proc/net/nf_conntrack in kube-system/kube-proxy-a"


def test_tables_of_all_nodes_are_read(server, source):
    collected = read(source)
    assert clients(collected) == {"10.244.1.5", "10.244.2.5"}
    assert {flow.node for flow in collected.flows} == {"n1", "n2"}
    assert (collected.status.detail, collected.status.ended) == ("2 connections from 2 of 2 nodes", True)
    assert not collected.status.error
    assert sorted(set(server.ran)) == [(f"kube-proxy-{which}", PROXY, COMMANDS[0][0]) for which in "ab"]


def test_a_large_table_comes_whole(server, source):
    lines = [line(f"10.244.{n // 60000}.5:{n % 60000}") for n in range(20_000)]
    server.commands["kube-proxy-a", "cat"] = "\n".join(lines).encode()
    assert read(source).status.detail == "20001 connections from 2 of 2 nodes"


def test_the_tool_stands_in_for_the_file(server, source):
    server.commands["kube-proxy-a", "cat"] = "cat: /proc/net/nf_conntrack: No such file or directory"
    server.commands["kube-proxy-a", "conntrack"] = TABLE
    assert clients(read(source)) == {"10.244.1.5", "10.244.2.5"}
    assert [ran[2] for ran in server.ran if ran[2][0] == "conntrack"] == [
        ("conntrack", "-L", "-f", family) for family in ("ipv4", "ipv6")
    ]


def test_what_worked_is_remembered(server, source):
    server.commands["kube-proxy-a", "cat"] = "cat: /proc/net/nf_conntrack: Permission denied"
    server.commands["kube-proxy-a", "conntrack"] = TABLE
    with following(source):
        until(lambda: sum(ran[0] == "kube-proxy-a" for ran in server.ran) > 5)
    assert [ran[2][0] for ran in server.ran if ran[0] == "kube-proxy-a"][:4] == [
        "cat", "cat", "conntrack", "conntrack"]  # fmt: skip


def test_network_plugins_pods_come_first_and_unfit_ones_not_at_all(tmp_path):
    pods = [
        pod("agent-x", "n1", namespace="a"),
        pod("kube-proxy-gone", "n1", deletionTimestamp="2026-01-01T00:00:00Z"),
        pod("kube-proxy-done", "n1", phase="Succeeded"),
        pod("kube-proxy-own", "n1", host=False),
        pod("antrea-agent-x", "n1", "antrea-ovs", "antrea-agent"),
        pod("weave-net-x", "n2", "weave-npc", "weave", namespace="weave"),
    ]
    with running(ExecServer(cluster(*pods))) as server:
        source = ConntrackSource("prod", str(write_kubeconfig(tmp_path / "config", server.url)))
        server.commands = {("agent-x", "cat"): TABLE, ("weave-net-x", "cat"): OTHER}
        read(source)
        tried = dict.fromkeys(ran[:2] for ran in server.ran if ran[2] == COMMANDS[0][0])
    assert [container for name, container in tried if name != "weave-net-x"] == [
        "antrea-agent", "antrea-ovs", "agent"]  # fmt: skip
    assert [container for name, container in tried if name == "weave-net-x"] == ["weave"]


def test_readers_come_first_and_a_pods_name_counts_in_system_namespaces_alone(tmp_path):
    labels = {"app.kubernetes.io/name": "netsec-tui-reader"}
    pods = [
        pod("kube-proxy-mine", "n1", namespace="shop"),
        pod("calico-node-x", "n1", namespace="calico-system"),
        pod("kube-proxy-y", "n1"),
        pod("reader-z", "n1", namespace="tools", labels=labels),
        pod("agent-x", "n1", namespace="a"),
        pod("reader-inside", "n1", namespace="tools", labels=labels, host=False),
    ]
    with running(ExecServer(cluster(*pods, nodes=("n1",)))) as server:
        source = ConntrackSource("prod", str(write_kubeconfig(tmp_path / "config", server.url)))
        with pytest.raises(UnreachableError):
            read(source)
        tried = [ran[0] for ran in server.ran if ran[2] == COMMANDS[0][0]]
    assert tried == ["reader-z", "kube-proxy-y", "calico-node-x", "agent-x", "kube-proxy-mine"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (403, "commands may not be run in pods of namespace kube-system; what is missing in a Role there or "
              'a ClusterRole is apiGroups: [""], resources: ["pods/exec"], verbs: ["create", "get"]'),
        (500, f"{TRIED}: refused with 500"),
        ("cat: x: Permission denied", f"{TRIED}: cat: x: Permission denied"),
        ("\x1b[31mno", f"{TRIED}: \\x1b[31mno"),
        (CUT_OFF, f"{TRIED}: its answer is cut off"),
    ],
)  # fmt: skip
def test_a_node_that_gives_no_table_costs_no_other(server, source, answer, reason):
    server.commands["kube-proxy-a", "cat"] = answer
    collected = read(source)
    assert clients(collected) == {"10.244.2.5"}
    assert collected.status.error.startswith(f"node n1: {reason}")
    assert collected.status.detail == "1 connection from 1 of 2 nodes"
    assert [(gap.node, gap.lost) for gap in gaps(collected)] == [("n1", 0)]


def test_a_node_without_a_pod_on_its_network_is_named(server, source):
    server.objects[:] = cluster(pod("kube-proxy-b", "n2"), nodes=("n1", "n2", "n3"))
    assert read(source).status.error.startswith("nodes n1, n3: no pod runs on its network (hostNetwork)")


def test_no_table_at_all_is_a_failure(server, source):
    server.commands = {("kube-proxy-a", "cat"): 403, ("kube-proxy-b", "cat"): 403}
    with pytest.raises(UnreachableError, match=r'^nodes n1, n2: commands may not be run .*"pods/exec"'):
        read(source)


def test_a_cluster_without_nodes_is_a_failure(server, source):
    server.objects.clear()
    with pytest.raises(UnreachableError, match="no nodes"):
        read(source)


def test_an_unknown_context_is_a_failure(server, tmp_path):
    config = write_kubeconfig(tmp_path / "config", server.url)
    with pytest.raises(NotFoundError, match="staging"):
        read(ConntrackSource("staging", str(config)))


def test_a_command_has_a_limit_of_time(server, source, monkeypatch):
    monkeypatch.setattr(pod_exec, "ANSWER_SECONDS", 0.3)
    server.objects[:] = cluster(pod("kube-proxy-a", "n1"), nodes=("n1",))
    server.commands["kube-proxy-a", "cat"] = HANGS
    with pytest.raises(UnreachableError, match=f"^node n1: {TRIED}: it does not"):
        read(source)


def test_a_server_that_speaks_no_websocket_is_named():
    from kubernetes import client

    with socket.create_server(("127.0.0.1", 0)) as listening:
        settings = client.Configuration()
        settings.host, settings.proxy = f"http://127.0.0.1:{listening.getsockname()[1]}", None
    run = executor(client.ApiClient(settings)).run
    with pytest.raises(ExecError, match=r"no command can be run there: .*refused"):
        run(Target("a", "b", "c"), ["cat"], threading.Event())
