"""The recorded Bookinfo cluster: 400 TCP flows give its call graph, and nothing else."""

import json
import random
import time

import pytest
import yaml

from netsec_tui.model.identity import Direction, PeerSort
from netsec_tui.model.review import Standing
from netsec_tui.session.actions import ChooseWorkload
from netsec_tui.session.session import Options, Session
from netsec_tui.sources.hubble.decode import HubbleDecoder

CALLS = {
    ("ratings", "productpage", 9080),
    ("productpage", "details", 9080),
    ("productpage", "reviews", 9080),
    ("reviews", "ratings", 9080),
    ("otelcol-hubble-collector", "jaeger-default", 14250),
}
NODES = {
    ("jaeger-default", Direction.INGRESS, "10.244.0.148", 14269),
    ("otelcol-hubble-collector", Direction.EGRESS, "172.19.0.3", 4244),
}


def flows_of(shared_data, name):
    decoder = HubbleDecoder()
    path = shared_data / "flows" / "hubble" / f"basic-sample-{name}-flows.json"
    return [decoder.decode(json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def read(*batches):
    session = Session(Options(), time.time)
    for batch in batches:
        session.add_flows(batch)
        session.workloads()  # so that the next batch is folded into what was resolved before
    return session


def reviews(session):
    found = {}
    for choice in session.workloads():
        session.apply(ChooseWorkload(choice.ref))
        found[choice.ref] = session.review()
    return found


@pytest.fixture(scope="module")
def recorded(shared_data):
    return reviews(read(flows_of(shared_data, "400-tcp")))


def rows(found, sort, direction):
    return {
        (ref.name, row.key.peer.name, row.key.port)
        for ref, review in found.items()
        for row in review.of(direction).rows
        if row.key.peer.sort is sort
    }


def test_rows_between_pods_are_exactly_the_calls_on_both_sides(recorded):
    assert rows(recorded, PeerSort.OWNER, Direction.EGRESS) == CALLS
    incoming = rows(recorded, PeerSort.OWNER, Direction.INGRESS)
    assert {(client, server, port) for server, client, port in incoming} == CALLS


def test_every_other_row_is_a_node(recorded):
    every = [(ref, row) for ref, r in recorded.items() for d in Direction for row in r.of(d).rows]
    others = [(ref, row) for ref, row in every if row.key.peer.sort is not PeerSort.OWNER]
    assert {row.key.peer.sort for _, row in others} == {PeerSort.NODE}
    told = {(ref.name, row.key.direction, row.key.peer.name, row.key.port) for ref, row in others}
    assert told == NODES
    assert {row.standing for _, row in others} == {Standing.OUT}
    assert {row.key.port for _, row in every} == {9080, 14250, 14269, 4244}


def test_calls_are_answered_and_start_in(recorded):
    called = [row for r in recorded.values() for row in r.egress.rows if row.key.peer.sort is PeerSort.OWNER]
    assert len(called) == len(CALLS)
    for row in called:
        assert row.standing is Standing.IN, row.reason
        assert row.communication.counts.answers > 0
        assert row.communication.counts.allowed > 0
        assert row.communication.counts.denied == 0


def test_workloads_are_named_by_their_labels(recorded):
    assert [(ref.namespace, str(ref)) for ref in recorded] == [
        ("bookinfo", "Workload/details"),
        ("bookinfo", "Workload/productpage"),
        ("bookinfo", "Workload/ratings"),
        ("bookinfo", "Workload/reviews"),
        ("jaeger", "Workload/jaeger-default"),
        ("kube-system", "Workload/otelcol-hubble-collector"),
    ]


def test_every_workload_has_a_policy_of_its_calls(recorded):
    allowed = set()
    for ref, review in recorded.items():
        policy = yaml.safe_load(review.yaml)
        assert policy["metadata"] == {"name": f"workload-{ref.name}", "namespace": ref.namespace}
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
        assert list(policy["spec"]["podSelector"]["matchLabels"].values()) == [ref.name]
        for rule in policy["spec"]["egress"]:
            for peer in rule["to"]:
                (name,) = peer["podSelector"]["matchLabels"].values()
                allowed |= {(ref.name, name, port["port"]) for port in rule["ports"]}
    assert allowed == CALLS


def test_screen_says_what_is_missing(recorded):
    warnings = " ".join(next(iter(recorded.values())).warnings)
    assert "no cluster state" in warnings
    assert "only 3 s seen" in warnings
    assert "DNS is not known" in warnings


def test_order_and_batches_of_the_recording_make_no_difference(shared_data, recorded):
    flows = flows_of(shared_data, "400-tcp")
    for seed in range(3):
        shuffled = random.Random(seed).sample(flows, len(flows))
        batches = [shuffled[i : i + 57] for i in range(0, len(shuffled), 57)]
        assert reviews(read(*batches)) == recorded


@pytest.mark.parametrize("name", ["10", "330-dns", "400-l7-redirected", "400-tcp"])
def test_no_recording_gives_a_row_on_a_client_port(shared_data, name):
    found = reviews(read(flows_of(shared_data, name)))
    assert found
    ports = {row.key.port for r in found.values() for d in Direction for row in r.of(d).rows}
    assert all(0 < port < 32768 for port in ports), ports
