"""Where in many lines each communication, entity and fold is, so that keys and mouse reach them all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from netsec_tui.render.cells import cell_width
from netsec_tui.render.spans import Line, Span, Target


class Stop(NamedTuple):
    """Place a target: line number, first cell and the cell after the last."""

    line: int
    start: int
    end: int
    target: Target


def stops(lines: Iterable[Line]) -> list[Stop]:
    """Return the targets of all lines in reading order, blanks at the ends of a target left out.

    Where spans have targets of their own these count, else the whole line is one stop.
    """
    return [stop for number, line in enumerate(lines) for stop in _of_line(number, line)]


def stop_at(stops: Sequence[Stop], line: int, cell: int) -> Stop | None:
    """Return the stop under a cell, for the mouse."""
    return next((stop for stop in stops if stop.line == line and stop.start <= cell < stop.end), None)


def find(stops: Sequence[Stop], target: Target | None) -> int | None:
    """Return the index of the first stop of a target, so that a cursor stays when the lines change."""
    return next((index for index, stop in enumerate(stops) if stop.target == target), None)


def beside(stops: Sequence[Stop], index: int, step: int) -> int:
    """Return the index of the stop left (``step`` -1) or right (+1) in the same line, else the same index."""
    other = index + step
    return other if 0 <= other < len(stops) and stops[other].line == stops[index].line else index


def above_below(stops: Sequence[Stop], index: int, step: int) -> int:
    """Return the index of the nearest stop above (``step`` -1) or below (+1), else the same index.

    A stop that shares cells with the present one comes first, so that the cursor stays in its column;
    where the column ends it goes on in the nearest line that has any stop.
    """
    here = stops[index]
    others = range(index + step, len(stops) if step > 0 else -1, step)
    beyond = [other for other in others if stops[other].line != here.line]
    below = next((o for o in beyond if stops[o].start < here.end and here.start < stops[o].end), None)
    if below is not None:
        return below
    if not beyond:
        return index
    line = stops[beyond[0]].line
    return min((o for o in beyond if stops[o].line == line), key=lambda o: abs(stops[o].start - here.start))


def _of_line(number: int, line: Line) -> list[Stop]:
    if not any(span.target for span in line.spans):
        return _merged(number, line.spans, line.target) if line.target else []
    return _merged(number, line.spans, None)


def _merged(number: int, spans: Iterable[Span], default: Target | None) -> list[Stop]:
    """Return the stops of one line; neighbours with the same target are one."""
    found: list[Stop] = []
    cell = 0
    for span in spans:
        start, cell = cell, cell + cell_width(span.text)
        target = span.target or default
        if target is None or not span.text.strip():
            continue
        start += len(span.text) - len(span.text.lstrip(" "))
        end = cell - (len(span.text) - len(span.text.rstrip(" ")))
        if found and found[-1].target == target and found[-1].end >= start - 2:
            found[-1] = Stop(number, found[-1].start, end, target)
        else:
            found.append(Stop(number, start, end, target))
    return found
