"""CommunicationTable driven by keys and mouse; asserted on messages and painted text."""

import pytest
from textual.geometry import Offset
from textual.widgets import Button

from netsec_tui.model.review import Standing
from netsec_tui.ui.widgets.communication_table import CommunicationTable
from tests.ui.table_host import Host, Spy, addresses, cursor_line, row, row_of, screen_of, shop, shown_names


async def test_two_groups_with_counts_and_empty_sentences():
    rows = [row("web0"), row("web1", Standing.OUT), row("web2", Standing.NOT_EXPRESSIBLE)]
    app = Host(rows)
    async with app.run_test(size=(100, 20)) as pilot:
        table = app.query_one(Spy)
        text = screen_of(table)
        assert "In-cluster communications  3 rows · 1 allowed · 1 not · 1 not expressible" in text[0]
        assert shown_names(table) == ["web0", "web1", "web2"]
        assert "Unresolved IPs  0 rows" in text[6]
        assert "No unresolved IPs seen." in text[7]
        table.set_rows([], ("Nothing seen in 3 h: all ingress will be refused.", "No IPs."))
        await pilot.pause()
        text = "\n".join(screen_of(table))
        assert "Nothing seen in 3 h: all ingress will be refused." in text
        assert "No IPs." in text
        assert "web0" not in text


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["j"], "web001"),
        (["down", "down", "up"], "web001"),
        (["k"], "web000"),
        (["G"], "10.0.0.4"),
        (["G", "g"], "web000"),
        (["end", "home"], "web000"),
        (["pagedown"], "web014"),
        (["pagedown", "pageup"], "web000"),
        ([*["j"] * 20], "10.0.0.0"),
        ([*["j"] * 20, "k"], "web019"),
    ],
)
async def test_keys_move_over_rows_and_skip_headers(keys, expected):
    app = Host(shop(20) + addresses(5))
    async with app.run_test(size=(100, 16)) as pilot:
        await pilot.press(*keys)
        table = app.query_one(Spy)
        assert app.seen[-1] == ("focused", expected)
        assert expected in cursor_line(table)
        assert table.row_at_cursor().key.peer.name == expected


async def test_column_header_stays_in_view_and_never_hides_the_cursor():
    app = Host(shop(60))
    async with app.run_test(size=(100, 11)) as pilot:
        table = app.query_one(Spy)
        header = screen_of(table)[1]
        await pilot.press("G")
        assert screen_of(table)[0] == header
        for _ in range(59):
            await pilot.press("k")
            assert app.seen[-1][1] in cursor_line(table)
        assert "In-cluster communications" in screen_of(table)[0]


async def test_space_asks_to_tick_what_is_out_and_to_untick_what_is_in():
    app = Host([row("web0"), row("10.0.0.1", Standing.OUT)])
    async with app.run_test(size=(100, 16)) as pilot:
        await pilot.press("space", "j", "space")
        assert app.decisions() == [("unticked", ["web0"]), ("ticked", ["10.0.0.1"])]


async def test_table_decides_nothing_itself():
    app = Host([row("web0")])
    async with app.run_test(size=(100, 16)) as pilot:
        before = screen_of(app.query_one(Spy))
        await pilot.press("space")
        assert screen_of(app.query_one(Spy)) == before


async def test_a_row_that_cannot_be_ticked_is_refused_with_its_key():
    app = Host([row("web0", Standing.NOT_EXPRESSIBLE)])
    async with app.run_test(size=(100, 16)) as pilot:
        await pilot.press("space")
        assert app.decisions() == [("refused", "web0")]


async def test_all_and_none_name_the_rows_shown_that_can_be_ticked():
    app = Host([row("web0"), row("web1", Standing.NOT_EXPRESSIBLE), row("10.0.0.1", Standing.OUT)])
    async with app.run_test(size=(100, 16)) as pilot:
        await pilot.press("a", "A")
        keys = ["web0", "10.0.0.1"]
        assert app.decisions() == [("ticked", keys), ("unticked", keys)]


@pytest.mark.parametrize("keys", [["v", "j", "j"], ["shift+down", "shift+down"], ["J", "J"]])
async def test_marked_rows_are_toggled_together_once(keys):
    app = Host([row("web0"), row("web1", Standing.OUT), row("web2"), row("web3")])
    async with app.run_test(size=(100, 16)) as pilot:
        await pilot.press(*keys)
        table = app.query_one(Spy)
        assert "3 marked" in screen_of(table)[0]
        await pilot.press("space", "space")
        assert app.decisions() == [("ticked", ["web0", "web1", "web2"]), ("unticked", ["web2"])]
        assert "marked" not in screen_of(table)[0]


