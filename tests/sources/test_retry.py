"""What breaks off is told and taken up again; what never came at all is raised."""

import threading
import time

import pytest

from netsec_tui.errors import UnreachableError
from netsec_tui.sources import retry
from netsec_tui.sources.life import Life
from netsec_tui.sources.retry import FIRST_WAIT, LONGEST_WAIT, follow_stream, poll


class Waits(threading.Event):
    """An event that takes down how long it is waited for, does not wait, and is set after some waits."""

    def __init__(self, most):
        super().__init__()
        self.most, self.seconds = most, []

    def wait(self, timeout=None):
        self.seconds.append(timeout)
        if len(self.seconds) >= self.most:
            self.set()
        return self.is_set()


def scripted(*streams):
    """Return what begins one stream after the other; an error in one breaks it off."""
    left = list(streams)

    def begin(*_):
        for item in left.pop(0):
            if isinstance(item, Exception):
                raise item
            yield item

    return begin


AWAY = UnreachableError("it is away")


def test_a_stream_that_breaks_off_is_begun_again():
    told, stop = [], Waits(3)
    follow_stream(scripted([True, AWAY], [], [None, AWAY]), told.append, "it has ended", stop, Life())
    assert told == [f"{why}; it is tried again" for why in ("it is away", "it has ended", "it is away")]


def test_waits_grow_until_something_comes():
    stop = Waits(9)
    streams = [[True], *[[None, AWAY]] * 6, [True, AWAY], []]
    follow_stream(scripted(*streams), lambda trouble: None, "it has ended", stop, Life())
    growing = [min(FIRST_WAIT * 2**n, LONGEST_WAIT) for n in range(7)]
    assert stop.seconds == [*growing, FIRST_WAIT, 2 * FIRST_WAIT]


@pytest.mark.parametrize(
    ("then", "broken"), [([None], True), ([], True), ([True], False)]
)  # fmt: skip
def test_a_break_that_lasts_to_the_end_is_known(then, broken):
    begin, stop, before = scripted([True, AWAY], then), Waits(9), time.time()

    def last():
        yield from begin()
        if len(told) == 1:
            stop.set()

    told = []
    since = follow_stream(last, told.append, "it has ended", stop, Life())
    assert (before <= since <= time.time()) if broken else since == 0.0


def test_a_break_is_as_old_as_the_first_try_that_was_of_no_use():
    broken, begin = [], scripted([True, AWAY], [None, AWAY], [])
    since = follow_stream(begin, lambda trouble: broken.append(time.time()), "it has ended", Waits(3), Life())
    assert since <= broken[0] < broken[2]


def test_a_break_begins_at_the_last_sign_of_life():
    life = Life()
    life.sign()
    heard = life.last
    assert follow_stream(scripted([True, AWAY]), lambda trouble: None, "ended", Waits(1), life) == heard


def test_nothing_is_told_of_a_stream_that_was_stopped():
    told, stop = [], threading.Event()

    def stopped():
        yield True
        stop.set()

    follow_stream(stopped, told.append, "it has ended", stop, Life())
    assert told == []


@pytest.mark.parametrize("first", [[AWAY], [None, AWAY], [False, AWAY]])
def test_a_stream_that_never_told_anything_is_an_error(first):
    with pytest.raises(UnreachableError, match="it is away"):
        follow_stream(scripted(first), lambda trouble: None, "it has ended", threading.Event(), Life())


class Client:
    def __init__(self, open_):
        self._open = open_
        open_.append(self)

    def close(self):
        self._open.remove(self)


def polled(most, *rounds, connect=Client):
    """Return what is told of some rounds, how many connections were made, and those left open."""
    told, open_, made = [], [], []

    def connected():
        made.append(connect(open_))
        assert len(open_) == 1
        return made[-1]

    try:
        poll(connected, scripted(*rounds), told.append, 0.0, Waits(most))
    finally:
        assert open_ == []
    return told, len(made)


TOLD = "it is away; it is asked again every 0 s"


@pytest.mark.parametrize(
    ("rounds", "told", "connections"),
    [
        ([[None], [None, None], []], [*["", ""], *["", "", ""], ""], 1),
        ([[None], [AWAY], [AWAY], [None]], [*["", ""], TOLD, TOLD, *["", ""]], 3),
        ([[None, AWAY], [None]], [*["", TOLD], *["", ""]], 2),
    ],
)
def test_a_server_is_asked_again_over_a_new_connection_after_trouble(rounds, told, connections):
    assert polled(len(rounds), *rounds) == (told, connections)


def test_a_server_that_never_answered_is_an_error_and_is_left():
    with pytest.raises(UnreachableError, match="it is away"):
        polled(2, [AWAY])


def test_a_connection_that_cannot_be_made_again_is_trouble_too():
    ways = [Client, AWAY, Client]

    def connect(open_):
        way = ways.pop(0)
        if isinstance(way, Exception):
            raise way
        return way(open_)

    told, connections = polled(4, [None], [AWAY], [None], connect=connect)
    assert (told, connections) == (["", "", TOLD, TOLD, "", ""], 2)


@pytest.mark.parametrize(
    ("took", "pauses"), [([0.0], [5.0]), ([2.0, 0.0], [3.0, 5.0]), ([5.0], [0.0]), ([9.0, 1.0], [0.0, 4.0])]
)
def test_a_server_is_asked_every_so_many_seconds_however_long_it_takes(monkeypatch, took, pauses):
    now, left, stop = [1000.0], list(took), Waits(len(took))
    monkeypatch.setattr(retry.time, "monotonic", lambda: now[0])

    def ask(client):
        now[0] += left.pop(0)
        yield

    poll(lambda: Client([]), ask, lambda trouble: None, 5.0, stop)
    assert stop.seconds == pauses
