"""Flows become communications: one row per direction, peer owner or address, protocol, listening port."""

import pytest

from netsec_tui.core.traffic.observe import Observations
from netsec_tui.model.flow import Endpoint, Flow, Protocol, Reserved, Verdict
from netsec_tui.model.identity import PeerSort
from netsec_tui.model.review import Standing
from tests.core.traffic import (
    IN,
    NOON,
    OUT,
    answer,
    cluster_node,
    end,
    exchange,
    inventory,
    line,
    listed,
    node,
    of,
    only,
    pod,
    request,
    review,
    service,
    session,
    table,
    workload,
)

WEB, DB = of("web"), of("db")
DEPLOYED = [workload("Deployment", "web"), workload("Deployment", "db", ports={"sql": 5432})]
MINUTE = 60.0


def test_ten_pods_to_ten_pods_are_one_row():
    flows = [
        flow
        for i in range(10)
        for j in range(10)
        for flow in exchange(of("web", i), of("db", j), 5432, source_port=40000 + i)
    ]
    made = session(flows, DEPLOYED)
    row = only(made, "Deployment/web", OUT)
    assert line(row) == "Deployment/db TCP 5432"
    assert (row.communication.counts.allowed, row.communication.counts.answers) == (100, 100)
    assert row.communication.pods == tuple(f"shop/db-{j}" for j in range(10))
    assert row.communication.own_pods == tuple(f"shop/web-{i}" for i in range(10))
    assert line(only(made, "Deployment/db", IN)) == "Deployment/web TCP 5432"
    assert (made.workloads()[0].ingress, made.workloads()[0].egress) == (1, 0)


def test_rows_differ_by_direction_peer_protocol_and_port():
    flows = [
        *exchange(WEB, DB, 5432),
        *exchange(WEB, DB, 5433),
        *exchange(WEB, DB, 5432, protocol=Protocol.UDP),
        *exchange(DB, WEB, 5432),
        *exchange(WEB, WEB, 5432),
        *exchange(WEB, end(ip="192.0.2.1"), 5432),
    ]
    made = session(flows, DEPLOYED)
    assert table(made, "Deployment/web", OUT) == [
        "Deployment/db TCP 5432",
        "Deployment/db TCP 5433",
        "Deployment/db UDP 5432",
        "Deployment/web TCP 5432",
        "ip 192.0.2.1 TCP 5432",
    ]
    assert table(made, "Deployment/web", IN) == ["Deployment/db TCP 5432", "Deployment/web TCP 5432"]


def test_verdicts_are_counted_in_one_row():
    amounts = dict(zip(Verdict, (2, 3, 5, 7, 11, 13, 17, 19), strict=True))
    flows = [request(WEB, DB, 5432, verdict=v, count=n) for v, n in amounts.items()]
    row = only(session(flows, DEPLOYED), "Deployment/web", OUT)
    assert row.communication.counts.verdicts == tuple(amounts.values())
    assert row.communication.counts.allowed == 3 + 13
    assert row.communication.counts.denied == 5 + 11


def test_replies_are_folded_in_and_only_dropped_ones_count_by_verdict():
    flows = [
        request(WEB, DB, 5432),
        answer(WEB, DB, 5432, count=4),
        answer(WEB, DB, 5432, rst=True),
        answer(WEB, DB, 5432, source_port=51111, verdict=Verdict.DROPPED),
    ]
    made = session(flows, DEPLOYED)
    counts = only(made, "Deployment/web", OUT).communication.counts
    assert (counts.allowed, counts.denied, counts.answers, counts.refusals) == (1, 1, 4, 1)
    assert table(made, "Deployment/db", OUT) == []


def test_what_was_let_in_is_counted_among_what_went_on():
    flows = [
        request(WEB, DB, 5432, count=4, arrived=True),
        request(WEB, DB, 5432, count=3, time=NOON + 100, arrived=True),
        request(WEB, DB, 5432, count=2),
        answer(WEB, DB, 5432, arrived=True),
    ]
    counts = only(session(flows, DEPLOYED), "Deployment/web", OUT).communication.counts
    assert (counts.allowed, counts.arrived, counts.answers, counts.total) == (9, 7, 1, 10)


