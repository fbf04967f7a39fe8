"""Have the nodes' connection tracking tables forget connections that nobody shall take for traffic."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.cluster.harness import netns, waiting

_SECONDS = 2
_OVER = ("TIME_WAIT", "CLOSE", "SYN_SENT")


class Ends(NamedTuple):
    """The two ends of a connection as the client has them; ``protocol`` is TCP or UDP."""

    protocol: str
    client: str
    client_port: int
    server: str
    server_port: int


def forget_all(nodes: Sequence[Path]) -> None:
    """Empty the tables, as the kernel does with what is quiet when one is full."""
    for node in nodes:
        with netns.inside(node):
            for family in ("ipv4", "ipv6"):
                netns.run("conntrack", "-F", "-f", family)


def forget(nodes: Sequence[Path], connections: Collection[Ends]) -> None:
    """Remove the entries of connections that their clients have closed from all tables.

    Args:
        nodes: The files of the network namespaces.
        connections: Which; one that has left no entry is fine.
    """
    wanted = frozenset(connections)

    def all_over() -> bool:
        return all(over for node in nodes for _, over in _entries(node, wanted))

    # A late packet of one that is not over would make an entry anew, perhaps with the server as its client.
    with suppress(TimeoutError):
        waiting.until(all_over, _SECONDS, "the end of connections")
    for node in nodes:
        lines = [_deletion(ends) for ends, over in _entries(node, wanted) if over]
        if lines:
            with netns.inside(node):
                netns.run("conntrack", "-R", "-", stdin="".join(lines))


def _entries(node: Path, wanted: Collection[Ends]) -> Iterator[tuple[Ends, bool]]:
    """Yield the wanted connections that a table has, and whether each is over."""
    with netns.inside(node):
        said = netns.run("conntrack", "-L")
    for line in said.splitlines():
        protocol, _, _, *words = line.split()
        told: dict[str, str] = {}
        for key, equals, value in (word.partition("=") for word in words):
            if equals:
                told.setdefault(key, value)  # the second of each is of the answer's direction
        if "sport" in told:
            ends = Ends(protocol.upper(), told["src"], int(told["sport"]), told["dst"], int(told["dport"]))
            if ends in wanted:
                yield ends, protocol != "tcp" or words[0] in _OVER


def _deletion(ends: Ends) -> str:
    ports = f"--sport {ends.client_port} --dport {ends.server_port}"
    return f"-D -p {ends.protocol.lower()} -s {ends.client} -d {ends.server} {ports}\n"
