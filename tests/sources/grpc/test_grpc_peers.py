"""Calls to peers that end, hang or talk nonsense: what came before is kept, and what is wrong is said."""

import socket
import threading
from contextlib import contextmanager

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived

from netsec_tui.sources import life
from netsec_tui.sources.grpc import connection as grpc_connection
from netsec_tui.sources.grpc.channel import GrpcChannel
from netsec_tui.sources.grpc.trouble import GrpcError
from tests.sources.grpc.grpc_numbers import Answer, Ask, all_of, framed
from tests.sources.waiting import PATIENCE


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
def scripted(script, made=lambda sock: sock):
    """Yield a channel to a peer that runs ``script(sock)`` in a thread of its own, over what is ``made``."""
    ours, theirs = socket.socketpair()
    ours = made(ours)
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
    thread.join(PATIENCE)
    theirs.close()
    assert not failures


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


def test_a_peer_that_never_greets_is_given_up_before_anything_is_told_of_it(stop, monkeypatch):
    monkeypatch.setattr(grpc_connection, "GREETING_SECONDS", 0.3)
    over, got = threading.Event(), []
    with scripted(lambda sock: over.wait(PATIENCE)) as channel:
        with pytest.raises(GrpcError, match=r"the server does not answer: nothing has come for 0\.3 s"):
            got.extend(channel.stream("/x.Y/M", Ask(), Answer, stop))
        over.set()
    assert got == []


def greets_alone(sock, over):
    """Send the settings and room for data, as grpc-go begins, and nothing more."""
    peer = Scripted(sock)
    peer.http.increment_flow_control_window(1 << 20)
    peer.send()
    over.wait(PATIENCE)


def test_a_peer_that_greets_and_then_hangs_is_given_up_before_anything_is_told_of_it(stop, monkeypatch):
    monkeypatch.setattr(grpc_connection, "GREETING_SECONDS", 0.3)
    over, got = threading.Event(), []
    with scripted(lambda sock: greets_alone(sock, over)) as channel:
        words = r"the server does not answer: nothing has come after its greeting for 0\.3 s"
        with pytest.raises(GrpcError, match=words):
            got.extend(channel.stream("/x.Y/M", Ask(), Answer, stop))
        over.set()
    assert got == []


def test_a_peer_that_is_slow_but_alive_is_waited_for(stop, monkeypatch):
    monkeypatch.setattr(grpc_connection, "GREETING_SECONDS", 0.3)
    waited = threading.Event()

    def slow(sock):
        peer = Scripted(sock)
        number = peer.asked()  # our settings are acknowledged with that
        assert waited.wait(20)
        peer.answer(number, framed(b"\x08\x01"))
        peer.http.send_headers(number, [("grpc-status", "0")], end_stream=True)
        peer.send()

    with scripted(slow) as channel:
        got, quiet = [], 0
        for message in channel.stream("/x.Y/M", Ask(), Answer, stop):
            quiet += message is None
            got += [message] if message else []
            if quiet > 6:  # for longer than a peer that does not answer at all is waited for
                waited.set()
    assert [m.number for m in got] == [1]


def test_a_peer_that_hangs_is_given_up(stop, monkeypatch):
    monkeypatch.setattr(life, "ASK_SECONDS", 0.2)
    monkeypatch.setattr(grpc_connection, "ANSWER_SECONDS", 0.2)
    over = threading.Event()

    def hangs(sock):
        peer = Scripted(sock)
        peer.answer(peer.asked(), framed(b"\x08\x01"))
        over.wait(PATIENCE)

    with scripted(hangs) as channel:
        with pytest.raises(GrpcError, match=r"the server hangs: nothing .* does not answer when it is asked"):
            all_of(channel, "/x.Y/M", Ask(), stop)
        over.set()
