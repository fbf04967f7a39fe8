"""The topology of the workload, with the detail of what is focused or hovered."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events, on, work
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from netsec_tui.core.topology import build_topology
from netsec_tui.model.identity import CommunicationKey
from netsec_tui.model.review import Review
from netsec_tui.model.topology import Topology
from netsec_tui.render.detail import detail_lines
from netsec_tui.render.glyphs import ASCII, UNICODE, Glyphs
from netsec_tui.render.spans import FoldTarget, Role, Span, Target
from netsec_tui.render.topology import topology_lines
from netsec_tui.ui.messages import FocusCommunication, OpenDetail, Say
from netsec_tui.ui.sentences import focus_sentence
from netsec_tui.ui.styled import content_of, content_of_lines
from netsec_tui.ui.view import View
from netsec_tui.ui.widgets.line_view import LineView
from netsec_tui.ui.widgets.pane import Pane

DETAIL_LINES = 5
"""Lines of detail beside the picture; enter shows all."""


class TopologyPane(Pane):
    """Draw the topology for the present width."""

    @dataclass
    class Built(Message):
        """Bring the topology of a review."""

        review: Review
        topology: Topology

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__("topology", "Topology", ascii_only)
        self._glyphs = ASCII if ascii_only else UNICODE
        self._expanded: frozenset[FoldTarget] = frozenset()
        self.border_subtitle = _legend(self._glyphs)
        self._view = View()
        self._stale = False
        self._topology: Topology | None = None
        self._layout: tuple[int, frozenset[FoldTarget]] | None = None

    def compose(self) -> ComposeResult:
        """Put the detail under the picture."""
        yield LineView()
        yield Static(classes="detail")

    def show(self, view: View) -> None:
        """Draw the topology of another view, in a moment: thousands of peers must not hold up a key."""
        before, self._view = self._view, view
        if view.scope != before.scope:
            self._expanded = frozenset()
        if view.review is not None and view.review is not before.review:
            self._stale = True
            self._catch_up()

    def _catch_up(self) -> None:
        """Build what changed, unless the pane is hidden: then when it is shown."""
        if self._stale and self._room and self._view.review is not None:
            self._stale = False
            self._build(self._view.review)

    # The description keeps the worker from spelling out its arguments, which can be thousands of rows.
    @work(thread=True, exclusive=True, description="topology")
    def _build(self, review: Review) -> None:
        """Build the graph in a thread; its first use also loads the graph library there."""
        self.post_message(self.Built(review, build_topology(review)))

    @on(Built)
    def _keep(self, event: Built) -> None:
        event.stop()
        if event.review is self._view.review:
            self._topology, self._layout = event.topology, None
            self._draw()

    def take_focus(self) -> None:
        """Give the keyboard to the picture."""
        self.screen.set_focus(self.query_one(LineView))

    def on_resize(self, _event: events.Resize) -> None:
        """Lay out anew for another width; also what changed while the pane was hidden."""
        self._catch_up()
        self._draw()
        picture = self.query_one(LineView)
        if picture is self.screen.focused:  # it may have got the keyboard before it got its room
            self._detail(picture.target)

    @property
    def _room(self) -> int:
        """Return the cells that lines can take: without the margins, and always without a scroll bar."""
        return max(self.content_size.width - 3, 0)

    def _draw(self) -> None:
        topology, layout = self._topology, (self._room, self._expanded)
        if topology is None or not self._room or layout == self._layout:
            return
        self._layout = layout
        lines = topology_lines(topology, self._room, self._glyphs, self._expanded)
        targets = {span.target for line in lines for span in line.spans}
        folds = {target for target in targets if isinstance(target, FoldTarget)}
        self.query_one(LineView).set_lines(lines, folds - self._expanded)
        sides = (topology.ingress, topology.egress)
        self.summarise([", ".join(f"{side.direction} {side.allowed}/{len(side.edges)}" for side in sides)])

    @on(LineView.TargetFocused)
    def _focused(self, event: LineView.TargetFocused) -> None:
        event.stop()
        self._point_at(event.target)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Show where the cursor is when the picture gets the keyboard."""
        if isinstance(event.widget, LineView) and event.widget is self.screen.focused:
            self._point_at(event.widget.target)

    def _point_at(self, target: Target | None) -> None:
        self._detail(target)
        sentence = ""
        if self._view.review is not None and isinstance(target, CommunicationKey):
            rows = self._view.review.of(target.direction).rows
            sentence = next((focus_sentence(row, self._view) for row in rows if row.key == target), "")
            self.post_message(FocusCommunication(target))
        self.post_message(Say(sentence))

    @on(LineView.TargetHovered)
    def _hovered(self, event: LineView.TargetHovered) -> None:
        event.stop()
        picture = self.query_one(LineView)
        self._detail(event.target or (picture.target if picture.has_focus else None))

    def on_descendant_blur(self, _event: events.DescendantBlur) -> None:
        """Give the room of the detail back to the picture."""
        self._detail(None)

    @on(LineView.TargetActivated)
    def _activated(self, event: LineView.TargetActivated) -> None:
        event.stop()
        if isinstance(event.target, FoldTarget):
            self._expanded ^= {event.target}
            self._draw()
        else:
            self.post_message(OpenDetail(event.target))

    def _detail(self, target: Target | None) -> None:
        review, detail = self._view.review, self.query_one(".detail", Static)
        detail.display = target is not None and review is not None and self._room > 0
        if target is not None and review is not None and self._room > 0:
            lines = detail_lines(review, target, self._room, known=self._view.provenance)[:DETAIL_LINES]
            detail.update(content_of_lines(lines))


def _legend(glyphs: Glyphs) -> Content:
    """Return the legend for the frame, where it stays in sight while the picture scrolls."""
    return content_of(
        (
            Span(f"{glyphs.allowed_stroke * 2}{glyphs.allowed_head} allowed  "),
            Span(f"{glyphs.refused_stroke * 2}{glyphs.refused_head} not allowed", Role.REFUSED),
            Span("  "),
            Span(f"{glyphs.side}selected{glyphs.side}", Role.SELECTED),
        )
    )
