"""Pods, Services, DNS and the traffic between them in a cluster of the harness, by real packets."""

from __future__ import annotations

import json
import os
import signal
import struct
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.cluster.harness import dns, netns, waiting
from tests.cluster.harness.calls import Call, read_calls
from tests.cluster.harness.exchange import Attempt, exchange
from tests.cluster.harness.places import origin
from tests.cluster.harness.policies import Canary
from tests.cluster.harness.readiness import wait_until_ready
from tests.cluster.harness.rest import Rest
from tests.cluster.harness.traffic import Answer, Probe, Traffic
from tests.cluster.objects import DNS, deployment, pod, policy, service, template

REACHED, REFUSED, SILENT = Answer.REACHED, Answer.REFUSED, Answer.SILENT
NOBODYS = "203.0.113.99"
"""An address of the outside that nothing has."""


@pytest.fixture(scope="module")
def dns_cluster(cluster):
    """Return the cluster with a DNS server behind its Service."""
    cluster.load(*DNS)
    return cluster


@pytest.fixture
def space(dns_cluster, request):
    """Return the name of a namespace that this test has for itself."""
    name = request.node.name.split("[")[0].replace("_", "-").removeprefix("test-")[:60].strip("-")
    yield name
    dns_cluster.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


def who(driven):
    """Return which pods, without the controllers' endings, and ports answered how often."""
    return Counter(tuple(one.heard.who.split("/")[-1].split(" ")) for one in driven)


def pods(cluster, space, *flags):
    return json.loads(cluster.kubectl("get", "pods", "-n", space, "-o", "json", *flags))["items"]


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
        for item in pods(dns_cluster, space, "-l", "app=orders")
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
    (address,) = [item["status"]["podIP"] for item in pods(dns_cluster, space)]
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
    addresses = {item["metadata"]["name"]: item["status"]["podIP"] for item in pods(dns_cluster, space)}
    assert addresses["agent"] == node.addresses[0]
    assert tracked(node, "-s", node.addresses[0], "-d", addresses["web"])


def test_the_pods_of_a_cron_job_end_and_leave_the_network(dns_cluster, space):
    job = {"template": template("sync", restart="Never")}
    cron = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "sync"},
        "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}},
    }
    dns_cluster.load(cron, pod("web", [8080]), namespace=space)
    for name in ("first", "second"):
        dns_cluster.kubectl("create", "job", "-n", space, "--from=cronjob/sync", name)
    wait_for_pods(dns_cluster, space, 3)
    driven = dns_cluster.drive([Call(f"{space}/cj/sync", f"{space}/pod/web:8080")])
    assert [one.heard.answer for one in driven] == [REACHED, REACHED]
    ended, stays = sorted(one.client for one in driven)
    dns_cluster.finish(ended)
    dns_cluster.kubectl("wait", "-n", space, "--for=condition=complete", "--timeout=30s", "job/first")
    waiting.until(lambda: not has_network(dns_cluster, ended), 10, "the end of the pod's network")
    (driven,) = dns_cluster.drive([Call(f"{space}/cj/sync", f"{space}/pod/web:8080")])
    assert driven.client == stays


def has_network(cluster, source):
    try:
        return origin(cluster.instance, source)[0].exists()
    except LookupError:
        return False


def wait_for_pods(cluster, space, count):
    def running():
        return len([item for item in pods(cluster, space) if item["status"]["phase"] == "Running"]) == count

    waiting.until(running, 60, f"{count} running pods in {space}")


def test_a_pod_ends_by_itself_when_it_is_told_to(dns_cluster, space):
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "import"},
        "spec": {"template": template("import", restart="Never", finish_after=0.2)},
    }
    dns_cluster.load(job, namespace=space)
    dns_cluster.kubectl("wait", "-n", space, "--for=condition=complete", "--timeout=30s", "job/import")


def test_the_pods_of_a_stateful_set_have_names_of_their_own(dns_cluster, space):
    stateful = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db"},
        "spec": {
            "replicas": 2,
            "serviceName": "db",
            "selector": {"matchLabels": {"app": "db"}},
            "template": template("db", [5432]),
        },
    }
    dns_cluster.load(stateful, service("db", {5432: 5432}, headless=True), deployment("web"), namespace=space)
    (client,) = [f"{space}/{item['metadata']['name']}" for item in pods(dns_cluster, space, "-l", "app=web")]
    addresses = {
        item["metadata"]["name"]: item["status"]["podIP"] for item in pods(dns_cluster, space, "-l", "app=db")
    }
    host = f"db.{space}.{dns.ZONE}"
    names = ["db-0", "db-1"]
    waiting.until(
        lambda: len(dns_cluster.look_up([(client, host)])[0]) == 2, 10, "the names of the headless Service"
    )
    found = dns_cluster.look_up([(client, host), *((client, f"{name}.{host}") for name in names)])
    assert [sorted(found[0]), *found[1:]] == [
        sorted(addresses.values()),
        *([addresses[name]] for name in names),
    ]
    driven = dns_cluster.drive([Call(f"{space}/deploy/web", f"db-1.{host}:5432")])
    assert who(driven) == {("db-1", "5432"): 1}


