"""Flows from Hubble Relay over real connections: what comes, what breaks off, what is lost."""

import threading
import time
from contextlib import contextmanager

import pytest
from grpclib.const import Status

from netsec_tui.errors import UnreachableError
from netsec_tui.model.timespan import from_to
from netsec_tui.sources import life, retry
from netsec_tui.sources.grpc import channel as grpc_channel
from netsec_tui.sources.grpc import connection as grpc_connection
from netsec_tui.sources.hubble import relay_progress as hubble_relay_progress
from netsec_tui.sources.hubble.relay import HubbleRelaySource
from tests.sources.collected import following, gaps, read
from tests.sources.hubble.hubble_access import direct, ports, settled
from tests.sources.hubble.hubble_peer import flow, lost, node_status, serving_hubble
from tests.sources.waiting import PATIENCE, until

pytestmark = pytest.mark.usefixtures("quick_relay")


def test_everything_that_is_kept_is_read(peer, source):
    peer.nodes = {"n1": 1, "kind/n2": 1}
    peer.ring.extend([flow(1), flow(2, node="kind/n2"), flow(3)])
    collected = read(source)
    assert ports(collected) == [1, 2, 3]
    assert {(f.origin, f.node) for f in collected.flows} == {("hubble", "n1"), ("hubble", "n2")}
    assert collected.flows[0].source.labels == (("app", "web"),)
    assert (collected.flows[0].is_reply, collected.flows[0].proven) == (False, True)
    status = collected.status
    assert (status.ended, status.error, gaps(collected)) == (True, "", [])
    where = "Hubble at {}:{}".format(*peer.address)
    assert status.detail == (
        f"3 flows from 2 of 2 nodes; {where}; cilium v1.19.4; Hubble keeps flows for about 3 min"
    )
    observed = status.observed
    assert (observed.origin, observed.nodes) == ("hubble", frozenset({"n1", "n2"}))
    assert observed.since == collected.flows[0].time
    assert observed.until


def test_each_node_is_watched_since_the_oldest_flow_that_it_holds(peer, source):
    peer.nodes = {"n1": 1, "n2": 1, "n3": 1}
    begun = time.time()
    peer.ring.extend([flow(1, "n2", begun - 13 * 3600), flow(2, "n1", begun - 20), flow(3, "n1", begun - 10)])
    observed = read(source).status.observed
    since = {span.node: span.since - begun for span in observed.spans}
    assert observed.since - begun == pytest.approx(-13 * 3600, abs=1)
    assert (since["n2"], since["n1"]) == (pytest.approx(-13 * 3600, abs=1), pytest.approx(-20, abs=1))
    assert since["n3"] >= 0  # it holds none: nobody knows of what was before


def test_what_was_there_comes_first_and_then_what_happens(peer, source):
    peer.ring.extend([flow(1), flow(2)])
    with following(source) as collected:
        settled(peer, collected)
        peer.tell(flow(3), flow(4))
        collected.wait_for(lambda: len(ports(collected)) == 4)
    assert ports(collected) == [1, 2, 3, 4]
    assert gaps(collected) == []


def test_no_request_that_follows_would_repeat_itself(peer, source):
    with following(source) as collected:
        settled(peer, collected)
    live, old = peer.requests
    assert (live.follow, live.number, live.HasField("since")) == (True, 0, False)
    assert (old.follow, old.number, old.HasField("since")) == (False, 65_535, False)


def test_what_relay_repeats_counts_once(peer, source):
    again = flow(2)
    without = [flow(3, uuid=""), flow(4, uuid="")]
    peer.ring.extend([flow(1), again, *without])
    with following(source) as collected:
        settled(peer, collected)
        peer.tell(again, *without, flow(5))
        collected.wait_for(lambda: 5 in ports(collected))
    assert ports(collected) == [1, 2, 3, 4, 5]


def test_an_agent_alone_tells_no_nodes_but_its_own(peer, source):
    peer.alone = True
    peer.ring.append(flow(1))
    assert read(source).status.observed.nodes == frozenset({"n1"})


def test_a_relay_that_does_not_tell_of_its_nodes_tells_which_are_away(peer, source):
    peer.alone, peer.nodes = True, {"n1": 1, "n2": 2}
    peer.ring.append(flow(1))
    collected = read(source)
    assert [gap.node for gap in gaps(collected)] == ["n2"]
    assert collected.status.observed.nodes == frozenset({"n1"})


