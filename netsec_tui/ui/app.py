"""The app: owns the session, and gives the screen a new view when sources or the person changed it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Any

from textual import events, on
from textual.app import App
from textual.filter import LineFilter
from textual.screen import Screen

from netsec_tui.errors import NetsecError
from netsec_tui.model.config import Config
from netsec_tui.model.decision import Decisions
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.session.actions import (
    Action,
    ChooseTimespan,
    ChooseWorkload,
    Configure,
    RemoveAlias,
    SetAlias,
    Undo,
)
from netsec_tui.session.session import Session
from netsec_tui.ui.ascii_filter import AsciiOnly
from netsec_tui.ui.config_desk import ConfigDesk
from netsec_tui.ui.decisions_desk import DecisionsDesk
from netsec_tui.ui.intake import Intake
from netsec_tui.ui.kept_clusters import KeptClusters, Looked
from netsec_tui.ui.keymap import Place
from netsec_tui.ui.messages import Decide, NameAddress, Saved
from netsec_tui.ui.palette import commands
from netsec_tui.ui.scope_flow import (
    Answers,
    Outcome,
    Questions,
    ask_scope,
    first_questions,
    other_questions,
    questions_from,
)
from netsec_tui.ui.screens.confirm import Confirm
from netsec_tui.ui.screens.main import MainScreen
from netsec_tui.ui.screens.picker import Picker
from netsec_tui.ui.start import Clusters, ConfigFileLike, Connected, FeedLike, StartScope
from netsec_tui.ui.stylesheets import stylesheets
from netsec_tui.ui.themes import DARK, THEMES, variable_defaults
from netsec_tui.ui.view import view_of
from netsec_tui.ui.widgets.field import Field

POLL_SECONDS = 0.5
BACKLOG_SECONDS = 0.02


class NetsecApp(App[int]):
    """Run the dashboard over one session at a time; a change of cluster brings another."""

    CSS_PATH = stylesheets()
    ENABLE_COMMAND_PALETTE = False
    TITLE = "netsec-tui"

    def __init__(
        self,
        session: Session,
        feed: FeedLike | None,
        *,
        start: StartScope | None = None,
        clusters: Clusters | None = None,
        file: ConfigFileLike | None = None,
        theme: str = DARK.name,
        ascii_only: bool = False,
    ) -> None:
        # Textual decides here how it takes colour away: all of it only from the terminal's own colours.
        super().__init__(ansi_color=True if os.environ.get("NO_COLOR") else None)
        self.animation_level = "none"
        self.set_class(ascii_only, "-ascii")
        for known in THEMES:
            self.register_theme(known)
        self.theme = theme if theme in self.available_themes else DARK.name
        self.ascii_only = ascii_only
        self._ascii_filters = (AsciiOnly(),) if ascii_only else ()
        self.clusters = clusters
        self._looked = Looked(Intake(session, feed), file)
        self._kept = KeptClusters()
        self._start = start or StartScope()
        self._catching_up = False
        self._questions: Questions | None = None
        self._waiting = False
        self._due = False
        self._told_nothing = self._asked_to_quit = False
        self._main = MainScreen(lambda rule: self.session.check_manual(rule), ascii_only)
        self._desk = ConfigDesk(self, file)
        self._decisions = DecisionsDesk(self)

    @property
    def _intake(self) -> Intake:
        return self._looked.intake

    @property
    def session(self) -> Session:
        """Return the present session."""
        return self._intake.session

    def get_default_screen(self) -> Screen[Any]:
        """Return the main screen, so that it is the first thing painted."""
        return self._main

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return what every line goes through before it is painted."""
        return [*super().get_line_filters(), *self._ascii_filters]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return our own variables for themes that lack them."""
        return variable_defaults(self.current_theme)

    def on_mount(self) -> None:
        """Paint first, then read."""
        self.set_interval(POLL_SECONDS, self._poll)
        self.call_after_refresh(self._begin)

    def on_unmount(self) -> None:
        """Stop reading."""
        self._intake.stop()
        self._kept.stop()

    def _begin(self) -> None:
        self._intake.start()
        if self._start.timespan is not None:
            self.session.apply(ChooseTimespan(self._start.timespan))
        self._poll()
        self._run_flow(first_questions(self._start, self.session.options.cluster))

    def _take_in(self) -> None:
        """Empty the feeds; a backlog in many small steps, so that keys are answered between them."""
        now, left = self._intake.empty(), self._kept.empty()
        self._catching_up = now or left
        if self._catching_up:
            self.set_timer(BACKLOG_SECONDS, self._take_in)

    def _poll(self) -> None:
        if not self._catching_up:
            self._take_in()
        news, moved = self._intake.news(), self._intake.moved()
        self._due = self._due or news
        if news or moved:
            self.refresh_view()
        # Questions that wait must not open over a dialog that the operator is in.
        if self._due and self._waiting and self._questions and self.screen is self._main:
            self._main.say("")
            self._run_flow(self._questions)

    def refresh_view(self) -> None:
        """Give the screen, and a picker that is open, what the session holds now."""
        if not self.is_running:  # a timer may still fire while the widgets are being taken down
            return
        statuses = self._intake.statuses.values()
        awaited = self._questions.awaited if self._questions else None
        view = view_of(
            self.session,
            statuses,
            self._start.namespace or "",
            awaited,
            beginning=self._intake.beginning,
            unchosen=self.clusters is not None and not self.session.options.cluster,
        )
        self._main.show(view)
        self._desk.show(view)
        if isinstance(self.screen, Picker):
            self.screen.reload()

    def on_key(self, event: events.Key) -> None:
        """Give a field what was typed right after the key that opened it, before it had the keyboard."""
        field = self.focused
        if isinstance(field, Field) and field.check_consume_key(event.key, event.character):
            event.prevent_default()
            field.post_message(events.Key(event.key, event.character))

    # Decisions

    @on(Decide)
    def _decide(self, event: Decide) -> None:
        self.apply(event.action)

    def apply(self, action: Action) -> bool:
        """Carry out an action and show what it changed; a refusal is said, and False returned."""
        scope, before = self.session.scope, self._decided()
        if isinstance(action, Configure | SetAlias | RemoveAlias | Undo):
            self._desk.locked()  # the session refuses it then
        try:
            self.session.apply(action)
        except NetsecError as error:
            self.say(str(error), error=True)
            return False
        after = self._decided()
        if scope is not None and scope == self.session.scope and after[0] != before[0]:
            self._looked.unsaved.add(scope)
        told, self._told_nothing = self._told_nothing, isinstance(action, Undo) and after == before
        if self._told_nothing or told:
            self.say("There is nothing to undo." if self._told_nothing else "")
        self.refresh_view()
        return True

    def _decided(self) -> tuple[Decisions, Config]:
        return self.session.decisions, self.session.config

    def say(self, text: str, error: bool = False) -> None:
        """Put one sentence into the status line of the screen that is looked at."""
        if not self._desk.say(text, error):
            self._main.say(text, error)

    def action_configuration(self, area: str = "") -> None:
        """Open the configuration, at the area that the messages ask for unless one is named."""
        self._desk.open(area)

    def action_undo(self) -> None:
        """Take back the last decision."""
        self.apply(Undo())

    @on(NameAddress)
    def _name_address(self, event: NameAddress) -> None:
        self._desk.name(event.address, event.alias)

    @on(Saved)
    def _saved(self) -> None:
        if self.session.scope:
            self.kept(self.session.scope)

    def kept(self, workload: WorkloadRef) -> None:
        """Take note that a file holds what was decided for a workload."""
        self._looked.unsaved.discard(workload)

    def action_save_decisions(self) -> None:
        """Ask where to save the decisions."""
        self._decisions.save()

    def action_load_decisions(self) -> None:
        """Ask which decisions to load."""
        self._decisions.load()

    # Scope

    def action_scope(self, first: str) -> None:
        """Ask for the scope from one question on."""
        if first == "cluster" and self.clusters is None:
            self._main.say("Flags have settled the input; start with --context NAME for another cluster.")
        else:
            self.ask(questions_from(first))

    def ask(self, steps: Sequence[str], namespace: str | None = None) -> None:
        """Ask for parts of the scope; what is not asked stays as it is."""
        known = namespace or (self.session.scope.namespace if self.session.scope else None)
        if steps[0] == "kind" and known is None:
            steps = questions_from("namespace")
        self._run_flow(Questions(steps, Answers(namespace=known)))

    def _run_flow(self, questions: Questions) -> None:
        self._questions, self._waiting, self._due = questions, False, False
        self.run_worker(self._flow(questions), group="scope", exclusive=True)

    async def _flow(self, questions: Questions) -> None:
        try:
            outcome = await ask_scope(self, questions)
            if outcome is Outcome.WAITING and self._intake.settled and self.session.workloads():
                self._main.say(questions.lacking, error=True)
                self._questions = questions = other_questions(questions, self.session)
                self.refresh_view()
                outcome = await ask_scope(self, questions)
        except NetsecError as error:
            self._fail(error)
            return
        if outcome is Outcome.WAITING:
            self._wait(questions)
            return
        self._questions = None
        if outcome is Outcome.ANSWERED:
            self._main.say("")
            self._take(questions.answers)
        self.refresh_view()

    def _take(self, answers: Answers) -> None:
        """Look at what was answered."""
        if answers.timespan is not None:
            self.apply(ChooseTimespan(answers.timespan))
        if answers.workload is not None and answers.workload != self.session.scope:
            self.apply(ChooseWorkload(answers.workload))
        self._decisions.take_given(self._start.decisions)

    def _wait(self, questions: Questions) -> None:
        """Say what is lacking; ask again when there is news, unless there is something to look at anyway."""
        self._waiting = self.session.scope is None
        if questions.awaited is not None and not self._intake.settled:
            self._main.say(f"Waiting for {questions.awaited} in {questions.awaited.namespace}")
        elif questions.steps[questions.at] == "kind" and not self._intake.settled:
            self._main.say(f"Waiting for workloads in namespace {questions.answers.namespace}")
        else:
            self._main.say(questions.lacking, error=questions.awaited is not None)
        self.refresh_view()

    def _fail(self, error: NetsecError) -> None:
        """Say why the questions cannot go on; with nothing else to read, in the middle of the screen too."""
        self._questions = None
        self._main.say(str(error), error=True)
        self._intake.fail("kubeconfig", str(error))
        self.refresh_view()

    async def connect(self, cluster: str) -> bool:
        """Change to another cluster; False when that failed, which has been said.

        The one before is not read from then on; what was decided and observed of it is kept, and so is the
        timespan that is looked at.
        """
        if self.clusters is None:
            return False
        self._main.say(f"Connecting to {cluster}")
        try:
            connected: Connected = await asyncio.to_thread(self.clusters.connect, cluster)
        except NetsecError as error:
            self._main.say(str(error), error=True)
            return False
        while self.screen is not self._main:  # opened meanwhile, for the cluster that is left now
            self.screen.dismiss(None)
        timespan = self.session.timespan
        self._looked = self._kept.change(self._looked, connected)
        self.session.apply(ChooseTimespan(timespan))
        self._desk.file = self._looked.file
        self._intake.start()
        self._main.say("")
        self.refresh_view()
        return True

    # Commands and leaving

    def action_commands(self) -> None:
        """Offer every command."""

        def carry_out(command: Callable[[], object] | None) -> None:
            if command is not None:
                command()

        offered = commands(self)
        self.push_screen(Picker("Command", lambda: offered, typed=":", ascii_only=self.ascii_only), carry_out)

    def press(self, action: str, place: Place) -> None:
        """Do what a key does in a place of the main screen."""
        self._main.press(action, place)

    def use_theme(self, name: str) -> None:
        """Change the colours."""
        self.theme = name

    async def action_quit(self) -> None:
        """Quit by ctrl+q as by any other key."""
        self.action_quit_asking()

    def action_help_quit(self) -> None:
        """Quit by ctrl+c, which Textual hands on where no text is selected."""
        self.action_quit_asking()

    def action_quit_asking(self) -> None:
        """Quit, asking once when decisions or the configuration were not saved; only yes leaves then."""
        lost = self._lost()
        if not lost:
            self.exit(0)
        elif not self._asked_to_quit:
            self._asked_to_quit = True
            self.push_screen(Confirm("Quit", f"{lost} Quit?"), self._quit)

    def _quit(self, yes: bool | None) -> None:
        self._asked_to_quit = False
        if yes:
            self.exit(0)

    def _lost(self) -> str:
        """Say what leaving would lose, of the clusters that were looked at before too; empty when nothing."""
        return " ".join([*self._looked.lost(self._desk.way_to_save), *self._kept.lost()])
