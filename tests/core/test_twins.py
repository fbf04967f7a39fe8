"""Two live sources of one kind may tell the same flows: what both tell counts once, and nothing is lost."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.core.traffic.observe import Observations
from netsec_tui.model.flow import Gap, Verdict
from tests.core.traffic import NOON, answer, of, request

WEB, API, DB = of("web", ip="10.244.0.1"), of("api", ip="10.244.0.2"), of("db", ip="10.244.0.3")
FLOWS = st.builds(
    lambda make, peer, port, minute, verdict: replace(
        make(WEB, peer, port, verdict=verdict), time=NOON + 60 * minute, origin="hubble", node="n1"
    ),
    st.sampled_from([request, answer]),
    st.sampled_from([API, DB]),
    st.sampled_from([80, 443]),
    st.integers(0, 1),
    st.sampled_from([Verdict.FORWARDED, Verdict.DROPPED]),
)


def counts(observations):
    return {
        (observations.endpoints[key.server].pod, key.port, minute): edge.counts(minute)
        for key, edge in observations.edges.items()
        for minute in edge.buckets
    }


def told(*tellings):
    observations = Observations()
    for teller, flows in tellings:
        observations.add(flows, teller=teller)
    return observations


@given(st.lists(FLOWS, min_size=1), st.data())
def test_one_server_reached_two_ways_counts_as_one_in_any_order(flows, data):
    both = data.draw(st.permutations([(teller, flow) for teller in ("a", "b") for flow in flows]))
    assert counts(told(*((teller, [flow]) for teller, flow in both))) == counts(told(("a", flows)))


@given(st.lists(FLOWS), st.lists(FLOWS), st.data())
def test_what_each_tells_counts_as_often_as_by_the_one_that_told_most(one, other, data):
    both = [("a", flow) for flow in one] + [("b", flow) for flow in other]
    found = counts(told(*((teller, [flow]) for teller, flow in data.draw(st.permutations(both)))))
    apart = [counts(told((teller, flows))) for teller, flows in (("a", one), ("b", other))]
    expected = {
        key: [max(column) for column in zip(*(side[key] for side in apart if key in side), strict=True)]
        for key in apart[0] | apart[1]
    }
    assert found == expected


def test_sources_begun_again_tell_nothing_twice():
    flows = [replace(request(WEB, API, 80), time=NOON, origin="hubble", node="n1")] * 3
    observations = told(("a", flows), ("b", flows))
    before = counts(observations)
    for order in ("ab", "ba"):
        observations.begin_again(NOON + 60)
        for teller in order:
            observations.add(flows, teller=teller)
        assert counts(observations) == before


@pytest.mark.parametrize("remember", [(3, 3), (0, 3), (3, 0), (1, 2)])
def test_what_one_of_two_has_forgotten_since_counts_no_more_for_that(remember):
    made = [replace(request(WEB, API, 80), time=NOON + s, origin="hubble", node="n1") for s in range(6)]
    observations = told(("a", made[:3]), ("b", made[:3]))
    observations.begin_again(NOON + 3)
    for teller, kept in zip("ab", remember, strict=True):
        observations.add(made[3 - kept :], teller=teller)
    assert counts(observations) == counts(told(("a", made)))


def test_files_add_up_as_before():
    flows = [replace(request(WEB, API, 80), time=NOON, origin="hubble", node="n1")] * 3
    observations = Observations()
    for name in ("monday", "tuesday"):
        observations.add(flows, recording=name)
    assert {sum(found) for found in counts(observations).values()} == {6}


def test_a_loss_that_both_tell_is_one_loss():
    lost, other = Gap(NOON, 4, "lost", "n1", "hubble"), Gap(NOON, 2, "lost", "n2", "hubble")
    observations = told(("a", [lost]), ("b", [lost, other]))
    assert Counter({gap.node: gap.lost for gap in observations.gaps}) == {"n1": 4, "n2": 2}
