"""Flows from files and pipes, whole and broken: nothing readable is lost, nothing skipped is hidden."""

import gzip
import itertools
import json
import os
import threading
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.errors import BadInputError, NetsecError, NotFoundError
from netsec_tui.model.flow import Flow, Gap
from netsec_tui.sources.contract import FlowsRead, SourceStatus
from netsec_tui.sources.lines import documents
from netsec_tui.sources.lines.packed import Unpacker
from netsec_tui.sources.lines.reading import LineReading
from netsec_tui.sources.lines.source import FlowFileSource, FlowStreamSource
from tests.sources.waiting import PATIENCE


def flow(port):
    return {
        "flow": {
            "time": "2021-06-16T16:52:13Z",
            "verdict": "FORWARDED",
            "IP": {"source": "10.0.0.1", "destination": "10.0.0.2"},
            "l4": {"TCP": {"source_port": 40000, "destination_port": port}},
            "is_reply": False,
        },
        "node_name": "n1",
    }


def line(port):
    return json.dumps(flow(port)).encode() + b"\n"


LOST = b'{"lost_events":{"source":"HUBBLE_RING_BUFFER","num_events_lost":"5"},"node_name":"n1"}\n'


class Heard:
    """Collect messages; ``gaps`` and ``ports`` in the order in which they came."""

    def __init__(self):
        self.messages = []
        self.news = threading.Event()

    def __call__(self, message):
        self.messages.append(message)
        self.news.set()

    @property
    def items(self):
        return [item for m in self.messages if isinstance(m, FlowsRead) for item in m.flows]

    @property
    def ports(self):
        return [item.destination_port for item in self.items if isinstance(item, Flow)]

    @property
    def gaps(self):
        return [item for item in self.items if isinstance(item, Gap)]

    @property
    def status(self):
        return [m for m in self.messages if isinstance(m, SourceStatus)][-1]


def read(tmp_path, content, name="flows.json"):
    path = tmp_path / name
    path.write_bytes(content)
    heard = Heard()
    FlowFileSource(path).read(heard)
    return heard


PRETTY = json.dumps(flow(1), indent=2).encode() + b"\n"
UNCLOSED = b"[\n" + line(1).strip() + b",\n" + line(2).strip() + b",\n" + line(3)[:40]


@pytest.mark.parametrize(
    ("content", "ports"),
    [
        (line(1) + line(2), [1, 2]),
        (line(1) + line(2).rstrip(), [1, 2]),
        (b"\n  \n" + line(1) + b"\r\n" + line(2) + b"\n", [1, 2]),
        (line(1).replace(b"\n", b"\r\n") + line(2), [1, 2]),
        (b"\xef\xbb\xbf" + line(1), [1]),
        (json.dumps([flow(1), flow(2)]).encode(), [1, 2]),
        (json.dumps([flow(1), flow(2)], indent=2).encode(), [1, 2]),
        (json.dumps(flow(1)["flow"]).encode(), [1]),
        (PRETTY + PRETTY, [1, 1]),
        (b"[\n" + line(1).strip() + b",\n" + line(2).strip() + b"\n]\n" + line(3), [1, 2, 3]),
    ],
    ids=["lines", "no last newline", "blank", "crlf", "bom", "array", "tall array", "bare", "tall", "mixed"],
)
def test_every_usual_form_is_read(tmp_path, content, ports):
    heard = read(tmp_path, content)
    assert heard.ports == ports
    assert heard.gaps == []
    assert (heard.status.skipped, heard.status.ended, heard.status.error) == (0, True, "")


