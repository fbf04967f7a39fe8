"""The two groups of a table laid out as lines: in-cluster communications and unresolved IPs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from netsec_tui.model.identity import CommunicationKey
from netsec_tui.model.review import Row, Standing
from netsec_tui.render.cells import crop_spans, line_width
from netsec_tui.render.spans import Line, Role, Span


@dataclass(frozen=True, slots=True)
class Section:
    """Hold one group: its header at line ``top``, the column header below it, then the rows.

    Without rows the line below the header says ``empty``. ``counts`` are the words of the header,
    ``arrived`` counts the rows that came since the last sort.
    """

    title: str
    short_title: str
    rows: tuple[Row, ...]
    top: int
    empty: str
    counts: tuple[str, ...]
    arrived: int = 0

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


def lay_out(
    rows: Iterable[Row], arrived: Collection[CommunicationKey], empty: tuple[str, str]
) -> tuple[Section, Section]:
    """Divide rows, in the order given, into the two groups; ``empty`` are their sentences without rows."""
    inside: list[Row] = []
    unresolved: list[Row] = []
    for row in rows:
        (unresolved if row.key.peer.unresolved else inside).append(row)

    first = _section(("In-cluster communications", "In-cluster"), inside, 0, empty[0], arrived)
    second = _section(("Unresolved IPs", "Unresolved"), unresolved, first.end + 1, empty[1], arrived)
    return first, second


def _section(
    titles: tuple[str, str], rows: list[Row], top: int, empty: str, arrived: Collection[CommunicationKey]
) -> Section:
    new = sum(row.key in arrived for row in rows) if arrived else 0
    return Section(*titles, tuple(rows), top, empty, _counts(rows, new), new)


def _counts(rows: list[Row], arrived: int) -> tuple[str, ...]:
    if not rows:
        return ("0 rows",)
    counted = Counter(row.standing for row in rows)
    parts = ["1 row" if len(rows) == 1 else f"{len(rows)} rows"]
    parts += [f"{counted[standing]} {standing}" for standing in (Standing.IN, Standing.OUT)]
    if counted[Standing.NOT_EXPRESSIBLE]:
        parts.append(f"{counted[Standing.NOT_EXPRESSIBLE]} {Standing.NOT_EXPRESSIBLE}")
    return (*parts, f"+{arrived} new") if arrived else tuple(parts)


def section_line(section: Section, width: int, extra: tuple[str, ...], joint: str, ellipsis: str) -> Line:
    """Return the header of a group with its counts, worded as long as the width allows.

    ``extra`` are notes of the view, such as the sort; they go first when room is short.
    """
    wordings = (
        (section.title, (*section.counts, *extra)),
        (section.short_title, (*section.counts, *extra)),
        (section.short_title, section.counts),
    )
    line = Line()
    for title, notes in wordings:
        line = Line((Span(title, Role.HEADING), Span("  " + joint.join(notes), Role.DIM)))
        if line_width(line) <= width:
            return line
    return Line(crop_spans(line.spans, width, ellipsis))
