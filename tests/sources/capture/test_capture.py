from __future__ import annotations

import gzip
import json
import re
import stat
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.errors import BadInputError, CannotWriteError, NetsecError, NotFoundError
from netsec_tui.model.flow import Endpoint, Flow, Gap, Protocol, Reserved, Verdict
from netsec_tui.model.observed import NodeSpan, Observed
from netsec_tui.sources.capture import writer as capture_writer
from netsec_tui.sources.capture.source import CaptureSource
from netsec_tui.sources.capture.writer import CaptureWriter
from netsec_tui.sources.contract import FlowsRead, Message, ObjectsRead, SourceStatus
from netsec_tui.sources.inventory.addresses import canonical_ip
from netsec_tui.sources.inventory.build import build_inventory
from tests.sources.collected import Collected, gaps
from tests.sources.kube_objects import deployment, obj, pod

WEB = Endpoint("10.1.0.7", "shop", "web-1", (("app", "web"),), (("Deployment", "web"),))
WORLD = Endpoint("203.0.113.9", reserved=Reserved.WORLD, names=("example.com",))
FLOW = Flow(1714557600.25, WEB, WORLD, Protocol.TCP, 41234, 443, Verdict.FORWARDED, syn=True)
GAP = Gap(1714557601.0, 12, "node n1 lost 12 events", "n1")
HEADER = '{"netsec-tui":"capture","version":1}\n'

TEXTS = st.text(max_size=6)
ENDPOINTS = st.builds(
    Endpoint,
    ip=st.just("") | st.ip_addresses().map(str).map(canonical_ip),
    namespace=TEXTS,
    pod=TEXTS,
    labels=st.dictionaries(TEXTS, TEXTS, max_size=3).map(lambda labels: tuple(sorted(labels.items()))),
    workloads=st.lists(st.tuples(TEXTS, TEXTS), max_size=2).map(tuple),
    reserved=st.sampled_from(Reserved),
    names=st.lists(TEXTS, max_size=2).map(tuple),
    doubt=st.sampled_from([0.0, 10.0, 120.0]),
)
TIMES = st.floats(0, 2e11)
PORTS = st.integers(0, 65535)
FLOWS = st.builds(
    Flow,
    time=TIMES,
    source=ENDPOINTS,
    destination=ENDPOINTS,
    protocol=st.sampled_from(Protocol),
    source_port=PORTS,
    destination_port=PORTS,
    verdict=st.sampled_from(Verdict),
    is_reply=st.sampled_from([None, True, False]),
    proven=st.booleans(),
    syn=st.booleans(),
    ack=st.booleans(),
    rst=st.booleans(),
    service=st.none() | st.tuples(TEXTS, TEXTS),
    service_port=st.integers(0, 65535),
    node=TEXTS,
    count=st.integers(0, 10**9),
    synthetic=st.booleans(),
    origin=TEXTS,
    arrived=st.booleans(),
)
OBSERVED = st.builds(
    Observed,
    origin=TEXTS,
    since=TIMES,
    until=st.just(0.0) | TIMES,
    nodes=st.none() | st.frozensets(TEXTS, max_size=3),
    sampling=st.integers(0, 1000),
    idle=st.integers(0, 10**6),
    addresses=st.booleans(),
)
GAPS = st.builds(
    Gap,
    time=TIMES,
    lost=st.integers(0, 10**9),
    reason=TEXTS,
    node=TEXTS,
    origin=TEXTS,
    until=st.just(0.0) | TIMES,
)


@settings(max_examples=60)
@given(tellings=st.lists(OBSERVED, max_size=5))
def test_how_sources_have_watched_is_read_as_it_was_last_told(tellings: list[Observed]) -> None:
    begun = time.time()
    with tempfile.TemporaryDirectory() as folder:
        found = read(write(Path(folder, "c"), *(SourceStatus("s", True, observed=one) for one in tellings)))
    last = {(one.origin, one.since): one for one in tellings}
    assert found.status.skipped == 0
    recorded = {(one.origin, one.since): one for one in found.status.recorded}
    assert recorded.keys() == last.keys()
    for key, one in recorded.items():
        told = last[key]
        assert replace(one, until=told.until) == told
        if told.until:
            assert one.until == told.until
        else:  # it watched as long as was recorded
            assert max(begun, one.since) <= one.until <= max(time.time(), one.since)


