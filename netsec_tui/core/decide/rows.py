"""Lay out the rows of both tables: what was seen, folded, and what is kept for its tick."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netsec_tui.core.cluster.addresses import address_order
from netsec_tui.core.cluster.world import World
from netsec_tui.core.decide.fold import fold_aliases, fold_dns
from netsec_tui.core.decide.kept import Exposed, kept_row, not_seen, once_each
from netsec_tui.model.communication import Communication, Via
from netsec_tui.model.decision import DirectionDecisions, Ticks
from netsec_tui.model.identity import CommunicationKey, Direction, PeerSort

Rows = tuple[Communication, ...]


class Layout:
    """Lay out the rows of one piece of evidence; decisions only add rows that were ticked and not seen."""

    def __init__(self, world: World, communications: Iterable[Communication], exposed: Exposed) -> None:
        self._world = world
        self._exposed = exposed
        seen = tuple(communications)
        self._seen = {d: tuple(row for row in seen if row.key.direction is d) for d in Direction}
        self._alone: dict[Direction, Rows] = {}
        self._known: dict[Direction, frozenset[CommunicationKey]] = {}
        self._made: dict[CommunicationKey, tuple[Communication, object]] = {}
        self._kept: dict[Direction, tuple[Ticks, object, object, Rows]] = {}

    def kept(self, direction: Direction, chosen: DirectionDecisions) -> Rows:
        """Return the rows that only ticks bring: the very same ones while these do not change."""
        ticks = chosen.ticks.get(chosen.general, _NONE)
        before = self._kept.get(direction)
        if before and before[0] is ticks and before[1] is chosen.via and before[2] is chosen.stood:
            return before[3]
        rows = tuple(self._kept_row(*one) for one in not_seen(chosen, self._keys(direction))) if ticks else ()
        if before and rows == before[3]:
            rows = before[3]
        self._kept[direction] = (ticks, chosen.via, chosen.stood, rows)
        return rows

    def _kept_row(self, key: CommunicationKey, via: tuple[Via, ...], known: tuple[str, ...]) -> Communication:
        row, told = self._made.get(key, (None, None))
        if row is None or told != (via, known):
            row = kept_row(self._world, self._exposed, key, via, known)
            self._made[key] = (row, (via, known))
        return row

    def rows(self, direction: Direction, kept: Rows, *, offered: bool) -> Rows:
        """Return the rows of a table in display order; ``offered`` adds name look-ups that were not seen."""
        folded = self._folded(direction, kept, offered=offered)
        return tuple(sorted(once_each(folded) if kept else folded, key=_display_order))

    def seen(self, direction: Direction) -> Rows:
        """Return what was seen as the table folds it, in no order."""
        return self._folded(direction, (), offered=False)

    def _folded(self, direction: Direction, kept: Rows, *, offered: bool) -> Rows:
        if kept:
            rows = self._aliased((*self._seen[direction], *kept))
        elif direction in self._alone:
            rows = self._alone[direction]
        else:
            rows = self._alone[direction] = self._aliased(self._seen[direction])
        return fold_dns(rows, self._world.dns, offered=offered) if direction is Direction.EGRESS else rows

    def _aliased(self, rows: Rows) -> Rows:
        return fold_aliases(rows, tuple(self._world.aliases.values()), self._world.ranges)

    def _keys(self, direction: Direction) -> frozenset[CommunicationKey]:
        """Return the keys of the rows seen and of what these have taken in."""
        if direction not in self._known:
            rows = self.seen(direction)
            self._known[direction] = frozenset(key for row in rows for key in (row.key, *row.folded))
        return self._known[direction]


_NONE: Mapping[CommunicationKey, bool] = {}


def _display_order(communication: Communication) -> tuple[object, ...]:
    key = communication.key
    peer = key.peer
    number = address_order(peer.name) if peer.sort is PeerSort.ADDRESS and peer.name else (0, 0)
    return (peer.unresolved, peer.namespace, peer.kind, number, peer.name, key.port, key.protocol)
