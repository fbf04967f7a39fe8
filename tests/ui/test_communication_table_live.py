"""CommunicationTable while rows come and go: order, cursor, and what is repainted; widths and colours."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from textual.geometry import Region
from textual.widgets import Button

from netsec_tui.model.proof import Reach
from netsec_tui.model.review import Standing
from netsec_tui.ui.row_order import SortColumn
from tests.ui.table_host import Host, Spy, addresses, cursor_line, row, row_of, screen_of, shop, shown_names

# -- live rows ---------------------------------------------------------------------------------------------


async def test_order_is_frozen_under_the_cursor_until_sorted_again():
    app = Host([row("web1"), row("web2"), row("10.0.0.5")])
    async with app.run_test(size=(100, 16)) as pilot:
        table = app.query_one(Spy)
        table.set_rows([row("new0"), row("web2"), row("web1"), row("10.0.0.1"), row("10.0.0.5")])
        await pilot.pause()
        assert shown_names(table) == ["web1", "web2", "new0", "10.0.0.5", "10.0.0.1"]
        assert "+1 new" in screen_of(table)[0]
        await pilot.press("R")
        assert shown_names(table) == ["new0", "web2", "web1", "10.0.0.1", "10.0.0.5"]
        assert "new" not in screen_of(table)[0]
        assert "web1" in cursor_line(table)


async def test_rows_of_what_was_before_are_no_new_ones_and_are_sorted_once_all_are_there():
    app = Host([row("web2")])
    async with app.run_test(size=(100, 16)) as pilot:
        table = app.query_one(Spy)
        steps = (
            (["web1", "web2"], True, ["web2", "web1"], ""),
            (["web0", "web1", "web2"], False, ["web0", "web1", "web2"], ""),
            (["new0", "web0", "web1", "web2"], False, ["web0", "web1", "web2", "new0"], "+1 new"),
        )
        for given_names, beginning, expected, news in steps:
            table.set_rows(map(row, given_names), beginning=beginning)
            await pilot.pause()
            assert shown_names(table) == expected
            assert screen_of(table)[0].endswith(news or "not")
            assert "web2" in cursor_line(table)


async def test_order_follows_the_rows_while_the_keyboard_is_elsewhere():
    app = Host([row("web1"), row("web2")], focus=False)
    async with app.run_test(size=(100, 16)) as pilot:
        table = app.query_one(Spy)
        table.set_rows([row("new0"), row("web2"), row("web1")])
        await pilot.pause()
        assert shown_names(table) == ["new0", "web2", "web1"]
        assert "new0" not in cursor_line(table)
        assert app.seen == []


async def test_cursor_keeps_its_height_on_the_screen_when_rows_come_above_it():
    app = Host(shop(60), focus=False)
    async with app.run_test(size=(100, 12)) as pilot:
        table = app.query_one(Spy)
        table.focus()
        await pilot.press(*["j"] * 30)
        app.query_one(Button).focus()
        await pilot.pause()
        height = row_of(table, "web030")
        table.set_rows([*(row(f"new{index}") for index in range(7)), *shop(60)])
        await pilot.pause()
        assert row_of(table, "web030") == height
        assert "web030" in cursor_line(table)


async def test_cursor_stays_near_when_its_row_goes():
    app = Host(shop(6))
    async with app.run_test(size=(100, 16)) as pilot:
        table = app.query_one(Spy)
        await pilot.press("j", "j")
        table.set_rows([item for item in shop(6) if item.key.peer.name not in ("web000", "web002")])
        await pilot.pause()
        assert app.seen[-1] == ("focused", "web003")
        assert "web003" in cursor_line(table)
        table.set_rows(shop(2))
        await pilot.pause()
        assert app.seen[-1] == ("focused", "web001")


OPERATIONS = st.lists(
    st.lists(st.sampled_from(range(16)), unique=True, min_size=0, max_size=16), min_size=1, max_size=6
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.integers(1, 16), moves=st.integers(0, 15), batches=OPERATIONS, focused=st.booleans())
def test_cursor_is_never_carried_to_another_row(first, moves, batches, focused):
    """Insert, remove and reorder at random: the key under the cursor stays as long as its row is there."""
    universe = [row(f"web{index}") if index % 3 else row(f"10.0.0.{index}") for index in range(16)]

    async def live():
        app = Host(universe[:first], focus=True)
        async with app.run_test(size=(100, 12)) as pilot:
            table = app.query_one(Spy)
            for _ in range(moves):
                table.action_step(1)  # what the key does, which has its own test, without its waiting
            if not focused:
                app.query_one(Button).focus()
            await pilot.pause()
            for batch in batches:
                before = table.row_at_cursor()
                table.set_rows([universe[index] for index in batch])
                await pilot.pause()
                after = table.row_at_cursor()
                present = [universe[index].key for index in batch]
                assert (after is None) == (not present)
                if before is not None and before.key in present:
                    assert after.key == before.key

    asyncio.run(live())


async def test_sorting_keeps_groups_and_tells_nobody():
    rows = [row("web2", port=1, last_seen=5), row("web1", port=9, last_seen=7), *addresses(2)]
    app = Host(rows)
    async with app.run_test(size=(100, 16)) as pilot:
        table = app.query_one(Spy)
        app.seen.clear()
        table.sort_by(SortColumn.PEER)
        await pilot.pause()
        assert shown_names(table) == ["web1", "web2", "10.0.0.0", "10.0.0.1"]
        assert "sorted peer" in screen_of(table)[0]
        assert "web2" in cursor_line(table)
        await pilot.press("I")
        assert shown_names(table) == ["web2", "web1", "10.0.0.1", "10.0.0.0"]
        for _ in tuple(SortColumn)[2:]:
            await pilot.press("O")
        await pilot.press("O")
        assert shown_names(table) == ["web2", "web1", "10.0.0.0", "10.0.0.1"]
        assert app.seen == []


async def test_another_workload_starts_afresh():
    app = Host(shop(5))
    async with app.run_test(size=(100, 16)) as pilot:
        table = app.query_one(Spy)
        await pilot.press("j", "v", "j")
        table.reset()
        table.set_rows([row("web9"), row("web000"), row("web001")])
        await pilot.pause()
        assert shown_names(table) == ["web9", "web000", "web001"]
        assert "web9" in cursor_line(table)
        header = screen_of(table)[0]
        assert "new" not in header
        assert "marked" not in header


async def test_home_namespace_and_todays_date_go_without_saying():
    app = Host([row("web1", last_seen=1_700_000_000.0)])
    async with app.run_test(size=(160, 16)) as pilot:
        table = app.query_one(Spy)
        await pilot.resize_terminal(60, 16)
        assert "shop/web1" in screen_of(table)[2]
        table.set_rows(app.rows, home="shop")
        await pilot.pause()
        assert "shop/web1" not in screen_of(table)[2]
        await pilot.resize_terminal(160, 16)
        assert "11-14 22:13" in screen_of(table)[2]
        table.set_rows(app.rows, home="shop", newest=1_700_000_900.0)
        await pilot.pause()
        assert "11-14" not in screen_of(table)[2]
        assert "22:13:20" in screen_of(table)[2]


# -- painting ----------------------------------------------------------------------------------------------


async def test_a_toggle_among_many_repaints_its_line_and_the_group_header_only():
    rows = shop(500) + addresses(9_500)
    app = Host(rows)
    async with app.run_test(size=(100, 16)) as pilot:
        table = app.query_one(Spy)
        await pilot.press("j", "j")
        await pilot.pause()
        place = row_of(table, "web002")
        before = screen_of(table)
        table.painted.clear()
        rows[2] = replace(rows[2], standing=Standing.OUT, reach=Reach.DENIED)
        table.set_rows(rows)
        await pilot.pause()
        assert set(table.painted) == {0, place}
        after = screen_of(table)
        assert [y for y, (old, new) in enumerate(zip(before, after, strict=True)) if old != new] == [0, place]
        assert "499 allowed · 1 not" in after[0]


async def test_equal_rows_repaint_nothing():
    app = Host(shop(20))
    async with app.run_test(size=(100, 16)) as pilot:
        table = app.query_one(Spy)
        await pilot.pause()
        table.painted.clear()
        table.set_rows(shop(20))
        await pilot.pause()
        assert table.painted == []


@pytest.mark.parametrize("name", ["[red]x[/]", "日本語", "a\\[b"])
async def test_names_show_literally_in_exactly_the_width(name):
    app = Host([row(name)])
    async with app.run_test(size=(100, 16)):
        table = app.query_one(Spy)
        assert any(name in line for line in screen_of(table))
        assert {strip.cell_length for strip in table.render_lines(Region(0, 0, *table.outer_size))} == {100}


async def test_escape_characters_of_a_name_never_reach_the_terminal():
    app = Host([row("evil\x1b[2J\x07", reason="why\r\nnot")])
    async with app.run_test(size=(100, 16)):
        text = "".join(screen_of(app.query_one(Spy)))
        assert text.isprintable()
        assert "evil" in text


@pytest.mark.parametrize("width", [30, 60, 80, 100, 140])
async def test_rows_fit_every_width_and_follow_a_resize(width):
    app = Host(shop(40))
    async with app.run_test(size=(110, 16)) as pilot:
        await pilot.press(*["j"] * 20)
        await pilot.resize_terminal(width, 9)
        await pilot.pause()
        table = app.query_one(Spy)
        assert {strip.cell_length for strip in table.render_lines(Region(0, 0, *table.outer_size))} == {width}
        assert table.max_scroll_x == 0
        assert cursor_line(table)


async def test_no_text_runs_under_the_scroll_bar():
    app = Host([row(f"web{index}", reason="long " * 50) for index in range(40)])
    async with app.run_test(size=(100, 16)):
        table = app.query_one(Spy)
        assert table.show_vertical_scrollbar
        assert "…" in table.render_line(3).crop(0, table.scrollable_content_region.width).text


@pytest.mark.parametrize(
    ("theme", "no_color"), [("ansi-dark", ""), ("ansi-light", ""), ("textual-dark", "1")]
)
async def test_cursor_shows_without_colours(theme, no_color, monkeypatch):
    if no_color:
        monkeypatch.setenv("NO_COLOR", no_color)
    app = Host(shop(4), theme)
    async with app.run_test(size=(100, 16)) as pilot:
        await pilot.press("j")
        table = app.query_one(Spy)
        strips = table.render_lines(Region(0, 0, *table.outer_size))
        lines = [strip.text for strip in strips if any(s.style and s.style.reverse for s in strip)]
        assert len(lines) == 1
        assert "web001" in lines[0]


async def test_in_and_out_differ_without_any_colour():
    app = Host([row("web0"), row("web1", Standing.OUT), row("web2", Standing.NOT_EXPRESSIBLE)])
    async with app.run_test(size=(100, 16)):
        text = screen_of(app.query_one(Spy))
        boxes = {line[: line.index("web")] for line in text if "web" in line}
        assert len(boxes) == 3
