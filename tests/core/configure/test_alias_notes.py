"""What is said of aliases: their width, overlaps and where they meet the cluster's ranges."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.core.cluster.addresses import Ranges, network
from netsec_tui.core.configure.alias_notes import alias_width, notes_of
from netsec_tui.core.decide.fold import fold_aliases
from netsec_tui.model.communication import Communication
from netsec_tui.model.config import Config
from netsec_tui.model.decision import Alias
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import CommunicationKey, Direction, address_peer

RANGES = Ranges((network("10.244.0.0/16"),), (network("10.96.0.0/16"),))


def notes(*aliases, ranges=RANGES):
    return notes_of(Config(aliases=tuple(sorted(aliases, key=lambda a: a.name))), ranges)


def about(found, alias, entry=""):
    return [note.text for note in found if (note.alias, note.entry) == (alias, entry)]


def holder(aliases, ip):
    """Return the name of the peer in whose row the traffic of an address is shown."""
    key = CommunicationKey(Direction.EGRESS, address_peer(ip), Protocol.TCP, 443)
    (row,) = fold_aliases([Communication(key)], aliases, RANGES)
    return row.peer.name


WIDTHS = {
    "one address": (("203.0.113.7/32",), "covers 1 address"),
    "an overlap counts once": (
        ("203.0.113.0/24", "203.0.113.7/32", "198.51.100.1/32"),
        "covers 257 addresses",
    ),
    "both families": (("203.0.113.0/31", "2001:db8::/126"), "covers 6 addresses"),
    "cluster ranges are cut out": (("10.0.0.0/8",), "covers 16,646,144 addresses"),
    "only in the cluster": (("10.244.0.7/32",), "covers no address outside the cluster"),
    "everything": (("::/0",), "covers about 2^128 addresses"),
}


@pytest.mark.parametrize(("entries", "text"), WIDTHS.values(), ids=WIDTHS)
def test_width(entries, text):
    assert about(notes(Alias("a", entries)), "a") == [text]


def test_an_entry_inside_the_cluster_is_a_problem():
    found = notes(Alias("a", ("10.96.4.0/24",)))
    (note,) = [n for n in found if n.problem]
    assert note.entry == "10.96.4.0/24"
    assert "10.96.4.0/24 is inside the service range 10.96.0.0/16" in note.text
    assert "remove the entry, or correct the range" in note.text


def test_an_entry_around_the_cluster_says_what_is_cut_out():
    found = notes(Alias("a", ("10.0.0.0/8",)))
    assert about(found, "a", "10.0.0.0/8") == [
        "10.0.0.0/8 contains 10.96.0.0/16, 10.244.0.0/16, ranges of the cluster: cut out of its ipBlock"
    ]
    assert not any(n.problem for n in found)


def test_an_overlap_within_an_alias():
    found = notes(Alias("a", ("203.0.113.0/24", "203.0.113.7/32")))
    assert about(found, "a", "203.0.113.7/32") == [
        "203.0.113.7/32 is in 203.0.113.0/24 of the same alias already"
    ]


OVERLAPS = {
    "the wider is allowed": (True, False, True),
    "both are": (True, True, False),
    "none": (False, False, False),
}


@pytest.mark.parametrize(("wide", "narrow", "problem"), OVERLAPS.values(), ids=OVERLAPS)
def test_the_narrowest_entry_has_the_rows(wide, narrow, problem):
    aliases = (Alias("wide", ("203.0.113.0/24",), wide), Alias("x", ("203.0.113.7/32",), narrow))
    (note,) = [n for n in notes(*aliases) if n.entry]
    assert (note.alias, note.entry, note.problem) == ("x", "203.0.113.7/32", problem)
    assert "203.0.113.7/32 lies in 203.0.113.0/24 of alias 'wide': its rows are those of 'x'" in note.text
    assert holder(aliases, "203.0.113.7") == "x"


def test_the_same_entry_in_two_aliases_belongs_to_the_first_by_name():
    aliases = (Alias("a", ("203.0.113.7/32",)), Alias("b", ("203.0.113.7/32",)))
    (note,) = [n for n in notes(*aliases) if n.problem]
    assert (note.alias, note.text) == (
        "b",
        "203.0.113.7/32 is also in alias 'a', which has its rows: remove it from one of them",
    )
    assert holder(aliases, "203.0.113.7") == "a"


_blocks = st.builds(
    lambda last, length: str(network(f"10.0.0.{last}/{length}")), st.integers(0, 31), st.integers(27, 32)
)
_entries = st.sets(_blocks, min_size=1, max_size=4).map(lambda found: tuple(sorted(found)))
_around = st.sets(_blocks, max_size=2).map(lambda found: Ranges(tuple(map(network, sorted(found)))))


@given(_entries, _around)
def test_width_counts_the_addresses_that_rows_of_the_alias_can_open(entries, ranges):
    everywhere = map(str, ipaddress.ip_network("10.0.0.0/24"))
    taken = {
        ip
        for ip in everywhere
        if not ranges.inside(f"{ip}/32") and any(network(f"{ip}/32").subnet_of(network(e)) for e in entries)
    }
    assert alias_width(Alias("a", entries), ranges) == len(taken)


@given(_entries, _entries)
def test_an_overlap_is_told_of_exactly_when_there_is_one(one, other):
    found = notes_of(Config(aliases=(Alias("a", one), Alias("b", other))), Ranges())
    told = {note.entry for note in found if "of alias" in note.text or "also in alias" in note.text}
    meets = any(network(x).overlaps(network(y)) for x in one for y in other)
    assert bool(told) == meets
