"""The one line that always says what is looked at: scope, coverage, sources, read-only."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from netsec_tui.render.cells import cell_width, fit
from netsec_tui.render.literal import literal
from netsec_tui.ui.sentences import caveats, coverage_text, short_coverage, source_state, source_text
from netsec_tui.ui.view import View

_ENOUGH = (24, 6, 6)
"""Cells of the first name, beyond which it is cut before the states get shorter, and shorter again."""


class ScopeBar(Widget):
    """Show the scope; names give way to the width, states do not."""

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__()
        self._view = View()
        self._arrow = " > " if ascii_only else " \u203a "

    def show(self, view: View) -> None:
        """Draw another view, if it differs in what stands here."""
        before, self._view = self._facts(), view
        if self._facts() != before:
            self.refresh()

    def render(self) -> Content:
        """Return the line for the present width."""
        names, long, short = self._facts()
        width = self.size.width
        arrows = cell_width(self._arrow) * (len(names) - 1)
        first, rest = cell_width(names[0]), sum(map(cell_width, names[1:])) + arrows + 2
        # That it is read-only is so always; what goes on with the sources stays at any width.
        states = ["  ".join(parts) for parts in (long, short, short[:-1])]
        fitting = (
            text
            for text, enough in zip(states, _ENOUGH, strict=True)
            if min(first, enough) + rest + cell_width(text) <= width
        )
        right = next(fitting, states[-1])
        names = _shrink(names, max(width - cell_width(right) - arrows - 2, 0))
        left = [part for name in names for part in ((self._arrow, "$muted"), (name, ""))][1:]
        left[-1] = (left[-1][0], "bold $text-primary")
        gap = " " * max(width - arrows - sum(map(cell_width, names)) - cell_width(right), 1)
        return Content.assemble(*left, gap, (right, "$muted"))

    def _facts(self) -> tuple[list[str], list[str], list[str]]:
        """Return the names, the states, and the states in few words."""
        view = self._view
        names = [literal(view.cluster or ", ".join(s.source for s in view.statuses) or "no cluster")]
        if view.namespace:
            names.append(literal(view.namespace))
        looked_at = view.scope or view.awaited
        names.append(literal(str(looked_at)) if looked_at else "no workload chosen")
        state = source_state(view).removeprefix("source ")
        long, short = [source_text(view), "read-only"], [state, *caveats(view), "read-only"]
        if view.review:
            long.insert(0, coverage_text(view.review.coverage))
            short.insert(0, short_coverage(view.review.coverage))
        elif view.timespan:
            long.insert(0, view.timespan.label)
        return names, long, short


def _shrink(names: list[str], room: int) -> list[str]:
    """Shorten the names until all fit, the first ones first: the workload matters most."""
    widths = [cell_width(name) for name in names]
    for index, least in ((0, 6), (1, 6), (0, 2), (1, 2), (-1, 2)):
        if index < len(widths):
            widths[index] = max(min(widths[index], least), widths[index] - max(sum(widths) - room, 0))
    return [fit(name, width) for name, width in zip(names, widths, strict=True)]
