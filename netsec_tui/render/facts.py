"""Titles and values under each other: the form of every detail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netsec_tui.core import words
from netsec_tui.render.cells import wrap
from netsec_tui.render.literal import literal
from netsec_tui.render.spans import Line, Role, Span

LIMIT = 12
"""Entries of a list that are shown; the rest is counted."""

_TITLE = 12


def heading(text: str, width: int) -> list[Line]:
    """Return a heading, wrapped."""
    return [Line((Span(part, Role.HEADING),)) for part in wrap(text, width)]


def fact(title: str, value: str, width: int, role: Role = Role.PLAIN) -> list[Line]:
    """Return a title with its value beside it, wrapped to ``width`` (>= 20) cells; no line without value."""
    if not value:
        return []
    parts = wrap(value, max(width - _TITLE, 8))
    titles = [title, *[""] * (len(parts) - 1)]
    return [
        Line((Span(f"{head:<{_TITLE}}", Role.DIM), Span(part, role)))
        for head, part in zip(titles, parts, strict=True)
    ]


def listed(values: Iterable[str], limit: int = LIMIT) -> str:
    """Return the values with commas between them, made literal; a long list ends in ``and 37 more``."""
    return words.listed(map(literal, values), limit)


def joined(parts: Sequence[str], separator: str = "; ") -> str:
    """Return the parts that say something, with a separator between them."""
    return separator.join(part for part in parts if part)
