"""A checkbox drawn as in the tables: its state can be read without colour."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget


class Tick(Widget, can_focus=True):
    """Hold a yes or no."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "flip", "Tick", show=False)]
    value: reactive[bool] = reactive(False)

    def __init__(self, label: str, value: bool = False) -> None:
        super().__init__()
        self._label = label
        self.set_reactive(Tick.value, value)

    def render(self) -> Content:
        """Return the box and what it is about."""
        return Content(f"[{'x' if self.value else ' '}] {self._label}")

    def action_flip(self) -> None:
        """Change the state."""
        self.value = not self.value

    def on_click(self) -> None:
        """Change the state."""
        self.action_flip()
