"""Which rows of a table are marked, to be ticked together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netsec_tui.model.identity import CommunicationKey
from netsec_tui.model.review import Row


class RowMarks:
    """Hold the rows from an anchor to the cursor as they stood when the cursor was last moved.

    Keys are held, not places: a row that arrives between two marked ones is never ticked unseen.
    """

    def __init__(self) -> None:
        self.keys: frozenset[CommunicationKey] = frozenset()
        self._anchor: CommunicationKey | None = None

    @property
    def marking(self) -> bool:
        """Tell whether moving the cursor marks."""
        return self._anchor is not None

    def begin(self, row: Row) -> None:
        """Mark one row and go on from there."""
        self._anchor, self.keys = row.key, frozenset((row.key,))

    def clear(self) -> None:
        """Forget all marks."""
        self._anchor, self.keys = None, frozenset()

    def reach(self, row: Row, rows: Sequence[Row]) -> None:
        """Mark from the anchor to a row, in the order of ``rows``; forget all when the anchor is gone."""
        places = {other.key: place for place, other in enumerate(rows)}
        anchor = places.get(self._anchor) if self._anchor is not None else None
        if anchor is None:
            self.clear()
            return
        first, last = sorted((anchor, places[row.key]))
        self.keys = frozenset(other.key for other in rows[first : last + 1])

    def of(self, rows: Iterable[Row]) -> tuple[Row, ...]:
        """Return the marked ones among rows."""
        return tuple(row for row in rows if row.key in self.keys) if self.keys else ()
