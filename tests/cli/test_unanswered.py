"""A named source that has not answered by the end of ``--for``: no policy is made without it."""

import json

import pytest

from tests.cli.test_silent_server import one_byte_at_a_time, says_nothing, trouble
from tests.sources.api_server import write_kubeconfig
from tests.sources.hubble.hubble_access import relay_slice, service
from tests.sources.hubble.hubble_peer import serving_hubble
from tests.sources.reach.forward_server import ForwardServer
from tests.sources.running import running

EMPTY = b'{"status": "success", "data": {"resultType": "streams", "result": []}}'


def answers_once(client, over):
    """Answer Loki's first question, for one record, and no other."""
    while request := client.recv(65_536):
        if b"limit=1&" not in request:
            over.wait()
            return
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(EMPTY), EMPTY))


SILENT = [
    ("whisker", says_nothing),
    ("whisker", one_byte_at_a_time),
    ("netobserv", says_nothing),
    ("netobserv", one_byte_at_a_time),
    ("netobserv", answers_once),
    ("antrea", says_nothing),
]


@pytest.fixture(params=SILENT, ids=lambda param: f"{param[0]} {param[1].__name__}")
def silent(request):
    """Return flags that name a source which does not answer in time, and what is said of it."""
    source, behaviour = request.param
    with trouble(behaviour) as server:
        address = f"{source}://{server.address}"
        late = f"{source} at {server.address} had not answered, or not in full, when reading ended"
        yield ["--source", address, "--source-tls", "off", "--for", "1s"], late


def test_no_policy_is_written(run, cluster, silent):
    flags, late = silent
    code, out, err = run("generate", "-n", "shop", "deploy/web", *cluster, *flags, "--comments")
    assert (code, out) == (69, "")
    assert late in err
    assert "no policy is written: without all of its input it might be wrong" in err


def test_list_names_it_and_the_rest_works(run, cluster, silent):
    flags, late = silent
    code, out, _ = run("list", *cluster, *flags, "-o", "json")
    told = json.loads(out)
    assert code == 69
    assert late in told["input"]["problems"]
    assert {entry["name"] for entry in told["workloads"]} >= {"web", "db"}


def test_record_names_it_and_keeps_the_rest(run, cluster, silent):
    flags, late = silent
    code, _, err = run("record", *cluster, *flags, "-o", "x.capture")
    assert code == 69
    assert late in err
    assert "x.capture holds 11 flows" in err


def test_hubble_is_named_too(run, cluster):
    with trouble(says_nothing) as server:
        flags = ["--source", f"hubble://{server.address}", "--source-tls", "off", "--for", "1s"]
        code, out, err = run("generate", "-n", "shop", "deploy/web", *cluster, *flags)
    assert (code, out) == (69, "")
    assert f"Hubble at {server.address} had not answered ServerStatus when reading ended" in err


@pytest.mark.parametrize("silent", SILENT[:1], indirect=True)
def test_nothing_at_all_is_no_capture(run, tmp_path, monkeypatch, silent):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    flags, late = silent
    code, _, err = run("record", *flags, "-o", tmp_path / "x.capture")
    assert (code, (tmp_path / "x.capture").exists()) == (69, False)
    assert late in err


def test_who_has_a_source_found_is_told_to_listen_longer(run, tmp_path, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with serving_hubble() as peer, running(ForwardServer([service(), relay_slice()])) as api:
        api.ports["hubble-relay-1", 4245] = peer.address
        config = str(write_kubeconfig(tmp_path / "config", api.url))
        _, _, err = run("list", "-A", "--kubeconfig", config)
    assert "not a single flow was read, so nothing can be told; listen to the source for a while" in err
    assert "give flows" not in err


def test_who_names_a_source_is_not_told_to_name_one(run, cluster):
    manifests = cluster[2:]
    code, _, err = run("list", *manifests, "--source", "netobserv://127.0.0.1:9")
    assert code == 69
    reason, *rest = err.splitlines()
    assert reason.startswith("netsec-tui: 127.0.0.1:9 cannot be reached")
    assert rest == ["netsec-tui: not a single flow was read, so nothing can be told"]
    _, _, err = run("list", *manifests)
    assert "give flows with --flows, --capture or --source" in err
