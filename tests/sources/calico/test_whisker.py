"""Whisker read and followed, behind a Service of the tests' API server or at an address."""

import socket
import threading
import time
from contextlib import contextmanager, suppress

import pytest

from netsec_tui.errors import UnreachableError
from netsec_tui.model.flow import Flow, Verdict
from netsec_tui.sources import life, retry
from netsec_tui.sources.access import Access, Address, TlsOptions
from netsec_tui.sources.calico import whisker, whisker_http
from netsec_tui.sources.calico.whisker import whisker_source
from netsec_tui.sources.calico.whisker_http import Whisker
from netsec_tui.sources.life import Life
from netsec_tui.sources.reach import http as http_service
from netsec_tui.sources.reach.service import Way
from tests.sources.api_server import write_kubeconfig
from tests.sources.calico.calico_flows import API, PUBLIC, START, told, whisker_json
from tests.sources.calico.whisker_server import PAGES, WhiskerServer
from tests.sources.collected import Collected, following, gaps, read
from tests.sources.grpc.grpc_peer import certificates
from tests.sources.kube_objects import slice_of
from tests.sources.reach.forward_server import ForwardServer
from tests.sources.running import running
from tests.sources.waiting import PATIENCE, until

POD = "whisker-5d9c7f8b6-x7k2p"


LOOK = {"startTimeGte": "-60", "page": "0", "pageSize": "1"}
"""What is asked first, to tell a server that hangs from one with nothing to tell."""


def endpoints(port):
    return slice_of("whisker-abc", [POD], [("", port)], "whisker", "calico-system")


@pytest.fixture(autouse=True)
def quick(no_proxy_and_no_waiting, monkeypatch):
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.01)


@pytest.fixture
def backend():
    with running(WhiskerServer()) as server:
        yield server


@pytest.fixture
def api(backend):
    with running(ForwardServer([endpoints(8081)])) as server:
        server.ports[POD, 8081] = backend.address
        yield server


@pytest.fixture
def source(api, tmp_path):
    return whisker_source(Access("prod", str(write_kubeconfig(tmp_path / "config", api.url))))


def flow(n=0, dest=PUBLIC, **more):
    """Return a flow to outside, of which no other node tells."""
    return whisker_json(told(start=START + 15 * n, dest=dest, **more))


def times(collected):
    return [f.time for f in collected.flows if isinstance(f, Flow)]


def test_read_counts_each_connection_of_the_last_hour_once(source, backend, api):
    both = [flow(seconds=3600, dest=API), flow(seconds=3600, dest=API, reporter=2)]
    backend.flows = [*both, flow(port=9090, action=2)]
    collected = read(source)
    assert [(f.destination_port, f.verdict, f.count) for f in collected.flows] == [
        (8080, Verdict.FORWARDED, 1),
        (9090, Verdict.DROPPED, 1),
    ]
    assert set(api.forwards) == {(POD, 8081)}
    assert backend.asked == [LOOK, {"startTimeGte": "-3600", "page": "0", "pageSize": "1000"}]
    status = collected.status
    assert (status.detail, status.error, status.ended) == ("2 connections", "", True)
    assert (status.observed.origin, status.observed.addresses, status.observed.nodes) == (
        "whisker",
        False,
        None,
    )
    # It is long after START now, and Goldmane keeps an hour, whatever a node's clock says.
    assert time.time() - 3700 < status.observed.since < time.time() - 3600


def test_read_goes_through_all_pages_where_there_are_any(source, backend, monkeypatch):
    monkeypatch.setattr(whisker, "_PAGE_SIZE", 10)
    backend.lists = PAGES
    backend.flows = [flow(port=1000 + n) for n in range(35)]
    assert {f.destination_port for f in read(source).flows} == set(range(1000, 1035))
    assert [query["page"] for query in backend.asked[1:]] == ["0", "1", "2", "3"]


def test_read_of_nothing(source):
    collected = read(source)
    assert (collected.flows, collected.status.detail) == ([], "no flow yet")


def test_follow_tells_what_was_and_what_comes(source, backend):
    backend.flows = [flow(0, API), flow(0, API, reporter=2)]
    with following(source) as collected:
        collected.wait_for(lambda: times(collected) == [START + 15])
        backend.push(flow(1, API), flow(1, API, reporter=2), flow(1, port=9090))
        collected.wait_for(lambda: len(times(collected)) == 3)
        collected.wait_for(lambda: collected.status.detail == "3 connections")
    assert backend.asked == [LOOK, {"watch": "true", "startTimeGte": "-3600"}]
    assert collected.status.error == ""


