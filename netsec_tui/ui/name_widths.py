"""How wide the names in a table are, so that their column takes no more than they need."""

from __future__ import annotations

from collections.abc import Iterable

from netsec_tui.model.review import Row
from netsec_tui.render.cells import cell_width
from netsec_tui.render.row_cells import name

Group = tuple[int, int]
"""Cells of the longest name where the kind has a column of its own, and where it goes with the name."""

Widths = tuple[Group, Group]
"""Those of the in-cluster rows and of the unresolved IPs."""

_ORDINARY = 24


class NameWidths:
    """Remember the longest names shown so far; a column that shrank again would move under the reader.

    ``home`` is the namespace that names need not say.
    """

    def __init__(self, home: str = "") -> None:
        self.home = home
        self._rows: tuple[Row, ...] = ()
        self._longest: Widths = ((0, 0), (0, 0))

    def take(self, rows: tuple[Row, ...]) -> Widths:
        """Look at the rows that differ from those before, and return the widths."""
        new = [row for row, old in zip(rows, self._rows, strict=False) if row is not old]
        new += rows[len(self._rows) :]
        self._rows = rows
        inside, unresolved = (
            self._grown(group, (row for row in new if row.key.peer.unresolved is there))
            for group, there in zip(self._longest, (False, True), strict=True)
        )
        self._longest = inside, unresolved
        longer = max(inside[0], unresolved[1])
        if longer > _ORDINARY:
            return self._longest
        # Columns of both groups stand under each other, unless a long name would cost the other group much.
        return (longer, max(longer, inside[1])), (longer, longer)

    def _grown(self, group: Group, rows: Iterable[Row]) -> Group:
        bare, whole = group
        for row in rows:
            bare = max(bare, cell_width(name(row, self.home, False, True).text))
            whole = max(whole, cell_width(name(row, self.home, False, False).text))
        return bare, whole
