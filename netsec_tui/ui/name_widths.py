"""How wide the names in a table are, so that their column takes no more than they need."""

from __future__ import annotations

from collections.abc import Iterable

from netsec_tui.model.review import Row
from netsec_tui.render.cells import cell_width
from netsec_tui.render.row_cells import name

Widths = tuple[int, int]
"""Cells of the longest name among in-cluster rows and among unresolved IPs."""

_ORDINARY = 24


class NameWidths:
    """Remember the longest names shown so far; a column that shrank again would move under the reader.

    ``home`` is the namespace that names need not say.
    """

    def __init__(self, home: str = "") -> None:
        self.home = home
        self._rows: tuple[Row, ...] = ()
        self._widths: Widths = (0, 0)

    def take(self, rows: tuple[Row, ...]) -> Widths:
        """Look at the rows that differ from those before, and return the widths."""
        new = [row for row, old in zip(rows, self._rows, strict=False) if row is not old]
        self._widths = self._longest([*new, *rows[len(self._rows) :]])
        self._rows = rows
        longer = max(self._widths)
        # Columns of both groups stand under each other, unless a long name would cost the other group much.
        return (longer, longer) if longer <= _ORDINARY else self._widths

    def _longest(self, rows: Iterable[Row]) -> Widths:
        inside, unresolved = self._widths
        for row in rows:
            # The kind has a column of its own wherever there is room to choose.
            cells = cell_width(name(row, self.home, False, True).text)
            if row.key.peer.unresolved:
                unresolved = max(unresolved, cells)
            else:
                inside = max(inside, cells)
        return inside, unresolved
