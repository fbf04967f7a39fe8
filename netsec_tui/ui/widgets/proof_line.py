"""The proof line under the generated policy."""

from __future__ import annotations

from textual import events
from textual.widgets import Static

from netsec_tui.model.review import Review
from netsec_tui.render.literal import literal
from netsec_tui.render.proof import proof_lines
from netsec_tui.ui.keymap import key_of
from netsec_tui.ui.styled import content_of_lines, plain


class ProofLine(Static):
    """Show in a line or two what evaluating the policy has shown; hidden when there is no policy."""

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__(classes="proof")
        self._joint = ", " if ascii_only else " \u00b7 "
        self._review: Review | None = None

    def show(self, review: Review) -> None:
        """Draw the proof of another review."""
        before, self._review = self._review, review
        self.display = bool(review.policies)
        where = f" under {literal(review.cni.name)}" if review.cni else ""
        self.border_title = plain(f"Proof{where}, {key_of('proof')} all of it")
        if before is None or before.proof != review.proof:
            self._draw()

    def on_resize(self, _event: events.Resize) -> None:
        """Break the line anew."""
        self._draw()

    def _draw(self) -> None:
        if self._review is not None:
            lines = proof_lines(self._review.proof, self.content_size.width, self._joint)
            self.update(content_of_lines(lines))
