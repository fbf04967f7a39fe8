"""Ports of pods, forwarded by an API server of the tests to real sockets: bytes, ends, refusals, waiting."""

import hashlib
import io
import random
import socket
import threading
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.errors import UnreachableError
from netsec_tui.sources.cluster.api import ClusterApi
from netsec_tui.sources.reach.pod_forward import NoServiceError, forward, service_target
from netsec_tui.sources.reach.pod_frames import BINARY, PING, Frames, FramingError, framed
from netsec_tui.sources.reach.pod_websocket import (
    ExecError,
    ExecForbiddenError,
    GoneError,
    NoConnectionError,
    UnauthenticatedError,
    pod_api,
)
from tests.sources.api_server import api_client
from tests.sources.kube_objects import obj, slice_of
from tests.sources.reach.forward_server import ForwardServer, frames_of_client
from tests.sources.running import running
from tests.sources.waiting import PATIENCE

RULE = 'apiGroups: [""], resources: ["pods/portforward"], verbs: ["create", "get"]'


@pytest.fixture
def server(no_proxy_and_no_waiting):
    with running(ForwardServer([])) as started:
        yield started


@pytest.fixture
def pods(server):
    return pod_api(api_client(server.url))


@pytest.fixture
def listening(server):
    """Return a listener behind port 80 of the pod web."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        server.ports["web", 80] = listener.getsockname()
        yield listener


def connected(pods, listening):
    end = forward(pods, "shop", "web", 80)
    end.settimeout(PATIENCE)
    peer = listening.accept()[0]
    peer.settimeout(PATIENCE)
    return end, peer


def everything(side):
    return b"".join(iter(lambda: side.recv(1 << 16), b""))


def test_bytes_pass_both_ways_and_the_port_of_the_first_frames_does_not(pods, listening):
    end, peer = connected(pods, listening)
    with end, peer:
        end.sendall(b"question")
        assert peer.recv(100) == b"question"
        peer.sendall(b"answer")
        assert end.recv(100) == b"answer"
        peer.shutdown(socket.SHUT_WR)
        assert end.recv(100) == b""
        assert end.trouble == ""


def test_closing_it_ends_the_connection_to_the_pod(pods, listening):
    end, peer = connected(pods, listening)
    with peer:
        end.sendall(b"last words")
        end.close()
        assert everything(peer) == b"last words"


def test_much_passes_whole_in_both_directions_at_once(pods, listening):
    end, peer = connected(pods, listening)
    there, back = b"ab\x00\xff" * 1_000_000, b"reply!" * 1_000_000
    with end, peer:
        senders = [
            threading.Thread(target=side.sendall, args=(data,), daemon=True)
            for side, data in ((end, there), (peer, back))
        ]
        for thread in senders:
            thread.start()
        got = {"there": hashlib.sha256(), "back": hashlib.sha256()}

        def take(side, name, size):
            while size:
                data = side.recv(min(size, 1 << 16))
                assert data
                got[name].update(data)
                size -= len(data)

        taking = threading.Thread(target=take, args=(peer, "there", len(there)), daemon=True)
        taking.start()
        take(end, "back", len(back))
        taking.join(PATIENCE)
    assert got["there"].digest() == hashlib.sha256(there).digest()
    assert got["back"].digest() == hashlib.sha256(back).digest()


def test_one_who_does_not_read_holds_the_sender_up(pods, listening):
    end, peer = connected(pods, listening)
    with end, peer:
        peer.settimeout(0.5)
        sent = 0
        with suppress(TimeoutError):
            while sent < 200 << 20:
                sent += peer.send(bytes(1 << 16))
        assert sent < 50 << 20
        got = 0
        while got < sent:
            got += len(end.recv(1 << 20))
        assert got == sent


def test_what_is_wrong_in_the_pod_is_told(server, pods):
    server.ports["web", 80] = "error forwarding port 80:\n dial tcp4: connection \x1b[2Jrefused"
    with forward(pods, "shop", "web", 80) as end:
        end.settimeout(PATIENCE)
        assert end.recv(100) == b""
        assert end.trouble.startswith("error forwarding port 80: dial tcp4: connection ")
        assert "\x1b" not in end.trouble


def test_a_connection_that_breaks_off_ends(server, pods, listening):
    end, peer = connected(pods, listening)
    with end, peer:
        server.cut_off()
        assert end.recv(100) == b""


def test_a_ping_of_the_server_is_answered(server, pods, listening):
    server.pinged = b"ask"
    end, peer = connected(pods, listening)
    with end, peer:
        for _ in range(1000):
            end.sendall(b"x")
            peer.recv(1)
            if server.pinged == b"hi":
                return
    raise AssertionError


@pytest.mark.parametrize(
    ("status", "raised", "words"),
    [
        (401, UnauthenticatedError, "does not take the credentials"),
        (403, ExecForbiddenError, f"not be forwarded to pods of namespace shop; .* {RULE}"),
        (404, GoneError, "refused with 404"),
        (500, ExecError, "refused with 500"),
    ],
)
def test_refusals_are_sentences(server, pods, status, raised, words):
    server.ports["web", 80] = status
    with pytest.raises(raised, match=words.replace("[", r"\[")):
        forward(pods, "shop", "web", 80)


def test_a_server_that_is_not_there_is_named():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    with pytest.raises(NoConnectionError, match=r"no port can be forwarded there: Connection refused$"):
        forward(pod_api(api_client(url)), "shop", "web", 80)


@pytest.mark.parametrize(
    ("slices", "port_name", "expected"),
    [
        ([slice_of("a", ["web-1", "web-2"], [("", 4245)])], "", ("web-1", 4245)),
        ([slice_of("a", ["web-1"], [("metrics", 9), ("grpc", 4245)])], "grpc", ("web-1", 4245)),
        ([slice_of("a", ["web-1"], [("metrics", 9), ("grpc", 4245)])], "other", ("web-1", 9)),
        ([slice_of("a", ["off"], [("", 1)], ready=False), slice_of("b", ["on"], [("", 2)])], "", ("on", 2)),
        ([slice_of("a", ["unknown"], [("", 1)], ready=None)], "", ("unknown", 1)),
        ([slice_of("a", ["x"], [("", 1)], "db"), slice_of("a", ["y"], [("", 2)], namespace="b")], "", None),
        ([slice_of("a", [], [("", 1)]), slice_of("b", ["x"], [])], "", None),
    ],
)
def test_a_ready_pod_behind_a_service_is_found(server, slices, port_name, expected):
    server.objects[:] = [obj("Service", "web", "shop"), *slices]
    api = ClusterApi(api_client(server.url))
    if expected:
        assert service_target(api, "shop", "web", port_name) == expected
    else:
        with pytest.raises(UnreachableError, match="Service shop/web has no pod that is ready"):
            service_target(api, "shop", "web", port_name)


def test_a_service_that_is_not_there_is_told_from_one_without_a_pod(server):
    server.objects[:] = [obj("Service", "web", "other")]
    api = ClusterApi(api_client(server.url))
    with pytest.raises(NoServiceError, match="this cluster has no Service shop/web; netsec-tui doctor"):
        service_target(api, "shop", "web")
    server.refuse["services"] = [403]
    with pytest.raises(UnreachableError, match="Service shop/web has no pod that is ready"):
        service_target(api, "shop", "web")


SIZES = [0, 1, 125, 126, 65_535, 65_536, 200_000]


@pytest.mark.parametrize("size", SIZES)
def test_a_server_reads_what_is_framed(size):
    data = bytes(range(256)) * (size // 256 + 1)
    frame = framed(BINARY, data[:size])
    assert [*frames_of_client(io.BytesIO(frame))] == [(BINARY, data[:size])]


def unmasked(first, data):
    size = len(data)
    if size < 126:
        return bytes((first, size)) + data
    return bytes((first, 126)) + size.to_bytes(2, "big") + data


@given(st.lists(st.binary(max_size=300)), st.randoms(use_true_random=False))
def test_messages_come_whole_however_their_bytes_and_parts_are_cut(messages, random):
    wire = bytearray()
    for data in messages:
        cut = random.randint(0, len(data))
        parts = [data] if random.random() < 0.5 else [data[:cut], b"", data[cut:]]
        for number, part in enumerate(parts):
            final = 0x80 * (number == len(parts) - 1)
            wire += unmasked(final | (BINARY if number == 0 else 0), part)
            if not final:
                wire += unmasked(0x80 | PING, b"in between")
    frames, got = Frames(), []
    while wire:
        size = random.randint(1, 50)
        got += [m.data for m in frames.feed(bytes(wire[:size])) if m.opcode == BINARY]
        del wire[:size]
    assert got == messages


@pytest.mark.parametrize(
    "wire",
    [
        b"\x82\x81aaaax",
        b"\xf2\x00",
        b"\x82\x7f" + b"\xff" * 8,
        b"\x80\x01x",
        b"\x02\x01x\x82\x01x",
        b"HTTP/1.1 400",
    ],
)
def test_what_are_no_frames_is_refused(wire):
    with pytest.raises(FramingError):
        [*Frames().feed(wire)]


def test_a_hundred_thousand_broken_frames_crash_nothing():
    dice = random.Random(11)
    sound = [unmasked(0x82, b"\0data"), unmasked(0x89, b"ping")]
    sound.append(unmasked(0x02, b"a") + unmasked(0x80, b"b" * 200))
    told, refused, frames = 0, 0, Frames()
    for number in range(100_000):
        data = bytearray(sound[number % len(sound)])
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        try:
            told += sum(1 for _ in frames.feed(bytes(data)))
        except FramingError:
            refused += 1
            frames = Frames()
    assert told > 10_000
    assert refused > 10_000
