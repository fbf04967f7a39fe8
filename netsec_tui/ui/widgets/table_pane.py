"""The Ingress or Egress pane: the table, its filters, its general rule, and the dialogs of its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from textual import events, on
from textual.app import ComposeResult
from textual.widgets import Input, Static

from netsec_tui.model.communication import AddressCategory
from netsec_tui.model.decision import GeneralRule, ManualRule
from netsec_tui.model.identity import CommunicationKey, Direction, PeerSort
from netsec_tui.model.review import DirectionReview, Row
from netsec_tui.session.actions import Action, SetGeneralRule, SetTicks
from netsec_tui.ui.choices import RULE_FOOTNOTE, general_rules
from netsec_tui.ui.keymap import Place, bindings
from netsec_tui.ui.messages import Decide, FocusCommunication, NameAddress, OpenDetail, Say, WhatIfCleared
from netsec_tui.ui.row_filter import RowFilter, WhatIfPick
from netsec_tui.ui.screens.categories import Categories
from netsec_tui.ui.screens.manual_rule import ManualRuleDialog
from netsec_tui.ui.screens.picker import Picker
from netsec_tui.ui.sentences import focus_sentence, table_summary, table_title
from netsec_tui.ui.styled import plain
from netsec_tui.ui.view import View
from netsec_tui.ui.widgets.communication_table import NO_ROWS, CommunicationTable
from netsec_tui.ui.widgets.field import Field
from netsec_tui.ui.widgets.pane import Pane


class TablePane(Pane):
    """Show one direction; ``check`` returns why a manual rule is refused."""

    BINDINGS = bindings(Place.TABLES)

    def __init__(
        self, direction: Direction, check: Callable[[ManualRule], str], ascii_only: bool = False
    ) -> None:
        super().__init__(direction.value, direction.value.capitalize(), ascii_only)
        self._direction = direction
        self._check = check
        self._ascii = ascii_only
        self._view = View()
        self._filter = RowFilter()
        self._said = ""

    def compose(self) -> ComposeResult:
        """Put the note above the table and the search below it."""
        yield Static(classes="note")
        yield CommunicationTable(ascii_only=self._ascii)
        yield Field("", "search; !text for all others; enter keep, esc clear")

    @property
    def _table(self) -> DirectionReview | None:
        return self._view.review.of(self._direction) if self._view.review else None

    def show(self, view: View) -> None:
        """Draw another view with the filters kept."""
        before, self._view = self._view, view
        if view.scope != before.scope:
            self.query_one(CommunicationTable).reset()
        if view.review is not before.review or view.beginning != before.beginning:
            self._draw()
            self._follow()

    def take_focus(self) -> None:
        """Give the keyboard to the table."""
        self.screen.set_focus(self.query_one(CommunicationTable))

    def _draw(self) -> None:
        table = self._table
        if table is None:
            return
        self.query_one(CommunicationTable).set_rows(
            table.rows,
            self._filter.nothing if self._filter.active else NO_ROWS,
            only=self._filter.keep,
            home=self._view.namespace,
            newest=self._view.review.coverage.newest if self._view.review else None,
            beginning=self._view.beginning,
        )
        note = self.query_one(".note", Static)
        note.update(plain(table.note))
        note.display = bool(table.note)
        shown = (table, self._filter, len(self._filter.keep(table.rows)))
        self.summarise(table_summary(*shown), table_title(*shown))

    def _row(self, key: CommunicationKey | None) -> Row | None:
        rows = self._table.rows if self._table else ()
        return next((row for row in rows if row.key == key), None)

    def _decide(self, action: Action | None) -> None:
        if action is not None:
            self.post_message(Decide(action))

    # What the table tells

    @on(CommunicationTable.Toggled)
    def _tick(self, event: CommunicationTable.Toggled) -> None:
        event.stop()
        self._decide(SetTicks(tuple(event.keys), event.ticked))

    @on(CommunicationTable.Refused)
    def _refuse(self, event: CommunicationTable.Refused) -> None:
        event.stop()
        self._tell(event.key, error=True)

    @on(CommunicationTable.Focused)
    def _focus(self, event: CommunicationTable.Focused) -> None:
        event.stop()
        self._tell(event.key)

    @on(CommunicationTable.Activated)
    def _open(self, event: CommunicationTable.Activated) -> None:
        event.stop()
        self.post_message(OpenDetail(event.key))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Say where the cursor is when the table gets the keyboard."""
        if isinstance(event.widget, CommunicationTable) and event.widget is self.screen.focused:
            row = event.widget.row_at_cursor()
            self._tell(row.key if row else None)

    def _follow(self) -> None:
        """Say it anew when a decision, or new flows, changed what the row under the cursor is."""
        table = self.query_one(CommunicationTable)
        row = table.row_at_cursor() if self.screen.focused is table else None
        if row and self._sentence(row) != self._said:
            self._tell(row.key)

    def _tell(self, key: CommunicationKey | None, error: bool = False) -> None:
        row = self._row(key)
        if row:
            self._said = self._sentence(row)
            self.post_message(Say(self._said, error))
            self.post_message(FocusCommunication(row.key))

    def _sentence(self, row: Row) -> str:
        """Say what becomes of a row in the scenario that is looked at, and how it stands."""
        told = focus_sentence(self._row(row.key) or row, self._view)
        answer = self._filter.what_if.sentence(row.key) if self._filter.what_if else ""
        return f"{answer}. {told}" if answer else told

    # Filters

    def action_filter(self) -> None:
        """Open the search."""
        self.query_one(Field).display = True
        self.screen.set_focus(self.query_one(Field))

    @on(Input.Changed)
    def _search(self, event: Input.Changed) -> None:
        event.stop()
        self._filter = replace(self._filter, text=event.value)
        self._draw()

    @on(Input.Submitted)
    def _keep(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one(Field).display = False
        self.take_focus()

    def action_clear_filter(self) -> None:
        """Show all rows again and leave the search."""
        if self._filter.what_if:
            self.post_message(WhatIfCleared())
        self._filter = RowFilter()
        self.query_one(Field).value = ""
        self.query_one(Field).display = False
        self.take_focus()
        self._draw()
        self._follow()

    def action_categories(self) -> None:
        """Choose categories of unresolved IPs."""

        def chosen(categories: frozenset[AddressCategory] | None) -> None:
            if categories is not None:
                self._filter = replace(self._filter, categories=categories)
                self._draw()

        self.app.push_screen(Categories(self._filter.categories, self._ascii), chosen)

    def filter_what_if(self, pick: WhatIfPick | None) -> None:
        """Show only the rows of a what-if verdict, or leave that out again."""
        if pick or self._filter.what_if:
            self._filter = replace(self._filter, what_if=pick)
            self._draw()
            self._follow()

    # Decisions

    def action_general_rule(self) -> None:
        """Choose the general rule."""
        if self._table is None:
            return
        current = self._table.general

        def chosen(rule: GeneralRule | None) -> None:
            if rule is not None:
                self._decide(SetGeneralRule(self._direction, rule))

        choices = general_rules(self._direction, current)
        title = f"General rule for {self._direction.value}"
        picker = Picker(
            title, lambda: choices, current=current, footnote=RULE_FOOTNOTE, ascii_only=self._ascii
        )
        self.app.push_screen(picker, chosen)

    def action_manual(self) -> None:
        """Add or remove rules for IP masks."""
        if self._table is not None:
            dialog = ManualRuleDialog(self._direction, self._table.manual, self._check)
            self.app.push_screen(dialog, self._decide)

    def action_alias(self) -> None:
        """Name the unresolved IP under the cursor, or change its alias."""
        row = self.query_one(CommunicationTable).row_at_cursor()
        if row is None or not row.communication.peer.unresolved:
            self.post_message(Say("@ names an unresolved IP; move to one first", error=True))
            return
        peer = row.communication.peer
        if peer.sort is PeerSort.NETWORK:
            self.post_message(Say("no address of it is told that @ could name", error=True))
            return
        address = "" if peer.sort in (PeerSort.EXTERNAL, PeerSort.ALIAS) else peer.name
        self.post_message(NameAddress(address, peer.name if peer.sort is PeerSort.ALIAS else ""))
