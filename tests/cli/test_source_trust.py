"""The flags about TLS serve the sources of a command that can use them; where none can, that is said."""

import json

import pytest

from netsec_tui.cli.flags import parse
from netsec_tui.cli.inputs import inputs_of
from netsec_tui.cli.tui import opening
from netsec_tui.errors import NotFoundError, UsageError
from netsec_tui.sources.access import Access, Address
from netsec_tui.sources.registry import SOURCES, make_source
from tests.sources.api_server import ApiServer, write_kubeconfig
from tests.sources.grpc.grpc_peer import certificates
from tests.sources.hubble.hubble_access import relay_slice, service
from tests.sources.hubble.hubble_peer import flow, serving_hubble
from tests.sources.reach.forward_server import ForwardServer
from tests.sources.running import running


@pytest.fixture
def flags(monkeypatch, tmp_path):
    """Have a cluster with a Relay that speaks no TLS; return the flags to read it, and those of Goldmane."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with serving_hubble() as peer, running(ForwardServer([service(), relay_slice()])) as api:
        peer.ring.append(flow(1))
        api.ports["hubble-relay-1", 4245] = peer.address
        made = certificates(tmp_path, "goldmane.calico-system.svc")
        yield (
            ["--kubeconfig", str(write_kubeconfig(tmp_path / "kubeconfig", api.url))],
            ["--source-cert", str(made.client), "--source-key", str(made.client_key)],
        )


@pytest.mark.parametrize(
    ("sources", "read"),
    [
        (["--source", "goldmane", "--source", "hubble"], 1),
        (["--source", "hubble", "--source", "antrea"], 1),
        (["--source", "hubble"], 0),  # asked for TLS, it is not read over plaintext
        (["--source", "hubble", "--source", "conntrack"], 0),
        (["--source", "hubble", "--source", "goldmane", "--source-tls", "on"], 0),
    ],
)
def test_a_relay_without_tls_is_read_beside_a_source_that_the_certificate_is_for(run, flags, sources, read):
    cluster, certificate = flags
    _, out, err = run("list", "-A", "-o", "json", *cluster, *certificate, *sources)
    assert (json.loads(out)["input"]["flows"] if out else 0) == read
    assert ("does not speak TLS" in err or "as TLS does" in err or "breaks off" in err) == (not read)


def test_a_server_at_an_address_is_not_read_over_plaintext():
    line = "list --source goldmane --source hubble://relay.example:4245 --source-insecure"
    _, relay = inputs_of(parse([*line.split(), "--manifests", "x"]), lambda: None).flows
    assert relay._access.tls.secures(False)


@pytest.mark.parametrize(
    ("line", "flag"),
    [
        ("list --source conntrack --source-ca x", "--source-ca"),
        ("list --source hubble-exec --source conntrack --source-cert x --source-key y", "--source-cert"),
        ("--source conntrack --source-server-name x", "--source-server-name"),
        ("generate deploy/x --source hubble-exec --source-tls on", "--source-tls"),
        ("list --source none --source-tls off", "--source-tls"),
        ("list --flows x --source-insecure", "--source-insecure"),
        ("applied --context x --source-ca x", "--source-ca"),
    ],
)
def test_flags_that_no_source_can_use_are_refused(line, flag):
    *others, last = (name for name, kind in SOURCES.items() if kind.tls != "never")
    words = f"^{flag} is of no use .* {', '.join(others)} and {last}; leave it out"
    with pytest.raises(UsageError, match=words):
        inputs_of(parse(line.split()), lambda: None)


@pytest.mark.parametrize("name", ["", "a b", "relay.example.org/x", "*.example.org", "\u202erelay"])
def test_a_name_that_no_certificate_carries_is_refused(run, name):
    code, _, err = run("list", "--source", "hubble", "--source-server-name", name)
    assert (code, err.count("is no name of a server")) == (64, 1)


@pytest.mark.parametrize("flag", ["--source-ca", "--source-cert", "--source-key"])
def test_a_file_without_a_name_does_not_count_as_none_given(run, flag):
    code, _, err = run("list", "--source", "hubble", flag, "")
    assert (code, err.count(f"argument {flag}: it is empty; leave the flag out")) == (64, 1)


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_is_named_by_its_address_where_it_has_one(name):
    assert make_source(name, Access("prod")).name == f"{name} of context prod"
    if SOURCES[name].port:
        access = Access("prod", address=Address("fd00::5", 1))
        assert make_source(name, access).name == f"{name} at [fd00::5]:1"


@pytest.mark.parametrize("name", ["relay.example.org", "10.0.0.5", "fd00::5", "a_b-1"])
def test_names_and_addresses_that_certificates_carry_are_taken(name):
    assert parse(["list", "--source-server-name", name]).source_server_name == name


def test_the_screen_refuses_them_before_it_opens(flags):
    with pytest.raises(UsageError, match="--source-ca is of no use"):
        opening(parse(["--source", "conntrack", "--source-ca", "x", *flags[0]]))


@pytest.mark.parametrize("line", ["list", "list --source conntrack --source whisker", "list --source theia"])
def test_flags_that_a_source_can_use_are_not(line, tmp_path):
    authority = str(certificates(tmp_path, "x").authority)
    inputs_of(parse([*line.split(), "--source-ca", authority, "--context", "x"]), lambda: None)


@pytest.mark.parametrize(
    "command",
    ["doctor", "list -A", "list -A --source hubble", "list -A --source whisker://127.0.0.1:1", "record"],
)
@pytest.mark.parametrize(
    ("flag", "file", "told"),
    [
        ("--source-ca", "nowhere.pem", (66, "--source-ca {} cannot be read: No such file or directory")),
        ("--source-ca", "kubeconfig", (65, "--source-ca {} is of no use: it holds no certificate in PEM")),
        ("--source-key", "kubeconfig", (65, "--source-key {} is of no use: it holds no private key")),
    ],
)
def test_a_bad_file_is_named_before_the_cluster_is_asked(run, tmp_path, command, flag, file, told):
    made, path, (code, words) = certificates(tmp_path, "x"), str(tmp_path / file), told
    more = ["--source-cert", str(made.client)] if flag == "--source-key" else []
    more += ["-o", str(tmp_path / "x.capture")] if command == "record" else []
    with running(ApiServer([])) as server:
        config = str(write_kubeconfig(tmp_path / "kubeconfig", server.url))
        done, out, err = run(*command.split(), "--kubeconfig", config, flag, path, *more)
        assert not server.asked
    assert (done, out) == (code, "")
    assert words.format(path) in err


def test_the_screen_names_a_bad_file_before_it_opens(flags, tmp_path):
    with pytest.raises(NotFoundError, match=r"--source-ca .*nowhere\.pem cannot be read"):
        opening(parse(["--source-ca", str(tmp_path / "nowhere.pem"), *flags[0]]))
