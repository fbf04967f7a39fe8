"""What sources that begin again tell of the time before: what was told already does not count twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from netsec_tui.model.flow import Flow, Gap
from netsec_tui.model.origins import origins_where
from netsec_tui.model.timespan import from_to

if TYPE_CHECKING:
    from netsec_tui.core.traffic.edge import Edge

Teller = tuple[str, str]
"""A source and the node that it names, which is empty for sources without."""

_KEPT_BY_NODES = origins_where(lambda origin: origin.kept_by_nodes)


class Retold:
    """Hold what had been told when sources began again, at ``begun`` (epoch seconds).

    ``until`` is the time of the last flow of each teller: nodes are not in step. What is later is new. What
    is not may have been told before or not: no record says so, and sources that add up may tell the same in
    other parts. So of each edge and minute the larger of the two tellings counts, whatever the order.
    """

    def __init__(self, until: Mapping[Teller, float], begun: float) -> None:
        self._until = until
        self._begun = begun
        self._last_minute = int(max(until.values(), default=-60.0) // 60)
        self._told: dict[tuple[object, int], list[float]] = {}
        self._lost: dict[object, int] = {}
        self._first: dict[Teller, float] = {}

    def count(self, edge: Edge, flow: Flow, add: Callable[[], None]) -> None:
        """Have ``add`` count a flow on its edge, but for what the edge had been told of its minute."""
        teller = flow.origin, flow.node
        if flow.time < self._first.get(teller, float("inf")):
            self._first[teller] = flow.time
        minute = int(flow.time // 60)
        if minute > self._last_minute:
            add()
            return
        before = edge.counts(minute)
        told = self._told.setdefault((edge.key, minute), before)
        add()
        if not told or flow.time > self._until.get(teller, float("-inf")):
            return
        fresh = [after - had for after, had in zip(edge.counts(minute), before, strict=True)]
        known = [min(told_of_it, more) for told_of_it, more in zip(told, fresh, strict=True)]
        edge.take_back(minute, known)
        self._told[edge.key, minute] = [had - again for had, again in zip(told, known, strict=True)]

    def lost(self, key: object, gap: Gap, before: int) -> int:
        """Return how much of a loss was not told before; ``before`` is what was known of its ``key``."""
        if not gap.origin:  # it has a time of its own each time that it is told
            return gap.lost
        told = self._lost.setdefault(key, before)
        known = min(told, gap.lost)
        self._lost[key] -= known
        return gap.lost - known

    def holes(self) -> Iterator[Gap]:
        """Yield a gap for each node that has told nothing again of what it had told, where others have.

        Its last flows were all overwritten by then: some of those between are lost.
        """
        repeating = {
            origin for (origin, node), last in self._until.items() if self._repeats(origin, node, last)
        }
        for (origin, node), last in self._until.items():
            if node and origin in repeating & _KEPT_BY_NODES and not self._repeats(origin, node, last):
                until = min(self._first.get((origin, node), self._begun), self._begun)
                if until > last:
                    told = f"node {node} has told nothing {from_to(last, until)}"
                    reason = f"{told} and does not remember all of that"
                    yield Gap(last, 0, reason, node, origin, until)

    def _repeats(self, origin: str, node: str, last: float) -> bool:
        return self._first.get((origin, node), float("inf")) <= last
