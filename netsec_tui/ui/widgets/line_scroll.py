"""A scrolling list of painted lines with a cursor: what the tables and the text panes have in common."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar, NamedTuple

from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.cache import LRUCache
from textual.geometry import Offset, Region, Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from netsec_tui.render.spans import Line
from netsec_tui.ui.widgets.painting import ROLE_CLASSES, Mark, filling, index_at, paint, shown

CURSOR, HOVER, MARKED, SELECTION = "line--cursor", "line--hover", "line--marked", "line--selection"

_CACHED_STRIPS = 1024


MOVES: tuple[Binding, ...] = (
    Binding("down,j", "step(1)", "Down", False, tooltip="Go one line down", id="lines.down"),
    Binding("up,k", "step(-1)", "Up", False, tooltip="Go one line up", id="lines.up"),
    Binding(
        "pagedown,ctrl+f", "page(1)", "Page down", False, tooltip="Go one page down", id="lines.page-down"
    ),
    Binding("pageup,ctrl+b", "page(-1)", "Page up", False, tooltip="Go one page up", id="lines.page-up"),
    Binding("home,g", "edge(-1)", "First", False, tooltip="Go to the first line", id="lines.first"),
    Binding("end,G", "edge(1)", "Last", False, tooltip="Go to the last line", id="lines.last"),
)
"""The keys that every pane of lines has; each lists them among its own, for the help reads them there."""


class Look(NamedTuple):
    """Hold all that decides how one line is painted."""

    line: Line
    marks: tuple[Mark, ...] = ()


class LineScroll(ScrollView, can_focus=True, inherit_bindings=False):
    """Show lines, keep a cursor on those that can hold it, and repaint only what looks different.

    A subclass tells ``line_count``, ``line_at``, ``marks_at`` and ``pinned`` and hears ``cursor_moved``,
    ``hover_moved``, ``clicked`` and ``activated``. Line numbers count from the first line of the content.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {*ROLE_CLASSES.values(), CURSOR, HOVER, MARKED, SELECTION}

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.cursor: int | None = None
        self.pointer: Offset | None = None
        self._stops: Sequence[int] = ()
        self._strips: LRUCache[Look, Strip] = LRUCache(_CACHED_STRIPS)
        self._painted: dict[int, Look | None] = {}
        self._clicked_before = False

    # -- what a subclass tells ----------------------------------------------------------------------

    @property
    def line_count(self) -> int:
        """Return how many lines there are."""
        raise NotImplementedError

    def line_at(self, number: int) -> Line:
        """Return one line of the content."""
        raise NotImplementedError

    def plain_line_at(self, number: int) -> Line:
        """Return one line as copying takes it, each character in the place where it is painted."""
        return self.line_at(number)

    def marks_at(self, number: int) -> tuple[Mark, ...]:
        """Return the marks of one line; the cursor's comes last, to lie on top."""
        raise NotImplementedError

    def pinned(self, top: int) -> int | None:
        """Return the number of the line painted over the first visible one, ``top``, if any."""
        return None

    def context_of(self, number: int) -> int:
        """Return the first of the lines above a stop that are to be seen together with it."""
        return 0 if number == self._stops[0] else number

    # -- what a subclass hears ----------------------------------------------------------------------

    def cursor_moved(self) -> None:
        """Hear that the operator, or a change of the content, put the cursor elsewhere."""

    def hover_moved(self) -> None:
        """Hear that the pointer may be over something else."""

    def clicked(self, number: int, index: int, again: bool) -> None:
        """Hear of a click on a character; ``again`` when the cursor was there by an earlier click."""

    # -- content ------------------------------------------------------------------------------------

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Repaint, after the change made inside, the visible lines that look different and no others.

        They are held against what was painted. Textual keeps that while a widget is hidden and shows it again
        when the widget is back in its old size: a change made meanwhile forgets all of it.
        """
        yield
        self._recheck_pointer()
        width, height = self.size
        if not height:
            self.refresh()
        for y in range(height):
            if self._look(self.number_at(y)) != self._painted.get(y):
                self.refresh(Region(0, y, width, 1))

    def install(self, stops: Sequence[int], size: Size, cursor: int | None) -> None:
        """Take over the stops (ascending line numbers) and size of new content; call inside ``changing``.

        A visible cursor keeps its height on the screen, so that nothing jumps under the reader.
        """
        old = self.cursor
        shift = cursor - old if cursor is not None and old is not None and self._is_visible(old) else 0
        self._stops, self.cursor = stops, cursor
        if size != self.virtual_size:
            self.virtual_size = size
        if shift or self.scroll_offset.y > self.max_scroll_y:
            self.scroll_to(y=self.scroll_offset.y + shift, animate=False, force=True)

    def _look(self, number: int | None) -> Look | None:
        return None if number is None else Look(self.line_at(number), self.marks_at(number))

    def number_at(self, y: int) -> int | None:
        """Return the number of the line painted at a screen row of the widget, None below the last."""
        top = self.scroll_offset.y
        if y == 0 and (pinned := self.pinned(top)) is not None:
            return pinned
        return top + y if top + y < self.line_count else None

    # -- painting -----------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Paint one row of the widget."""
        width = self.size.width
        number = self.number_at(y)
        self._painted[y] = look = self._look(number)
        if number is None or look is None:
            return Strip.blank(width, self.rich_style)
        if selected := self._selection_marks(number):
            look = look._replace(marks=(*look.marks, *selected))
        strip = self._strips.get(look)
        if strip is None:
            strip = self._strips[look] = paint(look.line, look.marks, self._style_of)
        left = self.scroll_offset.x
        cropped = strip.crop_extend(left, left + width, filling(look.marks, self._style_of))
        return cropped.apply_offsets(index_at(shown(look.line), left) if left else 0, number)

    def _style_of(self, names: Sequence[str]) -> Style:
        if names[-1] == SELECTION:
            whole, own = (
                self.screen.get_component_rich_style("screen--selection", partial=partial)
                for partial in (False, True)
            )
            # Most themes colour the background alone, and blend it; the text keeps its own colour then.
            return self._style_of(names[:-1]) + Style(color=own.color, bgcolor=whole.bgcolor)
        style = self.get_component_rich_style(names[0])
        for name in names[1:]:
            whole, own = (self.get_component_rich_style(name, partial=partial) for partial in (False, True))
            # A mark blends its background in and leaves the colour of the text: red stays red.
            style += own + Style(bgcolor=whole.bgcolor)
        return style

    def notify_style_update(self) -> None:
        """Forget painted strips when theme, focus or classes change the colours."""
        super().notify_style_update()
        self._strips.clear()

    # -- selecting text with the mouse --------------------------------------------------------------

    def _selection_marks(self, number: int) -> tuple[Mark, ...]:
        selection = self.text_selection
        span = selection.get_span(number) if selection is not None else None
        if span is None:
            return ()
        return (Mark(SELECTION, span[0], span[1] if span[1] >= 0 else None),)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the selected text for copying."""
        first = selection.start.y if selection.start is not None else 0
        last = selection.end.y if selection.end is not None else self.line_count - 1
        texts = []
        for number in range(first, min(last + 1, self.line_count)):
            start, end = selection.get_span(number) or (0, 0)
            text = shown(self.plain_line_at(number))
            texts.append(text[start : end if end >= 0 else len(text)].rstrip())
        return "\n".join(texts), "\n"

    # -- cursor -------------------------------------------------------------------------------------

    def move_cursor(self, number: int | None) -> None:
        """Put the cursor on a stop, bring it into view and tell."""
        with self.changing():
            self.cursor = number
            if number is not None:
                self.reveal(number)
        self.cursor_moved()

    def reveal(self, number: int) -> None:
        """Scroll as little as is needed to show a stop with its context; a hidden pane stays where it is."""
        height = self.size.height
        top = max(min(self.scroll_offset.y, self.context_of(number)), number - height + 1)
        if height and top != self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, force=True)

    def action_step(self, lines: int) -> None:
        """Move to the neighbouring stop, or scroll where there is none in sight."""
        index = self._index_from_cursor(lines)
        if not 0 <= index < len(self._stops) or self._far(self._stops[index]):
            self.scroll_relative(y=lines, animate=False)
        else:
            self.move_cursor(self._stops[index])

    def action_page(self, pages: int) -> None:
        """Move by a page, or scroll by one where there are no stops."""
        page = max(1, self.size.height - 1) * pages
        if self.cursor is None or not self._stops:
            self.scroll_relative(y=page, animate=False)
            return
        wanted = self.cursor + page
        index = (bisect_right(self._stops, wanted) - 1) if pages > 0 else bisect_left(self._stops, wanted)
        target = self._stops[max(0, min(index, len(self._stops) - 1))]
        if target == self.cursor:
            self.scroll_relative(y=page, animate=False)
        else:
            self.move_cursor(target)

    def action_edge(self, side: int) -> None:
        """Move to the first or last stop and show that end of the content."""
        if self._stops:
            self.move_cursor(self._stops[0 if side < 0 else -1])
        self.scroll_to(y=0 if side < 0 else self.max_scroll_y, animate=False)

    def _index_from_cursor(self, step: int) -> int:
        if self.cursor is None:
            return bisect_left(self._stops, self.scroll_offset.y)
        below = bisect_left if step < 0 else bisect_right
        return below(self._stops, self.cursor) + (step if step < 0 else step - 1)

    def _far(self, number: int) -> bool:
        """Tell whether a page of other lines lies between the view and a line: those are to be read."""
        top, height = self.scroll_offset.y, self.size.height
        return not top - height <= number < top + 2 * height

    def _is_visible(self, number: int) -> bool:
        return 0 <= number - self.scroll_offset.y < self.size.height

    def on_resize(self, _event: events.Resize) -> None:
        """Keep the cursor in view."""
        if self.cursor is not None:
            self.reveal(self.cursor)

    # -- mouse --------------------------------------------------------------------------------------

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Follow the pointer."""
        self._point_at(event.get_content_offset(self))

    def on_leave(self) -> None:
        """Forget the pointer."""
        self._point_at(None)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Look again at what the pointer is over when the content moves under it."""
        super().watch_scroll_y(old_value, new_value)
        self._recheck_pointer()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the click was; a drag that selected text is no click."""
        event.prevent_default()  # a double click would select the whole text
        offset = event.get_content_offset(self)
        if offset is None or self.text_selection is not None:
            return
        number = self.number_at(offset.y)
        if number is not None:
            again, self._clicked_before = self._clicked_before, True
            self.clicked(number, self.index_at(number, offset.x), again)

    def on_blur(self) -> None:
        """Make the next click a first one."""
        self._clicked_before = False

    def on_focus(self) -> None:
        """Tell where the cursor is when the operator comes to this pane."""
        self.cursor_moved()

    def index_at(self, number: int, x: int) -> int:
        """Return the index of the character painted at a column of the widget."""
        return index_at(shown(self.line_at(number)), x + self.scroll_offset.x)

    def _point_at(self, offset: Offset | None) -> None:
        if offset != self.pointer:
            with self.changing():
                self.pointer = offset

    def _recheck_pointer(self) -> None:
        self.hover_moved()
