"""Calls to gRPC servers of another make, and to peers that misbehave: what comes, what ends, what is said."""

import asyncio
import random
import socket
import threading
import time
from contextlib import contextmanager

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.errors import BadInputError
from netsec_tui.sources.access import TlsOptions
from netsec_tui.sources.grpc import channel as grpc_channel
from netsec_tui.sources.grpc import connection as grpc_connection
from netsec_tui.sources.grpc.call import Call
from netsec_tui.sources.grpc.channel import GrpcChannel, dial
from netsec_tui.sources.grpc.schema import COMMON, Many, messages
from netsec_tui.sources.grpc.tls import secured
from netsec_tui.sources.grpc.trouble import GrpcError
from netsec_tui.sources.problem import Problem
from tests.sources.grpc.grpc_peer import Offered, certificates, serving_grpc

TABLE = {
    "Ask": {1: ("count", "uint32"), 2: ("word", "string")},
    "Answer": {
        1: ("number", "uint64"),
        2: ("words", Many("string")),
        3: ("time", "Timestamp"),
        4: ("raw", "bytes"),
    },
    **COMMON,
}
TYPES = messages("numbers", TABLE)
Ask, Answer = TYPES["Ask"], TYPES["Answer"]
COUNT, REFUSE, WAIT, ODD = "/numbers.N/Count", "/numbers.N/Refuse", "/numbers.N/Wait", "/numbers.N/Odd"


async def count(stream):
    asked = await stream.recv_message()
    for number in range(asked.count):
        await stream.send_message(Answer(number=number, words=[asked.word] * 3))


async def refuse(stream):
    asked = await stream.recv_message()
    raise GRPCError(Status[asked.word], "because\x1b[2J of {}")


async def wait(stream):
    await stream.recv_message()
    await stream.send_message(Answer(number=1))
    await asyncio.Event().wait()


async def odd(stream):
    await stream.recv_message()
    await stream.send_message(Ask(count=3))
    await stream.send_message(Ask(count=0, word="\u00e9" * 9))


METHODS = {
    COUNT: Offered(Ask, Answer, count),
    REFUSE: Offered(Ask, Answer, refuse),
    WAIT: Offered(Ask, Answer, wait),
    ODD: Offered(Ask, Ask, odd),
}


@pytest.fixture(scope="module")
def peer():
    with serving_grpc(METHODS) as started:
        yield started


@pytest.fixture
def stop():
    return threading.Event()


@pytest.fixture
def channel(peer):
    with GrpcChannel(dial(*peer.address), "the server") as opened:
        yield opened


def all_of(channel, method, request, stop, reply_class=Answer):
    return [m for m in channel.stream(method, request, reply_class, stop) if m is not None]


def test_every_message_of_a_stream_comes_in_order(channel, stop):
    answers = all_of(channel, COUNT, Ask(count=5000, word="x"), stop)
    assert [a.number for a in answers] == [*range(5000)]
    assert [*answers[-1].words] == ["x"] * 3


def test_messages_longer_than_a_frame_come_whole(channel, stop):
    word = "w" * 50_000
    answers = all_of(channel, COUNT, Ask(count=200, word=word), stop)
    assert [(a.number, len(a.words[2])) for a in answers] == [(n, 50_000) for n in range(200)]


def test_one_reply(channel, stop):
    assert channel.unary(COUNT, Ask(count=1, word="y"), Answer, stop).words[0] == "y"


def test_a_reply_comes_while_a_stream_goes_on(channel, stop):
    stream = channel.stream(COUNT, Ask(count=3000, word="x" * 3000), Answer, stop)
    numbers = []
    for answer in stream:
        if answer:
            numbers.append(answer.number)
            if answer.number % 500 == 0:
                assert channel.unary(COUNT, Ask(count=1, word="y"), Answer, stop).words[0] == "y"
    assert numbers == [*range(3000)]


def test_silence_yields_nothing_so_that_the_caller_can_stop(channel, stop):
    stream = channel.stream(WAIT, Ask(), Answer, stop)
    assert next(m for m in stream if m).number == 1
    assert next(stream) is None
    stop.set()
    assert [*stream] == []


def test_a_stream_that_is_left_is_cancelled_and_another_begins(channel, stop):
    for _ in range(3):
        stream = channel.stream(WAIT, Ask(), Answer, stop)
        assert next(m for m in stream if m).number == 1
        stream.close()
    assert channel.unary(COUNT, Ask(count=1), Answer, stop).number == 0


