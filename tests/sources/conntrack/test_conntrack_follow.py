"""Following tables while nodes hang, pods are replaced and credentials end."""

import threading

import pytest

from netsec_tui.sources.conntrack import source as conntrack
from netsec_tui.sources.conntrack.nodes import COMMANDS
from netsec_tui.sources.feeds.thread import SourceThread
from tests.sources.api_server import write_kubeconfig
from tests.sources.collected import Collected, following, gaps, read
from tests.sources.conntrack.conntrack_lines import line
from tests.sources.conntrack.conntrack_server import OTHER, PROXY, TABLE, clients, cluster, pod
from tests.sources.exec_server import HANGS
from tests.sources.waiting import until

pytestmark = pytest.mark.usefixtures("quick_tables")


def test_a_node_that_hangs_does_not_hold_up_the_others(server, source, monkeypatch):
    server.commands["kube-proxy-a", "cat"] = HANGS
    with following(source) as collected:
        collected.wait_for(lambda: "10.244.2.5" in clients(collected))
        first = server.ran.count(("kube-proxy-b", PROXY, COMMANDS[0][0]))
        said = "1 connection from 1 of 2 nodes; 1 not read yet"
        collected.wait_for(lambda: collected.status.detail == said)
        server.commands["kube-proxy-b", "cat"] = OTHER + (line("10.244.2.6:7") + "\n").encode()
        collected.wait_for(lambda: "10.244.2.6" in clients(collected))
        assert len(server.ran) > first


def test_trouble_is_told_once_and_so_is_its_end(server, source):
    with following(source) as collected:
        collected.wait_for(lambda: len(clients(collected)) == 2)
        server.commands["kube-proxy-a", "cat"] = "no"
        collected.wait_for(lambda: "node n1" in collected.status.error)
        asked = len(server.ran)
        server.commands["kube-proxy-b", "cat"] = OTHER + (line("10.244.2.7:7") + "\n").encode()
        collected.wait_for(lambda: "10.244.2.7" in clients(collected))
        assert len(server.ran) > asked
        server.commands["kube-proxy-a", "cat"] = TABLE
        collected.wait_for(lambda: not collected.status.error)
    assert len(gaps(collected)) == 1
    assert collected.status.detail == "3 connections from 2 of 2 nodes"


def test_no_table_at_all_is_tried_again_and_that_is_said(server, source):
    server.commands = {("kube-proxy-a", "cat"): 403, ("kube-proxy-b", "cat"): 403}
    with following(source) as collected:
        collected.wait_for(lambda: collected.status.error.startswith("nodes n1, n2"))
        assert collected.status.error.endswith(f"; tried again every {conntrack.RETRY_SECONDS:g} s")


@pytest.mark.parametrize("answer", [404, "container not found"])
def test_a_pod_that_takes_the_place_of_another_is_found_at_once(server, source, monkeypatch, answer):
    monkeypatch.setattr(conntrack, "_LIST_AGAIN_SECONDS", 0.05)
    with following(source) as collected:
        collected.wait_for(lambda: len(clients(collected)) == 2)
        server.commands["kube-proxy-c", "cat"] = TABLE + (line("10.244.1.9:7") + "\n").encode()
        server.objects[:] = cluster(pod("kube-proxy-c", "n1"), pod("kube-proxy-b", "n2"))
        server.commands["kube-proxy-a", "cat"] = answer
        collected.wait_for(lambda: "10.244.1.9" in clients(collected) and not collected.status.error)
    assert gaps(collected) == []


def test_a_pod_that_is_gone_before_a_command_runs_in_it_is_looked_for_again(server, source, monkeypatch):
    monkeypatch.setattr(conntrack, "_LIST_AGAIN_SECONDS", 0.05)
    server.commands["kube-proxy-a", "cat"] = 404
    collected = read(source)
    assert collected.status.error.startswith("node n1: kube-system/kube-proxy-a: refused with 404")
    assert sum(ran[0] == "kube-proxy-a" for ran in server.ran) >= 2
    assert clients(collected) == {"10.244.2.5"}


def test_pods_are_listed_at_once_when_one_is_gone(server, source, monkeypatch):
    class Replacing(dict):
        def get(self, key, default):
            if key == ("kube-proxy-a", "cat"):
                server.objects[:] = cluster(pod("kube-proxy-c", "n1"), pod("kube-proxy-b", "n2"))
            return super().get(key, default)

    for name in ("POLL_SECONDS", "RETRY_SECONDS", "_LIST_SECONDS"):
        monkeypatch.setattr(conntrack, name, 10_000.0)
    monkeypatch.setattr(conntrack, "_LIST_AGAIN_SECONDS", 0.05)
    server.commands = Replacing(server.commands)
    server.commands |= {("kube-proxy-a", "cat"): 404, ("kube-proxy-c", "cat"): TABLE}
    collected = read(source)
    assert clients(collected) == {"10.244.1.5", "10.244.2.5"}
    assert (gaps(collected), collected.status.error) == ([], "")


def test_new_credentials_are_taken_up(server, source, tmp_path):
    with following(source) as collected:
        collected.wait_for(lambda: len(clients(collected)) == 2)
        server.token = "another"
        collected.wait_for(lambda: "does not take the credentials" in collected.status.error)
        write_kubeconfig(tmp_path / "config", server.url, {"token": "another"})
        collected.wait_for(lambda: not collected.status.error)


def test_a_list_that_fails_while_a_pod_is_looked_for_is_not_asked_for_at_every_turn(
    server, source, monkeypatch
):
    monkeypatch.setattr(conntrack, "_LIST_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(conntrack, "POLL_SECONDS", 25.0)
    server.commands["kube-proxy-a", "cat"] = 404
    server.refuse["nodes"] = [200, 503]
    with following(source) as collected:
        collected.wait_for(lambda: "tables are read as before" in collected.status.error)
        asked = len(server.requests["nodes"])
        until(lambda: sum(ran[0] == "kube-proxy-a" for ran in server.ran) > 10)
        assert len(server.requests["nodes"]) == asked


def test_once_pods_may_be_listed_after_all_the_tables_are_read(server, source):
    server.refuse["pods"] = [403]
    collected, stop = Collected(), threading.Event()
    thread = SourceThread(source, collected, stop, again=0.05)
    thread.start()
    try:
        collected.wait_for(lambda: collected.status.error.startswith("pods may not be listed"))
        assert collected.status.error.endswith("; it is tried again every 0.05 s")
        server.refuse.clear()
        collected.wait_for(lambda: len(clients(collected)) == 2 and not collected.status.error)
    finally:
        stop.set()
        thread.join()


def test_other_nodes_are_read_on_while_a_pod_that_is_gone_is_looked_for(server, source, monkeypatch):
    monkeypatch.setattr(conntrack, "_LIST_AGAIN_SECONDS", 10_000.0)
    with following(source) as collected:
        collected.wait_for(lambda: len(clients(collected)) == 2)
        server.commands["kube-proxy-a", "cat"] = 404
        ran = server.ran.count(("kube-proxy-a", PROXY, COMMANDS[0][0]))
        until(lambda: server.ran.count(("kube-proxy-a", PROXY, COMMANDS[0][0])) > ran)
        server.commands["kube-proxy-b", "cat"] = OTHER + (line("10.244.2.6:7") + "\n").encode()
        collected.wait_for(lambda: "10.244.2.6" in clients(collected))
