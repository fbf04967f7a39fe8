"""What had not been read when reading ends: a gap, and a failure where nobody interrupted."""

import threading
import time
from dataclasses import replace

import pytest

from netsec_tui.errors import UnreachableError
from netsec_tui.model.flow import Gap
from netsec_tui.model.observed import Observed
from netsec_tui.sources.capture.record import record
from netsec_tui.sources.capture.source import CaptureSource
from netsec_tui.sources.capture.writer import CaptureWriter
from netsec_tui.sources.contract import FlowsRead, SourceStatus
from netsec_tui.sources.feeds import thread
from netsec_tui.sources.feeds.listen import listen
from netsec_tui.sources.feeds.thread import SourceThread
from netsec_tui.sources.feeds.unread import last_said, unread
from tests.sources.collected import read
from tests.sources.feeds.test_feed import Scripted

NOW = 1_800_000_000.0
STATUS = SourceStatus("a", True, observed=Observed("conntrack", NOW - 600))


@pytest.mark.parametrize(
    ("read_to", "due", "until", "missing"),
    [
        (0.0, 0.0, NOW, False),
        (NOW - 300, 0.0, NOW - 300, True),
        (NOW - 6, 0.0, NOW - 6, True),
        (NOW - 4, 0.0, NOW - 4, False),
        (NOW - 5, NOW + 5, NOW - 5, False),
        (NOW - 4, NOW - 6, NOW - 4, False),
        (NOW - 30, NOW - 15, NOW - 30, True),
        (NOW + 60, 0.0, NOW, False),
    ],
    ids=[
        "hears at once",
        "in the past",
        "a bit",
        "next to nothing",
        "the next answer is not due",
        "the next answer was due just now",
        "overdue",
        "clock ahead",
    ],
)
def test_what_is_said_last_of_a_source(read_to, due, until, missing):
    *gaps, last = last_said(replace(STATUS, read_to=read_to, due=due), NOW)
    assert (last.ended, last.observed.until) == (True, until)
    found = [(gap.time, gap.until, gap.lost) for said in gaps for gap in said.flows]
    assert found == ([(read_to, NOW, 0)] if missing else [])


def test_the_sentence_says_how_far_it_had_got():
    assert unread(replace(STATUS, read_to=NOW - 300), NOW) == (
        "a had been read only up to 2027-01-15 07:55:00 UTC when reading ended"
    )


def test_a_time_that_the_source_itself_has_ended_stays():
    ended = replace(STATUS, read_to=NOW - 30, due=NOW, observed=replace(STATUS.observed, until=NOW - 40))
    (last,) = last_said(ended, NOW)
    assert last.observed.until == NOW - 40


class Behind(Scripted):
    """A live source that has not read all there is, and ends when it is asked to, or hangs then."""

    live = True

    def __init__(self, *, hangs=False, error="", watches=True):
        self.read_to = time.time() - 300
        observed = Observed("conntrack", self.read_to - 60) if watches else None
        status = SourceStatus("a", True, error=error, observed=observed, read_to=self.read_to)
        super().__init__("a", status)
        self._hangs, self.over = hangs, threading.Event()

    def follow(self, emit, stop):
        super().follow(emit, stop)
        (self.over if self._hangs else stop).wait()


@pytest.fixture(params=[False, True], ids=["ends", "hangs"])
def behind(request, monkeypatch):
    monkeypatch.setattr(thread, "LAST_SECONDS", 0.2)
    source = Behind(hangs=request.param)
    yield source
    source.over.set()


def gaps(told):
    return [(gap.time, gap.until) for said in told for gap in said.flows if isinstance(gap, Gap)]


def test_what_is_not_read_by_the_end_of_listening_is_a_gap_and_a_failure(behind):
    told = []
    reading = listen([], [behind], 0.2, told.append, threading.Event())
    ((begun, until),) = gaps(told)
    assert begun == behind.read_to < until
    (status,), (failure,) = reading.statuses, reading.failures
    assert (status.ended, status.observed.until) == (True, behind.read_to)
    assert (failure.exit_code, status.error) == (69, str(failure))
    assert str(failure).startswith("a had been read only up to ")
    assert str(failure).endswith(": listen for longer (--for)")


