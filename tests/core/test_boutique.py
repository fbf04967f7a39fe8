"""Online Boutique: the calls that its manifests' environment names, told in three ways, give one policy."""

import itertools
from typing import NamedTuple

import pytest
import yaml

from netsec_tui.model.flow import Endpoint, Protocol, Verdict
from netsec_tui.model.identity import Direction, PeerSort, WorkloadRef
from netsec_tui.model.review import Standing
from netsec_tui.session.actions import ChooseWorkload
from netsec_tui.session.session import Options, Session
from netsec_tui.sources.inventory.build import build_inventory
from tests.core.traffic import NOON, exchange, request

OWNERS = ["adservice", "cartservice", "checkoutservice", "currencyservice", "emailservice", "frontend"]
OWNERS += ["loadgenerator", "paymentservice", "productcatalogservice", "recommendationservice"]
OWNERS += ["redis-cart", "shippingservice"]
MANIFESTS = "manifests/online-boutique/kubernetes-manifests.yaml"


class Call(NamedTuple):
    """A call of the published graph: the Service dialled with its port, the pod port behind it."""

    client: str
    server: str
    service: str
    service_port: int
    pod_port: int


@pytest.fixture(scope="module")
def objects(shared_data):
    text = (shared_data / MANIFESTS).read_text("utf-8")
    return [document for document in yaml.safe_load_all(text) if document]


@pytest.fixture(scope="module")
def calls(objects):
    """Return one call for every ``*_ADDR`` variable whose Service exists, in containers of all sorts."""
    services = {o["metadata"]["name"]: o["spec"] for o in objects if o["kind"] == "Service"}
    deployments = [o for o in objects if o["kind"] == "Deployment"]
    by_app = {o["spec"]["template"]["metadata"]["labels"]["app"]: o["metadata"]["name"] for o in deployments}
    found = set()
    for deployment in deployments:
        pod = deployment["spec"]["template"]["spec"]
        for container in pod["containers"] + pod.get("initContainers", []):
            for variable in container.get("env", []):
                host, _, port = str(variable.get("value", "")).partition(":")
                if not variable["name"].endswith("_ADDR") or host not in services:
                    continue
                (target,) = (p["targetPort"] for p in services[host]["ports"] if p["port"] == int(port))
                server = by_app[services[host]["selector"]["app"]]
                found.add(Call(deployment["metadata"]["name"], server, host, int(port), target))
    return sorted(found)


def pod_of(call_end, ip):
    return Endpoint(ip, "boutique", f"{call_end}-7d4b9c-x2x4z", (("app", call_end),))


def to_pod(call, client, server, cluster_ip):
    return exchange(client, server, call.pod_port)


def to_cluster_ip(call, client, server, cluster_ip):
    dialled = ("boutique", call.service)
    return exchange(client, Endpoint(cluster_ip), call.service_port, service=dialled)


def in_the_socket(call, client, server, cluster_ip):
    """Return what Cilium's socket load balancer tells: dialled, translated; then packets to the backend."""
    dialled = ("boutique", call.service)
    socket = {"source_port": 0, "is_reply": False}
    front = Endpoint(cluster_ip)
    return [
        request(client, front, call.service_port, verdict=Verdict.TRACED, service=dialled, **socket),
        request(client, server, call.pod_port, verdict=Verdict.TRANSLATED, **socket),
        *exchange(client, server, call.pod_port),
    ]


WAYS = [to_pod, to_cluster_ip, in_the_socket]


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def way(request):
    return request.param


@pytest.fixture
def session(objects, calls, way):
    """Return a session on flows of all calls; the manifests tell neither pods nor ClusterIPs."""
    placed = [{**o, "metadata": {**o["metadata"], "namespace": "boutique"}} for o in objects]
    inventory, problems = build_inventory(placed)
    assert problems == ()
    made = Session(Options(), lambda: NOON)
    made.set_inventory(inventory)
    ips = {name: f"10.244.1.{number}" for number, name in enumerate(OWNERS, 1)}
    flows = []
    for number, call in enumerate(calls, 1):
        client, server = pod_of(call.client, ips[call.client]), pod_of(call.server, ips[call.server])
        flows += way(call, client, server, f"10.96.0.{number}")
    made.add_flows(flows)
    return made


