"""Reading tables on the nodes of an API server of the tests: what works, what is refused, what hangs."""

import socket
import threading
import time

import pytest

from netsec_tui.errors import NotFoundError, UnreachableError
from netsec_tui.model.flow import Flow
from netsec_tui.sources.conntrack import nodes
from netsec_tui.sources.conntrack import source as conntrack
from netsec_tui.sources.conntrack.nodes import AT_ONCE, COMMANDS, Node, due_nodes
from netsec_tui.sources.conntrack.source import ConntrackSource
from netsec_tui.sources.reach import pod_exec
from netsec_tui.sources.reach.pod_exec import executor
from netsec_tui.sources.reach.pod_websocket import ExecError, Target
from tests.sources.api_server import write_kubeconfig
from tests.sources.collected import following, gaps, read
from tests.sources.conntrack.conntrack_lines import line
from tests.sources.exec_server import CUT_OFF, HANGS, SUCCESS, ExecServer
from tests.sources.kube_objects import obj
from tests.sources.running import running
from tests.sources.waiting import until

TABLE = (line() + "\n").encode()
OTHER = (line("10.244.2.5:40001") + "\n").encode()
PROXY = "kube-proxy"
TRIED = "cat /proc/net/nf_conntrack in kube-system/kube-proxy-a"