def test_stream_that_breaks_off_is_resumed_and_nothing_counts_twice(source, backend):
    backend.flows = [flow(n) for n in range(8)]
    with following(source) as collected:
        collected.wait_for(lambda: len(times(collected)) == 8)
        backend.break_off()
        collected.wait_for(lambda: len(backend.streams) == 1)
        backend.push(flow(8), raw=b'data: {"source_name": "half')
        collected.wait_for(lambda: len(times(collected)) == 9)
        collected.wait_for(lambda: collected.status.error == "")
        # Again in the middle of an event, which comes whole with what is asked for again.
        backend.break_off()
        backend.push(flow(9))
        collected.wait_for(lambda: len(times(collected)) == 10)
    assert [query["startTimeGte"] for query in backend.asked if query != LOOK] == [
        "-3600",
        str(START + 8 * 15 - 60),
        str(START + 9 * 15 - 60),
    ]
    assert gaps(collected) == []


def test_lost_history_is_a_gap(source, backend):
    backend.flows = [flow(0)]
    with following(source) as collected:
        collected.wait_for(lambda: len(times(collected)) == 1)
        backend.flows = [flow(20)]  # Goldmane has restarted
        backend.break_off()
        collected.wait_for(lambda: len(times(collected)) == 2)
    (gap,) = gaps(collected)
    assert gap.until - gap.time == 300
    assert gap.reason == (
        "Whisker has lost its history, as when it restarts: flows are missing "
        "from 2025-10-09 08:53:45 to 2025-10-09 08:58:45 UTC"
    )


def test_server_that_is_gone_is_said_and_found_again(api, tmp_path):
    source = whisker_source(Access("prod", str(write_kubeconfig(tmp_path / "config", api.url))))
    with running(WhiskerServer()) as first:
        api.ports[POD, 8081] = first.address
        first.flows = [flow(0)]
        with following(source) as collected:
            collected.wait_for(lambda: len(times(collected)) == 1)
            api.ports[POD, 8081] = "connection refused"
            first.break_off()
            collected.wait_for(lambda: "connection refused" in collected.status.error)
            with running(WhiskerServer()) as second:
                second.flows = [flow(0), flow(1)]
                api.ports[POD, 8081] = second.address
                collected.wait_for(lambda: len(times(collected)) == 2)
                collected.wait_for(lambda: collected.status.error == "")
    assert gaps(collected) == []


def test_what_had_not_been_read_when_it_broke_off_is_not_known_at_the_end(source, backend, api):
    backend.flows = [flow(0), flow(1)]
    with following(source) as collected:
        collected.wait_for(lambda: bool(collected.status.read_to))
        api.ports[POD, 8081] = "connection refused"
        backend.break_off()
        collected.wait_for(lambda: "connection refused" in collected.status.error)
        assert collected.status.read_to == 0.0  # the trouble says since when
    assert START <= gaps(collected)[-1].time <= START + 15


def test_a_silent_stream_of_a_server_that_is_well_is_opened_anew_without_a_word(source, backend, monkeypatch):
    """It may hang for itself, and then what has come meanwhile is asked for again."""
    monkeypatch.setattr(whisker_http, "SILENCE_SECONDS", 1.5)
    backend.flows = [flow(0)]
    with following(source) as collected:
        collected.wait_for(lambda: bool(times(collected)))
        backend.flows.append(flow(1))  # the open stream does not tell of it
        collected.wait_for(lambda: len(times(collected)) == 2)
    assert len([query for query in backend.asked if "watch" in query]) > 1
    assert {m.error for m in statuses(collected)} == {""}
    assert gaps(collected) == []


def test_silence_of_a_server_that_answers_nothing_is_a_hang(source, backend, monkeypatch):
    monkeypatch.setattr(life, "OWED_SECONDS", 0.1)
    monkeypatch.setattr(life, "ASK_SECONDS", 0.1)
    monkeypatch.setattr(whisker_http, "SILENCE_SECONDS", 0.5)
    monkeypatch.setattr(Whisker, "_keep_alive", lambda *_: None)
    backend.flows = [flow(0)]
    with following(source) as collected:
        collected.wait_for(lambda: any("nothing has come from" in m.error for m in statuses(collected)))
        asked = len(backend.asked)
        until(lambda: len(backend.asked) > asked)
        collected.wait_for(lambda: len(times(collected)) == 1)


def statuses(collected):
    return [m for m in collected.messages if hasattr(m, "detail")]


