"""What is told again and what is not, as time goes on and clocks are wrong."""

import time

import pytest

from netsec_tui.sources.recent import SKEW, TELL_AGAIN, Told

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
        ([(NOW, 0), (NOW - 4000, 0)], [True, False]),  # a stream that begins again
        ([(1.0, 0), (NOW, 0)], [True, True]),
        # Of a clock within what is usual:
        ([(NOW + SKEW - 60, 0), (NOW, 0)], [True, False]),
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
