"""Run np-guard/netpol-analyzer over a folder of manifests and read its list of connections."""

from __future__ import annotations

import re
import subprocess
import time
from collections import defaultdict
from pathlib import Path

Links = dict[tuple[str, str], dict[str, str]]
"""Map (source, destination), each ``namespace/name``, to the text of the ports of each protocol."""

_LINE = re.compile(r"([^\s/]+/[^\s\[]+)\[\w+\] => ([^\s/]+/[^\s\[]+)\[\w+\] : (.+)")
_EVERYTHING = dict.fromkeys(("TCP", "UDP", "SCTP"), "1-65535")


def list_connections(program: Path, folder: Path) -> tuple[float, Links]:
    """Return the seconds it took, reading and writing included, and the links between owners."""
    target = folder / "analyzer.txt"
    command = [str(program), "list", "--dirpath", str(folder), "-q", "-o", "txt", "-f", str(target)]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    lines = target.read_text(encoding="utf-8").splitlines()
    return seconds, {(m[1], m[2]): _ports(m[3]) for m in map(_LINE.fullmatch, lines) if m}


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
