"""The hub, from 100 columns on: ingress left, the workload in the middle, egress right."""

from __future__ import annotations

from netsec_tui.model.identity import Direction
from netsec_tui.model.topology import Edge, Side
from netsec_tui.render import box
from netsec_tui.render.cells import cell_width, pad
from netsec_tui.render.folds import Fold
from netsec_tui.render.measure import Columns, needed, plan
from netsec_tui.render.parts import (
    Pen,
    extra,
    heading,
    line_span,
    mark,
    name_span,
    notes,
    repeats,
)
from netsec_tui.render.spans import Line, Role, Span

_Items = list[Edge | Fold]
_MIN_HALF = 30
_BOX_EVERY = 24
"""The workload's name comes again after this many rows, so that it stays in view while scrolling."""


def hub(left: _Items, right: _Items, width: int, pen: Pen) -> list[Line]:
    """Return the drawing, headings included, no line wider than ``width`` (>= 100) cells."""
    inner = box.inner_width(pen, width // 4)
    halves = _halves(left, right, width - inner - 6, pen)
    text = box.content(pen, inner)
    rows = max(len(left), len(right), len(text))
    west = _half(left, halves[0], rows, pen, ingress=True)
    east = _half(right, halves[1], rows, pen, ingress=False)
    middle = _middle(text, rows, inner, pen)
    corners, top = pen.glyphs.corners, pen.glyphs.top * (inner + 2)
    indent = Span(" " * (halves[0] + 1))
    lines = _heads(halves, inner, pen)
    lines.append(Line((indent, Span(f"{corners[0]}{top}{corners[1]}", Role.SELECTED))))
    for place in range(rows):
        lines.append(Line(_trim((*west[place], Span(" "), *middle[place], *east[place]))))
    lines.append(Line((indent, Span(f"{corners[2]}{top}{corners[3]}", Role.SELECTED))))
    return lines


def _halves(left: _Items, right: _Items, free: int, pen: Pen) -> tuple[int, int]:
    """Return the cells of both halves: equal, unless one needs more than that and the other can spare it."""
    west, east = (min(max(needed(side, pen), _MIN_HALF), free - _MIN_HALF) for side in (left, right))
    half = free // 2
    if east > free - half:
        half = max(min(half, west), free - east)
    elif west > half:
        half = min(west, max(half, free - east))
    return half, free - half


def _half(items: _Items, half: int, rows: int, pen: Pen, *, ingress: bool) -> list[tuple[Span, ...]]:
    """Return the rows of one half, each ``half`` cells wide."""
    columns = plan(items, half, pen)
    spare = Span(" " * (half - columns.used))
    drawn: list[tuple[Span, ...]] = []
    for item, again in zip(items, repeats(items), strict=True):
        spans = _row(item, again, columns, pen, ingress=ingress)
        drawn.append((spare, *spans) if ingress else (*spans, spare))
    return drawn + [(Span(" " * half),)] * (rows - len(items))


def _row(item: Edge | Fold, again: bool, columns: Columns, pen: Pen, *, ingress: bool) -> tuple[Span, ...]:
    """Return one edge; on the ingress side its parts run the other way round."""
    align = ">" if ingress else "<"
    name = name_span(item, columns.name, pen, align=align, again=again)
    line = line_span(item, columns.slot, pen, columns.via)
    marked = Span(mark(item, pen.glyphs) * columns.mark, Role.WARNING, line.target)
    told = extra(item, pen, again, columns.extra)
    more = Span(pad(told.text, columns.extra, align), told.role, told.target)
    wide = Span("  " if columns.extra else "")
    if ingress:
        return (more, wide, name, Span(" "), line, marked)
    return (line, marked, Span(" "), name, wide, more)


def _middle(text: list[Span], rows: int, inner: int, pen: Pen) -> list[tuple[Span, ...]]:
    """Return the rows of the box; its text stands in the middle, or again and again when the box is tall."""
    start, every = (rows - len(text)) // 2, rows
    if rows > 2 * _BOX_EVERY:
        start, every = 1, _BOX_EVERY
    shown = {
        first + place: span
        for first in range(start, rows - len(text) + 1, every)
        for place, span in enumerate(text)
    }
    side = pen.glyphs.side
    drawn: list[tuple[Span, ...]] = []
    for place in range(rows):
        span = shown.get(place, Span(""))
        blank = inner - cell_width(span.text)
        before, after = " " * (blank // 2), " " * (blank - blank // 2)
        west, east = Span(f"{side} {before}", Role.SELECTED), Span(f"{after} {side}", Role.SELECTED)
        drawn.append((west, span, east, Span(" ")))
    return drawn


def _heads(halves: tuple[int, int], inner: int, pen: Pen) -> list[Line]:
    """Return the headings of both directions beside each other, and their notes under them."""
    texts = []
    for half, direction in zip(halves, Direction, strict=True):
        side: Side = pen.topology.of(direction)
        texts.append([heading(side, pen, half), *notes(side, half)])
    lines = []
    for place in range(max(map(len, texts))):
        west, east = (column[place] if place < len(column) else Span("") for column in texts)
        spans = (
            Span(pad(west.text, halves[0], ">"), west.role),
            Span(" " * (inner + 6)),
            east,
        )
        lines.append(Line(_trim(spans)))
    return lines


def _trim(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    """Return the spans without empty ones and without blanks at the end of the line."""
    kept = [span for span in spans if span.text]
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        last = kept[-1]
        kept[-1] = Span(last.text.rstrip(), last.role, last.target)
    return tuple(kept)