def test_what_went_wrong_is_said_rather_than_how_far_it_had_got():
    reading = listen([], [Behind(error="away")], 0.2, lambda said: None, threading.Event())
    assert [str(failure) for failure in reading.failures] == ["away"]
    assert [status.error for status in reading.statuses] == ["away"]


def test_how_far_it_had_got_is_said_also_of_who_does_not_say_how_it_watches():
    reading = listen([], [Behind(watches=False)], 0.2, lambda said: None, threading.Event())
    assert [str(failure)[:27] for failure in reading.failures] == ["a had been read only up to "]


def test_who_interrupts_is_told_of_the_gap_alone(behind):
    told, stop = [], threading.Event()

    def look(elapsed):
        if elapsed > 0.2:
            stop.set()

    reading = listen([], [behind], 60, told.append, stop, look)
    assert [begun for begun, _ in gaps(told)] == [behind.read_to]
    assert (reading.failures, [status.error for status in reading.statuses]) == ((), [""])


def test_a_recording_says_until_when_its_sources_were_read(behind, tmp_path):
    stop = threading.Event()
    recorded = record([behind], tmp_path / "c", stop, report=lambda status: status.observed and stop.set())
    assert (recorded.gaps, recorded.failures, recorded.statuses["a"].ended) == (1, (), True)
    found = read(CaptureSource(tmp_path / "c"))
    assert [one.until for one in found.status.recorded] == [pytest.approx(behind.read_to, abs=0.001)]
    assert [item.time for item in found.flows] == [pytest.approx(behind.read_to, abs=0.001)]


def test_what_fails_before_it_has_read_all_says_so_once():
    told = []
    status = replace(STATUS, read_to=time.time() - 300)
    SourceThread(Scripted("a", status, error=UnreachableError("away")), told.append, threading.Event()).run()
    assert len([message for message in told if isinstance(message, FlowsRead)]) == 1


def test_a_recording_of_a_source_that_reaches_further_back_each_time_ends_once(
    tmp_path,
):
    """A history that is read backwards."""
    begun = time.time() - 900
    with CaptureWriter(tmp_path / "c") as writer:
        for back, until in ((0, 0.0), (300, 0.0), (600, begun + 60)):
            writer.write(SourceStatus("a", True, observed=Observed("netobserv", begun - back, until)))
    found = read(CaptureSource(tmp_path / "c")).status.recorded
    last = found[-1]
    assert (last.since, last.until) == (pytest.approx(begun - 600), pytest.approx(begun + 60))
    assert len(found) == 3
    lines = [line for line in (tmp_path / "c").read_text().splitlines() if "observed" in line]
    assert len(lines) == 3  # none is written again at the end, as if it had gone on


class CatchesUp(Scripted):
    """A live source that has read all there is some time after it was begun."""

    live = True

    def __init__(self):
        observed = Observed("conntrack", time.time() - 600)
        self.status = SourceStatus("a", True, observed=observed, read_to=time.time() - 300)
        super().__init__("a", self.status)

    def follow(self, emit, stop):
        super().follow(emit, stop)
        if not stop.wait(0.6):
            emit(replace(self.status, read_to=0.0))
        stop.wait()


def test_who_still_tells_of_the_past_is_listened_to_for_longer():
    told = []
    reading = listen([], [CatchesUp()], 0.2, told.append, threading.Event())
    assert (reading.failures, gaps(told)) == ((), [])
    assert reading.statuses[0].observed.until > time.time() - 60


class Polled(CatchesUp):
    """A live source that has read all there was when it asked last, and is to ask again in a minute."""

    def __init__(self):
        super().__init__()
        self.status = replace(self.status, due=time.time() + 60)
        self._messages = (self.status,)


def test_who_has_read_all_there_was_is_not_listened_to_for_longer():
    source = Polled()
    reading = listen([], [source], 0.2, lambda said: None, threading.Event())
    assert (reading.failures, reading.statuses[0].read_to) == ((), source.status.read_to)
