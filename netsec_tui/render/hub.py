"""The hub: ingress left, the workload in the middle, egress right."""

from __future__ import annotations

from netsec_tui.model.identity import Direction
from netsec_tui.model.topology import Edge, Side
from netsec_tui.render import box
from netsec_tui.render.cells import cell_width, pad
from netsec_tui.render.folds import Fold
from netsec_tui.render.measure import Columns, needed, plan
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

_Items = list[Edge | Fold]
_MIN_HALF = 24
_LEAST_BOX = 17
_NAME_EVERY = 16
"""The workload's name comes again after this many rows, so that it stays in view while scrolling."""


def hub(left: _Items, right: _Items, width: int, pen: Pen) -> list[Line]:
    """Return the drawing, headings included, no line wider than ``width`` (>= 66) cells."""
    inner = _inner(width, pen)
    halves = _halves(left, right, width - inner - 6, pen)
    text = box.content(pen, inner)
    rows = max(len(left), len(right), len(text))
    west = _half(left, halves[0], rows, pen, ingress=True)
    east = _half(right, halves[1], rows, pen, ingress=False)
    middle = _middle(text, rows, inner, pen)
    corners, top = pen.glyphs.corners, pen.glyphs.top * (inner + 2)
    indent = Span(" " * (halves[0] + 1))
    lines = [*_heads(halves, inner, pen), Line((indent, *_top(inner, pen)))]
    drawn = zip(west, middle, east, strict=True)
    lines += [Line(trim((*before, Span(" "), *inside, *after))) for before, inside, after in drawn]
    lines.append(Line((indent, Span(f"{corners[2]}{top}{corners[3]}", Role.SELECTED))))
    return lines


def fits(left: _Items, right: _Items, width: int, pen: Pen) -> bool:
    """Tell whether a hub of ``width`` cells cuts no name."""
    halves = _halves(left, right, width - _inner(width, pen) - 6, pen)
    return all(needed(side, pen) <= half for side, half in zip((left, right), halves, strict=True))


def _inner(width: int, pen: Pen) -> int:
    return box.inner_width(pen, max(width // 5, _LEAST_BOX))


def _top(inner: int, pen: Pen) -> tuple[Span, ...]:
    """Return the upper edge of the box, with the workload's name in it."""
    glyphs = pen.glyphs
    title = box.title(pen, inner - 2)
    line = glyphs.top * (inner - cell_width(title) - 1)
    return (
        Span(f"{glyphs.corners[0]}{glyphs.top} ", Role.SELECTED),
        Span(title, Role.SELECTED, pen.topology.selected.peer),
        Span(f" {line}{glyphs.corners[1]}", Role.SELECTED),
    )


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
    drawn = [
        _fold_row(item, half, columns, pen, ingress=ingress)
        if isinstance(item, Fold)
        else _row(item, again, half, columns, pen, ingress=ingress)
        for item, again in zip(items, repeats(items), strict=True)
    ]
    return drawn + [(Span(" " * half),)] * (rows - len(items))


def _row(
    edge: Edge, again: bool, half: int, columns: Columns, pen: Pen, *, ingress: bool
) -> tuple[Span, ...]:
    """Return one edge; on the ingress side its parts run the other way round."""
    align = ">" if ingress else "<"
    name = name_span(edge, columns.name, pen, align=align, again=again)
    line = line_span(edge, columns.slot, pen, columns.via)
    marked = Span(mark(edge, pen.glyphs) * columns.mark, Role.WARNING, line.target)
    told = extra(edge, pen, again, columns.extra)
    more = Span(pad(told.text, columns.extra, align), told.role, told.target)
    wide = Span("  " if columns.extra else "")
    spare = Span(" " * (half - columns.used))
    if ingress:
        return (spare, more, wide, name, Span(" "), line, marked)
    return (line, marked, Span(" "), name, wide, more, spare)


def _fold_row(fold: Fold, half: int, columns: Columns, pen: Pen, *, ingress: bool) -> tuple[Span, ...]:
    """Return one fold: its text has all the cells beside the line."""
    line_cells = columns.slot + STROKES
    free = half - line_cells - columns.mark - 1
    text, line = fold_spans(fold, free, line_cells, pen, align=">" if ingress else "<")
    marked = Span(mark(fold, pen.glyphs) * columns.mark, Role.WARNING, line.target)
    return (*text, Span(" "), line, marked) if ingress else (line, marked, Span(" "), *text)


def _middle(text: list[Span], rows: int, inner: int, pen: Pen) -> list[tuple[Span, ...]]:
    """Return the rows of the box; where it is tall the name comes again and again."""
    shown = dict(enumerate(text))
    name = Span(box.title(pen, inner), Role.SELECTED)
    shown.update((place, name) for place in range(_NAME_EVERY, rows, _NAME_EVERY) if place not in shown)
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
        lines.append(Line(trim(spans)))
    return lines
