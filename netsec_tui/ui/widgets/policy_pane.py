"""The generated policy as YAML, or the reason why there is none; its lines lead to the rows behind them."""

from __future__ import annotations

from functools import cached_property
from itertools import groupby

from textual import events, on
from textual.app import ComposeResult

from netsec_tui.core.generate.serialize import yaml_places
from netsec_tui.model.provenance import RowRules, RulePlace
from netsec_tui.model.review import Review
from netsec_tui.render.cells import wrap
from netsec_tui.render.literal import literal
from netsec_tui.render.provenance import origins_sentence
from netsec_tui.render.spans import Line, Role, Span, Target
from netsec_tui.render.yaml_lines import yaml_lines
from netsec_tui.ui.keymap import key_of
from netsec_tui.ui.messages import OpenDetail, Say
from netsec_tui.ui.view import View
from netsec_tui.ui.widgets.line_view import LineView
from netsec_tui.ui.widgets.pane import Pane
from netsec_tui.ui.widgets.proof_line import ProofLine
from netsec_tui.ui.widgets.quality_line import QualityLine


class Places:
    """Look up which lines of the YAML write which place of the policies."""

    def __init__(self, review: Review) -> None:
        self.of_line = yaml_places(review.policies)

    @cached_property
    def _lines(self) -> dict[RulePlace, range]:
        """Map each place to its lines, a rule as a whole to all of them."""
        found: dict[RulePlace, range] = {}
        rule: RulePlace | None = None
        number = 0
        # The lines of one piece share one object, which is quicker to compare than what it says.
        for _, same in groupby(self.of_line, key=id):
            place, start = self.of_line[number], number
            number += len(list(same))
            if place is None:
                continue
            if place.peer is None and place.port is None:
                rule = place
            for one in (place, rule):
                if one is not None:
                    found[one] = range(found[one].start if one in found else start, number)
        return found

    def lines(self, places: tuple[RulePlace, ...]) -> list[range]:
        """Return the lines of places, in their order."""
        return [self._lines[place] for place in places if place in self._lines]


class PolicyPane(Pane):
    """Show what saving writes; mark the rule of the communication that is focused elsewhere."""

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__("policy", "Generated policy", ascii_only)
        self._ascii = ascii_only
        self._bars = ("|", ">") if ascii_only else ("\u2502", "\u258c")
        self._shown = ("", "")
        self._view = View()
        self._places: Places | None = None
        self._marked: list[range] = []
        self._said = ""

    def compose(self) -> ComposeResult:
        """Put the proof under the lines, and under it how all this was observed."""
        yield LineView()
        yield ProofLine(self._ascii)
        yield QualityLine(self._ascii)

    def show(self, view: View) -> None:
        """Draw the policy of another view."""
        before, self._view = self._view, view
        review = view.review
        if review is None:
            return
        shown = (review.yaml, review.refusal)
        if shown != self._shown:
            self._shown, self._places = shown, None
            self._draw()
        if view.focused != before.focused or review is not before.review:
            found = bool(self._marked)
            self._point_out()
            # The first row has nobody's hand behind it: the policy is then shown from its beginning.
            moved = before.focused not in (None, view.focused)
            if moved or (before.focused and not found):
                self.query_one(LineView).show_marked()
        if review is not before.review:
            self._tell_again()
        self.query_one(ProofLine).show(review)
        self.query_one(QualityLine).show(review)
        self.summarise(_summary(review), _summary(review))

    def on_resize(self, _event: events.Resize) -> None:
        """Wrap the reason to the new width; show what is focused when the pane was hidden before."""
        self._draw()

    def _draw(self) -> None:
        text, refusal = self._shown
        if refusal:
            self.query_one(LineView).set_lines(_refusal(refusal, self.content_size.width - 2))
            return
        if self._places is None and self._view.review is not None:
            self._places = Places(self._view.review)
        places = self._places.of_line if self._places else []
        written = zip(yaml_lines(text), places, strict=True)
        lines = [line if place is None else Line(line.spans, place) for line, place in written]
        self.query_one(LineView).set_lines(lines)

    def _point_out(self) -> None:
        """Mark the lines of the rules that the focused communication is in."""
        view, found = self._view, RowRules()
        if view.provenance and view.focused and not self._shown[1]:
            found = view.provenance.rules_of(view.focused)
        barred = self._places.lines(found.rules) if self._places else []
        marked = self._places.lines(found.lines) if self._places else []
        # The peer first: it tells more than the port, and in a long rule the port is far below.
        marked.sort(key=lambda lines: lines.start)
        self._marked = marked
        self.query_one(LineView).point_out(barred, marked, self._bars)

    def take_focus(self) -> None:
        """Give the keyboard to the lines."""
        self.screen.set_focus(self.query_one(LineView))

    @on(LineView.TargetFocused)
    def _focused(self, event: LineView.TargetFocused) -> None:
        event.stop()
        self._tell(event.target)

    def _tell(self, target: Target) -> None:
        if self._view.review and isinstance(target, RulePlace):
            self._said = self._sentence(target)
            self.post_message(Say(self._said))

    def _tell_again(self) -> None:
        """Say of the line under the cursor what is so by now, where that still stands in the status line."""
        lines, before = self.query_one(LineView), self._said
        if lines.has_focus and isinstance(lines.target, RulePlace):
            self._said = self._sentence(lines.target)
            if self._said != before:
                self.post_message(Say(self._said, instead_of=before))

    def _sentence(self, place: RulePlace) -> str:
        """Return which rows are behind a place of the policies, nothing when there is no such place."""
        review, known = self._view.review, self._view.provenance
        found = known.origins(place) if known else None
        return origins_sentence(review, found) if review and found else ""

    @on(LineView.TargetActivated)
    def _activated(self, event: LineView.TargetActivated) -> None:
        event.stop()
        self.post_message(OpenDetail(event.target))


def _summary(review: Review) -> list[str]:
    """Return the keys and the name of the policy; the name stands last, for the end is what gets cut."""
    if review.refusal:
        return ["not possible"]
    names = ", ".join(policy.name for policy in review.policies)
    return [f"{key_of('save')} save, {key_of('copy')} copy", names]


def _refusal(reason: str, width: int) -> list[Line]:
    heading = Line((Span("No NetworkPolicy can be made for this workload.", Role.REFUSED),))
    return [heading, Line(), *(Line((Span(part),)) for part in wrap(literal(reason), max(width, 20)))]
