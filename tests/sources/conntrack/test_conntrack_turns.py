"""Many nodes: how many tables are read at a time, and whose turn it is."""

import threading
import time
from types import SimpleNamespace

import pytest

from netsec_tui.sources.conntrack import detail, nodes
from netsec_tui.sources.conntrack import source as conntrack
from netsec_tui.sources.conntrack.nodes import AT_ONCE, Node, due_nodes
from netsec_tui.sources.conntrack.source import ConntrackSource
from tests.sources.api_server import write_kubeconfig
from tests.sources.collected import following, read
from tests.sources.conntrack.conntrack_lines import line
from tests.sources.conntrack.conntrack_server import OTHER, TABLE, cluster, pod
from tests.sources.exec_server import HANGS, SUCCESS, ExecServer
from tests.sources.running import running
from tests.sources.waiting import until

pytestmark = pytest.mark.usefixtures("quick_tables")


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
    monkeypatch.setattr(detail, "_SLOW_PERIOD", 0.0)
    with following(source) as collected:
        collected.wait_for(lambda: "; a node's table is read every 1 s only" in collected.status.detail)


def test_what_is_read_about_as_often_as_meant_is_not_said_to_be_read_seldom(server, source, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(conntrack, "time", SimpleNamespace(monotonic=lambda: now[0], time=time.time))
    with following(source) as collected:
        collected.wait_for(lambda: collected.status.detail.startswith("2 connections from 2 of 2 nodes"))
        server.commands["kube-proxy-a", "cat"] = TABLE + f"{line('10.244.1.6:7')}\n".encode()
        server.commands["kube-proxy-b", "cat"] = OTHER + f"{line('10.244.2.6:7')}\n".encode()
        now[0] += 7
        collected.wait_for(lambda: collected.status.detail.startswith("4 connections from 2 of 2 nodes"))
        assert "read every" not in collected.status.detail
        now[0] += 8
        collected.wait_for(lambda: "a node's table is read every 8 s only" in collected.status.detail)


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
