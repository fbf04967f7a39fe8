"""The table of communications of one direction: two groups of rows, a checkbox on each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message

from netsec_tui.model.identity import CommunicationKey
from netsec_tui.model.review import Row, Since
from netsec_tui.render.spans import Line
from netsec_tui.ui.name_widths import NameWidths
from netsec_tui.ui.row_marks import RowMarks
from netsec_tui.ui.row_order import RowOrder, SortColumn
from netsec_tui.ui.row_painter import Frame, RowPainter
from netsec_tui.ui.row_sections import Section, lay_out, survivor
from netsec_tui.ui.widgets.line_scroll import CURSOR, HOVER, MARKED, MOVES, LineScroll
from netsec_tui.ui.widgets.painting import Mark

NO_ROWS = ("No in-cluster communications seen.", "No unresolved IPs seen.")
"""What the two groups say without rows, unless the caller knows better."""

_DAY = 86_400


class CommunicationTable(LineScroll, inherit_bindings=False):
    """Show the rows it is given and tell what the operator wants; it decides nothing itself.

    The order of the rows is frozen while the table has the keyboard: rows that arrive go to the end of
    their group until the table is sorted again, which it is by itself once what was before is all there.
    ``Focused`` comes with every move of the cursor while the table has the focus, and when it gets it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "space", "tick", "Tick", tooltip="Tick or untick the row, or all marked rows", id="rows.tick"
        ),
        Binding("enter", "open", "Detail", False, tooltip="Show all about the row", id="rows.open"),
        Binding("a", "tick_all(True)", "Tick all", False, tooltip="Tick all rows shown", id="rows.all"),
        Binding("A", "tick_all(False)", "Tick none", False, tooltip="Untick all rows shown", id="rows.none"),
        Binding("v", "mark", "Mark", False, tooltip="Mark rows from here on, or stop", id="rows.mark"),
        Binding(
            "shift+down,J", "extend(1)", "Mark down", False, tooltip="Mark and go down", id="rows.mark-down"
        ),
        Binding("shift+up,K", "extend(-1)", "Mark up", False, tooltip="Mark and go up", id="rows.mark-up"),
        Binding("escape", "unmark", "Unmark", False, tooltip="Forget the marks", id="rows.unmark"),
        Binding("O", "next_sort", "Sort", False, tooltip="Sort by the next column", id="rows.sort"),
        Binding("I", "reverse_sort", "Reverse", False, tooltip="Turn the order round", id="rows.reverse"),
        Binding("R", "sort_again", "Sort again", False, tooltip="Sort new rows in", id="rows.sort-again"),
        *MOVES,
    ]

    @dataclass
    class _OfTable(Message):
        table: CommunicationTable

        @property
        def control(self) -> CommunicationTable:
            return self.table

    @dataclass
    class Toggled(_OfTable):
        """Ask to tick or untick rows; all of them can be."""

        keys: tuple[CommunicationKey, ...]
        ticked: bool

    @dataclass
    class Refused(_OfTable):
        """Say that the operator tried to tick a row that no policy can express."""

        key: CommunicationKey

    @dataclass
    class Activated(_OfTable):
        """Ask for the detail of a row."""

        key: CommunicationKey

    @dataclass
    class Focused(_OfTable):
        """Say that the cursor is on a row."""

        key: CommunicationKey

        def can_replace(self, message: Message) -> bool:
            """Let the newest win over those not handled yet."""
            return isinstance(message, CommunicationTable.Focused) and message.table is self.table

    @dataclass
    class Hovered(_OfTable):
        """Say which row the pointer is over, None when over none."""

        key: CommunicationKey | None

        def can_replace(self, message: Message) -> bool:
            """Let the newest win over those not handled yet."""
            return isinstance(message, CommunicationTable.Hovered) and message.table is self.table

    def __init__(
        self, *, ascii_only: bool = False, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._ascii = ascii_only
        self._order = RowOrder()
        self._beginning = False
        self._rows: tuple[Row, ...] = ()
        self._empty = NO_ROWS
        self._only: Callable[[Iterable[Row]], Iterable[Row]] = iter
        self._sections = lay_out((), (), NO_ROWS)
        self._marks = RowMarks()
        self._names = NameWidths()
        self._hovered: CommunicationKey | None = None
        self._frame = Frame(0, ascii_only)
        self._painter = RowPainter(self._frame)

    # -- content ------------------------------------------------------------------------------------

    def set_rows(
        self,
        rows: Iterable[Row],
        empty: tuple[str, str] = NO_ROWS,
        *,
        only: Callable[[Iterable[Row]], Iterable[Row]] = iter,
        home: str = "",
        newest: float | None = None,
        beginning: bool = False,
    ) -> None:
        """Show other rows; the cursor stays on its row, or goes to the next one still there.

        ``empty`` is what each group says without rows, ``only`` picks those to show (the others keep their
        places), ``home`` is the namespace that names need not say, ``newest`` (epoch seconds) the latest
        record: times of its day are shown without the date. ``beginning`` tells that there are more rows of
        what was before: they are no new ones.
        """
        begun, self._beginning = self._beginning and not beginning, beginning
        self._rows, self._empty, self._only = tuple(rows), empty, only
        # The day alone matters; with the second in it every row would be worded anew all the time.
        day = newest // _DAY * _DAY if newest else None
        if home != self._names.home:
            self._names = NameWidths(home)
        frame = Frame(0, self._ascii, home, day, self._names.take(self._rows))
        if frame != self._frame:
            with self.changing():
                self._frame = frame
        if self.is_mounted and self.screen.focused is self and not begun:
            self._arrange(self._order.keep(self._rows, news=not beginning))
        else:
            self._arrange(self._order.settle(self._rows))

    def reset(self) -> None:
        """Forget rows, cursor, marks and the places of rows: the next rows are of another workload."""
        self.action_unmark()
        self._order.settle(())
        self._names = NameWidths()
        self._rows = ()
        self._arrange([])

    def sort_by(self, column: SortColumn, reverse: bool = False) -> None:
        """Sort the rows within their groups; nobody is told, for this is the operator's view only."""
        self._order.column, self._order.reverse = column, reverse
        self._arrange(self._order.settle(self._rows))

    def row_at_cursor(self) -> Row | None:
        """Return the row under the cursor."""
        return self._row_at(self.cursor)

    def _arrange(self, rows: list[Row]) -> None:
        old_rows, old = self._all_rows(), self.row_at_cursor()
        with self.changing():
            self._sections = lay_out(self._only(rows), self._order.arrived, self._empty)
            present = self._all_rows()
            wanted = survivor(old, old_rows, present) if old is not None else None
            stops = [*self._sections[0].lines, *self._sections[1].lines]
            cursor = stops[wanted] if wanted is not None else stops[0] if stops else None
            self.install(stops, Size(0, self.line_count), cursor)
        new = self.row_at_cursor()
        if self.has_focus and (new and new.key) != (old and old.key):
            self.cursor_moved()

    def _all_rows(self) -> tuple[Row, ...]:
        return self._sections[0].rows + self._sections[1].rows

    # -- what the base asks -------------------------------------------------------------------------

    @property
    def line_count(self) -> int:
        """Return how many lines both groups take."""
        return self._sections[1].end

    def line_at(self, number: int) -> Line:
        """Return a header, a row, the sentence of an empty group or the gap between the groups."""
        section = self._section_of(number)
        if number == section.top:
            return self._painter_now().title(section, self._notes(section))
        if number == section.columns:
            return self._painter_now().header(section)
        row = self._row_at(number)
        return self._painter_now().row(section, row) if row is not None else Line()

    def marks_at(self, number: int) -> tuple[Mark, ...]:
        """Mark what is marked, what the pointer is over and where the cursor is."""
        row = self._row_at(number)
        if row is None:
            return ()
        names = (
            (MARKED, row.key in self._marks.keys),
            (HOVER, self._hovered is not None and row.key == self._hovered),
            (CURSOR, number == self.cursor),
        )
        return tuple(Mark(name) for name, on in names if on)

    def pinned(self, top: int) -> int | None:
        """Keep the column header of the rows in view."""
        section = self._section_of(top)
        return section.columns if section.columns < top < section.end else None

    def context_of(self, number: int) -> int:
        """Show the first row of a group with its headers, every other one below the pinned header."""
        section = self._section_of(number)
        if number == section.first:
            return section.top if section.top else 0
        return number - 1

    def cursor_moved(self) -> None:
        """Mark up to the cursor while marking, and tell which row it is on."""
        row = self.row_at_cursor()
        if row is None:
            return
        if self._marks.marking:
            with self.changing():
                self._marks.reach(row, self._all_rows())
        self.post_message(self.Focused(self, row.key))

    def hover_moved(self) -> None:
        """Tell which row the pointer is over now, if that is another one."""
        number = self.number_at(self.pointer.y) if self.pointer is not None else None
        row = self._row_at(number)
        key = row.key if row is not None else None
        if key != self._hovered:
            self._hovered = key
            self.post_message(self.Hovered(self, key))

    def clicked(self, number: int, index: int, again: bool) -> None:
        """Tick by a click on the checkbox; put the cursor on the row, or open it by a second click."""
        row = self._row_at(number)
        if row is None:
            return
        same = number == self.cursor
        if not same:
            self.move_cursor(number)
        if index < len(self.line_at(number).spans[0].text):
            self._toggle((row,))
        elif same and again:
            self.action_open()

    # -- what the operator does -----------------------------------------------------------------------

    def action_tick(self) -> None:
        """Ask to tick the marked rows, or the one under the cursor; to untick them when all are ticked."""
        row = self.row_at_cursor()
        if marked := self._marks.of(self._all_rows()):
            self._toggle(marked)
        elif row is not None:
            self._toggle((row,))
        self.action_unmark()

    def action_tick_all(self, ticked: bool) -> None:
        """Ask to tick or untick every row shown."""
        keys = tuple(row.key for row in self._all_rows() if row.tickable)
        if keys:
            self.post_message(self.Toggled(self, keys, ticked))

    def action_open(self) -> None:
        """Ask for the detail of the row."""
        if (row := self.row_at_cursor()) is not None:
            self.post_message(self.Activated(self, row.key))

    def action_mark(self) -> None:
        """Begin to mark rows at the cursor, or forget the marks."""
        row = self.row_at_cursor()
        with self.changing():
            if self._marks.marking or row is None:
                self._marks.clear()
            else:
                self._marks.begin(row)

    def action_extend(self, step: int) -> None:
        """Mark while moving."""
        if not self._marks.marking:
            self.action_mark()
        self.action_step(step)

    def action_unmark(self) -> None:
        """Forget the marks."""
        with self.changing():
            self._marks.clear()

    def action_next_sort(self) -> None:
        """Sort by the next column."""
        column = self._order.column.following
        self.sort_by(column, column.largest_first)

    def action_reverse_sort(self) -> None:
        """Sort the other way round."""
        self.sort_by(self._order.column, not self._order.reverse)

    def action_sort_again(self) -> None:
        """Give rows that arrived the place that the sort has for them."""
        self.sort_by(self._order.column, self._order.reverse)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the escape key to others while nothing is marked."""
        return bool(self._marks.keys) if action == "unmark" else super().check_action(action, parameters)

    def _toggle(self, rows: tuple[Row, ...]) -> None:
        tickable = tuple(row for row in rows if row.tickable)
        gone = tuple(row.key for row in rows if row.since is Since.GONE)
        if not tickable:
            back = self.Toggled(self, gone, False) if gone else self.Refused(self, rows[0].key)
            self.post_message(back)
            return
        ticked = not all(row.ticked for row in tickable)
        self.post_message(self.Toggled(self, tuple(row.key for row in tickable), ticked))

    # -- lines ----------------------------------------------------------------------------------------

    def _painter_now(self) -> RowPainter:
        frame = self._frame._replace(width=self.scrollable_content_region.width)
        if self._painter.frame != frame:
            self._painter = RowPainter(frame)
        return self._painter

    def _section_of(self, number: int) -> Section:
        return self._sections[number >= self._sections[1].top]

    def _row_at(self, number: int | None) -> Row | None:
        if number is None:
            return None
        section = self._section_of(number)
        return section.rows[number - section.first] if section.first <= number < section.end else None

    def _notes(self, section: Section) -> tuple[str, ...]:
        order = self._order
        marked = len(self._marks.of(section.rows))
        notes = [f"{marked} marked"] if marked else []
        if order.column is not SortColumn.AS_GIVEN or order.reverse:
            notes.append(f"sorted {order.column}{', reversed' if order.reverse else ''}")
        return tuple(notes)
