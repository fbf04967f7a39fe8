"""Losses that come by the thousand, added up until they are handed on."""

from __future__ import annotations

import time

from netsec_tui.model.flow import Gap


class Gaps:
    """Gather gaps, one for each node and reason; the latest time counts, now where none is told."""

    def __init__(self) -> None:
        self._gaps: dict[tuple[str, str], Gap] = {}

    def __len__(self) -> int:
        """Return how many gaps wait."""
        return len(self._gaps)

    def add(self, gap: Gap) -> None:
        """Take in a gap."""
        same = self._gaps.get((gap.node, gap.reason))
        lost = gap.lost + (same.lost if same else 0)
        self._gaps[gap.node, gap.reason] = Gap(gap.time or time.time(), lost, gap.reason, gap.node)

    def take(self) -> tuple[Gap, ...]:
        """Return what has come since, and forget it."""
        gaps, self._gaps = tuple(self._gaps.values()), {}
        return gaps