@pytest.mark.parametrize("verdict", [Verdict.DROPPED, Verdict.ERROR])
def test_an_answer_that_got_no_further_shows_nothing(verdict):
    flows = [request(WEB, DB, 5432), answer(WEB, DB, 5432, verdict=verdict)]
    counts = only(session(flows, DEPLOYED), "Deployment/web", OUT).communication.counts
    assert counts.answers == 0
    assert counts.verdicts[verdict] == 1
    observations = Observations()
    observations.add(flows)
    assert not observations.reports_replies


@pytest.mark.parametrize("verdict", [Verdict.DROPPED, Verdict.ERROR])
def test_nor_does_one_of_which_the_direction_was_found_later(verdict):
    back = Flow(NOON, DB, WEB, Protocol.TCP, 5432, 40000, verdict, is_reply=None, arrived=True)
    made = session([request(WEB, DB, 5432, source_port=40001), back], DEPLOYED)
    counts = only(made, "Deployment/web", OUT).communication.counts
    assert (counts.answers, counts.arrived, counts.verdicts[verdict]) == (0, 0, 1)


def test_first_and_last_seen_span_requests_and_answers():
    flows = [
        request(WEB, DB, 5432, time=NOON + 100.5),
        answer(WEB, DB, 5432, time=NOON + 400.25),
        request(WEB, DB, 5432, time=NOON + 7.75),
    ]
    row = only(session(flows, DEPLOYED), "Deployment/web", OUT)
    assert (row.communication.first_seen, row.communication.last_seen) == (NOON + 7.75, NOON + 400.25)


@pytest.mark.parametrize("step", [1, -1])
def test_first_and_last_seen_within_one_minute(step):
    flows = [request(WEB, DB, 5432, time=NOON + s) for s in (3.5, 20.0, 41.25)][::step]
    row = only(session(flows, DEPLOYED), "Deployment/web", OUT)
    assert (row.communication.first_seen, row.communication.last_seen) == (NOON + 3.5, NOON + 41.25)


# Services

SHOP = [
    workload("Deployment", "web"),
    workload("Deployment", "api", ports={"http": 8080, "admin": 9090}),
    service("api", [(80, 8080)], ip="10.96.0.1"),
    service("named", [(80, "http", "TCP", "front")], "api", ip="10.96.0.2"),
    service("plain", [(8080, None)], "api", ip="10.96.0.3"),
    service("foreign", [(443, 8443)], ip="10.96.0.9", selector={}),
]
API = of("api")


@pytest.mark.parametrize(
    ("address", "dialled", "name", "port"),
    [
        ("10.96.0.1", 80, "api", 8080),
        ("10.96.0.2", 80, "named", 8080),
        ("10.96.0.3", 8080, "plain", 8080),
    ],
)
def test_cluster_ip_without_backend_is_a_service_row_on_the_pod_port(address, dialled, name, port):
    made = session(exchange(WEB, Endpoint(address), dialled), SHOP)
    row = only(made, "Deployment/web", OUT)
    assert line(row) == f"Service/{name} TCP {port}"
    assert [str(via) for via in row.communication.via] == [f"{name}:{dialled}"]
    assert row.standing is Standing.IN
    (rule,) = review(made, "Deployment/web").policies[0].egress
    assert rule.peers[0].pod_selector.match_labels == (("app", "api"),)
    assert [p.port for p in rule.ports] == [port]


@pytest.mark.parametrize("backend_first", [True, False])
def test_dialled_service_folds_into_the_backend_that_was_seen(backend_first):
    socket = {"source_port": 0}
    flows = [
        request(WEB, Endpoint("10.96.0.1"), 80, verdict=Verdict.TRACED, time=NOON - 3, **socket),
        request(WEB, API, 8080, verdict=Verdict.TRANSLATED, **socket),
        *exchange(WEB, API, 8080),
    ]
    made = session(reversed(flows) if backend_first else flows, SHOP)
    row = only(made, "Deployment/web", OUT)
    assert line(row) == "Deployment/api TCP 8080"
    assert [str(via) for via in row.communication.via] == ["api:80"]
    assert row.communication.counts.verdicts[Verdict.TRACED] == 1
    assert row.communication.first_seen == NOON - 3
    assert row.communication.addresses == ()  # the dialled address is the Service's
    row = only(made, "Deployment/api", IN)
    assert line(row) == "Deployment/web TCP 8080"
    assert [str(via) for via in row.communication.via] == ["api:80"]
    assert {(c.ref.name, c.ingress, c.egress) for c in made.workloads() if c.ref.kind != "Service"} == {
        ("web", 0, 1),
        ("api", 1, 0),
    }


