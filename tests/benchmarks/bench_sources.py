"""Records a second of every live source, and the processor time of each record, next to its bare decoder.

    python tests/benchmarks/bench_sources.py [--records N] [NAME...]

Every server is a process of its own and is the one of the tests: the processor time of the reading process
does not depend on how fast the server writes, the records a second may. Hubble Relay is measured by
bench_hubble_relay.py, whose server keeps up with it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

from netsec_tui.sources.contract import FlowsRead, Message  # noqa: E402
from netsec_tui.sources.registry import make_source  # noqa: E402
from tests.benchmarks import bench_hubble_relay  # noqa: E402
from tests.benchmarks import source_servers as servers  # noqa: E402
from tests.benchmarks.source_servers import Case  # noqa: E402

CASES = {
    name: Case(name, records, decode, serve, lambda access, name=name: make_source(name, access))  # type: ignore[misc]
    for name, records, decode, serve in (
        ("hubble-exec", servers.agent_lines, servers.agent_decode, servers.serve_agent),
        ("conntrack", servers.table_lines, servers.table_decode, servers.serve_table),
        ("goldmane", servers.goldmane_messages, servers.goldmane_decode, servers.serve_goldmane),
        ("whisker", servers.whisker_lines, servers.whisker_decode, servers.serve_whisker),
        ("netobserv", servers.loki_records, servers.loki_decode, servers.serve_loki),
        ("antrea", servers.antrea_messages, servers.antrea_decode, servers.serve_antrea),
        ("theia", servers.theia_rows, servers.theia_decode, servers.serve_theia),
    )
}


def main() -> None:
    """Print two lines for each source."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=50_000, help="default: 50000")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of hubble, {', '.join(CASES)}")
    args = parser.parse_args()
    if not args.names or "hubble" in args.names:
        bench_hubble_relay.measure(args.records)
    print(f"{args.records:,} records")
    print("source                                   records/s   us of processor time a record")
    for name, case in CASES.items():
        if not args.names or name in args.names:
            _measure(case, args.records)


def _measure(case: Case, count: int) -> None:
    records, decode = case.records(count), case.decode()
    _timed(f"{case.name}, bare decoder", count, lambda: [decode(record) for record in records])
    context = multiprocessing.get_context("spawn")
    told, rest = context.SimpleQueue(), context.Event()
    with tempfile.TemporaryDirectory() as folder:
        server = context.Process(target=_serve, args=(case.name, folder, count, told, rest), daemon=True)
        server.start()
        source = case.source(told.get().access)
        flows = 0

        def emit(message: Message) -> None:
            nonlocal flows
            flows += len(message.flows) if isinstance(message, FlowsRead) else 0

        _timed(f"{case.name}, as a source", count, lambda: source.read(emit))
        assert flows, f"{case.name} told nothing"
        rest.set()
        server.join(10)


def _serve(name: str, folder: str, count: int, told: Any, rest: Any) -> None:
    with CASES[name].serve(Path(folder), count) as served:
        told.put(served)
        rest.wait()


def _timed(name: str, count: int, work: Callable[[], object]) -> None:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"{name:38}{count / wall:12,.0f}{processor / count * 1e6:12.1f}", flush=True)


if __name__ == "__main__":
    main()
