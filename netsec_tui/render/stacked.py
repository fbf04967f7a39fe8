"""The stacked layout for narrow panes: ingress above the workload, egress below it."""

from __future__ import annotations

from netsec_tui.model.identity import Direction
from netsec_tui.model.topology import Edge
from netsec_tui.render import box
from netsec_tui.render.cells import cell_width
from netsec_tui.render.folds import Fold
from netsec_tui.render.measure import Columns, plan
from netsec_tui.render.parts import (
    STROKES,
    Pen,
    extra,
    fold_spans,
    heading,
    line_span,
    mark,
    name_span,
    notes,
    repeats,
    trim,
)
from netsec_tui.render.spans import Line, Role, Span

_INDENT = 2


def stacked(left: list[Edge | Fold], right: list[Edge | Fold], width: int, pen: Pen) -> list[Line]:
    """Return the drawing, headings included, no line wider than ``width`` (>= 40) cells."""
    return [
        *_block(Direction.INGRESS, left, width, pen),
        Line(),
        *_box(width, pen),
        Line(),
        *_block(Direction.EGRESS, right, width, pen),
    ]


def _block(direction: Direction, items: list[Edge | Fold], width: int, pen: Pen) -> list[Line]:
    side = pen.topology.of(direction)
    lines = [Line((heading(side, pen, width),))]
    indent = Span(" " * _INDENT)
    lines += [Line((indent, note)) for note in notes(side, width - _INDENT)]
    columns = plan(items, width - _INDENT, pen)
    for item, again in zip(items, repeats(items), strict=True):
        lines.append(Line((indent, *_row(item, again, columns, pen))))
    return lines


def _row(item: Edge | Fold, again: bool, columns: Columns, pen: Pen) -> tuple[Span, ...]:
    """Return one edge, the peer before the line for ingress and behind it for egress."""
    more = Span("")
    if isinstance(item, Fold):
        direction = item.target.direction
        name, line = fold_spans(item, columns.name, columns.slot + STROKES, pen, align="<")
    else:
        direction, more = item.direction, extra(item, pen, again, columns.extra)
        name = (name_span(item, columns.name, pen, align="<", again=again),)
        line = line_span(item, columns.slot, pen, columns.via)
    marked = Span(mark(item, pen.glyphs) * columns.mark, Role.WARNING, line.target)
    ends = (line, marked, Span(" "), *name)
    if direction is Direction.INGRESS:
        ends = (*name, Span(" "), line, marked)
    return trim((*ends, Span("  "), more))


def _box(width: int, pen: Pen) -> list[Line]:
    """Return the workload as a flat box over the whole width."""
    inner = width - 4
    glyphs = pen.glyphs
    edge = glyphs.top * (width - 2)
    lines = [Line((Span(f"{glyphs.corners[0]}{edge}{glyphs.corners[1]}", Role.SELECTED),))]
    for span in box.line(pen, inner):
        blank = " " * (inner - cell_width(span.text))
        sides = Span(f"{glyphs.side} ", Role.SELECTED), Span(f"{blank} {glyphs.side}", Role.SELECTED)
        lines.append(Line((sides[0], span, sides[1])))
    lines.append(Line((Span(f"{glyphs.corners[2]}{edge}{glyphs.corners[3]}", Role.SELECTED),)))
    return lines
