"""Reading one node's connection tracking table in a pod on the node's own network (docs/sources.md)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.objects.strip import printable
from netsec_tui.sources.reach.pod_exec import Executor
from netsec_tui.sources.reach.pod_websocket import (
    ExecError,
    ExecForbiddenError,
    GoneError,
    NoConnectionError,
    Target,
    UnauthenticatedError,
)

_FAMILIES = ("ipv4", "ipv6")
_TABLE, _STATISTICS = "/proc/net/nf_conntrack", "/proc/net/stat/nf_conntrack"
COMMANDS = (
    (("cat", _TABLE, _STATISTICS),),
    (("cat", _TABLE),),
    tuple(("conntrack", "-L", "-f", family) for family in _FAMILIES),
)
"""The kernel's files, which distributions may leave out, and the tool that asks the kernel by netlink.

Older versions of the tool list IPv4 alone unless they are asked for each.
"""

_KNOWN = (
    "kube-proxy",
    "weave",
    "calico-node",
    "ovnkube",
    "kube-router",
    "cilium",
    "antrea-agent",
)
"""Beginnings of names of pods and containers that work on the node's network as root."""

_SYSTEM = frozenset(
    {
        "kube-system",
        "calico-system",
        "cilium",
        "cilium-system",
        "openshift-ovn-kubernetes",
        "openshift-sdn",
        "ovn-kubernetes",
        "weave",
    }
)
"""Namespaces of theirs: in another one anybody may have given a pod such a name."""

_REST = 0.2
"""The part of a period for which a node is left alone at least, where reading it takes almost as long."""

_OVERDUE_PERIODS = 3
"""The usual times between two tables after which the next is overdue."""

AT_ONCE = 8
"""Tables that are read at the same time: each may be of many megabytes."""

_SLOW_SECONDS = 5.0
_MOST_AT_ONCE = 32
"""A reading that goes on for so long makes room for another, up to so many: one that hangs sends nothing."""

_TROUBLED_AT_ONCE = AT_ONCE // 2
"""Readings at the same time of nodes that gave no table the last time: the others have room."""

_MOST_TRIES = 12
_MOST_SECONDS = 20.0
"""How many containers of a node are tried, and how long, before it is given up for a while."""


