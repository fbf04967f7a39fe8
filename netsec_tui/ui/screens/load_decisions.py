"""Ask which decisions file to load."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from textual import on, work
from textual.widget import Widget
from textual.widgets import Input, Label

from netsec_tui.decisions_file.reading import load_decisions
from netsec_tui.errors import NetsecError
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.saved import SavedDecisions
from netsec_tui.session.saved import mismatch
from netsec_tui.ui.screens.dialog import Dialog, complaint_line
from netsec_tui.ui.widgets.field import Field

_MOST = 4
"""Mistakes of a file that are shown; the rest is counted."""


class LoadDecisionsDialog(Dialog[SavedDecisions]):
    """Read the typed file, which must be for ``workload``; gives what it says."""

    def __init__(self, workload: WorkloadRef, path: str) -> None:
        super().__init__(f"Load decisions for {workload}", "enter load")
        self._workload = workload
        self._path = path

    def body(self) -> Iterable[Widget]:
        """Return the path field, filled in."""
        yield Label("File")
        yield Field(self._path)
        yield complaint_line()

    @on(Input.Submitted)
    @work(exclusive=True)
    async def _load(self) -> None:
        typed = self.query_one(Field).value.strip()
        if not typed or "\0" in typed:
            self.complain("no file was named; type its path")
            return
        try:
            saved = await asyncio.to_thread(lambda: load_decisions(Path(typed).expanduser()))
        except (NetsecError, RuntimeError) as error:
            lines = str(error).splitlines()
            more = [f"{len(lines) - _MOST} more mistakes"] if len(lines) > _MOST else []
            self.complain("\n".join([*lines[:_MOST], *more]))
            return
        if saved.workload != self._workload:
            self.complain(mismatch(saved.workload, self._workload))
            return
        self.dismiss(saved)
