"""Services, DNS, the outside and the traffic between pods in a cluster of the harness, by real packets."""

from __future__ import annotations

import json
import struct
from collections import Counter

import pytest

from tests.cluster.harness import dns, netns, waiting
from tests.cluster.harness.calls import Call
from tests.cluster.harness.exchange import Attempt, exchange
from tests.cluster.harness.places import origin
from tests.cluster.harness.traffic import Answer, Probe
from tests.cluster.objects import deployment, pod, pods_of, service

REACHED, REFUSED, SILENT = Answer.REACHED, Answer.REFUSED, Answer.SILENT
NOBODYS = "203.0.113.99"
"""An address of the outside that nothing has."""


def who(driven):
    """Return which pods, without the controllers' endings, and ports answered how often."""
    return Counter(tuple(one.heard.who.split("/")[-1].split(" ")) for one in driven)


def test_a_service_leads_to_the_targets_port_of_each_of_its_pods(dns_cluster, space):
    dns_cluster.load(
        deployment("web"),
        deployment("orders", ports=[8080], replicas=4),
        service("orders", {80: 8080}),
        namespace=space,
    )
    calls = [Call(f"{space}/deploy/web", f"{space}/svc/orders:80", times=60)]
    driven = dns_cluster.drive(calls)
    assert {one.heard.answer for one in driven} == {REACHED}
    assert {one.heard.who.split()[1] for one in driven} == {"8080"}
    answered = {one.heard.who.split()[0].split("/")[1] for one in driven}
    behind = {
        item["metadata"]["name"]: item["spec"]["nodeName"]
        for item in pods_of(dns_cluster, space, "app=orders")
    }
    assert answered == set(behind)
    assert set(behind.values()) == {"node1", "node2"}


def test_the_name_of_a_target_port_is_another_number_at_another_pod(dns_cluster, space):
    dns_cluster.load(
        deployment("web"),
        pod("one", [8080], names={8080: "http"}, app="shop"),
        pod("two", [9090], names={9090: "http"}, app="shop"),
        service("shop", {80: "http"}),
        namespace=space,
    )
    driven = dns_cluster.drive([Call(f"{space}/deploy/web", f"{space}/svc/shop:80", times=40)])
    assert set(who(driven)) == {("one", "8080"), ("two", "9090")}


def test_udp_through_a_service(dns_cluster, space):
    dns_cluster.load(
        deployment("web"),
        pod("statsd", [], udp=[8125], app="statsd"),
        service("statsd", {125: 8125}, protocol="UDP"),
        namespace=space,
    )
    driven = dns_cluster.drive([Call(f"{space}/deploy/web", f"{space}/svc/statsd:125", "UDP")])
    assert who(driven) == {("statsd", "8125"): 1}


def test_a_service_for_its_own_node_alone_leads_nowhere_on_another(dns_cluster, space):
    local = service("agent", {80: 8080})
    local["spec"]["internalTrafficPolicy"] = "Local"
    clients = [pod(f"on-{node.name}", [], node=node.name) for node in dns_cluster.nodes]
    dns_cluster.load(*clients, pod("agent", [8080], node="node1"), local, namespace=space)
    calls = [Call(f"{space}/pod/on-{node.name}", f"{space}/svc/agent:80") for node in dns_cluster.nodes]
    here, elsewhere = (one.heard.answer for one in dns_cluster.drive(calls))
    # kube-proxy drops what has no endpoint on its node, and refuses it until it knows of any endpoint at all.
    assert here is REACHED
    assert elsewhere in (SILENT, REFUSED)


def test_a_node_port_is_open_to_the_outside_on_every_node(dns_cluster, space):
    dns_cluster.load(
        deployment("web", ports=[8080]), service("web", {80: 8080}, node_port=30080), namespace=space
    )
    calls = [Call("outside:203.0.113.14", f"node:{node.name}:30080") for node in dns_cluster.nodes]
    driven = dns_cluster.drive(calls)
    assert [one.heard.answer for one in driven] == [REACHED, REACHED]
    assert all(one.heard.who.startswith(f"{space}/web-") for one in driven)


def test_the_outside_sees_the_node_in_place_of_a_pod(dns_cluster, space):
    dns_cluster.load(pod("mailer", [], node="node1"), namespace=space)
    (driven,) = dns_cluster.drive([Call(f"{space}/pod/mailer", "203.0.113.10:443")])
    assert driven.heard.who == "outside:203.0.113.10"
    node = dns_cluster.nodes[0]
    (address,) = [item["status"]["podIP"] for item in pods_of(dns_cluster, space)]
    entries = tracked(node, "-s", address, "-d", "203.0.113.10")
    assert entries
    assert all(f"dst={node.addresses[0]}" in entry for entry in entries)


def tracked(node, *flags):
    """Return the entries that a node's kernel has of connections."""
    with netns.inside(node.path):
        return netns.run("conntrack", "-L", *flags).splitlines()


def test_names_of_the_outside(dns_cluster, space):
    dns_cluster.name_outside({"api.payments.example": ["198.51.100.44"]})
    dns_cluster.load(deployment("payments"), namespace=space)
    calls = [
        Call(f"{space}/deploy/payments", "api.payments.example:443"),
        Call(f"{space}/deploy/payments", "nobody.example:443"),
        Call(f"{space}/deploy/payments", f"{NOBODYS}:443"),
    ]
    known, unknown, silent = dns_cluster.drive(calls)
    assert known.heard.who == "outside:198.51.100.44"
    assert (unknown.heard.answer, unknown.problem) == (SILENT, "nobody.example is not known")
    assert (silent.heard.answer, silent.problem) == (SILENT, "")