def test_a_node_that_has_left_the_cluster_is_not_counted(peer, source):
    peer.nodes = {"n1": 1, "n2": 1}
    with following(source) as collected:
        collected.wait_for(lambda: "of 2 nodes" in collected.status.detail)
        del peer.nodes["n2"]
        collected.wait_for(lambda: "0 flows from 1 of 1 nodes" in collected.status.detail)
    assert gaps(collected) == []


def test_a_flood_of_lost_events_is_a_gap_now_and_then(peer, source):
    with following(source) as collected:
        settled(peer, collected)
        peer.tell(*[lost(2, node=f"n{number % 2}") for number in range(30_000)], flow(9))
        collected.wait_for(lambda: 9 in ports(collected))
    told = gaps(collected)
    assert {gap.reason for gap in told} == {
        "Hubble lost events: flows were overwritten before they were read"
    }
    assert [sum(g.lost for g in told if g.node == node) for node in ("n0", "n1")] == [30_000, 30_000]
    assert len(told) < 3_000


def test_losses_that_an_agent_tells_again_after_a_break_count_once(peer, source):
    peer.ring.append(flow(1))
    peer.losses = [lost(3), lost(3), lost(3, node="n2")]
    with following(source) as collected:
        settled(peer, collected)
        collected.wait_for(lambda: sum(gap.lost for gap in gaps(collected)) == 9)
        peer.kill()
        peer.losses.append(lost(4))
        peer.ring.append(flow(2))
        peer.start()
        collected.wait_for(lambda: 2 in ports(collected))
    assert sum(gap.lost for gap in gaps(collected) if gap.lost) == 13
    assert {gap.origin for gap in gaps(collected) if gap.lost} == {"hubble"}


def test_a_node_out_of_reach_is_a_gap_and_reports_no_more(peer, source):
    peer.nodes = {"n1": 1, "n2": 2}
    with following(source) as collected:
        collected.wait_for(lambda: len(gaps(collected)) == 1)
        peer.tell(node_status(4, "n1", message="rpc error: \x1b[2Jgone"))
        collected.wait_for(lambda: len(gaps(collected)) == 2)
        peer.nodes = {"n1": 1, "n2": 1}
        collected.wait_for(lambda: collected.status.observed.nodes == frozenset({"n1", "n2"}))
    first, second = gaps(collected)[:2]
    assert (first.node, first.reason) == ("n2", "node n2 is out of Hubble's reach")
    assert second.reason.startswith("node n1 reports an error to Hubble: rpc error:")
    assert "\x1b" not in second.reason


def test_flows_of_a_node_that_was_away_are_asked_for_when_it_is_back(peer, source):
    peer.nodes = {"n1": 1, "n2": 1}
    peer.ring.extend([flow(1), flow(2, node="n2")])
    with following(source) as collected:
        settled(peer, collected)
        peer.nodes = {"n1": 1, "n2": 2}
        collected.wait_for(lambda: collected.status.observed.nodes == frozenset({"n1"}))
        peer.ring.append(flow(3, node="n2"))  # seen while nobody could be told
        peer.nodes = {"n1": 1, "n2": 1}
        collected.wait_for(lambda: 3 in ports(collected))
    assert ports(collected) == [1, 2, 3]


def test_a_server_that_comes_back_goes_on_where_it_was(peer, source):
    peer.ring.append(flow(1))
    with following(source) as collected:
        settled(peer, collected)
        peer.tell(flow(2))
        collected.wait_for(lambda: 2 in ports(collected))
        peer.kill()
        collected.wait_for(lambda: "it is tried again in" in collected.status.error)
        collected.wait_for(lambda: "Connection refused" in collected.status.error)
        assert collected.status.observed.nodes == frozenset()
        peer.ring.append(flow(3))
        peer.start()
        collected.wait_for(lambda: 3 in ports(collected) and not collected.status.error)
        until(lambda: peer.following)
        peer.tell(flow(4))
        collected.wait_for(lambda: 4 in ports(collected))
    assert ports(collected) == [1, 2, 3, 4]
    assert gaps(collected) == []
    assert collected.status.detail.startswith("4 flows from 1 of 1 nodes")


def test_waits_grow_until_a_flow_comes(peer, source, monkeypatch):
    monkeypatch.setattr(retry, "LONGEST_WAIT", 0.2)
    with following(source) as collected:
        settled(peer, collected)
        peer.kill()
        for seconds in ("0.05", "0.1", "0.2"):
            collected.wait_for(lambda told=seconds: f"tried again in {told} s" in collected.status.error)


