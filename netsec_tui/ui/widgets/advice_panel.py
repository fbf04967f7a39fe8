"""What stands in place of the panes while there is nothing to show: what to do next."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from netsec_tui.render.literal import literal
from netsec_tui.ui.advice import Advice


class AdvicePanel(Static):
    """Show a heading and lines under it."""

    def show(self, advice: Advice) -> None:
        """Draw other advice."""
        style = "bold $text-error" if advice.error else "bold"
        lines = "\n".join(map(literal, advice.lines))
        self.update(Content.assemble((literal(advice.heading), style), "\n\n", lines))
