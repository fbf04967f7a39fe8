"""What a review of the running product found: waiting, refusing, asking back, and saying it in short."""

import pytest

from netsec_tui.errors import NotFoundError
from netsec_tui.model.identity import Direction, WorkloadRef, owner_peer
from netsec_tui.render.columns import Field as Shown
from netsec_tui.render.columns import column_plan, row_line
from netsec_tui.session.session import Options, Session
from netsec_tui.sources.contract import SourceStatus
from netsec_tui.ui.app import NetsecApp
from netsec_tui.ui.screens.confirm import Confirm
from netsec_tui.ui.screens.main import MainScreen
from netsec_tui.ui.screens.picker import Picker
from netsec_tui.ui.screens.save import SaveDialog
from netsec_tui.ui.start import Connected, StartScope
from netsec_tui.ui.widgets.communication_table import CommunicationTable
from netsec_tui.ui.widgets.status_line import StatusLine
from tests.render.reviews import row
from tests.ui.dialog_host import DialogHost, type_text
from tests.ui.shop import (
    ALL,
    CHECKOUT,
    NEWEST,
    Feed,
    app_over,
    cluster,
    composed,
    full_feed,
    read_all,
    screen_text,
    shown,
    until,
)

WIDE, NARROW = (140, 40), (80, 24)
BOTH = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["140x40", "80x24"])
READING = SourceStatus("recording", live=False)


def status(app):
    return app.screen_stack[0].query_one(StatusLine).text


def breadcrumb(app):
    return screen_text(app).splitlines()[0]


async def at_rest(pilot):
    """Wait until what was read is drawn; a question is a worker that lasts, so workers are not waited for."""
    for _ in range(4):
        await composed(pilot)


class TestWhatIsNotThere:
    @BOTH
    async def test_a_workload_is_waited_for_until_all_is_read_then_others_are_offered(self, size):
        feed = Feed(*full_feed(None, None).waiting[:2], READING)
        app = app_over(feed, StartScope("shop", "Deployment", "nosuch", ALL))
        async with app.run_test(size=size) as pilot:
            await at_rest(pilot)
            assert status(app) == "Waiting for Deployment/nosuch in shop"
            assert "Deployment/nosuch" in breadcrumb(app)
            assert "not found" not in screen_text(app)
            feed.waiting += full_feed([]).waiting[2:]
            await read_all(feed, pilot)
            await at_rest(pilot)
            assert "Deployment/nosuch was not found in namespace 'shop'; recorded there:" in status(app)
            assert "Kind in shop" in screen_text(app)
            assert "Deployment/checkout" in screen_text(app)
            assert "Deployment/nosuch" not in breadcrumb(app)
            await type_text(pilot, "deploy")
            await pilot.press("enter")
            await at_rest(pilot)
            await type_text(pilot, "check")
            await pilot.press("enter")
            await at_rest(pilot)
            assert app.session.scope == CHECKOUT
            assert "not found" not in status(app)

    @BOTH
    async def test_an_unknown_namespace_is_said_with_those_there_are(self, size):
        app = app_over(start=StartScope("nosuch"))
        async with app.run_test(size=size) as pilot:
            await at_rest(pilot)
            assert "no workload with communications in namespace 'nosuch'" in status(app)
            text = screen_text(app)
            assert "─ Namespace ─" in text
            assert "data, kube-system, ops, shop" in " ".join(text.replace("│", " ").split())

    async def test_a_namespace_may_be_seen_later(self):
        feed = Feed(READING)
        app = app_over(feed, StartScope("shop"))
        async with app.run_test(size=NARROW) as pilot:
            await at_rest(pilot)
            assert isinstance(app.screen, MainScreen)
            feed.waiting += full_feed().waiting
            await read_all(feed, pilot)
            await at_rest(pilot)
            assert "─ Kind in shop ─" in screen_text(app)

    async def test_no_question_opens_over_a_dialog(self):
        feed = Feed(READING)
        app = app_over(feed, StartScope())
        async with app.run_test(size=NARROW) as pilot:
            await at_rest(pilot)
            await pilot.press("question_mark")
            feed.waiting += full_feed().waiting
            await read_all(feed, pilot)
            assert not isinstance(app.screen, Picker)
            await pilot.press("escape")
            await shown(pilot, Picker)
            await at_rest(pilot)
            assert "─ Namespace ─" in screen_text(app)

    async def test_the_timespan_is_asked_with_the_workload_named(self):
        app = app_over(start=StartScope("shop", "Deployment", "checkout"))
        async with app.run_test(size=NARROW) as pilot:
            await at_rest(pilot)
            assert "─ Timespan ─" in screen_text(app)
            assert "shop \u203a Deployment/checkout" in breadcrumb(app)