def test_a_reply_that_is_no_message_is_a_problem_and_the_next_one_is_read(channel, stop):
    answers = all_of(channel, ODD, Ask(), stop)
    assert answers[0].number == 3
    assert isinstance(answers[1], Problem) or [*answers[1].words] == ["\u00e9" * 9]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("UNIMPLEMENTED", r"the server does not offer Refuse \(because.* of {}\); is it another service"),
        ("UNAUTHENTICATED", "does not take the credentials .*--source-cert"),
        ("PERMISSION_DENIED", "does not allow Refuse"),
        ("UNAVAILABLE", r"the server is not ready \(because"),
        ("INTERNAL", r"the server answers Refuse with INTERNAL \(because"),
    ],
)
def test_refusals_are_sentences(channel, stop, status, words):
    for call in (
        lambda: channel.unary(REFUSE, Ask(word=status), Answer, stop),
        lambda: all_of(channel, REFUSE, Ask(word=status), stop),
    ):
        with pytest.raises(GrpcError, match=words) as caught:
            call()
        assert caught.value.status == status
        assert "\x1b" not in str(caught.value)


def test_a_method_that_is_not_there(channel, stop):
    with pytest.raises(GrpcError, match="does not offer Other") as caught:
        channel.unary("/numbers.N/Other", Ask(), Answer, stop)
    assert caught.value.status == "UNIMPLEMENTED"


def test_a_reply_that_does_not_come_in_time(channel, stop, monkeypatch):
    monkeypatch.setattr(grpc_channel, "UNARY_SECONDS", 0.3)
    with pytest.raises(GrpcError, match=r"(does not answer Wait|breaks Wait off)"):
        channel.unary(WAIT, Ask(), Answer, stop)


def test_a_server_that_is_killed_and_comes_back_is_called_again(stop):
    with serving_grpc(METHODS) as peer:
        channel = GrpcChannel(dial(*peer.address), "the server")
        with channel:
            stream = channel.stream(WAIT, Ask(), Answer, stop)
            assert next(m for m in stream if m).number == 1
            peer.kill()
            with pytest.raises(GrpcError, match="the connection to the server breaks off"):
                list(stream)
        with pytest.raises(GrpcError, match=r"127.0.0.1:\d+ cannot be reached: Connection refused"), channel:
            pass
        peer.start()
        with channel:
            assert channel.unary(COUNT, Ask(count=1), Answer, stop).number == 0


NAME = "*.hubble-relay.cilium.io"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return certificates(tmp_path_factory.mktemp("certificates"), NAME)


def asked_over_tls(peer, options, stop, name="ui.hubble-relay.cilium.io"):
    with GrpcChannel(dial(*peer.address), "the server", secured(options, name)) as channel:
        return channel.unary(COUNT, Ask(count=1), Answer, stop).number


def test_tls_with_the_name_that_the_certificate_carries(made, stop):
    with serving_grpc(METHODS, made.server_context()) as peer:
        trusted = TlsOptions(ca_file=str(made.authority))
        assert asked_over_tls(peer, trusted, stop) == 0
        assert asked_over_tls(peer, TlsOptions(insecure=True), stop) == 0
        for options, name, words in (
            (trusted, "elsewhere", "is not accepted: .*elsewhere.*--source-server-name"),
            (TlsOptions(), "ui.hubble-relay.cilium.io", "is not accepted: .*--source-ca.*--source-insecure"),
        ):
            with pytest.raises(GrpcError, match=words):
                asked_over_tls(peer, options, stop, name)
        other = TlsOptions(ca_file=str(made.authority), server_name="x.hubble-relay.cilium.io")
        assert asked_over_tls(peer, other, stop, "elsewhere") == 0


def test_tls_with_a_client_certificate(made, stop):
    with serving_grpc(METHODS, made.server_context(mutual=True)) as peer:
        options = TlsOptions(
            ca_file=str(made.authority), cert_file=str(made.client), key_file=str(made.client_key)
        )
        assert asked_over_tls(peer, options, stop) == 0
        with pytest.raises(GrpcError, match="give it with --source-cert and --source-key"):
            asked_over_tls(peer, TlsOptions(ca_file=str(made.authority)), stop)


def test_tls_towards_a_plain_server_and_the_other_way_round(peer, made, stop):
    with pytest.raises(GrpcError, match=r"the server does not speak TLS; try --source-tls off|breaks off"):
        asked_over_tls(peer, TlsOptions(insecure=True), stop)
    with (
        serving_grpc(METHODS, made.server_context()) as other,
        GrpcChannel(dial(*other.address), "the server") as channel,
        pytest.raises(GrpcError, match="if it speaks TLS, try --source-tls on"),
    ):
        channel.unary(COUNT, Ask(count=1), Answer, stop)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ca_file": "/nowhere/ca.pem"}, "--source-ca /nowhere/ca.pem cannot be read: No such file"),
        ({"cert_file": "/nowhere/c.pem"}, "--source-cert /nowhere/c.pem cannot be read: No such file"),
        ({"key_file": "/nowhere/k.pem"}, "--source-key needs the certificate to it: --source-cert"),
        ({"ca_file": __file__}, "--source-ca .* is of no use: "),
        ({"cert_file": __file__}, "--source-cert .* is of no use: "),
    ],
)
def test_files_that_are_of_no_use_are_named(options, words):
    with pytest.raises(BadInputError, match=words):
        secured(TlsOptions(**options), "x")


