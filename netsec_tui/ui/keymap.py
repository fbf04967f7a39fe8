"""Every key of the product in one table: bindings, footer, help and palette are all read from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from textual.binding import Binding, BindingType


class Place(StrEnum):
    """Name where a key works, as the help screen heads it."""

    ANYWHERE = "Anywhere"
    TABLES = "Ingress and Egress"
    TOPOLOGY = "Topology"
    POLICY = "Generated policy"
    APPLIED = "Applied policies"
    DIALOGS = "Dialogs"


@dataclass(frozen=True, slots=True)
class Shortcut:
    """Hold one action: ``keys`` as Textual names them, ``label`` for the footer when ``shown``."""

    id: str
    keys: str
    action: str
    label: str
    tooltip: str
    place: Place
    shown: bool = False
    display: str = ""


_A, _T = Place.ANYWHERE, Place.TABLES

SHORTCUTS: tuple[Shortcut, ...] = (
    Shortcut(
        "scope",
        "s",
        "app.scope('all')",
        "Scope",
        "Choose cluster, namespace, kind, owner and timespan",
        _A,
        True,
    ),
    Shortcut("cluster", "c", "app.scope('cluster')", "Cluster", "Choose another cluster", _A),
    Shortcut("namespace", "n", "app.scope('namespace')", "Namespace", "Choose another namespace", _A),
    Shortcut(
        "owner", "o", "app.scope('kind')", "Workload", "Choose another kind and owner in this namespace", _A
    ),
    Shortcut("timespan", "t", "app.scope('timespan')", "Timespan", "Choose how far back to look", _A),
    Shortcut("ingress", "1", "pane('ingress')", "Ingress", "Go to the Ingress table", _A),
    Shortcut("egress", "2", "pane('egress')", "Egress", "Go to the Egress table", _A),
    Shortcut("topology", "3", "pane('topology')", "Topology", "Go to the topology", _A),
    Shortcut("policy", "4", "pane('policy')", "Policy", "Go to the generated policy", _A),
    Shortcut("applied", "5", "pane('applied')", "Applied", "Go to the policies applied in the cluster", _A),
    Shortcut("next-pane", "tab", "next_pane(1)", "Next pane", "Go to the next pane", _A),
    Shortcut("previous-pane", "shift+tab", "next_pane(-1)", "Previous pane", "Go to the pane before", _A),
    Shortcut("zoom", "z", "zoom", "Zoom", "Give the whole screen to this pane, or take it back", _A),
    Shortcut("undo", "u", "app.undo", "Undo", "Take back the last decision", _A),
    Shortcut("save", "S,ctrl+s", "save", "Save", "Save the generated policy to a file", _A, True, "S"),
    Shortcut("copy", "y", "copy", "Copy", "Copy the generated policy to the clipboard", _A),
    Shortcut("diff", "d", "diff", "Diff", "Compare the generated policy with what is applied", _A),
    Shortcut(
        "what-if",
        "i",
        "what_if",
        "What-if",
        "Show what applied policies and this draft would make of recorded communications",
        _A,
    ),
    Shortcut("proof", "p", "proof", "Proof", "Show what evaluating the generated policy has proven", _A),
    Shortcut("warnings", "w", "warnings", "Warnings", "Show all warnings, or the first only", _A),
    Shortcut(
        "commands",
        "colon,ctrl+p",
        "app.commands",
        "Commands",
        "Type a command: ns, wl, ctx, save, q ...",
        _A,
        True,
        ":",
    ),
    Shortcut("help", "question_mark", "help", "Help", "Show all keys; type to search", _A, True, "?"),
    Shortcut("quit", "q", "app.quit_asking", "Quit", "Quit; asks once when decisions are not saved", _A),
    Shortcut("rule", "r", "general_rule", "Rule", "Choose the general rule of this direction", _T, True),
    Shortcut(
        "filter", "slash", "filter", "Filter", "Search the rows: text, or !text for all others", _T, True, "/"
    ),
    Shortcut(
        "categories", "f", "categories", "Unresolved", "Show only some categories of unresolved IPs", _T
    ),
    Shortcut("alias", "at", "alias", "Alias", "Name the unresolved IP under the cursor", _T, False, "@"),
    Shortcut("manual", "m", "manual", "IP mask", "Allow an IP mask, or remove such a rule", _T),
    Shortcut(
        "clear-filter",
        "escape,backspace",
        "clear_filter",
        "Clear filter",
        "Show all rows again",
        _T,
        False,
        "esc",
    ),
    Shortcut(
        "applied-view",
        "v",
        "next_view",
        "View",
        "Show the policies of the workload, of the focused row's peer, of all rows, of the namespace",
        Place.APPLIED,
        True,
    ),
    Shortcut("close", "escape,ctrl+g", "cancel", "Back", "Leave the dialog without an answer", Place.DIALOGS),
)


def bindings(place: Place) -> list[BindingType]:
    """Return the Textual bindings of one place; their ids let a keymap change the keys."""
    return [
        Binding(
            shortcut.keys,
            shortcut.action,
            shortcut.label,
            show=shortcut.shown,
            key_display=shortcut.display or None,
            tooltip=shortcut.tooltip,
            id=shortcut.id,
        )
        for shortcut in SHORTCUTS
        if shortcut.place is place
    ]


def key_of(identifier: str) -> str:
    """Return the first key of an action as it is printed on a keyboard."""
    for shortcut in SHORTCUTS:
        if shortcut.id == identifier:
            return shortcut.display or shortcut.keys.partition(",")[0]
    raise KeyError(identifier)
