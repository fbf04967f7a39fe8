"""Ask yes or no; only ``y`` is yes, so that a second enter out of habit loses nothing."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Static

from netsec_tui.ui.screens.dialog import Dialog
from netsec_tui.ui.styled import plain


class Confirm(Dialog[bool]):
    """Put one question."""

    BINDINGS = [
        Binding("y", "answer(True)", "Yes", show=False),
        Binding("n,q,enter", "answer(False)", "No", show=False),
    ]

    def __init__(self, title: str, question: str) -> None:
        super().__init__(title, "y yes   n or enter no")
        self._question = question

    def body(self) -> Iterable[Widget]:
        """Return the question."""
        yield Static(plain(self._question))

    def action_answer(self, answer: bool) -> None:
        """Leave with the answer."""
        self.dismiss(answer)
