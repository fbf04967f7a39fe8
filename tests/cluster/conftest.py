"""Clusters for the tests here, each started once a session; without what it needs, what uses one skips."""

import os
import secrets
import time
from pathlib import Path

import pytest

from tests.cluster.harness import binaries as programs
from tests.cluster.harness.cluster import Cluster
from tests.cluster.objects import DNS

HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items):
    """Count only a test's own time, not that of its fixtures: the first one may have to build Kubernetes."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(300, func_only=True))


@pytest.fixture(autouse=True)
def _rest_of_the_app_alone(monkeypatch):
    """Have Textual's pilot wait for the app to be at rest, not for the clusters beside it in this process.

    It takes the processor time of the whole process, so that every key waited for up to a second.
    """
    monkeypatch.setattr("textual._wait.process_time", time.thread_time)


@pytest.fixture(scope="session")
def binaries():
    """Return the programs of a cluster, built where they are missing."""
    reason = programs.why_not()
    if reason and os.environ.get("NETSEC_CLUSTER_REQUIRED"):
        pytest.fail(reason)  # where the machine is made for these tests, a skip would pass for a success
    if reason:
        pytest.skip(reason)
    return programs.build()


@pytest.fixture(scope="session")
def cluster(binaries):
    """Return a cluster of two nodes where everything is allowed."""
    with Cluster.up() as started:
        yield started


@pytest.fixture(scope="session")
def enforced_cluster(binaries):
    """Return a cluster of two nodes that enforces NetworkPolicies."""
    with Cluster.up(enforce=True) as started:
        yield started


@pytest.fixture(scope="session")
def control_plane(binaries):
    """Return a cluster without nodes: an API server with its controllers."""
    with Cluster.up(control_plane_only=True) as started:
        yield started


@pytest.fixture(scope="session")
def dns_cluster(cluster):
    """Return the cluster where everything is allowed, with a DNS server behind its Service."""
    cluster.load(DNS)
    return cluster


@pytest.fixture
def space(dns_cluster, request):
    """Return the name of a namespace that a test has for itself."""
    said = request.node.originalname.removeprefix("test_").replace("_", "-")
    name = f"{said[:50].rstrip('-')}-{secrets.token_hex(3)}"
    yield name
    dns_cluster.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")
