"""Until when Loki has been read, and from when on: what it has not answered does not count as watched."""

import threading
import time

import pytest

from netsec_tui.model.flow import Flow, Gap
from netsec_tui.sources.feeds import thread
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


def listened(loki, monkeypatch, then):
    monkeypatch.setattr(netobserv, "POLL_SECONDS", 0.3)
    monkeypatch.setattr(thread, "LAST_SECONDS", 0.2)
    told = []
    threading.Timer(1.0, then).start()
    reading = listen([], [source(loki)], 3, told.append, threading.Event())
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
