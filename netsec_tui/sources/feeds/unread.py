"""What a source had not read yet when reading ends: from there on nothing is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from netsec_tui.model.flow import Gap
from netsec_tui.model.observed import Observed
from netsec_tui.model.timespan import moment
from netsec_tui.sources.contract import FlowsRead, Message, SourceStatus

_SLACK = 5.0
"""Seconds by which what has been read of a stream may lie back: flows come late, and clocks differ."""


def unread(status: SourceStatus, now: float) -> str:
    """Return how far a source had got only when reading ended at a time, empty where nothing is overdue."""
    if not status.read_to or now <= max(status.read_to + _SLACK, status.due):
        return ""
    return f"{status.source} had been read only up to {moment(status.read_to)} UTC when reading ended"


def last_said(status: SourceStatus, now: float, error: str = "") -> Iterator[Message]:
    """Yield what is to be said of a source at its end: what is missing, and until when it has watched."""
    if missing := unread(status, now):
        yield FlowsRead((Gap(status.read_to, 0, f"{missing}: what came later is not known", until=now),))
    yield replace(status, error=error or status.error, ended=True, observed=watched_until(status, now))


def watched_until(status: SourceStatus, now: float) -> Observed | None:
    """Return what a source said of itself with an end: from now on it does not watch."""
    observed = status.observed
    if not observed or not observed.since or observed.until:
        return observed
    return replace(observed, until=min(status.read_to or now, now))
