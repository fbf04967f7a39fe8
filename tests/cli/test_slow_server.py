"""What takes long is said while it is waited for; a login command that never ends is ended."""

import os
import sys
import threading

import pytest

from netsec_tui.sources import waits
from netsec_tui.sources.cluster import api, login
from netsec_tui.sources.cluster.source import ClusterSource
from netsec_tui.sources.feeds.feed import Feed
from tests.sources.api_server import ApiServer, write_kubeconfig
from tests.sources.kube_objects import obj
from tests.sources.running import running
from tests.sources.waiting import until

PODS = "still waiting after 0.2 s for pods from the API server "


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(waits, "LONG_SECONDS", 0.2)
    with running(ApiServer([obj("Namespace", "shop", None)])) as started:
        yield started


def kubeconfig(tmp_path, server, user=None):
    return str(write_kubeconfig(tmp_path / "config", server.url, user))


COMMANDS = [
    ("doctor",),
    ("list", "-A"),
    ("list", "-A", "--source", "none"),
    ("list", "-A", "--for", "1s"),
    ("check", "--from", "shop/deploy/web", "--to", "shop/deploy/api", "--port", "TCP/80"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_says_what_it_waits_for_before_it_gives_up(run, tmp_path, server, monkeypatch, command):
    monkeypatch.setattr(api, "TIMEOUT", (5, 1.5))
    server.hanging = {"pods"}
    code, out, err = run(*command, "--kubeconfig", kubeconfig(tmp_path, server))
    assert (code not in (0, 1), out) == (True, "")
    assert f"{PODS}{server.url[7:]}" in err
    assert err.index(PODS) < err.index("it does not answer within 1.5 s")


def test_record_says_it_too(run, tmp_path, server, monkeypatch):
    monkeypatch.setattr(api, "TIMEOUT", (5, 1.5))
    server.hanging = {"pods"}
    _, _, err = run("record", "-o", tmp_path / "x.capture", "--kubeconfig", kubeconfig(tmp_path, server))
    assert PODS in err


def test_a_server_that_is_slow_but_answers_is_waited_for(run, tmp_path, server, monkeypatch):
    said, note = threading.Event(), waits._Wait.last

    def let_go(wait):
        note(wait)
        said.set()
        server.hanging = set()

    monkeypatch.setattr(waits._Wait, "last", let_go)
    server.hanging = {"pods"}
    code, _, err = run("list", "-A", "--source", "none", "--kubeconfig", kubeconfig(tmp_path, server))
    assert said.is_set()
    assert PODS in err
    assert (code, "cannot be reached" in err) == (2, False)  # it has no flows


def test_the_screen_says_it_in_the_status_and_takes_it_back(tmp_path, server):
    server.hanging = {"pods"}
    feed = Feed([ClusterSource(None, kubeconfig(tmp_path, server))])
    told = []
    feed.start()
    try:
        until(lambda: told.extend(feed.drain()) or any(PODS in getattr(m, "detail", "") for m in told))
        assert not told[-1].error
        assert not told[-1].settled
        server.hanging = set()
        until(lambda: told.extend(feed.drain()) or told[-1].settled)
    finally:
        feed.close()
    assert told[-1].detail == f"1 objects from {server.url[7:]}"


@pytest.fixture
def hangs(tmp_path, server, monkeypatch):
    """Have a login command that never ends, and a child of it that holds its output open."""
    monkeypatch.setattr(login, "LOGIN_SECONDS", 0.6)
    pids = tmp_path / "pids"
    script = tmp_path / "log-me-in"
    script.write_text(
        f"#!{sys.executable}\nimport os, time\npid = os.fork()\n"
        f"open({str(pids)!r}, 'a').write(f'{{os.getpid()}}\\n')\ntime.sleep(60)\n"
    )
    script.chmod(0o755)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(script),
                     "args": ["--password=the-secret"], "interactiveMode": "Never"}}  # fmt: skip
    yield kubeconfig(tmp_path, server, user), pids
    for pid in pids.read_text().split():
        try:
            os.kill(int(pid), 9)
        except ProcessLookupError:
            continue


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "command", [("doctor",), ("list", "-A", "--source", "conntrack", "--source", "whisker")]
)
def test_a_login_command_that_never_ends_is_ended_and_said(run, hangs, command):
    config, pids = hangs
    code, out, err = run(*command, "--kubeconfig", config)
    assert (code, out) == (69, "")
    assert "still waiting after 0.2 s for the login command log-me-in\n" in err
    words = "context prod gives no way to log in: the login command log-me-in has not ended within 0.6 s; "
    assert words in err
    assert "the-secret" not in err
    assert len(pids.read_text().split()) == 2  # the command and its child: nobody started it again
