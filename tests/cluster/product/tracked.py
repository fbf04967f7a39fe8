"""Workloads that call each other, the world and a node port; and what the product lists of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cluster.harness.calls import Call
from tests.cluster.harness.cluster import Cluster
from tests.cluster.product.running import run

WORKLOADS = Path(__file__).resolve().parents[1] / "workloads"
OUTSIDE, CALLER = "198.51.100.77", "203.0.113.10"
CALLS = (
    Call("tracked/deploy/client", "tracked/svc/api:80", times=2),
    Call("tracked/deploy/client", "tracked/svc/api:5300", "UDP"),
    Call("tracked/deploy/client", "tracked/ds/agent:9555"),
    Call("tracked/deploy/client", f"{OUTSIDE}:443"),
    Call("tracked/deploy/api", "tracked/svc/api:80", times=3),
    Call("tracked/ds/agent", "tracked/deploy/api:8080"),
    Call(f"outside:{CALLER}", "node:node1:30555", times=3),
)
TALL = (140, 100)
"""A screen on which all rows are shown at once."""

Key = tuple[str, str, str, int]
"""Direction, peer, protocol and port."""


@contextmanager
def tracked_cluster(*more: Path | str, enforce: bool = False) -> Iterator[Cluster]:
    """Start a cluster with these workloads, and more of them, where nothing has been called yet."""
    with Cluster.up(enforce=enforce) as started:
        started.load(WORKLOADS / "system.yaml", WORKLOADS / "conntrack.yaml", *more)
        started.add_outside(OUTSIDE)
        yield started


def rows(kubeconfig: Path, target: str, *flags: str) -> dict[Key, dict[str, Any]]:
    """Return the rows that ``list`` gives for a workload."""
    done = run(kubeconfig, "list", "-n", "tracked", target, "-o", "json", *flags)
    assert done.code == 0, done.said
    return {
        (row["direction"], _peer(row["peer"]), row["protocol"], row["port"]): row
        for row in json.loads(done.out)["rows"]
    }


def _peer(peer: dict[str, str]) -> str:
    return peer.get("name") or peer.get("address") or peer["type"]
