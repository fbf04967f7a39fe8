"""Add up what sources could not deliver, what two of them tell of one node once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from netsec_tui.model.flow import Gap


class Losses:
    """Count lost events and lines by reason.

    Two sources may ask the same agent of a node, as Relay and ``hubble observe`` do, and each tells of the
    same losses: for a node, a reason and a minute the larger count is taken. What one of them lost at another
    time than the other is something else, and adds up.
    """

    def __init__(self, gaps: Iterable[Gap] = ()) -> None:
        self._lost: dict[str, dict[tuple[str, float], Counter[str]]] = {}
        for gap in gaps:
            self.add(gap)

    def add(self, gap: Gap) -> None:
        """Take in a gap; one of no node, or of no source that is named, is the only one of its kind."""
        of_reason = self._lost.setdefault(gap.reason, {})
        place = (gap.node, gap.time // 60) if gap.node else ("", 0.0)
        of_reason.setdefault(place, Counter())[gap.origin if gap.node else ""] += gap.lost

    @property
    def by_reason(self) -> dict[str, int]:
        """Return how much was lost for each reason, 0 where nobody counted it, in order of appearance."""
        return {
            reason: sum(max(by_origin.values()) for by_origin in of_reason.values())
            for reason, of_reason in self._lost.items()
        }
