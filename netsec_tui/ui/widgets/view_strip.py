"""One line that names the views of a pane; a click chooses one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget


class ViewStrip(Widget):
    """Show which view is open, among the names of all."""

    @dataclass
    class Chosen(Message):
        """Tell which name was clicked."""

        name: str

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._names = tuple(names)
        self._open = self._names[0]

    def show(self, name: str) -> None:
        """Mark another name."""
        if name != self._open:
            self._open = name
            self.refresh()

    def render(self) -> Content:
        """Return the line."""
        return Content.assemble(
            *((f" {name} ", "bold reverse" if name == self._open else "$muted") for name in self._names)
        )

    def on_click(self, event: events.Click) -> None:
        """Find the name under the mouse."""
        at = 0
        for name in self._names:
            end = at + len(name) + 2
            if at <= event.x < end:
                self.post_message(self.Chosen(name))
            at = end
