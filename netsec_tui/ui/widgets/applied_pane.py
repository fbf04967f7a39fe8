"""The policies applied in the cluster: on the workload, on a peer, on every row, in the namespace."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from textual import events, on, work
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Static

from netsec_tui.model.applied import AppliedVerdict, Held, NamespaceMap
from netsec_tui.model.identity import CommunicationKey, Peer
from netsec_tui.model.proof import Reach
from netsec_tui.model.review import Row
from netsec_tui.render.applied import communication_lines, held_lines, isolation, namespace_lines
from netsec_tui.render.spans import Line, PolicyTarget, Target
from netsec_tui.render.yaml_lines import yaml_lines
from netsec_tui.ui.applied_answers import Answers, answers_for, raw_of
from netsec_tui.ui.keymap import Place, bindings, key_of
from netsec_tui.ui.messages import OpenDetail, Say
from netsec_tui.ui.raw_yaml import raw_yaml
from netsec_tui.ui.screens.pages import Pages
from netsec_tui.ui.styled import plain
from netsec_tui.ui.view import View
from netsec_tui.ui.widgets.line_view import LineView
from netsec_tui.ui.widgets.pane import Pane
from netsec_tui.ui.widgets.view_strip import ViewStrip


class Part(StrEnum):
    """Name the views of the pane, as its first line does."""

    WORKLOAD = "Workload"
    PEER = "Peer of row"
    COMMUNICATIONS = "Communications"
    NAMESPACE = "Namespace"


Content = Held | NamespaceMap | list[tuple[Row, AppliedVerdict]]
"""What a view shows: policies on one end, the map of a namespace, rows with their verdicts."""

PAGE_WIDTH = 100
"""Cells of a page at most."""

_UNKNOWN = (
    "No cluster state was read, so it is not known which policies are applied.\n"
    "Give --manifests PATH or --context NAME to see them."
)


class AppliedPane(Pane):
    """Show one of four views; enter opens a policy as raw YAML, or the detail of a row or workload."""

    BINDINGS = bindings(Place.APPLIED)

    @dataclass
    class Found(Message):
        """Bring what a view shows; ``key`` tells what it was made for."""

        key: tuple[object, ...]
        content: Content

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__("applied", "Applied policies", ascii_only)
        self._view = View()
        self._part = Part.WORKLOAD
        self._asked: tuple[object, ...] = ()
        self._content: Content | None = None

    def compose(self) -> ComposeResult:
        """Put the names of the views and the empty state over the lines."""
        yield ViewStrip(tuple(Part))
        yield Static(classes="empty")
        yield LineView()

    def show(self, view: View) -> None:
        """Draw the policies of another view."""
        self._view = view
        self._catch_up()

    def take_focus(self) -> None:
        """Give the keyboard to the lines."""
        self.screen.set_focus(self.query_one(LineView))

    def on_resize(self, _event: events.Resize) -> None:
        """Lay out anew for another width; also what changed while the pane was hidden."""
        self._catch_up()
        self._draw()

    # Views

    def action_next_view(self) -> None:
        """Show the next of the four views."""
        parts = list(Part)
        self._open(parts[(parts.index(self._part) + 1) % len(parts)])

    @on(ViewStrip.Chosen)
    def _choose(self, event: ViewStrip.Chosen) -> None:
        event.stop()
        self._open(Part(event.name))
        self.take_focus()

    def _open(self, part: Part) -> None:
        self._part = part
        self.post_message(Say(""))  # what stood there was about the view that is left
        self.query_one(ViewStrip).show(part)
        self._catch_up()

    @property
    def _room(self) -> int:
        return max(self.content_size.width - 3, 0)

    def _catch_up(self) -> None:
        """Find out what the view shows, unless nothing changed or the pane is hidden."""
        answers = answers_for(self._view)
        if answers is None or not self._room:
            return
        depends = {
            Part.WORKLOAD: (answers.review.subject, answers.review.strayed),
            Part.PEER: self._view.focused,
            Part.COMMUNICATIONS: answers.review,
            Part.NAMESPACE: None,
        }[self._part]
        key = (self._part, answers.ground, id(depends) if self._part is Part.COMMUNICATIONS else depends)
        if key == self._asked:
            return
        self._asked = key
        if not self._view.known:
            self._tell(_UNKNOWN)
        elif self._part is Part.WORKLOAD:
            self._take(answers.applied.on_subject(answers.review.subject, answers.review.strayed))
        elif self._part is Part.PEER:
            self._show_peer(answers)
        else:
            answers.prepare()
            self._find(answers, key, self._part)

    def _show_peer(self, answers: Answers) -> None:
        row = answers.row(self._view.focused)
        if row is None:
            tables = f"{key_of('ingress')}, {key_of('egress')}"
            self._tell(f"Move to a row of Ingress or Egress ({tables}): its peer's policies stand here then.")
        else:
            self._take(answers.applied.on_peer(row.communication))

    # Thousands of rows, or hundreds of policies on hundreds of workloads, must not hold up a key.
    @work(thread=True, exclusive=True, description="applied policies")
    def _find(self, answers: Answers, key: tuple[object, ...], part: Part) -> None:
        found = answers.namespace() if part is Part.NAMESPACE else answers.verdicts()
        self.post_message(self.Found(key, found))

    @on(Found)
    def _keep(self, event: Found) -> None:
        event.stop()
        if event.key == self._asked:
            self._take(event.content)

    def _take(self, content: Content) -> None:
        self._content = content
        self._tell("")
        self._draw()

    def _tell(self, sentence: str) -> None:
        """Say why there are no lines."""
        empty = self.query_one(".empty", Static)
        empty.update(plain(sentence))
        empty.display = bool(sentence)
        if sentence:
            self._content = None
            self.query_one(LineView).set_lines([])
            self.summarise([str(self._part)], [f"{key_of('applied-view')} next view"])

    def _draw(self) -> None:
        content, width = self._content, self._room
        if content is None or not width:
            return
        home = self._view.namespace
        if isinstance(content, Held):
            lines = held_lines(content, width)
        elif isinstance(content, NamespaceMap):
            lines = namespace_lines(content, home, width)
        else:
            lines = communication_lines(content, home, width)
        self.query_one(LineView).set_lines(lines)
        self.summarise(_summary(content), [*_summary(content), f"{key_of('applied-view')} next view"])

    # What the lines tell

    @on(LineView.TargetFocused)
    def _focused(self, event: LineView.TargetFocused) -> None:
        event.stop()
        self.post_message(Say(self._sentence(event.target)))

    def _sentence(self, target: Target) -> str:
        content = self._content
        if isinstance(target, PolicyTarget):
            return f"enter View Policy: {target.title}"
        if isinstance(target, CommunicationKey) and isinstance(content, list):
            return next((verdict.short for row, verdict in content if row.key == target), "")
        if isinstance(target, Peer) and isinstance(content, NamespaceMap):
            helds = (held for held in content.workloads if held.peer == target)
            return next(("; ".join(isolation(held)) for held in helds), "")
        return ""

    @on(LineView.TargetActivated)
    def _activated(self, event: LineView.TargetActivated) -> None:
        event.stop()
        target, answers, content = event.target, answers_for(self._view), self._content
        if isinstance(target, PolicyTarget) and answers is not None:
            self._view_policy(answers, target.title)
        elif isinstance(target, Peer) and isinstance(content, NamespaceMap):
            (held,) = (held for held in content.workloads if held.peer == target)
            lines = held_lines(held, min(self.app.size.width - 8, PAGE_WIDTH))
            self.app.push_screen(Pages("Policies of a workload", lines))
        else:
            self.post_message(OpenDetail(target))

    def _view_policy(self, answers: Answers, title: str) -> None:
        raw = raw_of(answers.ground.world.inventory, title)
        if raw is None:
            self.post_message(Say(f"{title} was not read, so there is nothing to show", error=True))
            return
        named = title.removeprefix("NetworkPolicy ")
        lines: list[Line] = list(yaml_lines(raw_yaml(raw)))
        self.app.push_screen(Pages(f"View Policy: {named}", lines))


def _summary(content: Content) -> list[str]:
    if isinstance(content, Held):
        return [_policies(len(content.holds))]
    if isinstance(content, NamespaceMap):
        free = sum(not held.holds for held in content.workloads if held.selectable)
        return [_policies(len(content.policies)), f"{free} open"]
    denied = sum(verdict.outcome is Reach.DENIED for _, verdict in content)
    return [f"{denied} of {len(content)} denied"]


def _policies(count: int) -> str:
    return "1 policy" if count == 1 else f"{count or 'no'} policies"
