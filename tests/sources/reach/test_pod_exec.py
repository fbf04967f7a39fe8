"""What commands write, as it comes: over real websockets of an API server of the tests."""

import threading

import pytest

from netsec_tui.sources import life
from netsec_tui.sources.life import Life
from netsec_tui.sources.reach import pod_exec
from netsec_tui.sources.reach.pod_exec import executor
from netsec_tui.sources.reach.pod_websocket import ExecError, ExecForbiddenError, GoneError, Target
from tests.sources.api_server import api_client
from tests.sources.exec_server import CUT_OFF, HANGS, SUCCESS, ExecServer
from tests.sources.reach.forward_server import frames_of_client
from tests.sources.running import running
from tests.sources.waiting import PATIENCE

TARGET = Target("kube-system", "cilium-1", "cilium-agent")


@pytest.fixture
def server(no_proxy_and_no_waiting, monkeypatch):
    monkeypatch.setattr(pod_exec, "_PATIENCE", 0.01)
    with running(ExecServer([])) as started:
        yield started


@pytest.fixture
def run(server):
    commands = executor(api_client(server.url))

    def stream(stop=None):
        return commands.stream(TARGET, ["hubble", "observe"], stop or threading.Event(), Life())

    return stream


def test_each_chunk_comes_before_the_next_is_written(server, run):
    written = threading.Semaphore(0)

    def answer(handler):
        for chunk in (b"one\n", b"two\n"):
            handler._send(1, chunk)
            assert written.acquire(timeout=PATIENCE)
        handler._send(2, b"a warning")
        handler._end(SUCCESS)

    server.commands["cilium-1", "hubble"] = answer
    chunks = []
    for chunk in run():
        if chunk:
            chunks.append(chunk)
            written.release()
    assert chunks == [b"one\n", b"two\n"]


def test_silence_yields_nothing_so_that_the_caller_can_stop(server, run):
    server.commands["cilium-1", "hubble"] = HANGS
    stop = threading.Event()
    stream = run(stop)
    assert [next(stream), next(stream)] == [b"", b""]
    stop.set()
    assert [*stream] == []


def test_one_that_gives_no_sign_of_life_is_given_up(server, run, monkeypatch):
    monkeypatch.setattr(pod_exec, "HANG_SECONDS", 0.1)
    server.commands["cilium-1", "hubble"] = HANGS
    with pytest.raises(ExecError, match="it gives no sign of life"):
        [*run()]


def test_one_that_is_silent_and_answers_when_asked_is_not(server, run, monkeypatch):
    # Together the answers take longer than what counts as a hang, each of them far less.
    monkeypatch.setattr(pod_exec, "HANG_SECONDS", 3.0)
    monkeypatch.setattr(life, "ASK_SECONDS", 0.05)
    pings = []

    def answer(handler):
        for opcode, _ in frames_of_client(handler.rfile):
            assert opcode == 9
            pings.append(opcode)
            handler.wfile.write(b"\x8a\x00")
            if len(pings) == 70:
                break
        handler._end(SUCCESS)

    server.commands["cilium-1", "hubble"] = answer
    assert set(run()) <= {b""}
    assert len(pings) == 70


@pytest.mark.parametrize(
    ("answer", "raised", "words"),
    [
        ("hubble: connection refused", ExecError, "hubble: connection refused"),
        (CUT_OFF, ExecError, "its answer is cut off"),
        (403, ExecForbiddenError, "commands may not be run in pods of namespace kube-system"),
        (404, GoneError, "refused with 404"),
    ],
)
def test_a_bad_end_is_raised(server, run, answer, raised, words):
    server.commands["cilium-1", "hubble"] = answer
    with pytest.raises(raised, match=words):
        [*run()]
