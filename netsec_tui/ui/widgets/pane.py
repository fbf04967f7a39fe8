"""What the five panes share: a frame with a title, and telling the screen what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.containers import Vertical
from textual.message import Message

from netsec_tui.ui.panes import PANES
from netsec_tui.ui.styled import plain
from netsec_tui.ui.view import View


class Pane(Vertical):
    """Show one part of the review; a pane is given a view and posts messages, and reads no other widget."""

    @dataclass
    class Summarised(Message):
        """Tell in a few words what the pane holds now."""

        pane: str
        summary: str

    def __init__(self, identifier: str, title: str, ascii_only: bool = False) -> None:
        super().__init__(id=identifier, classes="pane")
        self._joint = ", " if ascii_only else " \u00b7 "
        self._summary: str | None = None
        self._title = f"{PANES.index(identifier) + 1} {title}"
        self._heading = self._title
        self.border_title = plain(self._heading)

    def show(self, view: View) -> None:
        """Draw another view."""
        raise NotImplementedError

    def take_focus(self) -> None:
        """Give the keyboard to the part of the pane that is moved in, before the next key is read."""
        raise NotImplementedError

    def summarise(self, summary: Sequence[str], title: Sequence[str] = ()) -> None:
        """Tell the screen what the pane holds, and write ``title`` into the frame; both in parts.

        Changing the frame repaints the whole pane, so what every tick changes stands in ``summary`` only.
        """
        joined = self._joint.join(summary)
        if joined != self._summary:
            self._summary = joined
            self.post_message(self.Summarised(self.id or "", joined))
        heading = self._joint.join((self._title, *title))
        if heading != self._heading:
            self._heading = heading
            self.border_title = plain(heading)
