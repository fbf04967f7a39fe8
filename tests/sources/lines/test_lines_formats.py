"""Files of every known format, found by what they hold and read by the decoder of their live source."""

import gzip
import json
import os
import random
import re
import time
from pathlib import Path

import pytest

from netsec_tui.errors import BadInputError
from netsec_tui.model.flow import Flow, Gap
from netsec_tui.sources.contract import FlowsRead, SourceStatus
from netsec_tui.sources.lines.reading import LineReading
from netsec_tui.sources.lines.source import FlowFileSource, FlowStreamSource
from tests.sources.antrea import antrea_records
from tests.sources.calico.calico_flows import goldmane_json, told, whisker_json

DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "flows"

TABLE = (
    "ipv4     2 tcp      6 431998 ESTABLISHED src=10.244.1.5 dst=10.96.10.20 sport=57268 dport=80 "
    "src=10.244.1.8 dst=10.244.1.5 sport=8080 dport=57268 [ASSURED] mark=0 zone=0 use=2\n"
)
EVENTS = (
    "[1795172270.660704]\t    [NEW] ipv4     2 tcp      6 120 SYN_SENT src=10.244.1.5 dst=10.96.10.20 "
    "sport=57268 dport=80 [UNREPLIED] src=10.244.1.8 dst=10.244.1.5 sport=8080 dport=57268 id=3999237148\n"
    "[1795172270.660745]\t [UPDATE] ipv4     2 tcp      6 432000 ESTABLISHED src=10.244.1.5 dst=10.96.10.20 "
    "sport=57268 dport=80 src=10.244.1.8 dst=10.244.1.5 sport=8080 dport=57268 [ASSURED] id=3999237148\n"
)
DPCTL = (
    "tcp,orig=(src=10.244.1.5,dst=10.96.10.20,sport=57268,dport=80),"
    "reply=(src=10.244.1.8,dst=10.244.1.5,sport=8080,dport=57268),protoinfo=(state=TIME_WAIT)\n"
)
HUBBLE = {
    "flow": {
        "time": "2021-06-16T16:52:13Z",
        "verdict": "FORWARDED",
        "IP": {"source": "10.244.1.5", "destination": "10.244.1.8"},
        "l4": {"TCP": {"source_port": 57268, "destination_port": 8080}},
        "is_reply": False,
    }
}
NETOBSERV = {
    "SrcAddr": "10.244.1.5", "DstAddr": "10.244.1.8", "SrcPort": 57268, "DstPort": 8080, "Proto": 6,
    "Flags": 2, "TimeFlowStartMs": 1767607230000, "TimeFlowEndMs": 1767607230000, "Sampling": 1,
}  # fmt: skip
LOKI = {
    "status": "success",
    "data": {
        "resultType": "streams",
        "result": [
            {
                "stream": {"app": "netobserv-flowcollector"},
                "values": [["1767607230000000000", json.dumps(NETOBSERV)]],
            }
        ],
    },
}
GOLDMANE = goldmane_json(told())
WHISKER = whisker_json(told())


def lines(*values):
    return "".join(json.dumps(value) + "\n" for value in values)


SAMPLES = {
    "hubble": ("hubble", lines(HUBBLE)),
    "nf_conntrack": ("conntrack", TABLE),
    "conntrack -L": ("conntrack", TABLE.removeprefix("ipv4     2 ")),
    "conntrack -E": ("conntrack", EVENTS),
    "dpctl": ("conntrack", DPCTL),
    "Loki": ("netobserv", json.dumps(LOKI)),
    "Loki, indented": ("netobserv", json.dumps(LOKI, indent=2)),
    "NetObserv's command": ("netobserv", json.dumps([NETOBSERV, NETOBSERV])),
    "NetObserv's command, indented": ("netobserv", json.dumps([NETOBSERV], indent=1)),
    "NetObserv's lines": ("netobserv", lines(NETOBSERV)),
    "Goldmane": ("goldmane", lines(GOLDMANE)),
    "Goldmane's list": ("goldmane", json.dumps({"meta": {}, "flows": [GOLDMANE]}, indent=2)),
    "Whisker": ("whisker", lines(WHISKER)),
    "Whisker's list": ("whisker", json.dumps({"total": {"totalPages": 1}, "items": [WHISKER]})),
    "Whisker's events": ("whisker", f": hello\nid: 1\nevent: flow\ndata: {json.dumps(WHISKER)}\n\n"),
    "Antrea": ("antrea", lines(antrea_records.flow())),
    "Antrea's answer": ("antrea", lines({"flows": [antrea_records.flow()]})),
    "Antrea's log": ("antrea-log", antrea_records.line() + "\n"),
    "Theia": ("antrea", lines(antrea_records.row())),
}


