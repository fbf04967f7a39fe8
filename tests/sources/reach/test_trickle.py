"""Servers that answer bit by bit without end: no timeout of a socket ends that, and yet it ends, in words."""

import socket
import threading

import pytest

from netsec_tui.errors import UnreachableError
from netsec_tui.sources.access import Access, Address, TlsOptions
from netsec_tui.sources.calico import whisker as calico_whisker
from netsec_tui.sources.calico import whisker_http
from netsec_tui.sources.calico.whisker import whisker_source
from netsec_tui.sources.life import Life
from netsec_tui.sources.netobserv.source import NetObservSource
from netsec_tui.sources.reach import http
from netsec_tui.sources.reach.http import HttpService
from netsec_tui.sources.reach.service import Way
from tests.cli.test_silent_server import one_byte_at_a_time, trouble


def test_what_a_server_is_known_to_have_is_said_though_time_is_over_as_well():
    def refused(ours, theirs):
        with http.ended_after(ours, 0.01):
            assert theirs.recv(1) == b""  # shut down
            raise UnreachableError("it refuses")

    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(UnreachableError, match="it refuses"):
        refused(ours, theirs)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


def body_by_the_byte(client, over):
    """Give a whole head, and of the body one byte after the other."""
    client.recv(65_536)
    client.sendall(HEAD)
    while not over.wait(0.02):
        client.sendall(b"x")


BEHAVIOURS = [one_byte_at_a_time, body_by_the_byte]


@pytest.fixture(params=BEHAVIOURS, ids=lambda behaviour: behaviour.__name__)
def server(request, monkeypatch):
    monkeypatch.setattr(calico_whisker, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(http, "FIRST_SECONDS", 0.3)
    with trouble(request.param) as started:
        host, port = started.address.split(":")
        yield Address(host, int(port))


@pytest.mark.timeout(30)
@pytest.mark.parametrize("make", [whisker_source, NetObservSource])
@pytest.mark.parametrize("way", ["read", "follow"])
def test_a_first_answer_that_trickles_in_is_given_up(server, make, way):
    source = make(Access("prod", address=server, tls=TlsOptions("off")))
    more = [threading.Event()] if way == "follow" else []
    with pytest.raises(UnreachableError, match=f"{server.host}:{server.port} does not answer within 0.3 s"):
        getattr(source, way)(lambda message: None, *more)


def dialled(server):
    return lambda: socket.create_connection((server.host, server.port))


@pytest.mark.timeout(30)
def test_a_later_answer_that_trickles_in_is_given_up_too(server, monkeypatch):
    monkeypatch.setattr(http, "WHOLE_SECONDS", 0.3)
    with pytest.raises(UnreachableError, match=r"it does not answer within 0\.3 s"):
        HttpService(dialled(server), "it", "it").get("/")
    whisker = whisker_http.Whisker(Way(dialled(server), "it", "it"), TlsOptions())
    with pytest.raises(UnreachableError, match=r"it does not answer within 0\.3 s"):
        whisker.get("page=1", whole=0.3)


@pytest.mark.timeout(30)
def test_a_stream_in_which_no_event_ends_is_given_up(server, monkeypatch):
    monkeypatch.setattr(whisker_http, "SILENCE_SECONDS", 0.3)
    whisker = whisker_http.Whisker(Way(dialled(server), "it", "it"), TlsOptions())
    with pytest.raises(
        UnreachableError, match=r"(it does not answer within 1|no end of an event of it for 0)\.3 s"
    ):
        [*whisker.events("watch=true", lambda asked: None, threading.Event(), Life())]
