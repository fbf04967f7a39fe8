"""Calls to gRPC servers of another make: what comes, what ends, what is said."""

import time

import pytest

from netsec_tui.sources import life
from netsec_tui.sources.grpc import channel as grpc_channel
from netsec_tui.sources.grpc import connection as grpc_connection
from netsec_tui.sources.grpc.channel import GrpcChannel, dial
from netsec_tui.sources.grpc.trouble import GrpcError
from netsec_tui.sources.problem import Problem
from tests.sources.grpc.grpc_numbers import COUNT, METHODS, ODD, REFUSE, WAIT, Answer, Ask, all_of
from tests.sources.grpc.grpc_peer import serving_grpc


@pytest.fixture
def channel(peer):
    with GrpcChannel(dial(*peer.address), "the server") as opened:
        yield opened


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


def test_who_stops_while_a_reply_is_waited_for_is_told_whose_it_was(channel, stop):
    stop.set()
    with pytest.raises(
        GrpcError, match=r"^the server had not answered Wait when reading ended, \d\.\d s later$"
    ):
        channel.unary(WAIT, Ask(), Answer, stop)


def test_an_address_that_cannot_be_reached_is_written_as_it_is_given():
    with (
        pytest.raises(GrpcError, match=r"^\[::1\]:1 cannot be reached: "),
        GrpcChannel(dial("::1", 1), "the server"),
    ):
        pass


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


def test_a_silent_peer_that_answers_pings_is_not(peer, stop, monkeypatch):
    monkeypatch.setattr(life, "ASK_SECONDS", 0.1)
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
