"""Add up what sources could not deliver, what two of them tell of one node once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from netsec_tui.model.flow import Gap


class Losses:
    """Count lost events and lines by reason.

    Two sources may ask the same agent of a node, as Relay and ``hubble observe`` do, and each tells of the
    same losses: for a node and reason the larger count is taken.
    """

    def __init__(self, gaps: Iterable[Gap] = ()) -> None:
        self._lost: dict[str, dict[str, Counter[str]]] = {}
        for gap in gaps:
            self.add(gap)

    def add(self, gap: Gap) -> None:
        """Take in a gap; one of no node, or of no source that is named, is the only one of its kind."""
        by_node = self._lost.setdefault(gap.reason, {})
        by_node.setdefault(gap.node, Counter())[gap.origin if gap.node else ""] += gap.lost

    @property
    def by_reason(self) -> dict[str, int]:
        """Return how much was lost for each reason, 0 where nobody counted it, in order of appearance."""
        return {
            reason: sum(max(of_node.values()) for of_node in by_node.values())
            for reason, by_node in self._lost.items()
        }
