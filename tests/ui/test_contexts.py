"""Two contexts, each a real server: only the chosen one is asked; what was decided of the other is kept."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import yaml

from netsec_tui.cli.flags import parse
from netsec_tui.cli.tui import opening, start_scope
from netsec_tui.model.flow import Gap
from netsec_tui.model.identity import Direction, WorkloadRef
from netsec_tui.model.observed import Observed
from netsec_tui.session.actions import ChooseWorkload
from netsec_tui.session.session import Options, Session
from netsec_tui.sources.contract import FlowsRead, SourceStatus
from netsec_tui.sources.feeds.feed import Feed
from netsec_tui.ui.app import NetsecApp
from netsec_tui.ui.intake import Intake
from netsec_tui.ui.screens.confirm import Confirm
from tests.cli.test_conntrack import pod
from tests.core.traffic import IN, NOON, of, only, request, session
from tests.sources.conntrack.conntrack_lines import line
from tests.sources.exec_server import HANGS, ExecServer
from tests.sources.kube_objects import deployment, obj
from tests.sources.running import running
from tests.sources.waiting import PATIENCE, until
from tests.ui.driving import WIDE, Operator

WEB = WorkloadRef("Deployment", "shop", "web")


def objects(peer: str) -> list[dict[str, Any]]:
    """Return a cluster in which web calls one peer."""
    return [
        obj("Node", "n1", None),
        obj("Namespace", "shop", None),
        deployment("web"),
        deployment(peer),
        pod("web-1", "web", "10.244.1.5"),
        pod(f"{peer}-1", peer, "10.244.1.8"),
        pod("kube-proxy-1", "", "192.168.0.4", hostNetwork=True),
    ]


def table(*ports: int) -> bytes:
    lines = [line(f"10.244.1.5:{port}", "10.244.1.8:8080", "10.244.1.8:8080") for port in ports]
    return "".join(f"{one}\n" for one in lines).encode()


@pytest.fixture
def servers(monkeypatch, tmp_path):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with ExitStack() as stack:
        started = {}
        for name, peer in (("east", "api"), ("west", "db")):
            server = started[name] = stack.enter_context(running(ExecServer(objects(peer))))
            server.commands = {("kube-proxy-1", "cat"): table(40000)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "east",
            "contexts": [{"name": n, "context": {"cluster": n, "user": "me"}} for n in started],
            "clusters": [{"name": n, "cluster": {"server": s.url}} for n, s in started.items()],
            "users": [{"name": "me", "user": {"token": "let-me-in"}}],
        }
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
        yield started


@asynccontextmanager
async def opened(tmp_path, *flags: str) -> Any:
    """Start as the command line does."""
    args = parse([*flags, "--source", "conntrack", "--kubeconfig", str(tmp_path / "kubeconfig")])
    connected, clusters = opening(args)
    app = NetsecApp(
        connected.session, connected.feed, start=start_scope(args), clusters=clusters, file=connected.file
    )
    async with app.run_test(size=WIDE) as pilot:
        yield Operator(app, pilot)


@asynccontextmanager
async def opened_on_web(tmp_path, *flags: str) -> Any:
    """Start with flags that name the workload, and wait for it; the current context is not asked for."""
    async with opened(tmp_path, "-n", "shop", "deploy/web", "--since", "all", *flags) as operator:
        await operator.until(lambda: "Generated policy" in operator.screen(), "web is shown")
        yield operator


async def switch(operator: Operator, cluster: str) -> None:
    await operator.press("c")
    await operator.answer("Cluster", cluster)


async def choose_web(operator: Operator) -> None:
    """Leave the questions that follow and choose the workload."""
    await operator.until(lambda: bool(operator.app.session.workloads()), "workloads are there")
    await operator.until(lambda: "─ Namespace ─" in operator.screen(), "the namespace is asked")
    await operator.pilot.press("escape", "escape")
    operator.app.apply(ChooseWorkload(WEB))
    await operator.until(lambda: "Generated policy" in operator.screen(), "web is shown")


def asked(server: Any) -> int:
    return len(server.asked) + len(server.ran)


def names(operator: Operator) -> list[str]:
    return [row.name for row in operator.rows("egress")]


async def test_nothing_is_contacted_before_one_of_several_is_chosen(servers, tmp_path):
    async with opened(tmp_path) as operator:
        await operator.until(lambda: "─ Cluster ─" in operator.screen(), "the clusters are offered")
        assert operator.screen().index("east") < operator.screen().index("west")  # current first
        assert asked(servers["east"]) == asked(servers["west"]) == 0
        await operator.press("escape")
        assert "No cluster is chosen" in operator.screen()
        assert "Reading" not in operator.screen()
        await operator.press("c")
        await operator.answer("Cluster", "west")
        await choose_web(operator)
        assert asked(servers["east"]) == 0


def keep_only(tmp_path, context: str) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    config = yaml.safe_load(kubeconfig.read_text())
    config["contexts"] = [entry for entry in config["contexts"] if entry["name"] == context]
    kubeconfig.write_text(yaml.safe_dump(config))


@pytest.mark.parametrize(
    "keys", [("escape",), ("escape", "c", "escape"), ("escape", "c", "enter", "escape", "escape")]
)
async def test_the_only_context_is_not_offered_on_the_way_back(servers, tmp_path, keys):
    keep_only(tmp_path, "west")
    async with opened(tmp_path) as operator:
        await operator.until(lambda: "─ Namespace ─" in operator.screen(), "the namespace is asked")
        for key in keys:
            await operator.press(key)
            assert "─ Cluster ─" not in operator.screen()
        assert operator.app.screen is operator.app._main


async def test_the_only_context_is_not_asked_for(servers, tmp_path):
    keep_only(tmp_path, "west")  # which is not the current one
    async with opened(tmp_path) as operator:
        await choose_web(operator)
        assert operator.screen().startswith(" west ")
        assert "db" in names(operator)


@pytest.mark.parametrize("flags", [[], ["--context", "east"]])
async def test_only_the_chosen_cluster_is_ever_contacted(servers, tmp_path, flags):
    east, west = servers["east"], servers["west"]
    async with opened_on_web(tmp_path, *flags) as operator:
        assert asked(east)
        assert asked(west) == 0
        await switch(operator, "west")
        await choose_web(operator)
        # What was on its way when the feed was stopped may still come; then nothing does, however often
        # west is read.
        before, readings = asked(east), len(west.ran)
        await operator.until(lambda: len(west.ran) > readings, "west is read again", 30)
        assert asked(east) == before
        assert "db" in names(operator)


async def test_coming_back_shows_what_was_decided_and_goes_on_observing(servers, tmp_path):
    east = servers["east"]
    async with opened_on_web(tmp_path) as operator:
        row = await operator.go_to("egress", "api")
        first = operator.app.session
        await operator.press("space")
        assert row.box == "[x]"
        assert [r.box for r in operator.rows("egress") if r.name == "api"] == ["[ ]"]
        east_config = operator.app._desk.file.path
        await switch(operator, "west")
        await choose_web(operator)
        assert [r.box for r in operator.rows("egress") if r.name == "db"] == ["[x]"]
        assert operator.app._desk.file.path != east_config
        east.commands["kube-proxy-1", "cat"] = (
            table(40000) + line("10.244.1.5:40002", "10.244.1.8:9090", "10.244.1.8:9090").encode()
        )
        await switch(operator, "east")
        await operator.until(lambda: operator.screen().startswith(" east "), "east is shown")
        assert operator.app.session is first
        assert [r.box for r in operator.rows("egress") if r.name == "api"][:1] == ["[ ]"]
        await operator.until(lambda: "9090/TCP" in operator.pane("egress"), "the new connection is seen")
        assert [r.box for r in operator.rows("egress") if "8080/TCP" in r.rest] == ["[ ]"]
        # What stood in the table before is the same connection still.
        rows = first.review().of(Direction.EGRESS).rows
        assert {row.key.port: row.communication.counts.allowed for row in rows} == {8080: 1, 9090: 1}
        reasons = [lost.reason for lost in first.quality().lost]
        assert all(reason.startswith("nobody watched from ") for reason in reasons)


async def test_the_timespan_stays_when_the_cluster_is_changed_and_changed_back(servers, tmp_path):
    async with opened_on_web(tmp_path) as operator:
        await operator.press("t")
        await operator.answer("Timespan", "5 min")
        await switch(operator, "west")
        await choose_web(operator)
        assert " last 5 min, " in operator.screen().splitlines()[0]
        await operator.press("t")
        await operator.answer("Timespan", "1 h")
        await switch(operator, "east")
        await operator.until(lambda: operator.screen().startswith(" east "), "east is shown")
        assert " last 1 h, " in operator.screen().splitlines()[0]


async def test_what_is_not_saved_of_the_other_is_asked_about_on_leaving(servers, tmp_path):
    async with opened_on_web(tmp_path) as operator:
        await operator.go_to("egress", "api")
        await operator.press("space")
        await switch(operator, "west")
        await choose_web(operator)
        await operator.press("q")
        assert isinstance(operator.app.screen, Confirm)
        assert "east: Decisions for Deployment/web are not saved" in " ".join(operator.screen().split())
        await operator.press("n")


async def test_leaving_a_feed_does_not_wait_for_it(servers, tmp_path):
    servers["east"].commands["kube-proxy-1", "cat"] = HANGS
    async with opened(tmp_path, "-n", "shop", "deploy/web") as operator:
        await operator.until(lambda: bool(servers["east"].ran), "a command hangs")
        await switch(operator, "west")
        await choose_web(operator)
        assert "db" in names(operator)
        assert servers["east"].ran == servers["east"].ran[:1]


def test_a_feed_that_begins_again_tells_nothing_twice():
    known = [request(of("web"), of("api"), 8080, time=NOON + n, origin="hubble") for n in range(3)]
    newer = [request(of("web"), of("api"), 8080, time=NOON + 9, origin="hubble"), Gap(NOON, 4, "lost")]
    first = Intake(session(), GivenFeed(FlowsRead(tuple(known))))
    first.empty()
    first.leave()
    second = first.again(GivenFeed(FlowsRead((*known, *newer))))
    second.empty()
    counts = only(second.session, "Workload/api", IN).communication.counts
    assert counts.allowed == 4
    assert second.session.lost == {"lost": 4}


def test_a_node_that_had_got_less_far_loses_nothing():
    ahead = [request(of("web"), of("api"), 80, time=NOON + n, origin="hubble", node="n1") for n in range(9)]
    behind = [request(of("web"), of("db"), 80, time=NOON + n, origin="hubble", node="n2") for n in range(9)]
    first = Intake(session(), GivenFeed(FlowsRead((*ahead, *behind[:2]))))
    first.empty()
    first.leave()
    second = first.again(GivenFeed(FlowsRead((*ahead, *behind))))
    second.empty()
    for name in ("api", "db"):
        assert only(second.session, f"Workload/{name}", IN).communication.counts.allowed == 9


def test_what_was_read_before_a_cluster_is_left_is_kept():
    flows = [request(of("web"), of("api"), 80, time=NOON + n / 100, origin="antrea") for n in range(30_000)]
    feed = Feed([GivenSource(flows)])
    feed.start()
    until(lambda: feed._messages.qsize() > 30, "all are there, a thousand to a message")
    intake = Intake(session(), feed)
    intake.leave()
    while intake.empty():
        pass
    assert only(intake.session, "Workload/api", IN).communication.counts.allowed == len(flows)


class Slow:
    """A source that ends only when it is let, and says then what it has seen last and how."""

    name, live = "antrea", True

    def __init__(self, *flows):
        self.flows, self.let = flows, threading.Event()

    def follow(self, emit, stop):
        stop.wait(PATIENCE)
        self.let.wait(PATIENCE)
        emit(FlowsRead(self.flows))
        emit(SourceStatus("antrea", True, ended=True, observed=Observed("antrea", NOON, NOON + 60)))


@pytest.fixture
def left(monkeypatch):
    """Yield a source that has not ended, its feed, and what was left of it without any waiting."""
    source = Slow(request(of("web"), of("api"), 80, time=NOON + 50, origin="antrea"))
    feed = Feed([source])
    feed.start()
    intake = Intake(Session(Options(live=True), lambda: NOON + 90), feed)
    until(lambda: intake.empty() or intake.statuses)
    with monkeypatch.context() as patched:
        patched.setattr(time, "sleep", lambda seconds: pytest.fail("the screen waits"))
        intake.leave()
    yield source, feed, intake
    source.let.set()


def test_what_a_source_says_after_its_cluster_was_left_is_kept(left):
    source, feed, intake = left
    source.let.set()
    until(lambda: intake.empty() or feed.ended)
    assert only(intake.session, "Workload/api", IN).communication.counts.allowed == 1
    assert intake.session.quality().covered == 60
    assert intake.session.lost == {}


def test_a_source_that_has_not_ended_when_its_cluster_is_looked_at_again_is_said(left):
    source, feed, intake = left
    second = intake.again(GivenFeed())
    source.let.set()
    until(lambda: feed.ended)
    assert (intake.empty(), second.empty()) == (False, False)
    (reason,) = second.session.lost
    assert reason.endswith("before all its sources had ended; what they said last is not known")


def test_losses_that_a_feed_remembers_count_once():
    def loss(second, count, node="n1"):
        return Gap(NOON + second, count, "Hubble lost events", node, "hubble")

    known = (loss(0, 5), loss(1, 6), loss(0, 7, "n2"))
    first = Intake(session(), GivenFeed(FlowsRead(known)))
    first.empty()
    first.leave()
    second = first.again(GivenFeed(FlowsRead((*known, loss(2, 8), loss(1, 9, "n2")))))
    second.empty()
    assert second.session.lost == {"Hubble lost events": 5 + 6 + 7 + 8 + 9}


def test_nobody_watches_while_another_cluster_is_looked_at():
    now = [NOON]
    kept = Session(Options(live=True), lambda: now[0])
    status = SourceStatus("conntrack", True, observed=Observed("conntrack", NOON))
    first = Intake(kept, GivenFeed(status))
    first.empty()
    now[0] = NOON + 600
    assert kept.quality().covered == 600
    first.leave()
    now[0] = NOON + 3600
    assert kept.quality().covered == 600
    again = replace(status, observed=Observed("conntrack", NOON + 3600))
    first.again(GivenFeed(again)).empty()
    now[0] = NOON + 3900
    assert kept.quality().covered == 900


def test_what_waits_to_be_taken_in_when_a_cluster_is_looked_at_again_is_kept():
    flows = [request(of("web"), of("api"), 80, time=NOON + n / 100, origin="antrea") for n in range(25_000)]
    feed = Feed([GivenSource(flows)])
    feed.start()
    until(lambda: feed._messages.qsize() > 25, "all are there, a thousand to a message")
    second = Intake(session(), feed).again(GivenFeed())
    assert only(second.session, "Workload/api", IN).communication.counts.allowed == len(flows)


def test_a_source_that_ends_late_does_not_make_another_one_watch_until_then():
    now = [NOON]
    kept = Session(Options(live=True), lambda: now[0])
    statuses = [SourceStatus(name, True, observed=Observed(name, NOON)) for name in ("conntrack", "antrea")]
    feed = GivenFeed(*statuses)
    intake = Intake(kept, feed)
    intake.empty()
    now[0] = NOON + 60
    intake.leave()
    now[0] = NOON + 600
    feed._messages = (replace(statuses[1], ended=True, observed=Observed("antrea", NOON, NOON + 60)),)
    intake.empty()
    assert {source.origin: source.until for source in kept.quality().sources} == {
        "conntrack": NOON + 60,
        "antrea": NOON + 60,
    }


class GivenSource:
    """A source that hands over flows in one go."""

    name, live = "given", True

    def __init__(self, flows):
        self._flows = tuple(flows)

    def follow(self, emit, stop):
        emit(FlowsRead(self._flows))


class GivenFeed:
    """A feed that has read some messages."""

    def __init__(self, *messages):
        self._messages = messages

    def start(self):
        """Read nothing more."""

    def drain(self, max_seconds):
        found, self._messages = self._messages, ()
        return found

    def stop(self):
        """There is nothing to stop."""

    def close(self):
        return True
