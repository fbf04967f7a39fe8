"""The messages at the top of the view: one line until they are asked for."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from netsec_tui.model.config import ConfigPart
from netsec_tui.render.cells import cell_width, crop, wrap
from netsec_tui.render.literal import literal
from netsec_tui.ui.keymap import key_of
from netsec_tui.ui.view import TopMessage


class WarningsBar(VerticalScroll, can_focus=False):
    """Show the first warning and how many there are; all of them when opened; nothing without any."""

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__()
        self._warnings: tuple[TopMessage, ...] = ()
        self._mark = "! " if ascii_only else "▲ "
        self._opened = False

    def compose(self) -> ComposeResult:
        """Make room for the text."""
        yield Static()

    def show(self, warnings: tuple[TopMessage, ...]) -> None:
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
        if self._opened:
            return [f"{self._mark}{_whole(message)}" for message in self._warnings]
        return self._lines_closed(self._warnings[0], self.content_size.width)

    def _lines_closed(self, first: TopMessage, width: int) -> list[str]:
        """Return the first message in one line; in two where it names namespaces that one would cut off."""
        others, key = len(self._warnings) - 1, key_of("warnings")
        more = f"  (+{others} more: {key})" if others else ""
        room = 2 if first.part is ConfigPart.LABELS else 1
        lines = wrap(f"{self._mark}{_whole(first)}{more}", width)
        if len(lines) <= room:
            return lines
        # What is cut can be read in full by the same key; the way out stays in sight.
        way = f" ({key_of('configuration')})" if first.part else ""
        end = f"{way}{more or f'  (all of it: {key})'}"
        lines = wrap(f"{self._mark}{literal(first.text)}", width)
        last = crop(" ".join(lines[room - 1 :]), max(width - cell_width(end), 0))
        return [*lines[: room - 1], last + end]


def _whole(message: TopMessage) -> str:
    """Return a message with the key that leads to where it is settled."""
    way = f" ({key_of('configuration')}: Configuration)" if message.part else ""
    return f"{literal(message.text)}{way}"
