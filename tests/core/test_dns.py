"""The cluster's DNS: found by its Service, on its pods' own port, over UDP and TCP; never invented."""

import pytest
import yaml

from netsec_tui.model.flow import Endpoint, Protocol
from netsec_tui.model.identity import DNS
from tests.core.traffic import end, exchange, of, pod, review, service, session, workload

LABELS = {"k8s-app": "kube-dns"}
WEB = of("web")
BASE = [workload("Deployment", "web"), workload("Deployment", "db")]
CALL = exchange(WEB, of("db"), 5432)


def dns(ports, name="kube-dns", namespace="kube-system", **rest):
    return service(
        name, ports, ip="10.96.0.10", namespace=namespace, **{"selector": LABELS, "labels": LABELS, **rest}
    )


def pods(**rest):
    rest = {"labels": LABELS, "namespace": "kube-system", "ip": "10.244.0.53", **rest}
    return pod("coredns-1", owner=("Deployment", "coredns"), **rest)


BOTH = [(53, 53, "UDP", "dns"), (53, 53, "TCP", "dns-tcp")]


def dns_rows(objects, flows=CALL):
    found = review(session(flows, [*BASE, *objects]), "Deployment/web")
    return found, [row for row in found.egress.rows if row.key.peer == DNS]


def rule_ports(found):
    """Return the DNS rule's (protocol, port) pairs as they stand in the written policy."""
    rules = yaml.safe_load(found.yaml)["spec"]["egress"]
    return [
        (port["protocol"], port["port"])
        for rule in rules
        for peer in rule["to"]
        if "namespaceSelector" in peer
        for port in rule["ports"]
    ]


@pytest.mark.parametrize(
    ("objects", "port"),
    [
        pytest.param([dns(BOTH)], 53, id="port 53"),
        pytest.param([dns([(53, 5353, "UDP"), (53, 5353, "TCP")])], 5353, id="target port 5353"),
        pytest.param([dns([(53, None, "UDP"), (53, None, "TCP")])], 53, id="no target port"),
        pytest.param([dns([(53, 53, "UDP")])], 53, id="only UDP"),
        pytest.param([dns([(53, 5353, "TCP")])], 5353, id="only TCP"),
        pytest.param(
            [dns([*BOTH, (9153, 9153, "TCP", "metrics")])], 53, id="metrics port beside it is not DNS"
        ),
        pytest.param([dns(BOTH, "coredns", labels={})], 53, id="by name"),
        pytest.param([dns(BOTH, "anything")], 53, id="by label"),
        pytest.param([dns(BOTH, "dns-default", "openshift-dns", labels={})], 53, id="openshift"),
    ],
)
def test_dns_is_found_with_its_pods_port(objects, port):
    found, rows = dns_rows(objects)
    assert [row.ticked for row in rows] == [True]
    assert rule_ports(found) == [("TCP", port), ("UDP", port)]


def test_named_port_is_looked_up_in_the_pods():
    listed = [
        {"name": "dns", "containerPort": 5353, "protocol": "UDP"},
        {"name": "dns-tcp", "containerPort": 5354, "protocol": "TCP"},
    ]
    backend = pods()
    backend["spec"]["containers"] = [{"ports": listed}]
    found, _ = dns_rows([dns([(53, "dns", "UDP"), (53, "dns-tcp", "TCP")]), backend])
    assert rule_ports(found) == [("TCP", 5354), ("UDP", 5353)]


def test_pods_that_give_the_port_different_numbers_are_all_reached():
    def backend(name, number):
        made = pods() | {"metadata": {**pods()["metadata"], "name": name}}
        made["spec"] = {
            "containers": [{"ports": [{"name": "dns", "containerPort": number, "protocol": "UDP"}]}]
        }
        return made

    found, rows = dns_rows([dns([(53, "dns", "UDP")]), backend("old-1", 5353), backend("new-1", 1053)])
    assert len(rows) == 1
    assert rule_ports(found) == [("TCP", 1053), ("TCP", 5353), ("UDP", 1053), ("UDP", 5353)]


def test_rule_names_namespace_and_pods():
    found, _ = dns_rows([dns(BOTH)])
    (peer,) = (p for rule in found.policies[0].egress for p in rule.peers if p.namespace_selector)
    assert peer.namespace_selector.match_labels == (("kubernetes.io/metadata.name", "kube-system"),)
    assert peer.pod_selector.match_labels == tuple(LABELS.items())


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param([], id="no Service"),
        pytest.param([dns(BOTH, namespace="shop")], id="another namespace"),
        pytest.param([dns([(9153, 9153, "TCP")])], id="no port 53"),
        pytest.param([dns(BOTH, selector={})], id="no selector"),
        pytest.param([dns(BOTH, "metrics", labels={})], id="neither name nor label"),
        pytest.param([dns([(53, "dns", "UDP")])], id="port name that nobody declares"),
    ],
)
def test_dns_is_never_invented(objects):
    found, rows = dns_rows(objects)
    assert rows == []
    assert rule_ports(found) == []
    assert any("DNS is not known" in warning for warning in found.warnings)


def test_without_cluster_state_observed_dns_stays_an_ordinary_row():
    flows = exchange(WEB, end("coredns-1", namespace="kube-system", labels=LABELS), 53, protocol=Protocol.UDP)
    found = review(session(flows), "Workload/web")
    assert [row.key.peer.name for row in found.egress.rows] == ["kube-dns"]
    assert any("DNS is not known" in warning for warning in found.warnings)


def test_observed_dns_folds_into_the_row_by_every_way_to_reach_it():
    backend = end("coredns-1", namespace="kube-system")
    udp = {"protocol": Protocol.UDP}
    flows = [
        *CALL,
        *exchange(WEB, backend, 53, **udp),
        *exchange(WEB, backend, 53),
        *exchange(WEB, Endpoint("10.96.0.10"), 53, **udp),
        *exchange(WEB, Endpoint("10.244.0.53"), 53, **udp),
        *exchange(WEB, backend, 9153),
    ]
    found, (row,) = dns_rows([dns([*BOTH, (9153, 9153, "TCP", "metrics")]), pods()], flows)
    assert row.communication.counts.allowed == 4
    assert {(key.protocol, key.port) for key in row.communication.folded} == {
        (Protocol.UDP, 53),
        (Protocol.TCP, 53),
    }
    others = [(r.key.peer.name, r.key.port) for r in found.egress.rows if r.key.peer != DNS]
    assert sorted(others) == [("coredns", 9153), ("db", 5432)]


def test_dns_row_is_not_folded_on_another_port():
    flows = exchange(WEB, Endpoint("10.96.0.10"), 54)
    found, (row,) = dns_rows([dns(BOTH)], flows)
    assert row.communication.counts.total == 0
    assert row.reason == "not seen; every name look-up needs it"
    assert len(found.egress.rows) == 2
