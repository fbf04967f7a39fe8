"""How a connection or a call may end, and what is said of it."""

import socket

import pytest

from netsec_tui.sources.grpc.trouble import GrpcError
from netsec_tui.sources.reach.pod_forward import PodSocket
from tests.sources.grpc.grpc_numbers import Answer, Ask, framed
from tests.sources.grpc.test_grpc_peers import Scripted, scripted


def reset(number, code):
    """Return a RST_STREAM frame (RFC 9113, 6.4), which h2 does not send for a stream that has ended."""
    return (4).to_bytes(3, "big") + b"\3\0" + number.to_bytes(4, "big") + code.to_bytes(4, "big")


def greets(sock):
    Scripted(sock).asked()


def says_nothing(sock):
    sock.recv(1)


@pytest.mark.parametrize(
    ("script", "trouble", "said"),
    [
        (says_nothing, "", "; if it speaks TLS, try --source-tls on"),
        (says_nothing, "nobody listens on port 4245", ": nobody listens on port 4245"),
        (greets, "", ""),
        (greets, "the pod is gone", ": the pod is gone"),
    ],
)
def test_a_connection_that_ends_names_tls_where_nothing_else_may_be_the_reason(stop, script, trouble, said):
    def ends(sock):
        script(sock)
        sock.shutdown(socket.SHUT_WR)

    def told(sock):
        made = PodSocket(fileno=sock.detach())
        made.trouble = trouble
        return made

    with scripted(ends, told) as channel, pytest.raises(GrpcError) as raised:
        channel.unary("/x.Y/M", Ask(), Answer, stop)
    assert str(raised.value) == f"the connection to the server breaks off{said}"


@pytest.mark.parametrize("code", [0, 8])
def test_a_call_that_has_ended_well_may_be_reset_afterwards(stop, code):
    def ends_and_resets(sock):
        peer = Scripted(sock)
        number = peer.asked()
        peer.http.send_headers(number, [(":status", "200"), ("content-type", "application/grpc")])
        peer.http.send_data(number, framed(b"\x08\x01"))
        peer.http.send_headers(number, [("grpc-status", "0")], end_stream=True)
        sock.sendall(peer.http.data_to_send() + reset(number, code))

    with scripted(ends_and_resets) as channel:
        assert channel.unary("/x.Y/M", Ask(), Answer, stop).number == 1
