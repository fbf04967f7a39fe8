"""Until when Loki has been read, and from when on: what it has not answered does not count as watched."""

import threading
import time
from collections import deque
from contextlib import suppress

import pytest

from netsec_tui.model.flow import Flow, Gap
from netsec_tui.sources.feeds import thread, unread
from netsec_tui.sources.feeds.listen import listen
from netsec_tui.sources.netobserv import loki as netobserv_loki
from netsec_tui.sources.netobserv import source as netobserv
from tests.sources.collected import following
from tests.sources.netobserv.loki_server import LokiServer
from tests.sources.netobserv.test_netobserv import entry, source
from tests.sources.running import running
from tests.sources.waiting import until


class Hanging(LokiServer):
    """A Loki that answers until it is made to hang."""

    def __init__(self, entries):
        super().__init__(entries)
        self.hangs, self.may = threading.Event(), threading.Event()
        self.since = 0

    def answer(self, query):
        if self.hangs.is_set() and int(query["start"]) < self.since:
            self.may.wait()
        return super().answer(query)


@pytest.fixture
def loki():
    server = Hanging([entry(1)])
    with running(server):
        yield server
        server.may.set()


def listened(loki, monkeypatch, then, seconds=3, hours=1):
    monkeypatch.setattr(netobserv, "POLL_SECONDS", 0.3)
    monkeypatch.setattr(thread, "LAST_SECONDS", 0.2)
    monkeypatch.setattr(unread, "_SLACK", 0.0)  # as it is beside the real seconds between two questions
    told, answer, later = [], loki.answer, deque([threading.Timer(0.5, then)])

    def answered(query):
        found = answer(query)
        with suppress(IndexError):  # from its first answer on, however long it takes until it is asked
            later.pop().start()
        return found

    loki.answer = answered
    reading = listen([], [source(loki, hours)], seconds, told.append, threading.Event())
    gaps = [item for read in told for item in read.flows if isinstance(item, Gap)]
    return reading, gaps


def test_a_loki_that_hangs_was_watched_until_its_last_answer(loki, monkeypatch):
    loki.since, begun = 2**63, time.time()
    reading, (gap,) = listened(loki, monkeypatch, loki.hangs.set)
    (status,), (failure,) = reading.statuses, reading.failures
    assert begun < status.observed.until == status.read_to == gap.time < gap.until - 1
    assert "had been read only up to" in str(failure)


def test_a_loki_that_answers_was_watched_until_the_end(loki, monkeypatch):
    begun = time.time()
    reading, gaps = listened(loki, monkeypatch, lambda: None)
    assert (reading.failures, gaps) == ((), [])
    assert begun + 2 < reading.statuses[0].observed.until <= time.time()


def test_an_hour_counts_once_all_of_it_is_read(monkeypatch):
    monkeypatch.setattr(netobserv, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(netobserv_loki, "LIMIT", 5)
    loki, begun = Hanging([entry(3000 - number, 40000 + number) for number in range(20)]), time.time()
    asked, answer = [], loki.answer

    def one_page(query):
        if int(query["end"]) - int(query["start"]) > 3 * 10**11:  # of an hour
            asked.append(query)
            if len(asked) > 2:
                loki.may.wait()
        return answer(query)

    loki.answer = one_page
    with running(loki), following(source(loki)) as collected:
        until(lambda: len(asked) > 2)
        assert [one for one in collected.flows if isinstance(one, Flow)]
        time.sleep(0.1)
        watched = collected.status.observed
        loki.may.set()
        until(lambda: collected.status.observed and collected.status.observed.since < begun - 2000)
    assert watched is None or watched.since > begun - 200


class Slow(LokiServer):
    """A Loki that takes its time for what is older than the last minutes, and for what is new."""

    def __init__(self, entries, old=0.0, new=0.0):
        super().__init__(entries)
        self.old, self.new, self.over_now = old, new, threading.Event()
        self.begun = time.time_ns()

    def answer(self, query):
        seconds = self.new if int(query["start"]) > self.begun - 2 * netobserv.LATEST else self.old
        self.over_now.wait(seconds)
        return super().answer(query)


@pytest.mark.parametrize(
    ("old", "new", "seconds", "counts"),
    [(2.0, 0.0, 1.5, False), (1.5, 0.0, 2.6, True), (0.4, 0.4, 1.4, False)],
)
def test_history_that_is_still_read_at_the_end_does_not_make_a_loki_that_answers_overdue(
    monkeypatch, old, new, seconds, counts
):
    begun = time.time()
    loki = Slow([entry(1), entry(3000, 40001)], old, new)
    with running(loki):
        reading, gaps = listened(loki, monkeypatch, lambda: None, seconds, hours=12)
        loki.over_now.set()
    (status,) = reading.statuses
    assert (reading.failures, gaps, status.error) == ((), [], "")
    assert begun < status.observed.until == status.read_to <= begun + seconds
    assert (status.observed.since < begun - 2900) is counts


def test_new_flows_that_do_not_come_are_overdue_though_history_came_until_then(monkeypatch):
    loki = Slow([entry(1)], old=0.1)
    with running(loki):
        reading, (gap,) = listened(loki, monkeypatch, lambda: setattr(loki, "new", 60), 4, hours=100)
        loki.over_now.set()
    assert "its answer is overdue" in str(reading.failures[0])
    assert gap.time == reading.statuses[0].observed.until


def test_a_loki_that_answers_page_by_page_is_not_overdue(monkeypatch):
    monkeypatch.setattr(netobserv_loki, "LIMIT", 5)
    loki = Slow([entry(number, 40000 + number) for number in range(1, 21)], new=0.3)
    with running(loki):
        reading, gaps = listened(loki, monkeypatch, lambda: None, 2.8)
        loki.over_now.set()
    assert (reading.failures, gaps) == ((), [])


def test_trouble_with_history_does_not_make_new_flows_due_any_later(monkeypatch):
    monkeypatch.setattr(netobserv, "POLL_SECONDS", 0.3)
    loki = LokiServer([entry(1)])
    answer, begun = loki.answer, time.time_ns()
    loki.answer = lambda query: (
        (500, b"too much") if int(query["start"]) < begun - 2 * netobserv.LATEST else answer(query)
    )
    with running(loki), following(source(loki)) as collected:
        collected.wait_for(lambda: bool(collected.status.error))
        assert collected.status.due < time.time() + netobserv.ANSWER_SECONDS / 2
