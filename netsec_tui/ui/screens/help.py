"""All keys and what the screen means, searchable; made from the table of keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual import on
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from netsec_tui.render.cells import pad, wrap
from netsec_tui.ui.screens.dialog import Dialog
from netsec_tui.ui.widgets.field import Field


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold one line of the help: the keys and what they do; ``label`` is a word to find it by."""

    group: str
    keys: str
    text: str
    label: str = ""


class HelpScreen(Dialog[None]):
    """List entries by group; typing keeps those that contain every word."""

    BINDINGS = [
        Binding("up", "scroll(-1)", "Up", show=False),
        Binding("down", "scroll(1)", "Down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", show=False),
        Binding("pagedown", "scroll(10)", "Page down", show=False),
    ]

    def __init__(self, entries: Sequence[Entry]) -> None:
        super().__init__("Help", "type to search   up and down scroll")
        self._entries = entries

    def body(self) -> Iterable[Widget]:
        """Return the input and the text."""
        yield Field("", "type to search")
        yield VerticalScroll(Static(id="entries"), classes="pages", can_focus=False)

    def on_mount(self) -> None:
        """Show everything."""
        self.query_one(Field).focus()
        self._search()

    @on(Input.Changed)
    def _search(self) -> None:
        words = self.query_one(Field).value.casefold().split()
        found = [
            entry
            for entry in self._entries
            if all(
                word in f"{entry.group} {entry.keys} {entry.label} {entry.text}".casefold() for word in words
            )
        ]
        self.query_one("#entries", Static).update(_content(found, self._room))

    def on_resize(self) -> None:
        """Wrap to the new width."""
        self._search()

    @property
    def _room(self) -> int:
        """Return the cells of a line, by the measures of the stylesheet: frame, margins, scroll bar."""
        return min(110, self.app.size.width * 94 // 100) - 8

    def action_scroll(self, lines: int) -> None:
        """Scroll while the input keeps the keyboard."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def _content(entries: Sequence[Entry], room: int) -> Content:
    if not entries:
        return Content("Nothing matches what was typed.")
    width = max(len(entry.keys) for entry in entries)
    parts: list[tuple[str, str]] = []
    group = None
    for entry in entries:
        if entry.group != group:
            parts.append((f"{'' if group is None else chr(10)}{entry.group}\n", "bold"))
            group = entry.group
        first, *more = wrap(entry.text, max(room - width - 4, 20))
        parts += [("  " + pad(entry.keys, width), "$text-primary"), (f"  {first}\n", "")]
        parts += [(f"{' ' * (width + 4)}{line}\n", "") for line in more]
    return Content.assemble(*parts)