@pytest.mark.parametrize(("since", "watches"), [(40.0, 2), (10.0, 1), (5.0, 1)])
def test_two_watches_of_one_file_may_begin_alike(tmp_path: Path, since: float, watches: int) -> None:
    first, then = (
        Observed(
            "hubble", 1000.0, 1000.0 + end, frozenset({"n1", "n2"}), spans=(NodeSpan("n2", 1000.0 + begun),)
        )
        for begun, end in ((10.0, 20.0), (since, 60.0))
    )
    found = read(write(tmp_path / "c", *(SourceStatus("s", True, observed=one) for one in (first, then))))
    assert found.status.recorded == (first, then)[2 - watches :]


def test_what_watches_on_is_not_written_with_every_reading(tmp_path: Path) -> None:
    watching = Observed("conntrack", 1714557600.0, nodes=frozenset({"n1"}))
    statuses = [SourceStatus("s", True, observed=replace(watching, idle=n)) for n in range(50)]
    lines = write(tmp_path / "c", *statuses).read_text().splitlines()[1:]
    assert [json.loads(line)["observed"].get("idle") for line in lines] == [None, 49]
    assert [one.idle for one in read(tmp_path / "c").status.recorded] == [49]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"origin": 5, "since": 1, "t": 1}, "origin is no text"),
        ({"origin": "x", "t": 1}, "since is no time"),
        ({"origin": "x", "since": 1}, "t is no time"),
        ({"origin": "x", "since": 1, "t": 1, "nodes": "n1"}, "nodes is no list of texts"),
        ({"origin": "x", "since": 1, "t": 1, "sampling": -1}, "sampling is not between 0 and"),
        ({"origin": "x", "since": 1, "t": 1, "noAddresses": 1}, "noAddresses or byFlows no boolean"),
        ({"origin": "x", "since": 1, "t": 1, "byFlows": 1}, "noAddresses or byFlows no boolean"),
        ({"origin": "x", "since": 1, "t": 1, "spans": {}}, "spans is no list"),
        ({"origin": "x", "since": 1, "t": 1, "spans": [["n1", 1]]}, "a span is no list of a node"),
        ({"origin": "x", "since": 1, "t": 1, "spans": [["n1", "x", 1]]}, "since is no time"),
    ],
)
def test_a_line_about_watching_that_makes_no_sense_is_left_out(
    tmp_path: Path, fields: dict[str, Any], complaint: str
) -> None:
    path = tmp_path / "c"
    path.write_text(HEADER + json.dumps({"observed": fields}) + "\n")
    found = read(path)
    assert found.status.skipped == 1
    assert found.status.recorded == ()
    assert complaint in gaps(found)[0].reason


def write(path: Path, *messages: Message) -> Path:
    with CaptureWriter(path) as writer:
        for message in messages:
            writer.write(message)
    return path


def read(path: Path) -> Collected:
    collected = Collected()
    CaptureSource(path).read(collected)
    return collected


@settings(max_examples=60)
@given(batches=st.lists(st.lists(FLOWS | GAPS, max_size=4), max_size=3), suffix=st.sampled_from(["", ".gz"]))
def test_flows_are_read_as_they_were_written(batches: list[list[Flow | Gap]], suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder, f"capture{suffix}"), *(FlowsRead(tuple(batch)) for batch in batches))
        found = read(path)
    assert found.flows == [flow for batch in batches for flow in batch]
    assert found.status.skipped == 0
    assert found.status.ended


NAMES = st.sampled_from(["web", "db", "cache"])
OBJECTS = st.lists(
    NAMES.map(deployment)
    | st.builds(
        pod, NAMES, st.dictionaries(NAMES, NAMES, max_size=2), ip=st.sampled_from(["10.1.0.1", "10.1.0.2"])
    )
    | NAMES.map(lambda name: obj("Namespace", name, None)),
    max_size=5,
)


