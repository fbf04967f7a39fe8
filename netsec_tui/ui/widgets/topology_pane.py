"""The topology of the workload, with the detail of what is focused or hovered, and a legend."""

from __future__ import annotations

from textual import events, on
from textual.app import ComposeResult
from textual.widgets import Static

from netsec_tui.core.topology import build_topology
from netsec_tui.model.topology import Topology
from netsec_tui.render.detail import detail_lines
from netsec_tui.render.spans import Target
from netsec_tui.render.topology import legend_line, topology_lines
from netsec_tui.ui.messages import OpenDetail
from netsec_tui.ui.styled import content_of, content_of_lines
from netsec_tui.ui.view import View
from netsec_tui.ui.widgets.line_view import LineView
from netsec_tui.ui.widgets.pane import Pane

DETAIL_LINES = 5
"""Lines of detail beside the picture; enter shows all."""


class TopologyPane(Pane):
    """Draw the topology for the present width."""

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__("topology", "Topology")
        self._ascii = ascii_only
        self._view = View()
        self._topology: Topology | None = None
        self._width = 0

    def compose(self) -> ComposeResult:
        """Put the detail and the legend under the picture."""
        yield LineView()
        yield Static(classes="detail")
        yield Static(classes="legend")

    def on_mount(self) -> None:
        """Write the legend."""
        self.query_one(".legend", Static).update(content_of(legend_line(ascii_only=self._ascii).spans))

    def show(self, view: View) -> None:
        """Draw the topology of another view."""
        before, self._view = self._view.review, view
        if view.review is not None and view.review is not before:
            self._topology = build_topology(view.review)
            self._draw()

    def take_focus(self) -> None:
        """Give the keyboard to the picture."""
        self.query_one(LineView).focus()

    def on_resize(self, _event: events.Resize) -> None:
        """Lay out anew for another width."""
        if self.query_one(LineView).size.width != self._width:
            self._draw()

    def _draw(self) -> None:
        topology = self._topology
        picture = self.query_one(LineView)
        self._width = picture.size.width
        if topology is None or not self._width:
            return
        picture.set_lines(topology_lines(topology, self._width, ascii_only=self._ascii))
        sides = (topology.ingress, topology.egress)
        self.summarise(", ".join(f"{s.direction} {s.allowed}/{len(s.edges)}" for s in sides))

    @on(LineView.TargetFocused)
    def _focused(self, event: LineView.TargetFocused) -> None:
        event.stop()
        self._detail(event.target)

    @on(LineView.TargetHovered)
    def _hovered(self, event: LineView.TargetHovered) -> None:
        event.stop()
        self._detail(event.target)

    @on(LineView.TargetActivated)
    def _activated(self, event: LineView.TargetActivated) -> None:
        event.stop()
        self.post_message(OpenDetail(event.target))

    def _detail(self, target: Target | None) -> None:
        review = self._view.review
        if target is None or review is None:
            return
        lines = detail_lines(review, target, self._width)[:DETAIL_LINES]
        self.query_one(".detail", Static).update(content_of_lines(lines))