def test_denied_dials_of_a_folded_service_are_not_lost():
    flows = [
        *exchange(WEB, API, 8080),
        request(WEB, Endpoint("10.96.0.1"), 80, verdict=Verdict.DROPPED, count=6),
    ]
    made = session(flows, SHOP)
    for name, direction in (("web", OUT), ("api", IN)):
        row = only(made, f"Deployment/{name}", direction)
        assert row.communication.counts.denied == 6
        assert row.standing is Standing.IN
        assert "denied 6 times" in row.reason


def test_other_clients_backend_does_not_fold_a_service_row():
    flows = [*exchange(of("job"), API, 8080), *exchange(WEB, Endpoint("10.96.0.1"), 80)]
    made = session(flows, SHOP)
    assert table(made, "Deployment/web", OUT) == ["Service/api TCP 8080"]
    assert table(made, "Deployment/api", IN) == ["Deployment/web TCP 8080", "Workload/job TCP 8080"]


def test_another_port_of_the_backend_does_not_fold_a_service_row():
    flows = [*exchange(WEB, API, 9090), *exchange(WEB, Endpoint("10.96.0.1"), 80)]
    made = session(flows, SHOP)
    assert table(made, "Deployment/web", OUT) == ["Deployment/api TCP 9090", "Service/api TCP 8080"]
    assert table(made, "Deployment/api", IN) == ["Deployment/web TCP 8080", "Deployment/web TCP 9090"]


def test_backend_seen_before_the_window_does_not_hide_a_dial_within_it():
    flows = [
        *exchange(WEB, API, 8080, time=NOON - 3600),
        *exchange(WEB, Endpoint("10.96.0.1"), 80),
    ]
    made = session(flows, SHOP, span=0)
    assert table(made, "Deployment/web", OUT) == ["Service/api TCP 8080"]
    assert table(made, "Deployment/api", IN) == ["Deployment/web TCP 8080"]
    assert "Deployment/api" in listed(made)


def test_ingress_of_a_service_is_lifted_to_all_owners_behind_it():
    objects = [
        workload("Deployment", "blue", labels={"app": "api", "color": "blue"}, ports={"http": 8080}),
        workload("Deployment", "green", labels={"app": "api", "color": "green"}, ports={"http": 9090}),
        workload("Deployment", "other", labels={"app": "other"}, ports={"http": 7070}),
        workload("Deployment", "web"),
        service("api", [(80, "http")], ip="10.96.0.1"),
    ]
    made = session(exchange(WEB, Endpoint("10.96.0.1"), 80), objects)
    assert listed(made) == ["Deployment/blue", "Deployment/green", "Deployment/web", "Service/api"]
    # The owners give the port's name to different numbers: each listens on its own, and web must reach both.
    assert table(made, "Deployment/blue", IN) == ["Deployment/web TCP 8080"]
    assert table(made, "Deployment/green", IN) == ["Deployment/web TCP 9090"]
    assert table(made, "Service/api", IN) == ["Deployment/web TCP 8080", "Deployment/web TCP 9090"]
    assert table(made, "Deployment/web", OUT) == ["Deployment/blue TCP 8080", "Deployment/green TCP 9090"]
    found = {(c.ref.name, c.ingress, c.egress) for c in made.workloads()}
    assert {("web", 0, 2), ("blue", 1, 0), ("green", 1, 0)} <= found
    rules = review(made, "Deployment/web").policies[0].egress
    written = {dict(p.pod_selector.match_labels)["color"]: r.ports[0].port for r in rules for p in r.peers}
    assert written == {"blue": 8080, "green": 9090}