@settings(max_examples=60)
@given(tellings=st.lists(st.tuples(st.sampled_from(["a", "b"]), OBJECTS), max_size=5))
def test_cluster_state_is_read_as_it_was_last_told(tellings: list[tuple[str, list[Any]]]) -> None:
    last = dict(tellings)
    with tempfile.TemporaryDirectory() as folder:
        found = read(
            write(Path(folder, "c"), *(ObjectsRead(source, tuple(objects)) for source, objects in tellings))
        )
    told = {m.source: m.objects for m in found.messages if isinstance(m, ObjectsRead)}
    assert told.keys() == last.keys()
    for source, objects in last.items():
        assert build_inventory(told[source]) == build_inventory(objects)


def test_only_what_has_changed_is_written_again(tmp_path: Path) -> None:
    one, two = deployment("one"), deployment("two")
    path = write(
        tmp_path / "c", *(ObjectsRead("a", (one, two)) for _ in range(3)), ObjectsRead("a", (two, pod("p")))
    )
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == 3
    assert lines[2]["objects"]["gone"] == [["Deployment", "shop", "one"]]
    assert [item["metadata"]["name"] for item in lines[2]["objects"]["items"]] == ["p"]


def test_what_is_deleted_is_written_once_and_read_beside_what_has_its_name_now(tmp_path: Path) -> None:
    first, second = ({**pod("db-0", ip=f"10.1.0.{n}"), "deleted": 1e9 + n} for n in (1, 2))
    now = pod("db-0", ip="10.1.0.3")
    tellings = [(now,), (now, first), (now, first, second), (now, first, second)]
    path = write(tmp_path / "c", *(ObjectsRead("a", objects) for objects in tellings))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["objects"].get("deleted") for line in lines[1:]] == [None, [first], [second]]
    assert all("gone" not in line["objects"] for line in lines[1:])
    found, _ = build_inventory(read(path).objects)
    assert [p.ips for p in found.pods] == [("10.1.0.3",)]
    assert [(p.ips, p.deleted) for p in found.gone_pods] == [
        (("10.1.0.1",), 1e9 + 1),
        (("10.1.0.2",), 1e9 + 2),
    ]


def test_what_could_not_be_read_then_is_told_again(tmp_path: Path) -> None:
    path = write(tmp_path / "c", ObjectsRead("a", (), ("pods may not be listed",)))
    assert read(path).problems == ("pods may not be listed",)


def test_no_secret_reaches_the_file(tmp_path: Path) -> None:
    secret = obj("Secret", "s", data={"password": "hunter2"})
    path = write(tmp_path / "c", ObjectsRead("a", (deployment("web"), secret)))
    assert "hunter2" not in path.read_text()
    assert read(path).names == ["web"]


def test_an_endpoint_is_written_once(tmp_path: Path) -> None:
    path = write(tmp_path / "c", *(FlowsRead((FLOW, FLOW)) for _ in range(10)))
    assert path.read_text().count('{"endpoint"') == 2


def test_endpoints_are_forgotten_before_they_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_writer, "_MOST_ENDPOINTS", 3)
    flows = [Flow(1.0, Endpoint(f"10.0.0.{i % 5}"), WEB, Protocol.TCP) for i in range(30)]
    assert read(write(tmp_path / "c", FlowsRead(tuple(flows)))).flows == flows


def test_what_was_made_up_is_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "c", FlowsRead((FLOW, replace(FLOW, synthetic=True), FLOW)))
    status = read(path).status
    assert (status.detail, status.synthetic) == ("3 flows, 1 of them synthetic", 1)


def test_a_note_in_the_header_is_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path / "c", FlowsRead((FLOW,)))
    noted = HEADER.replace("}", ',"note":"for people"}')
    path.write_text(path.read_text().replace(HEADER, noted))
    assert read(path).flows == [FLOW]


def test_a_capture_from_before_arrivals_were_told_has_none(tmp_path: Path) -> None:
    arrived = replace(FLOW, arrived=True)
    path = write(tmp_path / "c", FlowsRead((arrived,)))
    assert read(path).flows == [arrived]
    path.write_text(path.read_text().replace(',"arrived":true', ""))
    assert read(path).flows == [FLOW]


def test_how_a_source_is_doing_is_not_recorded(tmp_path: Path) -> None:
    assert write(tmp_path / "c", SourceStatus("a", True, error="gone")).read_text() == HEADER


