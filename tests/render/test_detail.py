"""The detail says all that is known of a communication, an entity, a manual rule or a fold."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.core.topology import build_topology, cidr_peer
from netsec_tui.model.communication import AddressCategory, Communication, Counts, Orientation, Via
from netsec_tui.model.decision import GeneralRule, ManualRule
from netsec_tui.model.flow import Protocol, Verdict
from netsec_tui.model.identity import CommunicationKey, Direction, address_peer, alias_peer, node_peer
from netsec_tui.model.proof import Reach
from netsec_tui.model.review import Row, Standing
from netsec_tui.render.cells import line_width
from netsec_tui.render.detail import detail_lines
from netsec_tui.render.literal import literal
from netsec_tui.render.spans import FoldTarget, ManualTarget
from tests.render.golden import assert_golden, texts
from tests.render.random_reviews import reviews
from tests.render.reviews import IN, OUT, Builder, counts, crowd, deployment, row, service_with_owners, shop


def detail(review, target, width=200):
    return texts(detail_lines(review, target, width))


def of(built_row, **built):
    return detail(Builder(**built).add(built_row).review(), built_row.key)


def test_golden():
    review = shop()
    sections = [
        (str(edge.key), detail(review, edge.key, 72))
        for side in (build_topology(review).ingress, build_topology(review).egress)
        for edge in side.edges
        if edge.key
    ]
    sections += [(str(peer), detail(review, peer, 72)) for peer in build_topology(review).entities]
    sections.append(("manual rule", detail(review, ManualTarget(OUT, 0), 72)))
    sections.append(("fold", detail(crowd(), FoldTarget(IN, "ns:team-1"), 72)))
    assert_golden("detail_shop", sections)


def test_communication_names_both_ends_ports_times_counts_and_decision():
    text = of(
        row(
            IN,
            deployment("web", "front"),
            8080,
            seen=replace(counts(12, 3, 10, 2), arrived=5),
            via=(Via("shop", "checkout", 80),),
            standing=Standing.OUT,
            reason="denied only",
        )
    )
    for words in (
        "Ingress from Deployment/web in front to Deployment/checkout in shop",
        "8080/TCP on the pod",
        "dialled as Service checkout:80 in shop",
        "first 2026-09-21 12:13:20 UTC, last 2026-09-21 14:12:20 UTC",
        "12 allowed, 3 denied (FORWARDED 12, DROPPED 3)",
        "5 known to be let in",
        "10 answers",
        "2 refusals (RST)",
        "not in the policy; denied only",
        "direction proven",
    ):
        assert words in text


def test_egress_goes_the_other_way():
    assert "Egress from Deployment/checkout in shop to IP 192.0.2.1" in of(
        row(OUT, address_peer("192.0.2.1"))
    )


def test_every_verdict_has_a_count():
    seen = Counts(tuple(range(1, len(Verdict) + 1)))
    text = of(row(IN, deployment("a"), seen=seen))
    assert all(f"{verdict.name} {verdict + 1}" in text for verdict in Verdict)


@pytest.mark.parametrize(
    ("orientation", "words"),
    [
        (Orientation.PROVEN, "direction proven"),
        (Orientation.INFERRED, "direction inferred, not proven"),
        (Orientation.UNKNOWN, "direction unknown"),
    ],
)
def test_how_the_direction_is_known_is_said(orientation, words):
    assert words in of(row(IN, deployment("a"), orientation=orientation))


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({}, "in the policy"),
        ({"allowed_by": "Allow All", "standing": Standing.OUT}, "in the policy; allowed by Allow All"),
        (
            {"standing": Standing.NOT_EXPRESSIBLE, "reason": "ICMP"},
            "not in the policy, not expressible; ICMP",
        ),
        ({"suspended": True}, "not in the policy; ticked, suspended by Block All"),
        (
            {"standing": Standing.OUT, "applied": ("allow-x",)},
            "allow-x lets it through, though the generated policy does not",
        ),
        ({"applied": ("allow-x",)}, "also allowed by allow-x"),
    ],
)
def test_decision_is_explained(about, words):
    assert words in of(row(IN, deployment("a"), **about), general={IN: GeneralRule.BLOCK_ALL})


def test_decision_says_what_is_ticked_without_sure_effect():
    untold = replace(row(IN, deployment("a"), reason="ticked by hand"), reach=Reach.UNKNOWN)
    said = "in the policy, but it cannot be told whether it works; ticked by hand"
    assert said in " ".join(of(untold).split())


def test_decision_says_that_no_policy_can_be_made():
    text = of(row(IN, deployment("a")), refusal="it uses the host network")
    assert "not in the policy; no policy can be made: it uses the host network" in text


def test_long_lists_are_counted():
    pods = tuple(f"web-{n}" for n in range(49))
    text = of(row(IN, deployment("a"), pods=pods, addresses=("10.0.0.1",), names=("a.example",)))
    assert "web-11 and 37 more" in text
    assert "10.0.0.1" in text
    assert "a.example" in text


def test_row_not_seen_yet_has_no_dates():
    key = CommunicationKey(OUT, alias_peer("office"), Protocol.TCP, 443)
    unseen = Row(Communication(key), Standing.IN, category=AddressCategory.ALIASED)
    text = of(unseen)
    assert "not yet" in text
    assert "1970" not in text


def test_folded_rows_are_listed():
    folded = tuple(CommunicationKey(OUT, address_peer(f"192.0.2.{n}"), Protocol.TCP, 443) for n in (1, 2))
    assert "192.0.2.1 443/TCP, 192.0.2.2 443/TCP" in of(row(OUT, alias_peer("office"), 443, folded=folded))


def test_entity_shows_labels_services_ports_pods_and_policies():
    web = deployment("web", "front")
    built = Builder().add(row(IN, web, 8080), row(IN, web, 9090, standing=Standing.OUT))
    built.know(
        web,
        labels=(("app", "web"),),
        services=("web",),
        ports=("80/TCP",),
        pods=("web-1",),
        policies=("deny-all",),
        addresses=("10.0.0.1",),
    )
    text = detail(built.review(), web)
    for words in ("Deployment/web in front", "app=web", "80/TCP", "web-1", "deny-all", "10.0.0.1"):
        assert words in text
    assert "Calls it on 8080/TCP, 9090/TCP (not allowed)" in text


def test_unknown_facts_are_said_to_be_unknown():
    text = detail(Builder().add(row(IN, deployment("web"))).review(), deployment("web"))
    assert text.count("none known") == 4


def test_workload_is_named_as_selected_with_its_owners_and_notes():
    review = service_with_owners()
    text = detail(review, build_topology(review).selected.peer)
    assert "Service/web in shop, the selected workload" in text
    assert "Deployment/web-blue, Deployment/web-green" in text
    covered = detail(review, build_topology(review).covered[0].peer)
    assert "covered by Service/web" in covered


@pytest.mark.parametrize(
    ("general", "words"),
    [(GeneralRule.ROWS_DECIDE, "in the policy"), (GeneralRule.BLOCK_ALL, "suspended by Block All")],
)
def test_manual_rule_says_ports_state_and_whom_it_meets(general, words):
    built = Builder(manual=[ManualRule(OUT, "192.0.2.0/24")], general={OUT: general})
    built.add(
        row(OUT, address_peer("192.0.2.7")), row(OUT, address_peer("198.51.100.7")), row(OUT, node_peer("n"))
    )
    text = detail(built.review(), ManualTarget(OUT, 0))
    assert "allow egress to 192.0.2.0/24" in text
    assert "all ports, whatever the protocol" in text
    assert words in text
    assert "192.0.2.7" in text
    assert "198.51.100.7" not in text
    assert "manual rule" in detail(built.review(), cidr_peer("192.0.2.0/24"))


def test_fold_names_what_is_not_allowed():
    text = detail(crowd(), FoldTarget(IN, "ns:team-0"))
    assert "namespace team-0: 43 peers, 43 communications" in text
    assert "Not allowed 4: team-0/client-063 8000/TCP" in text
    assert "and 27 more" in text


@pytest.mark.parametrize(
    "gone",
    [
        CommunicationKey(IN, deployment("gone"), Protocol.TCP, 1),
        ManualTarget(IN, 0),
        ManualTarget(OUT, 7),
        ManualTarget(OUT, -1),
    ],
)
def test_detail_of_what_is_gone_is_empty(gone):
    assert detail_lines(shop(), gone) == []


@settings(max_examples=100)
@given(reviews(), st.integers(24, 120))
def test_detail_of_anything_fits_and_shows_literally(review, width):
    topology = build_topology(review)
    edges = [e.key or ManualTarget(e.direction, e.index) for d in Direction for e in topology.of(d).edges]
    for target in [*topology.entities, *edges, FoldTarget(IN, "nodes")]:
        lines = detail_lines(review, target, width)
        assert lines
        assert all(line_width(line) <= width for line in lines)
        assert all(literal(span.text) == span.text for line in lines for span in line.spans)
