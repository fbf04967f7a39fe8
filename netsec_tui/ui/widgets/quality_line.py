"""The line under the generated policy that says how well the traffic behind it was observed."""

from __future__ import annotations

from textual import events
from textual.widgets import Static

from netsec_tui.model.review import Review
from netsec_tui.render.quality import quality_line
from netsec_tui.ui.keymap import key_of
from netsec_tui.ui.styled import content_of_lines


class QualityLine(Static):
    """Show in one line what was observed and what is lacking; hidden when there is no policy."""

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__()
        self._joint = ", " if ascii_only else " \u00b7 "
        self._review: Review | None = None

    def show(self, review: Review) -> None:
        """Draw the observation of another review."""
        before, self._review = self._review, review
        self.display = bool(review.policies)
        if before is None or before.quality != review.quality:
            self._draw()

    def on_resize(self, _event: events.Resize) -> None:
        """Say as much as fits."""
        self._draw()

    def _draw(self) -> None:
        if self._review is not None and self.content_size.width:
            line = quality_line(self._review.quality, self.content_size.width, self._joint, key_of("proof"))
            self.update(content_of_lines([line]))
