"""A one-line input whose cursor does not blink, so that an idle screen writes nothing."""

from __future__ import annotations

from textual.widgets import Input


class Field(Input):
    """Take one line of text."""

    def __init__(self, value: str = "", placeholder: str = "", *, id: str | None = None) -> None:
        super().__init__(value=value, placeholder=placeholder, id=id, compact=True, select_on_focus=False)
        self.cursor_blink = False