def test_what_was_overwritten_meanwhile_is_a_gap(source, peer):
    old = time.time() - 30
    peer.nodes = {"n1": 1, "n2": 1}
    peer.ring.extend([flow(1, at=old), flow(2, node="n2", at=old)])
    with following(source) as collected:
        settled(peer, collected)
        peer.kill()
        peer.ring.popleft()
        peer.ring.append(flow(3))
        peer.start()
        collected.wait_for(lambda: 3 in ports(collected) and gaps(collected))
        collected.wait_for(lambda: len(collected.status.observed.spans) == 3 and not collected.status.read_to)
    assert [(span.node, span.until) for span in collected.status.observed.spans] == [
        ("n1", pytest.approx(old)),
        ("n1", 0.0),
        ("n2", 0.0),
    ]
    (gap,) = gaps(collected)
    assert (gap.node, gap.lost) == ("n1", 0)
    assert gap.time == pytest.approx(old)
    assert gap.until == pytest.approx(time.time(), abs=20)
    assert f"node n1: flows {from_to(gap.time, gap.until)} are lost in part" in gap.reason
    assert ports(collected) == [1, 2, 3]


def test_a_break_while_catching_up_leaves_no_hole(peer, source):
    peer.ring.append(flow(1))
    with following(source) as collected:
        settled(peer, collected)
        peer.kill()
        peer.ring.extend([flow(2), flow(3), flow(4)])
        peer.breaks_after = 3
        peer.start()
        collected.wait_for(lambda: 4 in ports(collected))
    assert ports(collected) == [1, 2, 3, 4]
    assert gaps(collected) == []


def test_what_comes_before_all_is_caught_up_with_fills_no_hole(peer, source):
    """An agent alone tells of no nodes: the first that comes over a new connection is a new flow."""
    now = time.time()
    peer.alone = True
    peer.ring.append(flow(1, at=now - 100))
    with following(source) as collected:
        settled(peer, collected)
        peer.kill()
        peer.ring.append(flow(2, at=now - 50))
        peer.first, peer.breaks_after = flow(3), 1
        peer.start()
        collected.wait_for(lambda: 2 in ports(collected))
    assert sorted(ports(collected)) == [1, 2, 3]


def test_no_more_is_asked_for_again_than_is_remembered(peer, source, monkeypatch):
    monkeypatch.setattr(hubble_relay_progress, "REMEMBERED", 40)
    monkeypatch.setattr(hubble_relay_progress, "_MARKS", 10)
    source = HubbleRelaySource(direct(peer))
    start = time.time() - 50
    peer.ring.extend(flow(n, at=start + n / 10) for n in range(1, 101))
    peer.ring.append(flow(200, node="slow", at=start))
    with following(source) as collected:
        settled(peer, collected)
        collected.wait_for(lambda: len(ports(collected)) == 101)
        peer.kill()
        peer.start()
        until(lambda: peer.following)
        peer.tell(flow(300))
        collected.wait_for(lambda: 300 in ports(collected))
    assert len(ports(collected)) == 102


@contextmanager
def broken_off(peer, source):
    """Follow a source whose server is killed once it has told a flow."""
    peer.ring.append(flow(1))
    with following(source) as collected:
        settled(peer, collected)
        peer.kill()
        collected.wait_for(lambda: bool(collected.status.error))
        yield collected


def test_stopping_while_it_is_away_leaves_a_gap(peer, source):
    with broken_off(peer, source) as collected:
        broken = time.time()
        assert 0 < collected.status.observed.until <= broken
        collected.wait_for(lambda: "again in 0.2 s" in collected.status.error)
    (gap,) = gaps(collected)
    assert "are not known: nothing had come of Hubble since it broke off" in gap.reason
    assert collected.status.observed.until == gap.time <= broken


def test_stopping_while_catching_up_claims_no_hole_of_a_node(peer, source):
    with broken_off(peer, source) as collected:
        peer.keeps_back, asked = True, len(peer.requests)
        peer.start()
        until(lambda: any(not request.follow for request in peer.requests[asked:]))
    assert [gap.node for gap in gaps(collected)] == [""]


