"""The generated policy as YAML, or the reason why there is none."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult

from netsec_tui.model.review import Review
from netsec_tui.render.cells import wrap
from netsec_tui.render.literal import literal
from netsec_tui.render.spans import Line, Role, Span
from netsec_tui.render.yaml_lines import yaml_lines
from netsec_tui.ui.keymap import key_of
from netsec_tui.ui.view import View
from netsec_tui.ui.widgets.line_view import LineView
from netsec_tui.ui.widgets.pane import Pane


class PolicyPane(Pane):
    """Show what saving writes."""

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__("policy", "Generated policy", ascii_only)
        self._shown = ("", "")

    def compose(self) -> ComposeResult:
        """Make room for the lines."""
        yield LineView()

    def show(self, view: View) -> None:
        """Draw the policy of another view."""
        review = view.review
        if review is None:
            return
        shown = (review.yaml, review.subject.refusal)
        if shown != self._shown:
            self._shown = shown
            self._draw()
        self.summarise(_summary(review), _summary(review))

    def on_resize(self, _event: events.Resize) -> None:
        """Wrap the reason to the new width."""
        self._draw()

    def _draw(self) -> None:
        text, refusal = self._shown
        lines = _refusal(refusal, self.content_size.width - 2) if refusal else yaml_lines(text)
        self.query_one(LineView).set_lines(list(lines))

    def take_focus(self) -> None:
        """Give the keyboard to the lines."""
        self.query_one(LineView).focus()


def _summary(review: Review) -> list[str]:
    """Return the keys and the name of the policy; the name stands last, for the end is what gets cut."""
    if review.subject.refusal:
        return ["not possible"]
    names = ", ".join(policy.name for policy in review.policies)
    return [f"{key_of('save')} save, {key_of('copy')} copy", names]


def _refusal(reason: str, width: int) -> list[Line]:
    heading = Line((Span("No NetworkPolicy can be made for this workload.", Role.REFUSED),))
    return [heading, Line(), *(Line((Span(part),)) for part in wrap(literal(reason), max(width, 20)))]
