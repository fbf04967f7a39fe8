"""The lines of a capture that say how its sources have watched (docs/capture-format.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from netsec_tui.errors import BadInputError
from netsec_tui.model.observed import NodeSpan, Observed
from netsec_tui.sources.capture.lines import as_number, as_time

KEY = "observed"

AGAIN_SECONDS = 60.0
"""Seconds after which a source that watches on is written again: so much of its time a crash costs."""

_LARGEST = 2**31


class ObservedWriter:
    """Write what sources say of how they have watched: when it changes, once a minute, and at the end.

    How many connections are idle changes with every reading, and is no reason by itself; nor is how far flows
    have come of a source that says nothing else.
    """

    def __init__(self) -> None:
        self._written: dict[tuple[str, float], tuple[float, Observed]] = {}
        self._told: dict[tuple[str, int], Observed] = {}

    def lines(self, source: str, told: Iterable[Observed], now: float) -> Iterator[dict[str, Any]]:
        """Yield the lines that are due of what a source tells; ``now`` is in epoch seconds.

        It may reach further back each time; what it told before then ends where it was last written.
        """
        for number, one in enumerate(told):
            key = (one.origin, one.since)
            last = self._told.get((source, number), one)
            if key != (last.origin, last.since) and self._written[last.origin, last.since][1] != last:
                yield self._line(last, now)
            self._told[source, number] = one
            written, before = self._written.get(key, (0.0, None))
            changed = before is None or _known(before) != _known(one)
            if changed or now >= written + AGAIN_SECONDS:
                yield self._line(one, now)

    def last_lines(self, now: float) -> Iterator[dict[str, Any]]:
        """Yield a line for each source that still watches, since it did until now, and what is unsaid."""
        for one in self._told.values():
            if not one.until or self._written[one.origin, one.since][1] != one:
                yield self._line(one, now)

    def _line(self, one: Observed, now: float) -> dict[str, Any]:
        self._written[one.origin, one.since] = (now, one)
        told = {
            "until": one.until,
            "sampling": one.sampling if one.sampling != 1 else None,
            "idle": one.idle,
            "noAddresses": not one.addresses,
            "byFlows": one.by_flows,
            "spans": sorted(one.spans),
        }
        fields: dict[str, Any] = {"t": now, "origin": one.origin, "since": one.since}
        fields |= {key: value for key, value in told.items() if value or (key == "sampling" and value == 0)}
        return {KEY: fields if one.nodes is None else {**fields, "nodes": sorted(one.nodes)}}


def _known(one: Observed) -> Observed:
    if not one.by_flows:
        return replace(one, idle=0)
    return replace(one, idle=0, until=0.0, spans=())


class ObservedReading:
    """Hold what the lines read so far say."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, float], list[Observed]] = {}

    def take(self, fields: Mapping[str, Any]) -> None:
        """Take one line; a later one of the same watch stands in its place.

        One that begins with the same flow need not be the same: the recording may have paused.

        Raises:
            BadInputError: a field is missing or has the wrong type.
        """
        one = _decoded(fields)
        told = self._told.setdefault((one.origin, one.since), [])
        told[:] = [*(before for before in told if not one.goes_on_from(before)), one]

    @property
    def all(self) -> tuple[Observed, ...]:
        """Return what the recording's sources have said last; none of them watches any more."""
        return tuple(one for told in self._told.values() for one in told)


def _decoded(fields: Mapping[str, Any]) -> Observed:
    origin, nodes, blind = fields.get("origin"), fields.get("nodes"), fields.get("noAddresses", False)
    by_flows = fields.get("byFlows", False)
    if not (isinstance(origin, str) and isinstance(blind, bool) and isinstance(by_flows, bool)):
        raise BadInputError("origin is no text, or noAddresses or byFlows no boolean")
    if nodes is not None and not (isinstance(nodes, list) and all(isinstance(node, str) for node in nodes)):
        raise BadInputError("nodes is no list of texts")
    spans = fields.get("spans", [])
    if not isinstance(spans, list):
        raise BadInputError("spans is no list")
    read = Observed(
        origin,
        as_time(fields, "since"),
        as_time(fields, "until") if "until" in fields else 0.0,
        None if nodes is None else frozenset(nodes),
        as_number(fields, "sampling", 1, 0, _LARGEST),
        as_number(fields, "idle", 0, 0, _LARGEST),
        not blind,
        tuple(map(_span, spans)),
        by_flows,
    )
    return read if read.until else replace(read, until=max(as_time(fields), read.since))


def _span(told: object) -> NodeSpan:
    if not (isinstance(told, list) and len(told) == 3 and isinstance(told[0], str)):
        raise BadInputError("a span is no list of a node, since and until")
    times = {"since": told[1], "until": told[2]}
    return NodeSpan(told[0], as_time(times, "since"), as_time(times, "until"))
