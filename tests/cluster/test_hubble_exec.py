"""Flows from Hubble in the agents, by the API server's exec, where there is no Relay."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from netsec_tui.model.flow import Flow
from netsec_tui.sources.access import Access
from netsec_tui.sources.hubble.exec import HubbleExecSource
from tests.cluster.harness import waiting
from tests.cluster.harness.calls import Call
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.hubble import Hubble
from tests.cluster.product.running import run
from tests.cluster.product.tracked import OUTSIDE, WORKLOADS, tracked_cluster
from tests.sources.collected import Collected, following

ON_EACH_NODE = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: everywhere, namespace: tracked}
spec:
  selector: {matchLabels: {app: everywhere}}
  template:
    metadata: {labels: {app: everywhere}}
    spec:
      containers: [{name: caller, image: registry.k8s.io/e2e-test-images/agnhost:2.53}]
"""


@pytest.fixture(scope="module")
def own_cluster(binaries) -> Iterator[Cluster]:
    with tracked_cluster(WORKLOADS / "cilium.yaml", ON_EACH_NODE) as started:
        yield started


@pytest.fixture(scope="module")
def hubble(own_cluster) -> Iterator[Hubble]:
    with Hubble.up(own_cluster) as started:
        yield started


def reach(cluster: Cluster, port: int) -> None:
    cluster.drive([Call("tracked/ds/everywhere", f"{OUTSIDE}:{port}")])


def nodes(collected: Collected, port: int) -> set[str]:
    """Return on which nodes connections to a port were told."""
    return {f.node for f in collected.flows if isinstance(f, Flow) and f.destination_port == port}


def test_all_agents_are_asked(own_cluster, hubble):
    own_cluster.drive([Call("tracked/deploy/client", "tracked/svc/api:80")])
    hubble.settle()
    arguments = ("list", "-n", "tracked", "deploy/client", "-o", "json", "--source", "hubble-exec")
    done = run(own_cluster.kubeconfig, *arguments)
    assert done.code == 0, done.said
    rows = {
        (row["peer"].get("name"), row["port"]): [f"{via['name']}:{via['port']}" for via in row["via"]]
        for row in json.loads(done.out)["rows"]
    }
    assert rows["api", 8080] == ["api:80"]


def test_an_agent_that_ends_costs_no_other_and_is_taken_up_again(own_cluster, hubble):
    both = {node.name for node in own_cluster.nodes}
    source = HubbleExecSource(Access(own_cluster.context, str(own_cluster.kubeconfig)))
    with following(source) as collected:
        reach(own_cluster, 7100)
        waiting.until(lambda: nodes(collected, 7100) == both, 60, "flows of both nodes")
        hubble.kill_agent("node1")
        waiting.until(lambda: "node1" in collected.status.error, 60, "the failure to be said")
        reach(own_cluster, 7101)
        waiting.until(lambda: nodes(collected, 7101) == {"node2"}, 60, "flows of the other node")
        hubble.start_agent("node1")
        waiting.until(lambda: not collected.status.error, 60, "the failure to be over")
        reach(own_cluster, 7102)
        waiting.until(lambda: nodes(collected, 7102) == both, 60, "flows of both nodes again")
