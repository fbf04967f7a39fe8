"""Measure the comparison of a draft with what is applied: ``python tests/benchmarks/bench_diff.py``.

The draft isolates one workload of a generated cluster in both directions; nothing of its name is applied
("new"), or an object that lets everything in and out ("replaced"). Prints a table of seconds: to list the
pods, which the screen does between two keys, and to compare, which it does in a thread of its own.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.compare.difference import difference
from netsec_tui.model.difference import Turn
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import AppliedPolicy, Inventory
from netsec_tui.model.policy import LabelSelector, NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule
from netsec_tui.session.actions import ChooseWorkload
from netsec_tui.session.session import Options, Session
from netsec_tui.sources.inventory.build import build_inventory
from tests.benchmarks.cluster_generator import generate

SIZES = ((500, 50, 100), (5000, 500, 500), (10000, 1000, 1000))
RUNS = 3


def measure(inventory: Inventory, subject: WorkloadRef, draft: NetworkPolicy) -> tuple[float, float, str]:
    """Return the seconds to list the pods and to compare, the best of some runs, and what was found."""
    listed, compared = [], []
    found = ""
    for _ in range(RUNS):
        ground = _ground(inventory, subject)
        start = time.perf_counter()
        _ = ground.pods
        middle = time.perf_counter()
        result = difference(ground, (draft,))
        listed.append(middle - start)
        compared.append(time.perf_counter() - middle)
        found = " ".join(f"{turn}{result.count(turn)}" for turn in Turn) + f" in {len(result.changes)} lines"
    return min(listed), min(compared), found


def _ground(inventory: Inventory, subject: WorkloadRef) -> Ground:
    session = Session(Options(), time.time)
    session.set_inventory(inventory)
    session.apply(ChooseWorkload(subject))
    ground = session.ground()
    assert ground is not None
    return ground


def main() -> None:
    """Print a line for each size and case."""
    print(f"{'pods':>6} {'owners':>6} {'policies':>8}  {'case':<9} {'list s':>7} {'compare s':>9}  pairs")
    for pods, owners, policies in SIZES:
        inventory, _ = build_inventory(generate(pods, owners, policies))
        subject = inventory.pods[0].owner
        selector = LabelSelector(tuple(p for p in inventory.pods[0].labels if p[0] == "app"))
        peer = PolicyPeer(LabelSelector((("tier", "web"),)), LabelSelector())
        rule = PolicyRule((peer,), (PolicyPort("TCP", 8080),))
        draft = NetworkPolicy(subject.namespace, "draft", selector, ingress=(rule,), egress=(rule,))
        free = AppliedPolicy(replace(draft, ingress=(PolicyRule(),), egress=(PolicyRule(),)), {})
        cases = {"new": inventory, "replaced": replace(inventory, policies=(*inventory.policies, free))}
        for case, state in cases.items():
            listed, compared, found = measure(state, subject, draft)
            print(
                f"{pods:>6} {owners:>6} {policies:>8}  {case:<9} {listed:>7.3f} {compared:>9.3f}  {found}",
                flush=True,
            )


if __name__ == "__main__":
    main()
