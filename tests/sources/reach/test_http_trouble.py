"""What is said of HTTP servers that want TLS, or another certificate, or that break off."""

import socket
import ssl
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from netsec_tui.errors import UnreachableError
from netsec_tui.sources.access import Access, Address, TlsOptions
from netsec_tui.sources.antrea.theia import TheiaSource
from netsec_tui.sources.grpc.tls import secured
from netsec_tui.sources.netobserv.source import NetObservSource
from netsec_tui.sources.reach.http import HttpService
from tests.sources.grpc.grpc_peer import certificates
from tests.sources.running import running

NAME = "loki.example"
GIVE_ONE = "if it wants a client certificate, give one that it takes with --source-cert and --source-key"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.wfile.write(self.server.answers.pop(0))
        self.close_connection = not self.server.answers

    def do_POST(self):
        self.do_GET()

    def log_message(self, format, *args):
        pass


class Server(ThreadingHTTPServer):
    """Give one answer after the other as raw bytes, then end the connection."""

    daemon_threads = True

    def __init__(self, *answers):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = [*answers]

    def handle_error(self, request, client_address):
        pass  # no answer left, or no TLS


def whole(body):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def service(server, tls=None, name=NAME):
    return HttpService(
        lambda: socket.create_connection(server.server_address), "Loki", name, tls and secured(tls, name)
    )


def told(server, tls=None, name=NAME):
    with pytest.raises(UnreachableError) as raised:
        service(server, tls, name).get("/")
    return str(raised.value)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return certificates(tmp_path_factory.mktemp("certificates"), NAME)


@pytest.fixture(scope="module")
def strange(tmp_path_factory):
    return certificates(tmp_path_factory.mktemp("strange"), NAME)


@pytest.fixture(scope="module")
def expired(made, tmp_path_factory):
    """Return certificates by the same authority that ended a day ago."""
    folder = tmp_path_factory.mktemp("expired")
    for name, key in (("server", made.server_key), ("client", made.client_key)):
        ask, sign = ["openssl", "req", "-new", "-subj", f"/CN={name}"], ["openssl", "x509", "-req"]
        request, authority = folder / f"{name}.csr", made.authority
        subprocess.run(
            [*ask, "-key", key, "-addext", f"subjectAltName=DNS:{NAME}", "-out", request], check=True
        )
        subprocess.run(
            [*sign, "-in", request, "-CA", authority, "-CAkey", authority.with_suffix(".key"),
             "-copy_extensions", "copy", "-days", "-1", "-out", folder / f"{name}.pem"],
            check=True, capture_output=True,
        )  # fmt: skip
    return made._replace(server=folder / "server.pem", client=folder / "client.pem")


def test_client_certificate_that_is_not_taken_is_told_by_what_is_wrong_with_it(made, strange, expired):
    refused = "Loki does not take the client certificate in --source-cert: "
    newest, older = made.server_context(mutual=True), made.server_context(mutual=True)
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    for context in (newest, older):
        with running(Server(whole(b"{}")), context) as server:
            for given, said in (
                (expired, refused + "it has expired; give one that is valid"),
                (strange, refused + "it is not of an authority that is trusted there; give one that is"),
                (None, GIVE_ONE),
            ):
                files = {"cert_file": str(given.client), "key_file": str(given.client_key)} if given else {}
                assert told(server, TlsOptions(ca_file=str(made.authority), **files)).endswith(said)
            own = TlsOptions("on", str(made.authority), str(made.client), str(made.client_key))
            assert service(server, own).get("/").body == b"{}"


def test_server_certificate_that_is_not_accepted_names_the_flag_that_helps(made, strange, expired):
    authority = TlsOptions(ca_file=str(made.authority))
    renew = "certificate has expired; it must be renewed there, unless this machine's clock is wrong"
    cases = (
        (expired, authority, NAME, renew),
        (made, authority, "elsewhere", "name the name in it with --source-server-name"),
        (made, authority, "127.0.0.1", "name the name in it with --source-server-name"),
        (strange, authority, NAME, "name its authority with --source-ca"),
        (made, TlsOptions("on"), NAME, "name its authority with --source-ca"),
    )
    for has, options, name, said in cases:
        with running(Server(), has.server_context()) as server:
            sentence = told(server, options, name)
        assert sentence.startswith("the certificate of Loki is not accepted: ")
        assert sentence.endswith(f"{said}, or take any with --source-insecure")


ENDED = "the connection to Loki breaks off: Remote end closed connection without response"


def test_no_tls_towards_a_server_that_wants_it(made):
    with running(Server(), made.server_context()) as server:
        assert told(server).endswith(
            ("speaks TLS; try --source-tls on", "if it speaks TLS, try --source-tls on")
        )
    alert = b"\x15\x03\x01\x00\x02\x02\x0a"
    go = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
    for answer in (alert, go):
        with running(Server(answer)) as server:
            assert told(server) == "Loki speaks TLS; try --source-tls on"
    with running(Server()) as server:
        assert told(server) == f"{ENDED}; if it speaks TLS, try --source-tls on"


@pytest.mark.parametrize("make", [NetObservSource, TheiaSource])
def test_sources_name_the_flag_for_a_server_that_ends_without_a_word(make):
    if make is TheiaSource:
        pytest.importorskip("clickhouse_connect", reason="pip install '.[clickhouse]'")
    with running(Server()) as server:
        access = Access(address=Address(*server.server_address))
        with pytest.raises(UnreachableError, match=r"breaks off: .*; if it speaks TLS, try --source-tls on$"):
            make(access).read(lambda message: None)


def test_server_that_has_answered_before_needs_no_other_tls():
    with running(Server(whole(b"{}"))) as server:
        asked = service(server)
        assert asked.get("/").body == b"{}"
        with pytest.raises(UnreachableError) as raised:
            asked.get("/")
    assert str(raised.value) == ENDED


def test_answer_that_is_cut_short_is_not_taken_for_a_whole_one():
    head = b"HTTP/1.1 200 OK\r\n"
    for answer in (
        head + b"Content-Length: 500\r\n\r\n{}",
        head + b"Transfer-Encoding: chunked\r\n\r\n50\r\n{}",
    ):
        with running(Server(answer)) as server:
            assert told(server) == "the answer of Loki was cut short"
