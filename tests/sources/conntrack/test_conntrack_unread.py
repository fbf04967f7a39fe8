"""Until when tables have been read when reading ends: a node that hangs was not watched since."""

import threading
import time

import pytest

from netsec_tui.model.flow import Flow, Gap
from netsec_tui.sources.conntrack import source as conntrack
from netsec_tui.sources.conntrack.nodes import Node, read_until
from netsec_tui.sources.feeds import unread
from netsec_tui.sources.feeds.listen import listen
from tests.sources.collected import following
from tests.sources.conntrack.conntrack_lines import line
from tests.sources.conntrack.conntrack_server import TABLE, pod
from tests.sources.exec_server import HANGS, SUCCESS
from tests.sources.kube_objects import obj

pytestmark = pytest.mark.usefixtures("quick_tables")

LATER = (line("10.244.9.9:41111") + "\n").encode()


def gaps_of(told):
    return [item for read in told for item in read.flows if isinstance(item, Gap)]


def moment(at):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))


def hang_after(tables, server, *places):
    """Let nodes give so many tables and no more: by a clock they might hang before anybody has asked them."""
    for place in places:
        table, left = server.commands[place, "cat"], iter(range(tables - 1))

        def answer(handler, place=place, table=table, left=left):
            if next(left, None) is None:
                server.commands[place, "cat"] = HANGS
            handler._send(1, table)
            handler._end(SUCCESS)

        server.commands[place, "cat"] = answer


def test_nodes_that_hang_were_watched_until_their_last_tables(server, source, monkeypatch):
    monkeypatch.setattr(conntrack, "POLL_SECONDS", 0.2)
    monkeypatch.setattr(unread, "_SLACK", 0.0, raising=False)
    told, begun = [], time.time()
    hang_after(3, server, "kube-proxy-a", "kube-proxy-b")
    reading = listen([], [source], 3, told.append, threading.Event())
    (status,), (failure,) = reading.statuses, reading.failures
    (gap,) = gaps_of(told)
    assert begun + 0.4 < status.observed.until == gap.time < gap.until - 0.5
    assert status.observed.until == max(span.until for span in status.observed.spans)
    assert status.observed.nodes == {"n1", "n2"}
    assert "had been read only up to" in str(failure)
    assert status.ended


def test_where_no_table_was_ever_read_nothing_was_answered(server, source):
    server.commands |= dict.fromkeys(server.commands, HANGS)
    reading = listen([], [source], 2, lambda read: None, threading.Event())
    (status,), (failure,) = reading.statuses, reading.failures
    assert str(failure) == f"{source.name} had not answered, or not in full, when reading ended"
    assert (status.detail, status.observed.since, status.observed.until) == (
        "0 connections from 0 of 2 nodes; 2 not read yet",
        0.0,
        0.0,
    )


def test_a_node_that_hangs_is_named_with_the_time_and_takes_nothing_from_the_others(
    server, source, monkeypatch
):
    monkeypatch.setattr(conntrack, "POLL_SECONDS", 0.2)
    told, begun = [], time.time()
    hang_after(3, server, "kube-proxy-a")
    reading = listen([], [source], 3, told.append, threading.Event())
    (status,), (gap,) = reading.statuses, gaps_of(told)
    missing = f"node n1: no table from {moment(gap.time)} to {moment(gap.until)} UTC"
    assert (reading.failures, status.error) == ((), missing)
    assert (gap.node, gap.reason) == ("n1", f"{missing}: connections may be missing")
    ends = {span.node: span.until for span in status.observed.spans}
    assert begun + 0.4 < ends["n1"] == gap.time < ends["n2"] == status.observed.until
    assert gap.until > begun + 2.9
    assert status.observed.nodes == {"n2"}
    assert "from 1 of 2 nodes" in status.detail


def test_each_of_many_slow_nodes_was_watched_until_its_own_last_table(server, source, monkeypatch):
    monkeypatch.setattr(conntrack, "POLL_SECONDS", 1.0)
    names = [f"n{number:02}" for number in range(20)]
    server.objects[:] = [obj("Node", name, None) for name in names]
    server.objects += [pod(f"kube-proxy-{name}", name) for name in names]

    def slow(handler):
        time.sleep(0.2)
        handler._send(1, TABLE)
        handler._end(SUCCESS)

    server.commands = {(f"kube-proxy-{name}", "cat"): slow for name in names}
    told = []
    reading = listen([], [source], 3, told.append, threading.Event())
    (observed,) = [status.observed for status in reading.statuses]
    assert (reading.failures, gaps_of(told)) == ((), [])
    assert observed.nodes == {span.node for span in observed.spans} == set(names)
    ends = [span.until for span in observed.spans]
    assert observed.until == max(ends) > min(ends) > 0


@pytest.mark.parametrize(
    ("node", "due"),
    [
        (Node([], period=5.0, began=96.0), 1015.0),
        (Node([], period=9.0, began=96.0), 1027.0),
        (Node([], period=5.0, began=60.0), 1120.0),
        (Node([], period=5.0, began=60.0, busy=True), 1015.0),
        (Node([], period=5.0, began=60.0, gone=True), 1015.0),
    ],
    ids=["often", "seldom", "waits for its turn", "hangs", "hung, is not asked yet"],
)
def test_a_table_is_overdue_after_three_usual_times_between_two(node, due):
    node.entries, node.read = 0, 1000.0
    assert node.overdue_from(100.0, 5.0) == due
    newer = Node([], entries=0, read=1001.0, began=100.0)
    ill, unread_yet = Node([], entries=0, read=2000.0, trouble="no"), Node([])
    assert read_until([node, newer, ill, unread_yet], 100.0, 5.0) == (1001.0, max(due, 1016.0))
    assert read_until([ill, unread_yet], 100.0, 5.0) == (0.0, 0.0)


def test_a_reading_that_hung_does_not_make_the_usual_time_longer():
    node = Node([], entries=0)
    periods = []
    for at, gone in [(5.0, False), (10.0, False), (41.0, True), (46.0, False), (52.0, False)]:
        node.gone = gone
        node.begin(at)
        periods.append(node.period)
    assert periods == [5.0, 5.0, 5.0, 5.0, 6.0]


def test_tables_are_read_once_more_when_reading_ends(server, source, monkeypatch):
    monkeypatch.setattr(conntrack, "POLL_SECONDS", 30.0)
    with following(source) as collected:
        collected.wait_for(lambda: collected.status.observed and len(collected.status.observed.nodes) == 2)
        server.commands["kube-proxy-a", "cat"] = TABLE + LATER
        ended = time.time()
    assert "10.244.9.9" in {flow.source.ip for flow in collected.flows if isinstance(flow, Flow)}
    assert collected.status.read_to >= ended


def test_a_healthy_cluster_was_watched_until_the_end(source):
    told, begun = [], time.time()
    reading = listen([], [source], 2, told.append, threading.Event())
    assert (reading.failures, gaps_of(told)) == ((), [])
    assert begun + 1.9 <= reading.statuses[0].observed.until <= time.time()
