"""The tables' columns for a width, and rows painted into them; never wider, never narrower."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from netsec_tui.model.review import Row
from netsec_tui.render import row_cells
from netsec_tui.render.cells import cell, crop, pad
from netsec_tui.render.glyphs import ASCII, UNICODE, Glyphs
from netsec_tui.render.moments import SHORT_WIDTH
from netsec_tui.render.spans import Line, Role, Span


class Field(StrEnum):
    """Name what a column holds; the value is its title."""

    CHECK = "   "
    NAME = "Peer"
    NAMESPACE = "Namespace"
    KIND = "Kind"
    CATEGORY = "Category"
    PORT = "Port"
    VIA = "Via"
    ALLOWED = "Allow"
    DENIED = "Deny"
    LAST = "Last seen"
    NAMES = "DNS name"
    REASON = "Reason"


@dataclass(frozen=True, slots=True)
class Column:
    """Hold one column; ``align`` is ``<`` or ``>``."""

    field: Field
    width: int
    align: str = "<"

    @property
    def title(self) -> str:
        """Return the text of the header."""
        return self.field.value.strip()


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold the columns of one group, one space between them; ``width`` is what lines take in cells.

    ``home`` is the namespace that names need not say; ``newest`` (epoch seconds) the day that times
    need not say.
    """

    width: int
    columns: tuple[Column, ...]
    glyphs: Glyphs = UNICODE
    home: str = ""
    newest: float | None = None


_WIDTHS = {
    Field.CHECK: 3,
    Field.NAMESPACE: 16,
    Field.KIND: 8,
    Field.CATEGORY: 8,
    Field.PORT: 10,
    Field.VIA: 18,
    Field.ALLOWED: 5,
    Field.DENIED: 5,
    Field.LAST: SHORT_WIDTH,
    Field.NAMES: 24,
    Field.REASON: 12,
}
_RIGHT = (Field.ALLOWED, Field.DENIED)
_CROPPED = (Field.KIND, Field.REASON)

# What comes in as the width grows, each with the cells that must stay for the reason and longer names.
_IN_CLUSTER = (
    ((Field.REASON,), 0),
    ((Field.ALLOWED, Field.DENIED), 0),
    ((Field.KIND,), 4),
    ((Field.LAST,), 8),
    ((Field.VIA,), 16),
    ((Field.NAMESPACE,), 24),
)
_UNRESOLVED = (
    ((Field.REASON,), 0),
    ((Field.CATEGORY,), 0),
    ((Field.ALLOWED, Field.DENIED), 0),
    ((Field.LAST,), 8),
    ((Field.NAMES,), 24),
)
_NAMES = {False: (22, 36), True: (16, 39)}
"""Cells of the name at first and at most; an IPv6 address has 39."""

_LEAST_NAME = 12
"""Cells of the name, however short names are: the table should not look different for each workload."""


def column_plan(
    width: int,
    unresolved: bool,
    *,
    ascii_only: bool = False,
    home: str = "",
    newest: float | None = None,
    longest: tuple[int, int] | None = None,
) -> Plan:
    """Return the columns of a group that fill ``width`` cells: checkbox, peer and port always.

    ``longest`` is what the longest name takes where kinds have a column, and where they go with the name;
    cells that no name needs go to the other columns.
    """
    first, most = _NAMES[unresolved]
    if longest is not None:
        first = min(first, max(longest[unresolved], _LEAST_NAME))
    fixed = _WIDTHS[Field.CHECK] + _WIDTHS[Field.PORT] + 2
    name = max(min(first, width - fixed), 1)
    left = width - fixed - name
    fields = {Field.CHECK, Field.NAME, Field.PORT}
    for group, spare in _UNRESOLVED if unresolved else _IN_CLUSTER:
        cost = sum(_WIDTHS[field] + 1 for field in group)
        if cost + spare > left:
            break
        fields.update(group)
        left -= cost
    if longest is not None:
        most = min(most, max(longest[Field.KIND not in fields], name))
    spare = left // 2 if longest is None else left
    grown = min(spare, most - name) if Field.REASON in fields else max(left, 0)
    widths = {**_WIDTHS, Field.NAME: name + grown, Field.REASON: _WIDTHS[Field.REASON] + left - grown}
    columns = tuple(_column(field, widths) for field in Field if field in fields)
    return Plan(width, columns, ASCII if ascii_only else UNICODE, home, newest)


def header_line(plan: Plan) -> Line:
    """Return the titles, exactly as wide as the plan."""
    texts = (pad(crop(c.title, c.width, plan.glyphs.ellipsis), c.width, c.align) for c in plan.columns)
    return Line((Span(cell(" ".join(texts), plan.width), Role.HEADING),))


def row_line(row: Row, plan: Plan) -> Line:
    """Return a row, exactly as wide as the plan; the communication is its target."""
    return Line(tuple(_spans(row, plan)), row.key)


def _spans(row: Row, plan: Plan) -> Iterator[Span]:
    left = plan.width
    for number, column in enumerate(plan.columns):
        gap = " " if number else ""
        span = _cell(row, column, plan)
        room = min(column.width + len(gap), left)  # a plan of a few cells does not hold its own columns
        yield Span(cell(gap + span.text, room), span.role)
        left -= room


def _cell(row: Row, column: Column, plan: Plan) -> Span:
    """Return one cell, exactly as wide as its column; sentences, kinds lose their end, names their middle."""
    ellipsis = plan.glyphs.ellipsis
    match column.field:
        case Field.CHECK:
            span = row_cells.checkbox(row)
        case Field.NAME:
            span = row_cells.name(row, plan.home, _has(plan, Field.NAMESPACE), _has(plan, Field.KIND))
        case Field.LAST:
            span = row_cells.last_seen(row, plan.newest)
        case Field.REASON:
            span = row_cells.reason(row)
            if not span.text and not _has(plan, Field.VIA):
                span = row_cells.dialled(row)
        case _:
            span = _PLAIN[column.field](row)
    text = crop(span.text, column.width, ellipsis) if column.field in _CROPPED else span.text
    return Span(cell(text, column.width, column.align, ellipsis), span.role)


def _has(plan: Plan, field: Field) -> bool:
    return any(column.field is field for column in plan.columns)


def _column(field: Field, widths: dict[Field, int]) -> Column:
    return Column(field, widths[field], ">" if field in _RIGHT else "<")


_PLAIN = {
    Field.NAMESPACE: row_cells.namespace,
    Field.KIND: row_cells.kind,
    Field.CATEGORY: row_cells.category,
    Field.PORT: row_cells.port,
    Field.VIA: row_cells.via,
    Field.ALLOWED: row_cells.allowed,
    Field.DENIED: row_cells.denied,
    Field.NAMES: row_cells.names,
}