def test_a_daemon_set_runs_on_every_node(dns_cluster, space):
    daemons = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "agent"},
        "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": template("agent", [9100])},
    }
    dns_cluster.load(daemons, namespace=space)
    on = sorted(item["spec"]["nodeName"] for item in pods(dns_cluster, space))
    assert on == [node.name for node in dns_cluster.nodes]


def test_a_pod_gets_the_node_and_the_address_that_it_asks_for(dns_cluster, space):
    dns_cluster.load(
        pod("here", [80], address="10.244.2.200"),
        pod("there", [80], selector={"kubernetes.io/hostname": "node2"}),
        namespace=space,
    )
    found = {item["metadata"]["name"]: item for item in pods(dns_cluster, space)}
    assert found["here"]["status"]["podIPs"] == [{"ip": "10.244.2.200"}, {"ip": "fd00:10:244:2::c8"}]
    assert [found[name]["spec"]["nodeName"] for name in ("here", "there")] == ["node2", "node2"]
    addresses = [item["ip"] for item in found["here"]["status"]["podIPs"]]
    heard = dns_cluster.ask([Probe(f"{space}/there", address, 80) for address in addresses])
    assert [one.who for one in heard] == [f"{space}/here 80"] * 2


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


def test_deletion_frees_the_namespaces_of_pods(dns_cluster, space):
    names = {f"web-{number}" for number in range(6)}
    instance = dns_cluster.instance
    before = set(netns.names(f"{instance.link}-p-"))
    dns_cluster.load(*(pod(name, [8080]) for name in sorted(names)), namespace=space)
    (held,) = dns_cluster.drive([Call(f"{space}/pod/web-0", f"{space}/pod/web-1:8080")], hold=True)
    made = set(netns.names(f"{instance.link}-p-")) - before
    assert len(made) == 6
    dns_cluster.kubectl("delete", "pods", "--all", "-n", space)
    held.release()
    waiting.until(
        lambda: not made & set(netns.names(f"{instance.link}-p-")), 20, "the end of the pods' namespaces"
    )
    assert not list(instance.pods.glob(f"{space}_*"))
    with pytest.raises(LookupError, match=f"{space}/web-0 has no network here"):
        dns_cluster.probe([Probe(f"{space}/web-0", "10.96.0.10", 53)])


def test_sixty_pods_and_all_probes_between_them(dns_cluster, space):
    dns_cluster.load(
        *(deployment(f"app-{number}", ports=[8080, 9090], replicas=6) for number in range(10)),
        namespace=space,
    )
    addresses = {
        f"{space}/{item['metadata']['name']}": item["status"]["podIP"] for item in pods(dns_cluster, space)
    }
    assert len(addresses) == 60
    probes = [
        Probe(source, address, port)
        for source in addresses
        for server, address in addresses.items()
        if server != source
        for port in (8080, 8081)
    ]
    expected = [REACHED if probe.port == 8080 else REFUSED for probe in probes]
    got = dns_cluster.probe(probes)
    late = [index for index, answer in enumerate(got) if answer is SILENT]
    for index, answer in zip(late, dns_cluster.probe([probes[index] for index in late]), strict=True):
        got[index] = answer
    assert got == expected


def test_pods_come_up_after_the_api_server_was_gone(dns_cluster, space):
    dns_cluster.load(pod("before", [8080]), namespace=space)
    dns_cluster.kill_api_server()
    try:
        meanwhile = dns_cluster.probe([Probe(f"{space}/before", "203.0.113.10", 443)])
    finally:
        dns_cluster.start_api_server()
    dns_cluster.load(pod("after", [8080]), namespace=space)
    (driven,) = dns_cluster.drive([Call(f"{space}/pod/before", f"{space}/pod/after:8080")])
    assert (meanwhile, driven.heard.answer) == ([REACHED], REACHED)


