"""What if: how many recorded communications policies would deny; choose a count to see its rows."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from netsec_tui.model.whatif import Outlook, Scenario, WhatIf, WhatIfVerdict
from netsec_tui.render.literal import literal
from netsec_tui.ui.screens.dialog import Dialog
from netsec_tui.ui.styled import plain

Choice = tuple[Scenario, WhatIfVerdict]

_HEADINGS = (*map(str, WhatIfVerdict), "never seen")
_LABEL = 15
_WIDTHS = tuple(len(heading) + 2 for heading in _HEADINGS)
_WAITING = "Working it out ..."
_NOTHING_UNSEEN = "Nothing besides what the rows show."


class WhatIfDialog(Dialog[Choice]):
    """Show the counts of all scenarios, and what the one under the cursor allows though it was never seen.

    It opens on what a draft that is applied would deny; ``show`` brings newer answers.
    """

    BINDINGS = [
        Binding("up,k", "move(0, -1)", "Up", show=False),
        Binding("down,j", "move(0, 1)", "Down", show=False),
        Binding("left,h", "move(-1, 0)", "Left", show=False),
        Binding("right,l", "move(1, 0)", "Right", show=False),
        Binding("pageup", "scroll(-1)", "Page up", show=False),
        Binding("pagedown,space", "scroll(1)", "Page down", show=False),
        Binding("enter,i", "take", "Take", show=False),
        Binding("q", "cancel", "Back", show=False),
    ]

    def __init__(self, answers: WhatIf | None, ascii_only: bool = False) -> None:
        super().__init__("What if", "enter show its rows   space scroll", ascii_only)
        self._answers = answers
        self._row = list(Scenario).index(Scenario.APPLIED_AND_DRAFT)
        self._column = list(WhatIfVerdict).index(WhatIfVerdict.WOULD_BE_DENIED)

    def body(self) -> Iterable[Widget]:
        """Return the counts and the list below them."""
        yield Static(id="what-if-counts")
        yield Static(classes="footnote", id="what-if-title")
        yield VerticalScroll(Static(id="what-if-unseen"), classes="what-if-list", can_focus=False)

    def on_mount(self) -> None:
        """Draw what is known so far."""
        self._draw()

    def show(self, answers: WhatIf) -> None:
        """Draw newer answers."""
        self._answers = answers
        if self.query("#what-if-counts"):
            self._draw()

    def _draw(self) -> None:
        self.query_one("#what-if-counts", Static).update(Content("\n").join(self._lines()))
        scenario = list(Scenario)[self._row]
        outlook = self._answers[scenario] if self._answers else None
        title = f"Allowed though never seen, {scenario}:"
        text = _unseen_text(outlook) if outlook else _WAITING
        self.query_one("#what-if-title", Static).update(plain(title, "bold"))
        self.query_one("#what-if-unseen", Static).update(plain(text))

    def _lines(self) -> Iterable[Content]:
        heading = " " * _LABEL + "".join(f"{h:>{w}}" for h, w in zip(_HEADINGS, _WIDTHS, strict=True))
        yield Content.assemble((heading, "$muted"))
        for number, scenario in enumerate(Scenario):
            counts = _counts(self._answers[scenario] if self._answers else None)
            parts: list[tuple[str, str]] = [(f"{scenario:<{_LABEL}}", "")]
            for column, (count, width) in enumerate(zip(counts, _WIDTHS, strict=True)):
                here = (number, column) == (self._row, self._column)
                text = f"[{count}]" if here else f"{count} "
                parts.append((f"{text:>{width}}", "bold $text-primary" if here else ""))
            yield Content.assemble(*parts)

    def action_move(self, columns: int, rows: int) -> None:
        """Move the cursor."""
        self._row = (self._row + rows) % len(Scenario)
        self._column = (self._column + columns) % len(_HEADINGS)
        self.query_one(VerticalScroll).scroll_home(animate=False)
        self._draw()

    def action_scroll(self, step: int) -> None:
        """Scroll the list by its height."""
        area = self.query_one(VerticalScroll)
        area.scroll_relative(y=step * max(1, area.size.height - 1), animate=False)

    def action_take(self) -> None:
        """Leave with the count chosen; what was never seen has no rows, so its list is scrolled."""
        if self._column < len(WhatIfVerdict):
            self.dismiss((list(Scenario)[self._row], list(WhatIfVerdict)[self._column]))
        else:
            self.action_scroll(1)


def _counts(outlook: Outlook | None) -> tuple[str, ...]:
    if outlook is None:
        return ("...",) * len(_HEADINGS)
    numbers = (*(outlook.count(verdict) for verdict in WhatIfVerdict), outlook.never_seen)
    return tuple(f"{number:,}" for number in numbers)


def _unseen_text(outlook: Outlook) -> str:
    lines = (f"{line.direction:<7}  {literal(line.who)}: {line.ports}" for line in outlook.unseen)
    return "\n".join(lines) or _NOTHING_UNSEEN
