"""Measure the evaluator on generated clusters: ``python tests/benchmarks/bench_evaluate.py``.

Prints a table of seconds: to read the manifests, to evaluate all classes of pods, to write the connections
between owners as text, and all of it. ipBlocks do not match pods.

With ``--netpol-analyzer PATH`` that program (np-guard/netpol-analyzer, built as ``netpolicy``) does the same
with the same files in the same run, as long as that takes minutes at most; ``differ`` counts the pairs of
owners for which the two do not agree.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from netsec_tui.core.evaluate import (
    ClusterState,
    Connectivity,
    Policies,
    connectivity,
    evaluate,
    owner_links,
)
from netsec_tui.core.evaluate.ports import PROTOCOLS
from netsec_tui.model.connection import Connection
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import WorkloadRef
from tests.benchmarks.cluster_generator import generate, model, write
from tests.benchmarks.netpol_analyzer import Links, list_connections


class Size(NamedTuple):
    """Hold how big a generated cluster is."""

    pods: int
    owners: int
    policies: int


SIZES = (
    Size(500, 50, 100),
    Size(500, 500, 100),
    Size(5000, 500, 500),
    Size(2000, 2000, 500),
)
LARGEST_COMPARED = 500 * 500
SCALES = (0.25, 0.5, 1, 2, 4)
DOUBLING_PODS = tuple(Size(int(5000 * scale), int(500 * scale), 500) for scale in SCALES)
DOUBLING_POLICIES = tuple(Size(5000, 500, int(500 * scale)) for scale in SCALES)


def measure(size: Size, analyzer: Path | None) -> str:
    """Return one line of the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "in"
        write(generate(*size), folder)
        started = time.perf_counter()
        text = (folder / "cluster.json").read_text(encoding="utf-8")
        pods, policies = model(json.loads(text)["items"])
        read = time.perf_counter()
        matrix = connectivity(policies, pods, ipblock_matches_pods=False)
        evaluated = time.perf_counter()
        with (Path(name) / "ours.txt").open("w", encoding="utf-8") as file:
            file.writelines(f"{a} => {b} : {ports}\n" for a, b, _, ports in owner_links(matrix))
        written = time.perf_counter()
        small = size.owners * size.policies <= LARGEST_COMPARED
        theirs = compared(analyzer, folder, matrix) if analyzer and small else ""
    seconds = (read - started, evaluated - read, written - evaluated, written - started)
    table = "".join(f"{each:9.2f}" for each in seconds)
    return f"{size.pods:7}{size.owners:7}{size.policies:9}{len(matrix.pods.pods):8}{table}{theirs}"


def compared(analyzer: Path, folder: Path, matrix: Connectivity) -> str:
    """Return how long the other program takes, and in how many pairs of owners the two differ."""
    seconds, theirs = list_connections(analyzer, folder)
    ours: Links = {
        (f"{a.namespace}/{a.name}", f"{b.namespace}/{b.name}"): {
            protocol: ",".join(map(str, ranges))
            for protocol, ranges in zip(PROTOCOLS, ports, strict=True)
            if ranges
        }
        for a, b, _, ports in owner_links(matrix)
        if isinstance(a, WorkloadRef) and isinstance(b, WorkloadRef) and a != b
    }
    differ = sum(1 for pair in ours.keys() | theirs.keys() if ours.get(pair) != theirs.get(pair))
    return f"{seconds:10.2f}{differ:8}"


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
        print("   pods owners policies classes     read evaluate    write    total", end="")
        print("  analyzer  differ" if options.netpol_analyzer and title == "sizes" else "")
        for size in sizes:
            print(measure(size, options.netpol_analyzer if title == "sizes" else None), flush=True)
    print(f"\n{measure_single(Size(5000, 500, 500))}")
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
