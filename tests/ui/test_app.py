"""The main screen over a small cluster, driven by keys."""

import pytest

from netsec_tui.model.decision import GeneralRule
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.sources.contract import FlowsRead
from netsec_tui.ui.screens.main import MainScreen
from netsec_tui.ui.screens.picker import Picker
from netsec_tui.ui.start import StartScope
from netsec_tui.ui.widgets.communication_table import CommunicationTable
from tests.ui.dialog_host import type_text
from tests.ui.shop import (
    ALL,
    CHECKOUT,
    LAST_12_H,
    NARROW,
    WIDE,
    Feed,
    app_over,
    full_feed,
    read_all,
    screen_text,
    started,
    status,
    talk,
)


class TestScope:
    async def test_it_is_asked_for_in_the_order_of_the_documents(self):
        app = app_over(start=StartScope())
        async with app.run_test(size=WIDE) as pilot:
            for title, typed in (
                ("Namespace", "shop"),
                ("Kind in shop", "deploy"),
                ("Deployment in shop", "check"),
                ("Timespan", "12"),
            ):
                await started(pilot)
                assert title in screen_text(app)
                await type_text(pilot, typed)
                await pilot.press("enter")
            await started(pilot)
            assert app.session.scope == CHECKOUT
            assert app.session.timespan == LAST_12_H
            assert " \u203a ".join(("kind-shop", "shop", "Deployment/checkout")) in screen_text(app)

    async def test_flags_answer_it(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            assert isinstance(app.screen, MainScreen)
            assert app.session.scope == CHECKOUT

    async def test_a_kind_and_name_need_only_their_namespace(self):
        app = app_over(start=StartScope(None, "Deployment", "checkout", ALL))
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await type_text(pilot, "shop")
            await pilot.press("enter")
            await started(pilot)
            assert app.session.scope == CHECKOUT

    async def test_flags_may_name_a_workload_that_is_seen_later(self):
        late = Feed()
        app = app_over(late, StartScope("shop", "Deployment", "checkout", ALL))
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            assert app.session.scope is None
            assert "checkout" in status(app)
            late.waiting += full_feed().waiting
            await read_all(late, pilot)
            assert app.session.scope == CHECKOUT

    async def test_leaving_a_picker_goes_one_question_back(self):
        app = app_over(start=StartScope())
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await type_text(pilot, "shop")
            await pilot.press("enter")
            await started(pilot)
            assert "Kind in shop" in screen_text(app)
            await pilot.press("escape")
            await started(pilot)
            assert "Kind in shop" not in screen_text(app)
            assert isinstance(app.screen, Picker)
            await pilot.press("escape")
            await started(pilot)
            assert isinstance(app.screen, MainScreen)
            assert "Press s to choose" in screen_text(app)

    async def test_a_picker_says_the_coverage_limits_and_never_lists_nodes(self):
        app = app_over(start=StartScope())
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            assert "Not listed: workloads without recorded communications, and nodes." in screen_text(app)
            assert "node-a" not in screen_text(app)

    async def test_news_may_come_while_a_picker_is_opening(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            app.action_commands()
            app.refresh_view()
            await started(pilot)
            assert "Command" in screen_text(app)

    async def test_another_timespan_and_workload_by_key(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("t")
            await started(pilot)
            await type_text(pilot, "all")
            await pilot.press("enter")
            await started(pilot)
            assert app.session.timespan == ALL
            await pilot.press("o")
            await started(pilot)
            await type_text(pilot, "deploy")
            await pilot.press("enter")
            await started(pilot)
            await type_text(pilot, "front")
            await pilot.press("enter")
            await started(pilot)
            assert app.session.scope == WorkloadRef("Deployment", "shop", "frontend")

    async def test_what_was_seen_stands_beside_what_was_asked(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            assert "last 12 h, 3 h 10 min seen" in screen_text(app)
            assert "read-only" in screen_text(app)


class TestPanes:
    async def test_all_are_visible_together_at_140x40(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            text = screen_text(app)
            for part in ("1 Ingress", "2 Egress", "3 Topology", "4 Generated policy", "[x] frontend"):
                assert part in text
            assert "kind: NetworkPolicy" in text
            assert "Deployment/checkout" in text

    @pytest.mark.parametrize(
        ("key", "shown"),
        [("1", "frontend"), ("2", "orders-db"), ("3", "EGRESS"), ("4", "podSelector"), ("5", "old-policy")],
    )
    async def test_one_at_a_time_at_80x24(self, key, shown):
        app = app_over()
        async with app.run_test(size=NARROW) as pilot:
            await started(pilot)
            await pilot.press(key)
            await started(pilot)
            assert shown in screen_text(app)
            visible = [pane.id for pane in app.screen.query(".pane") if pane.region.height]
            assert len(visible) == 1

    async def test_tab_goes_round_the_panes(self):
        app = app_over()
        async with app.run_test(size=NARROW) as pilot:
            await started(pilot)
            seen = []
            for _ in range(5):
                await pilot.press("tab")
                await started(pilot)
                seen += [pane.id for pane in app.screen.query(".pane") if pane.region.height]
            assert seen == ["egress", "topology", "policy", "applied", "ingress"]

    async def test_a_table_has_at_least_16_rows_at_80x24(self):
        many = [flow for n in range(1, 60) for flow in talk("checkout", f"203.0.113.{n}", 443)]
        app = app_over(full_feed(many))
        async with app.run_test(size=NARROW) as pilot:
            await started(pilot)
            await pilot.press("2")
            await started(pilot)
            await pilot.press("pagedown", "pagedown")
            await started(pilot)
            rows = [line for line in screen_text(app).splitlines() if "203.0.113." in line and "[" in line]
            assert len(rows) >= 16

    async def test_it_has_them_below_a_warning_and_a_note_too(self):
        many = [flow for n in range(1, 60) for flow in talk("checkout", f"203.0.113.{n}", 443)]
        app = app_over(full_feed(many))
        async with app.run_test(size=NARROW) as pilot:
            await started(pilot)
            await pilot.press("2", "r")
            await started(pilot)
            await type_text(pilot, "block")
            await pilot.press("enter")
            await started(pilot)
            lines = screen_text(app).splitlines()
            assert "\u25b2" in lines[2]
            assert "Block All" in lines[3]
            await pilot.press("pagedown", "pagedown")
            await started(pilot)
            rows = [line for line in screen_text(app).splitlines() if line[1:4] in ("[ ]", "( )")]
            assert len(rows) >= 16

    async def test_zoom_gives_the_screen_to_one_pane_and_back(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("3", "z")
            await started(pilot)
            assert "INGRESS" in screen_text(app)
            assert "apiVersion" not in screen_text(app)
            await pilot.press("z")
            await started(pilot)
            assert "apiVersion" in screen_text(app)

    async def test_zoom_shows_one_pane_after_the_applied_policies_too(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("5", "1", "z")
            await started(pilot)
            assert [pane.id for pane in app.screen.query(".pane") if pane.region.height] == ["ingress"]

    async def test_view_policy_shows_the_raw_yaml(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("5")
            await started(pilot)
            await pilot.press("enter")
            await started(pilot)
            assert "View Policy: shop/old-policy" in screen_text(app)
            assert "matchLabels:" in screen_text(app)
            await pilot.press("q")
            await started(pilot)
            assert isinstance(app.screen, MainScreen)


class TestDecisions:
    async def test_a_tick_changes_policy_and_topology_at_once(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            assert "port: 8443" in app.session.review().yaml
            await pilot.press("2")
            await started(pilot)
            table = app.screen.query_one("#egress CommunicationTable", CommunicationTable)
            while table.row_at_cursor().communication.peer.name != "payment":
                await pilot.press("down")
            await pilot.press("space")
            await started(pilot)
            assert "port: 8443" not in app.session.review().yaml
            (line,) = [text for text in screen_text(app).splitlines() if "8443/TCP ╌" in text]
            assert "✗ payment" in line
            await pilot.press("u")
            await started(pilot)
            assert "port: 8443" in app.session.review().yaml

    async def test_that_there_is_nothing_to_undo_is_not_said_for_longer_than_it_is_so(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("u")
            await started(pilot)
            assert status(app) == "There is nothing to undo."
            await pilot.press("space")
            await started(pilot)
            assert "nothing to undo" not in status(app)

    async def test_the_status_line_follows_the_row(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("2")
            await started(pilot)
            for said in ("In the policy", "Not in the policy", "In the policy"):
                assert status(app).startswith(said)
                await pilot.press("space")
                await started(pilot)

    async def test_what_was_said_stays_while_the_row_is_as_it_was(self):
        live = full_feed()
        app = app_over(live)
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("y")
            live.waiting.append(FlowsRead(tuple(talk("checkout", "frontend", 80))))
            await read_all(live, pilot)
            assert "OSC 52" in status(app)

    async def test_new_flows_never_move_a_tick(self):
        live = full_feed()
        app = app_over(live)
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("2")
            await started(pilot)
            table = app.screen.query_one("#egress CommunicationTable", CommunicationTable)
            key = table.row_at_cursor().key
            await pilot.press("space")
            live.waiting.append(FlowsRead(tuple(talk("checkout", "frontend", 80))))
            await read_all(live, pilot)
            rows = {row.key: row for row in app.session.review().egress.rows}
            assert not rows[key].ticked
            assert table.row_at_cursor().key == key
            assert any(row.communication.peer.name == "frontend" for row in rows.values())

    async def test_the_general_rule_by_key(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("2", "r")
            await started(pilot)
            await type_text(pilot, "block")
            await pilot.press("enter")
            await started(pilot)
            assert app.session.review().egress.general is GeneralRule.BLOCK_ALL
            assert "2 Egress · Block All" in screen_text(app)

    async def test_an_address_gets_an_alias(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("2", "end", "at")
            await started(pilot)
            await type_text(pilot, "web")
            await pilot.press("enter")
            await started(pilot)
            assert [alias.name for alias in app.session.aliases] == ["web"]
            assert "web" in screen_text(app)

    async def test_only_an_unresolved_ip_gets_an_alias(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("at")
            await started(pilot)
            assert "move to one first" in status(app)

    async def test_an_ip_mask_is_allowed(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("2", "m")
            await started(pilot)
            await type_text(pilot, "203.0.113.0/24")
            await pilot.press("tab", *"tcp", "tab", *"443", "enter")
            await started(pilot)
            assert "cidr: 203.0.113.0/24" in app.session.review().yaml.replace('"', "")
            assert "1 IP mask" in screen_text(app)


class TestFilters:
    async def test_text_inverse_and_back(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("2", "slash")
            await type_text(pilot, "orders")
            await pilot.press("enter")
            table = app.screen.query_one("#egress CommunicationTable", CommunicationTable)
            assert table.has_focus
            assert "/orders: 1 shown" in screen_text(app)
            await pilot.press("slash", "home", "!", "enter")
            await started(pilot)
            assert "data/sts/orders-db" not in screen_text(app)
            await pilot.press("escape")
            await started(pilot)
            assert "data/sts/orders-db" in screen_text(app)

    async def test_no_row_is_new_for_having_been_hidden(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("2", "1")  # the policy follows the cursor
            await started(pilot)
            before = screen_text(app)
            await pilot.press("2", "slash")
            await type_text(pilot, "payment")
            await pilot.press("enter", "space", "u", "escape", "1")
            await started(pilot)
            assert screen_text(app) == before

    async def test_categories(self):
        app = app_over()
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await pilot.press("2", "f", "i", "enter")
            await started(pilot)
            assert "No unresolved IP matches Internal." in screen_text(app)
            assert "data/sts/orders-db" in screen_text(app)
