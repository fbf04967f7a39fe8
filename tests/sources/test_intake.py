"""What a source says of its own watch, by the flows that it hands on: each node since its first one."""

import time

import pytest

from netsec_tui.model.flow import Endpoint, Flow, Protocol, Verdict
from netsec_tui.sources.intake import Intake
from netsec_tui.sources.problem import Problem

HOUR = 3600.0


def flow(ago, node):
    ends = Endpoint(ip="10.0.0.1"), Endpoint(ip="10.0.0.2")
    return Flow(time.time() - ago, *ends, Protocol.TCP, 40000, 80, Verdict.FORWARDED, False, node=node)


def told(*flows, nodes=("n1", "n2"), **more):
    said = []
    intake = Intake("x", "netobserv", "a record", **more)
    intake.take(flows, said.append)
    intake.tell(said.append, "", nodes=frozenset(nodes))
    observed = said[-1].observed
    return observed, {span.node: time.time() - span.since for span in observed.spans}


def test_each_node_is_watched_since_its_first_flow():
    observed, ago = told(flow(13 * HOUR, "n2"), flow(20, "n1"), flow(10, "n1"))
    assert time.time() - observed.since == pytest.approx(13 * HOUR, abs=5)
    assert ago == {"n1": pytest.approx(20, abs=5), "n2": pytest.approx(13 * HOUR, abs=5)}


def test_a_flow_of_a_time_that_cannot_be_reaches_back_to_nothing():
    observed, ago = told(flow(time.time() - 5, "n1"), nodes=("n1",))
    assert observed.since > time.time() - 60
    assert ago["n1"] < 60


def test_what_is_read_remembers_no_more_than_it_keeps():
    observed, ago = told(flow(13 * HOUR, "n1"), nodes=("n1",), remembers=HOUR)
    assert time.time() - observed.since == pytest.approx(HOUR, abs=5)
    assert ago["n1"] == pytest.approx(HOUR, abs=5)


def test_each_gap_says_why_what_it_counts_could_not_be_read():
    said = []
    intake = Intake("x", "netobserv", "a record")
    for reason in ("no time", "no address\x1b"):
        intake.take([Problem(reason)], said.append)
    reasons = [gap.reason for message in said for gap in message.flows]
    assert reasons == ["a record: no time", "a record: no address\\x1b"]
    intake.tell(said.append, "")
    assert (said[-1].skipped, said[-1].detail) == (2, "no flow yet; a record: no address\\x1b")


def test_in_trouble_it_does_not_watch_until_all_is_well_again():
    said = []
    intake = Intake("x", "netobserv", "a record")
    intake.take([flow(60, "n1")], said.append)
    intake.tell(said.append, "")
    well = time.time()
    for trouble, ended in (("away", False), ("away", True)):
        intake.tell(said.append, "", trouble, ended=ended)
        assert 0 < said[-1].observed.until <= well
    intake.tell(said.append, "")
    assert said[-1].observed.until == 0.0


def test_one_that_has_ended_has_watched_until_then():
    said = []
    intake, before = Intake("x", "netobserv", "a record"), time.time()
    intake.tell(said.append, "", ended=True)
    assert before <= said[-1].observed.until <= time.time()


def test_one_that_was_never_well_has_watched_nothing():
    said = []
    Intake("x", "netobserv", "a record").tell(said.append, "", "away")
    assert said[-1].observed.until == said[-1].observed.since


@pytest.mark.parametrize(
    ("trouble", "every", "until", "due"),
    [("", 5.0, 0.0, 10.0), ("", 0.0, -300.0, None), ("away", 5.0, -300.0, 10.0)],
    ids=["asks now and then", "is behind", "in trouble"],
)
def test_until_when_all_was_read_ends_the_watch_of_who_is_behind(trouble, every, until, due):
    said, now = [], time.time()
    intake = Intake("x", "theia", "a row")
    intake.take([flow(600, "n1")], said.append)
    intake.tell(said.append, "", read_to=now - 300, every=every)
    intake.tell(said.append, "", trouble, read_to=now - 300, every=every)
    status = said[-1]
    assert status.read_to == now - 300
    assert status.observed.until == (pytest.approx(now + until, abs=5) if until else 0.0)
    assert status.due == (0.0 if due is None else pytest.approx(now + due, abs=5))


def test_what_is_of_a_time_that_is_not_read_in_full_does_not_count_as_watched():
    said = []
    intake = Intake("x", "netobserv", "a record")
    intake.complete_from(time.time() - 60)
    intake.take([flow(600, "n1")], said.append)
    intake.tell(said.append, "", nodes=frozenset({"n1"}))
    assert time.time() - said[-1].observed.since == pytest.approx(60, abs=5)
    assert time.time() - said[-1].observed.spans[0].since == pytest.approx(60, abs=5)


def test_of_a_quiet_stream_nothing_new_is_said():
    said = []
    intake = Intake("x", "antrea", "a record")
    intake.take([flow(60, "n1")], said.append)
    for _ in range(3):
        intake.tell(said.append, "1 flow")
    assert said[1] == said[2] == said[3]
    assert said[1].due == 0.0


def test_of_a_server_that_is_asked_it_is_said_by_when_it_is_to_answer():
    said = []
    Intake("x", "netobserv", "a record").tell(said.append, "", read_to=time.time(), every=5, meanwhile=30)
    assert said[0].due == pytest.approx(time.time() + 40, abs=5)
