"""Show lines of text over the main screen: details of an element, the YAML of an applied policy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from netsec_tui.render.spans import Line
from netsec_tui.ui.screens.dialog import Dialog
from netsec_tui.ui.styled import content_of_lines, plain

MOST, SHARE, AROUND = 110, 94, 8
"""By the stylesheet: cells of a wide dialog, per cent of the screen, and what frame and scroll bar take."""


def text_width(screen: int) -> int:
    """Return the cells that a line of a wide dialog has on a screen of so many, beside a scroll bar."""
    return min(MOST, screen * SHARE // 100) - AROUND


class Pages(Dialog[None]):
    """Show lines to read and scroll; ``show`` brings newer ones."""

    BINDINGS = [
        Binding("q,enter,backspace", "cancel", "Back", show=False),
        Binding("j", "scroll(1)", "Down", show=False),
        Binding("k", "scroll(-1)", "Up", show=False),
    ]

    def __init__(self, title: str, lines: Sequence[Line]) -> None:
        super().__init__(title, "up and down scroll")
        self._lines = lines

    def body(self) -> Iterable[Widget]:
        """Return the text."""
        yield VerticalScroll(Static(content_of_lines(self._lines), id="page-text"), classes="pages")

    def on_mount(self) -> None:
        """Let the keys scroll."""
        self.query_one(VerticalScroll).focus()

    def show(self, title: str, lines: Sequence[Line]) -> None:
        """Draw newer lines; how far they are scrolled stays."""
        if (self._title, self._lines) == (title, lines):
            return
        self._title, self._lines = title, lines
        if self.query("#page-text"):
            self.query_one(".dialog").border_title = plain(title)
            self.query_one("#page-text", Static).update(content_of_lines(lines))

    def action_scroll(self, step: int) -> None:
        """Scroll by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=step, animate=False)