def look(session, name, kind="Deployment"):
    session.apply(ChooseWorkload(WorkloadRef(kind, "boutique", name)))
    return session.review()


def test_environment_names_the_published_graph(calls):
    assert len(calls) == 16
    assert {call.client for call in calls} | {call.server for call in calls} == set(OWNERS)
    translated = {(c.service, c.service_port, c.pod_port) for c in calls if c.service_port != c.pod_port}
    assert translated == {("emailservice", 5000, 8080), ("frontend", 80, 8080)}


def test_twelve_workloads_are_listed(session):
    deployments = [choice.ref.name for choice in session.workloads() if choice.ref.kind == "Deployment"]
    assert deployments == OWNERS
    assert {choice.ref.kind for choice in session.workloads()} == {"Deployment", "Service"}


def test_listed_counts_are_the_rows(session):
    for choice in session.workloads():
        review = look(session, choice.ref.name, choice.ref.kind)
        assert (len(review.ingress.rows), len(review.egress.rows)) == (choice.ingress, choice.egress), choice


def test_rows_are_the_calls_on_pod_ports(session, calls):
    for name in OWNERS:
        review = look(session, name)
        egress = sorted((row.key.peer.name, row.key.port) for row in review.egress.rows)
        assert egress == sorted((c.server, c.pod_port) for c in calls if c.client == name)
        ingress = sorted((row.key.peer.name, row.key.port) for row in review.ingress.rows)
        assert ingress == sorted((c.client, c.pod_port) for c in calls if c.server == name)


def test_rows_are_included_and_say_through_which_service(session, calls, way):
    vias = {(c.client, c.server): f"{c.service}:{c.service_port}" for c in calls}
    for name in OWNERS:
        for row in look(session, name).egress.rows:
            assert row.standing is Standing.IN, row
            dialled = vias[name, row.key.peer.name]
            assert [str(via) for via in row.communication.via] == ([] if way is to_pod else [dialled])


def test_dialled_service_without_backend_is_a_service_row_and_else_folds(session, calls, way):
    sorts = {row.key.peer.sort for name in OWNERS for row in look(session, name).egress.rows}
    assert sorts == {PeerSort.SERVICE if way is to_cluster_ip else PeerSort.OWNER}
    sorts = {row.key.peer.sort for name in OWNERS for row in look(session, name).ingress.rows}
    assert sorts == {PeerSort.OWNER}


def test_policies_write_pod_ports(session, calls):
    wanted = {(c.client, c.server, c.pod_port) for c in calls}
    allowed = {Direction.INGRESS: set(), Direction.EGRESS: set()}
    for name in OWNERS:
        spec = yaml.safe_load(look(session, name).yaml)["spec"]
        assert spec["podSelector"] == {"matchLabels": {"app": name}}
        for direction, peers in ((Direction.INGRESS, "from"), (Direction.EGRESS, "to")):
            for rule in spec[direction.value]:
                for peer, port in itertools.product(rule[peers], rule["ports"]):
                    assert list(peer) == ["podSelector"]
                    other = peer["podSelector"]["matchLabels"]["app"]
                    ends = (name, other) if direction is Direction.EGRESS else (other, name)
                    allowed[direction].add((*ends, port["port"]))
                    assert port["protocol"] == Protocol.TCP
    assert allowed == {Direction.INGRESS: wanted, Direction.EGRESS: wanted}


def test_service_scope_names_its_owner_and_has_its_rows(session, calls):
    review = look(session, "frontend-external", "Service")
    assert review.subject.owners == (WorkloadRef("Deployment", "boutique", "frontend"),)
    assert review.subject.selector.match_labels == (("app", "frontend"),)
    assert sorted((row.key.peer.name, row.key.port) for row in review.egress.rows) == sorted(
        (c.server, c.pod_port) for c in calls if c.client == "frontend"
    )