def test_who_stops_while_it_is_connected_asks_nothing_any_more(backend):
    connecting, go_on, stop = threading.Event(), threading.Event(), threading.Event()

    def connect():
        connecting.set()
        go_on.wait(PATIENCE)
        return socket.create_connection(backend.address)

    events = whisker_http.Whisker(Way(connect, "whisker", "whisker"), TlsOptions()).events(
        "watch=true&startTimeGte=0", lambda whisker: None, stop, Life()
    )
    before = set(threading.enumerate())
    left = threading.Thread(target=lambda: [*events])
    left.start()
    assert connecting.wait(PATIENCE)
    stop.set()
    left.join(PATIENCE)
    (reader,) = [thread for thread in set(threading.enumerate()) - before if "events of" in thread.name]
    go_on.set()
    reader.join(PATIENCE)
    assert not reader.is_alive()
    assert backend.asked == []


def test_it_stops_while_the_server_says_nothing_at_all(api, tmp_path):
    source = whisker_source(Access("prod", str(write_kubeconfig(tmp_path / "config", api.url))))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        api.ports[POD, 8081] = silent.getsockname()
        with following(source) as collected:
            silent.accept()[0].recv(1)  # it has been asked
    assert collected.messages == []


@pytest.mark.parametrize("way", ["read", "follow"])
def test_a_server_that_has_never_answered_has_seen_nothing(monkeypatch, way):
    monkeypatch.setattr(whisker, "ANSWER_SECONDS", 0.3)
    collected = Collected()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        source = whisker_source(Access(address=Address(*silent.getsockname())))
        run = {"read": source.read, "follow": lambda emit: source.follow(emit, threading.Event())}[way]
        with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:\d+ does not answer within 0\.3 s"):
            run(collected)
    assert collected.messages == []


def test_a_stream_of_who_gives_no_list_of_flows_is_none(backend):
    backend.body = b'{"uptime": 5}'
    collected = Collected()
    with pytest.raises(UnreachableError, match="Whisker answers with what is no list of flows"):
        at(backend).follow(collected, threading.Event())
    assert collected.messages == []


def test_an_answer_that_is_too_long_is_said_to_be(source, backend, monkeypatch):
    monkeypatch.setattr(whisker_http, "_MOST_BYTES", 1 << 20)
    backend.body = b'{"items": [], "more": "' + b"x" * (1 << 20) + b'"}'
    with pytest.raises(UnreachableError, match="answers with more than 1 MiB"):
        read(source)


def test_a_quiet_server_has_been_listened_to(source):
    with following(source) as collected:
        collected.wait_for(lambda: collected.status.detail == "no flow yet")
        assert collected.status.observed.since


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"data: {not json}\n\n", "Whisker: an event that is not JSON"),
        (b"data: " + b"[" * 100_000 + b"\n\n", "Whisker: an event that is not JSON"),
        (b'data: {"a": 1}\n\n', "Whisker: not a flow of Whisker: none of its fields is there"),
        (b"error: out of\x1b[31m luck\n\n", "Whisker: out of\\x1b[31m luck"),
        (b"data: \xff\xfe\n\n", "Whisker: an event that is not JSON"),
    ],
)
def test_event_that_cannot_be_read_is_counted_and_the_rest_goes_on(source, backend, raw, reason):
    with following(source) as collected:
        collected.wait_for(lambda: len(backend.streams) == 1)
        backend.push(raw=b": comment\nevent: x\n" + raw)
        backend.push(flow(0))
        collected.wait_for(lambda: len(times(collected)) == 1 and bool(gaps(collected)))
        collected.wait_for(lambda: collected.status.skipped == 1)
    assert [(gap.lost, gap.reason) for gap in gaps(collected)] == [(1, reason)]


PODS = "; look at its pods with kubectl get pods -n calico-system"


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, b"", "it has no /whisker-backend/flows; Whisker is part of Calico since 3.30"),
        (403, b"", "it does not allow to read flows"),
        (502, b"<html>", "its backend does not answer" + PODS),
        (500, b'{"error": "Internal\x07"}', 'it answers 500: {"error": "Internal\\x07"}' + PODS),
    ],
)
def test_refusals_are_said_with_the_way_out(source, backend, status, body, said):
    backend.status, backend.body = status, body
    for run in (lambda: read(source), lambda: source.follow(lambda message: None, threading.Event())):
        with pytest.raises(UnreachableError) as raised:
            run()
        assert str(raised.value) == f"calico-system/whisker gives no flows: {said}"


def test_who_gives_an_address_is_not_sent_to_the_pods_of_a_cluster(backend):
    backend.status = 502
    address = Address(*backend.server_address)
    with pytest.raises(UnreachableError) as raised:
        read(whisker_source(Access("prod", address=address)))
    assert str(raised.value) == f"{address} gives no flows: its backend does not answer"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"<html>", b"\xff"])
def test_answer_that_is_no_list(source, backend, body):
    backend.body = body
    with pytest.raises(UnreachableError, match="Whisker answers with what is no list of flows"):
        read(source)