def test_dial_is_not_lifted_to_an_owner_when_another_was_seen_to_answer_it():
    objects = [
        workload("Deployment", "blue", labels={"app": "api", "color": "blue"}),
        workload("Deployment", "green", labels={"app": "api", "color": "green"}),
        service("api", [(80, 8080)], ip="10.96.0.1"),
    ]
    blue = end("blue-1", labels={"app": "api", "color": "blue"})
    flows = [*exchange(WEB, Endpoint("10.96.0.1"), 80), *exchange(WEB, blue, 8080)]
    made = session(flows, objects)
    assert table(made, "Workload/web", OUT) == ["Deployment/blue TCP 8080"]
    assert table(made, "Deployment/blue", IN) == ["Workload/web TCP 8080"]
    assert table(made, "Deployment/green", IN) == []
    assert listed(made) == ["Deployment/blue", "Service/api", "Workload/web"]


def test_lifted_dial_is_counted_once_for_a_service_with_two_owners():
    objects = [
        workload("Deployment", "blue", labels={"app": "api", "color": "blue"}),
        workload("Deployment", "green", labels={"app": "api", "color": "green"}),
        service("api", [(80, 8080)], ip="10.96.0.1"),
    ]
    made = session([request(of("web"), Endpoint("10.96.0.1"), 80, count=5)], objects)
    row = only(made, "Service/api", IN)
    assert line(row) == "Workload/web TCP 8080"
    assert row.communication.counts.allowed == 5


def test_unknown_service_is_a_row_that_cannot_be_expressed():
    flow = request(WEB, Endpoint("10.96.9.9"), 80, service=("shop", "ghost"))
    row = only(session([flow], SHOP), "Deployment/web", OUT)
    assert line(row) == "Service/ghost TCP 80"
    assert row.standing is Standing.NOT_EXPRESSIBLE
    assert "not known" in row.reason


def test_service_port_that_the_service_does_not_have_is_not_taken_for_a_pod_port():
    row = only(session(exchange(WEB, Endpoint("10.96.0.1"), 81), SHOP), "Deployment/web", OUT)
    assert row.standing is Standing.NOT_EXPRESSIBLE
    assert row.reason == "the pod port behind this Service port is not known"
    assert table(session(exchange(WEB, Endpoint("10.96.0.1"), 81), SHOP), "Deployment/api", IN) == []


# Nodes, the API server, addresses

NODES = [cluster_node("n1", "172.18.0.2"), cluster_node("n2", "172.18.0.3")]


@pytest.mark.parametrize(
    ("peer", "objects", "wanted"),
    [
        (node("172.18.0.2"), NODES, "node n1"),
        (node("10.244.0.9"), NODES, "node 10.244.0.9"),
        (Endpoint("172.18.0.3"), NODES, "node n2"),
        (Endpoint("172.18.0.3"), [], "ip 172.18.0.3"),
        (node("172.18.0.7", Reserved.REMOTE_NODE), [], "node 172.18.0.7"),
        (node("10.0.0.1", Reserved.HEALTH), [], "node 10.0.0.1"),
        (Endpoint("198.51.100.4", reserved=Reserved.WORLD), NODES, "ip 198.51.100.4"),
    ],
)
def test_nodes_are_a_class_of_their_own(peer, objects, wanted):
    made = session([*exchange(WEB, peer, 9100), *exchange(peer, WEB, 8080)], objects)
    owner = "Workload/web"
    assert table(made, owner, OUT) == [f"{wanted} TCP 9100"]
    assert table(made, owner, IN) == [f"{wanted} TCP 8080"]
    assert only(made, owner, OUT).standing is Standing.OUT
    assert not [c for c in made.workloads() if c.ref.kind == "Node"]


def test_node_behind_a_load_balancer_is_a_node():
    # k3s and others put the nodes' own addresses into status.loadBalancer.
    balancer = {
        **service("api", [(80, 8080)]),
        "status": {"loadBalancer": {"ingress": [{"ip": "172.18.0.2"}]}},
    }
    flows = exchange(Endpoint("172.18.0.2"), of("web"), 8080)
    assert table(session(flows, [*NODES, balancer]), "Workload/web", IN) == ["node n1 TCP 8080"]


