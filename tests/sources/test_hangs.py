"""What hangs was watched until its last sign of life, found out or not; what is quiet is watched."""

import threading
import time
from contextlib import contextmanager
from functools import partial

import pytest

from netsec_tui.model.flow import Gap
from netsec_tui.sources import backlog, life
from netsec_tui.sources.access import Access, Address, TlsOptions
from netsec_tui.sources.antrea.source import AntreaSource
from netsec_tui.sources.calico.goldmane import goldmane_source
from netsec_tui.sources.calico.whisker import whisker_source
from netsec_tui.sources.feeds.listen import listen
from netsec_tui.sources.grpc import connection as grpc_connection
from netsec_tui.sources.hubble.exec import HubbleExecSource
from netsec_tui.sources.hubble.relay import HubbleRelaySource
from netsec_tui.sources.life import Life
from netsec_tui.sources.reach import pod_exec
from tests.sources.antrea.antrea_server import FlowAggregator
from tests.sources.antrea.antrea_server import flow as antrea_flow
from tests.sources.api_server import write_kubeconfig
from tests.sources.calico.calico_flows import told, whisker_json
from tests.sources.calico.test_goldmane import Goldmane
from tests.sources.calico.whisker_server import WhiskerServer
from tests.sources.collected import following, gaps
from tests.sources.exec_server import SUCCESS, ExecServer
from tests.sources.grpc.grpc_peer import serving_grpc
from tests.sources.hanging_proxy import hanging
from tests.sources.hubble.hubble_peer import flow as hubble_flow
from tests.sources.hubble.hubble_peer import serving_hubble
from tests.sources.hubble.test_hubble_exec import agent
from tests.sources.hubble.test_hubble_exec import flow as exec_flow
from tests.sources.running import running


@contextmanager
def whisker():
    with running(WhiskerServer()) as server:
        server.flows = [whisker_json(told(start=int(time.time()) - ago)) for ago in (60, 30)]
        yield server.address, whisker_source


@contextmanager
def goldmane():
    server = Goldmane(None)
    server.flows = [told(start=int(time.time()) - ago) for ago in (60, 30)]
    server.start()
    try:
        yield server.address, goldmane_source
    finally:
        server.end()


@contextmanager
def antrea():
    aggregator = FlowAggregator("")
    aggregator.ring = [antrea_flow(time.time() - 60)]
    with serving_grpc(aggregator.methods) as peer:
        yield peer.address, AntreaSource


@contextmanager
def hubble():
    with serving_hubble() as peer:
        peer.ring.append(hubble_flow(1))
        yield peer.address, HubbleRelaySource


SERVERS = [whisker, goldmane, antrea, hubble]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(life, "ASK_SECONDS", 0.3)
    monkeypatch.setattr(life, "OWED_SECONDS", 0.3)
    monkeypatch.setattr(backlog, "QUIET_SECONDS", 0.2)
    monkeypatch.setattr("netsec_tui.sources.feeds.unread._SLACK", 0.5)


@contextmanager
def behind_a_proxy(server):
    with server() as (address, source), hanging(address) as proxy:
        yield proxy, source(Access(None, address=Address(*proxy.address), tls=TlsOptions("off")))


@pytest.mark.parametrize("server", SERVERS)
def test_where_reading_ends_before_it_is_known_that_it_hangs_what_it_was_silent_for_is_not_watched(server):
    found = []
    with behind_a_proxy(server) as (proxy, source):

        def hang(elapsed):
            if elapsed > 1.5 and not proxy.hung:
                proxy.hang()

        reading = listen((), (source,), 4.0, partial(_take, found), threading.Event(), hang)
    (status,) = reading.statuses
    assert status.observed.until == pytest.approx(proxy.hung, abs=1.0)
    assert f"{source.name} had been read only up to" in status.error
    assert status.error.endswith("its answer is overdue")
    assert [str(failure) for failure in reading.failures] == [status.error]
    (gap,) = (one for one in found if isinstance(one, Gap))
    assert gap.time == pytest.approx(proxy.hung, abs=1.0)