@pytest.mark.parametrize(
    ("content", "ports", "number", "words", "skipped"),
    [
        (line(1) + b"oops\n" + line(2), [1, 2], 2, "not JSON", 1),
        (line(1) + b"\n{}\n" + line(2) + b"oops\n", [1, 2], 3, "not a Hubble flow", 2),
        (line(1) + b"null\n" + line(2), [1, 2], 2, "not a Hubble flow", 1),
        (line(1) + b"\xff\xfe\n" + line(2), [1, 2], 2, "UTF-8", 1),
        (line(1) + b"[" * 100_000 + b"\n" + line(2), [1, 2], 2, "not JSON", 1),
        (line(1) + line(-4) + line(2), [1, 2], 2, "a port is not a number", 1),
        (line(1) + line(2)[:70], [1], 2, "cut off", 1),
        (line(1) + b"{\n" + line(2) + line(3), [1, 2, 3], 2, "not JSON", 1),
        (line(1) + PRETTY[:50], [1], 2, "cut off", 1),
        (UNCLOSED, [1, 2], 1, "cut off", 1),
        (b"[3," + json.dumps(flow(1)).encode() + b"]", [1], 1, "JSON object is expected", 1),
    ],
)
def test_what_is_broken_is_counted_and_named_and_the_rest_is_kept(
    tmp_path, content, ports, number, words, skipped
):
    heard = read(tmp_path, content)
    where = f"{tmp_path / 'flows.json'}:{number}: "
    assert heard.ports == ports
    assert heard.status.skipped == skipped
    assert heard.status.detail.startswith(where)
    assert words in heard.status.detail
    assert [gap.lost for gap in heard.gaps] == [skipped]
    assert heard.gaps[0].reason.startswith(heard.status.detail)


def test_lost_events_add_up(tmp_path):
    heard = read(tmp_path, LOST * 3 + line(1) + LOST)
    assert [(gap.lost, gap.node) for gap in heard.gaps] == [(20, "n1")]
    assert heard.status.skipped == 0


def lost_at(minute, count):
    event = {"source": "HUBBLE_RING_BUFFER", "num_events_lost": str(count)}
    at = f"2026-07-01T10:{minute:02d}:30Z"
    return json.dumps({"lost_events": event, "node_name": "n1", "time": at}).encode() + b"\n"


@pytest.mark.parametrize("order", [(1, 30), (30, 1)])
def test_what_was_lost_at_different_times_stays_apart_whatever_the_order(tmp_path, order):
    losses = {1: lost_at(1, 1000), 30: lost_at(30, 1)}
    heard = read(tmp_path, line(1) + b"".join(losses[minute] for minute in order) + lost_at(1, 5))
    apart = sorted((gap.time, gap.lost) for gap in heard.gaps)
    assert [lost for _, lost in apart] == [1005, 1]
    assert apart[1][0] - apart[0][0] == 29 * 60


def test_what_is_lost_without_a_time_may_lie_in_any_window(tmp_path):
    heard = read(tmp_path, line(1) + LOST + b"{broken}\n")
    assert [gap.time for gap in heard.gaps] == [0.0, 0.0]


def test_a_huge_line_is_read(tmp_path):
    wide = flow(1)
    wide["flow"]["Summary"] = "x" * 5_000_000
    assert read(tmp_path, json.dumps(wide).encode() + b"\n" + line(2)).ports == [1, 2]


@pytest.mark.parametrize("name", ["flows.json.gz", "flows.json"])
def test_a_packed_file_is_unpacked(tmp_path, name):
    assert read(tmp_path, gzip.compress(line(1) + line(2)), name).ports == [1, 2]


def test_a_packed_file_that_is_cut_off_keeps_what_it_has(tmp_path):
    lines = [line(1000 + n % 997) for n in range(5000)]
    packed = gzip.compress(b"".join(lines), compresslevel=0)
    heard = read(tmp_path, packed[: len(packed) // 2], "flows.json.gz")
    assert 2000 < len(heard.ports) < 3000
    assert heard.ports == [1000 + n % 997 for n in range(len(heard.ports))]
    assert heard.status.skipped == 1
    assert "cut off or damaged" in heard.status.detail


IDLE = (
    b"tcp 6 414000 ESTABLISHED src=10.244.1.5 dst=10.244.1.8 sport=40000 dport=8080 "
    b"src=10.244.1.8 dst=10.244.1.5 sport=8080 dport=40000 [ASSURED] mark=0 use=1\n"
)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b'{"netsec-tui":"capture","version":1}\n', "--capture"),
        (b"apiVersion: v1\nkind: Pod\n", "--manifests"),
        (b'{\n  "apiVersion": "v1",\n  "kind": "List"\n}\n', "--manifests"),
        (b"\x7fELF\x02\x01\x01\x00\x00\x00", "is not text"),
        (b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00", "packets"),
        (line(1).decode().encode("utf-16"), "UTF-16"),
        (b"Jun 16 16:52:13.136: default/a:40000 (ID:1) -> default/b:80 (ID:2) to-endpoint\n", "-o json"),
        (b"hello\nworld\n", "flows.json:1: not JSON): expected are JSON lines"),
        (LOST, "expected are JSON lines"),
        (IDLE, "of connections that are open (1) it does not tell that a packet passed lately"),
        (b'{"time":"2021-06-16T16:52:13Z","verdict":"FORWARDED","IP":{}}\n', "field mask"),
    ],
)
def test_a_file_without_a_single_flow_says_what_it_looks_like(tmp_path, content, words):
    with pytest.raises(BadInputError) as raised:
        read(tmp_path, content)
    assert str(raised.value).startswith(f"{tmp_path / 'flows.json'} holds no flow")
    assert words in str(raised.value)


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match="does not exist"):
        FlowFileSource(tmp_path / "none.json").read(Heard())


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(BadInputError, match="is a folder"):
        FlowFileSource(tmp_path).read(Heard())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "flows.json"
    path.write_bytes(line(1))
    path.chmod(0)
    with pytest.raises(NotFoundError, match="permissions"):
        FlowFileSource(path).read(Heard())


