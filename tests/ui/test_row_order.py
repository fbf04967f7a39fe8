"""Sorting, keeping places, marking and laying out the rows of a table, without a terminal."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.model.communication import Communication, Counts
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import (
    CommunicationKey,
    Direction,
    WorkloadRef,
    address_peer,
    alias_peer,
    owner_peer,
)
from netsec_tui.model.proof import Reach
from netsec_tui.model.review import Row, Standing
from netsec_tui.ui.row_marks import RowMarks
from netsec_tui.ui.row_order import RowOrder, SortColumn
from netsec_tui.ui.row_sections import lay_out, survivor


def row(name, port=80, standing=Standing.IN, seen=0.0, count=0, namespace="shop"):
    is_ip = name[0].isdigit() or ":" in name
    peer = address_peer(name) if is_ip else owner_peer(WorkloadRef("Deployment", namespace, name))
    key = CommunicationKey(Direction.INGRESS, peer, Protocol.TCP, port)
    counts = Counts((0, count, 0, 0, 0, 0, 0, 0))
    reach = Reach.ALLOWED if standing is Standing.IN else Reach.DENIED
    return Row(Communication(key, counts, seen, seen), standing, reach=reach)


def names(rows):
    return [item.key.peer.name for item in rows]


@pytest.mark.parametrize(
    ("column", "reverse", "expected"),
    [
        (SortColumn.AS_GIVEN, False, ["b", "10.0.0.10", "A", "10.0.0.9"]),
        (SortColumn.AS_GIVEN, True, ["10.0.0.9", "A", "10.0.0.10", "b"]),
        (SortColumn.PEER, False, ["A", "b", "10.0.0.9", "10.0.0.10"]),
        (SortColumn.NAMESPACE, False, ["10.0.0.9", "10.0.0.10", "A", "b"]),
        (SortColumn.PORT, False, ["A", "b", "10.0.0.10", "10.0.0.9"]),
        (SortColumn.DECISION, False, ["b", "10.0.0.9", "A", "10.0.0.10"]),
        (SortColumn.LAST_SEEN, True, ["10.0.0.9", "A", "b", "10.0.0.10"]),
        (SortColumn.COUNT, True, ["10.0.0.10", "10.0.0.9", "b", "A"]),
    ],
)
def test_sorted_by_each_column(column, reverse, expected):
    rows = [
        row("b", 81, Standing.IN, 20.0, 2),
        row("10.0.0.10", 443, Standing.NOT_EXPRESSIBLE, 10.0, 9),
        row("A", 80, Standing.OUT, 30.0, 1),
        row("10.0.0.9", 8080, Standing.IN, 40.0, 5),
    ]
    order = RowOrder()
    order.column, order.reverse = column, reverse
    assert names(order.settle(rows)) == expected


def test_arriving_rows_go_to_the_end_and_returning_ones_to_their_place():
    order = RowOrder()
    order.settle([row("a"), row("b"), row("c")])
    assert names(order.keep([row("new"), row("c"), row("a")])) == ["a", "c", "new"]
    assert names(order.keep([row("new"), row("b"), row("newer"), row("c"), row("a")])) == [
        "a",
        "b",
        "c",
        "new",
        "newer",
    ]
    assert {key.peer.name for key in order.arrived} == {"new", "newer"}
    assert names(order.settle([row("new"), row("a")])) == ["new", "a"]
    assert not order.arrived


def folded(name, *members):
    """Return the row of an alias into which others fold."""
    made = row(name)
    communication = replace(
        made.communication,
        key=made.key._replace(peer=alias_peer(name)),
        folded=tuple(row(member).key for member in members),
    )
    return replace(made, communication=communication)


def test_an_alias_given_renamed_and_taken_is_nothing_new():
    order = RowOrder()
    order.settle([row("a"), row("10.0.0.1"), row("10.0.0.2"), row("10.0.0.3")])
    steps = [
        (
            [row("a"), row("10.0.0.1"), row("10.0.0.3"), folded("one", "10.0.0.2")],
            ["10.0.0.1", "one", "10.0.0.3"],
        ),
        ([row("a"), row("10.0.0.3"), folded("two", "10.0.0.2", "10.0.0.1")], ["two", "10.0.0.3"]),
        ([row("a"), row("10.0.0.1"), row("10.0.0.2"), row("10.0.0.3")], ["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
    ]
    for rows, expected in steps:
        assert names(order.keep(rows)) == ["a", *expected]
        assert not order.arrived


def test_an_alias_of_before_the_last_sort_leaves_nothing_new_when_it_goes():
    order = RowOrder()
    order.settle([row("a"), folded("one", "10.0.0.1", "10.0.0.2"), row("10.0.0.3")])
    after = order.keep([row("a"), row("10.0.0.1"), row("10.0.0.2"), row("10.0.0.3"), row("new")])
    assert names(after) == ["a", "10.0.0.1", "10.0.0.2", "10.0.0.3", "new"]
    assert {key.peer.name for key in order.arrived} == {"new"}


def test_first_rows_are_nothing_new():
    order = RowOrder()
    order.keep([row("a"), row("b")])
    assert not order.arrived


def test_rows_that_are_no_news_go_to_the_end_all_the_same():
    order = RowOrder()
    order.settle([row("b")])
    assert names(order.keep([row("a"), row("b")], news=False)) == ["b", "a"]
    assert not order.arrived


NAMES = st.lists(st.sampled_from([f"w{index}" for index in range(12)]), unique=True, max_size=12)


@given(st.lists(NAMES, min_size=2, max_size=6))
def test_kept_rows_never_pass_each_other(batches):
    order = RowOrder()
    before = names(order.settle(map(row, batches[0])))
    for batch in batches[1:]:
        after = names(order.keep(map(row, batch)))
        assert sorted(after) == sorted(batch)
        assert [name for name in after if name in before] == [name for name in before if name in after]
        before = after


@given(NAMES, NAMES, st.data())
def test_a_row_survives_as_itself_or_as_its_nearest_neighbour(before, after, data):
    if not before:
        return
    chosen = data.draw(st.sampled_from(before))
    place = survivor(row(chosen), [*map(row, before)], [*map(row, after)])
    if chosen in after:
        assert after[place] == chosen
    elif not after:
        assert place is None
    else:
        below = [name for name in before[before.index(chosen) :] if name in after]
        above = [name for name in before[: before.index(chosen)] if name in after]
        expected = below[0] if below else above[-1] if above else after[0]
        assert after[place] == expected


def test_groups_are_laid_out_one_below_the_other():
    inside, unresolved = lay_out([row("10.1.1.1"), row("a"), row("b")], (), ("none", "no IPs"))
    assert names(inside.rows) == ["a", "b"]
    assert names(unresolved.rows) == ["10.1.1.1"]
    assert [inside.top, *inside.lines, unresolved.top, *unresolved.lines] == [0, 2, 3, 5, 7]


def test_a_header_counts_what_is_allowed_whatever_is_ticked():
    rows = [row("a"), replace(row("b", standing=Standing.OUT), reach=Reach.ALLOWED)]
    assert lay_out(rows, (), ("", ""))[0].counts == ("2 rows", "2 allowed", "0 not")


@pytest.mark.parametrize(
    ("standings", "words"),
    [
        ([], ("0 rows",)),
        ([Standing.IN], ("1 row", "1 allowed", "0 not")),
        ([Standing.IN, Standing.OUT, Standing.OUT], ("3 rows", "1 allowed", "2 not")),
        ([Standing.NOT_EXPRESSIBLE, Standing.IN], ("2 rows", "1 allowed", "0 not", "1 not expressible")),
    ],
)
def test_header_counts(standings, words):
    rows = [row(f"w{index}", standing=standing) for index, standing in enumerate(standings)]
    assert lay_out(rows, (), ("", ""))[0].counts == words


def test_marks_reach_from_anchor_to_cursor_either_way():
    rows = [row(name) for name in "abcde"]
    marks = RowMarks()
    marks.begin(rows[2])
    marks.reach(rows[4], rows)
    assert names(marks.of(rows)) == ["c", "d", "e"]
    marks.reach(rows[1], rows)
    assert names(marks.of(rows)) == ["b", "c"]


def test_a_row_that_arrives_between_marked_ones_is_not_marked():
    rows = [row(name) for name in "abc"]
    marks = RowMarks()
    marks.begin(rows[0])
    marks.reach(rows[2], rows)
    assert names(marks.of([rows[0], row("sneaky"), *rows[1:]])) == ["a", "b", "c"]


def test_marks_follow_the_row_not_its_content_and_end_with_their_anchor():
    rows = [row(name) for name in "abc"]
    marks = RowMarks()
    marks.begin(rows[0])
    assert names(marks.of([replace(rows[0], standing=Standing.OUT), rows[1]])) == ["a"]
    marks.reach(rows[2], rows[1:])
    assert not marks.marking
    assert not marks.keys
