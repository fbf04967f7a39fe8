"""Flows a second: bare ``json.loads``, decoding to ``Flow``, and the whole source, over the same lines.

    python tests/benchmarks/bench_decode.py [FLOWS.json] [--lines N]

Without a file N lines are made up (100,000 by default). A file is repeated
until it has N lines. Each figure is the best of three runs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

from hubble_lines import lines as made_up  # noqa: E402

from netsec_tui.sources.hubble.decode import HubbleDecoder  # noqa: E402
from netsec_tui.sources.lines.source import FlowFileSource  # noqa: E402


def from_file(path: Path, count: int) -> list[bytes]:
    """Return the lines of a file, repeated with other ``uuid`` until there are ``count``."""
    lines = [line if line.endswith(b"\n") else line + b"\n" for line in path.read_bytes().splitlines(True)]
    times = range(count // len(lines) + 1)
    return [line.replace(b'"uuid":"', b'"uuid":"%d-' % n) for n in times for line in lines][:count]


def best_of_three(work: Callable[[], object]) -> float:
    """Return the shortest of three runs in seconds."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def bare(lines: list[bytes]) -> None:
    """Parse every line and throw it away."""
    for line in lines:
        json.loads(str(line, "utf-8"))


def decoded(lines: list[bytes]) -> None:
    """Parse and decode every line."""
    decode = HubbleDecoder().decode
    for line in lines:
        decode(json.loads(str(line, "utf-8")))


def sourced(lines: list[bytes]) -> Callable[[], None]:
    """Return work that reads a file of the lines through the product's own source."""
    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name) / "flows.json"
    path.write_bytes(b"".join(lines))

    def work() -> None:
        assert folder
        FlowFileSource(path).read(lambda message: None)

    return work


def main() -> None:
    """Print one line for each way of reading."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path, help="Hubble JSON lines")
    parser.add_argument("--lines", type=int, default=100_000, help="default: 100000")
    args = parser.parse_args()
    lines = (
        from_file(args.file, args.lines)
        if args.file
        else [line.encode() + b"\n" for line in made_up(args.lines)]
    )
    print(f"{len(lines)} lines, {sum(map(len, lines)) / len(lines):.0f} bytes each")
    ways = (
        ("json.loads alone", lambda: bare(lines)),
        ("json.loads and decode", lambda: decoded(lines)),
        ("FlowFileSource", sourced(lines)),
    )
    basis = 0.0
    for name, work in ways:
        seconds = best_of_three(work)
        basis = basis or seconds
        print(f"{name:22} {len(lines) / seconds:10,.0f} flows/s   {seconds / basis:.2f} x json.loads")


if __name__ == "__main__":
    main()
