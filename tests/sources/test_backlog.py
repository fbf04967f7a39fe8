"""How far a stream that begins with the past has been read, at each moment of a made-up clock."""

import threading

import pytest

from netsec_tui.sources import backlog
from netsec_tui.sources.backlog import FIRST_SECONDS, QUIET_SECONDS, Backlog

START = 1_800_000_000.0


class Clock:
    now = START

    def time(self):
        return self.now

    def monotonic(self):
        return self.now - START


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(backlog, "time", clock)
    return clock


def silent(told, clock, seconds=QUIET_SECONDS):
    clock.now += seconds
    told.quiet()


def test_until_it_has_caught_up_each_node_is_known_as_far_as_it_has_told(clock):
    told = Backlog()
    assert told.read_to == START
    told.take(START - 500, "n1")
    told.take(START - 600, "n1")
    told.take(START - 300, "n2")
    assert told.read_to == START - 500
    assert told.ends(["n1", "n2", "n3"]) == {"n1": START - 500, "n2": START - 300, "n3": 0.0}


def test_it_has_caught_up_where_it_tells_of_now(clock):
    told = Backlog()
    told.take(START - 500)
    clock.now += 10
    told.take(START)
    assert (told.read_to, told.ends(["n1"])) == (0.0, {})
    told.take(START - 60)  # a node whose clock is behind
    assert told.read_to == 0.0


@pytest.mark.parametrize(("ago", "read_to"), [(46, START - 46), (45, 0.0)])
def test_what_tells_late_has_caught_up_where_it_tells_of_as_late_as_it_does(clock, ago, read_to):
    told = Backlog()
    told.begin(0.0, late=45)
    told.take(START - ago)
    assert told.read_to == read_to


@pytest.mark.parametrize(("seconds", "read_to"), [(0.1, START - 500), (QUIET_SECONDS, 0.0)])
def test_it_has_caught_up_once_it_is_silent_for_a_while(clock, seconds, read_to):
    told = Backlog()
    clock.now += 20
    told.take(START - 500)
    silent(told, clock, seconds)
    assert told.read_to == read_to


def test_a_stream_that_is_slow_to_begin_has_not_caught_up(clock):
    told = Backlog()
    silent(told, clock, FIRST_SECONDS - 1)
    assert told.read_to == START
    silent(told, clock, 1)
    assert told.read_to == 0.0  # as far as can be known
    told.take(START - 500)
    assert told.read_to == START - 500


def test_what_comes_beside_the_past_that_is_asked_for_says_nothing_of_it(clock):
    told = Backlog()
    told.begin(0.0, asked=True)
    told.take(START, "n1")
    silent(told, clock)
    assert told.read_to == START
    told.take(START - 500, "n1", asked=True)
    told.take(START + 1, "n2", asked=True)
    assert told.read_to == START - 500
    told.answered()
    assert told.read_to == 0.0


@pytest.mark.parametrize("pace", [0.0, 1.0, 50.0])
def test_how_fast_times_go_on_tells_nothing(clock, pace):
    """The past may be told as slowly as it passed: by a busy server, or over a bad line."""
    told = Backlog()
    for step in range(100):
        clock.now = START + 0.1 * step
        told.take(START - 1000 + 0.1 * step * pace)
        told.quiet()
    assert told.read_to == START - 1000 + 9.9 * pace


def test_the_past_is_asked_for_until_its_answer_takes_hardly_any_time(clock):
    told, stop, answers = Backlog(), threading.Event(), [(100.0, 500.0), (20.0, 80.0), (1.0, 19.0)]

    def ask():
        takes, reaches = answers.pop(0)
        told.take(clock.now - reaches, "n1", asked=True)
        yield told.read_to
        clock.now += takes

    read = list(told.catch_up(0.0, ask, stop))
    # The answer has told all until it was asked for.
    assert read == [START - 500, START + 100 - 80, START + 120 - 19]
    assert (answers, told.read_to) == ([], 0.0)


def test_an_answer_that_tells_nothing_has_told_all_until_it_was_asked_for(clock):
    told, takes = Backlog(), [50.0, 8.0]

    def ask():
        yield told.read_to
        clock.now += takes.pop(0)
        if not takes:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        list(told.catch_up(0.0, ask, threading.Event()))
    assert told.read_to == START  # of what came after, nothing is known
    told.begin(clock.now, asked=True)
    assert told.read_to == START


def test_nothing_is_asked_once_reading_is_to_end(clock):
    told, stop, asked = Backlog(), threading.Event(), []

    def ask():
        asked.append(True)
        clock.now += 60
        stop.set()
        yield 1

    assert [list(told.catch_up(0.0, ask, stop)) for _ in range(2)] == [[1], []]
    assert asked == [True]


def test_after_a_break_all_before_it_stays_read(clock):
    told = Backlog()
    told.take(START - 500, "n1")
    told.begin(START + 100)
    assert told.read_to == START - 500  # the break came before all had been told
    silent(told, clock, 110)
    told.begin(START + 100)
    assert told.read_to == START + 100
    told.take(START + 90, "n1")
    assert told.ends(["n1", "n2"]) == {"n1": START + 100, "n2": START + 100}


def test_a_clock_that_is_ahead_does_not_tell_of_what_is_to_come(clock):
    told = Backlog()
    told.begin(0.0, asked=True)
    told.take(START + 60, asked=True)
    assert told.read_to == START
