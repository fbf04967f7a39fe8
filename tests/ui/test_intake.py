"""What a feed has read goes into the session in steps, so that keys are answered between them."""

import re
from dataclasses import replace

import pytest

from netsec_tui.model.flow import Gap
from netsec_tui.model.observed import Observed
from netsec_tui.session.session import Options, Session
from netsec_tui.sources.contract import FlowsRead, SourceStatus
from netsec_tui.ui import intake as steps
from netsec_tui.ui.app import NetsecApp
from netsec_tui.ui.intake import Intake
from netsec_tui.ui.start import StartScope
from tests.core.traffic import IN, NOON, of, only, request, session
from tests.ui.shop import (
    ALL,
    NEWEST,
    WIDE,
    Feed,
    app_over,
    cluster,
    read_all,
    screen_text,
    talk,
    traffic,
    until,
)
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


def test_nothing_more_is_taken_from_a_feed_before_what_it_gave_is_in(monkeypatch):
    monkeypatch.setattr(steps, "DRAIN_SECONDS", 0.0)
    monkeypatch.setattr(steps, "MANY_FLOWS", 1)
    flows = [request(of("web"), of("api"), 80, time=NOON + n, origin="antrea") for n in range(3)]

    class Counting(GivenFeed):
        drained = 0

        def drain(self, max_seconds):
            self.drained += 1
            return super().drain(max_seconds)

    feed, seen = Counting(*(FlowsRead((flow,)) for flow in flows)), []
    intake = Intake(session(), feed)
    while intake.empty():
        seen.append(feed.drained)
    assert seen == [1, 1, 1]


def told(source, **more):
    return SourceStatus(source, True, **more)


def one_flow():
    return FlowsRead((request(of("web"), of("api"), 80, time=NOON, origin="antrea"),))


@pytest.mark.parametrize(
    "before",
    [
        (),  # none has told a flow
        (one_flow(), told("antrea", read_to=NOON)),
        (one_flow(), SourceStatus("antrea", live=False)),  # has told nothing yet
        (one_flow(), told("antrea"), SourceStatus("flows.json", live=False, detail="3 flows")),
        (one_flow(),) * steps.MANY_FLOWS,
    ],
)
def test_a_feed_begins_until_its_sources_have_told_what_was_before(before):
    feed = GivenFeed(*before)
    intake = Intake(session(), feed)
    intake.empty()
    intake.news()
    assert intake.beginning
    feed._messages = (one_flow(), told("antrea"), SourceStatus("flows.json", live=False, ended=True))
    intake.empty()
    assert intake.news()
    assert not intake.beginning
    feed._messages = (told("antrea", read_to=NOON), *(one_flow(),) * steps.MANY_FLOWS)
    intake.empty()
    intake.news()
    assert not intake.beginning  # what comes after a break, or in a burst, is new


@pytest.mark.parametrize(
    "after", [told("antrea", read_to=NOON, due=NOON + 30), told("antrea", error="lost"), told("antrea")]
)
def test_a_source_that_asks_again_and_again_or_fails_is_not_waited_for(after):
    intake = Intake(session(), GivenFeed(one_flow(), after))
    intake.empty()
    intake.news()
    assert not intake.beginning


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


async def test_what_is_read_of_before_is_not_new_on_the_screen_and_what_comes_then_is():
    def calls(*addresses):
        return FlowsRead(tuple(flow for address in addresses for flow in talk(address, "checkout", 8080)))

    behind = told("hubble", read_to=NEWEST - 60)
    feed = Feed(cluster(), calls("198.51.100.2", "198.51.100.3"), behind)
    app = app_over(feed, StartScope("shop", "Deployment", "checkout", ALL))
    async with app.run_test(size=WIDE) as pilot:
        for message, status, expected in (
            (calls("198.51.100.1"), behind, ["2", "3", "1"]),
            (calls("198.51.100.4"), told("hubble"), ["1", "2", "3", "4"]),
            (calls("198.51.100.0"), told("hubble"), ["1", "2", "3", "4", "0"]),
        ):
            await read_all(feed, pilot)
            feed.waiting += [message, status]
            await read_all(feed, pilot)
            await until(pilot, lambda wanted=expected: addresses(app) == wanted)
            assert ("+1 new" in screen_text(app)) == (expected[-1] == "0")


async def test_the_time_that_a_quiet_cluster_was_observed_goes_on_on_the_screen():
    clock = [NEWEST]
    watching = told("hubble", observed=Observed("hubble", NEWEST - 12_000))
    flows = tuple(replace(flow, origin="hubble") for flow in traffic())
    kept = Session(Options(cluster="kind-shop", live=True), now=lambda: clock[0])
    start = StartScope("shop", "Deployment", "checkout", ALL)
    app = NetsecApp(kept, Feed(cluster(), FlowsRead(flows), watching), start=start)
    async with app.run_test(size=WIDE) as pilot:
        for minutes in (10, 15, 20):  # the choice of the workload is news for one look more
            await until(pilot, lambda said=f"all, 3 h {minutes} min seen": said in screen_text(app))
            clock[0] += 300


def addresses(app):
    return re.findall(r"198\.51\.100\.(\d)", screen_text(app).split("Topology")[0])