def read(tmp_path, content, name="flows"):
    """Return the flows and gaps of a file with that content, and the last status."""
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    messages = []
    FlowFileSource(path).read(messages.append)
    items = [item for message in messages if isinstance(message, FlowsRead) for item in message.flows]
    status = [message for message in messages if isinstance(message, SourceStatus)][-1]
    return [i for i in items if isinstance(i, Flow)], [i for i in items if isinstance(i, Gap)], status


def listening(flows):
    """Return who listens: the address and port of each flow's destination, of replies the source's."""
    return {
        (f.source.ip, f.source_port) if f.is_reply else (f.destination.ip, f.destination_port) for f in flows
    }


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", SAMPLES)
def test_the_format_is_found_by_what_the_file_holds(tmp_path, name, packed):
    origin, text = SAMPLES[name]
    flows, gaps, status = read(tmp_path, gzip.compress(text.encode()) if packed else text)
    assert 8080 in {port for _, port in listening(flows)}
    assert {flow.origin for flow in flows} == {origin}
    assert (gaps, status.skipped, status.ended) == ([], 0, True)


def test_an_answer_of_many_megabytes_is_one_value(tmp_path):
    stream = LOKI["data"]["result"][0]
    many = [[str(1767607230000000000 + n), json.dumps({**NETOBSERV, "SrcPort": 40000 + n % 20000})]
            for n in range(20_000)]  # fmt: skip
    loki = {**LOKI, "data": {"resultType": "streams", "result": [{**stream, "values": many}]}}
    flows, _, status = read(tmp_path, json.dumps(loki))
    assert (tmp_path / "flows").stat().st_size > 4_000_000
    assert (len({flow.source_port for flow in flows}), status.skipped) == (20_000, 0)


def test_lines_of_another_format_are_counted_and_the_first_known_one_decides(tmp_path):
    content = "$ conntrack -L\n" + TABLE + json.dumps(HUBBLE) + "\n"
    flows, gaps, status = read(tmp_path, content)
    assert {flow.origin for flow in flows} == {"conntrack"}
    assert status.skipped == 2
    assert status.detail.startswith(f"{tmp_path / 'flows'}:1: not JSON")
    assert sum(gap.lost for gap in gaps) == 2


def test_a_table_is_as_old_as_its_file(tmp_path):
    path = tmp_path / "table"
    path.write_text(TABLE)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    messages = []
    FlowFileSource(path).read(messages.append)
    (flow, *_) = (item for message in messages if isinstance(message, FlowsRead) for item in message.flows)
    assert 1_700_000_000 - 3600 < flow.time <= 1_700_000_000


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_redirected_table_is_as_old_as_its_file(tmp_path, packed):
    path = tmp_path / "table"
    path.write_bytes(gzip.compress(TABLE.encode()) if packed else TABLE.encode())
    os.utime(path, (1_700_000_000, 1_700_000_000))
    messages = []
    with path.open("rb", buffering=0) as stream:
        FlowStreamSource(stream).read(messages.append)
    items = [item for message in messages if isinstance(message, FlowsRead) for item in message.flows]
    assert {type(item) for item in items} == {Flow}
    assert all(1_700_000_000 - 3600 < flow.time <= 1_700_000_000 for flow in items)
    assert not messages[-1].live


BARE = re.sub(r"(?m)^\[[\d.]+\]\s*", "", EVENTS)


@pytest.mark.parametrize(
    ("content", "said"),
    [(TABLE, 1), (BARE, 1), (TABLE + BARE, 1), (EVENTS, 0), (EVENTS + BARE, 0), (json.dumps(HUBBLE), 0)],
)
def test_a_pipe_whose_lines_tell_no_time_counts_as_of_now_and_says_so(content, said):
    reading, writing = os.pipe()
    os.write(writing, content.encode())
    os.close(writing)
    messages, before = [], time.time()
    with os.fdopen(reading, "rb", buffering=0) as stream:
        FlowStreamSource(stream).read(messages.append)
    items = [item for message in messages if isinstance(message, FlowsRead) for item in message.flows]
    gaps = [item for item in items if isinstance(item, Gap)]
    assert len(gaps) == said
    for gap in gaps:
        assert gap.reason.startswith("standard input holds connections without a time")
        assert (before <= gap.time <= time.time(), gap.lost) == (True, 0)
    assert messages[-1].live


