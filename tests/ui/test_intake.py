"""What a feed has read goes into the session in steps, so that keys are answered between them."""

from dataclasses import replace

from netsec_tui.model.flow import Gap
from netsec_tui.model.observed import Observed
from netsec_tui.session.session import Options, Session
from netsec_tui.sources.contract import FlowsRead, SourceStatus
from netsec_tui.ui import intake as steps
from netsec_tui.ui.intake import Intake
from tests.core.traffic import IN, NOON, of, only, request, session
from tests.ui.test_contexts import GivenFeed


def test_a_step_ends_when_its_time_is_over_and_the_next_goes_on(monkeypatch):
    monkeypatch.setattr(steps, "DRAIN_SECONDS", 0.0)
    monkeypatch.setattr(steps, "MANY_FLOWS", 1)
    flows = [request(of("web"), of("api"), 80, time=NOON + n, origin="antrea") for n in range(3)]
    feed = GivenFeed(*(FlowsRead((flow,)) for flow in flows), FlowsRead((Gap(NOON, 4, "lost"),)))
    intake, seen = Intake(session(), feed), []
    while intake.empty():
        seen.append(only(intake.session, "Workload/api", IN).communication.counts.allowed)
    assert seen == [1, 2, 3, 3]  # the last is the step of the gap
    assert intake.session.lost == {"lost": 4}


def test_what_waits_when_a_cluster_is_left_is_kept(monkeypatch):
    monkeypatch.setattr(steps, "DRAIN_SECONDS", 0.0)
    monkeypatch.setattr(steps, "MANY_FLOWS", 1)
    flows = [request(of("web"), of("api"), 80, time=NOON + n, origin="antrea") for n in range(3)]
    intake = Intake(session(), GivenFeed(*(FlowsRead((flow,)) for flow in flows)))
    intake.leave()
    second = intake.again(GivenFeed())
    assert only(second.session, "Workload/api", IN).communication.counts.allowed == 3


def test_the_time_that_a_quiet_cluster_was_observed_goes_on_by_the_minute():
    clock = [NOON]
    told = Observed("antrea", NOON - 30)
    intake = Intake(
        Session(Options(live=True), lambda: clock[0]),
        GivenFeed(SourceStatus("antrea", True, observed=told)),
    )
    intake.empty()
    assert (intake.news(), intake.moved(), intake.moved()) == (True, True, False)
    clock[0] += 50
    assert not intake.moved()
    clock[0] += 10
    assert (intake.moved(), intake.moved(), intake.news()) == (True, False, False)
    assert intake.session.quality().covered == 90


def test_how_far_a_quiet_source_has_read_is_no_news():
    said = SourceStatus("conntrack", True, "1 flow", read_to=NOON, due=NOON + 10)
    intake = Intake(session(), GivenFeed(said))
    intake.empty()
    assert (intake.news(), intake.news()) == (True, False)
    on, more = replace(said, read_to=NOON + 5, due=NOON + 15), replace(said, detail="2 flows")
    for told, news in ((on, False), (more, True)):
        intake.statuses[told.source] = told
        assert intake.news() is news
