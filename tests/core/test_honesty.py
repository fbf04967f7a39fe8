"""Nothing is cut or opened without a word: whom a policy selects, lets in or leaves alone."""

import pytest

from netsec_tui.core.cluster.addresses import ranges_of
from netsec_tui.model.decision import GeneralRule
from netsec_tui.model.flow import Endpoint, Protocol, Reserved, Verdict
from netsec_tui.model.review import Standing
from netsec_tui.session.actions import SetGeneralRule
from tests.core.traffic import (
    IN,
    OUT,
    answer,
    end,
    exchange,
    inventory,
    listed,
    node,
    obj,
    of,
    only,
    pod,
    request,
    review,
    session,
    table,
    workload,
)

WEB, DB = of("web"), of("db")


def told(app, index, workloads=()):
    """Return a pod as the agent of its own node tells it, with its workload, or as another's does."""
    return end(f"{app}-{index}", labels={"app": app}, workloads=workloads)


def test_pods_whose_workload_only_their_own_node_tells_are_one_workload():
    own = (("Deployment", "svc"),)
    flows = [
        *exchange(WEB, told("svc", 1, own), 8080),
        *exchange(WEB, told("svc", 2), 9090),
        *exchange(told("svc", 2), DB, 6379),
    ]
    made = session(flows)
    assert "Workload/svc" not in " ".join(listed(made))
    assert table(made, "Deployment/svc", IN) == ["Workload/web TCP 8080", "Workload/web TCP 9090"]
    assert table(made, "Deployment/svc", OUT) == ["Workload/db TCP 6379"]


def test_the_narrowest_selector_takes_a_pod_that_fits_two():
    owners = (
        workload("Deployment", "web", labels={"app": "web"}),
        workload("Deployment", "canary", labels={"app": "web", "track": "canary"}),
    )
    canary = end("canary-0", labels={"app": "web", "track": "canary"})
    made = session([*exchange(WEB, DB, 80), *exchange(canary, DB, 5432)], owners)
    assert table(made, "Deployment/canary", OUT) == ["Workload/db TCP 5432"]
    assert table(made, "Deployment/web", OUT) == ["Workload/db TCP 80"]


def test_a_row_names_the_owners_that_its_selector_lets_in_besides():
    twins = tuple(workload("Deployment", name, "twin") for name in ("x1", "x2"))
    seen = end("x1-0", labels={"app": "twin"}, workloads=(("Deployment", "x1"),))
    made = session(exchange(seen, WEB, 80), (*twins, workload("Deployment", "web")))
    assert only(made, "Deployment/web", IN).reason == "its labels are also those of Deployment/x2"


def node_object(name, cidr=None, ip="172.18.0.2"):
    spec = {"podCIDR": cidr, "podCIDRs": [cidr]} if cidr else {}
    addresses = {"addresses": [{"type": "InternalIP", "address": ip}]}
    return obj("Node", name, None, spec=spec, status=addresses)


@pytest.mark.parametrize(
    ("objects", "by_hand", "complete"),
    [
        ([node_object("a", "10.244.0.0/24")], (), True),
        ([node_object("a", "10.244.0.0/24"), node_object("b", ip="172.18.0.3")], (), False),
        ([node_object("a", "10.244.0.0/24"), node_object("b", ip="172.18.0.3")], ("10.244.0.0/16",), True),
        ([node_object("a", "10.244.0.0/24"), pod("p", "p", ip="10.244.9.9")], (), False),
        ([node_object("a", "10.244.0.0/24"), pod("p", "p", ip="172.18.0.2", host=True)], (), True),
        ([], ("10.244.0.0/16",), True),
    ],
)
def test_ranges_are_complete_only_when_no_node_or_pod_shows_a_gap(objects, by_hand, complete):
    known = inventory(*objects, pod_cidrs=by_hand, service_cidrs=("10.96.0.0/16",))
    assert ranges_of(known).complete(4) is complete