def test_a_node_is_watched_since_it_was_first_heard_of_however_often_all_are_asked(peer, source):
    with following(source) as collected:
        settled(peer, collected)
        since = {span.node: span.since for span in collected.status.observed.spans}
        peer.nodes = {"n1": 1, "n2": 1}
        collected.wait_for(lambda: collected.status.observed.nodes == frozenset({"n1", "n2"}))
        assert {span.node: span.since for span in collected.status.observed.spans}["n1"] == since["n1"]


def test_losses_without_a_time_are_others_each_time(peer, source):
    losses = [lost(3), lost(3)]
    for reply in losses:
        reply.ClearField("time")
    peer.losses = losses
    assert sum(gap.lost for gap in gaps(read(source))) == 6


def test_it_watches_again_once_it_is_back(peer, source):
    peer.ring.append(flow(1))
    with following(source) as collected:
        settled(peer, collected)
        peer.kill()
        collected.wait_for(lambda: bool(collected.status.error))
        peer.start()
        collected.wait_for(lambda: not collected.status.error)
        assert collected.status.observed.until == 0.0


@pytest.mark.parametrize("status", [Status.INVALID_ARGUMENT, Status.UNKNOWN])
@pytest.mark.parametrize("once", [True, False])
def test_a_server_that_refuses_filters_is_asked_without(peer, source, status, once):
    peer.refuses = status
    peer.ring.append(flow(1))
    if once:
        collected = read(source)
    else:
        with following(source) as collected:
            settled(peer, collected)
    assert ports(collected) == [1]
    assert "which cannot leave answers out" in collected.status.detail


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.INTERNAL])
def test_a_stream_that_breaks_off_is_not_taken_for_a_refusal_of_filters(peer, source, status):
    peer.ring.extend([flow(1), flow(2)])
    peer.breaks_after, peer.breaks_with = 2, status
    with pytest.raises(UnreachableError, match="going down"):
        read(source)
    assert [bool(request.whitelist) for request in peer.requests] == [True]


def test_an_agent_behind_relay_that_refuses_filters_is_asked_without(peer, source):
    with following(source) as collected:
        settled(peer, collected)
        words = 'rpc error: code = InvalidArgument desc = unknown protocol: "sctp"'
        peer.tell(node_status(4, "n1", message=words))
        until(lambda: any(request.follow and not request.whitelist for request in peer.requests))
        collected.wait_for(lambda: "cannot leave answers out" in collected.status.detail)
        until(lambda: peer.following)
        peer.tell(flow(1))
        collected.wait_for(lambda: 1 in ports(collected))


def test_an_unreadable_flow_is_counted_and_the_next_is_read(peer, source):
    peer.ring.extend([flow(1, source=b"\xff\xff"), flow(2)])
    collected = read(source)
    assert ports(collected) == [2]
    assert (collected.status.skipped, [gap.lost for gap in gaps(collected)]) == (1, [1])
    assert "an endpoint is not as the protocol says" in collected.status.detail


def test_a_server_that_hangs_is_left_and_taken_up_again(peer, source, monkeypatch):
    monkeypatch.setattr(life, "ASK_SECONDS", 0.1)
    hold = threading.Event()
    with following(source) as collected:
        settled(peer, collected)
        with monkeypatch.context() as impatient:  # only while nobody answers: others may take their time
            impatient.setattr(grpc_connection, "ANSWER_SECONDS", 0.1)
            impatient.setattr(grpc_channel, "UNARY_SECONDS", 0.1)
            peer._loop.call_soon_threadsafe(hold.wait, PATIENCE)
            collected.wait_for(lambda: "hangs" in collected.status.error)
        hold.set()
        collected.wait_for(lambda: not collected.status.error)
        until(lambda: peer.following)
        peer.tell(flow(1))
        collected.wait_for(lambda: 1 in ports(collected))


def test_nobody_there_is_told_with_the_address():
    with serving_hubble() as gone:
        access = direct(gone)
    with pytest.raises(UnreachableError, match=r"127.0.0.1:\d+ cannot be reached: Connection refused"):
        read(HubbleRelaySource(access))


def test_many_flows_come_whole_and_in_order(peer, source):
    peer.ring = type(peer.ring)(flow(n % 60_000 + 1) for n in range(20_000))
    collected = read(source)
    assert ports(collected) == [n % 60_000 + 1 for n in range(20_000)]
    assert max(len(m.flows) for m in collected.messages if hasattr(m, "flows")) <= 1_000