@pytest.fixture(autouse=True)
def quick(no_proxy_and_no_waiting, monkeypatch):
    monkeypatch.setattr(conntrack, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(conntrack, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(conntrack, "_PATIENCE", 0.01)
    monkeypatch.setattr(conntrack, "SILENT_SECONDS", 0.05)


def pod(name, node, *containers, namespace="kube-system", host=True, phase="Running", **metadata):
    named = [{"name": container, "image": "x"} for container in containers or [name.rpartition("-")[0]]]
    spec = {"hostNetwork": host, "nodeName": node, "containers": named}
    made = obj("Pod", name, namespace, spec=spec, status={"phase": phase})
    return {**made, "metadata": {**made["metadata"], **metadata}}


def cluster(*pods, nodes=("n1", "n2")):
    return [*(obj("Node", name, None) for name in nodes), *pods]


@pytest.fixture
def server():
    with running(ExecServer(cluster(pod("kube-proxy-a", "n1"), pod("kube-proxy-b", "n2")))) as started:
        started.commands = {("kube-proxy-a", "cat"): TABLE, ("kube-proxy-b", "cat"): OTHER}
        yield started


@pytest.fixture
def source(server, tmp_path):
    return ConntrackSource("prod", str(write_kubeconfig(tmp_path / "config", server.url)))


def clients(collected):
    return {flow.source.ip for flow in collected.flows if isinstance(flow, Flow) and not flow.is_reply}


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
    assert collected.status.detail == "1 connections from 1 of 2 nodes"
    assert [(gap.node, gap.lost) for gap in gaps(collected)] == [("n1", 0)]


def test_a_node_without_a_pod_on_its_network_is_named(server, source):
    server.objects[:] = cluster(pod("kube-proxy-b", "n2"), nodes=("n1", "n2", "n3"))
    assert read(source).status.error.startswith("nodes n1, n3: no pod runs on its network (hostNetwork)")


def test_no_table_at_all_is_a_failure(server, source):
    server.commands = {("kube-proxy-a", "cat"): 403, ("kube-proxy-b", "cat"): 403}
    with pytest.raises(UnreachableError, match=r'^nodes n1, n2: commands may not be run .*"pods/exec"'):
        read(source)


def test_no_table_at_all_is_tried_again_and_that_is_said(server, source):
    server.commands = {("kube-proxy-a", "cat"): 403, ("kube-proxy-b", "cat"): 403}
    with following(source) as collected:
        collected.wait_for(lambda: collected.status.error.startswith("nodes n1, n2"))
        assert collected.status.error.endswith(f"; tried again every {conntrack.RETRY_SECONDS:g} s")


def test_a_cluster_without_nodes_is_a_failure(server, source):
    server.objects.clear()
    with pytest.raises(UnreachableError, match="no nodes"):
        read(source)


def test_an_unknown_context_is_a_failure(server, tmp_path):
    config = write_kubeconfig(tmp_path / "config", server.url)
    with pytest.raises(NotFoundError, match="staging"):
        read(ConntrackSource("staging", str(config)))


def test_an_empty_table_is_said(server, source):
    server.commands["kube-proxy-a", "cat"] = b""
    status = read(source).status
    assert status.detail == "1 connections from 2 of 2 nodes; empty on node n1"
    assert not status.error


def serving(*ips, node="n1"):
    """Return a running pod with addresses."""
    started = "2026-01-01T00:00:00Z"
    status = {"phase": "Running", "podIP": ips[0], "podIPs": [{"ip": ip} for ip in ips], "startTime": started}
    made = obj("Pod", f"web-{ips[0]}", "shop", spec={"nodeName": node, "containers": []}, status=status)
    return {**made, "metadata": {**made["metadata"], "uid": ips[0]}}


PROBE = line("10.244.1.1:40000", "10.244.1.5:8080")


@pytest.mark.parametrize("table", ["", PROBE, line("192.0.2.10:40000", "192.0.2.11:6443")])
def test_a_table_that_names_no_pod_of_its_node_is_not_taken_for_silence(server, source, table):
    server.objects.append(serving("10.244.1.5"))
    server.commands["kube-proxy-a", "cat"] = f"{table}\n".encode()
    server.commands["kube-proxy-b", "cat"] = b""  # there is no pod that it could name
    said = "node n1: no connection of the pods there in the table"
    assert said in read(source).status.detail
    with following(ConntrackSource("prod", source._kubeconfig)) as collected:
        collected.wait_for(lambda: bool(gaps(collected)))
        collected.wait_for(lambda: said in collected.status.detail)
        server.commands["kube-proxy-a", "cat"] = TABLE
        collected.wait_for(lambda: said not in collected.status.detail)
    assert [(gap.node, gap.lost) for gap in gaps(collected)] == [("n1", 0)]
    assert gaps(collected)[0].reason.endswith("use --source hubble or --source whisker")


def test_what_two_tables_leave_out_is_one_sentence(server, source):
    server.objects += [serving("10.244.1.5"), serving("10.244.2.9", node="n2")]
    server.commands["kube-proxy-a", "cat"] = server.commands["kube-proxy-b", "cat"] = b""
    collected = read(source)
    (reason,) = {gap.reason for gap in gaps(collected)}
    assert reason.startswith(
        "nodes n1, n2: no connection of the pods there in the table: they are quiet, or "
    )
    assert [gap.node for gap in gaps(collected)] == ["n1", "n2"]
    assert "nodes n1, n2" in collected.status.detail
    assert "eBPF" not in collected.status.detail


@pytest.mark.parametrize(
    "table", [line("10.244.1.5:40000", "203.0.113.9:443"), line("10.244.2.9:40000", "10.244.1.5:8080"),
              line("203.0.113.9:40000", "192.0.2.10:30080", "10.244.1.5:8080", "10.244.1.1:40000")]
)  # fmt: skip
def test_a_table_that_names_pods_is_believed(server, source, table):
    server.objects += [serving("10.244.1.5"), serving("10.244.2.9", node="n2")]
    server.commands["kube-proxy-a", "cat"] = f"{table}\n".encode()
    server.commands["kube-proxy-b", "cat"] = f"{line('10.244.2.9:5', '203.0.113.9:443')}\n".encode()
    assert read(source).status.detail == "2 connections from 2 of 2 nodes"


STATISTICS = (
    "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop"
    " icmp_error  expect_new expect_create expect_delete search_restart\n"
    + "00000010  00000000 00000000 00000000 00000002 00000007 00000000 00000000 00000000 {:08x} {:08x} {:08x}"
    " 00000000  00000000 00000000 00000000 00000000\n" * 2
)


def test_what_the_kernel_had_no_room_for_is_a_gap(server, source):
    server.objects += [serving("10.244.1.5")]
    server.commands["kube-proxy-a", "cat"] = TABLE + STATISTICS.format(0, 0, 9, 1, 1, 0).encode()
    with following(source) as collected:
        collected.wait_for(lambda: len(clients(collected)) == 2)
        done = len(server.ran)
        until(lambda: len(server.ran) > done + 4)
        assert gaps(collected) == []  # how much it was before is not known
        server.commands["kube-proxy-a", "cat"] = TABLE + STATISTICS.format(0, 16, 10, 1, 1, 0).encode()
        collected.wait_for(lambda: len(gaps(collected)) == 1)
        server.commands["kube-proxy-a", "cat"] = TABLE + STATISTICS.format(2, 16, 10, 1, 1, 0).encode()
        collected.wait_for(lambda: len(gaps(collected)) == 2)
        done = len(server.ran)
        server.commands["kube-proxy-a", "cat"] = TABLE + STATISTICS.format(0, 0, 0, 0, 0, 0).encode()
        until(lambda: len(server.ran) > done + 4)
    assert [(gap.node, gap.lost, "nf_conntrack_max" in gap.reason) for gap in gaps(collected)] == [
        ("n1", 17, True), ("n1", 2, False)]  # fmt: skip
    assert collected.status.skipped == 0


@pytest.mark.parametrize(
    "statistics", ["entries  drop\nxyz zz\n", "entries \n", "entries  drop early_drop\n1\n"]
)
def test_statistics_that_cannot_be_read_do_no_harm(server, source, statistics):
    server.commands["kube-proxy-a", "cat"] = TABLE + statistics.encode()
    collected = read(source)
    assert (clients(collected), gaps(collected)) == ({"10.244.1.5", "10.244.2.5"}, [])
    assert collected.status.skipped == 0


def test_a_node_without_statistics_gives_its_table(server, source):
    def ask(handler):
        words = server.ran[-1][2]
        assert words == COMMANDS[0][0]
        handler._send(1, TABLE)
        handler._send(2, b"cat: /proc/net/stat/nf_conntrack: No such file or directory")
        handler._end({"status": "Failure", "message": "command terminated with exit code 1"})
        server.commands["kube-proxy-a", "cat"] = TABLE

    server.commands["kube-proxy-a", "cat"] = ask
    assert clients(read(source)) == {"10.244.1.5", "10.244.2.5"}


def nodes_watched(collected):
    return collected.status.observed.nodes if collected.status.observed else None


def test_what_listened_at_an_address_is_unknown_of_the_pod_that_has_it_next(server, source, monkeypatch):
    monkeypatch.setattr(conntrack, "_LIST_SECONDS", 0.05)
    opened = line("10.244.1.7:40000", "10.244.1.5:50051", state="SYN_RECV")
    server.objects.append(serving("10.244.1.5"))
    server.commands["kube-proxy-a", "cat"] = f"{opened}\n".encode()
    with following(source) as collected:
        collected.wait_for(lambda: "10.244.1.7" in clients(collected))
        server.objects[-1]["metadata"] |= {"name": "next", "uid": "next"}
        until(lambda: source._addresses._holders == {"10.244.1.5": "next"})
        late = line("10.244.1.9:20000", "10.244.1.5:50051")
        server.commands["kube-proxy-a", "cat"] = f"{late}\n".encode()
        collected.wait_for(lambda: "10.244.1.9" in clients(collected))
    proven = {flow.source.ip: flow.proven for flow in collected.flows if isinstance(flow, Flow)}
    assert (proven["10.244.1.7"], proven["10.244.1.9"]) == (True, False)


def test_the_status_says_how_well_it_watches(server, source):
    before = time.time()
    idle = line("10.244.1.6:5", timeout=300_000)
    server.commands["kube-proxy-a", "cat"] = TABLE + (idle + "\n").encode()
    with following(source) as collected:
        collected.wait_for(lambda: nodes_watched(collected) == {"n1", "n2"})
        told = collected.status.observed
        server.commands["kube-proxy-b", "cat"] = "no"
        collected.wait_for(lambda: nodes_watched(collected) == {"n1"})
    assert (told.origin, told.until, told.sampling, told.idle, told.addresses) == (
        "conntrack",
        0.0,
        1,
        1,
        True,
    )
    assert before <= told.since <= time.time()
    assert collected.status.observed.since == told.since
    assert {flow.origin for flow in collected.flows if isinstance(flow, Flow)} == {"conntrack"}
    ended = read(ConntrackSource("prod", source._kubeconfig)).status.observed
    assert told.since < ended.since <= ended.until


def test_a_node_that_hangs_does_not_hold_up_the_others(server, source, monkeypatch):
    server.commands["kube-proxy-a", "cat"] = HANGS
    with following(source) as collected:
        collected.wait_for(lambda: "10.244.2.5" in clients(collected))
        first = server.ran.count(("kube-proxy-b", PROXY, COMMANDS[0][0]))
        said = "1 connections from 1 of 2 nodes; 1 not read yet"
        collected.wait_for(lambda: collected.status.detail == said)
        server.commands["kube-proxy-b", "cat"] = OTHER + (line("10.244.2.6:7") + "\n").encode()
        collected.wait_for(lambda: "10.244.2.6" in clients(collected))
        assert len(server.ran) > first


def test_a_command_has_a_limit_of_time(server, tmp_path, monkeypatch):
    monkeypatch.setattr(pod_exec, "ANSWER_SECONDS", 0.3)
    server.commands["kube-proxy-a", "cat"] = HANGS
    source = ConntrackSource("prod", str(write_kubeconfig(tmp_path / "config", server.url)))
    collected = read(source)
    assert collected.status.error.startswith(
        "node n1: cat /proc/net/nf_conntrack in kube-system/kube-proxy-a: it does not"
    )


def test_trouble_is_told_once_and_so_is_its_end(server, source):
    with following(source) as collected:
        collected.wait_for(lambda: len(clients(collected)) == 2)
        server.commands["kube-proxy-a", "cat"] = "no"
        collected.wait_for(lambda: "node n1" in collected.status.error)
        asked = len(server.ran)
        server.commands["kube-proxy-b", "cat"] = OTHER + (line("10.244.2.7:7") + "\n").encode()
        collected.wait_for(lambda: "10.244.2.7" in clients(collected))
        assert len(server.ran) > asked
        server.commands["kube-proxy-a", "cat"] = TABLE
        collected.wait_for(lambda: not collected.status.error)
    assert len(gaps(collected)) == 1
    assert collected.status.detail == "3 connections from 2 of 2 nodes"


def test_unreadable_lines_are_counted_once(server, source):
    server.commands["kube-proxy-a", "cat"] = b"\x1b[2Jnonsense\n" + TABLE + b"tcp\xff\n\n"
    with following(source) as collected:
        collected.wait_for(lambda: len(clients(collected)) == 2)
        done = len(server.ran)
        server.commands["kube-proxy-b", "cat"] = OTHER + (line("10.244.2.7:7") + "\n").encode()
        until(lambda: "10.244.2.7" in clients(collected) and len(server.ran) > done + 4)
    assert collected.status.skipped == 2
    (gap,) = gaps(collected)
    assert gap.lost == 2
    assert gap.reason.startswith("node n1, line 1: not an entry of a connection tracking table")
    assert "\x1b" not in gap.reason + collected.status.detail


def test_each_gap_names_the_line_that_could_not_be_read_then(server, source):
    server.commands["kube-proxy-a", "cat"] = b"nonsense\n" + TABLE
    with following(source) as collected:
        collected.wait_for(lambda: len(gaps(collected)) == 1)
        server.commands["kube-proxy-b", "cat"] = OTHER + b"\nipv4 2 tcp"
        collected.wait_for(lambda: len(gaps(collected)) == 2)
    told = {gap.node: gap.reason.partition(":")[0] for gap in gaps(collected)}
    assert told == {"n1": "node n1, line 1", "n2": "node n2, line 3"}
    assert "node n2, line 3" in collected.status.detail


@pytest.mark.parametrize("answer", [404, "container not found"])
def test_a_pod_that_takes_the_place_of_another_is_found_at_once(server, source, monkeypatch, answer):
    monkeypatch.setattr(conntrack, "_LIST_AGAIN_SECONDS", 0.05)
    with following(source) as collected:
        collected.wait_for(lambda: len(clients(collected)) == 2)
        server.commands["kube-proxy-c", "cat"] = TABLE + (line("10.244.1.9:7") + "\n").encode()
        server.objects[:] = cluster(pod("kube-proxy-c", "n1"), pod("kube-proxy-b", "n2"))
        server.commands["kube-proxy-a", "cat"] = answer
        collected.wait_for(lambda: "10.244.1.9" in clients(collected) and not collected.status.error)
    assert gaps(collected) == []


def test_a_pod_that_is_gone_before_a_command_runs_in_it_is_looked_for_again(server, source, monkeypatch):
    monkeypatch.setattr(conntrack, "_LIST_AGAIN_SECONDS", 0.05)
    server.commands["kube-proxy-a", "cat"] = 404
    collected = read(source)
    assert collected.status.error.startswith("node n1: kube-system/kube-proxy-a: refused with 404")
    assert sum(ran[0] == "kube-proxy-a" for ran in server.ran) >= 2
    assert clients(collected) == {"10.244.2.5"}


def test_pods_are_listed_at_once_when_one_is_gone(server, source, monkeypatch):
    class Replacing(dict):
        def get(self, key, default):
            if key == ("kube-proxy-a", "cat"):
                server.objects[:] = cluster(pod("kube-proxy-c", "n1"), pod("kube-proxy-b", "n2"))
            return super().get(key, default)

    for name in ("POLL_SECONDS", "RETRY_SECONDS", "_LIST_SECONDS"):
        monkeypatch.setattr(conntrack, name, 10_000.0)
    monkeypatch.setattr(conntrack, "_LIST_AGAIN_SECONDS", 0.05)
    server.commands = Replacing(server.commands)
    server.commands |= {("kube-proxy-a", "cat"): 404, ("kube-proxy-c", "cat"): TABLE}
    collected = read(source)
    assert clients(collected) == {"10.244.1.5", "10.244.2.5"}
    assert (gaps(collected), collected.status.error) == ([], "")


def test_idle_connections_are_counted_in_the_status(server, source):
    idle = line("10.244.1.6:5", timeout=300_000)
    server.commands["kube-proxy-a", "cat"] = TABLE + (idle + "\n").encode()
    collected = read(source)
    assert clients(collected) == {"10.244.1.5", "10.244.2.5"}
    assert collected.status.detail == (
        "2 connections from 2 of 2 nodes; 1 more are open and idle, and not told until a packet passes"
    )


def test_new_credentials_are_taken_up(server, source, tmp_path):
    with following(source) as collected:
        collected.wait_for(lambda: len(clients(collected)) == 2)
        server.token = "another"
        collected.wait_for(lambda: "does not take the credentials" in collected.status.error)
        write_kubeconfig(tmp_path / "config", server.url, {"token": "another"})
        collected.wait_for(lambda: not collected.status.error)


@pytest.fixture
def crowd(tmp_path, monkeypatch):
    """Return a server with 20 nodes, and a source of them."""
    names = [f"n{number:02}" for number in range(20)]
    with running(ExecServer(cluster(*(pod(f"kube-proxy-{n}", n) for n in names), nodes=names))) as started:
        started.commands = {(f"kube-proxy-{name}", "cat"): TABLE for name in names}
        yield started, ConntrackSource("prod", str(write_kubeconfig(tmp_path / "config", started.url)))


def test_reading_once_asks_each_node_once_however_many_there_are(crowd):
    server, source = crowd
    collected = read(source)
    assert len(server.ran) == len(set(server.ran)) == 20
    assert " from 20 of 20 nodes" in collected.status.detail
    assert "not read yet" not in collected.status.detail


def test_a_few_nodes_are_read_at_a_time(crowd):
    server, source = crowd
    may_answer, busy, most, lock = threading.Event(), 0, 0, threading.Lock()

    def answer(handler):
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        may_answer.wait()
        with lock:
            busy -= 1
        handler._send(1, TABLE)
        handler._end(SUCCESS)

    server.commands = dict.fromkeys(server.commands, answer)
    try:
        with following(source) as collected:
            until(lambda: busy == AT_ONCE)
            may_answer.set()
            collected.wait_for(lambda: " from 20 of 20 nodes" in collected.status.detail)
    finally:
        may_answer.set()
    assert most == AT_ONCE


def test_nodes_that_hang_do_not_hold_up_the_others(crowd, monkeypatch):
    monkeypatch.setattr(nodes, "_SLOW_SECONDS", 0.05)
    server, source = crowd
    hanging = list(server.commands)[: AT_ONCE + 2]
    server.commands |= dict.fromkeys(hanging, HANGS)
    with following(source) as collected:
        collected.wait_for(lambda: "from 10 of 20 nodes; 10 not read yet" in collected.status.detail)


def test_how_far_apart_readings_are_is_said_where_that_is_long(server, source, monkeypatch):
    monkeypatch.setattr(conntrack, "_SLOW_PERIOD", 0.0)
    with following(source) as collected:
        collected.wait_for(lambda: "; a node's table is read every 1 s only" in collected.status.detail)


def waiting(**nodes):
    return {name: Node([], **told) for name, told in nodes.items()}


BUSY, HUNG = {"busy": True, "began": 99.0}, {"busy": True, "began": 90.0}
ILL = {"trouble": "no"}


@pytest.mark.parametrize(
    ("nodes", "chosen"),
    [
        (waiting(a={"due": 99.0}, b={"due": 98.0}, c={"due": 101.0}, d=BUSY), ["b", "a"]),
        (waiting(**{f"b{n}": BUSY for n in range(7)}, x={"due": 2.0}, y={"due": 1.0}), ["y"]),
        (waiting(**{f"b{n}": HUNG for n in range(31)}, x={"due": 2.0}, y={"due": 1.0}), ["y"]),
        (waiting(**{f"i{n}": ILL for n in range(6)}, x={"due": 1.0}), ["i0", "i1", "i2", "i3", "x"]),
        (waiting(**{f"i{n}": HUNG | ILL for n in range(4)}, i={**ILL}, x={"due": 1.0}), ["x"]),
    ],
)  # fmt: skip
def test_who_has_waited_longest_is_read_next(nodes, chosen):
    assert due_nodes(nodes, 100.0, lambda node: True) == chosen


@pytest.mark.parametrize(
    ("took", "due"),
    [(0, 5), (1, 5), (3.9, 5), (4, 5), (4.5, 5.5), (20, 21)],
)
def test_what_reading_takes_is_no_part_of_the_time_between_two(took, due):
    node = Node([], began=100.0)
    assert node.due_after(100.0 + took, 5.0) == 100.0 + due


def test_a_server_that_speaks_no_websocket_is_named():
    from kubernetes import client

    with socket.create_server(("127.0.0.1", 0)) as listening:
        settings = client.Configuration()
        settings.host, settings.proxy = f"http://127.0.0.1:{listening.getsockname()[1]}", None
    run = executor(client.ApiClient(settings)).run
    with pytest.raises(ExecError, match=r"no command can be run there: .*refused"):
        run(Target("a", "b", "c"), ["cat"], threading.Event())
