"""What is told again and what is not, as time goes on and clocks are wrong."""

import time

import pytest

from netsec_tui.model.timespan import SKEW_SECONDS
from netsec_tui.sources.recent import TELL_AGAIN, Told

NOW = time.time()


def news(*told):
    """Return for records, each a time and how much it says, whether they are news."""
    memory = Told()
    return [memory.is_news("a", at, rank) for at, rank in told]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([(NOW, 0), (NOW + TELL_AGAIN - 1, 0), (NOW + TELL_AGAIN, 0)], [True, False, True]),
        ([(NOW, 0), (NOW + 1, 1), (NOW + 2, 0)], [True, True, False]),
        # The newest first, and in any order:
        ([(NOW, 0), (NOW - TELL_AGAIN + 1, 0), (NOW - TELL_AGAIN, 0), (NOW - 4000, 0)],
         [True, False, True, True]),
        ([(NOW, 0), (NOW - 4000, 0), (NOW - 2000, 0), (NOW - 4000, 0), (NOW, 0)],
         [True, True, True, False, False]),
        # A stream that begins again:
        ([(NOW - 120, 0), (NOW - 60, 0), (NOW, 0)] + [(NOW - s, 0) for s in range(120, -1, -7)],
         [True] * 3 + [False] * 18),
        ([(NOW, 0), (NOW - 4000, 0), (NOW - 4000, 1), (NOW, 0)], [True, True, True, False]),
        ([(1.0, 0), (NOW, 0)], [True, True]),
        # Of a clock within what is usual:
        ([(NOW + SKEW_SECONDS - 61, 0), (NOW, 0)], [True, False]),
        # Of one that is wrong: it silences nobody else, and still counts once a minute.
        ([(4e9, 0), (NOW, 0), (4e9 + 1, 0), (NOW + 1, 0), (4e9 + TELL_AGAIN, 0)],
         [True, True, False, False, True]),
    ],
)  # fmt: skip
def test_news(told, expected):
    assert news(*told) == expected


def test_what_says_more_by_now_is_added_to_what_was_told_within_the_minute():
    memory = Told()
    memory.add("a", NOW, 2)
    assert memory.is_news("a", NOW, 0)  # nothing was told that it could be added to
    memory.add("a", NOW + 1, 2)
    assert not memory.is_news("a", NOW + 2, 2)
    memory.add("a", NOW + TELL_AGAIN, 3)
    assert memory.is_news("a", NOW + TELL_AGAIN - 1, 3)


def test_what_says_more_by_now_takes_nothing_back_of_what_said_even_more():
    """Two times in which it was told may reach the same moment."""
    memory, begun = Told(), NOW - 1000
    for at, rank in ((0, 1), (130, 3), (70, 1), (-50, 3)):
        assert memory.is_news("a", begun + at, rank)
    memory.add("a", begun + 30, 2)
    assert not memory.is_news("a", begun - 100, 3)
    assert memory.is_news("a", begun + 150, 3)


@pytest.mark.parametrize("order", [1, -1])
def test_what_goes_on_for_long_is_told_as_often_from_its_end(order):
    """Every 5 s for a while, in spells."""
    times = [NOW - 40_000 + spell * 3600 + second for spell in range(10) for second in range(0, 600, 5)]
    memory = Told()
    assert sum(memory.is_news("a", at, 0) for at in times[::order]) == 100
    assert not any(memory.is_news("a", at, 0) for at in times)


def test_memory_of_spells_has_an_end():
    memory = Told()
    for spell in range(1_000):
        assert memory.is_news("a", NOW - 1000 * spell, 0)
        assert not memory.is_news("a", NOW - 1000 * spell + 1, 0)
    assert memory.is_news("a", NOW, 0)
