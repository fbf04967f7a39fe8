"""Sources that begin again: what they tell once more counts once, what had not been told counts too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.model.flow import Gap
from netsec_tui.model.observed import Observed
from tests.core.traffic import IN, NOON, cluster_node, of, only, request, session

WEB, API, DB = of("web"), of("api"), of("db")
RINGS, SUMS, ELSE = "hubble", "whisker", "theia"


def flow(second, node="n1", origin=RINGS, server=API, **rest):
    return request(WEB, server, 8080, time=NOON + second, node=node, origin=origin, **rest)


def again(told, later, now=NOON + 3600):
    """Return a session that was told some flows, then others by sources that begin again."""
    made = session(told, now=now, live=True)
    made.begin_again()
    made.add_flows(later)
    return made


def counted(made):
    """Return what counts of each edge; the order of flows gives the ends their numbers."""
    seen = made._record.observations
    return {
        (seen.endpoints[key.server].pod, key.node, minute): edge.counts(minute)
        for key, edge in seen.edges.items()
        for minute in edge.buckets
    }


def allowed(made, name="api"):
    return only(made, f"Workload/{name}", IN).communication.counts.allowed


def test_a_node_that_lags_behind_the_others_loses_nothing():
    told = [flow(n, "n1") for n in range(30)] + [flow(0, "n2", server=DB)]
    late = [flow(n, "n2", server=DB) for n in range(1, 20)]
    made = again(told, [*told, *late])
    assert (allowed(made), allowed(made, "db")) == (30, 20)


def test_what_comes_late_from_a_source_without_nodes_counts():
    told = [flow(n, "", SUMS) for n in (0, 15, 45)]
    made = again(told, [*told, flow(30, "", SUMS), flow(30, "", SUMS, DB)])
    assert (allowed(made), allowed(made, "db")) == (4, 1)


def test_history_that_was_not_read_to_its_end_is_read_then():
    history = [flow(60 * n) for n in range(10)]
    live = [flow(900)]
    made = again([*live, *history[:4]], [*history, *live, flow(901)])
    assert allowed(made) == 10 + 2


def test_what_a_source_adds_up_in_other_parts_counts_once():
    told = [flow(0, "", ELSE, count=3), flow(10, "", ELSE, count=4)]
    made = again(told, [flow(5, "", ELSE, count=6), flow(10, "", ELSE, count=1), flow(11, "", ELSE, count=5)])
    assert allowed(made) == 7 + 5


def test_a_ring_that_holds_less_by_now_takes_nothing_back():
    made = again([flow(n) for n in range(5)], [flow(3), flow(4), flow(30)])
    assert allowed(made) == 6


def test_every_time_that_sources_begin_again():
    told = [flow(n) for n in range(3)]
    made = again(told, [*told, flow(3)])
    made.begin_again()
    made.add_flows([*told, flow(3), flow(4)])
    assert allowed(made) == 5


@given(
    st.lists(st.tuples(st.integers(0, 200), st.sampled_from(["n1", "n2", ""])), max_size=30),
    st.data(),
)
def test_whatever_is_told_again_in_whatever_order_counts_once(seconds, data):
    every = [flow(second, node, server=data.draw(st.sampled_from([API, DB]))) for second, node in seconds]
    whole = data.draw(st.permutations(every))
    before = whole[: data.draw(st.integers(0, len(whole)))]
    made = again(before, data.draw(st.permutations(every)))
    once = session(every, now=NOON + 3600, live=True)
    assert counted(made) == counted(once)


def test_losses_are_told_once_and_those_of_a_time_that_cannot_be_too():
    def loss(second, count, node="n1"):
        return Gap(NOON + second, count, "Hubble lost events", node, RINGS)

    wrong = [flow(n - NOON) for n in range(3)]
    told = [loss(0, 5), loss(1, 6), loss(0, 7, "n2"), *wrong]
    made = again(told, [loss(2, 8), *told, loss(1, 9, "n2"), flow(9 - NOON)])
    assert made.lost == {
        "Hubble lost events": 5 + 6 + 7 + 8 + 9,
        "clock skew: node n1 tells of flows before the year 2000; they count nowhere": 4,
    }


@pytest.mark.parametrize(("origin", "lost"), [(RINGS, 5), ("", 8)])
def test_a_loss_without_a_source_is_another_each_time(origin, lost):
    """As those are that a kernel counts, or that were dated when they were found."""
    made = again([Gap(NOON, 5, "full", "n1", origin)], [Gap(NOON + 1, 3, "full", "n1", origin)])
    assert made.lost == {"full": lost}


class TestHoles:
    def test_a_node_that_remembers_less_than_the_others_is_named_with_the_time(self):
        told = [flow(n, node) for n in range(60) for node in ("n1", "n2")]
        made = again(told, [flow(59, "n1"), flow(1800, "n1"), flow(1200, "n2")], NOON + 3600)
        words = (
            "node n2 has told nothing from 2023-11-15 00:00:59 to 2023-11-15 00:20:00 UTC "
            "and does not remember all of that"
        )
        assert [(lost.reason, lost.count) for lost in made.quality().lost] == [(words, 0)]
        assert not made.quality().nothing_known_missing
        made.begin_again()
        assert made.lost == {words: 0}

    def test_it_is_taken_back_when_the_node_tells_what_it_told_before(self):
        told = [flow(n, node) for n in range(60) for node in ("n1", "n2")]
        made = again(told, [flow(59, "n1"), flow(1200, "n2")])
        made.add_flows([flow(30, "n2")])
        assert made.lost == {}

    def test_a_node_that_tells_nothing_more_was_not_read_until_now(self):
        told = [flow(n, node) for n in range(60) for node in ("n1", "n2")]
        made = again(told, [flow(59, "n1")], NOON + 600)
        (reason,) = made.lost
        assert reason.startswith(
            "node n2 has told nothing from 2023-11-15 00:00:59 to 2023-11-15 00:10:00 UTC"
        )

    def test_a_node_whose_clock_is_ahead_was_not_left_before_it_was_read(self):
        told = [flow(n, node) for n in range(60) for node in ("n1", "n2")]
        assert again(told, [flow(10, "n1")], NOON + 30).lost == {}

    @pytest.mark.parametrize("origin", ["conntrack", "whisker", "netobserv"])
    def test_nodes_that_keep_nothing_of_their_own_are_not_asked_for_it(self, origin):
        told = [flow(n, node, origin) for n in range(60) for node in ("n1", "n2")]
        assert again(told, [flow(59, "n1", origin)]).lost == {}

    @pytest.mark.parametrize(
        ("since", "reasons"),
        [
            (600.0, ["nobody watched from 2023-11-15 00:05:00 to 2023-11-15 00:10:00 UTC"]),
            (300.5, []),
            (120.0, []),
        ],
    )
    def test_a_time_in_which_nobody_watched_is_told(self, since, reasons):
        made = session([], objects=[cluster_node("n1", "192.168.0.1")], now=NOON + 300, live=True)
        clock = [NOON + 300]
        made._now = lambda: clock[0]
        made.set_observed([Observed("conntrack", NOON, nodes=frozenset({"n1"}))])
        made.set_observed([])
        clock[0] = NOON + 86_400
        made.set_observed([Observed("conntrack", NOON + since, nodes=frozenset({"n1"}))])
        assert [lost.reason for lost in made.quality().lost] == reasons
        assert made.quality().nothing_known_missing is not bool(reasons)