def test_short_names_with_a_namespace_are_found_as_clients_find_them(dns_cluster, space):
    dns_cluster.load(deployment("web", ports=[8080]), service("web", {80: 8080}), namespace=space)
    dns_cluster.load(pod("client", []), namespace=f"{space}-other")
    names = (f"web.{space}", f"web.{space}.svc", f"web.{space}.svc.cluster.local", "web", f"a.b.web.{space}")
    calls = [Call(f"{space}-other/pod/client", f"{name}:80") for name in names]
    *found, other, longer = dns_cluster.drive(calls)
    assert [one.heard.answer for one in found] == [REACHED] * 3
    assert [one.problem for one in (other, longer)] == ["web is not known", f"a.b.web.{space} is not known"]
    dns_cluster.kubectl("delete", "namespace", f"{space}-other", "--wait=false")


def test_probes_that_leave_no_trace_are_forgotten_and_nothing_else(dns_cluster, space):
    dns_cluster.load(
        pod("client", [], node="node1"), pod("web", [8080], udp=[8125], node="node2"), namespace=space
    )
    ips = {item["metadata"]["name"]: item["status"]["podIP"] for item in pods_of(dns_cluster, space)}
    dns_cluster.drive([Call(f"{space}/pod/client", f"{space}/pod/web:8080")])

    def entries():
        return {line.split("sport=")[1].split()[0] for node in dns_cluster.nodes for line in of(node)}

    def of(node):
        return tracked(node, "-s", ips["client"], "-d", ips["web"])

    driven = entries()
    assert len(driven) == 1
    ends = [(8080, "TCP"), (8081, "TCP"), (8125, "UDP"), (8126, "UDP")]
    probes = [Probe(f"{space}/client", ips["web"], port, protocol) for port, protocol in ends]
    answers = dns_cluster.probe(probes, leave_no_trace=True)
    assert answers == [REACHED, REFUSED, REACHED, REFUSED]
    assert entries() == driven
    dns_cluster.probe(probes)
    assert len(entries()) > len(driven)


def test_dns_answers_over_udp_and_tcp_for_both_families(dns_cluster, space):
    both = service("web", {80: 8080}, families=["IPv4", "IPv6"])
    dns_cluster.load(pod("web", [8080], app="web"), both, namespace=space)
    found = json.loads(dns_cluster.kubectl("get", "service", "web", "-n", space, "-o", "json"))
    name = f"web.{space}.{dns.ZONE}"
    path, _ = origin(dns_cluster.instance, f"{space}/web")
    asked = [dns.question(name, 4), dns.question(name, 6)]
    attempts = [Attempt(path, "", "10.96.0.10", 53, "UDP", text) for text in asked]
    attempts += [
        Attempt(path, "", "10.96.0.10", 53, "TCP", struct.pack("!H", len(text)) + text) for text in asked
    ]
    answers = [outcome.data for outcome in exchange(attempts)]
    addresses = [dns.addresses(data) for data in [*answers[:2], *(data[2:] for data in answers[2:])]]
    four, six = ([address] for address in found["spec"]["clusterIPs"])
    assert addresses == [four, six, four, six]
    assert dns_cluster.look_up([(f"{space}/web", "web"), (f"{space}/web", "wep")]) == [four, []]
    (heard,) = dns_cluster.ask([Probe(f"{space}/web", six[0], 80)])
    assert heard.who == f"{space}/web 8080"


def test_a_host_network_pod_is_its_node_as_client_and_as_server(dns_cluster, space):
    dns_cluster.load(
        pod("agent", [9100], node="node2", host_network=True, app="agent"),
        pod("web", [8080], node="node1"),
        service("agent", {9100: 9100}),
        namespace=space,
    )
    node = dns_cluster.nodes[1]
    calls = [
        Call(f"{space}/pod/web", "node:node2:9100"),
        Call(f"{space}/pod/web", f"{space}/svc/agent:9100"),
        Call(f"{space}/pod/agent", f"{space}/pod/web:8080"),
    ]
    driven = dns_cluster.drive(calls)
    assert [one.heard.who for one in driven] == [
        f"{space}/agent 9100",
        f"{space}/agent 9100",
        f"{space}/web 8080",
    ]
    addresses = {item["metadata"]["name"]: item["status"]["podIP"] for item in pods_of(dns_cluster, space)}
    assert addresses["agent"] == node.addresses[0]
    assert tracked(node, "-s", node.addresses[0], "-d", addresses["web"])


def test_a_service_without_pods_refuses_and_a_closed_port_too(dns_cluster, space):
    dns_cluster.load(pod("web", [8080]), service("nobody", {80: 8080}), namespace=space)
    calls = [
        Call(f"{space}/pod/web", f"{space}/svc/nobody:80"),
        Call(f"{space}/pod/web", f"{space}/pod/web:8081"),
    ]
    assert [one.heard.answer for one in dns_cluster.drive(calls)] == [REFUSED, REFUSED]


def test_a_held_connection_stays_until_it_is_released(dns_cluster, space):
    dns_cluster.load(pod("web", [8080], node="node1"), pod("db", [5432], node="node1"), namespace=space)
    (held,) = dns_cluster.drive([Call(f"{space}/pod/web", f"{space}/pod/db:5432")], hold=True)

    def states():
        return [line.split()[3] for line in tracked(dns_cluster.nodes[0], "-p", "tcp", "-d", held.address)]

    try:
        assert states() == ["ESTABLISHED"]
    finally:
        held.release()
    waiting.until(lambda: states() == ["TIME_WAIT"], 10, "the end of the connection")


def test_a_call_of_what_does_not_run_is_an_error(dns_cluster):
    with pytest.raises(LookupError, match="Deployment nowhere/web has no running pod"):
        dns_cluster.drive([Call("nowhere/deploy/web", "203.0.113.10:443")])
