"""Messages and frames as bytes: whole however they are cut, and never a crash when they are broken."""

import random
import socket

from h2.config import H2Configuration
from h2.connection import H2Connection
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.sources.grpc import connection as grpc_connection
from netsec_tui.sources.grpc.call import Call
from netsec_tui.sources.grpc.trouble import GrpcError
from netsec_tui.sources.life import Life
from tests.sources.grpc.grpc_numbers import Answer, framed


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
            connection = grpc_connection.Connection(ours, ours, "the server", "localhost", Life())
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
