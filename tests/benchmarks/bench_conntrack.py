"""Lines a second of a full connection tracking table: splitting, decoding, and what is told of it over time.

    python tests/benchmarks/bench_conntrack.py [--lines N]

The lines are made up: half are of closed connections through Services, three of ten of open ones between
pods, two of ten of DNS. 262,144 is what the kernel of a node with 4 GB and more tracks at most, unless it is
told otherwise.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

from netsec_tui.sources.conntrack.entry import Entry, EntryDecoder  # noqa: E402
from netsec_tui.sources.conntrack.flows import Connections  # noqa: E402

NOW = 1_800_000_000.0


def made_up(count: int) -> str:
    """Return a table as the kernel writes it."""
    chance = random.Random(6)
    return "".join(_line(chance, number) for number in range(count))


def _line(chance: random.Random, number: int) -> str:
    client, server = (f"10.244.{chance.randrange(8)}.{chance.randrange(2, 250)}" for _ in "ab")
    sport, kind = chance.randrange(32768, 61000), number % 10
    if kind < 5:
        told, dialled, port = "tcp      6 100 TIME_WAIT", f"10.96.0.{chance.randrange(2, 200)}", (80, 8080)
    elif kind < 8:
        told, dialled, port = "tcp      6 431990 ESTABLISHED", server, (5432, 5432)
    else:
        told, dialled, port = "udp      17 118", "10.96.0.10", (53, 53)
    return (
        f"ipv4     2 {told} src={client} dst={dialled} sport={sport} dport={port[0]} "
        f"src={server} dst={client} sport={port[1]} dport={sport} [ASSURED] mark=0 zone=0 use=2\n"
    )


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Return how many seconds some work took, and what it returned."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def main() -> None:
    """Print one line for each step."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=262_144, help="default: 262144")
    args = parser.parse_args()
    table, decoder, connections = made_up(args.lines), EntryDecoder(), Connections()

    def entries() -> Iterator[Entry]:
        decoded = map(decoder.decode, table.splitlines())
        return (entry for entry in decoded if isinstance(entry, Entry))

    def told(after: float) -> int:
        return sum(1 for _ in connections.take("node", entries(), NOW + after))

    steps: list[tuple[str, Callable[[], object]]] = [
        ("str.split of every line", lambda: [line.split() for line in table.splitlines()]),
        ("decode", lambda: sum(1 for _ in entries())),
        ("decode, first reading", lambda: told(0)),
        ("decode, 5 s later", lambda: told(5)),
        ("decode, a minute later", lambda: told(65)),
    ]
    print(f"{args.lines:,} lines, {len(table) / args.lines:.0f} bytes each")
    for name, work in steps:
        seconds, result = timed(work)
        flows = f"{result:,}" if isinstance(result, int) else ""
        print(f"{name:26} {seconds:6.2f} s {args.lines / seconds:10,.0f} lines/s {flows:>10}")


if __name__ == "__main__":
    main()
