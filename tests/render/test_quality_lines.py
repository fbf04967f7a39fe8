"""One line beside a policy says what its observation lacks; the rest is said in sentences and comments."""

from dataclasses import replace

import pytest
import yaml

from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.quality import Lost, Quality, Silent, Watched
from netsec_tui.model.timespan import TIMESPANS
from netsec_tui.render.cells import line_width
from netsec_tui.render.quality import (
    quality_line,
    quality_page,
    quality_sentences,
    quality_summary,
    with_comments,
)
from netsec_tui.render.spans import Role

HOUR = 3600.0
START = 1_700_006_400.0
GOOD = Quality(
    TIMESPANS[2],
    12 * HOUR,
    (Watched("hubble", START, nodes=("n1", "n2", "n3")),),
    ("n1", "n2", "n3"),
    ("n1", "n2", "n3"),
    rows=9,
)
BAD = Quality(
    TIMESPANS[2],
    2 * HOUR + 600,
    (Watched("netobserv", START, START + HOUR, nodes=("n1", "n2"), sampling=50, idle=5, addresses=False),),
    ("n1", "n2"),
    ("n1", "n2", "n3"),
    (Lost("the agent's queue was full", 1200), Lost("node n3 is out of Hubble's reach", 0)),
    rows=9,
    inferred=3,
    unaddressed=2,
    synthetic=1,
    silent=Silent("shop", (WorkloadRef("Deployment", "shop", "idle"),), 4),
)


def said(quality, width=200):
    line = quality_line(quality, width, " · ", "p")
    assert line_width(line) <= width
    return "".join(span.text for span in line.spans)


def roles(quality, width=200):
    return {span.role for span in quality_line(quality, width, ", ", "p").spans} - {Role.DIM}


def by_flows(**more):
    return replace(GOOD.sources[0], nodes_by_flows=True, **more)


def test_where_only_flows_tell_of_nodes_a_silent_one_is_not_said_to_be_unwatched():
    nodes, spans = ("n1", "n2"), (("n1", HOUR), ("n2", 12 * HOUR))
    quality = replace(GOOD, sources=(by_flows(),), nodes=nodes, covered=HOUR, by_node=spans)
    assert said(quality) == "1 h of 12 h observed · flows of 2 of 3 nodes"
    assert said(quality, 40) == "1 h of 12 h · flows of 2/3 nodes"
    assert roles(quality) == {Role.WARNING}
    assert quality_sentences(quality)[2:4] == [
        "2 of 3 nodes told of flows; not n3: whether they are quiet or not looked at is not known",
        "not every node told of flows for 12 h, the shortest time counts: n1 1 h",
    ]


def test_the_nodes_that_were_watched_less_are_named():
    less = replace(GOOD, covered=0.0, by_node=(("n1", 0.0), ("n2", 12 * HOUR), ("n3", 12 * HOUR - 30)))
    assert said(less).startswith("0 s of 12 h observed")
    (sentence,) = [one for one in quality_sentences(less) if "not every node" in one]
    assert sentence == "not every node was watched for 12 h, the node watched least counts: n1 0 s"
    alike = replace(GOOD, by_node=(("n1", 12 * HOUR), ("n2", 12 * HOUR)))
    assert not [one for one in quality_sentences(alike) if "not every node" in one]


class TestLine:
    def test_what_matters_most_comes_first(self):
        assert said(BAD, 230) == (
            "2 h 10 min of 12 h observed · 1 in 50 packets sampled · 2 of 3 nodes · 1,200 lost · "
            "direction inferred in 3 of 9 rows · 2 without address · 5 idle unseen · "
            "1 synthetic · 1 workload silent"
        )

    def test_it_gets_shorter_and_then_counts_what_it_leaves_out(self):
        assert (
            said(BAD, 80)
            == "2 h 10 min of 12 h · 1 in 50 · 2/3 nodes · 1,200 lost · 3 inferred · +4 more (p)"
        )
        assert said(BAD, 30).startswith("2 h 10 min of 12 h")

    @pytest.mark.parametrize("width", range(0, 210, 7))
    @pytest.mark.parametrize("quality", [GOOD, BAD, Quality()])
    def test_it_never_takes_more_than_there_is(self, quality, width):
        said(quality, width)

    def test_colour_is_for_what_is_lacking_only(self):
        assert roles(GOOD) == {Role.PLAIN}
        assert roles(BAD) == {Role.WARNING, Role.REFUSED, Role.PLAIN}
        assert roles(replace(GOOD, covered=HOUR)) == {Role.WARNING, Role.PLAIN}

    def test_what_is_left_out_lends_its_colour(self):
        sampled = replace(GOOD, sources=(replace(GOOD.sources[0], sampling=50),))
        assert Role.REFUSED in roles(sampled, 32)

    def test_a_sampling_that_is_not_told_is_not_taken_for_every_packet(self):
        sampled = replace(GOOD, sources=(replace(GOOD.sources[0], sampling=0),))
        assert "sampling not told" in said(sampled)
        assert not sampled.nothing_known_missing
        assert any(line.startswith("it is not told how many packets") for line in quality_sentences(sampled))
        both = replace(GOOD, sources=(*sampled.sources, replace(GOOD.sources[0], sampling=50)))
        assert both.sampling == 50

    def test_nothing_observed_is_said(self):
        assert said(Quality()) == "nothing observed · nodes not told"


