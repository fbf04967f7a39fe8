"""What Loki is told to log in, and what not."""

from netsec_tui.sources.access import Access, Address, TlsOptions
from netsec_tui.sources.netobserv.source import NetObservSource
from netsec_tui.sources.reach.service import TOKEN_VARIABLE
from tests.sources.collected import read
from tests.sources.grpc.grpc_peer import certificates
from tests.sources.netobserv.loki_server import LokiServer
from tests.sources.running import running


def test_whoever_has_no_token_sends_no_header_for_one(tmp_path, monkeypatch):
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    made = certificates(tmp_path, "loki.example")
    tls = TlsOptions(ca_file=str(made.authority), server_name="loki.example")
    with running(server := LokiServer([]), made.server_context()):
        read(NetObservSource(Access("prod", address=Address("127.0.0.1", server.server_port), tls=tls), 1.0))
    assert server.headers
    assert not any("Authorization" in headers for headers in server.headers)
