"""Put ``netsec-tui check --matrix`` beside netpol-analyzer: the same files, each as a whole process.

Both read manifests and write all connections between owners, and between owners and addresses, as CSV.
"""

from __future__ import annotations

import csv
import re
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.cluster_generator import PROFILES, generate, write
from tests.benchmarks.netpol_analyzer import PROTOCOLS, Links, list_connections
from tests.benchmarks.whole_process import Cost, run

SIZES = (
    (500, 50, 100),
    (500, 500, 100),
    (1250, 125, 500),
    (2500, 250, 500),
    (5000, 500, 125),
    (5000, 500, 250),
    (5000, 500, 500),
)
"""Pods, owners, policies: the last is where two series meet, pods and policies doubling."""

_OWNER = re.compile(r"([^/]+)/[^/]+/([^/]+)")
_ALL_PORTS = "1-65535"


def print_table(program: Path) -> None:
    """Print the seconds of both, and for how many pairs of owners they differ."""
    print("\nwhole processes beside netpol-analyzer: seconds (of processor time)")
    print("profile    pods owners policies        netsec-tui   netpol-analyzer   pairs  differ")
    for profile in PROFILES:
        for size in SIZES:
            print(_line(program, profile, size), flush=True)


def _line(program: Path, profile: str, size: tuple[int, int, int]) -> str:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "in"
        write(generate(*size, profile), folder)
        our_cost, ours = _own_links(folder)
        their_cost, theirs = list_connections(program, folder)
    differ = sum(1 for pair in ours.keys() | theirs.keys() if ours.get(pair) != theirs.get(pair))
    numbers = "".join(f"{number:{width}}" for number, width in zip(size, (7, 7, 9), strict=True))
    return f"{profile:8}{numbers}{_text(our_cost)}{_text(their_cost)}{len(ours):8}{differ:8}"


def _text(cost: Cost) -> str:
    return f"{cost.wall:9.2f} ({cost.processor:.2f})".rjust(18)


def _own_links(folder: Path) -> tuple[Cost, Links]:
    target = folder.parent / "ours.csv"
    command = [sys.executable, "-m", "netsec_tui", "check", "--matrix", "-o", "csv"]
    cost = run([*command, "--no-ipblock-matches-pods", "--manifests", str(folder)], target)
    links: Links = {}
    with target.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            ends = _OWNER.fullmatch(row["from"]), _OWNER.fullmatch(row["to"])
            # The other program says nothing about pods of the same owner.
            if ends[0] and ends[1] and row["from"] != row["to"]:
                source, destination = ("/".join(end.groups()) for end in ends if end)
                links[source, destination] = _ports(row["possible_ports"])
    return cost, links


def _ports(text: str) -> dict[str, str]:
    if text == "all ports":
        return dict.fromkeys(PROTOCOLS, _ALL_PORTS)
    parts = (part.partition(" ") for part in text.split("; "))
    return {protocol: ports or _ALL_PORTS for protocol, _, ports in parts}
