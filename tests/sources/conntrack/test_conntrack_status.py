"""What is said of tables: empty, blind, full or unreadable ones, and how well nodes are watched."""

import time

import pytest

from netsec_tui.errors import UnreachableError
from netsec_tui.model.flow import Flow
from netsec_tui.sources.conntrack import source as conntrack
from netsec_tui.sources.conntrack.nodes import COMMANDS
from netsec_tui.sources.conntrack.source import ConntrackSource
from tests.sources.collected import following, gaps, read
from tests.sources.conntrack.conntrack_lines import line
from tests.sources.conntrack.conntrack_server import OTHER, TABLE, clients, cluster, pod, serving
from tests.sources.kube_objects import obj
from tests.sources.waiting import until

pytestmark = pytest.mark.usefixtures("quick_tables")


def test_an_empty_table_is_said(server, source):
    server.commands["kube-proxy-a", "cat"] = b""
    status = read(source).status
    assert status.detail == "1 connection from 2 of 2 nodes; empty on node n1"
    assert not status.error


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
        until(lambda: source._addresses._holders.get("10.244.1.5") == "next")
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


def test_idle_connections_are_counted_in_the_status(server, source):
    idle = line("10.244.1.6:5", timeout=300_000)
    server.commands["kube-proxy-a", "cat"] = TABLE + (idle + "\n").encode()
    collected = read(source)
    assert clients(collected) == {"10.244.1.5", "10.244.2.5"}
    assert collected.status.detail == (
        "2 connections from 2 of 2 nodes; 1 more are open, may be idle, and are told once a packet passes"
    )


OTHERS = " that pods run on; whether there are others is not known: nodes cannot be listed"


def test_where_nodes_may_not_be_listed_those_with_pods_are_read_and_that_is_said(server, source):
    server.refuse["nodes"] = [403]
    collected = read(source)
    assert clients(collected) == {"10.244.1.5", "10.244.2.5"}
    assert (collected.status.detail, collected.status.error) == (
        f"2 connections from 2 of 2 nodes{OTHERS}",
        "",
    )
    assert collected.status.observed.nodes == {"n1", "n2"}


def test_a_node_that_gives_no_table_is_named_where_nodes_may_not_be_listed(server, source):
    server.refuse["nodes"] = [403]
    server.objects.append(serving("10.244.3.5", node="n3"))
    collected = read(source)
    assert collected.status.detail == f"2 connections from 2 of 3 nodes{OTHERS}"
    assert collected.status.error.startswith("node n3: no pod runs on its network (hostNetwork)")


def test_without_nodes_and_pods_it_is_not_said_that_the_cluster_has_none(server, source):
    server.refuse["nodes"] = [403]
    server.objects.clear()
    with pytest.raises(UnreachableError, match=r"^no node runs a pod; whether there are others is not known"):
        read(source)


def test_once_nodes_may_be_listed_the_others_are_known(server, source):
    server.refuse["nodes"] = [403]
    server.objects[:] = cluster(pod("kube-proxy-a", "n1"), nodes=("n1",))
    with following(source) as collected:
        collected.wait_for(lambda: collected.status.detail == f"1 connection from 1 of 1 nodes{OTHERS}")
        server.objects.append(obj("Node", "n2", None))
        server.refuse.clear()
        collected.wait_for(lambda: collected.status.detail == "1 connection from 1 of 2 nodes")
    assert collected.status.error.startswith("node n2: no pod runs on its network")
