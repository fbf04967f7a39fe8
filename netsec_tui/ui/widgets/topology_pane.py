"""The topology of the workload, with the detail of what is focused or hovered."""

from __future__ import annotations

from textual import events, on
from textual.app import ComposeResult
from textual.widgets import Static

from netsec_tui.core.topology import build_topology
from netsec_tui.model.topology import Topology
from netsec_tui.render.detail import detail_lines
from netsec_tui.render.glyphs import ASCII, UNICODE
from netsec_tui.render.spans import FoldTarget, Target
from netsec_tui.render.topology import topology_lines
from netsec_tui.ui.messages import OpenDetail
from netsec_tui.ui.styled import content_of_lines
from netsec_tui.ui.view import View
from netsec_tui.ui.widgets.line_view import LineView
from netsec_tui.ui.widgets.pane import Pane

DETAIL_LINES = 5
"""Lines of detail beside the picture; enter shows all."""


class TopologyPane(Pane):
    """Draw the topology for the present width."""

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__("topology", "Topology")
        self._glyphs = ASCII if ascii_only else UNICODE
        self._expanded: frozenset[FoldTarget] = frozenset()
        self._view = View()
        self._topology: Topology | None = None
        self._width = 0

    def compose(self) -> ComposeResult:
        """Put the detail under the picture."""
        yield LineView()
        yield Static(classes="detail")

    def show(self, view: View) -> None:
        """Draw the topology of another view."""
        before, self._view = self._view, view
        if view.scope != before.scope:
            self._expanded = frozenset()
        if view.review is not None and view.review is not before.review:
            self._topology = build_topology(view.review)
            self._draw()

    def take_focus(self) -> None:
        """Give the keyboard to the picture."""
        self.query_one(LineView).focus()

    def on_resize(self, _event: events.Resize) -> None:
        """Lay out anew for another width."""
        if self._room != self._width:
            self._draw()

    @property
    def _room(self) -> int:
        """Return the cells that lines can take: without the margins, and always without a scroll bar."""
        return max(self.content_size.width - 3, 0)

    def _draw(self) -> None:
        topology = self._topology
        picture = self.query_one(LineView)
        self._width = self._room
        if topology is None or not self._width:
            return
        picture.set_lines(topology_lines(topology, self._width, self._glyphs, self._expanded))
        sides = (topology.ingress, topology.egress)
        self.summarise(", ".join(f"{s.direction} {s.allowed}/{len(s.edges)}" for s in sides))

    @on(LineView.TargetFocused)
    def _focused(self, event: LineView.TargetFocused) -> None:
        event.stop()
        self._detail(event.target)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Show where the cursor is when the picture gets the keyboard."""
        if isinstance(event.widget, LineView):
            self._detail(event.widget.target)

    @on(LineView.TargetHovered)
    def _hovered(self, event: LineView.TargetHovered) -> None:
        event.stop()
        self._detail(event.target)

    def on_descendant_blur(self, _event: events.DescendantBlur) -> None:
        """Give the room of the detail back to the picture."""
        self.query_one(".detail", Static).display = False

    @on(LineView.TargetActivated)
    def _activated(self, event: LineView.TargetActivated) -> None:
        event.stop()
        if isinstance(event.target, FoldTarget):
            self._expanded ^= {event.target}
            self._draw()
        else:
            self.post_message(OpenDetail(event.target))

    def _detail(self, target: Target | None) -> None:
        review = self._view.review
        if target is None or review is None:
            return
        lines = detail_lines(review, target, self._width)[:DETAIL_LINES]
        detail = self.query_one(".detail", Static)
        detail.display = True
        detail.update(content_of_lines(lines))
