"""Merging two sides of a configuration: nothing is lost, true conflicts are named."""

from dataclasses import replace

import pytest
from hypothesis import assume, given

from netsec_tui.core.configure.merge import merged
from netsec_tui.model.config import Config, LabelConfig, LabelFilter
from netsec_tui.model.decision import Alias
from tests.core.configure.configs import configs, items

PROXIES = Alias("proxies", ("203.0.113.7/32",), True)
BASE = Config(LabelConfig(LabelFilter(exclude=("a", "b", "c"))), (PROXIES,), pod_cidrs=("10.244.0.0/16",))


def excluding(*patterns):
    return replace(BASE, labels=LabelConfig(LabelFilter(exclude=patterns)))


def having(*aliases):
    return replace(BASE, aliases=aliases)


@given(configs, configs)
def test_what_one_side_alone_changed_is_taken_as_it_is(base, side):
    assert merged(base, side, base) == (side, ())
    assert merged(base, base, side) == (side, ())


@given(configs, configs)
def test_the_same_edit_on_both_sides_is_no_conflict(base, side):
    assert merged(base, side, side) == (side, ())


@given(configs, configs, configs)
def test_sides_may_be_swapped_unless_they_conflict(base, mine, theirs):
    result, conflicts = merged(base, mine, theirs)
    swapped, back = merged(base, theirs, mine)
    assert bool(conflicts) == bool(back)
    assume(not conflicts)
    assert result == swapped


@given(configs, configs, configs)
def test_nothing_is_lost_unless_the_other_side_removed_it(base, mine, theirs):
    result, conflicts = merged(base, mine, theirs)
    had, ours, others, kept = map(items, (base, mine, theirs, result))
    assert (ours | others) - (had - ours) - (had - others) <= kept
    if not conflicts:
        assert kept == (ours | others) - (had - ours - _moved(theirs, base)) - (
            had - others - _moved(mine, base)
        )


def _moved(side, base):
    """Return the entries that a side put into an alias where the base has them not."""
    at = {(alias.name, entry) for alias in base.aliases for entry in alias.entries}
    return {("entry", entry) for a in side.aliases for entry in a.entries if (a.name, entry) not in at}


@given(configs, configs, configs)
def test_each_entry_stays_in_one_alias(base, mine, theirs):
    result, _ = merged(base, mine, theirs)
    entries = [entry for alias in result.aliases for entry in alias.entries]
    assert len(entries) == len(set(entries))
    assert all(alias.entries for alias in result.aliases)


ITEMS = {
    "patterns from both": (
        excluding("a", "b", "c", "z"),
        excluding("a", "b", "c", "y"),
        ("a", "b", "c", "y", "z"),
    ),
    "one removes, one adds": (excluding("a", "c"), excluding("a", "b", "c", "d"), ("a", "c", "d")),
    "each removes another": (excluding("a", "b"), excluding("b", "c"), ("b",)),
}


@pytest.mark.parametrize(("mine", "theirs", "expected"), ITEMS.values(), ids=ITEMS)
def test_patterns_merge_one_by_one(mine, theirs, expected):
    result, conflicts = merged(BASE, mine, theirs)
    assert result.labels.workload.exclude == expected
    assert not conflicts


def test_edits_of_different_items_are_all_there():
    mine = replace(BASE, pod_cidrs=(), service_cidrs=("10.96.0.0/16",))
    theirs = having(Alias("new", ("192.0.2.1/32",)), replace(PROXIES, allowed=False))
    result, conflicts = merged(BASE, mine, theirs)
    assert result == replace(theirs, pod_cidrs=(), service_cidrs=("10.96.0.0/16",))
    assert not conflicts


def test_entries_and_tick_of_one_alias_merge():
    mine = having(replace(PROXIES, allowed=False))
    theirs = having(replace(PROXIES, entries=("192.0.2.1/32", "203.0.113.7/32")))
    result, conflicts = merged(BASE, mine, theirs)
    assert result.aliases == (Alias("proxies", ("192.0.2.1/32", "203.0.113.7/32"), False),)
    assert not conflicts


WIDER = replace(PROXIES, entries=("192.0.2.1/32", "203.0.113.7/32"))
ONE = "192.0.2.9/32"
CONFLICTS = {
    "removed here": (
        having(),
        having(WIDER),
        (WIDER,),
        "alias 'proxies' was removed here and changed elsewhere: it is kept as changed",
    ),
    "removed elsewhere": (
        having(WIDER),
        having(),
        (WIDER,),
        "alias 'proxies' was removed elsewhere and changed here: it is kept as changed",
    ),
    "ticked on one side": (
        having(PROXIES, Alias("x", (ONE,), True)),
        having(PROXIES, Alias("x", (ONE,), False)),
        (PROXIES, Alias("x", (ONE,), False)),
        "alias 'x' was created as allowed here and as not allowed elsewhere: it is not allowed",
    ),
    "an entry in two": (
        having(PROXIES, Alias("x", (ONE, "192.0.2.10/32"))),
        having(PROXIES, Alias("y", (ONE,))),
        (PROXIES, Alias("x", ("192.0.2.10/32",)), Alias("y", (ONE,))),
        "192.0.2.9/32 is in alias 'x' here and in 'y' elsewhere: it stays in 'y'",
    ),
}


@pytest.mark.parametrize(("mine", "theirs", "aliases", "sentence"), CONFLICTS.values(), ids=CONFLICTS)
def test_a_true_conflict_is_named_and_nothing_is_dropped(mine, theirs, aliases, sentence):
    result, conflicts = merged(BASE, mine, theirs)
    assert conflicts == (sentence,)
    assert result.aliases == aliases
