"""Reading that ends before Hubble has told all that it holds: what was not read does not count as watched."""

import threading
import time
from contextlib import suppress

import pytest

from netsec_tui.model.flow import Flow, Gap
from netsec_tui.sources import retry
from netsec_tui.sources.access import Access
from netsec_tui.sources.contract import FlowsRead
from netsec_tui.sources.feeds.listen import listen
from netsec_tui.sources.hubble.exec import HubbleExecSource
from netsec_tui.sources.hubble.proto import NODE_CONNECTED
from netsec_tui.sources.hubble.relay import HubbleRelaySource
from netsec_tui.sources.hubble.relay_batch import Batch
from tests.sources.api_server import write_kubeconfig
from tests.sources.collected import following, gaps
from tests.sources.exec_server import SUCCESS, ExecServer
from tests.sources.hubble import hubble_peer
from tests.sources.hubble.hubble_access import direct
from tests.sources.hubble.hubble_peer import serving_hubble
from tests.sources.hubble.test_hubble_exec import agent, flow, says
from tests.sources.running import running
from tests.sources.waiting import until

AGO = 600.0


def told_slowly(begun):
    """Return what an agent does that never comes to the end of what it holds."""

    def answer(handler):
        number = 0
        with suppress(OSError):
            while not handler.server.over.wait(0.05):
                handler._send(1, flow(number := number + 1, at=begun - AGO + number))

    return answer


@pytest.fixture
def server(no_proxy_and_no_waiting):
    with running(ExecServer([agent("cilium-a", "n1"), agent("cilium-b", "n2")])) as started:
        yield started


@pytest.fixture
def agents(server, tmp_path):
    return HubbleExecSource(Access("prod", str(write_kubeconfig(tmp_path / "config", server.url))))


def newest(told, before):
    times = [flow.time for read in told for flow in read.flows if isinstance(flow, Flow)]
    return max(time for time in times if time < before)


def lost(told):
    return [gap for read in told for gap in read.flows if isinstance(gap, Gap)]


def test_an_agent_that_has_not_told_all_it_holds_has_not_watched_until_the_end(server, agents):
    begun = time.time()
    server.commands = {
        ("cilium-a", "hubble"): told_slowly(begun),
        ("cilium-b", "hubble"): says(flow(1, at=begun - 60)),
    }
    told = []
    reading = listen([], [agents], 2.5, told.append, threading.Event())
    (status,), (failure,), (gap,) = reading.statuses, reading.failures, lost(told)
    read_to = newest(told, begun - AGO / 2)
    assert (gap.time, status.read_to) == (read_to, read_to)
    assert "had been read only up to" in str(failure)
    spans = {span.node: span.until for span in status.observed.spans}
    assert spans == {"n1": read_to, "n2": 0.0}


def dense(begun, pauses, pace):
    """Return what an agent does whose history comes slowly: with a pause, or hardly faster than now."""

    def answer(handler):
        number = 0
        with suppress(OSError):
            while not handler.server.over.wait(pauses.get(number, 0.02)):
                handler._send(1, flow(number := number + 1, at=begun - AGO + number * 0.02 * pace))

    return answer


@pytest.mark.parametrize(
    ("pauses", "pace"), [({1: 1.3}, 50), ({1: 2.2}, 50), ({}, 1.2)], ids=["pause", "longer", "slow"]
)
def test_what_an_agent_holds_is_not_read_until_its_answer_ends(server, agents, pauses, pace):
    begun = time.time()
    server.commands = {
        ("cilium-a", "hubble"): dense(begun, pauses, pace),
        ("cilium-b", "hubble"): says(flow(1, at=begun)),
    }
    told = []
    reading = listen([], [agents], 4, told.append, threading.Event())
    (until,) = (span.until for span in reading.statuses[0].observed.spans if span.node == "n1")
    assert until == newest(told, begun - AGO / 2)
    assert "had been read only up to" in str(reading.failures[0])


def test_what_takes_long_is_asked_for_again_until_hardly_anything_came_meanwhile(server, agents, monkeypatch):
    monkeypatch.setattr("netsec_tui.sources.backlog._HARDLY_SECONDS", 0.5)
    begun, asked = time.time(), []

    def answer(handler):
        asked.append((time.time(), "--follow" in handler.words))
        handler._send(1, b"".join(flow(n, at=begun - AGO + n) for n in range(len(asked) + 1)))
        if asked[-1][1]:
            handler.server.over.wait()
        handler.server.over.wait(1.0 if len(asked) < 3 else 0)
        handler._end(SUCCESS)

    server.commands = {("cilium-a", "hubble"): answer}
    with following(agents) as collected:
        until(lambda: begun - 1 < collected.status.read_to <= asked[0][0])
        until(lambda: asked[-1][1] and not collected.status.read_to)
    assert [follows for _, follows in asked] == [False, False, False, True]
    assert [gap for gap in gaps(collected) if gap.node == "n1"] == []


