"""The part of the app that saves the decisions of the chosen workload to a file, and loads them from one."""

from __future__ import annotations

from typing import Any, Protocol

from netsec_tui.core.generate.policies import policy_names
from netsec_tui.decisions_file.writing import written
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.review import Review
from netsec_tui.model.saved import SavedDecisions
from netsec_tui.session.actions import Action, DecisionsSaved, LoadDecisions
from netsec_tui.session.session import Session
from netsec_tui.ui.keymap import key_of
from netsec_tui.ui.screens.load_decisions import LoadDecisionsDialog
from netsec_tui.ui.screens.save import SaveDialog


class Host(Protocol):
    """What the desk needs of the app."""

    @property
    def session(self) -> Session:
        """Return the present session."""

    def apply(self, action: Action) -> bool:
        """Carry out an action and show what it changed."""

    def kept(self, workload: WorkloadRef) -> None:
        """Take note that a file holds what was decided for a workload."""

    def say(self, text: str, error: bool = False) -> None:
        """Put one sentence into the status line."""

    def push_screen(self, screen: Any, callback: Any = None) -> Any:
        """Show a screen."""


class DecisionsDesk:
    """Save and load; each workload is offered the file that it had last."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._paths: dict[tuple[str, WorkloadRef], str] = {}
        self._given = False

    def save(self) -> None:
        """Ask where to save the decisions."""
        review, saved = self._host.session.review(), self._host.session.saved_decisions()
        if review is None or saved is None:
            self._host.say(f"Choose a workload first: {key_of('scope')}", error=True)
            return
        name, title = _name(review), f"Save the decisions for {saved.workload}"
        dialog = SaveDialog(name, written(saved), title, self._path(name))
        self._host.push_screen(dialog, lambda path: self._saved(saved, path))

    def _saved(self, saved: SavedDecisions, path: str | None) -> None:
        if path is None:
            return
        self._paths[self._host.session.options.cluster, saved.workload] = path
        self._host.apply(DecisionsSaved(saved))
        self._host.kept(saved.workload)
        self._host.say(f"Saved the decisions to {path}; {key_of('load-decisions')} loads them again.")

    def load(self) -> None:
        """Ask which decisions to load."""
        review = self._host.session.review()
        if review is None:
            self._host.say(f"Choose a workload first: {key_of('scope')}", error=True)
            return
        dialog = LoadDecisionsDialog(review.subject.ref, self._path(_name(review)))
        self._host.push_screen(dialog, self._loaded)

    def _loaded(self, saved: SavedDecisions | None) -> None:
        if saved is not None and self._host.apply(LoadDecisions(saved)):
            self._host.kept(saved.workload)
            self._host.say(f"Loaded the decisions; {key_of('undo')} takes that back.")

    def take_given(self, saved: SavedDecisions | None) -> None:
        """Let decisions that flags have named count once the workload is chosen that they are for."""
        scope = self._host.session.scope
        if saved is None or scope is None or self._given:
            return
        self._given = True
        if self._host.apply(LoadDecisions(saved)):
            self._host.kept(scope)

    def _path(self, name: str) -> str:
        session = self._host.session
        known = self._paths.get((session.options.cluster, session.scope)) if session.scope else None
        return known or f"./{name}.yaml"


def _name(review: Review) -> str:
    (policy,) = policy_names(review.subject, two_objects=False)
    return f"{policy}.decisions"
