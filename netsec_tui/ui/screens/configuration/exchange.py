"""Ask for the file that aliases are imported from or exported to, and read or write it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from textual import on, work
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from netsec_tui.configuration.exchange import exported_csv, exported_yaml, imported
from netsec_tui.core.configure.entries import import_aliases
from netsec_tui.errors import NetsecError
from netsec_tui.model.config import Config
from netsec_tui.model.configuring import Edited
from netsec_tui.model.decision import Alias
from netsec_tui.ui.screens.dialog import Dialog, complaint_line
from netsec_tui.ui.screens.save import SaveDialog
from netsec_tui.ui.styled import plain
from netsec_tui.ui.widgets.field import Field

_PROBLEMS = 6


class ExportDialog(SaveDialog):
    """Write aliases as YAML, or as CSV where the name ends in .csv; gives the path written."""

    def __init__(self, aliases: Sequence[Alias]) -> None:
        super().__init__("aliases", "", "Export the aliases (.yaml or .csv)")
        self._aliases = aliases

    def content(self, path: Path) -> str:
        """Return the aliases in the format that the name of the file means."""
        return exported_csv(self._aliases) if path.suffix.lower() == ".csv" else exported_yaml(self._aliases)


class ImportDialog(Dialog[Edited]):
    """Read aliases and give the configuration that has them too; all that is wrong with a file is said.

    ``current`` tells the configuration that they are added to, at the moment when they have been read.
    """

    def __init__(self, current: Callable[[], Config]) -> None:
        super().__init__("Import aliases (.yaml or .csv)", "enter import")
        self._current = current

    def body(self) -> Iterable[Widget]:
        """Return the path field."""
        yield Label("File")
        yield Field("", "for instance ./aliases.yaml")
        yield complaint_line()
        note = (
            "An alias of the same name takes up the entries. CSV: alias,entry,allowed, a line for each entry."
        )
        yield Static(plain(note, "$muted"), classes="footnote")

    @on(Input.Submitted)
    @work(exclusive=True)
    async def _import(self) -> None:
        typed = self.query_one(Field).value.strip()
        if not typed:
            self.complain("No file was named.")
            return
        try:
            aliases = await asyncio.to_thread(_read, typed)
            edited = import_aliases(self._current(), aliases)
        except NetsecError as error:
            self.complain(_first_problems(str(error)))
            return
        self.dismiss(edited)


def _read(typed: str) -> tuple[Alias, ...]:
    try:
        path = Path(typed).expanduser()
    except RuntimeError:  # no such user
        path = Path(typed)
    return imported(path)


def _first_problems(text: str) -> str:
    lines = text.splitlines()
    more = [f"and {len(lines) - _PROBLEMS} more"] if len(lines) > _PROBLEMS else []
    return "\n".join([*lines[:_PROBLEMS], *more])
