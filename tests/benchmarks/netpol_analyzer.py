"""Build np-guard/netpol-analyzer, run it over a folder of manifests, and read its list of connections.

Its release is pinned by the ``go.mod`` and ``go.sum`` in the folder ``netpol-analyzer``.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

from tests.benchmarks.whole_process import Cost, run

MODULE = Path(__file__).with_name("netpol-analyzer")
PACKAGE = "github.com/np-guard/netpol-analyzer/cmd/netpolicy"
PROTOCOLS = ("TCP", "UDP", "SCTP")

Links = dict[tuple[str, str], dict[str, str]]
"""Map (source, destination), owners as ``namespace/name``, to the text of the ports of each protocol."""

_OWNER = re.compile(r"([^\s/]+/[^\s\[]+)\[\w+\]")
_EVERYTHING = dict.fromkeys(PROTOCOLS, "1-65535")


def build() -> Path | None:
    """Return the program, built into the user's cache folder; None when there is no Go to build it with."""
    go = shutil.which("go")
    if go is None:
        return None
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    program = cache / "netsec-tui-benchmarks" / "netpolicy"
    subprocess.run([go, "build", "-o", str(program), PACKAGE], cwd=MODULE, check=True)
    return program


def list_connections(program: Path, folder: Path) -> tuple[Cost, Links]:
    """Return what it costs, reading and writing included, and the links between owners."""
    # As CSV: it joins the lines of its text format one by one, which costs the square of their number.
    target = folder.parent / "analyzer.csv"
    cost = run([str(program), "list", "--dirpath", str(folder), "-q", "-o", "csv", "-f", str(target)])
    with target.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    links: Links = {}
    for source, destination, ports in rows:
        ends = _OWNER.fullmatch(source), _OWNER.fullmatch(destination)
        if ends[0] and ends[1]:
            links[ends[0][1], ends[1][1]] = _ports(ports)
    return cost, links


def _ports(text: str) -> dict[str, str]:
    if text == "All Connections":
        return _EVERYTHING
    found: dict[str, list[str]] = defaultdict(list)
    protocol = ""
    for part in text.split(","):
        name, _, ports = part.rpartition(" ")
        protocol = name or protocol
        found[protocol].append(ports)
    return {protocol: ",".join(ports) for protocol, ports in found.items()}
