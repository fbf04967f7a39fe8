"""Theia's table read from a server that speaks ClickHouse's HTTP interface, by clickhouse-connect."""

import builtins
import json
import re
import threading
import time
import tracemalloc

import pytest

from netsec_tui.errors import NotFoundError, UnreachableError
from netsec_tui.model.flow import Flow, Gap, Verdict
from netsec_tui.sources.access import Access, Address, TlsOptions
from netsec_tui.sources.antrea import theia
from netsec_tui.sources.antrea.theia import TheiaSource
from netsec_tui.sources.antrea.theia_client import PASSWORD_VARIABLE, USER_VARIABLE
from netsec_tui.sources.feeds import thread
from netsec_tui.sources.feeds.listen import listen
from netsec_tui.sources.reach import http
from netsec_tui.sources.reach.service import TOKEN_VARIABLE
from tests.cli.test_silent_server import half_a_head, one_byte_at_a_time, says_nothing, trouble
from tests.sources.antrea.antrea_records import row
from tests.sources.antrea.clickhouse_server import ClickHouseServer
from tests.sources.api_server import write_kubeconfig
from tests.sources.collected import following, read
from tests.sources.grpc.grpc_peer import certificates
from tests.sources.kube_objects import obj
from tests.sources.reach.forward_server import ForwardServer
from tests.sources.running import running

pytest.importorskip("clickhouse_connect", reason="pip install '.[clickhouse]'")

NOW = int(time.time())


def edge(seen, connections=1, **changes):
    """Return a row of the answer: connections of a pod to another through a Service within a minute."""
    made = row(**changes)
    for name in ("flowEndSeconds", "flowStartSeconds", "timeInserted", "sourceTransportPort", "tcpState"):
        del made[name]
    del made["reversePacketTotalCount"]
    # 64-bit numbers come as text, unless the server is told otherwise.
    return {"answered": 1, "refused": 0, "lastSeen": seen, "connections": str(connections)} | made | changes


@pytest.fixture
def clickhouse():
    server = ClickHouseServer([(NOW - 3000, edge(NOW - 3030, 12)), (NOW - 60, edge(NOW - 90, 3))], NOW)
    with running(server):
        yield server


@pytest.fixture
def _quick(monkeypatch):
    monkeypatch.setattr(theia, "POLL_SECONDS", 0.02)


def source(server, hours=1.0, **tls):
    access = Access("prod", address=Address("127.0.0.1", server.server_port), tls=TlsOptions(**tls))
    return TheiaSource(access, hours)


def counts(collected):
    """Return how many connections to the pod were told, request by request."""
    return [
        f.count for f in collected.flows
        if isinstance(f, Flow) and not f.is_reply and f.verdict is Verdict.FORWARDED
    ]  # fmt: skip


def test_the_table_of_the_last_hours(clickhouse):
    clickhouse.rows.insert(0, (NOW - 9000, edge(NOW - 9000)))
    collected = read(source(clickhouse))
    assert counts(collected) == [12, 3]
    first = next(flow for flow in collected.flows)
    assert (first.source.pod, first.source.labels, first.destination.pod, first.destination_port) == (
        "web-6b5-x1", (("app", "web"),), "api-0", 8080,
    )  # fmt: skip
    assert (first.time, first.source_port, first.origin, first.proven) == (NOW - 3030, 0, "antrea", True)
    assert {f.service for f in collected.flows if f.verdict is Verdict.TRACED} == {("shop", "api")}
    status = collected.status
    assert (status.ended, status.error, status.detail) == (True, "", "15 connections")
    assert status.observed.since == NOW - 3030


def test_the_query_adds_up_in_the_server_and_asks_for_what_is_there(clickhouse):
    clickhouse.columns = (*(c for c in clickhouse.columns if "Labels" not in c), "destinationServiceIP")
    read(source(clickhouse))
    edges = [query for query in clickhouse.asked if "GROUP BY" in query]
    assert len(edges) == 6  # ten minutes at once
    assert all("destinationServiceIP" in query and "Labels" not in query for query in edges)
    assert all(", sourceTransportPort, flowStartSeconds HAVING min(timeInserted) >" in q for q in edges)


