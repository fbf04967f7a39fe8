"""A connection counts once, whichever sources and nodes tell of it; what one alone saw is not lost."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.core.traffic.observe import Observations
from netsec_tui.core.traffic.once import Shares, once
from netsec_tui.model.communication import Counts
from netsec_tui.model.flow import Endpoint, Gap, Protocol, Verdict
from tests.core.test_observe import FLOWS, STATE, everything
from tests.core.traffic import (
    IN,
    NOON,
    OUT,
    answer,
    end,
    exchange,
    of,
    only,
    request,
    review,
    session,
    workload,
)

WEB, API = of("web", ip="10.244.0.1"), of("api", ip="10.244.0.2")
HUBBLE, CONNTRACK = "hubble", "conntrack"
BOTH = [
    workload("Deployment", "web"),
    workload("Deployment", "api", protocol="UDP", ports={"api": 8080}),
]

COUNTS = st.builds(
    Counts,
    st.lists(st.integers(0, 9), min_size=len(Verdict), max_size=len(Verdict)).map(tuple),
    *[st.integers(0, 9)] * 3,
)


PODS = st.sampled_from([WEB, API, of("db", ip="10.244.0.3")])
CLEAR = st.builds(
    request,
    PODS,
    PODS,
    st.sampled_from([80, 8080]),
    source_port=st.sampled_from([40000, 40001]),
    verdict=st.sampled_from([Verdict.FORWARDED, Verdict.DROPPED, Verdict.UNKNOWN]),
)
"""Flows of which nobody has to guess anything: what one source tells does not turn the other's round."""


def told(flows, origin, node=""):
    return [replace(flow, origin=origin, node=node) for flow in flows]


def counted(flows, objects=()):
    """Return the counts of api's only ingress row, after making sure that web's egress row has the same."""
    made = session(flows, objects)
    counts = only(made, "Workload/api", IN).communication.counts
    assert only(made, "Workload/web", OUT).communication.counts == counts
    return counts


def forwarded(number, **rest):
    return [request(WEB, API, 8080, source_port=40000 + n, **rest) for n in range(number)]


class TestSources:
    @settings(max_examples=60)
    @given(
        st.lists(FLOWS, max_size=10), st.sampled_from([(CONNTRACK, HUBBLE), (CONNTRACK, ""), ("a", HUBBLE)])
    )
    def test_a_second_source_that_tells_the_same_changes_nothing(self, flows, origins):
        first, second = (told(flows, origin) for origin in origins)
        assert _rows(everything(session([*first, *second], STATE))) == _rows(
            everything(session(first, STATE))
        )

    @settings(max_examples=60)
    @given(st.lists(CLEAR, max_size=10), st.lists(CLEAR, max_size=10))
    def test_of_two_sources_neither_comes_short_and_both_together_are_the_most(self, some, others):
        alone = [_counts(told(some, HUBBLE)), _counts(told(others, CONNTRACK))]
        both = _counts([*told(some, HUBBLE), *told(others, CONNTRACK)])
        for row in {*alone[0], *alone[1]} & {*both}:
            apart = [counts[row] for counts in alone if row in counts]
            assert both[row].denied >= max(counts.denied for counts in apart)
            assert both[row].total <= sum(counts.total for counts in apart)

    def test_what_only_one_of_them_saw_denied_stays_denied(self):
        flows = [
            *told(forwarded(5), CONNTRACK),
            *told(forwarded(3), HUBBLE),
            *told(forwarded(2, verdict=Verdict.DROPPED), HUBBLE),
        ]
        counts = counted(flows)
        assert (counts.allowed, counts.denied) == (5, 2)

    def test_an_attempt_without_a_verdict_is_the_one_that_another_saw_denied(self):
        attempts = told(forwarded(2, verdict=Verdict.UNKNOWN), CONNTRACK)
        denied = told(forwarded(2, verdict=Verdict.DROPPED), HUBBLE)
        counts = counted([*attempts, *denied])
        assert (counts.verdicts[Verdict.UNKNOWN], counts.denied) == (0, 2)

    def test_attempts_beyond_those_stay_attempts(self):
        attempts = told(forwarded(5, verdict=Verdict.UNKNOWN), CONNTRACK)
        denied = told(forwarded(2, verdict=Verdict.DROPPED), HUBBLE)
        counts = counted([*attempts, *denied])
        assert (counts.verdicts[Verdict.UNKNOWN], counts.denied) == (3, 2)

    def test_directions_pods_and_addresses_add_up(self):
        outside = Endpoint("198.51.100.1")
        flows = [
            *told([request(WEB, API, 8080, is_reply=None, source_port=40000)], "netobserv"),
            *told([request(of("web", 1, ip="10.244.0.3"), API, 8080)], HUBBLE),
            *told([request(outside, API, 8080)], CONNTRACK),
        ]
        made = session(flows)
        rows = {row.key.peer.name: row.communication for row in review(made, "Workload/api").ingress.rows}
        assert set(rows) == {"web", "198.51.100.1"}
        assert rows["web"].orientation.name == "PROVEN"
        assert rows["web"].pods == ("shop/web-0", "shop/web-1")


