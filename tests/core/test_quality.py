"""How good an observation is, from what sources say of themselves, else from their flows."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.core.quality import covered_seconds
from netsec_tui.model.flow import Gap
from netsec_tui.model.losses import Losses
from netsec_tui.model.observed import NodeSpan, Observed
from netsec_tui.model.quality import Lost, Quality, Watched
from netsec_tui.model.timespan import TIMESPANS, Window
from tests.core.traffic import (
    NOON,
    cluster_node,
    of,
    pod,
    request,
    review,
    session,
    workload,
)

HOUR = 3600.0
WEB, API = of("web"), of("api")
GAPS = st.builds(
    Gap,
    st.integers(0, 300).map(lambda second: NOON + second),
    st.integers(1, 9),
    st.sampled_from(("lost", "unread")),
    st.sampled_from(("", "n1", "n2")),
    st.sampled_from(("", "hubble", "hubble-exec")),
)


def told(made, *observed):
    made.set_observed(observed)
    return made


def flow(after=0.0, **rest):
    return request(WEB, API, 8080, time=NOON + after, **{"origin": "hubble", **rest})


class TestCovered:
    def test_watching_three_hours_counts_three_though_the_last_flow_was_an_hour_ago(self):
        made = told(session([flow(HOUR)], now=NOON + 3 * HOUR, live=True), Observed("hubble", NOON))
        found = review(made, "Workload/web")
        assert (found.coverage.covered, found.quality.covered) == (3 * HOUR, 3 * HOUR)

    def test_a_file_covers_from_its_first_flow_to_its_last(self):
        assert review(session([flow(), flow(HOUR)]), "Workload/web").quality.covered == HOUR

    def test_a_source_that_has_ended_covers_no_more(self):
        ended = Observed("hubble", NOON, NOON + HOUR)
        made = told(session([flow()], now=NOON + 3 * HOUR, live=True), ended)
        assert made.quality().covered == HOUR

    def test_sources_that_watch_at_once_cover_their_time_once(self):
        made = told(
            session([], now=NOON + 4 * HOUR, live=True),
            Observed("hubble", NOON, NOON + 2 * HOUR),
            Observed("conntrack", NOON + HOUR, NOON + 3 * HOUR),
        )
        assert made.quality().covered == 3 * HOUR

    def test_a_source_that_begins_again_has_not_watched_in_between(self):
        now = [NOON]
        made = session([], live=True)
        made._now = lambda: now[0]
        told(made, Observed("hubble", NOON))
        now[0] = NOON + HOUR
        told(made)  # it says no more
        now[0] = NOON + 5 * HOUR
        told(made, Observed("hubble", NOON + 5 * HOUR))
        now[0] = NOON + 6 * HOUR
        assert made.quality().covered == 2 * HOUR

    def test_older_flows_of_the_same_kind_cover_their_own_time(self):
        made = session([flow(), flow(600), flow(5 * HOUR)], now=NOON + 5 * HOUR, live=True)
        told(made, Observed("hubble", NOON + 4 * HOUR))
        assert made.quality().covered == pytest.approx(HOUR + 660, abs=60)

    def test_it_is_cut_to_the_window(self):
        made = told(session([], span=1, now=NOON + 3 * HOUR, live=True), Observed("hubble", NOON))
        assert made.quality().covered == pytest.approx(HOUR, abs=60)
        assert made.quality().covers

    @given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), max_size=6))
    def test_the_union_is_what_counting_seconds_gives(self, spans):
        window = Window(50, 250)
        sources = [Watched("x", min(pair), max(pair) or 300.0) for pair in spans]
        seconds = {s for one in sources for s in range(int(one.since), int(one.until)) if 50 <= s < 250}
        assert covered_seconds(window, 300, sources) == len(seconds)


class TestNodes:
    STATE = (cluster_node("n1", "172.18.0.2"), cluster_node("n2", "172.18.0.3"))

    def test_those_that_do_not_report_are_named(self):
        made = told(session([], self.STATE, live=True), Observed("hubble", NOON, nodes=frozenset({"n1"})))
        found = made.quality()
        assert (found.nodes, found.present, found.missing) == (("n1",), ("n1", "n2"), ("n2",))

    def test_of_a_file_they_are_those_that_flows_name_without_the_cluster(self):
        found = session([flow(node="prod/n1"), flow(node="prod/n2")], self.STATE).quality()
        assert (found.nodes, found.missing) == (("n1", "n2"), ())
        assert not found.sources[0].told

    def test_of_some_they_are_those_that_told_of_flows_in_the_window(self):
        spans = (NodeSpan("n1", NOON), NodeSpan("n2", NOON, NOON + 60))
        both = frozenset({"n1", "n2"})
        one = Observed("netobserv", NOON, nodes=both, spans=spans)
        for span, missing in ((-1, ()), (1, ("n2",))):
            found = told(session([], self.STATE, span=span, now=NOON + 3 * HOUR, live=True), one).quality()
            assert (found.nodes_by_flows, found.missing) == (True, missing)
        beside = told(session([], self.STATE, live=True), one, replace(one, origin="conntrack"))
        assert not beside.quality().nodes_by_flows

    def test_two_sources_add_up(self):
        both = [Observed(o, NOON, nodes=frozenset({n})) for o, n in (("hubble", "n1"), ("conntrack", "n2"))]
        assert told(session([], self.STATE, live=True), *both).quality().missing == ()

    def test_who_watches_now_says_which_nodes_report(self):
        now = [NOON]
        made = session([], self.STATE, live=True)
        made._now = lambda: now[0]
        told(made, Observed("hubble", NOON, nodes=frozenset({"n1", "n2"})))
        now[0] = NOON + 60
        told(made)  # another cluster is looked at
        assert made.quality().nodes == ("n1", "n2")
        now[0] = NOON + 120
        told(made, Observed("hubble", NOON + 120, nodes=frozenset({"n1"}), idle=3))
        found = made.quality()
        assert (found.nodes, found.missing, found.idle) == (("n1",), ("n2",), 3)
        assert [(one.since, one.until) for one in found.sources] == [(NOON, NOON + 60), (NOON + 120, 0.0)]

    def test_what_is_not_told_is_not_believed(self):
        found = told(session([], self.STATE, live=True), Observed("goldmane", NOON)).quality()
        assert found.nodes is None
        assert found.missing == ()
        assert not found.nothing_known_missing


class TestTheNodeWatchedLeast:
    STATE = TestNodes.STATE

    def spans(self, *each):
        return tuple(NodeSpan(node, NOON + a, NOON + b if b else 0.0) for node, a, b in each)

    def live(self, *each, state=STATE):
        nodes = frozenset(node for node, _, _ in each)
        made = session([], state, now=NOON + 13 * HOUR, live=True)
        return told(made, Observed("hubble", NOON, nodes=nodes, spans=self.spans(*each))).quality()

    def test_it_is_what_counts(self):
        found = self.live(("n1", 13 * HOUR - 20, 0), ("n2", 0, 0))
        assert (found.covered, found.by_node) == (20, (("n1", 20), ("n2", 13 * HOUR)))
        assert (found.watched_less, found.covers, found.missing) == ((("n1", 20),), False, ())

    def test_a_node_without_a_span_of_its_own_was_watched_all_the_time(self):
        made = session([], self.STATE, now=NOON + 2 * HOUR, live=True)
        both = frozenset({"n1", "n2"})
        one = Observed("hubble", NOON, nodes=both, spans=self.spans(("n1", HOUR, 0)))
        assert told(made, one).quality().by_node == (("n1", HOUR), ("n2", 2 * HOUR))

    def test_one_that_is_there_no_more_does_not_count(self):
        assert self.live(("n1", 0, 0), ("n2", 0, 0), ("gone", 0, 60)).covered == 13 * HOUR
        assert self.live(("n1", 0, 0), ("gone", 0, 60), state=()).covered == 60

    def test_a_time_in_which_it_was_away_does_not_count(self):
        found = self.live(("n1", 0, HOUR), ("n1", 3 * HOUR, 0), ("n2", 0, 0))
        assert found.by_node == (("n1", 11 * HOUR), ("n2", 13 * HOUR))
        assert (found.nodes, found.covers) == (("n1", "n2"), False)

    def test_one_that_is_away_now_reports_no_more(self):
        made = session([], self.STATE, now=NOON + 2 * HOUR, live=True)
        spans = self.spans(("n1", 0, HOUR), ("n2", 0, 0))
        found = told(made, Observed("hubble", NOON, nodes=frozenset({"n2"}), spans=spans)).quality()
        assert (found.nodes, found.missing, found.by_node) == (("n2",), ("n1",), (("n2", 2 * HOUR),))

    def test_once_all_are_away_none_reports_and_what_was_watched_before_counts(self):
        made = session([], self.STATE, now=NOON + 9 * HOUR, live=True)
        spans = self.spans(("n1", 0, HOUR), ("n1", 3 * HOUR, 4 * HOUR), ("n2", 0, 4 * HOUR))
        away = Observed("hubble-exec", NOON, NOON + 4 * HOUR, frozenset(), spans=spans)
        found = told(made, away).quality()
        assert (found.nodes, found.missing, found.covered) == ((), ("n1", "n2"), 2 * HOUR)

    @pytest.mark.parametrize(("live", "ended"), [(True, False), (True, True), (False, True)])
    @pytest.mark.parametrize(("span", "covered"), [(-1, 2 * HOUR), (2, 0), (3, 2 * HOUR)])
    def test_while_all_are_away_nobody_watches_though_the_source_goes_on(self, live, ended, span, covered):
        end = NOON + 15 * HOUR
        made = session([] if live else [flow(15 * HOUR)], self.STATE, span=span, now=end, live=live)
        spans = self.spans(("n1", 0, 2 * HOUR), ("n2", 0, 2 * HOUR))
        away = Observed("hubble", NOON, end if ended else 0.0, frozenset(), spans=spans)
        found = told(made, away).quality()
        assert (found.nodes, found.covered, found.covers) == ((), covered, False)
        (hole,) = found.lost
        assert hole.reason.startswith("nobody watched ")

    def test_a_source_that_never_watched_a_node_covers_nothing(self):
        made = session([], self.STATE, now=NOON + HOUR, live=True)
        assert told(made, Observed("hubble", NOON, nodes=frozenset())).quality().covered == 0

    def test_what_others_watched_before_counts_while_who_watches_now_has_no_node(self):
        made = session([], self.STATE, now=NOON + 3 * HOUR, live=True)
        before = Observed("conntrack", NOON, NOON + HOUR, frozenset({"n1", "n2"}))
        ahead = Observed("conntrack", NOON + 2 * HOUR, nodes=frozenset())
        assert told(made, before, ahead).quality().covered == HOUR

    def test_what_several_sources_watched_of_it_adds_up(self):
        made = session([], self.STATE, now=NOON + 3 * HOUR, live=True)
        first = Observed("hubble", NOON, NOON + HOUR, frozenset({"n1"}))
        then = Observed("hubble", NOON + HOUR, nodes=frozenset({"n1", "n2"}))
        assert told(made, first, then).quality().by_node == (("n1", 3 * HOUR), ("n2", 2 * HOUR))

    def test_a_source_that_tells_no_node_watches_all(self):
        made = session([], self.STATE, now=NOON + 3 * HOUR, live=True)
        some = Observed("hubble", NOON + 2 * HOUR, nodes=frozenset({"n1", "n2"}))
        assert told(made, some, Observed("goldmane", NOON)).quality().covered == 3 * HOUR

    def test_of_flows_it_is_from_the_first_to_the_last_of_each_node(self):
        flows = [flow(node="n1"), flow(13 * HOUR, node="n1"), flow(node="n2"), flow(HOUR, node="n2")]
        found = session(flows, self.STATE).quality()
        assert found.by_node == (("n1", 13 * HOUR), ("n2", HOUR))
        assert not found.covers
        recent = session(flows, self.STATE, span=1).quality()
        assert (recent.covered, recent.missing) == (HOUR, ("n2",))


class TestFiles:
    """What files say of themselves: from the first flow to the last, each of them."""

    def file(self, since, until, origin="hubble", **rest):
        return Observed(origin, NOON + since, NOON + until, by_flows=True, **rest)

    def found(self, *files, flows=None):
        ends = {at - NOON for one in files for at in (one.since, one.until)}
        flows = [flow(at, origin=files[0].origin) for at in sorted(ends)] if flows is None else flows
        return told(session(flows), *files).quality()

    def test_nobody_watched_between_two_that_do_not_touch(self):
        found = self.found(self.file(0, 3), self.file(13 * HOUR, 13 * HOUR + 3))
        assert found.covered == 6
        (lost,) = found.lost
        assert lost.reason.startswith("nobody watched from ")
        assert [one.told for one in found.sources] == [False, False]

    BOTH = frozenset({"n1", "n2"})
    WHOLE = tuple(NodeSpan(node, NOON, NOON + 13 * HOUR) for node in ("n1", "n2"))

    @pytest.mark.parametrize(
        ("one", "by_flows"),
        [
            (None, 13 * HOUR),
            (Observed("hubble", NOON, NOON + 13 * HOUR, BOTH, spans=WHOLE, by_flows=True), 13 * HOUR),
            (Observed("netobserv", NOON, NOON + 13 * HOUR, BOTH, spans=WHOLE), 13 * HOUR),
            (Observed("hubble", NOON, NOON + 13 * HOUR, BOTH), 0),
        ],
        ids=["nothing said", "file", "nodes by flows", "said by the source"],
    )
    def test_of_a_hole_within_flows_alone_nobody_knows_whether_it_was_watched(self, one, by_flows):
        origin = one.origin if one else "hubble"
        flows = [flow(at, node=node, origin=origin) for at in (0, 13 * HOUR) for node in self.BOTH]
        found = told(session(flows, TestNodes.STATE), *filter(None, (one,))).quality()
        assert (found.nodes, found.missing) == (("n1", "n2"), ())
        assert (found.covered, found.by_flows, found.covers) == (13 * HOUR, by_flows, not by_flows)
        assert found.nothing_known_missing is not bool(by_flows)

    def test_what_a_source_says_of_itself_counts_beside_what_flows_tell(self):
        file = self.file(0, 13 * HOUR, nodes=self.BOTH, spans=self.WHOLE)
        for nodes, by_flows in ((self.BOTH, HOUR), (frozenset({"n1"}), 13 * HOUR)):
            made = session([flow(), flow(13 * HOUR)], TestNodes.STATE)
            found = told(made, file, Observed("conntrack", NOON, NOON + 12 * HOUR, nodes)).quality()
            assert (found.covered, found.by_flows) == (13 * HOUR, by_flows)
            assert found.covers is (by_flows == HOUR)

    def test_those_of_a_log_that_is_rotated_touch(self):
        found = self.found(self.file(0, HOUR), self.file(HOUR + 30, 2 * HOUR))
        assert (found.covered, found.lost, len(found.sources)) == (2 * HOUR, (), 1)

    def test_of_two_that_begin_alike_the_longer_counts_whatever_the_order(self):
        short, long = self.file(0, 3), self.file(0, HOUR)
        assert self.found(short, long).covered == self.found(long, short).covered == HOUR

    def test_a_table_is_an_instant_however_old_its_connections(self):
        old = [flow(-5 * HOUR, origin="conntrack"), flow(0, origin="conntrack")]
        assert self.found(self.file(0, 0, "conntrack"), flows=old).covered == 0

    @pytest.mark.parametrize("how", ["one first", "other first", "left and returned to"])
    def test_of_two_watches_that_begin_alike_each_says_what_it_watched(self, how):
        """The oldest flow of a quiet node may be the same in both."""
        both, now = frozenset({"n1", "n2"}), [NOON + 2 * HOUR]
        made = session([], TestNodes.STATE, live=True)
        made._now = lambda: now[0]
        one, other = (
            Observed("hubble", NOON, NOON + until, both, spans=(NodeSpan("n2", NOON + since),))
            for since, until in ((HOUR, 2 * HOUR), (3 * HOUR, 14 * HOUR))
        )
        if how == "left and returned to":
            told(told(made, replace(one, until=0.0)))
        now[0] = other.until
        at_once = {"one first": (one, other), "other first": (other, one)}
        found = told(made, *at_once.get(how, (replace(other, until=0.0),))).quality()
        assert found.by_node == (("n1", 14 * HOUR), ("n2", 12 * HOUR))
        (hole,) = found.lost
        assert hole.reason.startswith("nobody watched n2 from ")

    def test_a_watch_that_is_told_again_is_one(self):
        made = session([], now=NOON + 60, live=True)
        spans = (NodeSpan("n1", NOON, NOON + 10), NodeSpan("n1", NOON + 20))
        away = Observed("hubble", NOON, NOON + 10, frozenset(), spans=spans[:1])
        both = frozenset({"n1", "n2"})
        back = Observed("hubble", NOON, nodes=both, spans=(*spans, NodeSpan("n2", NOON + 20)))
        told(told(told(made, away), back), replace(back, until=NOON + 30))
        assert told(made, replace(back, idle=2))._record.observed == (replace(back, idle=2),)

    def test_a_pipe_that_goes_on_says_so_again(self):
        made = session([flow(), flow(HOUR)])
        for until in (60, HOUR):
            told(made, self.file(0 if until == HOUR else 5, until, sampling=int(until == HOUR)))
        (source,) = made.quality().sources
        assert (made.quality().covered, source.sampling) == (HOUR, 1)


class TestOneForEachKind:
    def test_who_finds_older_flows_has_not_begun_again(self):
        made = told(session([], now=NOON, live=True), Observed("hubble", NOON))
        told(made, Observed("hubble", NOON - 5, nodes=frozenset({"n1"})))
        (found,) = made.quality().sources
        assert (found.since, found.until, found.nodes) == (NOON - 5, 0.0, ("n1",))

    @pytest.mark.parametrize(
        ("spans", "expected"),
        [
            ([(0, 10), (5, 30)], [(0, 30)]),
            ([(0, 30), (5, 10)], [(0, 30)]),
            ([(0, 10), (10, 30)], [(0, 30)]),
            ([(0, 10), (10, 0)], [(0, 0)]),
            ([(0, 10), (20, 30)], [(0, 10), (20, 30)]),
            ([(0, 40), (5, 10), (20, 30)], [(0, 40)]),
        ],
    )
    def test_what_was_watched_without_a_hole_is_one(self, spans, expected):
        made = session([], now=NOON + 60, live=True)
        ended = [Observed("hubble", NOON + a, NOON + b if b else 0.0, idle=2) for a, b in spans]
        found = told(made, *ended, Observed("conntrack", NOON)).quality()
        told_of = [one for one in found.sources if one.origin == "hubble"]
        assert [(one.since - NOON, one.until and one.until - NOON) for one in told_of] == expected
        assert {one.idle for one in told_of} == {2}

    def test_the_worst_of_those_is_what_is_told(self):
        one, other = (
            Observed("netobserv", NOON, NOON + 9, frozenset({"n1"}), sampling=50),
            Observed("netobserv", NOON + 1, NOON + 8, frozenset({"n2"}), sampling=1, addresses=False),
        )
        (found,) = told(session([], now=NOON + 60, live=True), one, other).quality().sources
        assert (found.sampling, found.addresses, found.nodes) == (50, False, ("n1", "n2"))


class TestLost:
    def test_losses_in_the_window_count_by_reason_the_most_first(self):
        gaps = [Gap(NOON, 2, "a"), Gap(NOON + 1, 3, "b"), Gap(NOON + 2, 2, "b"), Gap(NOON - 9 * HOUR, 9, "c")]
        found = session([*gaps, flow(5)], span=1).quality()
        assert found.lost == (Lost("b", 5), Lost("a", 2))
        warnings = review(session([*gaps, flow(5)], span=1), "Workload/web").warnings
        assert [text for text in warnings if text.startswith("7 events or lines were lost")]

    @pytest.mark.parametrize("order", [1, -1])
    def test_what_is_lost_after_the_last_flow_of_a_file_counts_too(self, order):
        told = [flow(5), Gap(NOON + 32, 50_000, "lost", "n1"), Gap(NOON + 40, 0, "node n2 cannot be reached")]
        found = session(told[::order], span=1).quality()
        assert found.lost == (Lost("lost", 50_000), Lost("node n2 cannot be reached", 0))

    def test_what_two_sources_tell_of_one_agent_counts_once_by_the_one_that_tells_more(self):
        gaps = [
            Gap(NOON, 5, "lost", "n1", "hubble"),
            Gap(NOON + 1, 4, "lost", "n1", "hubble"),
            Gap(NOON, 7, "lost", "n1", "hubble-exec"),
            Gap(NOON, 2, "lost", "n2", "hubble-exec"),
            Gap(NOON, 1, "lost"),
            Gap(NOON + 2, 1, "lost"),
        ]
        made = session([*gaps, flow(5)], span=1)
        assert made.quality().lost == (Lost("lost", 9 + 2 + 2),)
        assert made.lost == {"lost": 13}

    @given(st.lists(GAPS))
    def test_what_was_lost_in_each_minute_adds_up_whatever_the_order(self, gaps):
        minutes = {gap.time // 60 for gap in gaps}
        apart = (Losses(gap for gap in gaps if gap.time // 60 == minute).by_reason for minute in minutes)
        assert sum(map(Counter, apart), Counter()) == Counter(Losses(gaps).by_reason)
        assert Losses(gaps[::-1]).by_reason == Losses(gaps).by_reason

    def test_what_one_source_lost_at_another_time_than_the_other_adds_up(self):
        gaps = [
            Gap(NOON - 3600, 5, "lost", "n1", "hubble"),
            Gap(NOON - 3600, 3, "lost", "n1", "hubble-exec"),
            Gap(NOON - 1800, 4, "lost", "n1", "hubble-exec"),
        ]
        made = session([*gaps, flow(5)])
        assert made.lost == {"lost": 5 + 4}
        assert made.quality().lost == (Lost("lost", 9),)

    @pytest.mark.parametrize(("until", "counts"), [(0.0, False), (-HOUR - 60, False), (-HOUR / 2, True)])
    def test_one_that_began_before_the_window_counts_where_it_reaches_into_it(self, until, counts):
        away = Gap(NOON - 2 * HOUR, 0, "away", until=NOON + until if until else 0.0)
        found = session([away, flow()], span=1).quality().lost
        assert found == ((Lost("away", 0),) if counts else ())

    @pytest.mark.parametrize("order", [1, -1])
    def test_two_of_one_minute_reach_as_far_as_the_longer(self, order):
        early = NOON - 2 * HOUR
        gaps = [Gap(early, 1, "away", "n1", until=NOON), Gap(early + 1, 2, "away", "n1")]
        made = session([*gaps[::order], flow()], span=1)
        assert made.quality().lost == (Lost("away", 3),)

    def test_one_without_a_time_may_lie_in_any_window(self):
        assert session([Gap(0.0, 4, "x"), flow()], span=0).quality().lost == (Lost("x", 4),)


class TestRows:
    def test_rows_of_an_unproven_direction_count_as_inferred(self):
        flows = [flow(), request(WEB, API, 9090, is_reply=None, origin="hubble")]
        found = review(session(flows), "Workload/web").quality
        assert (found.rows, found.inferred, found.unaddressed) == (2, 1, 0)

    def test_synthetic_flows_are_counted(self):
        assert session([flow(), flow(synthetic=True)]).quality().synthetic == 1


class TestSilent:
    STATE = (
        workload("Deployment", "web"),
        workload("Deployment", "api"),
        workload("Deployment", "idle"),
        workload("Deployment", "scaled-down"),
        workload("Deployment", "far", namespace="other"),
        workload("DaemonSet", "agent", host=True),
        *(pod(f"{app}-0", app, owner=("Deployment", app)) for app in ("web", "api", "idle")),
        pod("far-0", "far", owner=("Deployment", "far"), namespace="other"),
        pod("done-0", "done", owner=("Job", "done"), phase="Succeeded"),
        pod("agent-0", "agent", owner=("DaemonSet", "agent"), host=True),
    )

    def test_live_workloads_without_a_communication_are_named(self):
        found = review(session([flow()], self.STATE), "Deployment/web").quality.silent
        assert [str(ref) for ref in found.workloads] == ["Deployment/idle"]
        assert found.cluster == 2

    def test_one_that_spoke_before_the_window_is_silent_in_it(self):
        made = session([flow(), flow(9 * HOUR, synthetic=True)], self.STATE, span=1)
        assert len(made.quality("shop").silent.workloads) == 1
        later = request(of("idle"), of("idle", 1), 80, time=NOON + 20 * HOUR)
        assert {r.name for r in session([flow(), later], self.STATE, span=1).quality().silent.workloads} == {
            "web",
            "api",
            "far",
        }

    def test_without_cluster_state_nobody_knows(self):
        assert session([flow()]).quality().silent is None


GOOD = Quality(TIMESPANS[1], HOUR, (Watched("hubble", NOON, nodes=("n1",)),), ("n1",), ("n1",), rows=2)


class TestNothingKnownMissing:
    def test_nothing_is_known_to_be_lacking(self):
        assert GOOD.nothing_known_missing

    @pytest.mark.parametrize(
        "lacking",
        [
            {"covered": HOUR / 2},
            {"by_flows": HOUR / 2},
            {"asked": TIMESPANS[-1]},
            {"nodes": None},
            {"present": None},
            {"present": ("n1", "n2")},
            {"lost": (Lost("out of reach", 0),)},
            {"inferred": 1},
            {"unaddressed": 1},
            {"synthetic": 1},
            {"sources": (Watched("netobserv", NOON, sampling=50),)},
            {"sources": (Watched("conntrack", NOON, idle=3),)},
        ],
    )
    def test_anything_lacking_is_enough(self, lacking):
        assert not replace(GOOD, **lacking).nothing_known_missing

    @given(st.integers(2, 1000), st.booleans())
    def test_of_a_sample_it_is_never_said(self, sampling, beside):
        sample = Watched("netobserv", NOON, nodes=("n1",), sampling=sampling)
        sources = (GOOD.sources[0], sample) if beside else (sample,)
        assert not replace(GOOD, sources=sources).nothing_known_missing
