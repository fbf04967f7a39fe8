"""What leaves the app, how it is left, its commands, trouble with sources, and the topology by keys."""

from pathlib import Path

import pytest

from netsec_tui.model.decision import GeneralRule
from netsec_tui.model.identity import Direction
from netsec_tui.sources.contract import SourceStatus
from netsec_tui.ui.screens.confirm import Confirm
from netsec_tui.ui.screens.main import MainScreen
from netsec_tui.ui.start import StartScope
from tests.ui.dialog_host import type_text
from tests.ui.shop import (
    ALL,
    LAST_12_H,
    NARROW,
    WIDE,
    Feed,
    app_over,
    full_feed,
    screen_text,
    started,
    status,
)


class TestPolicyOut:
    async def test_saved_is_what_is_shown(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("S", "enter")
            await started(pilot)
            assert "Saved deployment-checkout.yaml" in status(app)
            assert Path("deployment-checkout.yaml").read_text() == app.session.review().yaml

    async def test_copying_is_honest(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("y")
            await started(pilot)
            assert app.clipboard == app.session.review().yaml
            assert "OSC 52" in status(app)
            assert "press S to save" in status(app)

    async def test_a_host_network_workload_is_refused_with_the_reason(self):
        app = app_over(start=StartScope("kube-system", "DaemonSet", "agent", LAST_12_H))
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            assert "No NetworkPolicy can be made for this workload." in screen_text(app)
            await pilot.press("S")
            await started(pilot)
            assert isinstance(app.screen, MainScreen)
            assert "host" in status(app)


class TestLeaving:
    async def test_escape_never_quits_and_q_does(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("escape", "escape", "backspace")
            await started(pilot)
            assert app.is_running
            await pilot.press("q")
            await pilot.pause()
            assert app.return_value == 0

    async def test_unsaved_decisions_are_asked_about_once(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("space", "q")
            await started(pilot)
            assert isinstance(app.screen, Confirm)
            assert "Deployment/checkout are not saved" in screen_text(app)
            await pilot.press("n")
            await started(pilot)
            assert isinstance(app.screen, MainScreen)
            await pilot.press("S", "enter")
            await started(pilot)
            await pilot.press("q")
            await pilot.pause()
            assert app.return_value == 0

    @pytest.mark.parametrize("key", ["ctrl+c", "ctrl+q"])
    @pytest.mark.parametrize("before", [(), ("question_mark",), ("slash", "w")])
    async def test_ctrl_c_quits_wherever_it_is_pressed(self, key, before):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press(*before, key)
            await pilot.pause()
            assert app.return_value == 0

    @pytest.mark.parametrize("key", ["ctrl+c", "ctrl+q"])
    async def test_ctrl_c_asks_about_unsaved_decisions_and_pressed_again_loses_none(self, key):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            for _ in range(2):
                await pilot.press("space", key, key)
                await started(pilot)
                assert "Deployment/checkout are not saved" in screen_text(app)
                assert "ctrl+q to quit" not in screen_text(app)
                await pilot.press("n")
                await started(pilot)
                assert isinstance(app.screen, MainScreen)
            await pilot.press("space", key, "y")
            await pilot.pause()
            assert app.return_value == 0

    async def test_ctrl_c_copies_what_is_selected_in_a_field(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("slash", "w", "shift+left", "ctrl+c", "ctrl+c")
            await started(pilot)
            assert app.is_running
            assert app.clipboard == "w"

    async def test_the_feed_is_stopped(self):
        live = full_feed()
        app = app_over(live)
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            assert live.running
        assert not live.running


class TestCommands:
    @pytest.mark.parametrize(
        ("typed", "done"),
        [
            ("wl shop frontend", lambda app: app.session.scope.name == "frontend"),
            ("timespan all", lambda app: app.session.timespan == ALL),
            (
                "rule ingress allow all inside",
                lambda app: app.session.review().ingress.general is GeneralRule.INSIDE_NAMESPACE,
            ),
            ("theme netsec-light", lambda app: app.theme == "netsec-light"),
            ("applied", lambda app: "old-policy" in screen_text(app)),
            ("q", lambda app: app.return_value == 0),
            ("ns ops", lambda app: "Kind in ops" in screen_text(app)),
            ("rule", lambda app: "General rule for ingress" in screen_text(app)),
        ],
    )
    async def test_by_name(self, typed, done):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("colon")
            await type_text(pilot, typed)
            await pilot.press("enter")
            await started(pilot)
            assert done(app)


class TestTrouble:
    async def test_cluster_state_without_flows_says_what_is_lacking(self):
        app = app_over(full_feed([]), StartScope())
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("escape")
            await started(pilot)
            assert "flows are lacking" in screen_text(app)
            assert "hubble observe -f -o json | netsec-tui --flows - --context kind-shop" in screen_text(app)

    async def test_a_source_that_fails_is_said_and_what_was_read_is_kept(self):
        failing = SourceStatus("cluster", live=True, error="the API server at 10.1.1.1 does not answer")
        app = app_over(full_feed(None, None, failing))
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            assert "source failing" in screen_text(app)
            assert "the API server at 10.1.1.1 does not answer" in screen_text(app)
            assert "[x] frontend" in screen_text(app)

    async def test_nothing_but_an_error(self):
        failing = SourceStatus("cluster", live=True, error="the API server at 10.1.1.1 does not answer")
        app = app_over(Feed(failing), StartScope())
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("escape")
            await started(pilot)
            assert "the API server at 10.1.1.1 does not answer" in screen_text(app)

    async def test_skipped_lines_are_counted(self):
        skipping = SourceStatus("flows.jsonl", live=False, skipped=3, ended=True)
        app = app_over(full_feed(None, None, skipping))
        async with app.run_test(size=NARROW) as pilot:
            await started(pilot)
            assert "3 skipped" in screen_text(app)

    async def test_names_that_look_like_markup_show_literally(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            app.screen.say("[red]odd[/red] \x1b[31m")
            await started(pilot)
            assert r"[red]odd[/red] \x1b[31m" in screen_text(app)

    async def test_warnings_stand_at_the_top_and_open(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            warnings = app.session.review().warnings
            assert warnings
            assert warnings[0][:40] in screen_text(app).splitlines()[1]
            await pilot.press("w")
            await started(pilot)
            for warning in warnings:
                assert warning[:40] in screen_text(app)


class TestTopology:
    async def test_the_detail_follows_the_cursor_and_enter_shows_all(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("3")
            await started(pilot)
            detail = app.screen.query_one("#topology .detail")
            assert detail.region.height > 0
            await pilot.press("enter")
            await started(pilot)
            assert "Detail" in screen_text(app)

    async def test_every_row_of_both_tables_is_drawn(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("3", "z")
            await started(pilot)
            text = screen_text(app)
            for direction in Direction:
                for row in app.session.review().of(direction).rows:
                    assert row.communication.peer.name in text