def test_a_row_at_the_border_of_two_parts_is_read_once(clickhouse):
    at = NOW - 3600 + 600  # where the first ten minutes end
    clickhouse.rows = [(at - 1, edge(at - 31, 1)), (at, edge(at - 30, 2)), (at + 1, edge(at - 29, 4))]
    assert counts(read(source(clickhouse))) == [1, 2, 4]


def test_no_time_is_asked_for_that_the_servers_zone_would_shift(clickhouse):
    """A DateTime in an answer is text of the server's zone, and a text in a condition is read as such."""
    read(source(clickhouse))
    edges = [query for query in clickhouse.asked if "GROUP BY" in query]
    assert edges
    for query in edges:
        selected, _, conditions = query.partition(" FROM ")
        numbers = re.sub(r"(toUnixTimestamp\(max|toStartOfMinute)\([^()]*\)+", "", selected)
        assert not re.search(r"Seconds|timeInserted", numbers), query
        assert not re.search(r"toDateTime\((?!\d+\))|'\d{4}-", conditions), query


def test_a_table_without_tcp_states_is_read_too(clickhouse):
    clickhouse.columns = tuple(name for name in clickhouse.columns if name != "tcpState")
    assert counts(read(source(clickhouse))) == [12, 3]
    assert not any("tcpState" in query for query in clickhouse.asked)


@pytest.mark.usefixtures("_quick")
def test_what_is_inserted_is_followed_and_read_once(clickhouse):
    with following(source(clickhouse)) as collected:
        collected.wait_for(lambda: counts(collected) == [12, 3])
        # Of the last seconds more may still be inserted.
        clickhouse.rows += [(NOW - 1, edge(NOW - 20, 7)), (NOW - 6, edge(NOW - 21, 5))]
        clickhouse.now = NOW + 5
        collected.wait_for(lambda: 5 in counts(collected))
        assert counts(collected) == [12, 3, 5]
        clickhouse.now = NOW + 30
        collected.wait_for(lambda: 7 in counts(collected))
    assert counts(collected) == [12, 3, 5, 7]


