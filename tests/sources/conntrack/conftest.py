"""Two nodes with a table each, and a source that reads them without much waiting."""

import importlib

import pytest

from netsec_tui.sources.conntrack import source as conntrack
from netsec_tui.sources.conntrack.source import ConntrackSource
from tests.sources.api_server import write_kubeconfig
from tests.sources.conntrack.conntrack_server import OTHER, TABLE, cluster, pod
from tests.sources.exec_server import ExecServer
from tests.sources.running import running


@pytest.fixture
def quick_tables(no_proxy_and_no_waiting, monkeypatch):
    monkeypatch.setattr(conntrack, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(conntrack, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(conntrack, "_PATIENCE", 0.01)
    monkeypatch.setattr(conntrack, "SILENT_SECONDS", 0.05)


@pytest.fixture
def server():
    with running(ExecServer(cluster(pod("kube-proxy-a", "n1"), pod("kube-proxy-b", "n2")))) as started:
        started.commands = {("kube-proxy-a", "cat"): TABLE, ("kube-proxy-b", "cat"): OTHER}
        yield started


@pytest.fixture
def source(server, tmp_path):
    importlib.import_module("kubernetes.client")  # takes a second or more, which no test shall wait for
    return ConntrackSource("prod", str(write_kubeconfig(tmp_path / "config", server.url)))
