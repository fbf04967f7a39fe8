"""In which order a table shows its rows, and how they keep their places while traffic goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from ipaddress import ip_address
from typing import Any

from netsec_tui.model.identity import CommunicationKey, PeerSort
from netsec_tui.model.review import Row, Standing


class SortColumn(StrEnum):
    """Name what rows can be sorted by; AS_GIVEN is the order in which they come."""

    AS_GIVEN = "as given"
    PEER = "peer"
    NAMESPACE = "namespace"
    PORT = "port"
    DECISION = "decision"
    LAST_SEEN = "last seen"
    COUNT = "count"

    @property
    def largest_first(self) -> bool:
        """Tell whether the interesting rows have the large values."""
        return self in (SortColumn.LAST_SEEN, SortColumn.COUNT)

    @property
    def following(self) -> SortColumn:
        """Return the column after this one, the first after the last."""
        columns = tuple(SortColumn)
        return columns[(columns.index(self) + 1) % len(columns)]


class RowOrder:
    """Remember the place of every row seen, so that an arriving one never moves those on the screen."""

    def __init__(self) -> None:
        self.column = SortColumn.AS_GIVEN
        self.reverse = False
        self.arrived: set[CommunicationKey] = set()
        self._places: dict[CommunicationKey, int] = {}

    def settle(self, rows: Iterable[Row]) -> list[Row]:
        """Return the rows sorted anew."""
        sorted_rows = list(rows)
        if self.column is not SortColumn.AS_GIVEN:
            # Python's sort is stable, reversed too: equal rows stay in the order given.
            sorted_rows.sort(key=_SORT_KEYS[self.column], reverse=self.reverse)
        elif self.reverse:
            sorted_rows.reverse()
        self._places = {row.key: place for place, row in enumerate(sorted_rows)}
        self._place_folded(sorted_rows)
        self.arrived = set()
        return sorted_rows

    def keep(self, rows: Iterable[Row], *, news: bool = True) -> list[Row]:
        """Return the rows in the places they had; those never seen go to the end, in the order given.

        They have arrived, unless they are no ``news``. Rows that fold into one, or unfold, as an alias is
        given or taken, keep their place. The first rows of all are sorted: there is no place yet to keep.
        """
        places = self._places
        if not places:
            return self.settle(rows)
        placed = []
        for row in rows:
            key = row.key
            place = places.get(key)
            if place is None:
                place = places[key] = self._new_place(row, news)
            placed.append((place, row))
        placed.sort(key=_place)
        self._place_folded(row for _, row in placed)
        return [row for _, row in placed]

    def _new_place(self, row: Row, news: bool) -> int:
        known = (self._places.get(key) for key in row.communication.folded)
        place = next((place for place in known if place is not None), None)
        if place is None:
            place = len(self._places)
            if news:
                self.arrived.add(row.key)
        return place

    def _place_folded(self, rows: Iterable[Row]) -> None:
        """Give what is folded into a row its place, for when it has a row of its own."""
        for row in rows:
            for key in row.communication.folded:
                self._places.setdefault(key, self._places[row.key])


def _place(pair: tuple[int, Row]) -> int:
    return pair[0]


def _peer(row: Row) -> tuple[Any, ...]:
    peer = row.key.peer
    if peer.sort is PeerSort.ADDRESS:
        try:
            address = ip_address(peer.name)
        except ValueError:
            return (2, 0, 0, peer.name)
        return (1, address.version, int(address), peer.name)
    return (0, 0, 0, peer.name.casefold())


_STANDINGS = tuple(Standing)

_SORT_KEYS: dict[SortColumn, Callable[[Row], Any]] = {
    SortColumn.PEER: _peer,
    SortColumn.NAMESPACE: lambda row: (row.key.peer.namespace, _peer(row)),
    SortColumn.PORT: lambda row: (row.key.port, row.key.protocol),
    SortColumn.DECISION: lambda row: _STANDINGS.index(row.standing),
    SortColumn.LAST_SEEN: lambda row: row.communication.last_seen,
    SortColumn.COUNT: lambda row: row.communication.counts.total,
}
