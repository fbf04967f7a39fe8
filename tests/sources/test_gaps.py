"""Losses that come by the thousand, added up by the second: none is lost, none hides another."""

import time

import pytest

from netsec_tui.model.flow import Gap
from netsec_tui.sources.gaps import Gaps

AT = 1_700_000_000.0


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ([Gap(AT, 1, "x", "n1"), Gap(AT + 0.5, 2, "x", "n1")], {(AT + 0.5, 3, "x", "n1")}),
        ([Gap(AT + 0.5, 2, "x", "n1"), Gap(AT, 1, "x", "n1")], {(AT + 0.5, 3, "x", "n1")}),
        ([Gap(AT, 1, "x", "n1"), Gap(AT + 1, 2, "x", "n1")], {(AT, 1, "x", "n1"), (AT + 1, 2, "x", "n1")}),
        ([Gap(AT, 1, "x", "n1"), Gap(AT, 2, "x", "n2")], {(AT, 1, "x", "n1"), (AT, 2, "x", "n2")}),
        ([Gap(AT, 1, "x", "n1"), Gap(AT, 2, "y", "n1")], {(AT, 1, "x", "n1"), (AT, 2, "y", "n1")}),
    ],
)
def test_what_a_node_lost_in_a_second_for_one_reason_is_one(told, wanted):
    gaps = Gaps()
    for gap in told:
        gaps.add(gap)
    assert len(gaps) == len(wanted)
    assert {(gap.time, gap.lost, gap.reason, gap.node) for gap in gaps.take()} == wanted
    assert (len(gaps), gaps.take()) == (0, ())


@pytest.mark.parametrize("order", [1, -1])
def test_what_became_one_reaches_as_far_as_the_longest(order):
    gaps = Gaps()
    for gap in [Gap(AT, 1, "x", "n1", until=AT + 60), Gap(AT, 1, "x", "n1", until=AT + 5)][::order]:
        gaps.add(gap)
    assert [gap.until for gap in gaps.take()] == [AT + 60]


def test_a_loss_without_a_time_is_one_of_now():
    gaps, before = Gaps(), time.time()
    gaps.add(Gap(0.0, 1, "x"))
    (gap,) = gaps.take()
    assert before <= gap.time <= time.time()
