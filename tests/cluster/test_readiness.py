"""When the harness says that Services are ready and policies in force, they are, on every node."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.cluster.harness.policies import Canary
from tests.cluster.harness.readiness import wait_until_ready
from tests.cluster.harness.rest import Rest
from tests.cluster.harness.traffic import Answer, Probe, Traffic
from tests.cluster.objects import pod, pods_of, policy, service

REACHED, SILENT = Answer.REACHED, Answer.SILENT


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
    (address,) = [item["status"]["podIP"] for item in pods_of(enforced_cluster, space, "app=web")]
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
        Rest(enforced_cluster.kubeconfig),
        Traffic(enforced_cluster.instance, enforced_cluster.nodes),
        enforced_cluster.nodes,
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