def test_the_documented_example_is_a_capture(tmp_path: Path) -> None:
    document = (Path(__file__).parents[3] / "docs" / "capture-format.md").read_text()
    example = re.findall(r"```json\n(.*?)```", document, re.DOTALL)[-1]
    (tmp_path / "c").write_text(example)
    found = read(tmp_path / "c")
    assert found.status.skipped == 0
    assert found.names == ["shop"]
    assert len(found.flows) == 2


class TestWriting:
    def test_the_file_is_for_its_owner_alone(self, tmp_path: Path) -> None:
        assert stat.S_IMODE(write(tmp_path / "c").stat().st_mode) == 0o600

    def test_every_message_is_in_the_file_at_once(self, tmp_path: Path) -> None:
        for path in (tmp_path / "c", tmp_path / "c.gz"):
            with CaptureWriter(path) as writer:
                writer.write(FlowsRead((FLOW,)))
                assert read(path).flows[0] == FLOW

    def test_a_file_that_exists_is_left_alone_unless_told(self, tmp_path: Path) -> None:
        path = tmp_path / "c"
        path.write_text("precious")
        with pytest.raises(CannotWriteError, match="exists already"):
            write(path)
        assert path.read_text() == "precious"
        path.chmod(0o644)
        with CaptureWriter(path, overwrite=True):
            pass
        assert path.read_text() == HEADER
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_a_link_is_not_followed(self, tmp_path: Path) -> None:
        (tmp_path / "precious").write_text("precious")
        (tmp_path / "c").symlink_to(tmp_path / "precious")
        for overwrite in (True, False):
            with pytest.raises(CannotWriteError), CaptureWriter(tmp_path / "c", overwrite=overwrite):
                pass
        assert (tmp_path / "precious").read_text() == "precious"

    @pytest.mark.parametrize("place", ["", "no/such/folder/c"])
    def test_a_bad_path_is_one_sentence_that_names_it(self, tmp_path: Path, place: str) -> None:
        with pytest.raises(CannotWriteError) as caught, CaptureWriter(tmp_path / place):
            pass
        assert str(tmp_path / place) in str(caught.value)

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which is always full")
    def test_a_full_disk_is_told(self) -> None:
        writer = CaptureWriter("/dev/full", overwrite=True)
        mode = Path("/dev/full").stat().st_mode
        with pytest.raises(CannotWriteError, match="No space left"), writer:
            writer.write(FlowsRead((FLOW,)))
        assert Path("/dev/full").stat().st_mode == mode


