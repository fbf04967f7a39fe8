"""From when on flows are asked for again after a break, and which holes that leaves, by made-up replies."""

import time

import pytest

from netsec_tui.sources.hubble import relay_progress
from netsec_tui.sources.hubble.messages import HubbleMessageDecoder
from netsec_tui.sources.hubble.relay_progress import MARGIN_SECONDS, Progress
from tests.sources.hubble.hubble_peer import flow

NOW = time.time()
BEGUN = NOW - 600


def progress(*replies):
    """Return how far replies have got that came before a break."""
    made, decode = Progress(), HubbleMessageDecoder().decode
    made.resume((), NOW)
    made.resumed(NOW)
    for reply in replies:
        assert made.is_new(reply)
        made.take(decode(reply))
    return made


@pytest.mark.parametrize(
    ("replies", "reporting", "since"),
    [
        ([], ["n1"], 0.0),
        ([flow(at=BEGUN)], ["n1"], BEGUN - MARGIN_SECONDS),
        ([flow(at=BEGUN), flow(node="n2", at=BEGUN - 9)], ["n1", "n2"], BEGUN - 9 - MARGIN_SECONDS),
        ([flow(at=BEGUN), flow(node="n2", at=BEGUN - 9)], ["n1"], BEGUN - MARGIN_SECONDS),
        ([flow(at=BEGUN), flow(node="n2", at=BEGUN - 9)], [], 0.0),
        # Old agents name no node; where clocks are ahead, others may have seen flows before that.
        ([flow(node="", at=BEGUN)], [], BEGUN - MARGIN_SECONDS),
        ([flow(at=NOW + 90)], ["n1"], NOW - MARGIN_SECONDS),
    ],
    ids=["nothing", "one", "two", "one of two reports", "none reports", "old agent", "clock ahead"],
)
def test_flows_are_asked_for_from_where_the_slowest_node_has_got_to(replies, reporting, since):
    assert progress(*replies).resume(reporting, NOW) == pytest.approx(since, abs=0.001)


@pytest.mark.parametrize(("again", "holes"), [(["last"], 0), (["late"], 1), (["later"], 1), ([], 1)])
def test_only_what_has_come_before_shows_that_nothing_was_overwritten(again, holes):
    replies = {"last": flow(at=BEGUN), "late": flow(at=BEGUN - 1), "later": flow(at=BEGUN + 1)}
    made = progress(replies["last"])
    made.resume(["n1"], NOW)
    for name in again:
        assert made.is_new(replies[name]) is (name != "last")
    assert len(made.resumed(NOW)) == holes


def test_a_node_that_leaves_while_it_is_asked_for_has_its_hole():
    made = progress(flow(at=BEGUN), flow(node="n2", at=BEGUN))
    made.resume(["n1", "n2"], NOW)
    made.keep(["n1"])
    assert {gap.node for gap in made.resumed(NOW)} == {"n1", "n2"}


def test_nothing_is_taken_for_forgotten_while_all_is_remembered(monkeypatch):
    monkeypatch.setattr(relay_progress, "REMEMBERED", 40)
    monkeypatch.setattr(relay_progress, "_MARKS", 10)
    made = progress(*(flow(at=BEGUN + number) for number in range(20)))
    made.resume(["n1"], NOW)
    assert made.is_new(flow(at=BEGUN + 5))


def nameless(at=BEGUN, node="n1", **more):
    """Return a reply with a flow of an old agent's: no uuid, and ``told`` says what names time and node."""
    told = more.pop("told", "flow")
    reply = flow(at=at, node=node, uuid="", **more)
    if told == "reply":
        reply.time.CopyFrom(reply.flow.time)
        reply.flow.ClearField("time")
        reply.flow.node_name = ""
    else:
        reply.node_name = "relay"
        reply.time.seconds = int(NOW)
    return reply


@pytest.mark.parametrize("told", ["flow", "reply"])
@pytest.mark.parametrize(
    ("other", "new"),
    [
        ({}, False),
        ({"at": BEGUN + 1}, True),
        ({"at": BEGUN + 0.5}, True),
        ({"node": "n2"}, True),
        ({"port": 1}, True),
    ],
)
def test_flows_without_a_uuid_are_told_apart_by_their_time_node_and_ports(told, other, new):
    assert progress(nameless(told=told)).is_new(nameless(told=told, **other)) is new


def test_a_node_that_has_told_nothing_yet_can_be_held():
    made = progress(flow(at=BEGUN))
    made.hold("n2")
    made.hold("n1")
    made.take(HubbleMessageDecoder().decode(flow(at=BEGUN + 60)))
    assert made.resume(["n1", "n2"], NOW) == pytest.approx(BEGUN - MARGIN_SECONDS, abs=0.001)
    assert [(gap.node, gap.time) for gap in made.resumed(NOW)] == [("n1", pytest.approx(BEGUN, abs=0.001))]
