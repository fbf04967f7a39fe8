"""Show what applying the generated policy would change, worked out beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.compare.difference import difference
from netsec_tui.model.difference import Difference
from netsec_tui.model.policy import NetworkPolicy
from netsec_tui.render.diff_lines import diff_lines
from netsec_tui.ui.screens.dialog import Dialog
from netsec_tui.ui.screens.pages import text_width
from netsec_tui.ui.styled import content_of_lines, plain

_WORKING = "Comparing with what is applied ..."


class DiffDialog(Dialog[None]):
    """Compare a draft with what is applied, by meaning and as YAML."""

    BINDINGS = [
        Binding("q,d,enter,backspace", "cancel", "Back", show=False),
        Binding("j", "scroll(1)", "Down", show=False),
        Binding("k", "scroll(-1)", "Up", show=False),
    ]

    def __init__(self, ground: Ground, draft: tuple[NetworkPolicy, ...]) -> None:
        super().__init__("Diff: generated policy against what is applied", "up and down scroll")
        self._ground, self._draft = ground, draft
        self._found: Difference | None = None

    def body(self) -> Iterable[Widget]:
        """Return the text, at first a line that says that it is being worked out."""
        yield VerticalScroll(Static(plain(_WORKING), id="difference"), classes="pages")

    def on_mount(self) -> None:
        """Let the keys scroll and begin to compare."""
        self.query_one(VerticalScroll).focus()
        self.run_worker(self._compare())

    async def _compare(self) -> None:
        # The pods come from what is known of flows, which grows on this thread; the rest never changes.
        _ = self._ground.pods
        self._found = await asyncio.to_thread(difference, self._ground, self._draft)
        self._draw()

    def on_resize(self) -> None:
        """Wrap to the new width."""
        self._draw()

    def _draw(self) -> None:
        if self._found is not None:
            width = text_width(self.app.size.width)
            self.query_one("#difference", Static).update(content_of_lines(diff_lines(self._found, width)))

    def action_scroll(self, step: int) -> None:
        """Scroll by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=step, animate=False)
