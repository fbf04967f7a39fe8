"""How wide each part of a line may be, the same for both layouts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from netsec_tui.model.topology import Edge
from netsec_tui.render.folds import Fold
from netsec_tui.render.parts import FOLD_LINE, STROKES, Pen, extra, mark, name_text, slot_text, widest

_MIN_EXTRA = 18
_GOOD_EXTRA = 24
"""Reasons come before the Service dialled: that is drawn with this much left, or when none fits anyway."""
_MAX_SLOT = 10
_UNCUT = 1000


@dataclass(frozen=True, slots=True)
class Columns:
    """Hold widths in cells; ``slot`` is the text on the line, ``mark`` and ``extra`` may be 0 for none."""

    name: int
    slot: int
    mark: int
    extra: int = 0
    via: bool = False

    @property
    def used(self) -> int:
        """Return the cells in use with the spaces between."""
        return self.name + 1 + self.slot + STROKES + self.mark + (self.extra + 2 if self.extra else 0)


def plan(items: Sequence[Edge | Fold], room: int, pen: Pen) -> Columns:
    """Return widths that fit ``room`` cells: name and port first, then the Service dialled, then the rest."""
    edges = [item for item in items if isinstance(item, Edge)]
    marks = 1 if any(mark(item, pen.glyphs).strip() for item in items) else 0
    free = room - STROKES - marks - 1
    slot = min(widest(slot_text(edge, False) for edge in edges), max(_MAX_SLOT, room // 3))
    of_folds = _of_folds(items, pen) + FOLD_LINE - slot - STROKES
    name = min(max(widest(name_text(edge, pen) for edge in edges), of_folds), free - slot)
    columns = Columns(name, slot, marks)
    with_via = widest(slot_text(edge, True) for edge in edges)
    left, left_with_via = free - name - slot - 2, free - name - with_via - 2
    if left_with_via >= _GOOD_EXTRA or (left < _MIN_EXTRA and left_with_via >= -2):
        columns = replace(columns, slot=with_via, via=True)
    left = room - columns.used - 2
    if left >= _MIN_EXTRA:
        columns = replace(columns, extra=min(left, widest(extra(edge, pen, False).text for edge in edges)))
    return columns


def needed(items: Sequence[Edge | Fold], pen: Pen) -> int:
    """Return the cells that names and ports take when nothing is cut; two for a mark and a space."""
    edges = [item for item in items if isinstance(item, Edge)]
    name = widest(name_text(edge, pen) for edge in edges)
    of_edges = name + widest(slot_text(edge, False) for edge in edges) + STROKES
    return max(of_edges, _of_folds(items, pen) + FOLD_LINE) + 2


def _of_folds(items: Sequence[Edge | Fold], pen: Pen) -> int:
    folds = (item.words(_UNCUT, pen.glyphs) for item in items if isinstance(item, Fold))
    return widest("".join(words) for words in folds)
