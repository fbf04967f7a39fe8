"""Measure the evaluator on generated clusters: ``python tests/benchmarks/bench_evaluate.py``.

Prints a table of seconds of processor time: to read the manifests, to evaluate all classes of pods, to write
the connections between owners as text, and all of it. ipBlocks do not match pods.

With ``--with-netpol-analyzer``, instead, ``check --matrix`` and np-guard/netpol-analyzer run on the same
files, one after the other, as whole processes; see ``side_by_side.py``. Go builds it in a minute or two.
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

from netsec_tui.core.evaluate import ClusterState, Policies, connectivity, evaluate, owner_links
from netsec_tui.model.connection import Connection
from netsec_tui.model.flow import Protocol
from tests.benchmarks.cluster_generator import generate, model, write
from tests.benchmarks.netpol_analyzer import build
from tests.benchmarks.side_by_side import print_table


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
SCALES = (0.25, 0.5, 1, 2, 4)
DOUBLING_PODS = tuple(Size(int(5000 * scale), int(500 * scale), 500) for scale in SCALES)
DOUBLING_POLICIES = tuple(Size(5000, 500, int(500 * scale)) for scale in SCALES)


def measure(size: Size) -> str:
    """Return one line of the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "in"
        write(generate(*size), folder)
        started = time.process_time()
        text = (folder / "cluster.json").read_text(encoding="utf-8")
        pods, policies = model(json.loads(text)["items"])
        read = time.process_time()
        matrix = connectivity(policies, pods, ipblock_matches_pods=False)
        evaluated = time.process_time()
        with (Path(name) / "ours.txt").open("w", encoding="utf-8") as file:
            file.writelines(f"{a} => {b} : {ports}\n" for a, b, _, ports in owner_links(matrix))
        written = time.process_time()
    seconds = (read - started, evaluated - read, written - evaluated, written - started)
    table = "".join(f"{each:9.2f}" for each in seconds)
    return f"{size.pods:7}{size.owners:7}{size.policies:9}{len(matrix.pods.pods):8}{table}"


def measure_single(size: Size, count: int = 20000) -> str:
    """Return how long single questions take, the policies' memory warm after the first."""
    pods, policies = model(generate(*size))
    known, state = Policies(policies), ClusterState(pods=tuple(pods))
    started = time.process_time()
    for index in range(count):
        source, destination = pods[index % len(pods)], pods[index * 7 % len(pods)]
        evaluate(known, state, Connection(source, destination, Protocol.TCP, 8080))
    seconds = time.process_time() - started
    return (
        f"one connection among {size.pods} pods and {size.policies} policies: {seconds / count * 1e6:.0f} us"
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--with-netpol-analyzer", action="store_true", help="build it and run both")
    parser.add_argument("--quick", action="store_true", help="without the doubling series")
    options = parser.parse_args()
    if not options.with_netpol_analyzer:
        print_own(quick=options.quick)
    elif program := build():
        print_table(program)
    else:
        print("netpol-analyzer was left out: no go on the PATH to build it with (https://go.dev/doc/install)")


def print_own(*, quick: bool) -> None:
    """Print what the evaluator takes, step by step."""
    series = [("sizes", SIZES)]
    if not quick:
        series += [("pods and owners double", DOUBLING_PODS), ("policies double", DOUBLING_POLICIES)]
    for title, sizes in series:
        print(f"\n{title}")
        print("   pods owners policies classes     read evaluate    write    total")
        for size in sizes:
            print(measure(size), flush=True)
    print(f"\n{measure_single(Size(5000, 500, 500))}")
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
