"""The main screen: puts the panes together, gives each its view, and routes what they ask."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from dataclasses import replace

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Footer

from netsec_tui.model.decision import ManualRule
from netsec_tui.model.identity import Direction, WorkloadRef
from netsec_tui.model.review import Review
from netsec_tui.render.bullets import bullets
from netsec_tui.render.detail import detail_lines
from netsec_tui.render.literal import literal
from netsec_tui.render.proof import proof_page
from netsec_tui.render.quality import quality_page, with_comments
from netsec_tui.render.spans import Line
from netsec_tui.ui.applied_answers import applied_detail, applied_yaml
from netsec_tui.ui.copying import copied_sentence
from netsec_tui.ui.keymap import Place, bindings, key_of
from netsec_tui.ui.messages import FocusCommunication, OpenDetail, Saved, Say
from netsec_tui.ui.panes import PANES
from netsec_tui.ui.screens.confirm import Confirm
from netsec_tui.ui.screens.diff import DiffDialog
from netsec_tui.ui.screens.help import HelpScreen
from netsec_tui.ui.screens.help_entries import help_entries
from netsec_tui.ui.screens.pages import Pages, text_width
from netsec_tui.ui.screens.save import SaveDialog
from netsec_tui.ui.screens.what_if_host import WhatIfHost
from netsec_tui.ui.sentences import source_sentences
from netsec_tui.ui.sharing import shared_sentence
from netsec_tui.ui.view import View
from netsec_tui.ui.widgets.advice_panel import AdvicePanel
from netsec_tui.ui.widgets.applied_pane import AppliedPane
from netsec_tui.ui.widgets.pane import Pane
from netsec_tui.ui.widgets.policy_pane import PolicyPane
from netsec_tui.ui.widgets.scope_bar import ScopeBar
from netsec_tui.ui.widgets.status_line import StatusLine
from netsec_tui.ui.widgets.tab_bar import TabBar
from netsec_tui.ui.widgets.table_pane import TablePane
from netsec_tui.ui.widgets.topology_pane import TopologyPane
from netsec_tui.ui.widgets.warnings_bar import WarningsBar

DETAIL_WIDTH = 100
WIDE, TALL = 120, 32
"""From this size on the panes stand beside each other; below it one pane at a time."""


class MainScreen(WhatIfHost):
    """Show scope, tables, topology and policy together, or one at a time where there is no room."""

    BINDINGS = bindings(Place.ANYWHERE)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (TALL, "-tall")]
    AUTO_FOCUS = ""

    def __init__(self, check: Callable[[ManualRule], str], ascii_only: bool = False) -> None:
        super().__init__(ascii_only)
        self._check = check
        self._view = View()
        self._open = PANES[0]
        self._zoomed = False
        self._summaries: dict[str, str] = {}
        self._proof: Pages | None = None
        self._meant: dict[tuple[str, WorkloadRef], tuple[WorkloadRef, ...]] = {}

    def compose(self) -> ComposeResult:
        """Lay out the lines and panes."""
        yield ScopeBar(self._ascii)
        yield TabBar()
        yield WarningsBar(self._ascii)
        yield AdvicePanel()
        with Vertical(id="panes"):
            with Horizontal(id="tables"):
                yield TablePane(Direction.INGRESS, self._check, self._ascii)
                yield TablePane(Direction.EGRESS, self._check, self._ascii)
            with Horizontal(id="results"):
                yield TopologyPane(self._ascii)
                yield PolicyPane(self._ascii)
                yield AppliedPane(self._ascii)
        yield StatusLine(self._ascii)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Start with the first pane open and nothing in it."""
        self._arrange()
        self.show(self._view)

    def show(self, view: View) -> None:
        """Give every part its view; there are none while the app closes and its timer still runs."""
        if not self.children:
            return
        first = self._view.review is None and view.review is not None
        view = replace(view, focused=self._view.focused if view.scope == self._view.scope else None)
        self._view = view
        self.set_class(view.review is None, "-empty")
        self.consult(view)
        self.query_one(ScopeBar).show(view)
        self.query_one(WarningsBar).show(view.warnings)
        self.query_one(AdvicePanel).show(view.advice)
        for pane in self.query(Pane):
            pane.show(view)
        if self._proof:
            self._proof.show(*self._proof_text())
        if first:
            self.action_pane(self._open)

    def say(self, text: str, error: bool = False) -> None:
        """Put one sentence into the status line."""
        self.query_one(StatusLine).say(text, error)

    def press(self, action: str, place: Place) -> None:
        """Do what a key does; those of the tables go to the open table, or to Ingress."""
        pane = self._open if self._open in PANES[:2] else PANES[0]
        namespace = self.query_one(f"#{pane}") if place is Place.TABLES else self
        self.run_worker(self.app.run_action(action, namespace))

    # Panes

    def on_resize(self, event: events.Resize) -> None:
        """Decide between all panes and one."""
        self._arrange(event.size.width, event.size.height)

    def _arrange(self, width: int | None = None, height: int | None = None) -> None:
        size = self.app.size
        single = self._zoomed or (width or size.width) < WIDE or (height or size.height) < TALL
        self.set_class(single, "-single")
        for pane in PANES:
            self.set_class(pane == self._open, f"-at-{pane}")
        if self._open in ("policy", "applied"):
            self.set_class(self._open == "applied", "-applied")
        self.query_one(TabBar).show(self._open, self._summaries.get(self._open, ""))

    def action_pane(self, name: str) -> None:
        """Open a pane and give it the keyboard."""
        if name != self._open:
            self.say("")  # what stood there was about the pane that is left
        self._open = name
        self._arrange()
        if self._view.review is not None:
            # At once, not after the next painting: a key that came with this one is for the new pane.
            self.query_one(f"#{name}", Pane).take_focus()

    def action_next_pane(self, step: int) -> None:
        """Open the pane after or before this one."""
        self.action_pane(PANES[(PANES.index(self._open) + step) % len(PANES)])

    def action_zoom(self) -> None:
        """Give this pane the whole screen, or share it again."""
        self._zoomed = not self._zoomed
        self.action_pane(self._open)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Follow the mouse into another pane."""
        if event.widget is not self.focused:  # keys have moved on since
            return
        for node in event.widget.ancestors:
            if isinstance(node, Pane) and node.id and node.id != self._open:
                self._open = node.id
                self.say("")
                self._arrange()

    @on(TabBar.Chosen)
    def _choose_tab(self, event: TabBar.Chosen) -> None:
        self.action_pane(event.pane)

    @on(Pane.Summarised)
    def _summarise(self, event: Pane.Summarised) -> None:
        self._summaries[event.pane] = event.summary
        self.query_one(TabBar).show(self._open, self._summaries.get(self._open, ""))

    # What panes ask

    @on(Say)
    def _say(self, event: Say) -> None:
        if event.instead_of is None or self.query_one(StatusLine).text == literal(event.instead_of):
            self.say(event.text, event.error)

    @on(FocusCommunication)
    def _focus_communication(self, event: FocusCommunication) -> None:
        self._view = replace(self._view, focused=event.key)
        for pane in self.query(Pane):
            pane.show(self._view)

    @on(OpenDetail)
    def _open_detail(self, event: OpenDetail) -> None:
        if self._view.review:
            width = min(DETAIL_WIDTH, text_width(self.size.width))
            lines = detail_lines(self._view.review, event.target, width, known=self._view.provenance)
            lines += applied_detail(self._view, event.target, width)
            if self._open == "applied":
                lines += applied_yaml(self._view, event.target, width)
            self.app.push_screen(Pages("Detail", lines))

    def action_proof(self) -> None:
        """Show the proof of the generated policy, finding by finding, and what the sources say."""
        review = self._view.review
        if review is None or not review.policies:
            self.say("There is no generated policy to prove.", error=review is not None)
        title, lines = self._proof_text()
        if lines:
            self._proof = Pages(title, lines)
            self.app.push_screen(self._proof, self._proof_closed)

    def _proof_closed(self, _: None) -> None:
        self._proof = None

    def _proof_text(self) -> tuple[str, list[Line]]:
        """Return the title and the lines of the proof's page, as of now."""
        review, title, lines = self._view.review, "Observation", []
        width = min(DETAIL_WIDTH, text_width(self.size.width))
        if review is not None and review.policies:
            title = f"Proof of {', '.join(policy.name for policy in review.policies)}"
            lines = proof_page(review, width)
        if review is not None:
            lines = [*lines, *quality_page(review.quality, width)]
        if told := source_sentences(self._view):
            lines = [*lines, *bullets("What the sources say", told, width)]
        return title, lines

    def action_warnings(self) -> None:
        """Show all warnings, or the first only."""
        self.query_one(WarningsBar).toggle()

    def action_help(self) -> None:
        """Show all keys."""
        self.app.push_screen(HelpScreen(help_entries()))

    # The policy

    def action_save(self) -> None:
        """Save the generated policy to a file."""
        self._if_meant("Save", self._save)

    def action_copy(self) -> None:
        """Copy the generated policy to the clipboard."""
        self._if_meant("Copy", self._copy)

    def _if_meant(self, verb: str, go: Callable[[Review], None]) -> None:
        """Let a policy out; one that isolates other workloads too only after asking, once for each."""
        review = self._view.review
        if review is None or not review.yaml:
            self.say(self._no_policy(), error=True)
            return
        subject, sentence = review.subject, shared_sentence(review.subject)
        known = (self._view.cluster, subject.ref)

        def answered(yes: bool | None) -> None:
            if yes:
                self._meant[known] = subject.shared
                go(review)

        if not sentence or self._meant.get(known) == subject.shared:
            go(review)
        else:
            question = f"{sentence[0].upper()}{sentence[1:]}. {verb} anyway?"
            self.app.push_screen(Confirm("Other workloads are selected", question), answered)

    def _save(self, review: Review) -> None:
        def saved(path: str | None) -> None:
            if path is not None:
                self.say(f"Saved {path}. Apply it with: kubectl apply -f {shlex.quote(path)}")
                self.post_message(Saved(path))

        commented = with_comments(review.yaml, review.quality, time.time())
        self.app.push_screen(SaveDialog(review.policies[0].name, review.yaml, commented=commented), saved)

    def _copy(self, review: Review) -> None:
        self.app.copy_to_clipboard(review.yaml)
        self.say(copied_sentence(key_of("save")))

    def action_diff(self) -> None:
        """Compare the generated policy with what is applied."""
        review, ground = self._view.review, self._view.ground
        if review is None or ground is None or not review.policies:
            self.say(self._no_policy(), error=True)
            return
        self.app.push_screen(DiffDialog(ground, review.policies))

    def _no_policy(self) -> str:
        review = self._view.review
        return review.refusal if review else f"Choose a workload first: {key_of('scope')}"