def test_control_characters_of_a_node_do_not_reach_the_terminal(tmp_path):
    heard = read(tmp_path, line(1) + b'{"flow":{"time":"\\u001b[31m"}}\n')
    assert "\x1b" not in heard.status.detail


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_any_bytes_in_any_pieces_are_read_alike(junk, cuts):
    content = line(1) + junk + b"\n" + line(2)
    whole, pieces = Heard(), Heard()
    at = sorted({0, len(content), *(cut for cut in cuts if cut < len(content))})
    for heard, parts in (
        (whole, [content]),
        (pieces, [content[a:b] for a, b in itertools.pairwise(at)]),
    ):
        reading = LineReading("x", "x", live=False)
        for part in parts:
            reading.feed(part)
        reading.finish()
        reading.flush(heard, ended=True)
    assert whole.messages == pieces.messages
    assert whole.ports[0] == 1


class Pipe:
    """A pipe that a source follows in a thread of its own."""

    def __init__(self):
        reading, self.writing = os.pipe()
        self.stream = os.fdopen(reading, "rb", buffering=0)
        self.heard = Heard()
        self.stop = threading.Event()
        self.error = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            FlowStreamSource(self.stream).follow(self.heard, self.stop)
        except NetsecError as error:
            self.error = error

    def write(self, content):
        os.write(self.writing, content)

    def wait_for(self, condition):
        """Wait until messages make the condition true; the time limit only ends a failing test."""
        while not condition():
            self.heard.news.clear()
            assert condition() or self.heard.news.wait(PATIENCE)

    def close(self):
        """Close the writing end and wait for the source to end."""
        os.close(self.writing)
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        self.stream.close()


def test_a_stream_hands_on_flows_as_they_come():
    pipe = Pipe()
    pipe.wait_for(lambda: pipe.heard.messages)
    assert pipe.heard.status == SourceStatus("flows standard input", True, "no flow yet")
    pipe.write(line(1) + line(2)[:30])
    pipe.wait_for(lambda: pipe.heard.ports)
    assert pipe.heard.ports == [1]
    pipe.write(line(2)[30:])
    pipe.wait_for(lambda: len(pipe.heard.ports) == 2)
    assert not pipe.heard.status.ended
    pipe.close()
    assert pipe.heard.ports == [1, 2]
    assert (pipe.heard.status.ended, pipe.heard.status.detail) == (True, "2 flows")


def test_a_stream_says_from_when_to_when_it_told_while_it_goes_on():
    pipe = Pipe()
    pipe.write(line(1))
    pipe.wait_for(lambda: pipe.heard.ports)
    pipe.wait_for(lambda: pipe.heard.status.recorded)
    assert not pipe.heard.status.ended
    (one,) = pipe.heard.status.recorded
    assert (one.origin, one.nodes, one.until) == ("hubble", {"n1"}, one.since)
    pipe.close()


def test_a_stream_that_says_nothing_stops_when_asked():
    pipe = Pipe()
    pipe.stop.set()
    pipe.thread.join(PATIENCE)
    assert not pipe.thread.is_alive()
    pipe.close()


def test_broken_lines_of_a_stream_are_told_at_once_and_then_added_up():
    pipe = Pipe()
    pipe.write(line(1) + b"oops\n")
    pipe.wait_for(lambda: pipe.heard.gaps)
    pipe.write(b"oops\n" + line(2))
    pipe.wait_for(lambda: len(pipe.heard.ports) == 2)
    pipe.close()
    assert sum(gap.lost for gap in pipe.heard.gaps) == pipe.heard.status.skipped == 2
    assert pipe.heard.gaps[0].reason == pipe.heard.status.detail == "standard input:2: not JSON"


