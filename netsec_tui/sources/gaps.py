"""Losses that come by the thousand, added up until they are handed on."""

from __future__ import annotations

import time
from dataclasses import replace

from netsec_tui.model.flow import Gap


class Gaps:
    """Gather gaps, one for each node, reason and second; the latest time counts, now where none is told.

    The second keeps old losses apart from new ones, where a source begins again with what it remembers.
    """

    def __init__(self) -> None:
        self._gaps: dict[tuple[str, str, int], Gap] = {}

    def __len__(self) -> int:
        """Return how many gaps wait."""
        return len(self._gaps)

    def add(self, gap: Gap) -> None:
        """Take in a gap."""
        at = gap.time or time.time()
        key = gap.node, gap.reason, int(at)
        same = self._gaps.get(key)
        if same:
            at, until = max(at, same.time), max(gap.until, same.until)
            gap = replace(gap, lost=gap.lost + same.lost, until=until)
        self._gaps[key] = replace(gap, time=at)

    def take(self) -> tuple[Gap, ...]:
        """Return what has come since, and forget it."""
        gaps, self._gaps = tuple(self._gaps.values()), {}
        return gaps
