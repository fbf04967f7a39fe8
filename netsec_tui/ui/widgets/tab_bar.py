"""One line of tabs for screens that hold one pane at a time, with the open pane's summary at its end."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from netsec_tui.render.cells import cell_width, crop
from netsec_tui.render.literal import literal
from netsec_tui.ui.panes import PANES


class TabBar(Widget):
    """Show which pane is open; a click opens another."""

    @dataclass
    class Chosen(Message):
        """Tell which pane was clicked."""

        pane: str

    def __init__(self) -> None:
        super().__init__()
        self._open = PANES[0]
        self._summary = ""

    def show(self, pane: str, summary: str) -> None:
        """Mark the open pane and write its summary."""
        if (pane, summary) != (self._open, self._summary):
            self._open, self._summary = pane, summary
            self.refresh()

    def render(self) -> Content:
        """Return the line for the present width."""
        parts: list[tuple[str, str]] = []
        for label, pane in _labels():
            parts.append((label, "bold reverse" if pane == self._open else "$muted"))
        used = sum(cell_width(text) for text, _ in parts)
        summary = crop(literal(self._summary), max(self.size.width - used - 1, 0))
        gap = " " * max(self.size.width - used - cell_width(summary) - 1, 0)
        return Content.assemble(*parts, gap, (summary, "$muted"))

    def on_click(self, event: events.Click) -> None:
        """Find the tab under the mouse."""
        at = 0
        for label, pane in _labels():
            if at <= event.x < at + len(label):
                self.post_message(self.Chosen(pane))
            at += len(label)


def _labels() -> list[tuple[str, str]]:
    return [(f" {number} {pane.capitalize()} ", pane) for number, pane in enumerate(PANES, start=1)]
