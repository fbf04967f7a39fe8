"""Word the lines of a table for one width."""

from __future__ import annotations

from collections.abc import Sequence

from textual.cache import LRUCache

from netsec_tui.model.review import Row
from netsec_tui.render.cells import crop_spans, line_width
from netsec_tui.render.columns import column_plan, header_line, row_line
from netsec_tui.render.spans import Line, Role, Span
from netsec_tui.ui.row_sections import Section

_KEPT_LINES = 2048


class RowPainter:
    """Word the lines of a table for one width; rows that were worded before are kept."""

    def __init__(self, width: int, ascii_only: bool) -> None:
        self.width = width
        self._ascii = ascii_only
        self._plans = {
            unresolved: column_plan(width, unresolved, ascii_only=ascii_only) for unresolved in (False, True)
        }
        self._worded: LRUCache[Row, Line] = LRUCache(_KEPT_LINES)

    def title(self, section: Section, notes: Sequence[str]) -> Line:
        """Return the header of a group with its counts, worded as long as the width allows.

        ``notes`` of the view, such as the sort, go first when room is short.
        """
        joint, ellipsis = (", ", "...") if self._ascii else (" · ", "…")
        line = Line()
        for title, words in (
            (section.title, (*section.counts, *notes)),
            (section.short_title, (*section.counts, *notes)),
            (section.short_title, section.counts),
        ):
            line = Line((Span(title, Role.HEADING), Span("  " + joint.join(words), Role.DIM)))
            if line_width(line) <= self.width:
                return line
        return Line(crop_spans(line.spans, self.width, ellipsis))

    def header(self, section: Section) -> Line:
        """Return the column header, or the sentence that there are no rows."""
        if not section.rows:
            return Line(crop_spans((Span(f"  {section.empty}", Role.DIM),), self.width))
        return header_line(self._plans[section.unresolved])

    def row(self, section: Section, row: Row) -> Line:
        """Return the line of a row."""
        line = self._worded.get(row)
        if line is None:
            line = self._worded[row] = row_line(row, self._plans[section.unresolved])
        return line
