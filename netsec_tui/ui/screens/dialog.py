"""What all dialogs share: a frame with a title, a hint line, and two keys to leave."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Generic, TypeVar

from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from netsec_tui.ui.keymap import Place, bindings
from netsec_tui.ui.styled import plain

R = TypeVar("R")


class Dialog(ModalScreen[R | None], Generic[R]):
    """Ask something over the main screen; leaving without an answer gives None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(Place.DIALOGS),
        # At once, not when the widget that has the keyboard comes to it: the next key is for the other one.
        Binding("tab", "app.focus_next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
    ]

    def __init__(self, title: str, hint: str = "", ascii_only: bool = False) -> None:
        super().__init__()
        self._title = title
        self._hint = f"{hint}   esc or ctrl+g back".strip()
        self._ascii = ascii_only

    def compose(self) -> ComposeResult:
        """Put the body between the title and the hint."""
        with Vertical(classes="dialog") as frame:
            frame.border_title = plain(self._title)
            yield from self.body()
            yield Static(plain(self._hint), classes="hint")

    def body(self) -> Iterable[Widget]:
        """Return the widgets of the dialog."""
        return ()

    def action_cancel(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)

    def action_copy_text(self) -> None:
        """Copy what is selected by ctrl+c; without that quit, for no key gets from a dialog to the app."""
        try:
            super().action_copy_text()
        except SkipAction:
            self.app.action_help_quit()

    def complain(self, text: str) -> None:
        """Show what is wrong with what was typed; the dialog stays open."""
        line = self.query_one("#complaint", Static)
        line.update(plain(text, "bold $text-error"))
        line.display = bool(text)


def complaint_line() -> Static:
    """Return the line that ``Dialog.complain`` writes to, hidden at first."""
    line = Static("", id="complaint")
    line.display = False
    return line
