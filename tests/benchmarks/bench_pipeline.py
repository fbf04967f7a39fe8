"""Measure flows a second from Hubble JSON lines to communications, beside a bare decode of the same file.

Run as ``python tests/benchmarks/bench_pipeline.py [LINES] [FILE]``; prints a table, asserts nothing. Without
a file, that many lines are made up: traffic among 120 Deployments of four pods each, over 12 hours.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from hubble_lines import lines  # noqa: E402

from netsec_tui.session.actions import ChooseWorkload  # noqa: E402
from netsec_tui.session.session import Options, Session  # noqa: E402
from netsec_tui.sources.contract import FlowsRead, Message  # noqa: E402
from netsec_tui.sources.lines.source import FlowFileSource  # noqa: E402

ROUNDS = 3


def bare_decode(path: Path) -> None:
    """Decode every line as JSON and forget it."""
    with path.open("rb") as file:
        for line in file:
            json.loads(line)


def to_flows(path: Path) -> None:
    """Decode every line to a Flow and forget it."""
    FlowFileSource(path).read(lambda message: None)


def to_communications(path: Path) -> Session:
    """Read every line into a session, and list the workloads with their communications."""
    session = Session(Options(), time.time)

    def take(message: Message) -> None:
        if isinstance(message, FlowsRead):
            session.add_flows(message.flows)

    FlowFileSource(path).read(take)
    session.workloads()
    return session


def to_reviews(path: Path) -> None:
    """Do all that, and make the policy of every workload."""
    session = to_communications(path)
    for choice in session.workloads():
        session.apply(ChooseWorkload(choice.ref))
        session.review()


STEPS: tuple[tuple[str, Callable[[Path], object]], ...] = (
    ("json.loads of every line", bare_decode),
    ("to flows", to_flows),
    ("to communications", to_communications),
    ("to the policies of all workloads", to_reviews),
)


def seconds(work: Callable[[Path], object], path: Path) -> float:
    """Return the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work(path)
        best = min(best, time.perf_counter() - begun)
    return best


def peak_megabytes(work: Callable[[Path], object], path: Path) -> float:
    """Return the most memory that Python objects took, in MB."""
    tracemalloc.start()
    work(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def measure(path: Path) -> None:
    """Print the table for one file."""
    with path.open("rb") as file:
        count = sum(1 for _ in file)
    size = path.stat().st_size / 1e6
    print(f"Python {sys.version.split()[0]}, {count:,} lines, {size:.0f} MB, best of {ROUNDS}")
    print(f"{'':34}{'seconds':>9}{'lines/s':>12}{'x bare':>9}{'peak':>9}")
    bare = 0.0
    for name, work in STEPS:
        took = seconds(work, path)
        bare = bare or took
        peak = peak_megabytes(work, path)
        print(f"{name:34}{took:>9.2f}{count / took:>12,.0f}{took / bare:>9.2f}{peak:>6.0f} MB")


def main(count: int, given: str) -> None:
    """Measure the given file, or one that is made up."""
    if given:
        measure(Path(given))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flows.json"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines(count))
        measure(path)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, sys.argv[2] if len(sys.argv) > 2 else "")