class TestBadInput:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (b"", "is empty"),
            (b'{"flow":{"time":"2021-06-16T16:52:13Z","verdict":"FORWARDED"}}\n', "--flows"),
            (b"apiVersion: v1\nkind: Pod\n", "--manifests"),
            (b"---\nfoo: 1\n", "--manifests"),
            (b'{\n  "apiVersion": "v1"}', "--manifests"),
            (gzip.compress(HEADER.encode(), mtime=0), "ends in .gz"),
            (b"\x00\xff\xfe", "another first line"),
            (b'{"netsec-tui":"decisions","version":1}\n', "another first line"),
            (b'{"netsec-tui":"capture"}\n', "no version"),
            (b'{"netsec-tui":"capture","version":true}\n', "no version"),
            (b'{"netsec-tui":"capture","version":2}\n', "newer netsec-tui"),
        ],
    )
    def test_what_is_no_capture_is_refused_with_a_way_out(
        self, tmp_path: Path, text: bytes, words: str
    ) -> None:
        path = tmp_path / "c"
        path.write_bytes(text)
        with pytest.raises(BadInputError) as caught:
            read(path)
        assert words in str(caught.value)
        assert str(path) in str(caught.value)

    def test_a_name_that_ends_in_gz_promises_gzip(self, tmp_path: Path) -> None:
        (tmp_path / "c.gz").write_text(HEADER)
        with pytest.raises(BadInputError, match="not compressed"):
            read(tmp_path / "c.gz")

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(NotFoundError, match="record"):
            read(tmp_path / "c")

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(NetsecError):
            read(tmp_path)

    @pytest.mark.parametrize(
        "line",
        [
            "junk",
            "[]",
            "5",
            "{}",
            '{"flow":5}',
            '{"flow":{},"gap":{}}',
            '{"later":{}}',
            '{"flow":{"t":1,"from":0,"to":7,"proto":"TCP","verdict":"DROPPED"}}',
            '{"flow":{"t":1,"from":0,"to":0,"proto":"IPX","verdict":"DROPPED"}}',
            '{"flow":{"t":1,"from":0,"to":0,"proto":"TCP","verdict":"MAYBE"}}',
            '{"flow":{"t":NaN,"from":0,"to":0,"proto":"TCP","verdict":"DROPPED"}}',
            '{"flow":{"t":1e300,"from":0,"to":0,"proto":"TCP","verdict":"DROPPED"}}',
            '{"flow":{"t":1,"from":0,"to":0,"proto":"TCP","verdict":"DROPPED","dport":70000}}',
            '{"flow":{"t":1,"from":0,"to":0,"proto":"TCP","verdict":"DROPPED","dport":true}}',
            '{"flow":{"t":1,"from":0,"to":0,"proto":"TCP","verdict":"DROPPED","service":["a"]}}',
            '{"flow":{"t":1,"from":0,"to":0,"proto":"TCP","verdict":"DROPPED","count":-1}}',
            '{"endpoint":{"ip":"10.0.0.1"}}',
            '{"endpoint":{"id":0,"ip":"nowhere"}}',
            '{"endpoint":{"id":0,"labels":{"a":1}}}',
            '{"endpoint":{"id":0,"owners":["a"]}}',
            '{"endpoint":{"id":0,"reserved":"moon"}}',
            '{"gap":{"t":1,"lost":-1,"reason":"x"}}',
            '{"objects":{"items":[]}}',
            '{"objects":{"source":"a","items":{}}}',
            "[" * 50_000,
            "\x1b[31m",
        ],
        ids=lambda line: line[:60],
    )
    def test_a_broken_line_is_counted_and_named_and_the_rest_is_kept(self, tmp_path: Path, line: str) -> None:
        path = write(tmp_path / "c", FlowsRead((FLOW,)))
        before = path.read_text()
        path.write_text(f"{before}{line}\n{before.splitlines()[-1]}\n")
        found = read(path)
        assert [flow for flow in found.flows if isinstance(flow, Flow)] == [FLOW, FLOW]
        (gap,) = gaps(found)
        assert gap.lost == found.status.skipped == 1
        assert gap.reason.startswith(f"{path}:{len(before.splitlines()) + 1} ")
        assert gap.reason.isprintable()

    def test_many_broken_lines_are_one_gap(self, tmp_path: Path) -> None:
        path = write(tmp_path / "c")
        path.write_text(f"{HEADER}junk\njunk\njunk\n")
        (gap,) = gaps(read(path))
        assert (gap.lost, ":2 " in gap.reason, "2 more" in gap.reason) == (3, True, True)

    def test_a_last_line_that_is_cut_off_costs_only_itself(self, tmp_path: Path) -> None:
        path = write(tmp_path / "c", FlowsRead((FLOW, GAP)))
        path.write_bytes(path.read_bytes()[:-10])
        found = read(path)
        assert found.flows[0] == FLOW
        assert "cut off" in gaps(found)[0].reason

    def test_a_compressed_file_that_is_cut_off_keeps_its_beginning(self, tmp_path: Path) -> None:
        path = tmp_path / "c.gz"
        with CaptureWriter(path) as writer:
            writer.write(FlowsRead((FLOW,)))
            size = path.stat().st_size
            writer.write(FlowsRead(tuple(Flow(float(i), WEB, WORLD, Protocol.UDP, i) for i in range(1000))))
        path.write_bytes(path.read_bytes()[: size + 100])
        found = read(path)
        assert found.flows[0] == FLOW
        assert "cut off" in gaps(found)[0].reason
        assert found.status.skipped == 1

    @given(junk=st.binary(max_size=60))
    def test_no_bytes_after_the_header_make_it_raise(self, junk: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "c")
            path.write_bytes(HEADER.encode() + junk)
            found = read(path)
        assert found.status.skipped <= junk.count(b"\n") + 1


def test_reading_ends_when_told_to(tmp_path: Path) -> None:
    path = write(tmp_path / "c", FlowsRead((FLOW,) * 5000))
    stop, messages = threading.Event(), []

    def emit(message: Message) -> None:
        messages.append(message)
        stop.set()

    CaptureSource(path).follow(emit, stop)
    assert len(messages) == 1
