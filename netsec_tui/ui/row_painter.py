"""Word the lines of a table: headers and rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual.cache import LRUCache

from netsec_tui.model.review import Row
from netsec_tui.render.cells import crop_spans, line_width
from netsec_tui.render.columns import column_plan, header_line, row_line
from netsec_tui.render.spans import Line, Role, Span
from netsec_tui.ui.name_widths import Widths
from netsec_tui.ui.row_sections import Section

_KEPT_LINES = 2048


class Frame(NamedTuple):
    """Hold what the wording of rows depends on.

    ``home`` is the namespace that names need not say, ``day`` (epoch seconds, any time of it) the day
    that times need not say, ``names`` the cells of the longest name of each group.
    """

    width: int
    ascii_only: bool = False
    home: str = ""
    day: float | None = None
    names: Widths | None = None


class RowPainter:
    """Word the lines of a table for one frame; rows that were worded before are kept."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self._plans = {
            unresolved: column_plan(
                frame.width,
                unresolved,
                ascii_only=frame.ascii_only,
                home=frame.home,
                newest=frame.day,
                longest=frame.names[unresolved] if frame.names else None,
            )
            for unresolved in (False, True)
        }
        self._worded: LRUCache[Row, Line] = LRUCache(_KEPT_LINES)

    def title(self, section: Section, notes: Sequence[str]) -> Line:
        """Return the header of a group with its counts, worded as long as the width allows.

        ``notes`` of the view, such as the sort, go first when room is short.
        """
        joint = ", " if self.frame.ascii_only else " · "
        line = Line()
        for title, words in (
            (section.title, (*section.counts, *notes)),
            (section.short_title, (*section.counts, *notes)),
            (section.short_title, section.counts),
        ):
            line = Line((Span(title, Role.HEADING), Span("  " + joint.join(words), Role.DIM)))
            if line_width(line) <= self.frame.width:
                return line
        return Line(crop_spans(line.spans, self.frame.width))

    def header(self, section: Section) -> Line:
        """Return the column header, or the sentence that there are no rows."""
        if not section.rows:
            return Line(crop_spans((Span(f"  {section.empty}", Role.DIM),), self.frame.width))
        return header_line(self._plans[section.unresolved])

    def row(self, section: Section, row: Row) -> Line:
        """Return the line of a row."""
        line = self._worded.get(row)
        if line is None:
            line = self._worded[row] = row_line(row, self._plans[section.unresolved])
        return line