IMPOSSIBLE = [
    (1.0, "was last changed before the year 2000"),
    (4_000_000_000.0, r"was last changed after now \(2096-10-02 07:06 UTC\).* set this machine's clock"),
]


@pytest.mark.parametrize(("changed", "words"), IMPOSSIBLE)
def test_a_table_whose_file_has_a_time_that_cannot_be_is_refused_with_the_way_out(tmp_path, changed, words):
    path = tmp_path / "table"
    path.write_text(TABLE)
    os.utime(path, (changed, changed))
    with pytest.raises(BadInputError, match=rf"^{path} {words}") as refused:
        FlowFileSource(path).read([].append)
    assert "1 line" in str(refused.value)
    assert "touch -d" in str(refused.value)


@pytest.mark.parametrize(("changed", "words"), IMPOSSIBLE)
def test_what_tells_its_own_time_counts_whatever_the_file_says(tmp_path, changed, words):
    path = tmp_path / "events"
    path.write_text(TABLE + EVENTS)
    os.utime(path, (changed, changed))
    messages = []
    FlowFileSource(path).read(messages.append)
    items = [item for message in messages if isinstance(message, FlowsRead) for item in message.flows]
    assert {int(flow.time) for flow in items if isinstance(flow, Flow)} == {1_795_172_270}
    (gap,) = (item for item in items if isinstance(item, Gap))
    assert (gap.time, gap.lost) == (0.0, 1)
    assert re.search(f"^{path} {words}", gap.reason)
    assert messages[-1].skipped == 1


@pytest.mark.parametrize(("changed", "words"), IMPOSSIBLE)
def test_other_formats_tell_their_own_times(tmp_path, changed, words):
    path = tmp_path / "flows"
    path.write_text(json.dumps(HUBBLE) + "\n")
    os.utime(path, (changed, changed))
    messages = []
    FlowFileSource(path).read(messages.append)
    assert messages[-1].skipped == 0


def test_a_file_of_an_unknown_format_is_told_what_is_known(tmp_path):
    with pytest.raises(BadInputError, match=r"expected are JSON lines.*formats in docs/sources\.md"):
        read(tmp_path, '{"level": "info", "msg": "started"}\n')


@pytest.mark.parametrize("path", sorted(DATA.glob("*/*")), ids=lambda path: path.name)
def test_recordings_are_recognised(path):
    origins = {"hubble": "hubble", "conntrack": "conntrack", "netobserv": "netobserv"}
    if path.parent.name not in origins:
        pytest.skip(f"{path.parent.name} is no format of --flows")
    messages = []
    FlowFileSource(path).read(messages.append)
    items = [item for message in messages if isinstance(message, FlowsRead) for item in message.flows]
    assert {item.origin for item in items if isinstance(item, Flow)} == {origins[path.parent.name]}


@pytest.mark.parametrize("name", SAMPLES)
def test_bytes_in_any_pieces_are_read_alike(name):
    content = SAMPLES[name][1].encode()
    results = []
    for size in (1, 7, 64, len(content)):
        reading, messages = LineReading("x", "x", live=False, at=1767607230.0), []
        for at in range(0, len(content), size):
            reading.feed(content[at : at + size])
        reading.finish()
        reading.flush(messages.append, ended=True)
        results.append(messages)
    assert results == [results[-1]] * len(results)


@pytest.mark.parametrize("name", SAMPLES)
def test_broken_files_of_every_format_never_crash(name):
    chance = random.Random(name)
    content = (SAMPLES[name][1] * 20).encode()
    for _ in range(150):
        made = bytearray(content)
        for _ in range(chance.randint(1, 40)):
            made[chance.randrange(len(made))] = chance.randrange(256)
        reading = LineReading("x", "x", live=False, at=1767607230.0)
        reading.feed(bytes(made[: chance.randint(1, len(made))]))
        reading.finish()
        reading.flush(lambda message: None, ended=True)