NO_FILE = SourceStatus("flows /nonexistent", live=False, error="/nonexistent does not exist", ended=True)
NO_ANSWER = SourceStatus("cluster c", live=True, error="the API server 127.0.0.1:9 cannot be reached")
MANIFESTS = SourceStatus("manifests k8s", live=False, detail="3 objects from 1 files", read=True)


class TestWithoutFlows:
    @BOTH
    @pytest.mark.parametrize(
        ("told", "said"),
        [
            ((NO_FILE,), "/nonexistent does not exist"),
            ((NO_ANSWER,), "the API server 127.0.0.1:9 cannot be reached"),
            ((cluster(), MANIFESTS), "From a recording:  netsec-tui --flows FILE --manifests FOLDER"),
        ],
        ids=["no file", "no answer", "manifests alone"],
    )
    async def test_the_reason_or_the_advice_is_covered_by_no_question(self, told, said, size):
        app = app_over(Feed(*told), StartScope())
        async with app.run_test(size=size) as pilot:
            await at_rest(pilot)
            assert isinstance(app.screen, MainScreen)
            assert said in screen_text(app)
            assert "Nothing has come in yet" not in screen_text(app)

    async def test_manifests_that_were_read_are_not_being_read(self):
        app = app_over(Feed(cluster(), MANIFESTS), StartScope())
        async with app.run_test(size=NARROW) as pilot:
            await at_rest(pilot)
            assert "all read" in breadcrumb(app)

    async def test_one_source_that_has_told_nothing_yet_is_still_to_be_read(self):
        app = app_over(full_feed(None, None, SourceStatus("capture", live=False)))
        async with app.run_test(size=WIDE) as pilot:
            await at_rest(pilot)
            assert "reading" in breadcrumb(app)
            assert "all read" not in breadcrumb(app)


class Contexts:
    """A kubeconfig whose only context leads to a server that does not answer."""

    def __init__(self, *names):
        self._names = names

    def settled(self):
        return ""

    def names(self):
        if not self._names:
            raise NotFoundError("config holds no contexts")
        return self._names

    def connect(self, name):
        return Connected(Session(Options(cluster=name), now=lambda: NEWEST), Feed(NO_ANSWER))


class TestKubeconfig:
    def app(self, *contexts):
        return NetsecApp(Session(Options(), now=lambda: NEWEST), None, clusters=Contexts(*contexts))

    @BOTH
    async def test_without_contexts_the_reason_stands_in_the_middle(self, size):
        app = self.app()
        async with app.run_test(size=size) as pilot:
            await composed(pilot)
            await app.workers.wait_for_complete()
            await at_rest(pilot)
            middle = "\n".join(screen_text(app).splitlines()[1:-2])
            assert "config holds no contexts" in middle
            assert "Nothing has come in yet" not in middle
            assert "no source" not in screen_text(app)

    async def test_a_server_that_does_not_answer_is_not_being_connected_to(self):
        app = self.app("c")
        async with app.run_test(size=NARROW) as pilot:
            await shown(pilot, Picker)
            await pilot.press("enter")
            await until(pilot, lambda: "cannot be reached" in screen_text(app))
            assert "Connecting" not in status(app)
            assert isinstance(app.screen, MainScreen)