class TestNodes:
    """Hubble on the client's node and on the server's each tell the whole connection."""

    def test_a_connection_told_by_both_nodes_counts_once(self):
        flows = exchange(WEB, API, 8080)
        counts = counted([*told(flows, HUBBLE, "n1"), *told(flows, HUBBLE, "n2")])
        assert (counts.allowed, counts.answers) == (1, 1)

    def test_though_each_node_names_the_workload_of_its_own_pod_only(self):
        here = replace(WEB, workloads=(("Deployment", "web"),)), API
        there = WEB, replace(API, workloads=(("Deployment", "api"),))
        flows = [*told([request(*here, 8080)], HUBBLE, "n1"), *told([request(*there, 8080)], HUBBLE, "n2")]
        counts = only(session(flows), "Deployment/api", IN).communication.counts
        assert counts.allowed == 1

    def test_the_one_that_saw_more_is_believed(self):
        counts = counted([*told(forwarded(2), HUBBLE, "n1"), *told(forwarded(5), HUBBLE, "n2")])
        assert counts.allowed == 5

    @pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.UDP])
    @pytest.mark.parametrize("answers", [True, False])
    def test_what_left_one_node_and_was_denied_at_the_other_is_both_and_starts_out(self, protocol, answers):
        left = told(forwarded(2, protocol=protocol), HUBBLE, "n1")
        denied = told(forwarded(2, protocol=protocol, verdict=Verdict.DROPPED), HUBBLE, "n2")
        others = told(exchange(of("x"), of("y"), 80), HUBBLE, "n1") if answers else []
        made = session([*left, *denied, *others], BOTH)
        for row in (only(made, "Deployment/api", IN), only(made, "Deployment/web", OUT)):
            counts = row.communication.counts
            assert (counts.allowed, counts.denied) == (2, 2)
            assert not row.ticked
            assert row.reason.startswith("denied 2 times, ")

    @pytest.mark.parametrize(
        ("tellers", "verdict", "times"),
        [
            pytest.param([(HUBBLE, "n1"), (HUBBLE, "n2")], Verdict.DROPPED, 2, id="denied at both"),
            pytest.param([(HUBBLE, "n1"), (HUBBLE, "n2")], Verdict.ERROR, 2, id="failed at both"),
            pytest.param(
                [(HUBBLE, "n1"), (HUBBLE, "n2")], Verdict.AUDIT, 1, id="audited at both: it goes on"
            ),
            pytest.param([(HUBBLE, "n1"), ("netobserv", "n1")], Verdict.DROPPED, 1, id="two sources"),
            pytest.param(
                [(source, name) for source in (HUBBLE, "netobserv") for name in ("n1", "n2")],
                Verdict.DROPPED,
                2,
                id="both of two sources at both nodes",
            ),
            pytest.param([(HUBBLE, "n1"), (HUBBLE, "")], Verdict.DROPPED, 1, id="one names no node"),
            pytest.param([(HUBBLE, "n1"), (CONNTRACK, "n2")], Verdict.DROPPED, 1, id="of another source"),
        ],
    )
    def test_what_went_no_further_counts_at_the_node_where_it_was_stopped(self, tellers, verdict, times):
        flows = [flow for teller in tellers for flow in told(forwarded(1, verdict=verdict), *teller)]
        assert counted(flows).verdicts[verdict] == times

    def test_an_attempt_without_a_verdict_may_have_been_stopped_at_either_node(self):
        attempts = told(forwarded(3, verdict=Verdict.UNKNOWN), HUBBLE, "n1")
        stopped = [
            flow for n in ("n1", "n2") for flow in told(forwarded(1, verdict=Verdict.DROPPED), HUBBLE, n)
        ]
        counts = counted([*attempts, *stopped])
        assert (counts.verdicts[Verdict.UNKNOWN], counts.denied) == (2, 2)

    @pytest.mark.parametrize("stopped", [Verdict.DROPPED, Verdict.ERROR])
    @pytest.mark.parametrize("teller", [(HUBBLE, "n1"), (HUBBLE, "n2"), (CONNTRACK, "")])
    def test_what_one_saw_answered_is_not_what_another_saw_stopped(self, teller, stopped):
        dropped = told(forwarded(3, protocol=Protocol.UDP, verdict=stopped), HUBBLE, "n1")
        tried = forwarded(4, protocol=Protocol.UDP, verdict=Verdict.UNKNOWN)
        back = [answer(WEB, API, 8080, protocol=Protocol.UDP, source_port=40000 + n) for n in range(2)]
        made = session([*dropped, *told([*tried, *back], *teller)], BOTH)
        row, counts = (one := only(made, "Deployment/api", IN)), one.communication.counts
        unknown = 4 if teller == (HUBBLE, "n1") else 2
        assert (counts.verdicts[stopped], counts.verdicts[Verdict.UNKNOWN], counts.answers) == (3, unknown, 2)
        assert (row.ticked, row.reason) == (
            True,
            "denied 3 times, answered 2 times" if stopped is Verdict.DROPPED else "",
        )

    @pytest.mark.parametrize("verdict", [Verdict.UNKNOWN, Verdict.FORWARDED, Verdict.AUDIT])
    def test_what_one_saw_answered_is_what_another_saw_go_on(self, verdict):
        back = [answer(WEB, API, 8080)]
        here = told([*forwarded(1, verdict=Verdict.UNKNOWN), *back], HUBBLE, "n1")
        there = told([*forwarded(1, verdict=verdict), *back], HUBBLE, "n2")
        counts = counted([*here, *there])
        assert (sum(counts.verdicts), counts.verdicts[verdict], counts.answers) == (1, 1, 1)

    @pytest.mark.parametrize("node", ["n1", "n2"])
    @pytest.mark.parametrize(("at_proxy", "ticked"), [(Verdict.REDIRECTED, False), (Verdict.FORWARDED, True)])
    @pytest.mark.parametrize("verdict", [Verdict.DROPPED, Verdict.ERROR, None])
    def test_a_proxy_at_the_client_answers_for_nobody(self, node, at_proxy, ticked, verdict):
        sent = told([request(WEB, API, 8080, verdict=at_proxy)], HUBBLE, "n1")
        answered = told(exchange(WEB, API, 8080)[1:], HUBBLE, "n1")
        stopped = told(forwarded(1, verdict=verdict), HUBBLE, node) if verdict is not None else []
        made = session([*sent, *answered, *stopped], BOTH)
        for row in (only(made, "Deployment/api", IN), only(made, "Deployment/web", OUT)):
            assert row.communication.counts.denied == (verdict is Verdict.DROPPED)
            assert row.ticked is ticked
            assert row.reason.endswith("whether the server lets it in is not known") is not ticked

    @pytest.mark.parametrize("node", ["n1", "n2"])
    def test_what_the_server_itself_answered_is_an_answer_whoever_else_answers(self, node):
        sent = told([request(WEB, API, 8080, verdict=Verdict.REDIRECTED)], HUBBLE, "n1")
        answered = told(exchange(WEB, API, 8080, count=5)[1:], HUBBLE, "n1")
        served = told([answer(WEB, API, 8080, arrived=True)], HUBBLE, node)
        row = only(session([*sent, *answered, *served], BOTH), "Deployment/api", IN)
        assert (row.ticked, row.reason, row.communication.counts.answers) == (True, "", 1)

    def test_a_proxy_at_the_server_takes_no_answer_away(self):
        sent = told([request(WEB, API, 8080, verdict=Verdict.REDIRECTED, arrived=True)], HUBBLE, "n2")
        answered = told(exchange(WEB, API, 8080)[1:], HUBBLE, "n1")
        row = only(session([*sent, *answered], BOTH), "Deployment/api", IN)
        assert (row.ticked, row.communication.counts.answers) == (True, 1)

    @pytest.mark.parametrize("node", ["n1", ""])
    def test_a_proxy_of_one_pod_takes_no_answer_from_another(self, node):
        sent = told([request(WEB, API, 8080, verdict=Verdict.REDIRECTED)], HUBBLE, node)
        others = told(exchange(of("web", 7, ip="10.244.7.1"), API, 8080), HUBBLE, node)
        row = only(session([*sent, *others], BOTH), "Deployment/api", IN)
        assert (row.ticked, row.communication.counts.answers) == (True, 1)

    @pytest.mark.parametrize("came", [1, 2, 5])
    @pytest.mark.parametrize("refused", [0, 2])
    def test_nor_is_what_got_to_the_server_answered_by_it(self, came, refused):
        """It may be of another connection, at a time without the proxy, which nobody answered."""
        sent = told([request(WEB, API, 8080, verdict=Verdict.REDIRECTED)], HUBBLE, "n1")
        answered = told(exchange(WEB, API, 8080, count=3)[1:], HUBBLE, "n1")
        came_there = told(forwarded(came, arrived=True), HUBBLE, "n2")
        back = told([answer(WEB, API, 8080, rst=True)] * refused, HUBBLE, "n2")
        row = only(session([*sent, *answered, *came_there, *back], BOTH), "Deployment/api", IN)
        assert (row.communication.counts.answers, row.ticked) == (0, False)
        let_in = "once" if came == 1 else f"{came} times"
        known = " (refused 2 times)" if refused else f", though let in {let_in}"
        assert row.reason == f"only a proxy at the client is known to have answered{known}"

    def test_what_a_proxy_may_have_answered_is_not_said_to_be_answered_by_nobody_else(self):
        """One connection went through the proxy and one did not; of both the client's node saw an answer."""
        through = [request(WEB, API, 8080, verdict=Verdict.REDIRECTED), answer(WEB, API, 8080)]
        row = only(session(told([*through, *exchange(WEB, API, 8080)], HUBBLE, "n1")), "Workload/api", IN)
        assert not row.ticked
        assert row.reason.startswith("only a proxy at the client is known to have answered: ")

    def test_what_the_server_answered_stays_though_it_refused_other_connections(self):
        sent = told([request(WEB, API, 8080, verdict=Verdict.REDIRECTED)], HUBBLE, "n1")
        answered = told(exchange(WEB, API, 8080, count=5)[1:], HUBBLE, "n1")
        back = [answer(WEB, API, 8080, arrived=True), answer(WEB, API, 8080, rst=True, arrived=True)]
        flows = [*sent, *answered, *told(forwarded(2, arrived=True), HUBBLE, "n2"), *told(back, HUBBLE, "n2")]
        row = only(session(flows, BOTH), "Deployment/api", IN)
        assert (row.communication.counts.answers, row.ticked) == (1, True)

    def test_what_the_servers_node_let_in_is_let_in_though_the_clients_only_saw_it_leave(self):
        left = told(forwarded(9), HUBBLE, "n1")
        came = told([*forwarded(5, arrived=True), *forwarded(2, verdict=Verdict.DROPPED)], HUBBLE, "n2")
        row = only(session([*left, *came], BOTH), "Deployment/api", IN)
        assert (row.communication.counts.allowed, row.communication.counts.arrived) == (9, 5)
        assert (row.ticked, row.reason) == (True, "denied 2 times, let in 5 times")

    def test_several_that_tell_of_arrivals_tell_of_the_same(self):
        twice = [
            *told(forwarded(5, arrived=True), HUBBLE, "n2"),
            *told(forwarded(3, arrived=True), "goldmane"),
        ]
        assert counted(twice).arrived == 5

    def test_nor_does_an_entry_without_a_reply_make_it_allowed(self):
        left = told(forwarded(1, protocol=Protocol.UDP), HUBBLE, "n1")
        denied = told(forwarded(1, protocol=Protocol.UDP, verdict=Verdict.DROPPED), HUBBLE, "n2")
        tracked = told(forwarded(1, protocol=Protocol.UDP, verdict=Verdict.UNKNOWN), CONNTRACK)
        row = only(session([*left, *denied, *tracked], BOTH), "Deployment/api", IN)
        assert (row.ticked, row.reason) == (False, "denied once, never answered")

    def test_pods_on_several_nodes_add_up(self):
        pairs = [(of("web", n, ip=f"10.244.{n}.1"), of("api", n, ip=f"10.244.{n}.2")) for n in range(3)]
        flows = [flow for n, ends in enumerate(pairs) for flow in told([request(*ends, 80)], HUBBLE, f"n{n}")]
        assert counted(flows).allowed == 3

    def test_pods_that_only_labels_tell_are_not_taken_for_one_pod(self):
        proxied = end(labels={"app": "web"}, ip="10.244.0.77")
        flows = [flow for n in range(3) for flow in told([request(proxied, API, 80)], HUBBLE, f"n{n}")]
        assert counted(flows).allowed == 3

    def test_connection_tracking_tells_each_connection_from_one_node_only(self):
        counts = counted([*told(forwarded(2), CONNTRACK, "n1"), *told(forwarded(3), CONNTRACK, "n2")])
        assert counts.allowed == 5

    @settings(max_examples=60)
    @given(st.lists(FLOWS, max_size=8), st.data())
    def test_the_order_makes_no_difference(self, flows, data):
        places = st.tuples(st.sampled_from([HUBBLE, CONNTRACK, ""]), st.sampled_from(["n1", "n2", ""]))
        marked = [replace(flow, origin=o, node=n) for flow in flows for o, n in [data.draw(places)]]
        shuffled = data.draw(st.permutations(marked))
        assert everything(session(shuffled, STATE)) == everything(session(marked, STATE))


