"""Pick one of many: type to filter, arrows to move, enter to take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from textual import on
from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from netsec_tui.render.cells import cell_width, fit, pad
from netsec_tui.render.literal import literal
from netsec_tui.ui.choices import Choice, matching
from netsec_tui.ui.screens.dialog import Dialog
from netsec_tui.ui.styled import plain
from netsec_tui.ui.widgets.field import Field

SHOWN = 400
"""Lines drawn at most; more are counted, and found by typing."""

_LABEL_WIDTH = 44


class Picker(Dialog[Any]):
    """Offer choices; they may change while the picker is open (``reload``).

    ``choices`` is asked anew on every reload, ``empty`` is shown when there are none, ``footnote`` always,
    ``reason`` above them when the question needs one.
    """

    BINDINGS = [
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "move(-10)", "Page up", show=False),
        Binding("pagedown", "move(10)", "Page down", show=False),
    ]

    def __init__(
        self,
        title: str,
        choices: Callable[[], Sequence[Choice]],
        *,
        current: object = None,
        typed: str = "",
        reason: str = "",
        empty: str = "",
        footnote: Sequence[str] = (),
        ascii_only: bool = False,
    ) -> None:
        super().__init__(title, "type to filter   enter take", ascii_only)
        self._choices = choices
        self._wanted = current
        self._typed = typed
        self._reason = reason
        self._empty = empty
        self._footnote = footnote
        self._shown: list[Choice] = []

    def body(self) -> Iterable[Widget]:
        """Return the reason, the input, the list and the footnote."""
        if self._reason:
            yield Static(plain(self._reason, "bold $text-error"), classes="reason")
        yield Field(self._typed, "type to filter")
        yield OptionList(markup=False)
        yield Static(classes="empty")
        if self._footnote:
            yield Static(plain("\n".join(self._footnote), "$muted"), classes="footnote")

    def on_mount(self) -> None:
        """Fill the list and take the keyboard."""
        self.query_one(Field).focus()
        self.reload()

    def reload(self) -> None:
        """Ask for the choices again, keeping the highlighted one; one that opens just now does so itself."""
        if not self.query(OptionList):
            return
        options = self.query_one(OptionList)
        if options.highlighted is not None and options.highlighted < len(self._shown):
            self._wanted = self._shown[options.highlighted].value
        everything = self._choices()
        found = matching(everything, self.query_one(Field).value)
        shown = found[:SHOWN]
        if shown != self._shown:
            self._shown = shown
            options.set_options(_options(shown))
        # An automatic height would stretch the dialog to all choices before the list is cut to its share.
        options.styles.height = max(1, min(len(shown), self.app.size.height // 3))
        values = [choice.value for choice in shown]
        options.highlighted = (
            values.index(self._wanted) if self._wanted in values else (0 if values else None)
        )
        note = f"{len(found) - len(shown):,} more; type to find them." if len(found) > len(shown) else ""
        if not found:
            note = "Nothing matches what was typed." if everything else self._empty
        empty = self.query_one(".empty", Static)
        empty.update(plain(note))
        empty.display = bool(note)

    @on(Input.Changed)
    def _filter(self) -> None:
        options = self.query_one(OptionList)
        if self.query_one(Field).value and options.highlighted:
            options.highlighted = None
            self._wanted = None
        self.reload()

    @on(Input.Submitted)
    def _take(self) -> None:
        at = self.query_one(OptionList).highlighted
        if at is not None and at < len(self._shown):
            self.dismiss(self._shown[at].value)

    @on(OptionList.OptionSelected)
    def _take_clicked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._shown[event.option_index].value)

    def action_move(self, step: int) -> None:
        """Move the highlight while the input keeps the keyboard."""
        options = self.query_one(OptionList)
        if self._shown:
            at = (options.highlighted or 0) + step
            options.highlighted = max(0, min(at, len(self._shown) - 1))


def _options(choices: Sequence[Choice]) -> list[Option]:
    labels = [fit(literal(choice.label), _LABEL_WIDTH) for choice in choices]
    width = max(map(cell_width, labels), default=0)
    return [
        Option(Content.assemble(pad(label, width), ("  " + literal(choice.note), "$muted")))
        for label, choice in zip(labels, choices, strict=True)
    ]