@pytest.mark.parametrize(("content", "words"), [(b"", "is empty"), (b"x\n", "not JSON")])
def test_a_stream_that_ends_without_a_flow_is_an_error(content, words):
    pipe = Pipe()
    pipe.write(content)
    pipe.close()
    assert isinstance(pipe.error, BadInputError)
    assert words in str(pipe.error)


PACKED = gzip.compress(line(1) + b"oops\n") + b"\0\0" + gzip.compress(line(2) + line(3))


@pytest.mark.parametrize("step", [1, 2, 7, len(PACKED)])
def test_a_packed_stream_is_unpacked_as_it_comes(step):
    pipe = Pipe()
    for at in range(0, len(PACKED), step):
        pipe.write(PACKED[at : at + step])
    pipe.close()
    assert (pipe.heard.ports, pipe.error) == ([1, 2, 3], None)
    assert (pipe.heard.status.skipped, pipe.heard.status.detail) == (1, "standard input:2: not JSON")


@pytest.mark.parametrize(
    ("end", "words"),
    [(b"", "the packed input is cut off here"), (b"\xff" * 20, "the packed input is damaged from here on")],
)
def test_a_packed_stream_that_breaks_keeps_what_it_has(end, words):
    packer = zlib.compressobj(wbits=31)
    begun = packer.compress(line(1) + line(2)) + packer.flush(zlib.Z_SYNC_FLUSH)
    pipe = Pipe()
    pipe.write(begun)
    pipe.wait_for(lambda: pipe.heard.ports)
    pipe.write(end)
    pipe.close()
    assert pipe.heard.ports == [1, 2]
    assert (pipe.heard.status.skipped, pipe.heard.status.detail) == (1, f"standard input:3: {words}")


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_longer_than_any_is_not_gathered_and_is_counted(monkeypatch, end):
    monkeypatch.setattr(documents, "LONGEST", 4000)
    reading, heard = LineReading("x", "x", live=True), Heard()
    reading.feed(line(1))
    most = 0
    for _ in range(100):
        reading.feed(b"x" * 1000)
        most = max(most, sum(map(len, reading._rest)))
    reading.feed(end + (line(2) + b"[\n" if end else b""))
    reading.finish()
    reading.flush(heard)
    assert most <= 4000
    assert heard.ports == ([1, 2] if end else [1])
    reasons = [item.reason for item in heard.items if isinstance(item, Gap)]
    assert reasons[0].startswith("x:2: a line is longer than 0 MiB")
    assert reading.skipped == (2 if end else 1)


def test_a_value_over_lines_longer_than_any_is_given_up_with_what_it_holds(monkeypatch):
    monkeypatch.setattr(documents, "LONGEST", 4000)
    reading, heard = LineReading("x", "x", live=True), Heard()
    reading.feed(b"[\n" + b"".join(line(port)[:-1] + b",\n" for port in range(1, 40)) + b"]\n" + line(99))
    reading.flush(heard)
    assert heard.ports[:10] == list(range(1, 11))
    assert heard.ports[-1] == 99
    assert "x:1: the JSON that begins here is longer than 0 MiB" in heard.messages[-1].detail
    assert not reading._documents._begun


def test_a_packed_stream_of_enormous_size_is_read_in_pieces():
    unpacker = Unpacker()
    sizes = [len(piece) for piece in unpacker.feed(gzip.compress(b"\n" * 50_000_000))]
    assert (sum(sizes), unpacker.finish()) == (50_000_000, b"")
    assert max(sizes) <= 1 << 20


def test_a_keyboard_is_no_stream():
    controller, terminal = os.openpty()
    with os.fdopen(terminal, "rb", buffering=0) as stream, pytest.raises(BadInputError, match="terminal"):
        FlowStreamSource(stream).read(Heard())
    os.close(controller)


def test_a_closed_stream_is_an_error(tmp_path):
    stream = (tmp_path / "x").open("wb+")
    stream.close()
    with pytest.raises(BadInputError, match="closed"):
        FlowStreamSource(stream).read(Heard())


def test_a_path_that_is_a_pipe_is_followed(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(line(1) + line(2)), daemon=True)
    source, heard = FlowFileSource(path), Heard()
    writer.start()
    source.read(heard)
    assert source.live
    assert heard.ports == [1, 2]
    assert heard.status.ended
