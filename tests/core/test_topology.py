"""The topology says the same as the review, as entities and edges."""

import pytest

from netsec_tui.core.topology import build_graph, build_topology, cidr_peer, subject_peer
from netsec_tui.model.decision import GeneralRule, ManualRule
from netsec_tui.model.identity import (
    API_SERVER,
    DNS,
    Direction,
    WorkloadRef,
    address_peer,
    alias_peer,
    node_peer,
    owner_peer,
)
from netsec_tui.model.review import Standing
from tests.render.reviews import IN, OUT, Builder, deployment, row, service_with_owners, shop

CHECKOUT = deployment("checkout")


def test_each_row_and_each_manual_rule_is_one_edge():
    review, topology = shop(), build_topology(shop())
    for direction in Direction:
        rows = {row.key for row in review.of(direction).rows}
        edges = topology.of(direction).edges
        assert {edge.key for edge in edges if edge.key} == rows
        assert [edge.rule for edge in edges if edge.rule] == list(review.of(direction).manual)
        assert len(edges) == len(rows) + len(review.of(direction).manual)


def test_every_sort_of_peer_is_one_entity():
    entities = build_topology(shop()).entities
    wanted = {
        CHECKOUT,
        deployment("frontend"),
        DNS,
        API_SERVER,
        node_peer("worker-1"),
        alias_peer("card network"),
        cidr_peer("192.0.2.0/24"),
        address_peer("198.51.100.9"),
    }
    assert wanted <= set(entities)
    assert entities[deployment("frontend")].ingress == 2
    assert entities[deployment("frontend")].egress == 0


def test_only_the_workload_is_selected():
    topology = build_topology(shop())
    assert [peer for peer, entity in topology.entities.items() if entity.selected] == [CHECKOUT]
    assert topology.selected.ports == ("8080/TCP", "9090/TCP")


def test_owners_behind_a_service_are_selected_like_it():
    topology = build_topology(service_with_owners())
    selected = {peer.name for peer, entity in topology.entities.items() if entity.selected}
    assert selected == {"web", "web-blue", "web-green"}
    assert [entity.peer.name for entity in topology.covered] == ["web-blue", "web-green"]


def test_workload_that_calls_itself_keeps_both_directions_apart():
    topology = build_topology(Builder().add(row(IN, CHECKOUT), row(OUT, CHECKOUT, 9090)).review())
    assert (topology.selected.ingress, topology.selected.egress) == (1, 1)
    assert [edge.key.port for edge in topology.ingress.edges] == [8080]


@pytest.mark.parametrize(
    ("about", "allowed"),
    [
        ({"standing": Standing.IN}, True),
        ({"standing": Standing.OUT}, False),
        ({"standing": Standing.NOT_EXPRESSIBLE}, False),
        ({"standing": Standing.IN, "suspended": True}, False),
        ({"standing": Standing.OUT, "allowed_by": "alias card network"}, True),
        ({"standing": Standing.IN, "suspended": True, "allowed_by": "Allow All"}, True),
    ],
)
def test_line_is_black_when_the_policy_has_it(about, allowed):
    topology = build_topology(Builder().add(row(IN, deployment("web"), **about)).review())
    assert topology.ingress.edges[0].allowed is allowed
    assert topology.ingress.allowed == int(allowed)


def test_nothing_is_allowed_when_no_policy_can_be_made():
    built = Builder(refusal="it uses the host network").add(row(IN, deployment("web")))
    built.manual.append(ManualRule(OUT, "192.0.2.0/24"))
    topology = build_topology(built.review())
    assert topology.ingress.allowed == topology.egress.allowed == 0
    assert topology.refusal == "it uses the host network"


@pytest.mark.parametrize("general", GeneralRule)
def test_manual_rule_without_flows_is_drawn_and_suspended_only_by_block_all(general):
    built = Builder(general={OUT: general})
    built.manual.append(ManualRule(OUT, "192.0.2.0/24"))
    (edge,) = build_topology(built.review()).egress.edges
    assert edge.allowed is (general is not GeneralRule.BLOCK_ALL)
    assert bool(edge.reason) is (general is GeneralRule.BLOCK_ALL)


def test_manual_rule_for_one_address_meets_the_address():
    built = Builder().add(row(OUT, address_peer("192.0.2.9"), standing=Standing.OUT))
    built.manual.append(ManualRule(OUT, "192.0.2.9/32"))
    topology = build_topology(built.review())
    assert set(topology.entities) == {CHECKOUT, address_peer("192.0.2.9")}
    assert topology.entities[address_peer("192.0.2.9")].egress == 2


def test_edges_are_in_order_whatever_the_order_of_the_rows():
    rows = [
        row(IN, address_peer("10.0.0.10")),
        row(IN, address_peer("10.0.0.9")),
        row(IN, node_peer("n")),
        row(IN, deployment("b", "z")),
        row(IN, deployment("b", "a"), 443),
        row(IN, deployment("b", "a"), 80),
        row(IN, alias_peer("office")),
        row(IN, deployment("a", "a")),
    ]
    names = [
        [
            (edge.peer.name, edge.key.port)
            for edge in build_topology(Builder().add(*order).review()).ingress.edges
        ]
        for order in (rows, rows[::-1], rows[3:] + rows[:3])
    ]
    assert names[0] == names[1] == names[2]
    assert [name for name, _ in names[0]] == ["a", "b", "b", "b", "n", "office", "10.0.0.9", "10.0.0.10"]
    assert [port for name, port in names[0] if name == "b"] == [80, 443, 8080]


def test_graph_runs_from_who_opens_to_who_listens():
    graph = build_graph(shop())
    assert graph.has_edge(deployment("frontend"), CHECKOUT)
    assert graph.has_edge(CHECKOUT, DNS)
    assert not graph.has_edge(DNS, CHECKOUT)
    assert graph.number_of_edges(deployment("frontend"), CHECKOUT) == 2


def test_service_and_workload_of_one_name_are_different_entities():
    service, owner = WorkloadRef("Service", "shop", "web"), WorkloadRef("Deployment", "shop", "web")
    assert subject_peer(service) != subject_peer(owner) == owner_peer(owner)