class Way(NamedTuple):
    """Say how a node's table was read: where, and by which commands, one after the other."""

    target: Target
    commands: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold what a node gave: its table, or why there is none (``trouble``, a part of a sentence).

    ``at`` is when it had it, in seconds since the epoch. ``unauthenticated`` means that the credentials are
    to be had anew, ``gone`` that the pods are to be listed anew.
    """

    node: str
    table: bytes = b""
    way: Way | None = None
    trouble: str = ""
    unauthenticated: bool = False
    gone: bool = False
    at: float = 0.0


@dataclass(slots=True)
class Node:
    """Hold how reading a node goes; ``began`` (of the last reading) and ``due`` are in monotonic time.

    ``period`` are the seconds between the beginnings of the last two readings of which the former gave a
    table: one that hangs does not make it longer. ``entries`` is -1 before the first table. ``gone`` means
    that the pod which gave the table does not any more, and no other has since. ``read`` is when it last had
    a table, in epoch seconds. ``lost`` is what the kernel says it lost.
    """

    tries: list[Target]
    gone: bool = False
    began: float = 0.0
    period: float = 0.0
    due: float = 0.0
    busy: bool = False
    asked: bool = False
    way: Way | None = None
    entries: int = -1
    read: float = 0.0
    skipped: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    trouble: str = ""

    def begin(self, now: float) -> None:
        """Take it that a reading begins now, in monotonic time."""
        if self.given and not self.gone:
            self.period = now - self.began
        self.busy, self.began = True, now

    @property
    def given(self) -> bool:
        """Tell whether it gave its table when it was last asked."""
        return self.entries >= 0 and not self.trouble

    def due_after(self, now: float, period: float) -> float:
        """Return when to read again after a reading that has ended; periods go from beginning to beginning.

        A slow answer then delays no connection that it does not hold yet.
        """
        return max(self.began + period, now + _REST * period)

    def overdue_from(self, now: float, period: float) -> float:
        """Return from when on, in epoch seconds, the next table is overdue.

        ``now`` is monotonic time, ``period`` how often a node is to be read. What counts is the usual time
        between two of its tables, and how long it waits for its turn; not how long it has not answered.
        """
        waits = 0.0 if self.busy or self.gone else now - self.began
        return self.read + _OVERDUE_PERIODS * max(self.period, waits, period)


def read_until(nodes: Iterable[Node], now: float, period: float) -> tuple[float, float]:
    """Return when a node last gave its table, and from when on those of all nodes are overdue.

    Both are in epoch seconds, 0.0 where no node gives its table; the arguments are as in ``overdue_from``.
    """
    given = [node for node in nodes if node.given]
    due = (node.overdue_from(now, period) for node in given)
    return max((node.read for node in given), default=0.0), max(due, default=0.0)


def due_nodes(nodes: Mapping[str, Node], now: float, may: Callable[[Node], bool]) -> list[str]:
    """Return the nodes to begin to read now, of those that ``may``: who has waited longest, a few at once.

    ``now`` is monotonic time. With many nodes, or slow ones, the first would else be due again before the
    last had their turn.
    """
    busy = [node for node in nodes.values() if node.busy]
    room = AT_ONCE - sum(now - node.began < _SLOW_SECONDS for node in busy)
    room = min(room, _MOST_AT_ONCE - len(busy))
    troubled = _TROUBLED_AT_ONCE - sum(bool(node.trouble) for node in busy)
    chosen: list[str] = []
    for name, node in sorted(nodes.items(), key=lambda item: item[1].due):
        if len(chosen) >= room or node.due > now:
            break
        if node.busy or (node.trouble and troubled <= 0) or not may(node):
            continue
        troubled -= bool(node.trouble)
        chosen.append(name)
    return chosen


def targets(pods: Iterable[KubeObject]) -> dict[str, list[Target]]:
    """Return the containers to try on each node, the most promising first, of what ``seen_pod`` kept."""
    found: dict[str, list[tuple[tuple[int, int], Target]]] = {}
    for pod in pods:
        if not pod["host"]:
            continue
        for container in pod["containers"]:
            target = Target(pod["namespace"], pod["pod"], container)
            found.setdefault(pod["node"], []).append((_rank(target, reader=pod["reader"]), target))
    return {node: [target for _, target in sorted(ranked)] for node, ranked in found.items()}


def read_table(
    node: str, executor: Executor, tries: Iterable[Target], known: Way | None, stop: threading.Event
) -> Answer:
    """Read a node's table as it was read before, else in the first container that gives it."""
    reasons: list[str] = []
    ways = [Way(target, commands) for target in [*tries][:_MOST_TRIES] for commands in COMMANDS]
    closed: set[str] = set()
    deadline = time.monotonic() + _MOST_SECONDS
    for way in [known, *ways] if known else ways:
        if way.target.namespace in closed:
            continue
        if stop.is_set() or time.monotonic() > deadline:
            break
        try:
            table = b"".join(executor.run(way.target, command, stop) for command in way.commands)
            return Answer(node, table, way, at=time.time())
        except UnauthenticatedError as error:
            return Answer(node, trouble=str(error), unauthenticated=True)
        except NoConnectionError as error:
            return Answer(node, trouble=str(error))
        except GoneError as error:
            return Answer(node, trouble=f"{_place(way)}: {error}", gone=True)
        except ExecForbiddenError as error:
            closed.add(way.target.namespace)
            reasons.append(str(error))
        except ExecError as error:
            reasons.append(f"{' '.join(way.commands[0][:2])} in {_place(way)}: {error}")
    return Answer(node, trouble=_why(reasons), gone=known is not None)


def _place(way: Way) -> str:
    return printable(f"{way.target.namespace}/{way.target.pod}")


def _why(reasons: list[str]) -> str:
    if not reasons:
        return "no pod runs on its network (hostNetwork) in which its connection tracking table could be read"
    return reasons[0]


def _rank(target: Target, *, reader: bool) -> tuple[int, int]:
    """Return where a container stands among those to try: those made for it, those of a system, others."""
    if reader:
        return 0, 0
    for rank, name in enumerate(_KNOWN):
        if target.namespace in _SYSTEM and target.pod.startswith(name):
            return 1, rank * 2 + (not target.container.startswith(name))
    return 2, 0
