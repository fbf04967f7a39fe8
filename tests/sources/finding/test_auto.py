"""Finding the cluster's source by itself, against a server that answers as an API server."""

import threading

import pytest

from netsec_tui.errors import UnreachableError
from netsec_tui.model.flow import Flow
from netsec_tui.model.observed import Observed
from netsec_tui.sources.access import Access
from netsec_tui.sources.contract import FlowsRead, SourceStatus
from netsec_tui.sources.feeds.feed import read_all
from netsec_tui.sources.finding import auto
from netsec_tui.sources.finding.auto import AutoSource
from tests.sources.api_server import write_kubeconfig
from tests.sources.conntrack.conntrack_lines import line
from tests.sources.exec_server import ExecServer
from tests.sources.kube_objects import obj
from tests.sources.running import running

TABLE = line("10.244.1.5:40000", "10.244.1.8:8080", "10.244.1.8:8080") + "\n"
AGENT = obj("Pod", "kube-proxy-1", "kube-system", status={"phase": "Running"},
            spec={"nodeName": "n1", "hostNetwork": True, "containers": [{"name": "main"}]})  # fmt: skip


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with running(ExecServer([obj("Node", "n1", None), AGENT])) as started:
        started.commands = {("kube-proxy-1", "cat"): TABLE.encode()}
        yield started


@pytest.fixture
def access(server, tmp_path):
    return Access(kubeconfig=str(write_kubeconfig(tmp_path / "kubeconfig", server.url)))


class Following:
    """Follow a source in a thread and keep what it tells."""

    def __init__(self, source):
        self.messages, self.error = [], None
        self._news, self._stop = threading.Condition(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(source,), daemon=True)
        self._thread.start()

    def _run(self, source):
        try:
            source.follow(self._hear, self._stop)
        except Exception as error:
            self.error = error
        with self._news:
            self._news.notify_all()

    def _hear(self, message):
        with self._news:
            self.messages.append(message)
            self._news.notify_all()

    def wait_for(self, true):
        with self._news:
            assert self._news.wait_for(true, 30), self.messages

    @property
    def statuses(self):
        return {m.source: m for m in self.messages if isinstance(m, SourceStatus)}

    @property
    def flows(self):
        return [f for m in self.messages if isinstance(m, FlowsRead) for f in m.flows if isinstance(f, Flow)]

    def end(self):
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


def test_it_says_what_it_takes_and_then_is_that_source(access):
    following = Following(AutoSource(access))
    following.wait_for(lambda: following.flows)
    told = following.statuses["flows of the current context"]
    assert (told.detail, told.error) == ("taken of the cluster's sources: conntrack (1 of 1 nodes)", "")
    assert "conntrack of the current context" in following.statuses
    assert not told.settled
    following.end()
    assert following.statuses["flows of the current context"].ended
    assert {flow.origin for flow in following.flows} == {"conntrack"}


def test_where_nodes_and_services_may_not_be_listed_the_tables_are_read_all_the_same(server, access):
    server.refuse |= {"nodes": [403], "services": [403]}
    following = Following(AutoSource(access))
    following.wait_for(lambda: following.flows)
    following.end()
    taken = following.statuses["flows of the current context"].detail
    assert taken == "taken of the cluster's sources: conntrack (1 of an unknown number of nodes)"


def test_reading_once_gives_the_statuses_of_all(access):
    flows = []
    reading = read_all([AutoSource(access)], lambda read: flows.extend(read.flows))
    assert flows
    names = ["flows of the current context", "conntrack of the current context"]
    assert [status.source for status in reading.statuses] == names
    assert (reading.failures, [status.error for status in reading.statuses]) == ((), ["", ""])


@pytest.fixture
def relay(server):
    """Have the cluster a Service of Hubble Relay with nothing behind it."""
    server.objects.append(obj("Service", "hubble-relay", "kube-system", spec={"ports": [{"port": 80}]}))


def test_where_the_first_source_gives_nothing_the_next_is_read(access, relay):
    flows = []
    reading = read_all([AutoSource(access)], lambda read: flows.extend(read.flows))
    assert {flow.origin for flow in flows if isinstance(flow, Flow)} == {"conntrack"}
    told = {status.source: status for status in reading.statuses}
    assert "has no pod that is ready" in told["hubble"].error
    assert "conntrack" in told["flows of the current context"].detail
    assert reading.failures == ()


def test_where_the_first_source_cannot_be_followed_the_next_is(access, relay):
    following = Following(AutoSource(access))
    following.wait_for(lambda: following.flows)
    assert {flow.origin for flow in following.flows} == {"conntrack"}
    assert "has no pod that is ready" in following.statuses["hubble"].error
    assert following.statuses["flows of the current context"].error == ""
    following.end()


def test_one_that_was_passed_over_is_not_failing_on_the_screen(access, relay):
    following = Following(AutoSource(access, patient=True))
    following.wait_for(lambda: following.flows)
    told = following.statuses["hubble"]
    assert (told.error, told.ended) == ("", True)
    assert told.detail.startswith("passed over: ")
    assert "has no pod that is ready" in told.detail
    following.end()


