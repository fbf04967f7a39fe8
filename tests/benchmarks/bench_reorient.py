"""Seconds until guessed directions are put right, when it turns out late which end listens.

    python tests/benchmarks/bench_reorient.py [--pods N]

That many clients and as many servers, each client with a connection to each server, on a port above 32767
of which nothing is known. "proven": one connection between each two, then the proof of one of them.
"folded": nine between each two, of which the last gives away that one port has many partners.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

from netsec_tui.core.traffic.ports import PARTNERS  # noqa: E402
from netsec_tui.model.flow import Endpoint, Flow, Protocol, Verdict  # noqa: E402
from netsec_tui.session.session import Options, Session  # noqa: E402

NOW = 1_800_000_000.0
PORT = 50_051


def pod(app: str, number: int) -> Endpoint:
    """Return a pod of an app."""
    return Endpoint("", "shop", f"{app}-{number}", (("app", app),))


def connections(pods: int, port: int, *, proven: bool = False) -> Iterator[Flow]:
    """Yield a connection from each client to each server, which is a guess unless proven."""
    clients, servers = ([pod(app, number) for number in range(pods)] for app in ("web", "db"))
    for client in clients:
        for server in servers:
            yield Flow(
                time=NOW,
                source=client,
                destination=server,
                protocol=Protocol.TCP,
                source_port=port,
                destination_port=PORT,
                is_reply=False if proven else None,
                verdict=Verdict.FORWARDED,
                proven=proven,
            )


def measure(name: str, known: list[Flow], news: list[Flow]) -> None:
    """Print how long it took to take in what was guessed, and then what tells better."""
    session = Session(Options(), lambda: NOW)
    took = []
    for flows in (known, news):
        begun = time.perf_counter()
        session.add_flows(flows)
        session.workloads()
        took.append(time.perf_counter() - begun)
    print(f"{name:8}{len(known):>10,}{took[0]:>12.2f} s{took[1]:>12.2f} s")


def main() -> None:
    """Print a line for each of the two ways to learn who listens."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pods", type=int, default=40, help="clients, and servers; default: 40")
    pods = parser.parse_args().pods
    print(f"{'':8}{'guesses':>10}{'taken in':>14}{'put right':>14}")
    measure("proven", [*connections(pods, 40_000)], [*connections(1, 40_001, proven=True)])
    first = [flow for n in range(PARTNERS) for flow in connections(pods, 40_000 + n)]
    measure("folded", first, [*connections(pods, 50_000)])


if __name__ == "__main__":
    main()
