"""When sources have watched, at the edges: what is a hole, what is none, and what of a window is old."""

import pytest

from netsec_tui.model.observed import NodeSpan, Observed
from netsec_tui.model.timespan import Timespan
from netsec_tui.render.quality import quality_sentences
from netsec_tui.session.actions import ChooseTimespan
from netsec_tui.session.options import Options
from netsec_tui.session.session import Session
from tests.core.traffic import NOON, cluster_node, of, request, session

HOUR = 3600.0
LAST_HOUR = 1


def flow(after=0.0, **rest):
    return request(of("web"), of("api"), 8080, time=NOON + after, **{"origin": "hubble", **rest})


def quality(*observed, flows=(), now=HOUR, span=-1, objects=(), live=True):
    made = session(flows, objects, span=span, now=NOON + now, live=live)
    made.set_observed(observed)
    return made.quality()


def holes(found):
    return [lost.reason for lost in found.lost]


@pytest.mark.parametrize(("pause", "hole"), [(0, False), (0.9, False), (1.5, True), (30, True)])
def test_of_two_sources_that_say_so_one_begins_a_breath_after_the_other_at_most(pause, hole):
    found = quality(Observed("hubble", NOON, NOON + 60), Observed("conntrack", NOON + 60 + pause))
    assert bool(holes(found)) is hole


@pytest.mark.parametrize(("pause", "hole"), [(59, False), (61, True), (300, True)])
def test_a_log_says_nothing_for_a_minute_at_most(pause, hole):
    files = [(0, 60), (60 + pause, 300 + pause)]
    observed = [Observed("hubble", NOON + since, NOON + until, by_flows=True) for since, until in files]
    found = quality(*observed, flows=[flow(at) for ends in files for at in ends], live=False)
    assert bool(holes(found)) is hole
    assert len(found.sources) == 1 + hole


def test_there_is_no_hole_behind_one_that_watched_longer_than_who_came_after():
    found = quality(
        Observed("hubble", NOON, NOON + 1000),
        Observed("conntrack", NOON + 10, NOON + 20),
        Observed("whisker", NOON + 900),
    )
    assert holes(found) == []


@pytest.mark.parametrize(("before", "told"), [(170, False), (190, True)])
def test_a_source_remembers_three_minutes_that_it_has_not_watched(before, told):
    """Older flows are of one of its kind that watched then."""
    observed = Observed("hubble", NOON + HOUR)
    found = quality(observed, flows=[flow(HOUR - before)], now=2 * HOUR)
    assert [one.told for one in found.sources].count(False) == told


def test_nodes_of_a_source_that_names_none_are_those_of_flows_in_the_window():
    state = [cluster_node("n1", "172.18.0.2"), cluster_node("n2", "172.18.0.3")]
    flows = [flow(5 * HOUR, node="n1"), flow(60, node="n2")]
    for span, nodes in ((-1, ("n1", "n2")), (LAST_HOUR, ("n1",))):
        found = quality(Observed("hubble", NOON), flows=flows, now=5 * HOUR, span=span, objects=state)
        assert found.nodes == nodes


