from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from netsec_tui.errors import NetsecError, NotFoundError, UnreachableError
from netsec_tui.model.flow import Endpoint, Flow, Gap, Protocol
from netsec_tui.model.inventory import Inventory
from netsec_tui.sources import waits
from netsec_tui.sources.capture.source import CaptureSource
from netsec_tui.sources.capture.writer import CaptureWriter
from netsec_tui.sources.cluster.refusals import ForbiddenError
from netsec_tui.sources.contract import Emit, FlowsRead, KubeObject, Message, ObjectsRead, SourceStatus
from netsec_tui.sources.feeds import feed
from netsec_tui.sources.feeds.feed import Feed, FeedMessage, read_all
from netsec_tui.sources.feeds.thread import SourceThread
from netsec_tui.sources.manifests import source as manifests
from netsec_tui.sources.manifests.source import ManifestSource
from netsec_tui.sources.waits import waited_for
from tests.sources.kube_objects import obj, pod
from tests.sources.waiting import PATIENCE, until


def flows(count: int, first: int = 0) -> tuple[Flow, ...]:
    ends = Endpoint("10.1.0.1"), Endpoint("10.1.0.2")
    return tuple(Flow(float(first + i), *ends, Protocol.TCP) for i in range(count))


class Scripted:
    """A source that emits what it is given, then raises or ends."""

    live = False

    def __init__(self, name: str, *messages: Message, error: Exception | None = None) -> None:
        self.name = name
        self._messages = messages
        self._error = error
        self.emitted = 0

    def read(self, emit: Emit) -> None:
        for message in self._messages:
            emit(message)
            self.emitted += 1
        if self._error:
            raise self._error

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        self.read(emit)


