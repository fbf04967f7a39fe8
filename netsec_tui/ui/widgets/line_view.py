"""A pane of lines, such as the topology, the policy or a detail; what lines are about can be pointed at."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message

from netsec_tui.render.literal import literal
from netsec_tui.render.spans import Line, Role, Span, Target
from netsec_tui.ui.widgets.line_scroll import CURSOR, HOVER, MARKED, MOVES, LineScroll
from netsec_tui.ui.widgets.painting import Mark, shown

_SIDE_STEP = 8


_WHOLE: tuple[tuple[int, int | None], ...] = ((0, None),)


class Spot(NamedTuple):
    """Hold the places of one target in one line: from character to character, no end is the whole width."""

    target: Target
    ranges: tuple[tuple[int, int | None], ...]

    def covers(self, index: int) -> bool:
        """Tell whether a character belongs to the target."""
        return any(start <= index and (end is None or index < end) for start, end in self.ranges)

    def marks(self, name: str) -> tuple[Mark, ...]:
        """Return the marks that lay a component class over the target."""
        return tuple(Mark(name, start, end) for start, end in self.ranges)


def spots(line: Line) -> tuple[Spot, ...]:
    """Return what a line is about, from left to right; one thing alone takes the whole width."""
    if all(span.target is None for span in line.spans):
        return (Spot(line.target, _WHOLE),) if line.target is not None and line.spans else ()
    places: dict[Target, list[tuple[int, int | None]]] = {}
    at = 0
    for span in line.spans:
        end = at + len(literal(span.text))
        target = span.target or line.target
        if target is not None:
            ranges = places.setdefault(target, [])
            if ranges and ranges[-1][1] == at:
                ranges[-1] = (ranges[-1][0], end)
            else:
                ranges.append((at, end))
        at = end
    if line.target is not None and len(places) == 1:
        return (Spot(line.target if line.target in places else next(iter(places)), _WHOLE),)
    return tuple(Spot(target, tuple(ranges)) for target, ranges in places.items())


class LineView(LineScroll, inherit_bindings=False):
    """Show lines; the cursor stands on what they are about and skips decoration.

    A view in which nothing can be pointed at scrolls instead. ``TargetFocused`` comes with every move of
    the cursor while the view has the focus, and when it gets it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *MOVES,
        Binding(
            "left,h",
            "side(-1)",
            "Left",
            False,
            tooltip="Go to what is on the left, or scroll",
            id="lines.left",
        ),
        Binding(
            "right,l",
            "side(1)",
            "Right",
            False,
            tooltip="Go to what is on the right, unfold, or scroll",
            id="lines.right",
        ),
        Binding(
            "enter,space", "activate", "Open", False, tooltip="Open what the cursor is on", id="lines.open"
        ),
    ]

    @dataclass
    class _AboutTarget(Message):
        view: LineView
        target: Target

        @property
        def control(self) -> LineView:
            return self.view

    class TargetFocused(_AboutTarget):
        """Say that the cursor is on a target."""

        def can_replace(self, message: Message) -> bool:
            """Let the newest win over those not handled yet."""
            return isinstance(message, LineView.TargetFocused) and message.view is self.view

    class TargetActivated(_AboutTarget):
        """Say that the operator opened a target by key or click."""

    @dataclass
    class TargetHovered(Message):
        """Say what the pointer is over, None when over nothing."""

        view: LineView
        target: Target | None

        @property
        def control(self) -> LineView:
            """Return the view, for ``on`` with a selector."""
            return self.view

        def can_replace(self, message: Message) -> bool:
            """Let the newest win over those not handled yet."""
            return isinstance(message, LineView.TargetHovered) and message.view is self.view

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: tuple[Line, ...] = ()
        self._spots: list[tuple[Spot, ...]] = []
        self._folded: Collection[Target] = ()
        self._focused = 0
        self._lane = 0
        self._hovered: tuple[int, Spot] | None = None
        self._barred: Sequence[range] = ()
        self._marked: Sequence[range] = ()
        self._bar = ("", "")

    # -- content ------------------------------------------------------------------------------------

    def set_lines(self, lines: Sequence[Line], closed: Collection[Target] = ()) -> None:
        """Show other lines; the cursor stays on its target, or near it when that is gone.

        ``closed`` are targets that going to the right opens, as in a tree.
        """
        self._folded = closed
        if tuple(lines) == self._lines:
            return
        before = self.target
        with self.changing():
            self._lines = tuple(lines)
            self._spots = [spots(line) for line in self._lines]
            stops = [number for number, found in enumerate(self._spots) if found]
            width = max((cell_len(shown(line)) for line in self._lines), default=0)
            self.install(stops, Size(width, len(self._lines)), self._same_place(before, stops))
        if self.target != before and self.has_focus:
            self.cursor_moved()

    @property
    def target(self) -> Target | None:
        """Return what the cursor is on."""
        spot = self._spot_at_cursor
        return spot.target if spot else None

    def point_out(self, barred: Sequence[range], marked: Sequence[range], bars: tuple[str, str]) -> None:
        """Draw a bar before some lines and mark some of them.

        ``bars`` are one character for lines with a bar only and one for marked lines; they take the place
        of a blank in front of the line.
        """
        if (barred, marked, bars) != (self._barred, self._marked, self._bar):
            with self.changing():
                self._barred, self._marked, self._bar = barred, marked, bars

    def show_marked(self) -> None:
        """Bring the first marked lines into view and put the cursor there, unless this view is moved in."""
        if not self._marked or self.has_focus:
            return
        first = self._marked[0].start
        with self.changing():
            if self._spots[first]:
                self.cursor, self._focused = first, 0
            self._show_first_marked()

    def on_resize(self, _event: events.Resize) -> None:
        """Keep marked lines in view, all of them, while the cursor is where ``show_marked`` has put it."""
        if self._marked and self.cursor == self._marked[0].start:
            self._show_first_marked()

    def _show_first_marked(self) -> None:
        """Scroll from the top, or from where it is, as little as shows the lines and what is around them."""
        lines = self._marked[0]
        around = next((bar for bar in self._barred if lines.start in bar), lines)
        height, top = self.scrollable_content_region.height, self.scroll_offset.y
        wanted = 0
        if lines.stop > height:
            wanted = top
            for shown_last in (around, lines):
                wanted = min(max(wanted, shown_last.stop - height), shown_last.start)
        if height and wanted != top:
            self.scroll_to(y=wanted, animate=False, force=True)

    def _same_place(self, before: Target | None, stops: Sequence[int]) -> int | None:
        """Find the line for the cursor among new content and set the place in that line."""
        place = self._find(before) if before is not None else None
        if place is not None:
            self._focused = place[1]
            return place[0]
        if not stops:
            return None
        wanted = self.cursor if self.cursor is not None else 0
        number = min(stops, key=lambda stop: abs(stop - wanted))
        self._focused = self._in_lane(number)
        return number

    def _find(self, target: Target) -> tuple[int, int] | None:
        """Return line and place in it of a target, those closest to the cursor when there are several."""
        places = [
            (number, index)
            for number, found in enumerate(self._spots)
            for index, spot in enumerate(found)
            if spot.target == target
        ]
        wanted = self.cursor if self.cursor is not None else 0
        return min(places, key=lambda place: abs(place[0] - wanted), default=None)

    # -- what the base asks -------------------------------------------------------------------------

    @property
    def line_count(self) -> int:
        """Return how many lines there are."""
        return len(self._lines)

    def line_at(self, number: int) -> Line:
        """Return one line, with its bar if it has one."""
        line = self._lines[number]
        marked = _within(number, self._marked)
        if not line.spans or not (marked or _within(number, self._barred)):
            return line
        first = line.spans[0]
        if not first.text.startswith(" "):
            return line
        bar = Span(self._bar[int(marked)], Role.KEY, first.target)
        return Line((bar, Span(first.text[1:], first.role, first.target), *line.spans[1:]), line.target)

    def plain_line_at(self, number: int) -> Line:
        """Return one line as it was given."""
        return self._lines[number]

    def marks_at(self, number: int) -> tuple[Mark, ...]:
        """Mark what is pointed out, what the pointer is over, and on top what the cursor is on."""
        hovered = self._hovered
        marks: tuple[Mark, ...] = (Mark(MARKED),) if _within(number, self._marked) else ()
        if hovered is not None and hovered[0] == number:
            marks += hovered[1].marks(HOVER)
        spot = self._spot_at_cursor
        return (*marks, *spot.marks(CURSOR)) if spot is not None and number == self.cursor else marks

    def cursor_moved(self) -> None:
        """Tell which target the cursor is on."""
        if (target := self.target) is not None:
            self.post_message(self.TargetFocused(self, target))

    def hover_moved(self) -> None:
        """Tell what the pointer is over now, if that is something else."""
        before = self._hovered[1].target if self._hovered else None
        self._hovered = self._under_pointer()
        after = self._hovered[1].target if self._hovered else None
        if after != before:
            self.post_message(self.TargetHovered(self, after))

    def clicked(self, number: int, index: int, again: bool) -> None:
        """Put the cursor on what was clicked; a second click opens it."""
        for place, spot in enumerate(self._spots[number]):
            if spot.covers(index):
                if again and (number, place) == (self.cursor, self._focused):
                    self.action_activate()
                else:
                    self._put(number, place)

    # -- moving -------------------------------------------------------------------------------------

    def move_cursor(self, number: int | None) -> None:
        """Go to another line and stay in the lane of what the cursor was on."""
        with self.changing():
            if number is not None:
                self._focused = self._in_lane(number)
            super().move_cursor(number)

    def action_side(self, step: int) -> None:
        """Go to the neighbour in the line, or scroll sideways."""
        place = self._focused + step
        if step > 0 and self.target is not None and self.target in self._folded:
            self.action_activate()
        elif self.cursor is not None and 0 <= place < len(self._spots[self.cursor]):
            self._put(self.cursor, place)
        else:
            self.scroll_relative(x=step * _SIDE_STEP, animate=False)

    def action_activate(self) -> None:
        """Tell that the operator opens what the cursor is on."""
        if (target := self.target) is not None:
            self.post_message(self.TargetActivated(self, target))

    def _put(self, number: int, place: int) -> None:
        self._lane = self._spots[number][place].ranges[0][0]
        self.move_cursor(number)

    def _in_lane(self, number: int) -> int:
        found = self._spots[number]
        return min(range(len(found)), key=lambda place: abs(found[place].ranges[0][0] - self._lane))

    @property
    def _spot_at_cursor(self) -> Spot | None:
        return self._spots[self.cursor][self._focused] if self.cursor is not None else None

    def _under_pointer(self) -> tuple[int, Spot] | None:
        number = self.number_at(self.pointer.y) if self.pointer is not None else None
        if number is None or self.pointer is None:
            return None
        index = self.index_at(number, self.pointer.x)
        return next(((number, spot) for spot in self._spots[number] if spot.covers(index)), None)


def _within(number: int, ranges: Sequence[range]) -> bool:
    return any(number in lines for lines in ranges)
