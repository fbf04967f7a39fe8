"""Sentences under a heading, each with a mark before it."""

from __future__ import annotations

from collections.abc import Iterable

from netsec_tui.render.cells import wrap
from netsec_tui.render.literal import literal
from netsec_tui.render.spans import Line, Role, Span


def bullets(heading: str, sentences: Iterable[str], width: int) -> list[Line]:
    """Return lines of about ``width`` cells, an empty one first; what sentences name is never obeyed."""
    lines = [Line(), Line((Span(heading, Role.HEADING),))]
    for sentence in sentences:
        first, *rest = wrap(literal(sentence), max(width - 2, 20))
        lines.append(Line((Span("- ", Role.DIM), Span(first))))
        lines += [Line((Span("  "), Span(part))) for part in rest]
    return lines
