"""Find the times within an observation in which nobody watched, or not all of the nodes that were watched."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from netsec_tui.core.words import listed
from netsec_tui.model.flow import Gap
from netsec_tui.model.observed import NodeSpan, short_node
from netsec_tui.model.quality import Lost, Watched
from netsec_tui.model.timespan import Window, from_to

_BREATH = 1.0
"""Seconds between two sources that are no hole: one begins when the other has ended."""

QUIET = 60.0
"""Seconds between the last flow of a file and the first of the next that are no hole: a log is rotated.

Nor is it that one ends so much before another: sources end one after the other.
"""

_APART = 20.0
"""Seconds by which a hole may be longer than another and still be the same: nodes are read in turn."""


class Hole(NamedTuple):
    """Say from when to when nobody watched, in epoch seconds."""

    since: float
    until: float

    def is_told_by(self, other: Hole) -> bool:
        """Tell whether hardly anything of it lies outside another one."""
        shared = min(self.until, other.until) - max(self.since, other.since)
        return self.until - self.since - shared <= min(_APART, shared)


class _Time(NamedTuple):
    """Say from when to when a source watched; ``told`` is false where only flows tell so."""

    since: float
    until: float
    told: bool


def share(source: Watched | NodeSpan, window: Window, now: float) -> Hole | None:
    """Return the part of a window that was watched; who has not ended watches until ``now``."""
    low, high = max(source.since, window.start), min(source.until or now, window.end)
    return Hole(low, high) if low <= high else None


def unwatched(
    window: Window, now: float, sources: Collection[Watched], reporting: Collection[str], gaps: Iterable[Gap]
) -> Iterator[Lost]:
    """Yield each time within what was watched in which nobody did, or a node was not: each hole once.

    ``sources`` are those of any time, and holes those that reach into the window. What a node did before it
    was watched for the first time is none: the time of the node that was watched least counts. Nor is it what
    a gap of the node tells already. After the last time it is one of a node that is ``reporting``, and of all
    of them while the window goes on; but where only flows tell who is watched now, a node may just be quiet.
    """
    told = defaultdict(list)
    for gap in gaps:
        if gap.node:
            told[short_node(gap.node)].append(Hole(gap.time, gap.until))
    goes_on = window.end > now  # that of files ends with what was read
    watching = [one.by_flows for one in sources if not one.until]
    ends = (one.until or now for one in sources if not one.by_flows)
    end = now if goes_on and not (watching and all(watching)) else max(ends, default=0.0)
    ever = Window(0.0, window.end)
    by_node = {
        node: _holes(times, window.start, min(end, window.end) if node in reporting else 0.0)
        for node, times in _times_of_nodes(ever, now, sources).items()
    }
    every = _holes(_times(ever, now, sources), window.start, now if goes_on else 0.0)
    for hole in every:
        if not by_node or not all(_told(hole, told[node]) for node in by_node):
            yield Lost(f"nobody watched {from_to(*hole)}", 0)
    found = ((hole, node) for node, holes in by_node.items() for hole in holes)
    for (since, until), nodes in _alike((h, n) for h, n in found if not _told(h, (*every, *told[n]))):
        yield Lost(f"nobody watched {listed(nodes)} {from_to(since, until)}", 0)


def _told(hole: Hole, others: Iterable[Hole]) -> bool:
    return any(hole.is_told_by(other) for other in others)


def _holes(times: Iterable[_Time], start: float, end: float) -> list[Hole]:
    """Return the holes between times that end after a ``start``, and the one after them until an ``end``."""
    holes: list[Hole] = []
    reached, said = -math.inf, False
    for low, high, told in sorted(times):
        if -math.inf < reached < low - (_BREATH if told or said else QUIET):
            holes.append(Hole(reached, low))
        reached, said = max((reached, said), (high, told))
    if said and end - reached > QUIET:
        holes.append(Hole(reached, end))
    return [hole for hole in holes if hole.until > start]


def _times(window: Window, now: float, sources: Iterable[Watched]) -> Iterator[_Time]:
    """Yield when anybody watched anything."""
    for source in sources:
        spans = () if source.by_flows else source.spans
        for part in (share(one, window, now) for one in spans or (source,)):
            if part:
                yield _Time(*part, source.told)


def _times_of_nodes(window: Window, now: float, sources: Iterable[Watched]) -> dict[str, list[_Time]]:
    """Map nodes to when they were watched, from the first time on that a source says so of itself.

    What names none watches all, and what only flows tell of a node is no ground to say that it did not.
    """
    everywhere: list[_Time] = []
    by_node: dict[str, list[_Time]] = defaultdict(list)
    first: dict[str, float] = {}
    for source in sources:
        whole = share(source, window, now)
        if whole and source.nodes is None:
            everywhere.append(_Time(*whole, source.told))
        elif whole and source.by_flows:
            for node in source.nodes or ():
                by_node[node].append(_Time(*whole, told=False))
        for span in () if source.by_flows else source.spans:
            if part := share(span, window, now):
                by_node[span.node].append(_Time(*part, told=True))
                first[span.node] = min(part.since, first.get(span.node, part.since))
    return {
        node: [time for time in (*by_node[node], *everywhere) if time.until >= since]
        for node, since in first.items()
    }


def _alike(found: Iterable[tuple[Hole, str]]) -> Iterator[tuple[Hole, list[str]]]:
    """Yield holes with the nodes that share them: they begin and end at about the same time."""
    groups: list[tuple[Hole, list[str]]] = []
    for hole, node in sorted(found):
        for other, nodes in reversed(groups):
            if hole.since - other.since > _APART:
                groups.append((hole, [node]))
                break
            if hole.is_told_by(other) and other.is_told_by(hole):
                nodes.append(node)
                break
        else:
            groups.append((hole, [node]))
    return ((hole, sorted(nodes)) for hole, nodes in groups)
