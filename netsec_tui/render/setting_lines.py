"""The lines of the configuration: heads of groups, and rows whose cells stand in columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from netsec_tui.render.cells import cell, cell_width, crop, wrap
from netsec_tui.render.literal import literal
from netsec_tui.render.spans import Line, Role, SettingTarget, Span

_LEAST, _LAST = 6, 16
_GAP = 2


class Setting(NamedTuple):
    """Hold one row: what it is about, None for a line the cursor skips, and its cells with their roles."""

    target: SettingTarget | None
    cells: tuple[tuple[str, Role], ...]


def head(title: str, note: str, width: int, group: str = "", ellipsis: str = "…") -> Line:
    """Return the head of a group with a note beside it; with a ``group`` the cursor can stand on it."""
    spans = [Span(crop(title, width, ellipsis), Role.HEADING)]
    room = width - cell_width(title) - _GAP
    if note and room > _LEAST:
        spans += [Span(" " * _GAP), Span(crop(literal(note), room, ellipsis), Role.DIM)]
    return Line(tuple(spans), SettingTarget(group) if group else None)


def rows(settings: Sequence[Setting], width: int, ellipsis: str = "…") -> list[Line]:
    """Return rows in columns, two cells in; the last column gives way to the width first, then the widest."""
    texts = [[literal(text) for text, _ in setting.cells] for setting in settings]
    count = max(map(len, texts), default=0)
    widths = [max((cell_width(row[at]) for row in texts if at < len(row)), default=0) for at in range(count)]
    _shrink(widths, width - _GAP - _GAP * (count - 1))
    lines = []
    for setting, row in zip(settings, texts, strict=True):
        spans = [Span(" " * _GAP)]
        for at, (text, (_, role)) in enumerate(zip(row, setting.cells, strict=True)):
            last = at == count - 1
            shown = crop(text, widths[at], ellipsis) if last else cell(text, widths[at], ellipsis=ellipsis)
            spans += [Span(shown, role), Span("" if last else " " * _GAP)]
        lines.append(Line(tuple(span for span in spans if span.text), setting.target))
    return lines


def _shrink(widths: list[int], room: int) -> None:
    if widths and sum(widths) > room:
        widths[-1] = max(widths[-1] - (sum(widths) - room), min(widths[-1], _LAST))
    while widths and sum(widths) > room:
        widest = max(range(len(widths)), key=lambda at: (widths[at], at))
        if widths[widest] <= _LEAST:
            return
        widths[widest] -= 1


def sentence(text: str, width: int, role: Role = Role.DIM, indent: int = _GAP) -> list[Line]:
    """Return a sentence wrapped to the width, each line two cells in; the cursor skips it."""
    blank = " " * indent
    return [Line((Span(blank + part, role),)) for part in wrap(literal(text), max(width - indent, 2))]
