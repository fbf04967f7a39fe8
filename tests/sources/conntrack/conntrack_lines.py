"""Lines of connection tracking tables: as kernels and the conntrack tool have written them, and made up."""

from __future__ import annotations

from pathlib import Path

_DATA = Path(__file__).resolve().parents[2] / "data" / "conntrack.txt"


def _named(lines: list[str]) -> dict[str, str]:
    """Map what a comment says to the line after it."""
    return {name.removeprefix("# "): text for name, text in zip(lines[::2], lines[1::2], strict=True)}


REAL = _named(_DATA.read_text(encoding="utf-8").splitlines())
"""The first seven are from one machine with kube-proxy's rules; the last two from another."""


def line(
    source: str = "10.244.1.5:40000",
    destination: str = "10.244.1.8:8080",
    server: str = "",
    seen: str = "",
    *,
    protocol: str = "tcp",
    state: str = "ESTABLISHED",
    timeout: int = 431998,
    answered: bool = True,
    more: str = "",
) -> str:
    """Return a line of the kernel's; ``server`` answers instead of what was dialled, to ``seen``."""
    number = {"tcp": 6, "udp": 17, "sctp": 132}[protocol]
    family = "ipv6     10" if source.count(":") > 1 else "ipv4     2"
    reply = f"{_tuple(server or destination, seen or source)}"
    told = f"{state} " if state else ""
    mark = "" if answered else "[UNREPLIED] "
    return (
        f"{family} {protocol:8} {number} {timeout} {told}{_tuple(source, destination)} {mark}{reply} "
        f"[ASSURED] mark=0 zone=0{more} use=2"
    )


def _tuple(source: str, destination: str) -> str:
    (src, sport), (dst, dport) = source.rsplit(":", 1), destination.rsplit(":", 1)
    return f"src={src} dst={dst} sport={sport} dport={dport}"
