"""Calls to gRPC servers over TLS: which certificates are taken, and what is said of the others."""

import socket

import pytest

from netsec_tui.errors import BadInputError
from netsec_tui.sources.access import TlsOptions
from netsec_tui.sources.grpc import channel as grpc_channel
from netsec_tui.sources.grpc.channel import GrpcChannel, dial
from netsec_tui.sources.grpc.tls import secured
from netsec_tui.sources.grpc.trouble import GrpcError
from tests.sources.grpc.grpc_numbers import COUNT, METHODS, Answer, Ask
from tests.sources.grpc.grpc_peer import certificates, serving_grpc

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


def test_handshake_that_nobody_answers(monkeypatch):
    monkeypatch.setattr(grpc_channel, "CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        tls = secured(TlsOptions(), "server")
        with pytest.raises(GrpcError, match=r"the server does not answer as TLS does; .*--source-tls off"):
            GrpcChannel(dial(*silent.getsockname()), "the server", tls).__enter__()


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