class Drained:
    """A feed drained as the screen's timer does, into lists."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.flows: list[Flow | Gap] = []
        self.inventories: list[Inventory] = []
        self.statuses: dict[str, SourceStatus] = {}

    def drain(self) -> list[FeedMessage]:
        drained = list(self.feed.drain())
        for message in drained:
            if isinstance(message, FlowsRead):
                self.flows += message.flows
            elif isinstance(message, Inventory):
                self.inventories.append(message)
            else:
                self.statuses[message.source] = message
        return drained

    def until(self, fulfilled: Callable[[], bool]) -> None:
        def drained() -> bool:
            self.drain()
            return fulfilled()

        until(drained)

    def to_the_end(self) -> Drained:
        self.until(lambda: self.feed.ended)
        self.feed.stop()
        return self


def run(*sources: Scripted | ManifestSource | CaptureSource) -> Drained:
    feed = Feed(sources)
    feed.start()
    return Drained(feed).to_the_end()


def objects(*found: KubeObject, source: str = "a", problems: tuple[str, ...] = ()) -> ObjectsRead:
    return ObjectsRead(source, found, problems)


def test_a_status_is_handed_on_once_until_it_changes() -> None:
    well, ill = SourceStatus("a", True, "1 flow"), SourceStatus("a", True, "1 flow", error="it is away")
    source = Scripted("a", well, well, FlowsRead(flows(1)), well, ill, ill, well)
    told: list[Message] = []
    SourceThread(source, told.append, threading.Event()).run()
    first, *rest, last = told
    assert first == SourceStatus("a", False)
    assert rest == [well, FlowsRead(flows(1)), ill, well]
    assert last == replace(well, ended=True)


def test_more_flows_than_there_is_room_for_all_arrive_in_order() -> None:
    batches = [FlowsRead(flows(100, first=100 * i)) for i in range(300)]
    assert run(Scripted("a", *batches)).flows == list(flows(30_000))


def test_a_fast_source_waits_until_there_is_room() -> None:
    source = Scripted("a", *(FlowsRead(flows(1)) for _ in range(1000)))
    feed = Feed([source])
    feed.start()
    first = Drained(feed)
    first.until(lambda: source.emitted > 0)
    assert source.emitted < 1000
    assert len(first.to_the_end().flows) == 1000


def test_a_large_message_comes_in_small_ones() -> None:
    feed = Feed([Scripted("a", FlowsRead(flows(25_000)))])
    feed.start()
    drained = Drained(feed)
    sizes: list[int] = []

    def drain_once() -> bool:
        sizes.extend(len(m.flows) for m in drained.drain() if isinstance(m, FlowsRead))
        return feed.ended

    drained.until(drain_once)
    assert sizes
    assert max(sizes) <= 1000
    assert drained.flows == list(flows(25_000))


def test_one_drain_takes_hardly_more_flows_than_asked_for() -> None:
    feed = Feed([Scripted("a", *(FlowsRead(flows(100)) for _ in range(50)))])
    feed.start()
    total = 0
    while not feed.ended:
        drained = feed.drain(max_seconds=PATIENCE, max_flows=250)
        taken = sum(len(m.flows) for m in drained if isinstance(m, FlowsRead))
        assert taken <= 300
        total += taken
    assert total == 5000


def test_objects_of_all_sources_make_one_inventory_and_the_later_source_wins() -> None:
    found = run(
        Scripted("a", objects(obj("Namespace", "shop", None), pod("web", {"v": "old"}), source="a")),
        Scripted("b", objects(pod("web", {"v": "new"}), source="b", problems=("nodes may not be listed",))),
    )
    last = found.inventories[-1]
    assert [p.labels for p in last.pods] == [(("v", "new"),)]
    assert list(last.namespaces) == ["shop"]
    assert last.missing == ("nodes may not be listed",)


def test_what_a_source_tells_anew_replaces_what_it_told_before() -> None:
    found = run(Scripted("a", objects(pod("one"), pod("two")), objects(pod("two"))))
    assert [p.name for p in found.inventories[-1].pods] == ["two"]


def test_an_unchanged_state_makes_no_new_inventory() -> None:
    told = objects(pod("one"))
    source = Scripted("a", told, FlowsRead(flows(1)), objects(pod("one")), FlowsRead(flows(1)))
    assert len(run(source).inventories) == 1


def test_a_source_that_fails_says_so_and_the_others_go_on() -> None:
    found = run(
        Scripted("bad", FlowsRead(flows(1)), error=NotFoundError("x does not exist")),
        Scripted("worse", error=ZeroDivisionError("by\nzero\x1b[31m\u202e")),
        Scripted("worst", error=ValueError("Invalid header value b'Bearer s3cr3t\nof: mine'")),
        Scripted("good", FlowsRead(flows(2)), SourceStatus("good", False, "2 flows", ended=True)),
    )
    assert len(found.flows) == 3
    assert found.statuses["bad"] == SourceStatus("bad", False, error="x does not exist", ended=True)
    assert found.statuses["worse"].error.endswith("ZeroDivisionError: by zero\\x1b[31m\\u202e")
    assert found.statuses["worst"].error.endswith(": Invalid header value b'Bearer (hidden)")
    assert found.statuses["good"] == SourceStatus("good", False, "2 flows", ended=True)


def test_an_older_inventory_never_comes_after_a_newer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is slow to be built, or to be queued, while another source tells more."""
    built, go_on = threading.Event(), threading.Event()
    inventory = feed.ClusterState.inventory

    def slowly(state: feed.ClusterState) -> Inventory:
        made = inventory(state)
        if not built.is_set():
            built.set()
            go_on.wait(0.3)  # nobody sets it while the other waits for its turn
        return made

    class Second(Scripted):
        def follow(self, emit: Emit, stop: threading.Event) -> None:
            built.wait(PATIENCE)
            super().follow(emit, stop)
            go_on.set()

    monkeypatch.setattr(feed.ClusterState, "inventory", slowly)
    found = run(Scripted("a", objects(pod("one"))), Second("b", objects(pod("two"), source="b")))
    assert [p.name for p in found.inventories[-1].pods] == ["one", "two"]


class Waiting(Scripted):
    """A source that has to wait for long after it has told something."""

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        super().follow(emit, stop)
        with waited_for("a server"):
            until(lambda: self.told)

    told = False


@pytest.mark.parametrize("before", [None, SourceStatus("a", True, "1 flow")])
def test_after_a_wait_what_was_said_before_is_said_again(
    monkeypatch: pytest.MonkeyPatch, before: SourceStatus | None
) -> None:
    monkeypatch.setattr(waits, "LONG_SECONDS", 0.01)
    source = Waiting("a", *([before] if before else []))
    told: list[Message] = []

    def take(message: Message) -> None:
        told.append(message)
        source.told = isinstance(message, SourceStatus) and "waiting" in message.detail

    SourceThread(source, take, threading.Event()).run()
    first = SourceStatus("a", False)
    said = before or first
    waiting = replace(said, detail="still waiting after 0.01 s for a server")
    end = replace(said if before else SourceStatus("a", False), ended=True)
    assert told == [first, *([before] if before else []), waiting, said, end]


