"""Edits of aliases: an entry is in one of them, and nothing moves without a word."""

import pytest
from hypothesis import given

from netsec_tui.core.configure.entries import import_aliases, put_alias, remove_alias
from netsec_tui.errors import BadInputError
from netsec_tui.model.config import Config
from netsec_tui.model.decision import Alias
from tests.core.configure.configs import configs

CONFIG = Config(aliases=(Alias("a", ("192.0.2.1/32", "192.0.2.2/32"), True), Alias("b", ("192.0.2.3/32",))))


def names(edited):
    return {alias.name: alias.entries for alias in edited.config.aliases}


def test_an_entry_moves_and_both_aliases_are_named():
    edited = put_alias(CONFIG, Alias("c", ("192.0.2.2",)))
    assert names(edited) == {"a": ("192.0.2.1/32",), "b": ("192.0.2.3/32",), "c": ("192.0.2.2/32",)}
    assert edited.notes == ("192.0.2.2/32 moved to alias 'c' from 'a'",)


def test_an_alias_of_which_nothing_is_left_goes_with_a_word():
    edited = put_alias(CONFIG, Alias("c", ("192.0.2.3",)))
    assert "b" not in names(edited)
    assert "alias 'b' is gone: nothing is left of it" in edited.notes


def test_renaming_moves_nothing():
    edited = put_alias(CONFIG, Alias("z", CONFIG.aliases[0].entries, True), "a")
    assert names(edited) == {"b": ("192.0.2.3/32",), "z": CONFIG.aliases[0].entries}
    assert edited.notes == ()


def test_renaming_onto_another_says_what_that_held():
    edited = put_alias(CONFIG, Alias("b", ("192.0.2.1",)), "a")
    assert names(edited) == {"b": ("192.0.2.1/32",)}
    assert edited.notes == ("alias 'b' of before is replaced: it held 192.0.2.3/32",)


def test_host_bits_are_told():
    edited = put_alias(CONFIG, Alias("c", ("198.51.100.9/24", "198.51.100.0/24")))
    assert names(edited)["c"] == ("198.51.100.0/24",)
    assert edited.notes == ("198.51.100.9/24 has host bits: 198.51.100.0/24 is used",)


REFUSED = {
    "no name": (Alias(" ", ("192.0.2.9",)), "an alias needs a name"),
    "no entries": (Alias("c", ()), "at least one IP address or CIDR"),
    "no address": (Alias("c", ("proxy",)), "'proxy' is not an IP address or CIDR"),
    "two lines": (Alias("c\nd", ("192.0.2.9",)), "is not one line of text"),
}


@pytest.mark.parametrize(("alias", "sentence"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("edit", [put_alias, lambda config, alias: import_aliases(config, [alias])])
def test_refused(edit, alias, sentence):
    with pytest.raises(BadInputError, match=sentence):
        edit(CONFIG, alias)


def test_removing():
    assert names(remove_alias(CONFIG, "a")) == {"b": ("192.0.2.3/32",)}
    with pytest.raises(BadInputError, match="there is no alias 'c'; the aliases are 'a', 'b'"):
        remove_alias(CONFIG, "c")


def test_importing_joins_by_name_and_tells_what_changes():
    edited = import_aliases(CONFIG, [Alias("b", ("192.0.2.9",), True), Alias("c", ("203.0.113.7/24",))])
    assert edited.config.aliases == (
        CONFIG.aliases[0],
        Alias("b", ("192.0.2.3/32", "192.0.2.9/32"), True),
        Alias("c", ("203.0.113.0/24",)),
    )
    assert edited.notes == (
        "alias 'b' gets 192.0.2.9/32 and is allowed now",
        "203.0.113.7/24 has host bits: 203.0.113.0/24 is used",
        "alias 'c' is new, not allowed: 203.0.113.0/24",
    )


def test_importing_an_entry_of_another_alias_is_refused_naming_both():
    with pytest.raises(BadInputError, match=r"192\.0\.2\.1/32 in 'a' and 'c'"):
        import_aliases(CONFIG, [Alias("c", ("192.0.2.1",))])


@given(configs)
def test_what_was_exported_imports_without_a_change(config):
    assert import_aliases(config, config.aliases) == (config, ())
    empty = Config(config.labels, (), config.pod_cidrs, config.service_cidrs, config.control_plane_pods)
    assert import_aliases(empty, config.aliases).config == config
