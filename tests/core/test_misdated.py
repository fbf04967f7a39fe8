"""Records dated as none can be: left out, said, and counted for neither window nor coverage."""

import math

import pytest

from netsec_tui.model.flow import Gap
from netsec_tui.model.observed import Observed
from netsec_tui.model.timespan import OLDEST, SKEW_SECONDS, TIMESPANS
from tests.core.traffic import NOON, OUT, exchange, of, session, table

WEB, API, DB = of("web"), of("api"), of("db")
HOUR = next(span for span in range(len(TIMESPANS)) if TIMESPANS[span].label == "last 1 h")
YEAR = 365 * 86_400.0


def at(made, text="Workload/web"):
    return table(made, text, OUT)


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize(
    ("time", "words"),
    [
        (NOON + 75 * YEAR, "more than 2 min after now"),
        (NOON + SKEW_SECONDS + 1, "more than 2 min after now"),
        (1.0, "before the year 2000"),
        (OLDEST - 1, "before the year 2000"),
        (math.nan, "more than 2 min after now"),
    ],
)
def test_what_is_dated_as_nothing_can_be_counts_nowhere(live, time, words):
    real = exchange(WEB, API, 80, time=NOON - 600) + exchange(WEB, API, 80, time=NOON)
    wrong = exchange(WEB, DB, 5432, time=time, node="n7", origin="hubble")
    made = session(wrong + real, now=NOON, span=HOUR, live=live)
    assert at(made) == ["Workload/api TCP 80"]
    assert at(session(real + wrong, now=NOON, live=live)) == ["Workload/api TCP 80"]
    quality = made.review().quality
    assert quality.covered == pytest.approx(600)
    (lost,) = quality.lost
    assert lost.reason == f"clock skew: node n7 tells of flows {words}; they count nowhere"
    assert lost.count == len(wrong)
    assert set(made.last_told.values()) == {NOON}


@pytest.mark.parametrize("time", [NOON + SKEW_SECONDS, OLDEST])
def test_what_may_be_counts(time):
    made = session(exchange(WEB, DB, 5432, time=time), now=NOON)
    assert at(made) == ["Workload/db TCP 5432"]
    assert made.lost == {}


@pytest.mark.parametrize("time", [NOON + YEAR, 1.0])
def test_a_loss_dated_as_none_can_be_may_lie_in_any_window(time):
    made = session(exchange(WEB, API, 80, time=NOON), now=NOON, span=HOUR)
    made.add_flows([Gap(time, 5, "Hubble lost events", "n1")])
    at(made)
    assert [(lost.reason, lost.count) for lost in made.review().quality.lost] == [("Hubble lost events", 5)]


@pytest.mark.parametrize(
    ("ahead", "counted", "said"),
    [
        (["n1"], [], False),  # a clock of one node may as well be ahead
        (["n1", "n2"], [], True),
        (["n1", "n2"], ["n1"], True),  # what it told of before
        (["n1", "n2"], ["n3"], False),
        (["n1", "n2", "n3"], ["n1", "n4"], False),
    ],
)
def test_only_where_several_are_ahead_and_nobody_is_not_this_machine_may_be_behind(ahead, counted, said):
    late = [exchange(WEB, DB, 5432, time=NOON + YEAR, node=node, origin="hubble") for node in ahead]
    there = [exchange(WEB, API, 80, time=NOON, node=node, origin="hubble") for node in counted]
    made = session([flow for flows in (*late, *there) for flow in flows], now=NOON)
    assert any(reason.startswith("clock skew: every node") for reason in made.lost) is said


def test_who_has_not_watched_yet_covers_nothing():
    made = session(live=True, span=HOUR)
    made.set_observed([Observed("hubble-exec", 0.0, 0.0, frozenset())])
    assert made.quality().covered == 0.0
    made.set_observed([Observed("hubble-exec", NOON - 60, 0.0, frozenset({"n1"}))])
    assert made.quality().covered == pytest.approx(60)


@pytest.mark.parametrize("live", [True, False])
def test_a_source_that_says_it_watched_until_later_than_now_hides_nothing(live):
    made = session(exchange(WEB, API, 80, time=NOON), now=NOON, span=HOUR, live=live)
    made.set_observed([Observed("hubble", NOON - 60, NOON + YEAR)])
    assert at(made) == ["Workload/api TCP 80"]
    assert made.quality().covered == pytest.approx(60)