def test_no_whisker_in_the_cluster(tmp_path):
    with running(ForwardServer([])) as api:
        source = whisker_source(Access("prod", str(write_kubeconfig(tmp_path / "config", api.url))))
        with pytest.raises(UnreachableError, match="has no Service calico-system/whisker;"):
            read(source)


# HTTPS


@pytest.fixture(scope="module")
def pems(tmp_path_factory):
    return certificates(tmp_path_factory.mktemp("certificates"), "whisker")


@pytest.fixture
def secure(pems):
    context = pems.server_context()
    context.set_alpn_protocols(["http/1.1"])
    with running(WhiskerServer(), context) as server:
        server.flows = [flow(0)]
        yield server


def test_https_is_found_out_behind_a_service(api, secure, tmp_path):
    api.ports[POD, 8081] = secure.address
    source = whisker_source(Access("prod", str(write_kubeconfig(tmp_path / "config", api.url))))
    assert len(times(read(source))) == 1
    with following(source) as collected:
        collected.wait_for(lambda: len(secure.streams) == 1)
        secure.push(flow(1))
        collected.wait_for(lambda: START + 30 in times(collected))


def at(server, **tls):
    return whisker_source(Access(address=Address(*server.address), tls=TlsOptions(**tls)))


def test_certificate_counts_at_an_address(secure, pems):
    with pytest.raises(UnreachableError, match=r"the certificate of 127\.0\.0\.1:\d+ is not accepted"):
        read(at(secure))
    assert len(times(read(at(secure, insecure=True)))) == 1
    assert len(times(read(at(secure, ca_file=str(pems.authority), server_name="whisker")))) == 1


def test_http_at_an_address(backend):
    backend.flows = [flow(0)]
    assert len(times(read(at(backend)))) == len(times(read(at(backend, mode="off")))) == 1
    with pytest.raises(UnreachableError, match="does not speak TLS; try --source-tls off"):
        read(at(backend, mode="on"))


@pytest.mark.parametrize("options", [{"insecure": True}, {"server_name": "whisker"}])
def test_no_plaintext_where_tls_is_asked_for(api, backend, tmp_path, options):
    config = str(write_kubeconfig(tmp_path / "config", api.url))
    behind = whisker_source(Access("prod", config, tls=TlsOptions(**options)))
    for wanted in (at(backend, **options), behind):
        with pytest.raises(UnreachableError, match="does not speak TLS; try --source-tls off"):
            read(wanted)
    assert backend.asked == []


def test_name_that_the_certificate_must_carry_counts_behind_a_service_too(api, secure, tmp_path):
    api.ports[POD, 8081] = secure.address
    config = str(write_kubeconfig(tmp_path / "config", api.url))
    with pytest.raises(UnreachableError, match="the certificate of calico-system/whisker is not accepted"):
        read(whisker_source(Access("prod", config, tls=TlsOptions(server_name="whisker"))))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "the connection to {} breaks off: Remote end closed connection without response"),
        (b"SSH-2.0-x\r\n", "{} speaks no HTTP; is it another service? It says: SSH-2.0-x"),
        (b"HTTP/1.0 400 Bad Request\r\n\r\nan HTTP request to an HTTPS server", "{} does not speak TLS; try"),
    ],
)
def test_who_speaks_neither_http_nor_https(answer, said):
    with serving(answer) as address:
        with pytest.raises(UnreachableError) as raised:
            read(whisker_source(Access(address=Address(*address))))
        assert said.format(f"127.0.0.1:{address[1]}") in str(raised.value)


@contextmanager
def serving(answer):
    """Answer whatever is asked with the same bytes, and close."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with suppress(OSError):
                while True:
                    connection = listener.accept()[0]
                    with connection:
                        connection.settimeout(PATIENCE)
                        connection.recv(1 << 16)
                        connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_no_raw_bytes_of_who_speaks_grpc():
    with (
        serving(b"\0\0\6\4\0\0\0\0\0\0\5\0\0\x40\0") as address,
        pytest.raises(UnreachableError, match=r":\d+ speaks no HTTP; is it another service\?$"),
    ):
        read(whisker_source(Access(address=Address(*address))))


def test_handshake_that_nobody_answers(monkeypatch):
    monkeypatch.setattr(http_service, "CONNECT_SECONDS", 0.2)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(UnreachableError, match=r"does not answer as TLS does; .*--source-tls off"),
    ):
        read(whisker_source(Access(address=Address(*silent.getsockname()), tls=TlsOptions("on"))))


def test_nobody_at_the_address():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(UnreachableError, match=f"127.0.0.1:{port} cannot be reached: Connection refused"):
        read(whisker_source(Access(address=Address("127.0.0.1", port))))
