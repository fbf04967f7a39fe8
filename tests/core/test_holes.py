"""When nobody watched, or not every node: it is named once, and something is known to be missing then."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.model.flow import Gap
from netsec_tui.model.observed import NodeSpan, Observed
from tests.core.traffic import NOON, cluster_node, of, request, session

HOUR = 3600.0
NODES = ("n1", "n2", "n3")
STATE = [cluster_node(node, f"172.18.0.{number}") for number, node in enumerate(NODES, 2)]
ALL, LAST_12_H, LAST_DAY = -1, 2, 3


def source(since=0.0, until=25 * HOUR, origin="conntrack", nodes=NODES, **holes):
    """Return a source whose nodes were away; times are after noon, ``until`` 0.0 while it watches."""
    spans = []
    for node, away in holes.items():
        spans += [NodeSpan(node, NOON + since, NOON + away[0]), NodeSpan(node, NOON + away[1])]
    told = frozenset(nodes) if nodes else None
    return Observed(origin, NOON + since, NOON + until if until else 0.0, told, spans=tuple(spans))


def quality(*observed, flows=(), span=ALL, now=26 * HOUR, live=False):
    made = session(flows, STATE, span=span, now=NOON + now, live=live)
    made.set_observed(observed)
    return made.quality()


def seconds_after_noon(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() - NOON


def named(found):
    """Return who was not watched from when to when, in seconds after noon, for each hole that is named."""
    shape = re.compile(r"nobody watched ?(.*?) ?from (\S+ \S+) to (\S+ \S+) UTC")
    told = [match.groups() for lost in found.lost if (match := shape.fullmatch(lost.reason))]
    return [(who, seconds_after_noon(since), seconds_after_noon(until)) for who, since, until in told]


AWAY = (10 * HOUR, 16 * HOUR)
LATER = (12 * HOUR, 15 * HOUR)


class TestNodes:
    @pytest.mark.parametrize(
        ("holes", "wanted"),
        [
            ({}, []),
            ({"n2": AWAY}, [("n2", *AWAY)]),
            ({"n2": AWAY, "n3": AWAY}, [("n2, n3", *AWAY)]),
            ({"n2": AWAY, "n3": (AWAY[0] + 5, AWAY[1] + 3)}, [("n2, n3", *AWAY)]),
            ({"n2": AWAY, "n3": LATER}, [("n2", *AWAY), ("n3", *LATER)]),
            ({"n1": AWAY, "n2": AWAY, "n3": AWAY}, [("", *AWAY)]),
            (
                {"n1": AWAY, "n2": (AWAY[0] + 4, AWAY[1]), "n3": (AWAY[0], AWAY[1] + 4)},
                [("", AWAY[0] + 4, AWAY[1])],
            ),
            ({"n1": AWAY, "n2": AWAY, "n3": LATER}, [("", *LATER), ("n1, n2", *AWAY)]),
            ({"n2": (AWAY[0], AWAY[0] + 0.5)}, []),
        ],
    )
    @pytest.mark.parametrize("span", [ALL, LAST_DAY])
    def test_a_hole_is_named_once_with_who_was_not_watched(self, holes, wanted, span):
        found = quality(source(**holes), span=span)
        assert named(found) == wanted
        assert len(found.lost) == len(wanted)
        assert found.nothing_known_missing is not bool(wanted)

    def test_a_hole_that_began_before_the_window_is_named_where_it_reaches_into_it(self):
        hole = (10 * HOUR, 13 * HOUR + 20)
        found = quality(source(n2=hole), span=LAST_12_H)
        assert named(found) == [("n2", *hole)]
        assert not found.nothing_known_missing
        assert named(quality(source(n2=(10 * HOUR, 12 * HOUR)), span=LAST_12_H)) == []

    def test_before_it_was_watched_for_the_first_time_a_node_has_none(self):
        spans = (NodeSpan("n2", NOON + 12 * HOUR),)
        found = quality(Observed("hubble", NOON, NOON + 25 * HOUR, frozenset(NODES), spans=spans))
        assert (named(found), found.covered) == ([], 13 * HOUR)
        assert found.nothing_known_missing

    def test_one_that_only_the_source_watched_which_ended_was_not_watched_since(self):
        found = quality(source(until=13 * HOUR), source(13 * HOUR, origin="hubble", nodes=("n1", "n3")))
        assert found.missing == ()
        assert named(found) == [("n2", 13 * HOUR, 25 * HOUR)]

    def test_a_hole_that_another_source_fills_is_none(self):
        other = source(9 * HOUR, 17 * HOUR, origin="hubble", nodes=("n2",))
        assert named(quality(source(n2=AWAY), other)) == []
        assert named(quality(source(n2=AWAY), source(9 * HOUR, 17 * HOUR, "goldmane", nodes=()))) == []

    @pytest.mark.parametrize(("node", "wanted"), [("n2", []), ("n1", [("n2", *AWAY)])])
    def test_flows_of_the_node_itself_show_that_somebody_watched_it(self, node, wanted):
        told = {"node": node, "origin": "hubble"}
        flows = [request(of("web"), of("api"), 80, time=NOON + at * HOUR, **told) for at in (9, 17)]
        assert named(quality(source(n2=AWAY), flows=flows)) == wanted

    @pytest.mark.parametrize("since", [-HOUR, HOUR])
    def test_flows_that_end_when_a_source_does_do_not_hide_that_it_has(self, since):
        flows = replace(source(since, 13 * HOUR, "hubble", ("n2",)), by_flows=True)
        beside = source(13 * HOUR, origin="whisker", nodes=("n1", "n3"))
        assert named(quality(source(until=13 * HOUR), flows, beside)) == [("n2", 13 * HOUR, 25 * HOUR)]

    def test_one_that_has_left_the_cluster_is_not_one_that_nobody_watches(self):
        left = NodeSpan("n4", NOON, NOON + HOUR)
        assert named(quality(replace(source(), spans=(left,)))) == []

    @pytest.mark.parametrize("until", [0.0, 25 * HOUR])
    def test_one_that_is_silent_where_only_flows_tell_who_is_watched_may_be_quiet(self, until):
        """Live and of a file, of a source that knows its nodes by flows and of a file of flows."""
        spans = {"n1": (20 * HOUR, 21 * HOUR), "n2": (22 * HOUR, 23 * HOUR)}
        by_flows = source(13 * HOUR, until, "netobserv", ("n1", "n2"), **spans)
        for then in (by_flows, replace(by_flows, origin="hubble", by_flows=True)):
            found = quality(source(until=13 * HOUR), then, live=not until)
            assert named(found) == []
        beside = source(14 * HOUR, until, "hubble", ("n2",))
        end = until or 26 * HOUR
        found = quality(source(until=13 * HOUR), by_flows, beside, live=not until)
        assert named(found) == [("n3", 13 * HOUR, end)]

    def test_what_flows_told_before_it_was_watched_for_the_first_time_is_no_hole(self):
        flow = request(of("web"), of("api"), 80, time=NOON + HOUR, node="n2", origin="hubble")
        spans = (NodeSpan("n2", NOON + 12 * HOUR),)
        found = quality(
            Observed("conntrack", NOON, NOON + 25 * HOUR, frozenset(NODES), spans=spans), flows=[flow]
        )
        assert named(found) == []

    def test_a_node_whose_flows_pause_was_watched_for_all_that_anybody_knows(self):
        spans = tuple(NodeSpan("n2", NOON + a, NOON + b) for a, b in ((0, AWAY[0]), (AWAY[1], 25 * HOUR)))
        file = Observed("hubble", NOON, NOON + 25 * HOUR, frozenset(NODES), spans=spans, by_flows=True)
        assert named(quality(file)) == []


class TestGaps:
    """What a source says of a hole itself is not said again."""

    @pytest.mark.parametrize(
        ("gap", "again"),
        [
            (Gap(NOON + AWAY[0], 0, "away", "n2", until=NOON + AWAY[1]), False),
            (Gap(NOON + AWAY[0] - 60, 0, "away", "prod/n2", until=NOON + AWAY[1]), False),
            (Gap(NOON + AWAY[0] + 15, 0, "away", "n2", until=NOON + AWAY[1]), False),
            (Gap(NOON + AWAY[0], 0, "away", "n2"), True),
            (Gap(NOON + AWAY[0], 0, "away", "n3", until=NOON + AWAY[1]), True),
            (Gap(NOON + AWAY[0], 0, "away", until=NOON + AWAY[1]), True),
            (Gap(NOON + AWAY[0], 0, "away", "n2", until=NOON + AWAY[0] + 60), True),
        ],
    )
    def test_of_one_node(self, gap, again):
        found = quality(source(n2=AWAY), flows=[gap])
        assert [lost.reason for lost in found.lost][:1] == ["away"]
        assert named(found) == ([("n2", *AWAY)] if again else [])

    @pytest.mark.parametrize(("gap", "again"), [((-30, 4), True), ((16, 50), True), ((-30, 11), False)])
    def test_of_a_short_hole_more_than_half_is_told(self, gap, again):
        away = 10 * HOUR, 10 * HOUR + 20
        told = Gap(NOON + away[0] + gap[0], 0, "away", "n2", until=NOON + away[0] + gap[1])
        assert named(quality(source(n2=away), flows=[told])) == ([("n2", *away)] if again else [])

    @pytest.mark.parametrize(
        ("time", "until"),
        [(0.0, NOON + 25 * HOUR), (NOON + 27 * HOUR, NOON + 28 * HOUR), (NOON, NOON + 99 * HOUR)],
    )
    def test_one_dated_as_none_can_be_hides_no_hole_and_may_lie_in_any_window(self, time, until):
        found = quality(source(n2=AWAY), flows=[Gap(time, 4, "lost", "n2", until=until)], span=LAST_12_H)
        assert (named(found), found.events_lost) == ([("n2", *AWAY)], 4)

    @pytest.mark.parametrize("gap", [True, False])
    @pytest.mark.parametrize(("away", "lacks"), [((13.5 * HOUR, 13.5 * HOUR + 30), 30), ((0, 0.5), 0)])
    def test_a_short_hole_lacks_whoever_tells_it(self, gap, away, lacks):
        told = [Gap(NOON + away[0], 0, "away", "n2", until=NOON + away[1])] if gap else []
        found = quality(source(n2=away), flows=told, span=LAST_12_H, now=25 * HOUR)
        assert (found.covered, found.covers) == (12 * HOUR - lacks, not lacks)

    @pytest.mark.parametrize("nodes", [NODES, NODES[:2]])
    def test_of_all_nodes(self, nodes):
        gaps = [Gap(NOON + AWAY[0], 0, "asleep", node, until=NOON + AWAY[1]) for node in nodes]
        found = quality(source(n1=AWAY, n2=AWAY, n3=AWAY), flows=gaps)
        assert named(found) == ([] if nodes == NODES else [("", *AWAY)])


class TestReturning:
    """A cluster that was left, and is looked at again."""

    def test_nobody_has_watched_since_it_was_left(self):
        left = source(until=13 * HOUR)
        found = quality(left, now=19 * HOUR, live=True)
        assert named(found) == [("", 13 * HOUR, 19 * HOUR)]
        assert not found.nothing_known_missing
        assert named(quality(left, now=13 * HOUR + 59, live=True)) == []
        assert quality(left, now=13 * HOUR + 59).nothing_known_missing

    def test_a_node_that_remembers_less_than_others_is_named(self):
        left, spans = source(until=13 * HOUR, origin="hubble"), (NodeSpan("n2", NOON + 19 * HOUR),)
        back = Observed("hubble", NOON + 12 * HOUR, nodes=frozenset(NODES), spans=spans)
        found = quality(left, back, now=26 * HOUR, live=True)
        assert named(found) == [("n2", 13 * HOUR, 19 * HOUR)]
        assert not found.nothing_known_missing


@given(
    st.dictionaries(
        st.sampled_from(NODES), st.tuples(st.integers(1, 40), st.integers(1, 40)).map(sorted), min_size=1
    )
)
def test_what_is_named_is_what_was_not_watched(holes):
    """All of it but the seconds by which nodes that are read in turn differ."""
    away = {node: (a * 10.0, b * 10.0) for node, (a, b) in holes.items()}
    found = named(quality(source(until=500.0, **away)))
    for node in NODES:
        since, until = away.get(node, (0.0, 0.0))
        told = {second for who, a, b in found if not who or node in who for second in range(int(a), int(b))}
        truth = set(range(int(since), int(until)))
        assert len(truth ^ told) <= 40
        assert not truth or told