class Late(Scripted):
    """A source that fails at first."""

    tries = 0
    at_first: NetsecError

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        self.tries += 1
        if self.tries < 3:
            raise self.at_first
        super().follow(emit, stop)


@pytest.mark.parametrize(
    "failure", [UnreachableError("nobody answers"), ForbiddenError("pods may not be listed")]
)
def test_a_source_that_is_out_of_reach_or_refused_at_first_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, failure: NetsecError
) -> None:
    monkeypatch.setattr(feed, "AGAIN_SECONDS", 0.2)
    late = Late("a", objects(pod("web")), SourceStatus("a", True, "1 object", read=True))
    late.at_first = failure
    found = Drained(Feed([late]))
    found.feed.start()
    found.until(lambda: "a" in found.statuses and found.statuses["a"].error != "")
    said = f"{failure}; it is tried again every 0.2 s"
    assert found.statuses["a"] == SourceStatus("a", False, error=said)
    found.to_the_end()
    assert found.statuses["a"] == SourceStatus("a", True, "1 object", ended=True, read=True)
    assert [p.name for p in found.inventories[-1].pods] == ["web"]
    assert late.tries == 3


def test_stopping_ends_waiting_for_a_source_that_cannot_be_reached() -> None:
    found = Drained(Feed([Scripted("a", error=UnreachableError("nobody answers"))]))
    found.feed.start()
    found.until(lambda: "a" in found.statuses and found.statuses["a"].error != "")
    found.feed.stop()
    for thread in found.feed._threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_a_source_that_just_ends_has_ended() -> None:
    status = SourceStatus("a", False, "half way")
    assert run(Scripted("a", status)).statuses["a"] == SourceStatus("a", False, "half way", ended=True)


def test_closing_ends_sources_that_wait_for_room_or_for_changes(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(pod("web")))
    endless = Scripted("a", *(FlowsRead(flows(1)) for _ in range(100_000)))
    feed = Feed([endless, ManifestSource([tmp_path])])
    feed.start()
    Drained(feed).until(lambda: endless.emitted > 0)
    feed.close()
    for thread in feed._threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_files_are_followed_through_the_feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "POLL_SECONDS", 0.01)
    with CaptureWriter(tmp_path / "c") as writer:
        writer.write(FlowsRead(flows(2500)))
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(pod("one")))
    feed = Feed([ManifestSource([tmp_path / "a.yaml"]), CaptureSource(tmp_path / "c")])
    feed.start()
    found = Drained(feed)
    found.until(lambda: len(found.flows) == 2500 and bool(found.inventories))
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(pod("two", {"more": "text"})))
    found.until(lambda: [p.name for p in found.inventories[-1].pods] == ["two"])
    feed.stop()


class TestReadAll:
    def test_sources_are_read_in_order_and_flows_are_handed_on(self) -> None:
        seen: list[int] = []
        first = Scripted("a", FlowsRead(flows(2)), objects(pod("web")))
        second = Scripted("b", FlowsRead(flows(3)), SourceStatus("b", False, "3 flows", ended=True))
        reading = read_all([first, second], lambda batch: seen.append(len(batch.flows)))
        assert seen == [2, 3]
        assert [p.name for p in reading.inventory.pods] == ["web"]
        assert [s.detail for s in reading.statuses] == ["", "3 flows"]
        assert reading.failures == ()

    def test_a_failure_is_kept_and_the_rest_is_read(self) -> None:
        seen: list[Flow | Gap] = []
        error = NotFoundError("x does not exist")
        reading = read_all(
            [Scripted("a", FlowsRead(flows(1)), error=error), Scripted("b", FlowsRead(flows(1)))],
            lambda read: seen.extend(read.flows),
        )
        assert len(seen) == 2
        assert reading.failures == (error,)
        assert [s.error for s in reading.statuses] == ["x does not exist", ""]
