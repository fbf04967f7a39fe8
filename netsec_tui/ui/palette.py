"""The commands behind ``:`` and ctrl+p: every action of the keymap, and names of the cluster after a verb."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

from netsec_tui.model.decision import GeneralRule
from netsec_tui.model.identity import Direction, WorkloadRef
from netsec_tui.model.timespan import TIMESPANS
from netsec_tui.session.actions import Action, ChooseTimespan, ChooseWorkload, SetGeneralRule
from netsec_tui.session.session import Session
from netsec_tui.ui.choices import Choice
from netsec_tui.ui.keymap import SHORTCUTS, Place
from netsec_tui.ui.screens.help_entries import readable_keys
from netsec_tui.ui.themes import OFFERED

_WORDS = {
    "quit": "q exit",
    "save": "w write",
    "save-decisions": "decisions review",
    "load-decisions": "decisions review open",
    "cluster": "ctx context",
    "namespace": "ns",
    "owner": "wl workload",
    "configuration": "config labels aliases cidrs",
}
"""What k9s users type; ``ctx`` alone asks, ``ns NAME`` goes there."""


class Commanded(Protocol):
    """What commands need of the app."""

    @property
    def session(self) -> Session:
        """Return the present session."""

    def apply(self, action: Action) -> bool:
        """Carry out an action."""

    def ask(self, steps: Sequence[str], namespace: str | None = None) -> None:
        """Ask for parts of the scope."""

    def press(self, action: str, place: Place) -> None:
        """Do what a key does in a place."""

    def use_theme(self, name: str) -> None:
        """Change the colours."""


def commands(app: Commanded) -> list[Choice]:
    """Return every command there is now; the value of each is what to call."""
    return [
        *_actions(app),
        *(_namespace(app, name) for name in sorted({w.ref.namespace for w in app.session.workloads()})),
        *(_workload(app, choice.ref) for choice in app.session.workloads()),
        *_rules(app),
        *(
            Choice(partial(app.apply, ChooseTimespan(span)), f"timespan {span.label}", "look back", "since")
            for span in TIMESPANS
        ),
        *(Choice(partial(app.use_theme, name), f"theme {name}", "change the colours") for name in OFFERED),
    ]


def _actions(app: Commanded) -> list[Choice]:
    return [
        Choice(
            partial(app.press, shortcut.action, shortcut.place),
            shortcut.id,
            f"{readable_keys(shortcut.keys)}: {shortcut.tooltip}",
            _WORDS.get(shortcut.id, ""),
        )
        for shortcut in SHORTCUTS
        if shortcut.place in (Place.ANYWHERE, Place.TABLES)
    ]


def _namespace(app: Commanded, name: str) -> Choice:
    return Choice(
        partial(app.ask, ("kind", "owner"), name), f"ns {name}", "go to this namespace", "namespace"
    )


def _workload(app: Commanded, ref: WorkloadRef) -> Choice:
    return Choice(
        partial(app.apply, ChooseWorkload(ref)),
        f"wl {ref.namespace} {ref}",
        "look at this workload",
        "workload",
    )


def _rules(app: Commanded) -> list[Choice]:
    if app.session.scope is None:
        return []
    return [
        Choice(
            partial(app.apply, SetGeneralRule(direction, rule)),
            f"rule {direction} {rule}",
            "general rule",
        )
        for direction in Direction
        for rule in GeneralRule
    ]
