"""The two groups of a table laid out as lines: in-cluster communications and unresolved IPs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from netsec_tui.model.identity import CommunicationKey
from netsec_tui.model.review import Row, Standing


@dataclass(frozen=True, slots=True)
class Section:
    """Hold one group: its header at line ``top``, the column header below it, then the rows.

    Without rows the line below the header says ``empty``. ``counts`` are the words of the header,
    ``arrived`` counts the rows that came since the last sort.
    """

    unresolved: bool
    rows: tuple[Row, ...]
    top: int
    empty: str
    counts: tuple[str, ...]
    arrived: int = 0

    @property
    def title(self) -> str:
        """Return the name of the group."""
        return "Unresolved IPs" if self.unresolved else "In-cluster communications"

    @property
    def short_title(self) -> str:
        """Return the name of the group where room is short."""
        return "Unresolved" if self.unresolved else "In-cluster"

    @property
    def columns(self) -> int:
        """Return the line of the column header, or of the sentence that there are no rows."""
        return self.top + 1

    @property
    def first(self) -> int:
        """Return the line of the first row."""
        return self.top + 2

    @property
    def end(self) -> int:
        """Return the line behind the group."""
        return self.first + len(self.rows)

    @property
    def lines(self) -> range:
        """Return the lines of the rows."""
        return range(self.first, self.end)


def lay_out(
    rows: Iterable[Row], arrived: Collection[CommunicationKey], empty: tuple[str, str]
) -> tuple[Section, Section]:
    """Divide rows, in the order given, into the two groups; ``empty`` are their sentences without rows."""
    inside: list[Row] = []
    unresolved: list[Row] = []
    for row in rows:
        (unresolved if row.key.peer.unresolved else inside).append(row)

    first = _section(False, inside, 0, empty[0], arrived)
    return first, _section(True, unresolved, first.end + 1, empty[1], arrived)


def _section(
    unresolved: bool, rows: list[Row], top: int, empty: str, arrived: Collection[CommunicationKey]
) -> Section:
    new = sum(row.key in arrived for row in rows) if arrived else 0
    return Section(unresolved, tuple(rows), top, empty, _counts(rows, new), new)


def _counts(rows: list[Row], arrived: int) -> tuple[str, ...]:
    if not rows:
        return ("0 rows",)
    allowed = sum(row.in_policy for row in rows)
    beyond = sum(row.standing is Standing.NOT_EXPRESSIBLE and not row.in_policy for row in rows)
    parts = ["1 row" if len(rows) == 1 else f"{len(rows)} rows", f"{allowed} allowed"]
    parts.append(f"{len(rows) - allowed - beyond} not")
    if beyond:
        parts.append(f"{beyond} {Standing.NOT_EXPRESSIBLE}")
    return (*parts, f"+{arrived} new") if arrived else tuple(parts)


def survivor(gone: Row, before: Sequence[Row], after: Sequence[Row]) -> int | None:
    """Return the index in ``after`` of a row of ``before``, else of its nearest neighbour still there.

    The row that it folds into, or one that it unfolds to, is the row itself. Neighbours below come first;
    None when there is no row at all.
    """
    key = gone.key
    for index, row in enumerate(after):
        if row.key == key:
            return index
    for index, row in enumerate(after):
        if key in row.communication.folded or row.key in gone.communication.folded:
            return index
    places = {row.key: index for index, row in enumerate(after)}
    at = next((index for index, row in enumerate(before) if row.key == key), 0)
    for row in (*before[at:], *reversed(before[:at])):
        if row.key in places:
            return places[row.key]
    return 0 if after else None
