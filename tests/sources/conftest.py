"""A cluster source over the test's own API server."""

from __future__ import annotations

from pathlib import Path

import pytest

from netsec_tui.sources.cluster import keeper as cluster_keeper
from netsec_tui.sources.cluster import source as cluster
from netsec_tui.sources.cluster import watch as cluster_watch
from netsec_tui.sources.cluster.source import ClusterSource
from tests.sources.api_server import ApiServer, write_kubeconfig


@pytest.fixture
def no_proxy_and_no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(cluster, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(cluster, "GATHER_SECONDS", 0.01)
    monkeypatch.setattr(cluster_keeper, "REFUSED_SECONDS", 0.01)
    for name in ("POLLED_SECONDS", "REFUSED_SECONDS", "FIRST_PAUSE", "PAUSE"):
        monkeypatch.setattr(cluster_watch, name, 0.01)


@pytest.fixture
def source(server: ApiServer, tmp_path: Path) -> ClusterSource:
    """Return a source over ``server``, which each module provides with objects of its own."""
    return ClusterSource("prod", str(write_kubeconfig(tmp_path / "config", server.url)))