class Half:
    """A source that cannot be reached until it is let, and then tells that it watches."""

    live = True

    def __init__(self, name, *, there):
        self.name, self.there, self.tried = name, there, 0

    def follow(self, emit, stop):
        self.tried += 1
        if not self.there:
            raise UnreachableError(f"{self.name} is away")
        emit(SourceStatus(self.name, True, observed=Observed(self.name, 1.0)))
        stop.wait()


@pytest.fixture
def halves(server, monkeypatch):
    """Have the cluster Whisker, which conntrack completes; both are made here."""
    monkeypatch.setattr(auto, "AGAIN_SECONDS", 0.05)
    server.objects.append(obj("Service", "whisker", "calico-system", spec={"ports": [{"port": 8081}]}))
    server.more["/apis/operator.tigera.io/v1/whiskers"] = ("Whisker", "operator.tigera.io/v1")
    made = {name: Half(name, there=False) for name in ("whisker", "conntrack")}
    monkeypatch.setattr(auto, "make_source", lambda name, access: made[name])
    return made


@pytest.mark.parametrize("names", [("whisker", "conntrack"), ("conntrack", "whisker")])
def test_the_half_of_a_pair_that_fails_at_the_start_is_tried_again(access, halves, names):
    failing, other = (halves[name] for name in names)
    other.there = True
    following = Following(AutoSource(access))
    following.wait_for(lambda: failing.tried > 2)
    told = following.statuses[failing.name]
    assert (told.error, told.ended) == (f"{failing.name} is away; it is tried again every 0.05 s", False)
    failing.there = True
    following.wait_for(lambda: following.statuses[failing.name].observed)
    assert [following.statuses[name].error for name in names] == ["", ""]
    assert other.tried == 1
    following.end()
    assert following.error is None


def test_a_pair_of_which_neither_can_be_reached_is_passed_over(access, halves):
    following = Following(AutoSource(access))
    following._thread.join(30)
    assert str(following.error) == "whisker is away"
    told = following.statuses["whisker"]
    assert (told.error, told.ended) == ("whisker is away", True)


def test_a_half_that_came_back_is_not_held_to_have_failed(access, halves):
    """The other one fails later than that: the pair is not passed over."""
    late = threading.Event()
    halves["conntrack"].follow = lambda emit, stop: late.wait(30) and _fail()
    following = Following(AutoSource(access))
    following.wait_for(lambda: halves["whisker"].tried)
    halves["whisker"].there = True
    following.wait_for(lambda: following.statuses["whisker"].observed)
    late.set()
    following.wait_for(lambda: "tried again" in following.statuses["conntrack"].error)
    assert following.statuses["whisker"].error == ""
    following.end()


def _fail():
    raise UnreachableError("conntrack is away")


def test_where_every_source_fails_that_of_the_first_is_the_failure(access, relay, server):
    server.commands = {}
    (failure,) = read_all([AutoSource(access)], lambda flows: None).failures
    assert isinstance(failure, UnreachableError)
    assert "hubble-relay" in str(failure)


def test_none_is_told_and_looked_for_again_by_a_patient_one(access, server, monkeypatch):
    monkeypatch.setattr(auto, "LOOK_AGAIN_SECONDS", 0.05)
    server.denied = {("kube-system", "exec")}
    following = Following(AutoSource(access, patient=True))
    name = "flows of the current context"
    following.wait_for(lambda: following.statuses.get(name) and following.statuses[name].error)
    told = following.statuses[name]
    assert "in namespace kube-system a Role lacks" in told.error
    assert (told.read, told.ended) == (True, False)
    assert server.ran == []
    server.denied = set()
    following.wait_for(lambda: following.flows)
    assert following.statuses[name].error == ""
    following.end()


def test_none_ends_it_where_nobody_waits(access, server):
    server.denied = {("kube-system", "exec")}
    following = Following(AutoSource(access))
    following._thread.join(30)
    (told,) = following.statuses.values()
    assert (told.ended, following.error) == (True, None)
    assert told.error.startswith("no source of flows can be used (conntrack: ")


def test_a_cluster_that_may_not_be_listed_at_all_is_a_failure(access, server):
    for name in ("services", "daemonsets", "deployments", "nodes", "pods"):
        server.refuse[name] = [403]
    reading = read_all([AutoSource(access)], lambda flows: None)
    (failure,) = reading.failures
    assert isinstance(failure, UnreachableError)
    assert "lets this context list nothing: services may not be listed" in str(failure)


def test_what_may_not_be_listed_is_named_where_nothing_is_found(access, server):
    server.refuse["services"] = [403]
    server.denied = {("kube-system", "exec")}
    (status,) = read_all([AutoSource(access)], lambda flows: None).statuses
    assert "services may not be listed" in status.error


def test_a_server_that_knows_no_reviews_leaves_it_to_the_source(access, server, monkeypatch):
    monkeypatch.delattr(server.RequestHandlerClass, "do_POST")
    flows = []
    read_all([AutoSource(access)], lambda read: flows.extend(read.flows))
    assert flows
