"""Ask where to save a text such as the generated policy, and write it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from textual import on, work
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Input, Label

from netsec_tui.errors import CannotWriteError
from netsec_tui.files import target_of, write_whole
from netsec_tui.ui.screens.confirm import Confirm
from netsec_tui.ui.screens.dialog import Dialog, complaint_line
from netsec_tui.ui.widgets.field import Field
from netsec_tui.ui.widgets.tick import Tick


class SaveDialog(Dialog[str]):
    """Write ``text`` to the typed path, asking before it replaces a file; gives the path written.

    ``name`` is that of the file in a folder, without its ending; ``path`` is offered first. ``commented``
    is the text with comments, which a tick chooses; off by default.
    """

    BINDINGS = [Binding("enter", "save", "Save", show=False)]

    def __init__(
        self,
        name: str,
        text: str,
        title: str = "Save the generated policy",
        path: str = "",
        commented: str = "",
    ) -> None:
        super().__init__(title, "enter save" + ("   tab, space comments" if commented else ""))
        self._commented = commented
        self._policy_name = name
        self._text = text
        self._path = path or f"./{name}.yaml"

    def body(self) -> Iterable[Widget]:
        """Return the path field, filled in."""
        yield Label("File or folder")
        yield Field(self._path)
        if self._commented:
            yield Tick("with comments on how the traffic was observed")
        yield complaint_line()

    @on(Input.Submitted)
    @work(exclusive=True)
    async def action_save(self) -> None:
        """Write the text to the typed path, or say why not."""
        try:
            path = await asyncio.to_thread(target_of, self.query_one(Field).value, self._policy_name)
            if await asyncio.to_thread(path.exists) and not await self._may_replace(path):
                return
            await asyncio.to_thread(write_whole, path, self.content(path))
        except CannotWriteError as error:
            self.complain(str(error))
            return
        self.dismiss(str(path))

    def content(self, path: Path) -> str:
        """Return what is written to a path."""
        ticks = self.query(Tick)
        return self._commented if ticks and ticks.first().value else self._text

    async def _may_replace(self, path: Path) -> bool:
        question = f"{path} exists. Replace it?"
        answer: bool | None = await self.app.push_screen_wait(Confirm("Replace the file", question))
        return bool(answer)
