"""Measure the evaluator on generated clusters: ``python tests/benchmarks/bench_evaluate.py``.

Prints a table: classes of pods, seconds for the connectivity by classes, for the same by owners, and links.
With ``--netpol-analyzer PATH`` that program (np-guard/netpol-analyzer, ``netpolicy``) lists the same input,
read from a file, in the same run; its seconds include reading, so ``read`` gives ours to read it too.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from netsec_tui.core.evaluate import ClusterState, Policies, connectivity, evaluate, owner_links
from netsec_tui.model.connection import Connection
from netsec_tui.model.flow import Protocol
from tests.benchmarks.cluster_generator import generate, model, write


class Size(NamedTuple):
    """Hold how big a generated cluster is."""

    pods: int
    owners: int
    policies: int


SIZES = (
    Size(500, 50, 100),
    Size(500, 500, 100),
    Size(5000, 500, 500),
    Size(5000, 5000, 500),
)
DOUBLING_PODS = tuple(Size(5000 * 2**n, 500 * 2**n, 500) for n in range(-2, 3))
DOUBLING_POLICIES = tuple(Size(5000, 500, 500 * 2**n) for n in range(-2, 3))


def measure(size: Size, analyzer: Path | None) -> str:
    """Return one line of the table."""
    with tempfile.TemporaryDirectory() as folder:
        write(generate(*size), Path(folder))
        started = time.perf_counter()
        text = (Path(folder) / "cluster.json").read_text(encoding="utf-8")
        pods, policies = model(json.loads(text)["items"])
        read = time.perf_counter()
        matrix = connectivity(policies, pods, ipblock_matches_pods=False)
        classes = time.perf_counter()
        links = sum(1 for _ in owner_links(matrix))
        owners = time.perf_counter()
        other = f"{_analyze(analyzer, folder):8.2f}" if analyzer else "       -"
    return (
        f"{size.pods:6} {size.owners:6} {size.policies:8} {len(matrix.pods.pods):7} {read - started:7.2f}"
        f" {classes - read:8.2f} {owners - classes:8.2f} {owners - started:8.2f} {links:9} {other}"
    )


def _analyze(analyzer: Path, folder: str) -> float:
    started = time.perf_counter()
    command = [str(analyzer), "list", "--dirpath", folder, "-q", "-o", "txt", "-f", f"{folder}/out.txt"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def measure_single(size: Size, count: int = 20000) -> str:
    """Return how long single questions take, the policies' memory warm after the first."""
    pods, policies = model(generate(*size))
    known, state = Policies(policies), ClusterState(pods=tuple(pods))
    started = time.perf_counter()
    for index in range(count):
        source, destination = pods[index % len(pods)], pods[index * 7 % len(pods)]
        evaluate(known, state, Connection(source, destination, Protocol.TCP, 8080))
    seconds = time.perf_counter() - started
    return (
        f"one connection among {size.pods} pods and {size.policies} policies: {seconds / count * 1e6:.0f} us"
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--netpol-analyzer", type=Path, help="path of the netpolicy program")
    parser.add_argument("--quick", action="store_true", help="without the doubling series")
    options = parser.parse_args()
    series = [("sizes", SIZES)]
    if not options.quick:
        series += [("pods and owners double", DOUBLING_PODS), ("policies double", DOUBLING_POLICIES)]
    for title, sizes in series:
        print(f"\n{title}")
        print("  pods owners policies classes    read  classes   owners    total     links analyzer")
        for size in sizes:
            print(measure(size, options.netpol_analyzer), flush=True)
    print(f"\n{measure_single(Size(5000, 500, 500))}")
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
