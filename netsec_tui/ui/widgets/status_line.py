"""The last line but one: the reason of the row under the cursor, or what has just happened."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from netsec_tui.render.cells import crop
from netsec_tui.render.literal import literal


class StatusLine(Widget):
    """Show one sentence; errors carry a mark besides their colour."""

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__()
        self._text = ""
        self._error = False
        self._mark = "! " if ascii_only else "✗ "

    @property
    def text(self) -> str:
        """Return the sentence shown."""
        return self._text

    def say(self, text: str, error: bool = False) -> None:
        """Show a sentence in place of the one before."""
        text = literal(text)
        if (text, error) != (self._text, self._error):
            self._text, self._error = text, error
            self.refresh()

    def render(self) -> Content:
        """Return the sentence, cut to the width."""
        text = f"{self._mark}{self._text}" if self._error else self._text
        style = "bold $text-error" if self._error else "$muted"
        return Content.assemble((crop(text, self.size.width), style))
