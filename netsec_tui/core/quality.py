"""Work out how good an observation is from what sources say of themselves and from their flows."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

from netsec_tui.core.traffic.observe import Observations, Told
from netsec_tui.model.communication import Communication, Orientation
from netsec_tui.model.flow import Gap
from netsec_tui.model.identity import PeerSort
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.losses import Losses
from netsec_tui.model.observed import SOURCES_IN_ORDER, Observed
from netsec_tui.model.quality import Lost, Quality, Silent, Watched, telling
from netsec_tui.model.timespan import Timespan, Window

_REMEMBERED = 180.0
"""Seconds before its first reading that a source may tell of without having watched: what it remembers."""

_BREATH = 1.0
"""Seconds between two sources that are no gap: one begins when the other has ended."""

_MAY_SAMPLE = frozenset({"netobserv"})
"""Sources whose flows do not tell how many packets were looked at."""


def quality_of(
    asked: Timespan,
    window: Window,
    now: float,
    seen: Observations,
    observed: Iterable[Observed],
    inventory: Inventory,
    silent: Silent | None = None,
) -> Quality:
    """Return what is known of the observation in a window, all but what concerns the rows of a workload.

    ``now`` is where sources have got to that still watch, in epoch seconds.
    """
    sources = tuple(watched(window, seen, observed))
    reporting = [source.nodes for source in telling(sources) if source.nodes is not None]
    present = tuple(sorted(node.name for node in inventory.nodes))
    return Quality(
        asked,
        covered_seconds(window, now, sources),
        sources,
        tuple(sorted({short_node(node) for nodes in reporting for node in nodes})) if reporting else None,
        present or None,
        (*lost_in(window, seen.gaps), *_unwatched(window, now, sources)),
        synthetic=sum(told.synthetic for told in seen.told.values()),
        silent=silent,
    )


def watched(window: Window, seen: Observations, observed: Iterable[Observed]) -> Iterator[Watched]:
    """Yield how each source has watched, as far as it has in the window; the better sources first.

    A source that says nothing of itself watched from its first flow to its last, as far as anybody can
    tell; so did one before the time that it speaks of, for flows that are older. What two of one kind have
    watched without a hole between them is one.
    """
    told = sorted(observed, key=lambda one: (_rank(one.origin), one.origin, one.since))
    earliest: dict[str, float] = {}
    for one in told:
        earliest[one.origin] = min(one.since, earliest.get(one.origin, one.since))
    found = [_of_flows(origin, flows, window, earliest.get(origin)) for origin, flows in seen.told.items()]
    found += [_of_itself(one, window, seen.told.get(one.origin)) for one in told]
    for source in _joined(filter(None, found)):
        if _share(source, window, source.until or window.end):
            yield source


def _joined(found: Iterable[Watched]) -> list[Watched]:
    """Return sources in order, those of one kind whose times overlap as one."""
    joined: list[list[Watched]] = []
    for one in sorted(found, key=lambda one: (_rank(one.origin), one.origin, not one.told, one.since)):
        same = joined[-1] if joined else []
        alike = same and (same[0].origin, same[0].told) == (one.origin, one.told)
        if alike and one.since <= max(before.until or math.inf for before in same):
            same.append(one)
        else:
            joined.append([one])
    return sorted(map(_as_one, joined), key=lambda one: (_rank(one.origin), one.origin, one.since))


def _as_one(several: list[Watched]) -> Watched:
    if len(several) == 1:
        return several[0]
    now = telling(several)
    told = [one.nodes for one in now if one.nodes is not None]
    sampling = [one.sampling for one in several]
    return replace(
        several[0],
        until=0.0 if any(not one.until for one in several) else max(one.until for one in several),
        nodes=tuple(sorted({node for nodes in told for node in nodes})) if told else None,
        sampling=max(sampling) if max(sampling) > 1 else min(sampling),
        idle=max(one.idle for one in now),
        addresses=all(one.addresses for one in several),
    )


def _of_itself(one: Observed, window: Window, flows: Told | None) -> Watched:
    nodes = one.nodes
    if nodes is None and flows is not None:
        nodes = _nodes(flows, window)
    return Watched(
        one.origin,
        one.since,
        one.until,
        True,
        tuple(sorted(nodes)) if nodes is not None else None,
        one.sampling,
        one.idle,
        one.addresses,
    )


def _of_flows(origin: str, flows: Told, window: Window, before: float | None) -> Watched | None:
    last = flows.last
    if before is not None:
        if flows.first >= before - _REMEMBERED:
            return None
        # To the minute is near enough, and all that is kept of every flow.
        last = min(before, max(minute for minute in flows.minutes if minute * 60 <= before) * 60 + 60.0)
    nodes = _nodes(flows, window)
    told = tuple(sorted(nodes)) if nodes is not None else None
    return Watched(origin, flows.first, last, False, told, 0 if origin in _MAY_SAMPLE else 1)


def _nodes(flows: Told, window: Window) -> frozenset[str] | None:
    """Return the nodes that flows in the window name, None when no flow ever named one."""
    if not flows.nodes:
        return None
    return frozenset(node for node, last in flows.nodes.items() if last >= window.start)


def short_node(name: str) -> str:
    """Return a node's name as Kubernetes has it; Hubble puts the cluster's name before it (``prod/n1``)."""
    return name.rpartition("/")[2]


def _rank(origin: str) -> int:
    order = SOURCES_IN_ORDER
    return order.index(origin) if origin in order else len(order)


def _share(source: Watched, window: Window, until: float) -> tuple[float, float] | None:
    low, high = max(source.since, window.start), min(until, window.end)
    return (low, high) if low <= high else None


def _shares(window: Window, now: float, sources: Iterable[Watched]) -> list[tuple[float, float]]:
    """Return what each of the sources has watched of a window, the earliest first."""
    shares = (_share(source, window, source.until or now) for source in sources)
    return sorted(share for share in shares if share)


def covered_seconds(window: Window, now: float, sources: Iterable[Watched]) -> float:
    """Return how many seconds of a window at least one of the sources has watched."""
    covered, reached = 0.0, window.start
    for low, high in _shares(window, now, sources):
        covered += max(0.0, high - max(low, reached))
        reached = max(reached, high)
    return covered


def _unwatched(window: Window, now: float, sources: Iterable[Watched]) -> Iterator[Lost]:
    """Yield each time within what was watched in which nobody did: what was done then is not known."""
    reached = math.inf
    for low, high in _shares(window, now, sources):
        if low - reached > _BREATH:
            span = " to ".join(time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at)) for at in (reached, low))
            yield Lost(f"nobody watched from {span} UTC", 0)
        reached = high if reached == math.inf else max(reached, high)


def lost_in(window: Window, gaps: Iterable[Gap]) -> tuple[Lost, ...]:
    """Return what was lost since the window began, the most first; a gap without a time may lie in any.

    The window of a file ends with its newest flow: what is said to be lost after that was to come there.
    """
    losses = Losses(gap for gap in gaps if not gap.time or gap.time >= window.start)
    by_reason = sorted(losses.by_reason.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Lost(reason, count) for reason, count in by_reason)


def doubtful(rows: Iterable[Communication]) -> tuple[int, int, int]:
    """Count the rows that were seen, those of an unproven direction, and those of a peer without address."""
    seen = [row for row in rows if row.seen]
    return (
        len(seen),
        sum(row.orientation is not Orientation.PROVEN for row in seen),
        sum(_unaddressed(row) for row in seen),
    )


def _unaddressed(row: Communication) -> bool:
    if row.peer.sort is PeerSort.NETWORK:
        return not row.addressed
    return row.peer.sort is PeerSort.ADDRESS and not row.peer.name
