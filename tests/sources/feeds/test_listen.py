"""Listening for a while: what sources say once they are asked to stop counts too."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from netsec_tui.errors import NotFoundError, UnreachableError
from netsec_tui.model.flow import Endpoint, Flow, Gap, Protocol
from netsec_tui.model.observed import Observed
from netsec_tui.sources.capture.record import record
from netsec_tui.sources.capture.source import CaptureSource
from netsec_tui.sources.contract import Emit, FlowsRead, ObjectsRead, Source, SourceStatus
from netsec_tui.sources.feeds import thread
from netsec_tui.sources.feeds.feed import Feed, Reading
from netsec_tui.sources.feeds.listen import listen
from netsec_tui.sources.hubble.relay import HubbleRelaySource
from tests.sources.collected import read
from tests.sources.hubble.hubble_access import direct
from tests.sources.hubble.hubble_peer import HubblePeer, flow
from tests.sources.waiting import PATIENCE, until

FLOW = Flow(1_800_000_000.0, Endpoint("10.1.0.1"), Endpoint("10.1.0.2"), Protocol.TCP)
GAP = Gap(1_800_000_001.0, 7, "held back at the end")
WATCHED = Observed("hubble", 1_800_000_000.0, 1_800_000_001.0)
LAST = SourceStatus("late", True, "the last word", ended=True, observed=WATCHED)


class Late:
    """A source that says most once it is asked to stop: more than there is room for."""

    name, live = "late", True
    held_back = 200

    def __init__(self) -> None:
        self.watching = threading.Event()

    def read(self, emit: Emit) -> None:
        raise NotImplementedError

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        emit(FlowsRead((FLOW,)))
        emit(SourceStatus("late", True, "watching", observed=replace(WATCHED, until=0.0)))
        self.watching.set()
        stop.wait()
        for _ in range(self.held_back):
            emit(FlowsRead((FLOW,)))
        emit(FlowsRead((GAP,)))
        emit(LAST)


class Deaf(Late):
    """A source that goes on whoever asks it to stop, and notes whether anybody still takes what it says."""

    def __init__(self) -> None:
        super().__init__()
        self.over = threading.Event()

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        while not self.over.is_set():
            emit(FlowsRead((FLOW,)))


Told = list[Flow | Gap]


def listened(source: Source, stop_when: Callable[[], bool], told: Told) -> Reading:
    """Listen until something holds, as Ctrl-C ends it."""
    stop = threading.Event()

    def look(elapsed: float) -> None:
        if stop_when() or elapsed > PATIENCE:
            stop.set()

    return listen([], [source], PATIENCE, lambda read: told.extend(read.flows), stop, look)


def test_what_is_said_at_the_end_is_heard() -> None:
    told: Told = []
    source = Late()
    reading = listened(source, source.watching.is_set, told)
    assert told == [FLOW] * (1 + source.held_back) + [GAP]
    assert reading.statuses == (LAST,)


def test_a_source_that_does_not_stop_is_left_alone_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread, "LAST_SECONDS", 0.1)
    told: Told = []
    source = Deaf()
    listened(source, lambda: bool(told), told)
    heard = len(told)
    source.over.set()
    assert heard == len(told) > 0


def test_a_break_that_lasts_to_the_end_is_a_gap() -> None:
    told: Told = []
    peer = HubblePeer()
    peer.start()
    peer.tell(flow(8080))
    source = HubbleRelaySource(direct(peer))
    killed: list[float] = []

    def broken() -> bool:
        if told and not killed:
            killed.append(time.time())
            peer.kill()
        return bool(source._broken)

    listened(source, broken, told)
    (gap,) = [item for item in told if isinstance(item, Gap)]
    assert "are not known: nothing had come of Hubble since it broke off" in gap.reason
    assert killed[0] - 1 <= gap.time <= time.time()


def test_the_feed_hands_over_what_is_said_at_the_end() -> None:
    source = Late()
    feed = Feed([source])
    feed.start()
    assert source.watching.wait(PATIENCE)
    feed.stop()
    messages: list[object] = []

    def ended() -> bool:
        messages.extend(feed.drain())
        return feed.ended

    until(ended)
    assert FlowsRead((GAP,), teller="late") in messages
    assert messages[-1] == LAST


def test_a_feed_that_is_closed_takes_nothing_more() -> None:
    source = Deaf()
    feed = Feed([source])
    feed.start()
    until(feed.drain)
    assert not feed.close()
    source.over.set()
    until(lambda: not feed.drain() and feed.ended)
    assert feed.close()


def test_a_recording_holds_what_is_said_at_the_end(tmp_path: Path) -> None:
    source, stop = Late(), threading.Event()
    threading.Thread(target=lambda: source.watching.wait(PATIENCE) and stop.set()).start()
    recorded = record([source], tmp_path / "c", stop)
    assert recorded.statuses["late"] == LAST
    assert (recorded.flows, recorded.gaps) == (1 + source.held_back, 1)
    found = read(CaptureSource(tmp_path / "c")).flows
    assert replace(GAP, origin="") in [replace(item, origin="") for item in found if isinstance(item, Gap)]


class Failing(Late):
    """A source of objects that cannot be read."""

    name, live = "objects", False

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        raise NotFoundError("x does not exist")


class Telling(Late):
    """A source of objects that tells them late."""

    name, live = "objects", False

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        stop.wait(0.3)
        emit(ObjectsRead("objects", ()))
        emit(SourceStatus("objects", False, "none", read=True))
        stop.wait()


def test_the_state_is_waited_for_and_a_failure_of_it_is_told() -> None:
    never = threading.Event()
    reading = listen([Telling()], [Late()], 0.0, lambda flows: None, never)
    assert [status.read for status in reading.statuses if status.source == "objects"] == [True]
    reading = listen([Failing()], [Late()], 0.0, lambda flows: None, never)
    assert [str(failure) for failure in reading.failures] == ["x does not exist"]


class Saying(Late):
    """A source of flows that has only errors to tell, after some flows or none."""

    def __init__(
        self, nodes: frozenset[str] | None = frozenset(), flows: int = 0, goes_on: bool = False
    ) -> None:
        super().__init__()
        self.nodes, self.flows, self.goes_on = nodes, flows, goes_on

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        emit(FlowsRead((FLOW,) * self.flows))
        observed = None if self.nodes is None else replace(WATCHED, until=0.0, nodes=self.nodes)
        emit(SourceStatus("late", True, "", error="no node gives anything", observed=observed))
        self.watching.set()
        if self.goes_on:
            stop.wait()


@pytest.mark.parametrize(
    ("source", "failed"),
    [
        (Saying(), True),
        (Saying(goes_on=True), False),  # interrupted: it might have told something later
        (Saying(flows=1), False),
        (Saying(frozenset({"n1"})), False),  # where a node reports, all was quiet
        (Saying(None), False),  # it does not say that it watches
    ],
)
def test_errors_alone_are_a_failure_where_nothing_else_came(source: Saying, failed: bool) -> None:
    reading = listened(source, lambda: source.goes_on and source.watching.is_set(), [])
    assert [str(failure) for failure in reading.failures] == ["no node gives anything"] * failed


class NotYet(Late):
    """A source that asks nodes of which none has answered yet."""

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        nobody = Observed("late", 0.0, nodes=frozenset())
        emit(SourceStatus("late", True, "0 flows from 0 of 2 nodes", observed=nobody))
        stop.wait()
        emit(SourceStatus("late", True, "0 flows from 0 of 2 nodes", observed=nobody))


UNANSWERED = "late had not answered, or not in full, when reading ended"


def test_a_source_of_which_no_node_has_answered_has_not_either() -> None:
    reading = listen([], [NotYet(), Late()], 0.5, lambda flows: None, threading.Event())
    assert [str(failure) for failure in reading.failures] == [UNANSWERED]
    (told,) = [status for status in reading.statuses if status.error]
    assert (told.error, told.observed) == (UNANSWERED, Observed("late", 0.0, nodes=frozenset()))


def test_a_recording_of_a_source_of_which_no_node_has_answered_is_none(tmp_path: Path) -> None:
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(UnreachableError, match=UNANSWERED):
        record([NotYet()], tmp_path / "c", stop)


class File(Late):
    """A file that takes longer to read than one listens."""

    live = False
    chunks = 20

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        for _ in range(self.chunks):
            if stop.wait(0.01):
                return
            emit(FlowsRead((FLOW,)))
        emit(replace(LAST, live=False))


def test_a_file_is_read_to_its_end_however_short_one_listens_beside_it() -> None:
    told: Told = []
    reading = listen([], [File(), Late()], 0.05, lambda read: told.extend(read.flows), threading.Event())
    assert not reading.failures
    assert told.count(FLOW) == File.chunks + 1 + Late.held_back