def test_host_network_peer_is_not_expressible_and_its_policy_is_refused():
    objects = [workload("DaemonSet", "agent", host=True), *DEPLOYED]
    made = session(exchange(of("agent", ip="172.18.0.2"), WEB, 8080), objects)
    row = only(made, "Deployment/web", IN)
    assert line(row) == "DaemonSet/agent TCP 8080"
    assert row.standing is Standing.NOT_EXPRESSIBLE
    assert "host network" in row.reason


def test_proxys_answers_to_nodes_make_no_row():
    # The request went out under the pod's identity; only its answer is seen going to the proxy's node.
    flows = [
        answer(node("172.18.0.2"), WEB, 8080),
        answer(node("10.244.0.9"), WEB, 8080, is_reply=None, proven=False),
    ]
    made = session(flows, DEPLOYED)
    assert listed(made) == []
    probed = session([*flows, request(node("172.18.0.2"), WEB, 8080)], DEPLOYED)
    assert table(probed, "Deployment/web", IN) == ["node 172.18.0.2 TCP 8080"]


def test_api_server_is_one_peer_by_every_way_to_reach_it():
    objects = [
        *DEPLOYED,
        cluster_node("n1", "172.18.0.2"),
        service("kubernetes", [(443, 6443)], ip="10.96.0.1", namespace="default", selector={}),
        {
            "kind": "Endpoints",
            "metadata": {"name": "kubernetes", "namespace": "default"},
            "subsets": [{"addresses": [{"ip": "172.18.0.2"}], "ports": [{"port": 6443}]}],
        },
    ]
    flows = [
        *exchange(WEB, Endpoint("10.96.0.1"), 443),
        *exchange(WEB, Endpoint("172.18.0.2"), 6443),
        *exchange(WEB, node("172.18.0.2", Reserved.KUBE_APISERVER), 6443),
        *exchange(WEB, Endpoint("172.18.0.2"), 10250),
    ]
    made = session(flows, objects)
    assert table(made, "Deployment/web", OUT) == ["api-server TCP 6443", "node n1 TCP 10250"]
    (row,) = (r for r in review(made, "Deployment/web").egress.rows if r.key.peer.sort is PeerSort.API_SERVER)
    assert row.standing is Standing.IN


def test_unresolved_addresses_are_a_row_each_with_the_names_known():
    flows = [
        *exchange(WEB, Endpoint("198.51.100.4", names=("a.example",)), 443),
        *exchange(WEB, Endpoint("198.51.100.4", names=("b.example",)), 443),
        *exchange(WEB, Endpoint("2001:db8::1"), 443),
    ]
    made = session(flows, DEPLOYED)
    assert table(made, "Deployment/web", OUT) == ["ip 198.51.100.4 TCP 443", "ip 2001:db8::1 TCP 443"]
    row = review(made, "Deployment/web").egress.rows[0]
    assert row.communication.names == ("a.example", "b.example")


# Bad and odd input


def test_flow_without_any_end_to_name_is_kept_and_not_expressible():
    made = session([request(WEB, Endpoint(), 443), request(Endpoint(), WEB, 80)], DEPLOYED)
    for direction in (IN, OUT):
        row = only(made, "Deployment/web", direction)
        assert row.key.peer.name == ""
        assert row.standing is Standing.NOT_EXPRESSIBLE
        assert row.reason == "its address is not known"


@pytest.mark.parametrize("port", [0, -1, 65536, 10**30])
def test_impossible_ports_are_not_expressible(port):
    row = only(session([request(WEB, DB, port)], DEPLOYED), "Deployment/web", OUT)
    assert row.standing is Standing.NOT_EXPRESSIBLE
    assert row.reason == "its listening port is not known"


def test_huge_counts_are_exact():
    flows = [request(WEB, DB, 5432, count=10**20 + 1), request(WEB, DB, 5432, count=1, time=NOON + 60)]
    counts = only(session(flows, DEPLOYED), "Deployment/web", OUT).communication.counts
    assert counts.allowed == 10**20 + 2