def test_a_policy_is_in_force_when_it_was_applied_and_gone_when_it_was_deleted(enforced_cluster, request):
    space = "enforced"
    enforced_cluster.load(
        pod("near", [], node="node1"),
        pod("far", [], node="node2"),
        pod("friend", [], node="node2", app="friend"),
        pod("web", [8080], udp=[8080], node="node1", app="web"),
        namespace=space,
    )
    request.addfinalizer(lambda: enforced_cluster.kubectl("delete", "namespace", space, "--wait=false"))
    (address,) = [item["status"]["podIP"] for item in pods(enforced_cluster, space, "-l", "app=web")]
    clients = ("near", "far", "friend")
    probes = [
        Probe(f"{space}/{name}", address, 8080, protocol) for name in clients for protocol in ("TCP", "UDP")
    ]
    only_friend = policy("web", {"app": "web"}, {"app": "friend"})
    for _ in range(5):
        assert enforced_cluster.probe(probes) == [REACHED] * 6
        enforced_cluster.apply_policies(only_friend, namespace=space)
        assert enforced_cluster.probe(probes) == [SILENT] * 4 + [REACHED] * 2
        enforced_cluster.delete_policies(space)


@contextmanager
def hanging(program, node):
    """Stop a program of a node for the length of a block."""
    inode = node.path.stat().st_ino
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if program.startswith((process / "comm").read_text().strip()):
                found += [int(process.name)] * ((process / "ns" / "net").stat().st_ino == inode)
    (pid,) = found
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_policy_counts_as_in_force_once_every_node_enforces_it(enforced_cluster):
    canary = Canary(
        Rest(enforced_cluster.kubeconfig), Traffic(enforced_cluster.instance), enforced_cluster.nodes
    )
    canary.wait()
    with (
        hanging("kube-network-policies", enforced_cluster.nodes[1]),
        pytest.raises(TimeoutError, match="node2: policies not in force within 2 s"),
    ):
        canary.wait(2)
    canary.wait()


def test_a_service_counts_as_ready_once_every_node_knows_its_pods(dns_cluster, space):
    rest = Rest(dns_cluster.kubeconfig)
    with hanging("kube-proxy", dns_cluster.nodes[1]):
        dns_cluster.load(pod("web", [8080]), service("web", {80: 8080}), namespace=space, wait=False)
        with pytest.raises(TimeoutError) as caught:
            wait_until_ready(rest, dns_cluster.nodes, {space}, 4)
    assert str(caught.value) == (
        f"not ready within 4 s: node2 does not know all pods of Service {space}/web port 80"
    )
    wait_until_ready(rest, dns_cluster.nodes, {space})


def test_a_pod_that_does_not_run_is_named_with_its_reason(dns_cluster, space):
    dns_cluster.load(pod("nowhere", [80], selector={"disk": "ssd"}), namespace=space, wait=False)
    with pytest.raises(TimeoutError) as caught:
        wait_until_ready(Rest(dns_cluster.kubeconfig), dns_cluster.nodes, {space}, 2)
    assert f"pod {space}/nowhere is Pending (no node has the labels" in str(caught.value)


def test_calls_are_read_from_a_file(tmp_path):
    path = tmp_path / "calls.yaml"
    first = "{from: shop/deploy/web, to: 'shop/svc/orders:80', times: 3}"
    second = "{from: a/po/b, to: '[::1]:53', protocol: UDP}"
    path.write_text(f"calls: [{first}, {second}]")
    assert read_calls(path) == [
        Call("shop/deploy/web", "shop/svc/orders:80", "TCP", 3),
        Call("a/po/b", "[::1]:53", "UDP", 1),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "expected a list under `calls`"),
        ("calls: [{from: shop/deploy/web}]", "call 1: write from and to"),
        ("calls: [{from: shop/web, to: '1.2.3.4:80'}]", "call 1: 'shop/web': write NAMESPACE/KIND/NAME"),
        ("calls: [{from: a/po/b, to: 1.2.3.4}]", "call 1: '1.2.3.4' has no port"),
        (
            "calls: [{from: a/po/b, to: '1.2.3.4:80', protocol: SCTP}]",
            "protocol 'SCTP' is neither TCP nor UDP",
        ),
    ],
)
def test_what_is_wrong_in_a_file_of_calls_is_named(tmp_path, text, said):
    path = tmp_path / "calls.yaml"
    path.write_text(text)
    with pytest.raises(ValueError) as caught:
        read_calls(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_call_of_what_does_not_run_is_an_error(dns_cluster):
    with pytest.raises(LookupError, match="Deployment nowhere/web has no running pod"):
        dns_cluster.drive([Call("nowhere/deploy/web", "203.0.113.10:443")])
