"""The life of pods in a cluster of the harness: by which controllers, on which nodes, and how they end."""

from __future__ import annotations

import pytest

from tests.cluster.harness import dns, netns, waiting
from tests.cluster.harness.calls import Call
from tests.cluster.harness.places import origin
from tests.cluster.harness.traffic import Answer, Probe
from tests.cluster.objects import deployment, pod, pods_of, service, template

REACHED, REFUSED, SILENT = Answer.REACHED, Answer.REFUSED, Answer.SILENT


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
        return (
            len([item for item in pods_of(cluster, space) if item["status"]["phase"] == "Running"]) == count
        )

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
    (client,) = [f"{space}/{item['metadata']['name']}" for item in pods_of(dns_cluster, space, "app=web")]
    addresses = {
        item["metadata"]["name"]: item["status"]["podIP"] for item in pods_of(dns_cluster, space, "app=db")
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
    assert [one.heard.who for one in driven] == [f"{space}/db-1 5432"]


def test_a_daemon_set_runs_on_every_node(dns_cluster, space):
    daemons = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "agent"},
        "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": template("agent", [9100])},
    }
    dns_cluster.load(daemons, namespace=space)
    on = sorted(item["spec"]["nodeName"] for item in pods_of(dns_cluster, space))
    assert on == [node.name for node in dns_cluster.nodes]


def test_a_pod_gets_the_node_and_the_address_that_it_asks_for(dns_cluster, space):
    dns_cluster.load(
        pod("here", [80], address="10.244.2.200"),
        pod("there", [80], selector={"kubernetes.io/hostname": "node2"}),
        namespace=space,
    )
    found = {item["metadata"]["name"]: item for item in pods_of(dns_cluster, space)}
    assert found["here"]["status"]["podIPs"] == [{"ip": "10.244.2.200"}, {"ip": "fd00:10:244:2::c8"}]
    assert [found[name]["spec"]["nodeName"] for name in ("here", "there")] == ["node2", "node2"]
    addresses = [item["ip"] for item in found["here"]["status"]["podIPs"]]
    heard = dns_cluster.ask([Probe(f"{space}/there", address, 80) for address in addresses])
    assert [one.who for one in heard] == [f"{space}/here 80"] * 2


@pytest.mark.parametrize("address", ["10.244.200.1", "fd00:10:244:1::9", "nonsense"])
def test_a_pod_that_asks_for_an_address_of_no_node_waits_and_says_so(dns_cluster, space, address):
    dns_cluster.load(pod("nowhere", [80], address=address), namespace=space, wait=False)

    def reasons():
        (item,) = pods_of(dns_cluster, space)
        return [one.get("message") for one in item["status"].get("conditions", [])]

    waiting.until(reasons, 20, "a word on the pod")
    assert reasons() == ["no node has the labels, or the address, that the pod asks for"]


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
        f"{space}/{item['metadata']['name']}": item["status"]["podIP"] for item in pods_of(dns_cluster, space)
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
