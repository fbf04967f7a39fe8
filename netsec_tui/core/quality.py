"""Work out how good an observation is from what sources say of themselves and from their flows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from operator import attrgetter

from netsec_tui.core.holes import QUIET, share, unwatched
from netsec_tui.core.traffic.observe import Observations, Told
from netsec_tui.model.communication import Communication, Orientation
from netsec_tui.model.flow import Gap
from netsec_tui.model.identity import PeerSort
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.losses import Losses
from netsec_tui.model.observed import NodeSpan, Observed, short_node
from netsec_tui.model.origins import SOURCES_IN_ORDER, origins_where
from netsec_tui.model.quality import Lost, Quality, Silent, Watched, telling
from netsec_tui.model.timespan import Timespan, Window, slack

_REMEMBERED = 180.0
"""Seconds before its first reading that a source may tell of without having watched: what it remembers."""

_DATES_BACK = origins_where(lambda origin: origin.dates_back)
_NODES_BY_FLOWS = origins_where(lambda origin: origin.nodes_by_flows)
_MAY_SAMPLE = origins_where(lambda origin: origin.may_sample)


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
    ever = tuple(watched(Window(0.0, window.end), seen, observed)) if window.start else sources
    reported = _reported(sources, present) or _reported(ever, present)
    holes = tuple(unwatched(window, now, ever, reported, seen.gaps))
    whole = not any(unwatched(window, now, ever, reported, ()))  # not even one that a gap tells
    exactly, wanted = _to_the_second(window, now, asked), (asked.seconds or 0.0) if whole else 0.0
    seconds = _seconds_of(reported, exactly, now, sources)
    by_node = {node: _whole(watched_for, wanted) for node, watched_for in seconds.items()}
    covered = _whole(_least(by_node, exactly, now, sources), wanted)
    themselves = [source for source in sources if not source.by_flows]
    known = _least(_seconds_of(reported, exactly, now, themselves), exactly, now, themselves)
    return Quality(
        asked,
        covered,
        sources,
        tuple(sorted({short_node(node) for nodes in reporting for node in nodes})) if reporting else None,
        present or None,
        (*lost_in(window, seen.gaps), *holes),
        synthetic=sum(_synthetic(window, told) for told in seen.told.values()),
        silent=silent,
        by_node=tuple(by_node.items()),
        by_flows=covered - _whole(known, wanted),
    )


def _synthetic(window: Window, told: Told) -> int:
    return sum(count for minute, count in told.synthetic.items() if window.start <= minute * 60 <= window.end)


def _to_the_second(window: Window, now: float, asked: Timespan) -> Window:
    """Return what was asked for: rows are counted by the minute, so their window is longer."""
    end = min(window.end, now)
    return Window(window.start if asked.seconds is None else max(0.0, end - asked.seconds), end)


def _whole(seconds: float, wanted: float) -> float:
    """Return what was watched of the seconds ``wanted``: all where hardly any lack."""
    return wanted if wanted and wanted - slack(wanted) <= seconds else seconds


def watched(window: Window, seen: Observations, observed: Iterable[Observed]) -> Iterator[Watched]:
    """Yield how each source has watched, as far as it has in the window; the better sources first.

    A source that says nothing of itself watched from its first flow to its last, as far as anybody can
    tell; so did one before the time that it speaks of, for flows that are older. What two of one kind have
    watched without a hole between them is one. A file says how it itself was watched.
    """
    told = sorted(observed, key=lambda one: (_rank(one.origin), one.origin, one.since))
    earliest: dict[str, float] = {}
    for one in told:
        earliest[one.origin] = min(one.since, earliest.get(one.origin, one.since))
    found = [_of_flows(origin, flows, window, earliest.get(origin)) for origin, flows in seen.told.items()]
    found += [_of_itself(one, window, seen.told.get(one.origin)) for one in told]
    for source in _joined(filter(None, found)):
        if share(source, window, window.end):
            yield source


def _joined(found: Iterable[Watched]) -> list[Watched]:
    """Return sources in order, those of one kind whose times overlap as one."""
    joined: list[list[Watched]] = []
    for one in sorted(found, key=lambda one: (_rank(one.origin), one.origin, not one.told, one.since)):
        same = joined[-1] if joined else []
        alike = same and (same[0].origin, same[0].told) == (one.origin, one.told)
        breath = 0.0 if one.told else QUIET
        if alike and one.since <= max(before.until or math.inf for before in same) + breath:
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
        spans=tuple(sorted((span for one in several for span in one.spans), key=_PLACE)),
    )


_PLACE = attrgetter("node", "since", "until")


def _of_itself(one: Observed, window: Window, flows: Told | None) -> Watched:
    spans = list(one.every_span)
    if one.nodes is None and flows is not None and not one.by_flows:
        spans = [NodeSpan(node, max(since, one.since)) for node, since in flows.since.items()]
        spans = [span for span in spans if flows.nodes[span.node] >= window.start]
    known = one.nodes is not None or bool(flows and flows.nodes and not one.by_flows)
    within = _within(spans, one.until, window)
    return Watched(
        one.origin,
        one.since,
        one.until,
        not one.by_flows,
        tuple(sorted(_reporting(one, within))) if known else None,
        one.sampling,
        one.idle,
        one.addresses,
        within,
        one.by_flows or one.nodes is None or one.origin in _NODES_BY_FLOWS,
    )


def _reporting(one: Observed, within: Iterable[NodeSpan]) -> set[str]:
    seen = {span.node for span in within}
    return seen if one.nodes is None else seen.intersection(map(short_node, one.nodes))


def _within(spans: Iterable[NodeSpan], until: float, window: Window) -> tuple[NodeSpan, ...]:
    """Return spans as far as their source has watched, those that end before the window left out."""
    ends = [(span, min(filter(None, (span.until, until)), default=0.0)) for span in spans]
    within = (
        NodeSpan(short_node(span.node), span.since, end)
        for span, end in ends
        if (end or math.inf) >= max(span.since, window.start)
    )
    return tuple(sorted(within, key=_PLACE))


def _of_flows(origin: str, flows: Told, window: Window, before: float | None) -> Watched | None:
    last = flows.last
    if before is not None:
        if flows.first >= before - _REMEMBERED or origin in _DATES_BACK:
            return None
        # To the minute is near enough, and all that is kept of every flow.
        last = min(before, max(minute for minute in flows.minutes if minute * 60 <= before) * 60 + 60.0)
    spans = _within((NodeSpan(n, flows.since[n], until) for n, until in flows.nodes.items()), last, window)
    nodes = tuple(sorted({span.node for span in spans})) if flows.nodes else None
    sampling = 0 if origin in _MAY_SAMPLE else 1
    return Watched(origin, flows.first, last, False, nodes, sampling, spans=spans, nodes_by_flows=True)


def _rank(origin: str) -> int:
    known = origin in SOURCES_IN_ORDER
    return SOURCES_IN_ORDER.index(origin) if known else len(SOURCES_IN_ORDER)


def covered_seconds(window: Window, now: float, sources: Iterable[Watched | NodeSpan]) -> float:
    """Return how many seconds of a window at least one of the sources has watched."""
    covered, reached = 0.0, window.start
    for low, high in sorted(filter(None, (share(source, window, now) for source in sources))):
        covered += max(0.0, high - max(low, reached))
        reached = max(reached, high)
    return covered


def _reported(sources: tuple[Watched, ...], present: tuple[str, ...]) -> list[str]:
    """Return the nodes that report, where none does any more those that did.

    One that is not ``present`` any more counts only where none is known to be.
    """
    now_told = telling(sources)
    reporting = {node for source in now_told for node in source.nodes or ()}
    reporting = reporting or {span.node for source in sources for span in source.spans}
    return sorted(reporting.intersection(present) or reporting)


def _seconds_of(
    nodes: Iterable[str], window: Window, now: float, sources: Iterable[Watched]
) -> dict[str, float]:
    """Map nodes to the seconds of a window in which at least one of the sources watched them.

    A source that tells no node watches all.
    """
    sources = tuple(sources)
    everywhere: list[Watched | NodeSpan] = [source for source in sources if source.nodes is None]
    by_node = {node: list(everywhere) for node in nodes}
    for span in (span for source in sources for span in source.spans):
        if span.node in by_node:
            by_node[span.node].append(span)
    return {node: covered_seconds(window, now, spans) for node, spans in by_node.items()}


def _least(by_node: dict[str, float], window: Window, now: float, sources: Iterable[Watched]) -> float:
    """Return the seconds of the node that was watched least; without any, of who tells no node."""
    nowhere = (source for source in sources if source.nodes is None)
    return min(by_node.values()) if by_node else covered_seconds(window, now, nowhere)


def lost_in(window: Window, gaps: Iterable[Gap]) -> tuple[Lost, ...]:
    """Return what was lost since the window began, the most first; a gap without a time may lie in any.

    One that began before it counts where it reaches into the window: how much lies there nobody knows.

    The window of a file ends with its newest flow: what is said to be lost after that was to come there.
    """
    losses = Losses(gap for gap in gaps if not gap.time or gap.last >= window.start)
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