class TestTellings:
    @given(st.lists(COUNTS, min_size=1, max_size=4), st.data())
    def test_once_knows_no_order_and_repetition_adds_nothing(self, tellings, data):
        found = once(tellings)
        assert once(data.draw(st.permutations(tellings))) == found
        assert once([*tellings, *tellings]) == found

    @given(st.lists(COUNTS, min_size=1, max_size=4))
    def test_it_lies_between_the_largest_and_the_sum(self, tellings):
        requests = [sum(told.verdicts) for told in tellings]
        assert max(requests) <= sum(once(tellings).verdicts) <= sum(requests)
        for verdict in Verdict:
            told = [one.verdicts[verdict] for one in tellings]
            found = once(tellings).verdicts[verdict]
            assert found >= 0
            assert found == max(told) or (verdict is Verdict.UNKNOWN and found < max(told))

    def test_several_answers_to_one_request_do_not_make_it_more(self):
        told = Counts(tuple(int(v in (Verdict.UNKNOWN, Verdict.DROPPED)) for v in Verdict), answers=5)
        assert once([told, told]) == told

    @given(st.lists(COUNTS, max_size=6))
    def test_one_source_is_only_added_up(self, parts):
        shares = Shares()
        for part in parts:
            shares.add(part)
        assert shares.total == sum(parts, Counts())


def test_one_flood_of_lost_events_is_one_gap_a_minute():
    made = session([Gap(NOON + n / 100, 1, "Hubble lost events", "n1") for n in range(9000)])
    kept = Observations()
    kept.add([Gap(NOON + n / 100, 1, "Hubble lost events", "n1") for n in range(9000)], NOON + 90)
    assert [(gap.time, gap.lost) for gap in kept.gaps] == [(NOON, 6000), (NOON + 60, 3000)]
    assert made.lost == {"Hubble lost events": 9000}


def _rows(found):
    return {
        key: (value if isinstance(value, tuple) else (value.ingress.rows, value.egress.rows, value.yaml))
        for key, value in found.items()
    }


def _counts(flows):
    rows = {}
    for key, value in everything(session(flows, STATE)).items():
        if key != "workloads":
            for row in (*value.ingress.rows, *value.egress.rows):
                rows[key, row.key] = row.communication.counts
    return rows


@pytest.mark.parametrize("origin", [HUBBLE, "hubble-exec", "netobserv", "antrea", "antrea-log"])
def test_sources_that_both_nodes_tell(origin):
    assert counted([*told(forwarded(4), origin, "n1"), *told(forwarded(4), origin, "n2")]).allowed == 4
