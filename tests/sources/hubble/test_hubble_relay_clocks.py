"""Reading on after a break while the clocks of nodes differ: no flow is lost unsaid, none counts twice."""

import time

import pytest

from netsec_tui.sources.hubble import relay_progress as hubble_relay_progress
from netsec_tui.sources.hubble.relay import HubbleRelaySource
from tests.sources.collected import following, gaps, read
from tests.sources.hubble.hubble_access import direct, ports
from tests.sources.hubble.hubble_peer import flow
from tests.sources.waiting import until

DAY = 86_400.0


pytestmark = pytest.mark.usefixtures("quick_relay")


def sorted_ports(collected):
    return sorted(ports(collected))


def caught_up(peer, collected, number):
    """Wait until the source follows and has read what was there so many times."""
    until(lambda: peer.following)
    collected.wait_for(lambda: sum(not request.follow for request in peer.requests) >= number)
    collected.wait_for(lambda: collected.status.observed is not None and not collected.status.error)


def over_a_break(peer, source, before, during):
    """Return what a source collects of flows before a break and during it."""
    with following(source) as collected:
        peer.ring.extend(before)
        caught_up(peer, collected, 1)
        collected.wait_for(lambda: len(ports(collected)) >= len(before))
        peer.kill()
        peer.ring.extend(during)
        peer.start()
        caught_up(peer, collected, 2)
        until(lambda: peer.following)
        peer.tell(flow(9_999, at=time.time() + 0.5))
        collected.wait_for(lambda: 9_999 in ports(collected))
    return collected


@pytest.mark.parametrize(
    "ahead",
    [
        {"a": 0, "b": 0, "c": 0},
        {"a": 90, "b": 0, "c": 0},
        {"a": 0, "b": -90, "c": 0},
        {"a": 100, "b": -100, "c": 0},
        {"a": 0, "b": -DAY, "c": 0},
        {"a": DAY, "b": 0, "c": 0},
    ],
    ids=str,
)
def test_a_break_loses_nothing_whatever_the_clocks(peer, source, ahead):
    now = time.time()
    peer.nodes = dict.fromkeys(ahead, 1)

    def seen(first, seconds):
        return [
            flow(first + 100 * n + s, node=node, at=now + s + skew)
            for s in seconds
            for n, (node, skew) in enumerate(ahead.items())
        ]

    before, during = seen(1_000, range(-60, -30)), seen(2_000, range(-30, 0))
    peer.ring.extend(before)
    collected = over_a_break(peer, source, [], during)
    told = sorted(r.flow.l4.TCP.destination_port for r in (*before, *during))
    assert sorted_ports(collected) == [*told, 9_999]
    assert gaps(collected) == []


def test_one_flow_from_the_future_does_not_move_what_is_asked_for(peer, source):
    now = time.time()
    before = [flow(1, at=now - 60), flow(2, node="n2", at=now + 10 * 365 * DAY)]
    peer.nodes = {"n1": 1, "n2": 1}
    collected = over_a_break(peer, source, before, [flow(3, at=now - 20), flow(4, node="n2", at=now - 20)])
    assert sorted_ports(collected) == [1, 2, 3, 4, 9_999]


def test_a_flow_of_1970_is_not_since_when_it_is_watched(peer, source):
    peer.ring.extend([flow(1, at=1.5), flow(2)])
    collected = read(source)
    assert sorted_ports(collected) == [1, 2]
    assert collected.status.observed.since > time.time() - 60


def test_a_lagging_node_loses_nothing_when_much_is_forgotten(peer, monkeypatch):
    monkeypatch.setattr(hubble_relay_progress, "REMEMBERED", 40)
    monkeypatch.setattr(hubble_relay_progress, "_MARKS", 10)
    source = HubbleRelaySource(direct(peer))
    now = time.time()
    peer.nodes = {"n1": 1, "slow": 1}
    before = [flow(n, at=now - 60 + n / 10) for n in range(1, 201)]
    before.insert(0, flow(500, node="slow", at=now - 150))
    collected = over_a_break(
        peer, source, before, [flow(501, node="slow", at=now - 120), flow(502, at=now - 10)]
    )
    assert sorted_ports(collected) == [*range(1, 201), 500, 501, 502, 9_999]
    assert gaps(collected) == []


def test_what_comes_after_a_break_alone_leaves_the_hole_before_it(peer, source):
    """The first flow of the new stream is in the buffer too, and comes a second time from there."""
    now = time.time()
    peer.alone = True
    peer.ring.append(flow(1, at=now - 100))
    with following(source) as collected:
        caught_up(peer, collected, 1)
        collected.wait_for(lambda: 1 in ports(collected))
        peer.kill()
        peer.ring.clear()
        peer.first = flow(2)
        peer.ring.append(peer.first)
        peer.start()
        collected.wait_for(lambda: 2 in ports(collected))
        collected.wait_for(lambda: bool(gaps(collected)))
    assert [gap.node for gap in gaps(collected)] == ["n1"]
    assert sorted_ports(collected) == [1, 2]


def test_a_node_that_is_away_is_asked_for_all_since_when_it_is_back(peer, source):
    """Its first flow comes by the stream before anybody has told that it is back."""
    now = time.time()
    peer.nodes = {"n1": 1, "n2": 1}
    peer.ring.extend([flow(1), flow(2, node="n2", at=now - 90)])
    with following(source) as collected:
        caught_up(peer, collected, 1)
        collected.wait_for(lambda: len(ports(collected)) == 2)
        peer.nodes = {"n1": 1, "n2": 2}
        collected.wait_for(lambda: collected.status.observed.nodes == frozenset({"n1"}))
        peer.ring.append(flow(3, node="n2", at=now - 50))
        peer.tell(flow(4, node="n2"))
        collected.wait_for(lambda: 4 in ports(collected))
        peer.nodes = {"n1": 1, "n2": 1}
        collected.wait_for(lambda: 3 in ports(collected))
    assert sorted_ports(collected) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "change",
    [
        lambda reply: setattr(reply.flow, "node_name", "n2"),
        lambda reply: setattr(reply.flow, "verdict", 2),
        lambda reply: setattr(reply.flow.is_reply, "value", True),
        lambda reply: setattr(reply.flow, "destination", b""),
    ],
    ids=["node", "verdict", "answer", "pod"],
)
def test_flows_of_old_agents_that_differ_are_two(peer, source, change):
    one, same, other = (flow(7, uuid="", at=1_790_000_000.5) for _ in range(3))
    change(other)
    peer.nodes = {"n1": 1, "n2": 1}
    peer.ring.extend([one, same, other])
    assert sorted_ports(read(source)) == [7, 7]
