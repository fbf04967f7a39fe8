"""Type one or several values of the configuration; what is wrong with them is said while it is open."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from textual import on
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from netsec_tui.errors import NetsecError
from netsec_tui.ui.screens.dialog import Dialog, complaint_line
from netsec_tui.ui.styled import plain
from netsec_tui.ui.widgets.field import Field

Check = Callable[[tuple[str, ...]], str]
"""Takes what was typed and returns what there is to say of it; raises NetsecError when it cannot be used."""


class ValuesDialog(Dialog[tuple[str, ...]]):
    """Take values with spaces or commas between them; nothing is decided here."""

    def __init__(
        self, title: str, label: str, value: str, example: str, check: Check, note: str = ""
    ) -> None:
        super().__init__(title, "enter take")
        self._label, self._value, self._example = label, value, example
        self._check, self._note = check, note

    def body(self) -> Iterable[Widget]:
        """Return the form."""
        yield Label(plain(self._label))
        yield Field(self._value, self._example)
        yield complaint_line()
        yield Static(plain(self._note, "$muted"), classes="footnote", id="note")

    @on(Input.Changed)
    def _look(self) -> None:
        """Say what becomes of the values as they are typed; what cannot be used yet is no mistake yet."""
        self.complain("")
        typed = self._typed
        try:
            told = self._check(typed) if typed else ""
        except NetsecError:
            told = ""
        self.query_one("#note", Static).update(
            plain(told or self._note, "$text-warning" if told else "$muted")
        )

    @on(Input.Submitted)
    def _take(self) -> None:
        typed = self._typed
        if not typed:
            self.complain("Nothing was typed.")
            return
        try:
            self._check(typed)
        except NetsecError as error:
            self.complain(str(error))
            return
        self.dismiss(typed)

    @property
    def _typed(self) -> tuple[str, ...]:
        return tuple(self.query_one(Field).value.replace(",", " ").split())