class TestAskingBack:
    @pytest.mark.parametrize(("key", "answer"), [("y", True), ("enter", False), ("n", False), ("q", False)])
    async def test_only_y_is_yes(self, key, answer):
        app = DialogHost(Confirm("Quit", "Really?"))
        async with app.run_test(size=NARROW) as pilot:
            await pilot.press(key)
            await composed(pilot)
            assert app.answer is answer

    async def test_enter_twice_replaces_no_file(self, tmp_path):
        (tmp_path / "web.yaml").write_text("old\n")
        app = DialogHost(SaveDialog("web", "new\n"))
        async with app.run_test(size=NARROW) as pilot:
            await pilot.press("enter")
            await shown(pilot, Confirm)
            await pilot.press("enter")
            await app.workers.wait_for_complete()
            await composed(pilot)
            assert isinstance(app.screen, SaveDialog)
        assert (tmp_path / "web.yaml").read_text() == "old\n"


LONG = "flows ../shared/data/flows/hubble/basic-sample-400-tcp-flows.json"


class TestScopeBar:
    @BOTH
    @pytest.mark.parametrize(
        ("told", "state"),
        [
            (SourceStatus(LONG, live=True), "live"),
            (SourceStatus(LONG, live=False, ended=True), "all read"),
            (SourceStatus(LONG, live=False, skipped=12_345, ended=True, error="gone"), "failing"),
        ],
    )
    async def test_a_long_path_gives_way_and_the_state_does_not(self, told, state, size):
        flows = full_feed().waiting[:2]
        app = NetsecApp(
            Session(Options(), now=lambda: NEWEST),
            Feed(*flows, told),
            start=StartScope("shop", "Deployment", "checkout", ALL),
        )
        async with app.run_test(size=size) as pilot:
            await at_rest(pilot)
            line = breadcrumb(app)
            for part in ("shop \u203a Deployment/checkout", state, "3 h 10 min seen"):
                assert part in line
            assert "read-only" in line or told.skipped
            assert len(line) == size[0]


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("Deployment", "deploy"),
        ("StatefulSet", "sts"),
        ("DaemonSet", "ds"),
        ("CronJob", "cj"),
        ("ReplicaSet", "rs"),
        ("Rollout", "rollout"),
        ("ReplicationController", "rc"),
        ("SparkApplication", "SparkAp…"),
    ],
)
def test_a_kind_is_never_cut_in_its_middle(kind, shown):
    plan = column_plan(120, False)
    column = [column.field for column in plan.columns].index(Shown.KIND)
    line = row_line(row(Direction.EGRESS, owner_peer(WorkloadRef(kind, "shop", "web"))), plan)
    assert line.spans[column].text.strip() == shown


async def test_a_long_policy_name_leaves_the_keys_in_sight():
    start = StartScope("shop", "Deployment", "checkout", ALL)
    app = app_over(start=start)
    async with app.run_test(size=(120, 40)) as pilot:
        await at_rest(pilot)
        assert "4 Generated policy · S save, y copy" in screen_text(app)
        await pilot.resize_terminal(*NARROW)
        await pilot.press("4")
        await at_rest(pilot)
        assert "S save, y copy" in screen_text(app)


async def test_the_cursor_is_on_the_alias_that_was_made_and_nothing_is_new():
    app = app_over()
    async with app.run_test(size=WIDE) as pilot:
        await at_rest(pilot)
        await pilot.press("2", "end", "at")
        await at_rest(pilot)
        await type_text(pilot, "web")
        await pilot.press("enter")
        await at_rest(pilot)
        table = app.screen.query_one("#egress CommunicationTable", CommunicationTable)
        assert table.row_at_cursor().key.peer.name == "web"
        assert "new" not in screen_text(app)