class Scripted:
    """Answer the first call on a connection by hand: ``http`` is h2's side of the server."""

    def __init__(self, sock):
        self.sock = sock
        self.http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.http.initiate_connection()

    def asked(self):
        """Return the number of the call, once its request has come."""
        self.send()
        while True:
            for event in self.http.receive_data(self.sock.recv(1 << 16)):
                if isinstance(event, RequestReceived):
                    self.send()
                    return event.stream_id

    def answer(self, number, data=b"", end=False):
        self.http.send_headers(number, [(":status", "200"), ("content-type", "application/grpc")])
        if data:
            self.http.send_data(number, data, end_stream=end)
        self.send()

    def send(self):
        self.sock.sendall(self.http.data_to_send())


@contextmanager
def scripted(script):
    """Yield a channel to a peer that runs ``script(sock)`` in a thread of its own."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(20)
    failures = []

    def run():
        try:
            script(theirs)
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    with GrpcChannel(lambda: ours, "the server") as channel:
        yield channel
    thread.join(20)
    theirs.close()
    assert not failures


def framed(data):
    return b"\0" + len(data).to_bytes(4, "big") + data


def ends_within_a_message(sock):
    peer = Scripted(sock)
    peer.answer(peer.asked(), framed(b"\x08\x01") + framed(bytes(100))[:50], end=True)


def ends_within_a_frame(sock):
    peer = Scripted(sock)
    number = peer.asked()
    peer.answer(number, framed(b"\x08\x01"))
    peer.http.send_data(number, bytes(1000))
    sock.sendall(peer.http.data_to_send()[:500])
    sock.shutdown(socket.SHUT_RDWR)


def says_a_message_is_endless(sock):
    peer = Scripted(sock)
    peer.answer(peer.asked(), framed(b"\x08\x01") + b"\0\xff\xff\xff\xff....")


def compresses(sock):
    peer = Scripted(sock)
    peer.answer(peer.asked(), framed(b"\x08\x01") + b"\1\0\0\0\1x")


def ends_without_a_status(sock):
    peer = Scripted(sock)
    peer.answer(peer.asked(), framed(b"\x08\x01"), end=True)


def says_goodbye(sock):
    peer = Scripted(sock)
    peer.answer(peer.asked(), framed(b"\x08\x01"))
    peer.http.close_connection(11, b"too_many_pings")
    peer.send()


def resets(sock):
    peer = Scripted(sock)
    number = peer.asked()
    peer.answer(number, framed(b"\x08\x01"))
    peer.http.reset_stream(number, 2)
    peer.send()


def turns_to_nonsense(sock):
    peer = Scripted(sock)
    peer.answer(peer.asked(), framed(b"\x08\x01"))
    sock.sendall(b"\0\0\1\0\0\0\0\0\0x")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (ends_within_a_message, "breaks off within a message|UNKNOWN"),
        (ends_within_a_frame, "the connection to the server breaks off"),
        (says_a_message_is_endless, "a message is longer than 16 MiB"),
        (compresses, "a message is compressed"),
        (ends_without_a_status, "answers M with UNKNOWN"),
        (says_goodbye, "the server ends the connection: too_many_pings"),
        (resets, "the server breaks M off: HTTP/2 error 2"),
    ],
)
def test_what_came_before_an_end_is_kept(script, words, stop):
    got = []
    with scripted(script) as channel, pytest.raises(GrpcError, match=words):
        got.extend(m for m in channel.stream("/x.Y/M", Ask(), Answer, stop) if m)
    assert [m.number for m in got] == [1]


def test_a_peer_that_turns_to_nonsense(stop):
    words = "the server sends what is no gRPC"
    with scripted(turns_to_nonsense) as channel, pytest.raises(GrpcError, match=words):
        all_of(channel, "/x.Y/M", Ask(), stop)


def test_a_peer_that_speaks_something_else(stop):
    with scripted(lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as channel:
        words = "the server speaks no gRPC; if it speaks TLS, try --source-tls on"
        with pytest.raises(GrpcError, match=words):
            channel.unary("/x.Y/M", Ask(), Answer, stop)


def test_a_peer_that_hangs_is_given_up(stop, monkeypatch):
    monkeypatch.setattr(grpc_connection, "PING_SECONDS", 0.2)
    monkeypatch.setattr(grpc_connection, "ANSWER_SECONDS", 0.2)
    over = threading.Event()

    def hangs(sock):
        peer = Scripted(sock)
        peer.answer(peer.asked(), framed(b"\x08\x01"))
        over.wait(20)

    with scripted(hangs) as channel:
        with pytest.raises(GrpcError, match=r"the server hangs: nothing .* does not answer a ping"):
            all_of(channel, "/x.Y/M", Ask(), stop)
        over.set()


def test_a_silent_peer_that_answers_pings_is_not(peer, stop, monkeypatch):
    monkeypatch.setattr(grpc_connection, "PING_SECONDS", 0.1)
    monkeypatch.setattr(grpc_connection, "ANSWER_SECONDS", 5.0)
    deadline = time.monotonic() + 1.0
    with GrpcChannel(dial(*peer.address), "the server") as channel:
        for message in channel.stream(WAIT, Ask(), Answer, stop):
            if message is None and time.monotonic() > deadline:
                return
    raise AssertionError


def test_one_who_does_not_read_holds_the_server_up(channel, stop):
    stream = channel.stream(COUNT, Ask(count=2000, word="w" * 10_000), Answer, stop)
    next(m for m in stream if m)
    # While another call goes on, nothing but a window's worth of the stream may pile up.
    for _ in range(50):
        channel.unary(COUNT, Ask(count=1), Answer, stop)
    (call,) = channel._connection._calls.values()
    assert sum(map(len, call.messages)) <= grpc_connection.WINDOW
    assert sum(1 for m in stream if m) == 1999


@given(st.lists(st.binary(max_size=200)), st.randoms(use_true_random=False))
def test_messages_come_whole_however_they_are_cut(wanted, random):
    wire = b"".join(map(framed, wanted))
    call = Call(1, "/x.Y/M")
    while wire:
        size = random.randint(1, 300)
        call.take(wire[:size])
        wire = wire[size:]
    assert [*call.messages] == wanted
    assert call.rest == 0


def test_tables_make_messages_that_others_read():
    answer = Answer(number=2**63, words=["a", "b"], raw=b"\xff")
    answer.time.seconds = 5
    again = Answer.FromString(answer.SerializeToString() + b"\xf8\x7f\x01")
    assert (again.number, [*again.words], again.time.seconds, again.raw) == (2**63, ["a", "b"], 5, b"\xff")
    assert not Answer().HasField("time")


def recorded():
    """Return what a server sends for two calls, the second while the first goes on."""
    http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
    http.initiate_connection()
    client = H2Connection(H2Configuration(client_side=True))
    client.initiate_connection()
    names = (":method", "POST"), (":scheme", "http"), (":path", "/x.Y/M"), (":authority", "localhost")
    for number in (1, 3):
        client.send_headers(number, names, end_stream=True)
    http.receive_data(client.data_to_send())
    for number in (1, 3):
        http.send_headers(number, [(":status", "200"), ("content-type", "application/grpc")])
        http.send_data(number, framed(b"\x08\x01") + framed(bytes(100)))
    http.send_headers(3, [("grpc-status", "0"), ("grpc-message", "%C3%A9")], end_stream=True)
    http.reset_stream(1, 2)
    return http.data_to_send()


def test_broken_bytes_of_a_server_end_in_a_sentence(monkeypatch):
    monkeypatch.setattr(grpc_connection.Connection, "_send", lambda self: self._http.data_to_send())
    sound, dice, sentences = recorded(), random.Random(3), set()
    for _ in range(5_000):
        data = bytearray(sound)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(data))
            data[at : at + dice.randrange(2)] = dice.randbytes(dice.randrange(3))
        ours, theirs = socket.socketpair()
        with ours, theirs:
            connection = grpc_connection.Connection(ours, ours, "the server", "localhost", 20.0)
            calls = [connection.call("/x.Y/M", b"") for _ in range(2)]
            theirs.sendall(data)
            theirs.shutdown(socket.SHUT_WR)
            try:
                while not all(call.ended for call in calls):
                    connection.pump(1.0)
                connection.check(calls[1])
            except GrpcError as error:
                sentences.add(str(error).partition(":")[0])
    assert len(sentences) > 3


def test_a_hundred_thousand_broken_chunks_of_messages_crash_nothing():
    dice, wire = random.Random(5), framed(b"\x08\x01") + framed(bytes(50)) + framed(b"")
    seen = set()
    call = Call(1, "/x.Y/M")
    for _ in range(100_000):
        data = bytearray(wire)
        data[dice.randrange(len(data))] = dice.choice((0, 0, 1, 5, 255))
        try:
            call.take(bytes(data[: dice.randrange(len(data) + 1)]))
        except ValueError as error:
            seen.add(str(error))
            call = Call(1, "/x.Y/M")
        seen |= {len(message) for message in call.messages}
        call.messages.clear()
    assert {0, 2, 50, "a message is compressed, which was not asked for"} <= seen
