"""From when to when nodes were watched by their tables: who joins later, fails or comes back."""

import time
from itertools import pairwise

import pytest

from netsec_tui.sources.conntrack import source as conntrack
from tests.sources.collected import following, gaps
from tests.sources.conntrack.conntrack_server import OTHER, TABLE, pod
from tests.sources.kube_objects import obj
from tests.sources.waiting import until

pytestmark = pytest.mark.usefixtures("quick_tables")


def observed(collected):
    return collected.status.observed


def spans_of(collected, node):
    told = observed(collected)
    return [(span.since, span.until) for span in told.spans if span.node == node] if told else []


def watching(collected, *nodes):
    return lambda: observed(collected) is not None and observed(collected).nodes == set(nodes)


def test_a_node_that_joins_later_counts_from_its_first_reading(server, source, monkeypatch):
    monkeypatch.setattr(conntrack, "_LIST_SECONDS", 0.05)
    server.commands["kube-proxy-b", "cat"] = "no"
    with following(source) as collected:
        collected.wait_for(watching(collected, "n1"))
        joined = time.time()
        server.commands["kube-proxy-b", "cat"] = OTHER
        server.commands["kube-proxy-c", "cat"] = OTHER
        server.objects += [obj("Node", "n3", None), pod("kube-proxy-c", "n3")]
        collected.wait_for(watching(collected, "n1", "n2", "n3"))
        going_on = [spans_of(collected, node) for node in ("n2", "n3")]
    for ((since, end),) in going_on:
        assert joined < since
        assert end == 0.0
    for node, before in zip(("n2", "n3"), going_on, strict=True):
        ((since, end),) = spans_of(collected, node)
        assert (since, end > since) == (before[0][0], True)
    assert observed(collected).since == spans_of(collected, "n1")[0][0] < joined


def test_a_node_that_gave_no_table_for_a_while_was_not_watched_then(server, source):
    with following(source) as collected:
        collected.wait_for(watching(collected, "n1", "n2"))
        ((begun, _),) = spans_of(collected, "n1")
        server.commands["kube-proxy-a", "cat"] = "no"
        collected.wait_for(watching(collected, "n2"))
        ((_, away),) = spans_of(collected, "n1")
        failed = time.time()
        server.commands["kube-proxy-a", "cat"] = TABLE
        collected.wait_for(watching(collected, "n1", "n2"))
        first, (back, end) = spans_of(collected, "n1")
        assert end == observed(collected).until == 0.0
    assert first == (begun, away)
    assert begun <= away < failed < back
    assert spans_of(collected, "n1")[:-1] == [first]
    assert len(spans_of(collected, "n2")) == 1


def test_a_node_read_so_long_ago_that_its_table_has_forgotten_was_not_watched(server, source, monkeypatch):
    monkeypatch.setattr(conntrack, "MEMORY", -1.0)
    with following(source) as collected:
        collected.wait_for(lambda: len(spans_of(collected, "n1")) > 2)
        assert spans_of(collected, "n1")[-1][1] == 0.0
    *before, (last, end_at) = spans_of(collected, "n1")
    assert end_at >= last
    assert all(since == end for since, end in before)
    found = [gap for gap in gaps(collected) if gap.node == "n1"]
    begun = [*(since for since, _ in before), last]
    assert [(gap.time, gap.until) for gap in found] == [*pairwise(begun)]
    assert found[0].reason == (
        f"node n1: no table from {moment(begun[0])} to {moment(begun[1])} UTC: connections may be missing"
    )


def moment(at):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))


def test_a_node_that_failed_for_long_says_from_when_to_when(server, source, monkeypatch):
    monkeypatch.setattr(conntrack, "MEMORY", 0.3)
    with following(source) as collected:
        collected.wait_for(watching(collected, "n1", "n2"))
        server.commands["kube-proxy-a", "cat"] = "no"
        collected.wait_for(watching(collected, "n2"))
        ((_, away),) = spans_of(collected, "n1")
        until(lambda: time.time() > away + 0.3)
        server.commands["kube-proxy-a", "cat"] = TABLE
        collected.wait_for(watching(collected, "n1", "n2"))
    back, _ = spans_of(collected, "n1")[1]
    assert (away, back) in [(gap.time, gap.until) for gap in gaps(collected) if gap.node == "n1"]


def test_once_no_node_gives_its_table_nothing_is_watched_any_more(server, source):
    with following(source) as collected:
        collected.wait_for(watching(collected, "n1", "n2"))
        server.commands["kube-proxy-a", "cat"] = server.commands["kube-proxy-b", "cat"] = "no"
        collected.wait_for(watching(collected))
        told = observed(collected)
    assert told.since < told.until == max(span.until for span in told.spans) <= time.time()


def test_before_the_first_table_nothing_was_watched(server, source):
    server.commands["kube-proxy-a", "cat"] = server.commands["kube-proxy-b", "cat"] = "no"
    with following(source) as collected:
        collected.wait_for(lambda: "tried again" in collected.status.error)
    assert (observed(collected).since, observed(collected).spans) == (0.0, ())
