"""An API server that is away for the length of a block; etcd and everything else stay."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.harness.cluster import Cluster


@contextmanager
def killed(cluster: Cluster) -> Iterator[None]:
    """Have no API server."""
    cluster.kill_api_server()
    try:
        yield
    finally:
        cluster.start_api_server()


@contextmanager
def hanging(cluster: Cluster) -> Iterator[None]:
    """Make the API server accept connections and never answer."""
    cluster.control_plane.signal("kube-apiserver", signal.SIGSTOP)
    try:
        yield
    finally:
        cluster.control_plane.signal("kube-apiserver", signal.SIGCONT)
