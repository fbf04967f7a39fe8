"""The part of the main screen that opens the what-if dialog and keeps the tables filtered by its answer."""

from __future__ import annotations

from textual import on
from textual.screen import Screen

from netsec_tui.model.identity import Direction
from netsec_tui.model.whatif import Outlook, WhatIf, WhatIfVerdict
from netsec_tui.ui.keymap import key_of
from netsec_tui.ui.messages import Say, WhatIfCleared
from netsec_tui.ui.row_filter import WhatIfPick
from netsec_tui.ui.screens.what_if import Choice, WhatIfDialog
from netsec_tui.ui.view import View
from netsec_tui.ui.what_if_desk import WhatIfDesk
from netsec_tui.ui.widgets.table_pane import TablePane


class WhatIfHost(Screen[None]):
    """Ask for answers while the dialog is open or a what-if filter is on, and at no other time."""

    def __init__(self, ascii_only: bool) -> None:
        super().__init__()
        self._ascii = ascii_only
        self._desk = WhatIfDesk(
            lambda: self.run_worker(self._desk.work(), group="what-if"), self._take_answers
        )
        self._dialog: WhatIfDialog | None = None
        self._choice: Choice | None = None
        self._arriving = False
        self._looked_at = View()

    def action_pane(self, name: str) -> None:
        """Open a pane and give it the keyboard."""
        raise NotImplementedError

    def consult(self, view: View) -> None:
        """Take another view; a what-if filter of another workload goes."""
        if view.scope != self._looked_at.scope:
            self._filter(None)
        self._looked_at = view
        if self._dialog or self._choice:
            self._desk.ask(view)

    def on_unmount(self) -> None:
        """Wait for no answer."""
        self._desk.stop()

    def action_what_if(self) -> None:
        """Show what policies would make of the recorded communications."""
        view = self._looked_at
        if view.review is None:
            self.post_message(Say(f"Choose a workload first: {key_of('scope')}", error=True))
            return
        self._dialog = WhatIfDialog(self._desk.answers_for(view.review), self._ascii)
        self.app.push_screen(self._dialog, self._chosen)
        self._desk.ask(view)

    def _chosen(self, choice: Choice | None) -> None:
        self._dialog = None
        if choice is None:
            if self._choice is None:
                self._desk.stop()
            return
        self._choice, self._arriving = choice, True
        answers = self._desk.answers_for(self._looked_at.review)
        if answers is not None:
            self._take_answers(answers)

    def _take_answers(self, answers: WhatIf) -> None:
        if self._dialog is not None:
            self._dialog.show(answers)
        if self._choice is None:
            return
        scenario, verdict = self._choice
        self._filter(WhatIfPick(scenario, verdict, answers[scenario]))
        if self._arriving:
            self._arriving = False
            self._arrive(answers[scenario], verdict)

    def _arrive(self, outlook: Outlook, verdict: WhatIfVerdict) -> None:
        """Open a table that has such rows, the one that is open if it has."""
        found = {key.direction for key in outlook.keys(verdict)}
        around = {node.id for node in self.focused.ancestors} if self.focused else set()
        here = {direction for direction in found if direction.value in around}
        if found:
            self.action_pane(min(here or found, key=list(Direction).index).value)

    @on(WhatIfCleared)
    def _clear_what_if(self, event: WhatIfCleared) -> None:
        event.stop()
        self._filter(None)

    def _filter(self, pick: WhatIfPick | None) -> None:
        if pick is None:
            self._choice = None
            if self._dialog is None:
                self._desk.stop()
        for pane in self.query(TablePane):
            pane.filter_what_if(pick)
