"""Calls to gRPC servers over TLS: which certificates are taken, and what is said of the others."""

import socket
import subprocess

import pytest

from netsec_tui.errors import NetsecError
from netsec_tui.sources.access import TlsOptions
from netsec_tui.sources.grpc import channel as grpc_channel
from netsec_tui.sources.grpc.channel import GrpcChannel, dial
from netsec_tui.sources.grpc.tls import check_files, secured
from netsec_tui.sources.grpc.trouble import GrpcError
from tests.sources.grpc.grpc_numbers import COUNT, METHODS, Answer, Ask
from tests.sources.grpc.grpc_peer import certificates, serving_grpc

PLAIN = r"does not speak TLS; try --source-tls off, without .*; a source that needs those .*own$|breaks off"
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
        with pytest.raises(GrpcError, match="give one that it takes with --source-cert and --source-key"):
            asked_over_tls(peer, TlsOptions(ca_file=str(made.authority)), stop)


def test_handshake_that_nobody_answers(monkeypatch):
    monkeypatch.setattr(grpc_channel, "CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        tls = secured(TlsOptions(), "server")
        with pytest.raises(GrpcError, match=r"does not answer as TLS does; .*--source-tls off, without"):
            GrpcChannel(dial(*silent.getsockname()), "the server", tls).__enter__()


def test_tls_towards_a_plain_server_and_the_other_way_round(peer, made, stop):
    with pytest.raises(GrpcError, match=PLAIN):
        asked_over_tls(peer, TlsOptions(insecure=True), stop)
    with (
        serving_grpc(METHODS, made.server_context()) as other,
        GrpcChannel(dial(*other.address), "the server") as channel,
        pytest.raises(GrpcError, match="if it speaks TLS, try --source-tls on"),
    ):
        channel.unary(COUNT, Ask(count=1), Answer, stop)


@pytest.fixture(scope="module")
def files(made, tmp_path_factory):
    """Return files by name: good ones, and others that stand in their place."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "junk").write_text("junk")
    encrypt = ["openssl", "pkcs8", "-topk8", "-passout", "pass:x", "-in", made.client_key]
    subprocess.run([*encrypt, "-out", folder / "encrypted"], check=True)
    (folder / "both").write_bytes(made.client.read_bytes() + made.client_key.read_bytes())
    other = certificates(tmp_path_factory.mktemp("other"), NAME)
    return {
        "authority": made.authority, "client": made.client, "key": made.client_key,
        "other key": other.client_key,
        **{name: folder / name for name in ("junk", "encrypted", "both", "nowhere")},
    }  # fmt: skip


NO_CERTIFICATE, NO_KEY = (
    "it holds no certificate in PEM",
    "it holds no private key in PEM, or an encrypted one",
)


@pytest.mark.parametrize(
    ("ca", "cert", "key", "words"),
    [
        ("nowhere", "", "", "--source-ca {ca} cannot be read: No such file or directory"),
        ("junk", "", "", "--source-ca {ca} is of no use: " + NO_CERTIFICATE),
        ("key", "", "", "--source-ca {ca} is of no use: " + NO_CERTIFICATE),
        ("", "nowhere", "key", "--source-cert {cert} cannot be read: No such file or directory"),
        ("", "client", "nowhere", "--source-key {key} cannot be read: No such file or directory"),
        ("", "junk", "key", "--source-cert {cert} is of no use: " + NO_CERTIFICATE),
        ("", "client", "junk", "--source-key {key} is of no use: " + NO_KEY),
        ("", "client", "encrypted", "--source-key {key} is of no use: " + NO_KEY),
        ("", "client", "", "--source-cert {cert} is of no use: " + NO_KEY),
        ("", "client", "other key",
         "--source-key {key} is of no use: it is not the key of the certificate in --source-cert"),
        ("", "", "key", "--source-key needs the certificate to it: --source-cert"),
        ("authority", "client", "key", ""),
        ("", "both", "", ""),
    ],
)  # fmt: skip
def test_files_that_are_of_no_use_are_named(files, ca, cert, key, words):
    paths = {name: str(files[of]) if of else "" for name, of in (("ca", ca), ("cert", cert), ("key", key))}
    options = TlsOptions(**{f"{name}_file": path for name, path in paths.items()})
    for load in (check_files, lambda options: secured(options, "x")):
        if not words:
            load(options)
            continue
        with pytest.raises(NetsecError) as told:
            load(options)
        assert (str(told.value), told.value.exit_code) == (
            words.format(**paths), 66 if "cannot be read" in words else 65,
        )  # fmt: skip
