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
    CONFIGURATION = "Configuration"
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


_A, _T, _C = Place.ANYWHERE, Place.TABLES, Place.CONFIGURATION

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
    Shortcut("undo", "u", "app.undo", "Undo", "Take back the last decision or change of an alias", _A),
    Shortcut("save", "S,ctrl+s", "save", "Save", "Save the generated policy to a file", _A, True, "S"),
    Shortcut(
        "save-decisions", "D", "app.save_decisions", "Save decisions", "Save the decisions to a file", _A
    ),
    Shortcut("load-decisions", "L", "app.load_decisions", "Load decisions", "Load decisions from a file", _A),
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
    Shortcut("proof", "p", "proof", "Proof", "Show what is proven of the policy, and what sources say", _A),
    Shortcut(
        "configuration",
        "C",
        "app.configuration",
        "Configuration",
        "Configure workload labels, unresolved IPs and the cluster's CIDRs",
        _A,
    ),
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
    # What the moment needs comes first: there is a draft.
    Shortcut(
        "label-accept",
        "y",
        "setting('accept')",
        "Accept",
        "Put the draft of the label keys in force",
        _C,
        True,
    ),
    Shortcut("label-drop", "x", "setting('drop')", "Drop", "Drop the draft of the label keys", _C, True),
    Shortcut("area-labels", "1", "area('labels')", "Labels", "Go to the workload labels", _C),
    Shortcut("area-addresses", "2", "area('addresses')", "Unresolved IPs", "Go to the unresolved IPs", _C),
    Shortcut("area-ranges", "3", "area('ranges')", "CIDRs", "Go to the cluster's CIDRs", _C),
    Shortcut("next-area", "tab", "next_area(1)", "Next area", "Go to the next area", _C),
    Shortcut("previous-area", "shift+tab", "next_area(-1)", "Area before", "Go to the area before", _C),
    Shortcut(
        "setting-add",
        "a",
        "setting('add')",
        "Add",
        "Add a pattern, an alias, a range or a pod name",
        _C,
        True,
    ),
    Shortcut(
        "setting-edit", "enter", "setting('edit')", "Edit", "Edit what the cursor is on", _C, True, "enter"
    ),
    Shortcut(
        "setting-remove", "d,delete", "setting('remove')", "Remove", "Remove what the cursor is on", _C, True
    ),
    Shortcut(
        "setting-toggle",
        "space",
        "setting('toggle')",
        "Toggle",
        "Use or exclude a label key; allow an alias or take that back",
        _C,
        True,
        "space",
    ),
    Shortcut("config-save", "S,ctrl+s", "save", "Save", "Save the configuration to its file", _C, True, "S"),
    Shortcut("config-read", "R", "read_again", "Read again", "Take over what stands in the file by now", _C),
    Shortcut(
        "config-close",
        "escape,backspace,q",
        "close",
        "Back",
        "Leave the configuration; what is in force stays so",
        _C,
        True,
        "esc",
    ),
    Shortcut("config-help", "question_mark", "help", "Help", "Show all keys; type to search", _C, True, "?"),
    Shortcut(
        "label-suggest",
        "p",
        "setting('suggest')",
        "Suggest",
        "Draft the suggested set of label keys",
        _C,
        True,
    ),
    Shortcut("label-effect", "w", "setting('effect')", "Effect", "Read the whole effect of the draft", _C),
    Shortcut(
        "alias-import", "i", "setting('import')", "Import", "Import aliases from a YAML or CSV file", _C, True
    ),
    Shortcut(
        "alias-export",
        "e",
        "setting('export')",
        "Export",
        "Export the aliases to a YAML or CSV file",
        _C,
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