def test_a_relay_that_breaks_off_within_its_history_has_been_read_only_so_far(monkeypatch):
    monkeypatch.setattr(retry, "FIRST_WAIT", 60.0)
    begun = time.time()
    with serving_hubble() as peer:
        peer.ring.extend(hubble_peer.flow(number, at=begun - AGO + number) for number in range(9))
        peer.breaks_after = 5
        with following(HubbleRelaySource(direct(peer))) as collected:
            collected.wait_for(lambda: bool(collected.status.error))
            status = collected.status
    told = max(one.time for one in collected.flows if isinstance(one, Flow))
    assert (status.observed.until, status.read_to) == (told, 0.0)
    (gap,) = gaps(collected)
    assert gap.time == told


def test_agents_that_have_told_all_they_hold_are_watched_until_the_end(server, agents):
    begun = time.time()
    server.commands = {(name, "hubble"): says(flow(1, at=begun - 60)) for name in ("cilium-a", "cilium-b")}
    told = []
    reading = listen([], [agents], 2.5, told.append, threading.Event())
    assert (reading.failures, lost(told)) == ((), [])
    assert reading.statuses[0].observed.until >= begun + 2


@pytest.mark.parametrize(("pause", "all_of_it"), [(0.002, True), (0.2, False)], ids=["some", "too much"])
def test_what_agents_have_said_by_the_end_is_handed_on_or_known_to_be_missing(
    server, agents, monkeypatch, pause, all_of_it
):
    """Who takes in slowly lets messages wait."""
    monkeypatch.setattr("netsec_tui.sources.hubble.agents._FLUSH_SECONDS", 0.0)

    def answer(handler):
        if "--follow" not in handler.words:
            handler._end(SUCCESS)
            return
        for number in range(100):
            handler._send(1, flow(number))
        handler.server.over.wait()

    server.commands = {("cilium-a", "hubble"): answer}
    stop, told, statuses = threading.Event(), [], []

    def emit(message):
        if not isinstance(message, FlowsRead):
            statuses.append(message)
            return
        told.append(message)
        if not stop.is_set():
            until(lambda: agents._told.qsize() >= 99)
            stop.set()
        time.sleep(pause)

    agents.follow(emit, stop)
    flows = sum(isinstance(flow, Flow) for read in told for flow in read.flows)
    assert (flows == 100, statuses[-1].read_to == 0.0) == (all_of_it, all_of_it)
    if not all_of_it:
        assert statuses[-1].read_to == newest(told, time.time())


def test_a_line_that_is_cut_off_by_the_end_is_no_line_that_cannot_be_read(server, agents):
    whole = flow(1)

    def answer(handler):
        handler._send(1, whole + flow(2)[:50])
        handler.server.over.wait()

    server.commands = {("cilium-a", "hubble"): answer}
    with following(agents) as collected:
        until(lambda: any(isinstance(one, Flow) for one in collected.flows))
    assert (collected.status.skipped, [gap for gap in gaps(collected) if "JSON" in gap.reason]) == (0, [])


def relayed(peer, seconds, told):
    return listen([], [HubbleRelaySource(direct(peer))], seconds, told.append, threading.Event())


def test_a_relay_that_has_not_told_what_is_kept_has_not_watched_until_the_end():
    begun = time.time()
    with serving_hubble() as peer:
        peer.nodes = {"n1": 1, "n2": 1}
        peer.keeps_back = True
        peer.first = hubble_peer.flow(9, at=begun)  # what comes from now on says nothing of what is kept
        told = []
        reading = relayed(peer, 2, told)
        (status,), (failure,), (gap,) = reading.statuses, reading.failures, lost(told)
        assert begun - 1 <= gap.time <= begun + 1
        assert "had been read only up to" in str(failure)
        assert all(0 < span.until <= begun + 1 for span in status.observed.spans)
        peer.keeps_back = False


def test_a_relay_that_has_told_all_is_watched_until_the_end():
    begun = time.time()
    with serving_hubble() as peer:
        peer.ring.extend([hubble_peer.flow(1, at=begun - AGO), hubble_peer.flow(2, at=begun - 60)])
        told = []
        reading = relayed(peer, 2, told)
        assert (reading.failures, lost(told)) == ((), [])
        assert reading.statuses[0].observed.until >= begun + 1.9


def test_a_node_that_left_the_cluster_and_comes_back_is_watched_anew():
    batch = Batch()
    batch.see({"n1": NODE_CONNECTED, "n2": NODE_CONNECTED})
    batch.take(hubble_peer.flow(1, at=time.time() - AGO))
    ((_, since, _),) = batch.spans.of(["n1"])
    batch.keep(["n2"])
    back = time.time()
    batch.keep(["n1", "n2"])
    batch.see({"n1": NODE_CONNECTED, "n2": NODE_CONNECTED})
    assert since < back - 1
    assert [span.since >= back for span in batch.spans.of(["n1"])] == [True]
    batch.resumed()
    assert batch.resume() == 0.0  # of neither node anything is known that it should tell again


def test_nodes_that_come_and_go_are_forgotten():
    batch = Batch()
    for number in range(200):
        batch.see({f"n{number}": NODE_CONNECTED})
        batch.take(hubble_peer.flow(1, node=f"n{number}"))
        batch.keep([f"n{number}"])
    assert [len(kept) for kept in (batch.nodes, batch.spans._spans, batch.progress._last)] == [1, 1, 1]