def test_a_dropped_answer_is_no_answer():
    flows = [
        request(WEB, DB, 5432, syn=True),
        answer(WEB, DB, 5432, verdict=Verdict.DROPPED),
        *exchange(WEB, DB, 80),
    ]
    row = next(r for r in review(session(flows), "Workload/web").egress.rows if r.key.port == 5432)
    assert (row.standing, row.reason) == (Standing.OUT, "denied once, never answered")
    assert row.communication.counts.denied == 1


API = (
    obj("Service", "kubernetes", "default", spec={"clusterIP": "10.96.0.1", "ports": [{"port": 443}]}),
    obj(
        "EndpointSlice",
        "kubernetes",
        "default",
        metadata={"labels": {"kubernetes.io/service-name": "kubernetes"}},
        endpoints=[{"addresses": ["172.18.0.9"]}],
        ports=[{"port": 6443, "protocol": "TCP"}],
    ),
)


def test_the_api_server_calling_a_webhook_starts_in_on_the_port_it_called():
    objects = [{**o, "apiVersion": "discovery.k8s.io/v1"} if o["kind"] == "EndpointSlice" else o for o in API]
    caller = node("172.18.0.9", Reserved.KUBE_APISERVER)
    made = session(exchange(caller, WEB, 9443), (*objects, workload("Deployment", "web")))
    row = only(made, "Deployment/web", IN)
    assert (row.communication.peer.name, row.standing) == ("kubernetes", Standing.IN)
    rule = review(made, "Deployment/web").policies[0].ingress[0]
    assert [str(p.ip_block.cidr) for p in rule.peers] == ["172.18.0.9/32"]
    assert [p.port for p in rule.ports] == [9443]


def test_a_node_port_leads_to_the_pods_behind_its_service():
    ports = [{"port": 80, "targetPort": 8080, "nodePort": 30080}]
    back = obj("Service", "back", spec={"type": "NodePort", "selector": {"app": "back"}, "ports": ports})
    objects = (
        node_object("n", "10.244.0.0/24"),
        back,
        workload("Deployment", "web"),
        workload("Deployment", "back"),
    )
    made = session(exchange(WEB, node("172.18.0.2", Reserved.REMOTE_NODE), 30080), objects)
    assert table(made, "Deployment/web", OUT) == ["Service/back TCP 8080"]


@pytest.mark.parametrize("rule", [GeneralRule.ROWS_DECIDE, GeneralRule.INSIDE_NAMESPACE])
@pytest.mark.parametrize("told_as", [Reserved.HOST, Reserved.WORLD])
def test_a_dns_cache_on_the_node_starts_in(rule, told_as):
    cache = Endpoint("169.254.20.10", reserved=told_as)
    made = session(exchange(WEB, cache, 53, protocol=Protocol.UDP))
    only(made, "Workload/web", OUT)
    made.apply(SetGeneralRule(OUT, rule))
    row = made.review().egress.rows[0]
    assert (row.standing, row.reason) == (Standing.IN, "DNS cache on the node")
    blocks = [p.ip_block.cidr for r in made.review().policies[0].egress for p in r.peers if p.ip_block]
    assert blocks == ["169.254.20.10/32"]


def test_nothing_of_a_refused_workload_claims_to_be_in_a_policy():
    agent = workload("DaemonSet", "agent", host=True)
    made = session(exchange(WEB, end("agent-x", labels={"app": "agent"}), 9100), (agent,))
    found = review(made, "DaemonSet/agent")
    assert not found.policies
    assert [(r.standing, r.in_policy) for r in found.ingress.rows] == [(Standing.NOT_EXPRESSIBLE, False)]
    assert found.egress.note == "no policy is made: egress stays as it is"
    made.apply(SetGeneralRule(IN, GeneralRule.ALLOW_ALL))
    assert not made.review().ingress.rows[0].in_policy


def test_allow_all_says_what_it_leaves_open_of_icmp():
    made = session([request(WEB, DB, 0, protocol=Protocol.ICMP)])
    only(made, "Workload/web", OUT)
    made.apply(SetGeneralRule(OUT, GeneralRule.ALLOW_ALL))
    row = made.review().egress.rows[0]
    assert not row.in_policy
    assert row.reason.endswith("what Allow All means for it is up to the CNI")
