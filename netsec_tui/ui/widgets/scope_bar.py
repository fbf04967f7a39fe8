"""The one line that always says what is looked at: scope, coverage, sources, read-only."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from netsec_tui.render.cells import cell_width, fit
from netsec_tui.render.literal import literal
from netsec_tui.ui.sentences import coverage_text, source_text
from netsec_tui.ui.view import View


class ScopeBar(Widget):
    """Show the scope; names give way to the width, states do not."""

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__()
        self._view = View()
        self._arrow = " > " if ascii_only else " › "
        self._ellipsis = "..." if ascii_only else "…"

    def show(self, view: View) -> None:
        """Draw another view, if it differs in what stands here."""
        before, self._view = self._parts(), view
        if self._parts() != before:
            self.refresh()

    def render(self) -> Content:
        """Return the line for the present width."""
        names, states = self._parts()
        right = "  ".join(states)
        room = self.size.width - cell_width(right) - 2
        arrows = cell_width(self._arrow) * (len(names) - 1)
        names = _shrink(names, max(room - arrows, 0), self._ellipsis)
        left = [part for name in names for part in ((self._arrow, "$text-muted"), (name, ""))][1:]
        if left:
            left[-1] = (left[-1][0], "bold $text-primary")
        used = arrows + sum(map(cell_width, names))
        gap = " " * max(self.size.width - used - cell_width(right), 1)
        return Content.assemble(*left, gap, (right, "$text-muted"))

    def _parts(self) -> tuple[list[str], list[str]]:
        view = self._view
        names = [literal(view.cluster or "no cluster")]
        if view.namespace:
            names.append(literal(view.namespace))
        names.append(literal(str(view.scope)) if view.scope else "no workload chosen")
        states = [source_text(view), "read-only"]
        if view.review:
            states.insert(0, coverage_text(view.review.coverage))
        elif view.timespan:
            states.insert(0, view.timespan.label)
        return names, states


def _shrink(names: list[str], room: int, ellipsis: str) -> list[str]:
    """Shorten the widest names first until all fit; four cells a name is the least."""
    widths = [cell_width(name) for name in names]
    while sum(widths) > room and max(widths) > 4:
        widths[widths.index(max(widths))] -= 1
    return [fit(name, width, ellipsis) for name, width in zip(names, widths, strict=True)]
