"""An API server that does not answer, in all the ways it may: one sentence, soon, whatever was asked for."""

import socket
import struct
import threading
from contextlib import contextmanager, suppress

import pytest

from netsec_tui.sources.cluster import api as cluster_api
from tests.sources.api_server import write_kubeconfig

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, with no time: closing sends RST."""


def says_nothing(_client, _over):
    pass


def resets(client, _over):
    client.recv(65_536)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.close()


def half_a_handshake(client, _over):
    client.recv(65_536)
    client.sendall(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76")


def half_a_head(client, _over):
    client.recv(65_536)
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Ty")


def one_byte_at_a_time(client, over):
    """Never leave the client without a byte for as long as it would wait for one."""
    client.sendall(b"HTTP/1.1 200 OK\r\nX-Filler: ")
    while not over.wait(0.02):
        client.sendall(b"x")


class Trouble:
    """Accept connections and treat each as told; ``accepted`` holds them."""

    def __init__(self, behaviour):
        self.accepted, self._over, self._behaviour = [], threading.Event(), behaviour
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self):
        while True:
            client, _ = self._listening.accept()
            if self._over.is_set():
                client.close()
                return
            self.accepted.append(client)
            self._threads.append(threading.Thread(target=self._treat, args=(client,)))
            self._threads[-1].start()

    def _treat(self, client):
        with suppress(OSError):  # the client has had enough
            self._behaviour(client, self._over)

    def close(self):
        self._over.set()
        socket.create_connection(self._listening.getsockname()).close()
        for client in self.accepted:
            client.close()
        for thread in self._threads:
            thread.join()
        self._listening.close()


@contextmanager
def trouble(behaviour):
    server = Trouble(behaviour)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Wait for half a second in place of 5: no test here may wait for anything else."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(cluster_api, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(cluster_api, "PULSE", (600, 600))
    monkeypatch.setattr(cluster_api, "TIMEOUT", (600, 600))


COMMANDS = [
    ("doctor",),
    ("list", "-A"),
    ("list", "-A", "--for", "1s"),
    ("list", "-A", "--source", "conntrack", "--source", "hubble", "--source", "whisker"),
    ("list", "-A", "--source", "hubble-exec", "--source", "netobserv", "--source", "antrea"),
    ("generate", "-n", "shop", "deploy/web"),
    ("diff", "-n", "shop", "deploy/web"),
    ("applied", "-n", "shop", "deploy/web"),
    ("check", "--from", "shop/deploy/web", "--to", "shop/deploy/api", "--port", "TCP/80"),
]
LATE = "cannot be reached: it does not answer within 0.5 s"


def config(tmp_path, url, proxy=""):
    path = write_kubeconfig(tmp_path / "config", url)
    if proxy:
        path.write_text(path.read_text().replace(f"server: {url}", f"server: {url}\n    proxy-url: {proxy}"))
    return str(path)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[:1] + command[2:]))
def test_each_command_says_so_and_waits_once(run, tmp_path, command):
    with trouble(says_nothing) as server:
        code, out, err = run(*command, "--kubeconfig", config(tmp_path, f"http://{server.address}"))
        asked = len(server.accepted)
    assert (code not in (0, 1), out) == (True, "")
    assert f"the API server {server.address} {LATE}" in err
    # One after the other they would wait in turn; those that listen do so at the same time, each for itself.
    assert asked == 1 or "--for" in command


@pytest.mark.parametrize(
    ("scheme", "behaviour", "words"),
    [
        ("http", resets, "cannot be reached: the connection breaks off while it answers"),
        ("https", resets, "cannot be reached"),
        ("https", says_nothing, LATE),
        ("https", half_a_handshake, LATE),
        ("http", half_a_head, LATE),
        ("http", one_byte_at_a_time, LATE),
    ],
)
@pytest.mark.parametrize("command", [("doctor",), ("list", "-A")], ids=["doctor", "list"])
def test_each_kind_of_trouble_is_said(run, tmp_path, command, scheme, behaviour, words):
    with trouble(behaviour) as server:
        code, _, err = run(*command, "--kubeconfig", config(tmp_path, f"{scheme}://{server.address}"))
    assert code not in (0, 1)
    assert f"the API server {server.address} {words}" in err


@pytest.mark.parametrize("command", [("doctor",), ("list", "-A")], ids=["doctor", "list"])
def test_proxy_that_hangs_is_named_and_its_password_is_not(run, tmp_path, command):
    with trouble(says_nothing) as proxy:
        path = config(tmp_path, "https://api.example:6443", f"http://me:secret@{proxy.address}")
        code, _, err = run(*command, "--kubeconfig", path)
    assert code not in (0, 1)
    assert f"the API server api.example:6443 by the proxy {proxy.address} {LATE}" in err
    assert "secret" not in err


@pytest.mark.parametrize("command", [("doctor",), ("list", "-A")], ids=["doctor", "list"])
def test_name_that_takes_for_ever_to_look_up(run, tmp_path, monkeypatch, command):
    over, looked_up = threading.Event(), socket.getaddrinfo

    def look_up(host, *rest, **more):
        if host == "api.example":
            over.wait()
        return looked_up("127.0.0.1" if host == "api.example" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    code, _, err = run(*command, "--kubeconfig", config(tmp_path, "https://api.example:1"))
    over.set()
    assert code not in (0, 1)
    assert f"the API server api.example:1 {LATE}" in err
