"""Turn lines of spans into strips; roles and marks become component classes, coloured by the stylesheet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from netsec_tui.render.literal import literal
from netsec_tui.render.spans import Line, Role

ROLE_CLASSES = {role: f"line--{role}" for role in Role}
"""The component class of each role."""


class Mark(NamedTuple):
    """Lay a component class over the characters from ``start`` to ``end``; no ``end`` is the whole width."""

    name: str
    start: int = 0
    end: int | None = None

    def covers(self, index: int) -> bool:
        """Tell whether the character at an index lies under the mark."""
        return self.start <= index and (self.end is None or index < self.end)


StyleOf = Callable[[Sequence[str]], Style]
"""Looks up the style of component classes, later ones over earlier ones."""


def paint(line: Line, marks: Sequence[Mark], style_of: StyleOf) -> Strip:
    """Return the strip of one line, as wide as its text."""
    segments = [
        Segment(piece, style_of((ROLE_CLASSES[role], *names))) for piece, role, names in _pieces(line, marks)
    ]
    # Neighbours of one style become one: each costs an escape sequence on the way to the terminal.
    return Strip(segments, sum(cell_len(segment.text) for segment in segments)).simplify()


def filling(marks: Sequence[Mark], style_of: StyleOf) -> Style:
    """Return the style of the empty cells behind the text of a line."""
    return style_of((ROLE_CLASSES[Role.PLAIN], *(mark.name for mark in marks if mark.end is None)))


def index_at(text: str, cell: int) -> int:
    """Return the index of the character that covers a cell; its length when the cell lies behind the text."""
    if text.isascii():
        return min(cell, len(text))
    taken = 0
    for index, character in enumerate(text):
        taken += cell_len(character)
        if taken > cell:
            return index
    return len(text)


def shown(line: Line) -> str:
    """Return the text of a line as it is painted."""
    return "".join(literal(span.text) for span in line.spans)


def _pieces(line: Line, marks: Sequence[Mark]) -> Iterator[tuple[str, Role, tuple[str, ...]]]:
    """Cut the spans where a mark begins or ends; what cannot be seen is written out, as the last gate."""
    cuts = {edge for mark in marks for edge in (mark.start, mark.end) if edge is not None}
    at = 0
    for span in line.spans:
        text = literal(span.text)
        edges = sorted({at, at + len(text)} | {cut for cut in cuts if at < cut < at + len(text)})
        for start, end in pairwise(edges):
            names = tuple(mark.name for mark in marks if mark.covers(start))
            yield text[start - at : end - at], span.role, names
        at += len(text)
