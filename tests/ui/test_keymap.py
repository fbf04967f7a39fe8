"""Every key is in the help and, where it makes sense, among the commands; none means two things."""

from collections import Counter

import pytest
from textual.binding import Binding
from textual.keys import Keys

from netsec_tui.ui.keymap import SHORTCUTS, Place, bindings, key_of
from netsec_tui.ui.screens.help_entries import help_entries, readable_keys
from netsec_tui.ui.widgets.communication_table import CommunicationTable
from netsec_tui.ui.widgets.line_view import LineView

NAMED = {key.value for key in Keys} | {"colon", "question_mark", "slash", "at"}


def keys_of(declared):
    return [key for binding in declared for key in binding.key.split(",")]


def test_ids_are_unique():
    assert [n for n, count in Counter(s.id for s in SHORTCUTS).items() if count > 1] == []


@pytest.mark.parametrize("shortcut", SHORTCUTS, ids=lambda s: s.id)
def test_every_key_exists(shortcut):
    for key in shortcut.keys.split(","):
        assert key in NAMED or (len(key) == 1 and key.isalnum())


@pytest.mark.parametrize("shortcut", SHORTCUTS, ids=lambda s: s.id)
def test_every_action_is_in_the_help_with_its_keys(shortcut):
    entries = {(entry.group, entry.keys): entry.text for entry in help_entries()}
    assert entries[shortcut.place.value, readable_keys(shortcut.keys)] == shortcut.tooltip


def test_the_help_says_that_what_is_counted_depends_on_the_source():
    (said,) = (entry.text for entry in help_entries() if entry.keys == "Allow, Deny")
    assert "depends on the source: events of Hubble; connections of conntrack" in said


@pytest.mark.parametrize("widget", [CommunicationTable, LineView])
def test_keys_of_the_drawn_widgets_are_in_the_help(widget):
    told = {entry.keys for entry in help_entries()}
    declared = [binding for binding in widget.BINDINGS if isinstance(binding, Binding)]
    assert {readable_keys(binding.key) for binding in declared} <= told


@pytest.mark.parametrize(
    ("inner", "allowed"),
    [(CommunicationTable.BINDINGS, {"escape"}), (LineView.BINDINGS, set())],
    ids=["table", "lines"],
)
def test_no_key_of_a_drawn_widget_hides_one_of_the_screen(inner, allowed):
    """A table takes escape while rows are marked, and leaves it to the filter else."""
    outer = keys_of(bindings(Place.ANYWHERE) + bindings(Place.TABLES))
    assert set(keys_of(inner)) & set(outer) <= allowed


def test_the_footer_stays_short():
    shown = [s for s in SHORTCUTS if s.shown and s.place in (Place.ANYWHERE, Place.TABLES)]
    own = [b for b in CommunicationTable.BINDINGS if isinstance(b, Binding) and b.show]
    assert len(shown) + len(own) <= 7


def test_a_key_as_it_is_printed():
    assert (key_of("save"), key_of("scope"), key_of("help")) == ("S", "s", "?")
    with pytest.raises(KeyError):
        key_of("nothing")
