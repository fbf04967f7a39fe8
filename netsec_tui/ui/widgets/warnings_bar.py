"""The messages at the top of the view: one line until they are asked for."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from netsec_tui.render.cells import cell_width, crop
from netsec_tui.render.literal import literal
from netsec_tui.ui.keymap import key_of
from netsec_tui.ui.view import way_out


class WarningsBar(VerticalScroll, can_focus=False):
    """Show the first warning and how many there are; all of them when opened; nothing without any."""

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__()
        self._warnings: tuple[str, ...] = ()
        self._mark = "! " if ascii_only else "▲ "
        self._opened = False

    def compose(self) -> ComposeResult:
        """Make room for the text."""
        yield Static()

    def show(self, warnings: tuple[str, ...]) -> None:
        """Show other warnings; closes itself when there are none."""
        if warnings != self._warnings:
            self._warnings = warnings
            self._opened = self._opened and bool(warnings)
            self._draw()

    def toggle(self) -> None:
        """Open to all warnings, or close to the first."""
        self._opened = not self._opened and bool(self._warnings)
        self._draw()

    def on_click(self) -> None:
        """Open or close."""
        self.toggle()

    def on_resize(self, _event: events.Resize) -> None:
        """Cut the first warning to the new width."""
        self._draw()

    def _draw(self) -> None:
        self.set_class(bool(self._warnings), "-some")
        self.set_class(self._opened, "-opened")
        shown = self._lines() if self._warnings else []
        self.query_one(Static).update(Content.assemble(("\n".join(shown), "$text-warning")))

    def _lines(self) -> list[str]:
        texts = [literal(text) for text in self._warnings]
        if self._opened:
            return [f"{self._mark}{text}" for text in texts]
        return [self._one_line(texts)]

    def _one_line(self, texts: list[str]) -> str:
        first, width, key = f"{self._mark}{texts[0]}", self.content_size.width, key_of("warnings")
        more = f"  (+{len(texts) - 1} more: {key})" if texts[1:] else ""
        if cell_width(first + more) <= width:
            return first + more
        # What is cut can be read in full by the same key; the way out stays in sight.
        way = f" ({key_of('configuration')})" if first.endswith(way_out()) else ""
        end = f"{way}{more or f'  (all of it: {key})'}"
        return crop(first.removesuffix(way_out()), max(width - cell_width(end), 0)) + end