@pytest.mark.usefixtures("_quick")
def test_a_connection_counts_once_a_minute_whatever_part_its_records_are_in(clickhouse):
    clickhouse.rows = []
    minute = NOW // 60 * 60
    first = NOW - 3600 + 600  # where the first ten minutes end
    clickhouse.records = [
        (at + 30, 40_001, edge(at // 60 * 60 + second))
        for at in (first - 40, first + 60)
        for second in (1, 2)
    ]
    clickhouse.records[1] = (first + 8, *clickhouse.records[1][1:])
    with following(source(clickhouse)) as collected:
        collected.wait_for(lambda: len(counts(collected)) == 2 and not collected.status.error)
        for late in range(8, 56, 8):
            clickhouse.records.append((NOW + late, 40_002, edge(minute + late)))
            if late == 24:
                clickhouse.records.append((NOW + late, 40_003, edge(minute + late)))
            clickhouse.now = NOW + late + 11
            asked = len(clickhouse.asked)
            collected.wait_for(lambda asked=asked: len(clickhouse.asked) > asked + 3)
        clickhouse.now = NOW + 90
        clickhouse.records.append((NOW + 75, 40_002, edge(minute + 61)))
        collected.wait_for(lambda: len(counts(collected)) == 5)
    assert counts(collected) == [1] * 5


@pytest.mark.usefixtures("_quick")
def test_trouble_in_between_misses_nothing_and_counts_nothing_twice(clickhouse):
    with following(source(clickhouse)) as collected:
        collected.wait_for(lambda: counts(collected) == [12, 3])
        clickhouse.refuse += [(500, "Code: 241. DB::Exception: Memory limit exceeded \x1b[31m")] * 3
        collected.wait_for(lambda: "Memory limit exceeded" in collected.status.error)
        assert "\x1b" not in collected.status.error
        clickhouse.now = NOW + 30
        clickhouse.rows.append((NOW + 5, edge(NOW, 7)))
        collected.wait_for(lambda: 7 in counts(collected) and not collected.status.error)
    assert counts(collected) == [12, 3, 7]


MEMORY = "Code: 241. DB::Exception: Memory limit (total) exceeded. (MEMORY_LIMIT_EXCEEDED)"
BREAKS = [
    f"{MEMORY} (version 24.3.1.1)\n".encode(),
    f'{{"sourceIP":"10.0{MEMORY}\n'.encode(),  # within a row
    f"\r\n__exception__\r\nPU1FNUFH98\r\n{MEMORY}\n80 PU1FNUFH98\r\n__exception__\r\n".encode(),
    json.dumps({"exception": MEMORY}).encode() + b"\n",
]


@pytest.mark.parametrize("breaks", BREAKS)
@pytest.mark.usefixtures("_quick")
def test_an_error_after_the_first_rows_misses_nothing_and_counts_nothing_twice(clickhouse, breaks):
    clickhouse.rows.insert(0, (NOW - 3001, edge(NOW - 3031, 5)))
    clickhouse.breaks = [breaks]
    with pytest.raises(UnreachableError, match=re.escape(f"breaks its rows off: {MEMORY}")):
        read(source(clickhouse))
    with following(source(clickhouse)) as collected:
        collected.wait_for(lambda: counts(collected) == [5, 12, 3])
        clickhouse.breaks = [breaks] * 2
        clickhouse.rows += [(NOW + 5, edge(NOW, 7)), (NOW + 6, edge(NOW, 9))]
        clickhouse.now = NOW + 30
        collected.wait_for(lambda: MEMORY in collected.status.error)
        collected.wait_for(lambda: 9 in counts(collected) and not collected.status.error)
    assert counts(collected) == [5, 12, 3, 7, 9]
    assert collected.status.skipped == 0
    assert not any(isinstance(item, Gap) for item in collected.flows)


@pytest.mark.parametrize(
    ("asked", "most"), [("version()", 4), ("settings", 4), ("now()", 4), ("GROUP BY", 2)]
)
def test_an_answer_without_end_is_not_taken_in(clickhouse, monkeypatch, asked, most):
    monkeypatch.setattr(http, "MOST_BYTES", 2 << 20)
    clickhouse.endless = asked
    tracemalloc.start()
    try:
        with pytest.raises(UnreachableError, match=f"^127.* answers with more than {most} MiB$"):
            read(source(clickhouse))
        assert tracemalloc.get_traced_memory()[1] < 40 << 20
    finally:
        tracemalloc.stop()


def test_denied_and_unanswered_edges(clickhouse):
    clickhouse.rows = [
        (NOW - 30, edge(NOW - 50, ingressNetworkPolicyRuleAction=2, answered=0)),
        (NOW - 30, edge(NOW - 50, destinationPodName="api-1", answered=0)),
        (NOW - 30, edge(NOW - 50, destinationPodName="api-2", refused=1)),
        (NOW - 30, edge(NOW - 50, destinationIP="?")),
    ]
    collected = read(source(clickhouse))
    flows = [f for f in collected.flows if isinstance(f, Flow) and not f.service]
    assert {(f.destination.pod, f.verdict) for f in flows if not f.is_reply} == {
        ("api-0", Verdict.DROPPED), ("api-1", Verdict.UNKNOWN), ("api-2", Verdict.UNKNOWN),
    }  # fmt: skip
    assert [(f.source.pod, f.rst) for f in flows if f.is_reply] == [("api-2", True)]
    assert [gap.lost for gap in collected.flows if isinstance(gap, Gap)] == [1]
    assert collected.status.skipped == 1


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ((), "has no table flows that may be read"),
        (("sourceIP",), "no column timeInserted; is it Theia's"),
    ],
)
def test_another_table_is_not_taken_for_theias(clickhouse, columns, words):
    clickhouse.columns = columns
    with pytest.raises(UnreachableError, match=words):
        read(source(clickhouse))


