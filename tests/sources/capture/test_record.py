from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from netsec_tui.errors import CannotWriteError, NotFoundError
from netsec_tui.model.flow import Endpoint, Flow, Gap, Protocol
from netsec_tui.model.observed import Observed
from netsec_tui.sources.capture.observed import KEY, ObservedWriter
from netsec_tui.sources.capture.record import record
from netsec_tui.sources.capture.source import CaptureSource
from netsec_tui.sources.capture.writer import CaptureWriter
from netsec_tui.sources.contract import Emit, FlowsRead, SourceStatus
from netsec_tui.sources.inventory.build import build_inventory
from netsec_tui.sources.manifests import source as manifests
from netsec_tui.sources.manifests.source import ManifestSource
from tests.sources.collected import Collected
from tests.sources.kube_objects import deployment, pod

FLOWS = tuple(Flow(float(i), Endpoint("10.1.0.1"), Endpoint("10.1.0.2"), Protocol.TCP) for i in range(10))


class Live:
    """A source that never ends by itself."""

    name = "live"
    live = True

    def read(self, emit: Emit) -> None:
        emit(FlowsRead(FLOWS))
        emit(FlowsRead((Gap(11.0, 3, "three were lost"),)))
        emit(SourceStatus(self.name, self.live, read=True))

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        self.read(emit)
        stop.wait()


def replay(path: Path) -> Collected:
    collected = Collected()
    CaptureSource(path).read(collected)
    return collected


def test_a_recording_holds_what_the_sources_delivered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifests, "POLL_SECONDS", 0.01)
    (tmp_path / "a.yaml").write_text(yaml.safe_dump_all([deployment("web"), pod("web-1")]))
    with CaptureWriter(tmp_path / "old") as writer:
        writer.write(FlowsRead(FLOWS))
    sources = [CaptureSource(tmp_path / "old"), ManifestSource([tmp_path / "a.yaml"]), Live()]
    stop, seen = threading.Event(), set[str]()

    def report(status: SourceStatus) -> None:
        nonlocal seen
        seen |= {status.source} if status.settled else set()
        if len(seen) == 3:
            stop.set()

    recorded = record(sources, tmp_path / "new", stop, report=report)
    found = replay(tmp_path / "new")
    assert (recorded.flows, recorded.gaps, list(recorded.objects.values())) == (20, 1, [2])
    assert len(found.flows) == 21
    assert sorted(found.names) == ["web", "web-1"]
    told = Collected()
    ManifestSource([tmp_path / "a.yaml"]).read(told)
    assert build_inventory(found.objects) == build_inventory(told.objects)


def test_what_was_not_worth_a_line_is_written_before_its_source_says_that_it_reaches_further_back() -> None:
    writer, told = ObservedWriter(), Observed("netobserv", 100.0, idle=1)
    later = [told, replace(told, idle=2), replace(told, since=50.0), replace(told, since=20.0)]
    written = [[line[KEY] for line in writer.lines("a", [one], 200.0)] for one in later]
    assert [[(line["since"], line["idle"]) for line in lines] for lines in written] == [
        [(100.0, 1)],
        [],
        [(100.0, 2), (50.0, 1)],
        [(20.0, 1)],
    ]


def test_it_ends_when_all_sources_have_ended(tmp_path: Path) -> None:
    with CaptureWriter(tmp_path / "old") as writer:
        writer.write(FlowsRead(FLOWS))
    stop = threading.Event()
    recorded = record([CaptureSource(tmp_path / "old")], tmp_path / "new.gz", stop)
    assert recorded.flows == 10
    assert recorded.statuses[f"capture {tmp_path / 'old'}"].ended
    assert replay(tmp_path / "new.gz").flows == list(FLOWS)


def test_a_source_that_fails_costs_no_other(tmp_path: Path) -> None:
    with CaptureWriter(tmp_path / "old") as writer:
        writer.write(FlowsRead(FLOWS))
    sources = [CaptureSource(tmp_path / "none"), CaptureSource(tmp_path / "old")]
    recorded = record(sources, tmp_path / "new", threading.Event())
    assert [type(failure) for failure in recorded.failures] == [NotFoundError]
    assert replay(tmp_path / "new").flows == list(FLOWS)


def test_when_nothing_can_be_read_no_file_is_left(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="none"):
        record([CaptureSource(tmp_path / "none")], tmp_path / "new", threading.Event())
    assert list(tmp_path.iterdir()) == []


def test_an_older_recording_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("precious")
    with pytest.raises(CannotWriteError, match="exists already"):
        record([Live()], tmp_path / "new", threading.Event())
    assert (tmp_path / "new").read_text() == "precious"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which is always full")
def test_a_full_disk_ends_it_and_its_sources() -> None:
    stop = threading.Event()
    with pytest.raises(CannotWriteError):
        record([Live()], "/dev/full", stop, overwrite=True)