class TestSentences:
    def test_all_of_it(self):
        assert quality_sentences(BAD) == [
            "2 h 10 min of 12 h observed: the policy may lack what was not seen",
            "netobserv: 2023-11-15 00:00:00 UTC to 2023-11-15 01:00:00 UTC",
            "2 of 3 nodes told; not n3",
            "lost: the agent's queue was full (1,200)",
            "lost: node n3 is out of Hubble's reach",
            "only one in 50 packets was looked at: what happens rarely may be missing",
            "who opened the connection is inferred in 3 of 9 rows",
            "the peer's address is not told in 2 rows",
            "netobserv tells no address outside the cluster",
            "5 connections open since before the first reading, not seen in use",
            "1 flow made up, not observed",
            "4 workloads of the cluster without traffic, 1 in shop: Deployment/idle",
        ]

    def test_none_of_something_is_said_too(self):
        everywhere = replace(GOOD, silent=Silent("shop", (), 0))
        assert quality_sentences(everywhere) == [
            "12 h of 12 h observed: nothing is known to be missing",
            "hubble: 2023-11-15 00:00:00 UTC to now",
            "3 of 3 nodes told",
            "lost: nothing that is known of",
            "sampling 1: no packet was left out for a sample",
            "who opened the connection is inferred in none of 9 rows",
            "0 workloads of the cluster without traffic, none in shop",
        ]

    def test_what_is_not_told_is_said_to_be_so(self):
        assert quality_sentences(Quality(TIMESPANS[2], present=("n1", "n2"))) == [
            "nothing of 12 h observed: the policy may lack what was not seen",
            "which of 2 nodes report is not told",
            "lost: nothing is told of",
            "it is not told how many packets were looked at: what happens rarely may be missing",
            "who opened the connection is not told: no row was seen",
            "which workloads are without traffic is not told: no cluster state was read",
        ]

    def test_losses_that_are_not_named_are_counted(self):
        lost = replace(GOOD, lost=tuple(Lost(f"reason {n}", n) for n in range(1, 8)))
        assert "lost for 2 more reasons (13)" in quality_sentences(lost)

    def test_a_good_one_is_summed_up_so(self):
        assert quality_summary(GOOD) == (
            "observation with nothing known to be missing: 12 h of 12 h observed, 3 of 3 nodes"
        )
        assert quality_summary(BAD).startswith("observation with known limits: 2 h 10 min of 12 h observed, ")

    def test_what_flows_alone_tell_is_said_to_be_so(self):
        quality = replace(GOOD, sources=(by_flows(told=False, until=START + HOUR),))
        assert quality_sentences(quality)[1:] == [
            "hubble: 2023-11-15 00:00:00 UTC to 2023-11-15 01:00:00 UTC, by its flows",
            "3 of 3 nodes told of flows",
            "lost: nothing is told of",
            *quality_sentences(GOOD)[4:],
        ]

    def test_of_flows_alone_nobody_knows_whether_all_was_watched(self):
        quality = replace(GOOD, sources=(by_flows(told=False),), covered=13 * HOUR, by_flows=13 * HOUR)
        alone = "only flows tell of that time, whether anybody watched all of it is not known"
        assert said(quality) == "flows over 13 h of 12 h · flows of 3 of 3 nodes"
        assert said(quality, 40) == "flows 13 h of 12 h · of 3/3 nodes"
        assert Role.WARNING in roles(quality)
        first, _, second, *_ = quality_sentences(replace(quality, asked=TIMESPANS[-1]))
        assert first == "flows over 13 h (everything was asked for): the policy may lack what was not seen"
        assert second == f"13 h between the first and the last flow: {alone}"
        assert quality_summary(quality).startswith("observation with known limits: flows over 13 h of 12 h")
        some = replace(quality, by_flows=HOUR)
        assert said(some).startswith("13 h of 12 h observed")
        assert f"1 h between the first and the last flow: {alone}" in quality_sentences(some)

    def test_a_source_without_addresses_is_named_once(self):
        one = replace(GOOD.sources[0], origin="goldmane", addresses=False)
        told = quality_sentences(replace(GOOD, sources=(one, one)))
        assert "goldmane tells no address outside the cluster" in told

    def test_a_page_breaks_them_to_its_width(self):
        lines = quality_page(BAD, 40)
        assert "".join(span.text for span in lines[1].spans) == "How it was observed"
        assert all(line_width(line) <= 42 for line in lines)


class TestComments:
    NASTY = 'x\nspec: {}\r\n--- \x1b[31m[bold] \u2028- a: "b" \x85kind: Pod'

    def test_nothing_but_comments_is_added(self):
        policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        nasty = replace(
            BAD,
            lost=(Lost(self.NASTY, 1),),
            sources=(Watched(self.NASTY, START),),
            nodes=("n1",),
            present=("n1", self.NASTY),
            silent=Silent("shop", (WorkloadRef("Deployment", "shop", self.NASTY),), 1),
        )
        text = with_comments(policy, nasty, START + 60)
        assert text.endswith(policy)
        header = text.removesuffix(policy)
        assert all(line.startswith("# ") for line in header.splitlines())
        assert yaml.safe_load(text) == {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
        assert yaml.safe_load(header) is None

    def test_what_goes_on_is_dated_in_a_file(self):
        going_on = replace(GOOD.sources[0], since=START, until=0.0)
        header = with_comments("", replace(GOOD, sources=(going_on,)), START + 3600)
        assert "hubble: 2023-11-15 00:00:00 UTC to 2023-11-15 01:00:00 UTC" in header
        assert "to now" not in header

    def test_nothing_of_a_cluster_gets_out_of_its_line_on_the_screen(self):
        nasty = replace(BAD, lost=(Lost(self.NASTY, 1),), nodes=("n1",), present=("n1", self.NASTY))
        for line in quality_page(nasty, 60):
            assert all(span.text.isprintable() for span in line.spans)