def test_credentials_come_from_the_environment_and_are_never_told(clickhouse, monkeypatch, caplog):
    clickhouse.login = "reader:s3cret"
    with pytest.raises(UnreachableError, match=f"give them in {USER_VARIABLE} and {PASSWORD_VARIABLE}"):
        read(source(clickhouse))
    monkeypatch.setenv(USER_VARIABLE, "reader")
    monkeypatch.setenv(PASSWORD_VARIABLE, "s3cret\r\n")  # out of a file
    collected = read(source(clickhouse))
    assert counts(collected) == [12, 3]
    assert "s3cret" not in str(collected.messages) + caplog.text


def test_a_token_that_is_not_for_it_need_not_be_one(clickhouse, monkeypatch):
    monkeypatch.setenv(TOKEN_VARIABLE, "s3cr3t\nX: y")
    assert counts(read(source(clickhouse))) == [12, 3]


def test_tls(clickhouse, tmp_path):
    made = certificates(tmp_path, "clickhouse.example")
    context = made.server_context()
    server = ClickHouseServer(clickhouse.rows, NOW)
    with running(server, context):
        trusted = {"ca_file": str(made.authority), "server_name": "clickhouse.example"}
        assert counts(read(source(server, **trusted))) == [12, 3]
        assert counts(read(source(server, insecure=True))) == [12, 3]
        with pytest.raises(
            UnreachableError, match=r"is not accepted: .*; name its authority with --source-ca"
        ):
            read(source(server, mode="on"))


def test_it_is_found_in_the_cluster_and_asked_through_the_api_server(clickhouse, tmp_path):
    found = obj(
        "EndpointSlice", "ch-x1", "flow-visibility", "discovery.k8s.io/v1",
        metadata={"labels": {"kubernetes.io/service-name": "clickhouse-clickhouse"}},
        ports=[{"name": "tcp", "port": 9000}], endpoints=[{"targetRef": {"kind": "Pod", "name": "chi-0"}}],
    )  # fmt: skip
    with running(ForwardServer([found])) as api:
        api.ports["chi-0", 8123] = clickhouse.server_address
        config = str(write_kubeconfig(tmp_path / "config", api.url))
        assert counts(read(TheiaSource(Access("prod", config), 1))) == [12, 3]
        api.ports["chi-0", 8123] = 403
        with pytest.raises(UnreachableError, match=r'resources: \["pods/portforward"\]'):
            read(TheiaSource(Access("prod", config), 1))


def test_nobody_there(clickhouse):
    server = ClickHouseServer([], NOW)
    server.server_close()
    with pytest.raises(UnreachableError, match="cannot be reached: Connection refused"):
        read(source(server))


def spaces_without_end(client, over):
    """Give a head and then one space after the other of a long body."""
    client.recv(65_536)
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not over.wait(0.02):
        client.sendall(b" ")


@pytest.mark.timeout(30)
@pytest.mark.parametrize("behaviour", [says_nothing, half_a_head, one_byte_at_a_time, spaces_without_end])
@pytest.mark.parametrize("way", ["read", "follow"])
def test_a_first_answer_that_does_not_come_in_time(monkeypatch, behaviour, way):
    monkeypatch.setattr(http, "FIRST_SECONDS", 0.3)
    more = [threading.Event()] if way == "follow" else []
    with trouble(behaviour) as server:
        host, port = server.address.split(":")
        made = TheiaSource(Access("prod", address=Address(host, int(port))))
        with pytest.raises(UnreachableError, match=f"^{server.address} does not answer within 0.3 s$"):
            getattr(made, way)(lambda message: None, *more)