def observed(tmp_path, content, changed=1795172300.0):
    path = tmp_path / "flows"
    path.write_text(content)
    os.utime(path, (changed, changed))
    said = []
    FlowFileSource(path).read(said.append)
    (*before, last) = [message for message in said if isinstance(message, SourceStatus)]
    assert not any(status.recorded for status in before)
    return last.recorded


def hubble_at(minute, node):
    flow = HUBBLE["flow"] | {"time": f"2021-06-16T16:{minute:02d}:00Z", "node_name": node}
    return json.dumps({"flow": flow}) + "\n"


@pytest.mark.parametrize("order", [1, -1])
def test_a_file_says_from_when_to_when_it_and_each_node_tell(tmp_path, order):
    lines = [hubble_at(10, "n1"), hubble_at(11, "n2"), hubble_at(12, "n2"), hubble_at(50, "n1")]
    (one,) = observed(tmp_path, "".join(lines[::order]))
    begun = one.since
    assert (one.origin, one.until - begun, one.nodes, one.by_flows) == ("hubble", 2400, {"n1", "n2"}, True)
    assert [(span.node, span.since - begun, span.until - begun) for span in one.spans] == [
        ("n1", 0, 2400),
        ("n2", 60, 120),
    ]


@pytest.mark.parametrize(("told", "expected"), [(50, 50), (1, 1), (0, 0), (None, 0)])
def test_a_file_of_netobserv_says_how_many_packets_were_looked_at(tmp_path, told, expected):
    (one,) = observed(tmp_path, json.dumps(NETOBSERV | {"Sampling": told}))
    assert (one.origin, one.sampling) == ("netobserv", expected)


@pytest.mark.parametrize("content", [TABLE, DPCTL])
def test_a_table_of_connections_is_an_instant(tmp_path, content):
    (one,) = observed(tmp_path, content)
    assert (one.since, one.until, one.nodes) == (1795172300.0, 1795172300.0, None)


def test_events_of_connections_are_told_from_the_first_to_the_last(tmp_path):
    later = EVENTS.replace("1795172270", "1795172290").replace("57268", "57269").replace("3999", "4999")
    (one,) = observed(tmp_path, EVENTS + later)
    assert (int(one.since), int(one.until)) == (1795172270, 1795172290)


IDLE = TABLE.replace("431998", "400000").replace("57268", "57269")


@pytest.mark.parametrize(("content", "idle"), [(TABLE, 0), (TABLE + IDLE, 1), (IDLE + TABLE + IDLE, 1)])
def test_a_table_says_how_many_connections_are_open_but_not_told(tmp_path, content, idle):
    (one,) = observed(tmp_path, content)
    assert one.idle == idle


def test_connections_that_are_not_told_are_counted_once_for_a_file_with_flows_of_two_sources(tmp_path):
    brief = DPCTL.replace("57268", "57270").replace("tcp", "udp").replace(",protoinfo=(state=TIME_WAIT)", "")
    first, second = observed(tmp_path, TABLE + IDLE + brief)
    assert {first.origin, second.origin} == {"conntrack", "conntrack-brief"}
    assert first.idle + second.idle == 1


@pytest.mark.parametrize(
    ("content", "addresses"),
    [(json.dumps(goldmane_json(told())), False), (json.dumps(whisker_json(told())), False), (TABLE, True)],
)
def test_a_file_says_whether_it_tells_addresses(tmp_path, content, addresses):
    (one,) = observed(tmp_path, content)
    assert one.addresses is addresses


@pytest.mark.parametrize("order", [1, -1])
def test_a_file_of_netobserv_names_every_node_that_reported_though_both_tell_the_same(tmp_path, order):
    """Those that told nothing new reported all the same, with all their records' times."""
    hosts = {"SrcK8S_HostIP": "192.0.2.1", "SrcK8S_HostName": "n1", "DstK8S_HostIP": "192.0.2.2"}
    made = NETOBSERV | hosts | {"DstK8S_HostName": "n2"}
    begun = made["TimeFlowEndMs"]
    told = [
        made | {"AgentIP": agent, "TimeFlowEndMs": begun + after}
        for agent in ("192.0.2.1", "192.0.2.2")
        for after in (0, 4000)
    ]
    (one,) = observed(tmp_path, "".join(json.dumps(record) + "\n" for record in told[::order]))
    assert (one.nodes, one.until - one.since) == ({"n1", "n2"}, 4)
    assert [(span.node, span.until - span.since) for span in one.spans] == [("n1", 4), ("n2", 4)]
