"""What the help shows: every key of the keymap and of the two drawn widgets, and what the marks mean."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding, BindingType

from netsec_tui.ui.advice import COVERAGE_LIMITS
from netsec_tui.ui.keymap import SHORTCUTS, Place, key_of
from netsec_tui.ui.screens.help import Entry
from netsec_tui.ui.widgets.communication_table import CommunicationTable
from netsec_tui.ui.widgets.line_view import LineView

_NAMES = {"question_mark": "?", "slash": "/", "colon": ":", "at": "@", "escape": "esc"}

_LEAVING = "Quit, from dialogs too; ctrl+c copies text that is selected"

_COUNTS = (
    "What is counted depends on the source: events of Hubble; connections of conntrack, NetObserv and Antrea "
    "(once a minute while they go on) and of Goldmane (as they begin); windows of 15 s of Whisker."
)


def help_entries(first: Place = Place.ANYWHERE) -> list[Entry]:
    """Return all lines of the help, grouped; those of the ``first`` place come first."""
    entries: list[Entry] = []
    for place in (first, *(place for place in Place if place is not first)):
        entries += [
            Entry(place.value, readable_keys(shortcut.keys), shortcut.tooltip, shortcut.label)
            for shortcut in SHORTCUTS
            if shortcut.place is place
        ]
        if place is Place.ANYWHERE:
            entries.append(Entry(place.value, "ctrl+c, ctrl+q", _LEAVING))
        if place is Place.TABLES:
            entries += _of_widget(place.value, CommunicationTable.BINDINGS)
        if place is Place.TOPOLOGY:
            entries += _of_widget(f"{place.value}, policy", LineView.BINDINGS)
        if place is Place.APPLIED:
            entries.append(Entry(place.value, "enter", "View Policy: the raw YAML"))
    return entries + _meanings()


def readable_keys(keys: str) -> str:
    """Return keys as they are printed on a keyboard."""
    return ", ".join(_NAMES.get(key.strip(), key.strip()) for key in keys.split(","))


def _of_widget(group: str, declared: Iterable[BindingType]) -> list[Entry]:
    known = [binding for binding in declared if isinstance(binding, Binding)]
    return [
        Entry(group, readable_keys(binding.key), binding.tooltip or binding.description, binding.description)
        for binding in known
        if binding.description
    ]


def _meanings() -> list[Entry]:
    topology = (
        ("solid line, arrow", "in the generated policy (black in the documents)"),
        ("dashed line, cross", "not in the generated policy (red)"),
        ("heavy box, blue", "the selected workload"),
    )
    lasting = (
        ("read-only", "Nothing in the cluster is changed; saving a file is the only thing written."),
        (
            "decisions",
            f"Ticks and rules last until you quit; {key_of('save-decisions')} saves them to a file.",
        ),
        (
            "configuration",
            f"Holds at once; {key_of('configuration')}, then {key_of('config-save')}, saves it to its file.",
        ),
        (
            "undo",
            f"{key_of('undo')} takes back decisions and edits of aliases; labels and ranges are edited "
            f"in the configuration ({key_of('configuration')}).",
        ),
        ("Allow, Deny", _COUNTS),
        ("new, not seen", "Since decisions were saved: new rows start out, ticked ones not seen stay."),
        *(("limits", text) for text in COVERAGE_LIMITS),
    )
    return [Entry("What the topology shows", *pair) for pair in topology] + [
        Entry("Good to know", *pair) for pair in lasting
    ]