@pytest.mark.timeout(30)
@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("asked", ["now()", "GROUP BY"])
def test_a_later_answer_that_does_not_come_in_time(clickhouse, monkeypatch, asked):
    with following(source(clickhouse)) as collected:
        collected.wait_for(lambda: counts(collected) == [12, 3])
        for limit in ("FIRST_SECONDS", "WHOLE_SECONDS"):
            monkeypatch.setattr(http, limit, 0.3)
        clickhouse.slow = asked
        clickhouse.now = NOW + 30
        late = f"127.0.0.1:{clickhouse.server_port} does not answer within 0.3 s; it is asked again"
        collected.wait_for(lambda: late in collected.status.error)
        clickhouse.slow = ""
        clickhouse.rows.append((NOW + 5, edge(NOW, 7)))
        collected.wait_for(lambda: 7 in counts(collected) and not collected.status.error)
    assert counts(collected) == [12, 3, 7]


NOT_CLICKHOUSE = "answers, but not as ClickHouse does; is it another service?"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "speaks no HTTP; is it another service? It says: SSH-2.0-OpenSSH"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", NOT_CLICKHOUSE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", NOT_CLICKHOUSE),
        (b"HTTP/1.1 302 Found\r\nLocation: http://x.example/\r\nContent-Length: 0\r\n\r\n", NOT_CLICKHOUSE),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 5\r\n\r\nhello", "gives no rows: hello"),
        (
            b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
            "gives no rows: HTTP driver received HTTP status 500",
        ),
        (b"", "breaks off"),
    ],
)
def test_what_is_no_answer_of_clickhouse_is_said_of_the_address_given(answer, words):
    def gives(client, _over):
        while client.recv(65_536) and answer:
            client.sendall(answer)
        client.close()

    with trouble(gives) as server:
        host, port = server.address.split(":")
        with pytest.raises(UnreachableError) as told:
            read(TheiaSource(Access("prod", address=Address(host, int(port)))))
    assert words in str(told.value)
    assert server.address in str(told.value)
    assert not re.search("Pool|Error|clickhouse:8123", str(told.value))


def test_without_the_library_the_command_that_installs_it_is_told(clickhouse, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.partition(".")[0] == "clickhouse_connect":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(NotFoundError, match=r"pip install 'netsec-tui\[clickhouse\]'"):
        read(source(clickhouse))


def test_a_table_that_is_not_read_to_its_end_was_watched_as_far_as_it_was(clickhouse, monkeypatch):
    over, answer = threading.Event(), clickhouse.answer

    def third_hangs(query):
        if sum("GROUP BY" in asked for asked in clickhouse.asked) > 2:
            over.wait()
        return answer(query)

    clickhouse.answer = third_hangs
    monkeypatch.setattr(thread, "LAST_SECONDS", 0.2)
    reading = listen([], [source(clickhouse)], 1.5, lambda read: None, threading.Event())
    over.set()
    (status,), (failure,) = reading.statuses, reading.failures
    asked = sum("GROUP BY" in asked for asked in clickhouse.asked)
    assert asked >= 3
    assert status.observed.until == status.read_to
    assert NOW - 3600 < status.read_to < NOW - 1200
    assert "had been read only up to" in str(failure)


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("ahead", [0, 600, -600])
@pytest.mark.parametrize("fails", [False, True])
def test_how_far_a_table_is_read_is_said_by_our_clock(clickhouse, ahead, fails):
    began = time.time()
    clickhouse.now = int(began) + ahead
    clickhouse.rows = [(clickhouse.now - 60, edge(int(began) - 90, 3))]
    told = []

    def take(read):
        told.extend(read.flows)
        if fails:
            clickhouse.refuse = [(500, "gone")] * 10_000

    reading = listen([], [source(clickhouse)], 1.0, take, threading.Event())
    (status,) = reading.statuses
    assert began - 13 < status.read_to < time.time() - theia.LATE_SECONDS
    assert status.observed.since == int(began) - 90
    gaps = [(gap.time, gap.lost) for gap in told if isinstance(gap, Gap)]
    assert (reading.failures, bool(status.error)) == ((), fails)
    assert gaps == ([(status.read_to, 0)] if fails else [])
    assert status.observed.until == status.read_to