async def test_marked_rows_that_are_all_in_are_unticked():
    app = Host([*shop(3), row("web9", Standing.NOT_EXPRESSIBLE)])
    async with app.run_test(size=(100, 16)) as pilot:
        await pilot.press("v", "G", "space")
        assert app.decisions() == [("unticked", ["web000", "web001", "web002"])]


@pytest.mark.parametrize("key", ["v", "escape"])
async def test_marks_can_be_forgotten(key):
    app = Host(shop(3))
    async with app.run_test(size=(100, 16)) as pilot:
        await pilot.press("v", "j", key, "space")
        assert app.decisions() == [("unticked", ["web001"])]


async def test_a_row_that_arrives_while_marking_is_not_ticked():
    app = Host([*shop(2), *addresses(1)])
    async with app.run_test(size=(100, 16)) as pilot:
        await pilot.press("v", "G")
        app.query_one(Spy).set_rows([*shop(2), row("new0", Standing.OUT), *addresses(1)])
        await pilot.press("space")
        assert app.decisions() == [("ticked", ["web000", "web001", "10.0.0.0"])]


async def test_detail_is_asked_for_by_key():
    app = Host(shop(3))
    async with app.run_test(size=(100, 16)) as pilot:
        await pilot.press("j", "enter")
        assert app.decisions() == [("activated", "web001")]


async def test_keys_on_an_empty_table_do_nothing():
    app = Host([])
    async with app.run_test(size=(100, 16)) as pilot:
        await pilot.press(
            "space", "enter", "j", "k", "g", "G", "a", "A", "v", "pagedown", "shift+down", "O", "R"
        )
        assert app.seen == []


# -- mouse -------------------------------------------------------------------------------------------------


async def test_click_moves_the_cursor_and_on_the_checkbox_ticks():
    app = Host(shop(5))
    async with app.run_test(size=(100, 16)) as pilot:
        table = app.query_one(Spy)
        y = row_of(table, "web002")
        x = screen_of(table)[y].index("web002")
        await pilot.click(Spy, Offset(x, y))
        assert "web002" in cursor_line(table)
        assert app.decisions() == []
        await pilot.click(Spy, Offset(2, row_of(table, "web003")))
        assert app.decisions() == [("unticked", ["web003"])]
        assert "web003" in cursor_line(table)


async def test_second_click_on_a_row_opens_it():
    app = Host(shop(5))
    async with app.run_test(size=(100, 16)) as pilot:
        place = Offset(30, row_of(app.query_one(Spy), "web002"))
        await pilot.click(Spy, place)
        await pilot.click(Spy, place)
        assert app.decisions() == [("activated", "web002")]


async def test_clicks_on_headers_and_below_the_rows_do_nothing():
    app = Host(shop(5), focus=False)
    async with app.run_test(size=(100, 20)) as pilot:
        for y in (0, 1, 7, 8, 9, 12):
            await pilot.click(Spy, Offset(2, y))
        assert app.decisions() == []


async def test_click_on_the_header_kept_in_view_does_not_reach_the_row_below_it():
    app = Host(shop(60))
    async with app.run_test(size=(100, 11)) as pilot:
        await pilot.press("G")
        await pilot.click(Spy, Offset(2, 0))
        assert app.decisions() == []
        assert "web059" in cursor_line(app.query_one(Spy))


async def test_coming_to_the_table_tells_where_the_cursor_is():
    app = Host(shop(5), focus=False)
    async with app.run_test(size=(100, 16)) as pilot:
        await pilot.pause()
        assert app.seen == []
        await pilot.press("tab")
        assert app.seen == [("focused", "web000")]


async def test_hover_tells_the_row_and_when_it_ends():
    app = Host(shop(5))
    async with app.run_test(size=(100, 16)) as pilot:
        table = app.query_one(Spy)
        app.seen.clear()
        y = row_of(table, "web002")
        await pilot.hover(Spy, Offset(30, y))
        await pilot.hover(Spy, Offset(31, y))
        await pilot.hover(Spy, Offset(31, y + 1))
        await pilot.hover(Button)
        assert app.seen == [("hovered", "web002"), ("hovered", "web003"), ("hovered", None)]


async def test_dragging_selects_text_to_copy_and_ticks_nothing():
    app = Host(shop(5))
    async with app.run_test(size=(100, 16)) as pilot:
        table = app.query_one(Spy)
        y = row_of(table, "web001")
        await pilot.mouse_down(Spy, Offset(1, y))
        await pilot.hover(Spy, Offset(80, y + 1))
        await pilot.mouse_up(Spy, Offset(80, y + 1))
        await pilot.pause()
        selected = app.screen.get_selected_text()
        assert "web001" in selected
        assert "web002" in selected
        assert "web003" not in selected
        assert app.decisions() == []


def test_every_key_is_explained():
    for binding in CommunicationTable.BINDINGS:
        assert binding.id, binding
        assert binding.tooltip, binding