@pytest.mark.parametrize("server", SERVERS)
def test_once_it_is_known_that_it_hangs_it_has_since_its_last_sign_of_life(server, monkeypatch):
    monkeypatch.setattr(grpc_connection, "ANSWER_SECONDS", 2.0)
    monkeypatch.setattr("netsec_tui.sources.calico.whisker.ANSWER_SECONDS", 2.0)
    with behind_a_proxy(server) as (proxy, source), following(source) as collected:
        collected.wait_for(lambda: bool(collected.flows) and not collected.status.read_to)
        proxy.hang()
        collected.wait_for(lambda: bool(collected.status.error))
        assert time.time() - proxy.hung > 1.5
        assert collected.status.observed.until == pytest.approx(proxy.hung, abs=1.0)
    gap = gaps(collected)[-1]
    assert gap.time == pytest.approx(proxy.hung, abs=1.0)
    assert "since it broke off" in gap.reason
    assert gap.reason.startswith("flows from 20")


def test_where_nothing_can_be_taken_up_again_the_gap_begins_at_the_last_sign_of_life(monkeypatch):
    monkeypatch.setattr(grpc_connection, "ANSWER_SECONDS", 2.0)
    with behind_a_proxy(antrea) as (proxy, source), following(source) as collected:
        collected.wait_for(lambda: bool(collected.flows) and not collected.status.read_to)
        proxy.hang()
        collected.wait_for(lambda: bool(collected.status.error))
        proxy.heal()
        collected.wait_for(lambda: bool(gaps(collected)) and not collected.status.error)
    (gap,) = gaps(collected)
    assert "the Flow Aggregator was out of reach from" in gap.reason
    assert gap.time == pytest.approx(proxy.hung, abs=1.0)


@pytest.mark.parametrize("server", SERVERS)
def test_who_is_quiet_and_answers_is_watched(server):
    found = []
    with behind_a_proxy(server) as (_, source):
        reading = listen((), (source,), 3.0, partial(_take, found), threading.Event())
    (status,) = reading.statuses
    assert (status.error, reading.failures) == ("", ())
    assert [one for one in found if isinstance(one, Gap)] == []
    assert time.time() - status.observed.until < 2.0


@contextmanager
def hanging_agent(tmp_path):
    """Run a cluster whose agent tells what it holds and then hangs; yield when it did, and its source."""
    hung = []

    def answer(handler):
        handler._send(1, exec_flow(1, at=time.time()))
        if "--follow" not in handler.words:
            handler._end(SUCCESS)
            return
        hung.append(time.time())
        handler.server.over.wait()

    with running(ExecServer([agent("cilium-a", "n1")])) as server:
        server.commands = {("cilium-a", "hubble"): answer}
        access = Access("prod", str(write_kubeconfig(tmp_path / "config", server.url)))
        yield hung, HubbleExecSource(access)


@pytest.mark.usefixtures("no_proxy_and_no_waiting")
def test_of_an_agent_that_hangs_when_reading_ends_no_more_was_watched_than_it_was_heard(tmp_path):
    found = []
    with hanging_agent(tmp_path) as (hung, source):
        (status,) = listen((), (source,), 4.0, partial(_take, found), threading.Event()).statuses
    (span,) = status.observed.spans
    assert span.until == pytest.approx(hung[0], abs=1.0)
    assert status.error.endswith("its answer is overdue")
    (gap,) = (one for one in found if isinstance(one, Gap))
    assert gap.time == span.until


@pytest.mark.usefixtures("no_proxy_and_no_waiting")
def test_an_agent_that_is_found_to_hang_has_since_it_was_heard(tmp_path, monkeypatch):
    monkeypatch.setattr(pod_exec, "HANG_SECONDS", 2.0)
    with hanging_agent(tmp_path) as (hung, source), following(source) as collected:
        collected.wait_for(lambda: "no sign of life" in collected.status.error)
        (span,) = collected.status.observed.spans
    assert span.until == pytest.approx(hung[0], abs=1.0)
    assert gaps(collected)[0].time == span.until


def _take(found, message):
    found.extend(message.flows)


def test_a_sign_is_overdue_only_where_it_was_asked_for(monkeypatch):
    monkeypatch.setattr(life, "ASK_SECONDS", -1.0)
    monkeypatch.setattr(life, "OWED_SECONDS", -1.0)
    one, now = Life(), time.time()
    assert (one.overdue, one.last) == (0.0, pytest.approx(now, abs=5))
    one.sign()
    assert (one.quiet, one.overdue) == (True, 0.0)
    one.ask()
    assert (one.quiet, one.overdue) == (False, one.last)
    one.begin()
    assert one.overdue == 0.0