class TestAsked:
    """What was watched of what was asked for, to the second."""

    STATE = (cluster_node("n1", "172.18.0.2"),)
    MINUTE, FIVE, HALF_DAY = Timespan("1m", 60), Timespan("last 5 min", 300), Timespan("last 12 h", 43_200)

    def of(self, asked, since, now, *, live=True, until=0.0):
        made = session([], self.STATE, now=NOON + now, live=live)
        made.apply(ChooseTimespan(asked))
        ended = NOON + until if until else 0.0
        made.set_observed([Observed("hubble", NOON + since, ended, frozenset({"n1"}))])
        return made.quality()

    @pytest.mark.parametrize(
        ("asked", "seconds", "covered", "said"),
        [
            (MINUTE, 2, 2, "2 s of 1m observed"),
            (MINUTE, 59, 59, "59 s of 1m observed"),
            (MINUTE, 59.5, 60, "1 min of 1m observed"),
            (FIVE, 240, 240, "4 min of 5 min observed"),
            (FIVE, 296, 296, "4 min of 5 min observed"),
            (FIVE, 298, 300, "5 min of 5 min observed"),
            (HALF_DAY, 43_139, 43_139, "11 h 58 min of 12 h observed"),
            (HALF_DAY, 43_141, 43_200, "12 h of 12 h observed"),
        ],
    )
    @pytest.mark.parametrize("live", [True, False])
    def test_hardly_any_may_lack_and_what_is_said_agrees(self, asked, seconds, covered, said, live):
        found = self.of(asked, HOUR - seconds, HOUR, live=live, until=0.0 if live else HOUR)
        assert found.covered == covered
        assert found.nothing_known_missing is (covered == asked.seconds)
        verdict = "nothing is known to be missing" if covered == asked.seconds else "the policy may lack"
        assert quality_sentences(found)[0].startswith(f"{said}: {verdict}")

    @pytest.mark.parametrize("second", [0, 1, 30, 59.75])
    @pytest.mark.parametrize("live", [True, False])
    def test_it_is_no_more_than_was_asked_for_though_rows_are_counted_by_the_minute(self, second, live):
        now = HOUR + second
        found = self.of(self.FIVE, -9 * HOUR, now, live=live, until=0.0 if live else now)
        assert (found.covered, found.by_node, found.covers) == (300, (("n1", 300),), True)

    def test_what_is_not_watched_in_it_is_not_made_up_for_by_what_was_before(self):
        spans = [NodeSpan("n1", NOON), NodeSpan("n1", NOON + HOUR + 2)]
        spans[0] = spans[0]._replace(until=NOON + HOUR)
        made = session([], self.STATE, now=NOON + HOUR + 59, live=True)
        made.apply(ChooseTimespan(self.FIVE))
        made.set_observed([Observed("hubble", NOON, nodes=frozenset({"n1"}), spans=tuple(spans))])
        assert (made.quality().covered, made.quality().covers) == (298, False)


def test_of_all_there_is_the_advised_time_counts():
    for seconds, covers in ((12 * HOUR - 1, False), (12 * HOUR, True)):
        assert quality(Observed("hubble", NOON), now=seconds).covers is covers


@pytest.mark.parametrize(("span", "count"), [(-1, 3), (LAST_HOUR, 1)])
def test_flows_that_were_made_up_count_in_the_window_alone(span, count):
    made_up = [flow(at, synthetic=True) for at in (0, 1, 5 * HOUR)]
    found = quality(flows=[*made_up, flow(5 * HOUR + 9)], span=span, live=False, now=9 * HOUR)
    assert found.synthetic == count


@pytest.mark.parametrize(
    ("sampled", "worst"), [((50, 1), 50), ((1, 0), 0), ((0, 1), 0), ((0, 50), 50), ((1, 1), 1)]
)
def test_of_one_kind_what_was_not_told_of_sampling_is_worse_than_none(sampled, worst):
    both = [Observed("netobserv", NOON + at, NOON + 60, sampling=rate) for at, rate in enumerate(sampled)]
    (found,) = quality(*both).sources
    assert found.sampling == worst


def test_connections_that_are_idle_are_those_of_who_watches_now():
    found = quality(Observed("conntrack", NOON, NOON + 60, idle=7), Observed("conntrack", NOON + 50, idle=2))
    assert [one.idle for one in found.sources] == [2]


@pytest.mark.parametrize(
    ("spans", "goes_on"),
    [
        ([(0, 60), (300, 0)], True),
        ([(0, 60), (200, 0)], True),
        ([(0, 0)], True),
        ([(0, 60)], False),
        ([(0, 60), (400, 0)], False),
    ],
)
def test_a_watch_goes_on_where_each_node_was_watched_since_then_or_longer(spans, goes_on):
    def told(*spans):
        return Observed("hubble", NOON, spans=tuple(NodeSpan("n1", *span) for span in spans))

    assert told(*spans).goes_on_from(told((0, 60), (300, 0))) is goes_on


def test_nothing_is_kept_of_what_a_source_said_before_it_knew_of_older_flows():
    """A node that it has forgotten since is none that nobody watched."""
    clock = iter((NOON + HOUR, NOON + HOUR))
    made = Session(Options(live=True), lambda: next(clock, NOON + 2 * HOUR))
    made.set_observed([Observed("hubble", NOON + 600, spans=(NodeSpan("n1", NOON + 600),))])
    made.set_observed([Observed("hubble", NOON, spans=(NodeSpan("n2", NOON),))])
    found = made.quality()
    assert (holes(found), [one.spans for one in found.sources]) == ([], [(NodeSpan("n2", NOON),)])


def test_a_node_that_has_left_a_source_is_none_of_its_nodes():
    spans = (NodeSpan("n1", NOON), NodeSpan("n2", NOON))
    (found,) = quality(Observed("hubble", NOON, nodes=frozenset({"n1"}), spans=spans)).sources
    assert found.nodes == ("n1",)
