"""Until when tables have been read when reading ends: a node that hangs was not watched since."""

import threading
import time

import pytest

from netsec_tui.model.flow import Flow, Gap
from netsec_tui.sources.conntrack import source as conntrack
from netsec_tui.sources.feeds.listen import listen
from tests.sources.collected import following
from tests.sources.conntrack.conntrack_lines import line
from tests.sources.conntrack.conntrack_server import TABLE
from tests.sources.exec_server import HANGS

pytestmark = pytest.mark.usefixtures("quick_tables")

LATER = (line("10.244.9.9:41111") + "\n").encode()


def test_nodes_that_hang_were_watched_until_their_last_tables(server, source, monkeypatch):
    monkeypatch.setattr(conntrack, "POLL_SECONDS", 0.2)
    told = []

    def hang():
        server.commands |= dict.fromkeys(server.commands, HANGS)

    begun = time.time()
    threading.Timer(1, hang).start()
    reading = listen([], [source], 3, told.append, threading.Event())
    (status,), (failure,) = reading.statuses, reading.failures
    (gap,) = [item for read in told for item in read.flows if isinstance(item, Gap)]
    assert begun < status.observed.until == gap.time < begun + 2
    assert "had been read only up to" in str(failure)
    assert status.ended


def test_tables_are_read_once_more_when_reading_ends(server, source, monkeypatch):
    monkeypatch.setattr(conntrack, "POLL_SECONDS", 30.0)
    with following(source) as collected:
        collected.wait_for(lambda: collected.status.observed and len(collected.status.observed.nodes) == 2)
        server.commands["kube-proxy-a", "cat"] = TABLE + LATER
        ended = time.time()
    assert "10.244.9.9" in {flow.source.ip for flow in collected.flows if isinstance(flow, Flow)}
    assert collected.status.read_to >= ended


def test_a_healthy_cluster_was_watched_until_the_end(source):
    told, begun = [], time.time()
    reading = listen([], [source], 2, told.append, threading.Event())
    assert (reading.failures, [item for read in told for item in read.flows if isinstance(item, Gap)]) == (
        (),
        [],
    )
    assert begun + 1.9 <= reading.statuses[0].observed.until <= time.time()
