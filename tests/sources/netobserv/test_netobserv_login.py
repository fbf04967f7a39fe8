"""What Loki is told to log in, and what not."""

import pytest

from netsec_tui.errors import BadInputError
from netsec_tui.sources.access import Access, Address, TlsOptions
from netsec_tui.sources.netobserv.source import NetObservSource
from netsec_tui.sources.reach.service import TOKEN_VARIABLE
from tests.sources.collected import read
from tests.sources.grpc.grpc_peer import certificates
from tests.sources.netobserv.loki_server import LokiServer
from tests.sources.running import running


@pytest.fixture
def loki(tmp_path):
    """Have a Loki that speaks TLS; return it and the source that trusts it."""
    made = certificates(tmp_path, "loki.example")
    tls = TlsOptions(ca_file=str(made.authority), server_name="loki.example")
    with running(server := LokiServer([]), made.server_context()):
        address = Address("127.0.0.1", server.server_port)
        yield server, NetObservSource(Access("prod", address=address, tls=tls), 1.0)


def test_whoever_has_no_token_sends_no_header_for_one(loki, monkeypatch):
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    server, source = loki
    read(source)
    assert server.headers
    assert not any("Authorization" in headers for headers in server.headers)


@pytest.mark.parametrize("token", ["s3cr3t\r", "s3cr3t\n", " s3cr3t\r\n"])
def test_a_token_is_sent_without_the_end_of_its_line(loki, monkeypatch, token):
    monkeypatch.setenv(TOKEN_VARIABLE, token)
    server, source = loki
    read(source)
    assert {headers["Authorization"] for headers in server.headers} == {"Bearer s3cr3t"}


@pytest.mark.parametrize("token", ["s3cr3t\nX: y", "s3\rcr3t", "s3cr3t€", "s3cr3té", "\udcffs3cr3t"])
def test_a_token_that_no_header_may_hold_is_refused_and_not_shown(loki, monkeypatch, token):
    monkeypatch.setenv(TOKEN_VARIABLE, token)
    server, source = loki
    with pytest.raises(
        BadInputError, match=f"^{TOKEN_VARIABLE} is no token: it holds a line break or"
    ) as told:
        read(source)
    assert "cr3t" not in str(told.value)
    assert not server.headers