@pytest.mark.parametrize("protocol", [Protocol.ICMP, Protocol.OTHER])
def test_protocols_without_ports_are_rows_that_cannot_be_expressed(protocol):
    flows = [request(WEB, DB, 0, protocol=protocol, source_port=0)]
    row = only(session(flows, DEPLOYED), "Deployment/web", OUT)
    assert line(row) == f"Deployment/db {protocol} 0"
    assert row.standing is Standing.NOT_EXPRESSIBLE


# Service scope


def test_service_scope_has_its_pods_rows_only():
    labels = {"app": "api", "track": "canary"}
    objects = [
        pod("api-0", labels=labels, owner=("StatefulSet", "api"), ip="10.244.0.1"),
        pod("api-1", "api", owner=("StatefulSet", "api"), ip="10.244.0.2"),
        workload("StatefulSet", "api"),
        service("canary", [(80, 8080)], selector=labels),
        service("all", [(80, 8080)], "api"),
    ]
    flows = [
        *exchange(of("one"), Endpoint("10.244.0.1"), 8080),
        *exchange(of("two"), Endpoint("10.244.0.2"), 8080),
        *exchange(Endpoint("10.244.0.2"), of("three"), 7000),
    ]
    made = session(flows, objects)
    assert table(made, "Service/canary", IN) == ["Workload/one TCP 8080"]
    assert table(made, "Service/canary", OUT) == []
    assert table(made, "Service/all", IN) == ["Workload/one TCP 8080", "Workload/two TCP 8080"]
    assert table(made, "Service/all", OUT) == ["Workload/three TCP 7000"]
    found = {str(c.ref): (c.ingress, c.egress) for c in made.workloads()}
    assert found["Service/canary"] == (1, 0)
    assert found["Service/all"] == found["StatefulSet/api"] == (2, 1)


def test_service_whose_pods_have_no_communications_is_not_listed():
    objects = [
        pod("api-0", labels={"app": "api", "track": "canary"}, owner=("StatefulSet", "api"), ip="10.244.0.1"),
        pod("api-1", "api", owner=("StatefulSet", "api"), ip="10.244.0.2"),
        workload("StatefulSet", "api"),
        service("canary", [(80, 8080)], selector={"app": "api", "track": "canary"}),
    ]
    made = session(exchange(of("two"), Endpoint("10.244.0.2"), 8080), objects)
    assert listed(made) == ["StatefulSet/api", "Workload/two"]


def test_service_names_the_owners_behind_it_and_has_its_own_selector():
    objects = [
        workload("Deployment", "blue", labels={"app": "api", "color": "blue"}),
        workload("Deployment", "green", labels={"app": "api", "color": "green"}),
        workload("Deployment", "elsewhere", labels={"app": "api"}, namespace="other"),
        service("api", [(80, 8080)]),
    ]
    labels = {"app": "api", "color": "blue"}
    made = session(exchange(of("web"), end("blue-1", labels=labels), 8080), objects)
    found = review(made, "Service/api")
    assert [str(owner) for owner in found.subject.owners] == ["Deployment/blue", "Deployment/green"]
    assert found.policies[0].pod_selector.match_labels == (("app", "api"),)
    assert table(made, "Service/api", IN) == ["Workload/web TCP 8080"]


def test_service_without_selector_is_not_offered():
    objects = [*DEPLOYED, service("open", [(80, 8080)], selector={}, ip="10.96.0.7")]
    made = session(exchange(WEB, Endpoint("10.96.0.7"), 80), objects)
    assert listed(made) == ["Deployment/web"]


def test_service_of_pods_known_from_flows_alone_has_their_rows():
    objects = inventory(service("db", [(5432, 5432)], ip="10.96.0.5"))
    made = session([*exchange(WEB, Endpoint("10.96.0.5"), 5432), *exchange(of("job"), DB, 5432)], objects)
    assert listed(made) == ["Service/db", "Workload/db", "Workload/job", "Workload/web"]
    assert table(made, "Workload/db", IN) == ["Workload/job TCP 5432", "Workload/web TCP 5432"]
    assert table(made, "Service/db", IN) == ["Workload/job TCP 5432", "Workload/web TCP 5432"]
