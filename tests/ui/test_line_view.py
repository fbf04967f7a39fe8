"""LineView: keys, mouse, targets, copying, and what is repainted; asserted on messages and painted text."""

from pathlib import Path

import pytest
from textual.app import App
from textual.geometry import Offset, Region

from netsec_tui.model.identity import address_peer
from netsec_tui.render.spans import Line, Role, Span
from netsec_tui.ui.widgets.line_view import LineView

STYLES = Path(__file__).resolve().parents[2] / "styles"


class Spy(LineView):
    """A view that notes which of its rows are painted."""

    painted: list[int]

    def render_line(self, y):
        self.__dict__.setdefault("painted", []).append(y)
        return super().render_line(y)


class Host(App):
    CSS_PATH = [STYLES / "line_scroll.tcss", STYLES / "line_view.tcss"]

    def __init__(self, lines, theme="textual-dark"):
        super().__init__()
        self.start_theme = theme
        self.lines = lines
        self.seen = []

    def compose(self):
        yield Spy()

    def on_mount(self):
        self.theme = self.start_theme
        self.query_one(Spy).set_lines(self.lines)
        self.query_one(Spy).focus()

    def on_line_view_target_focused(self, event):
        self.seen.append(("focused", event.target.name))

    def on_line_view_target_hovered(self, event):
        self.seen.append(("hovered", event.target.name if event.target else None))

    def on_line_view_target_activated(self, event):
        self.seen.append(("activated", event.target.name))


def about(name, text=None):
    return Line((Span(text or f"line {name}"),), address_peer(name))


def words(text):
    return Line((Span(text, Role.DIM),))


def shop(count):
    return [about(f"p{index}") for index in range(count)]


def screen_of(view):
    """Return the text on the terminal: lines that nobody asked to repaint stay as they were."""
    return [strip.text.rstrip() for strip in view.render_lines(Region(0, 0, *view.outer_size))]


def cells_with(view, background):
    """Return the painted text on one background colour, row by row."""
    found = {}
    for y, strip in enumerate(view.render_lines(Region(0, 0, *view.outer_size))):
        text = "".join(s.text for s in strip if s.style and s.style.bgcolor == background)
        if text:
            found[y] = text
    return found


def cursor_text(view):
    cursor = view.get_component_rich_style("line--plain", "line--cursor").bgcolor
    return [text.rstrip() for text in cells_with(view, cursor).values()]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["j"], "p1"),
        (["down", "down"], "p2"),
        (["j", "j", "k"], "p1"),
        (["k"], "p0"),
        (["G"], "p49"),
        (["end", "g"], "p0"),
        (["end", "home"], "p0"),
        (["pagedown"], "p9"),
        (["pagedown", "pagedown", "pageup"], "p9"),
        (["G", "j"], "p49"),
    ],
)
async def test_keys_move_over_targets(keys, expected):
    app = Host(shop(50))
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press(*keys)
        view = app.query_one(Spy)
        assert view.target == address_peer(expected)
        assert cursor_text(view) == [f"line {expected}"]
        assert app.seen[-1] == ("focused", expected)


async def test_cursor_skips_decoration():
    app = Host([words("title"), about("a"), words("---"), words("more"), about("b")])
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press("j")
        assert app.seen == [("focused", "a"), ("focused", "b")]
        assert cursor_text(app.query_one(Spy)) == ["line b"]


async def test_view_without_targets_scrolls():
    app = Host([words(f"yaml {index}") for index in range(30)])
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press("j", "j")
        assert screen_of(app.query_one(Spy))[0].strip() == "yaml 2"
        await pilot.press("pagedown")
        assert screen_of(app.query_one(Spy))[0].strip() == "yaml 11"
        await pilot.press("G")
        assert screen_of(app.query_one(Spy))[-1].strip() == "yaml 29"
        await pilot.press("k", "g")
        assert screen_of(app.query_one(Spy))[0].strip() == "yaml 0"
        assert app.seen == []


async def test_text_after_the_last_target_can_be_read_with_keys():
    app = Host([about("a"), *(words(f"note {index}") for index in range(30))])
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press(*["j"] * 21)
        assert screen_of(app.query_one(Spy))[-1].strip() == "note 29"


async def test_long_text_between_targets_is_scrolled_through_not_jumped_over():
    app = Host([about("a"), *(words(f"note {index}") for index in range(60)), about("b")])
    async with app.run_test(size=(40, 10)) as pilot:
        read = set()
        for _ in range(70):
            read.update(text.strip() for text in screen_of(app.query_one(Spy)))
            await pilot.press("j")
        assert {f"note {index}" for index in range(60)} <= read
        assert app.query_one(Spy).target == address_peer("b")


def hub(index):
    left, right = address_peer(f"left{index}"), address_peer(f"right{index}")
    return Line(
        (Span(f"client{index} ──▶ ", target=left), Span("┃ web ┃"), Span(f" ──▶ db{index}", target=right))
    )


async def test_a_line_about_two_things_has_two_places():
    app = Host([hub(0), hub(1), hub(2)])
    async with app.run_test(size=(60, 10)) as pilot:
        await pilot.press("right", "j", "j", "left", "enter")
        assert app.seen == [
            ("focused", "left0"),
            ("focused", "right0"),
            ("focused", "right1"),
            ("focused", "right2"),
            ("focused", "left2"),
            ("activated", "left2"),
        ]
        assert cursor_text(app.query_one(Spy)) == ["client2 ──▶"]


async def test_going_right_opens_what_is_closed():
    app = Host([hub(0), hub(1)])
    async with app.run_test(size=(60, 10)) as pilot:
        view = app.query_one(Spy)
        view.set_lines([hub(0), hub(1)], closed={address_peer("left1")})
        await pilot.press("right", "left", "down", "right")
        assert app.seen[-2:] == [("focused", "left1"), ("activated", "left1")]
        view.set_lines([hub(0), hub(1)])
        await pilot.press("right")
        assert app.seen[-1] == ("focused", "right1")


async def test_long_lines_scroll_sideways_without_splitting_wide_characters():
    app = Host([words("日本" * 20 + "END")])
    async with app.run_test(size=(42, 5)) as pilot:
        view = app.query_one(Spy)
        await pilot.press("right")
        assert screen_of(view)[0].strip().startswith("日本")
        await pilot.press(*["right"] * 8)
        assert screen_of(view)[0].endswith("END")
        await pilot.press(*["left"] * 9)
        assert screen_of(view)[0].strip().startswith("日本")
        assert all(strip.cell_length == 42 for strip in view.render_lines(Region(0, 0, *view.outer_size)))


async def test_mouse_hovers_focuses_and_a_second_click_opens():
    app = Host([words("title"), *shop(5)])
    async with app.run_test(size=(40, 10)) as pilot:
        app.seen.clear()
        await pilot.hover(Spy, Offset(3, 2))
        await pilot.hover(Spy, Offset(4, 2))
        await pilot.click(Spy, Offset(4, 2))
        await pilot.click(Spy, Offset(4, 2))
        await pilot.hover(Spy, Offset(3, 0))
        assert app.seen == [("hovered", "p1"), ("focused", "p1"), ("activated", "p1"), ("hovered", None)]


async def test_click_points_at_the_part_of_the_line_under_it():
    app = Host([hub(0), hub(1)])
    async with app.run_test(size=(60, 10)) as pilot:
        await pilot.click(Spy, Offset(22, 1))
        assert app.seen[-1] == ("focused", "right1")
        before = list(app.seen)
        await pilot.click(Spy, Offset(15, 0))
        assert [entry for entry in app.seen if entry[0] == "focused"] == [
            e for e in before if e[0] == "focused"
        ]


async def test_wheel_scrolls_and_the_pointer_is_over_something_else_then():
    app = Host(shop(60))
    async with app.run_test(size=(40, 10)) as pilot:
        view = app.query_one(Spy)
        await pilot.hover(Spy, Offset(3, 2))
        view.scroll_to(y=20, animate=False)
        await pilot.pause()
        assert app.seen[-1] == ("hovered", "p22")
        assert screen_of(view)[0].strip() == "line p20"


async def test_cursor_stays_on_its_target_when_lines_change():
    app = Host(shop(30))
    async with app.run_test(size=(40, 10)) as pilot:
        view = app.query_one(Spy)
        await pilot.press("j", "j", "j")
        app.seen.clear()
        view.set_lines([words("new title"), *(about(f"q{index}") for index in range(7)), *shop(30)])
        await pilot.pause()
        assert view.target == address_peer("p3")
        assert cursor_text(view) == ["line p3"]
        assert app.seen == []


async def test_cursor_stays_near_when_its_target_goes_and_says_so():
    app = Host(shop(5))
    async with app.run_test(size=(40, 10)) as pilot:
        view = app.query_one(Spy)
        await pilot.press("j", "j")
        view.set_lines([about("p0"), about("p1"), about("p3"), about("p4")])
        await pilot.pause()
        assert app.seen[-1] == ("focused", "p3")
        view.set_lines([words("nothing left")])
        await pilot.pause()
        assert view.target is None
        assert screen_of(view)[:2] == [" nothing left", ""]


async def test_shorter_content_leaves_no_empty_screen_behind():
    app = Host([words(f"yaml {index}") for index in range(100)])
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press("G")
        view = app.query_one(Spy)
        view.set_lines([words(f"yaml {index}") for index in range(15)])
        await pilot.pause()
        assert screen_of(view)[-1].strip() == "yaml 14"
        view.set_lines([words("one")])
        await pilot.pause()
        assert screen_of(view)[0].strip() == "one"


async def test_only_lines_that_look_different_are_repainted():
    app = Host(shop(30))
    async with app.run_test(size=(40, 10)) as pilot:
        view = app.query_one(Spy)
        await pilot.pause()
        view.painted.clear()
        lines = shop(30)
        lines[4] = about("p4", "changes")
        lines[20] = about("p20", "off view")
        view.set_lines(lines)
        await pilot.pause()
        assert set(view.painted) == {4}
        assert screen_of(view)[4].strip() == "changes"
        view.painted.clear()
        await pilot.press("j")
        assert set(view.painted) == {0, 1}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[red]x[/]", "[red]x[/]"),
        ("[@click=app.quit]x", "[@click=app.quit]x"),
        ("日本語 wide", "日本語 wide"),
        ("esc \x1b[31m and \x07", r"esc \x1b[31m and \x07"),
        ("bidi \u202e end", r"bidi \u202e end"),
    ],
)
async def test_text_shows_literally(text, shown):
    app = Host([about("a", text)])
    async with app.run_test(size=(60, 5)):
        assert screen_of(app.query_one(Spy))[0].strip() == shown


async def test_text_selected_with_the_mouse_can_be_copied():
    app = Host([about("a", "日本語 one"), about("b", "second"), about("c", "third")])
    async with app.run_test(size=(40, 6)) as pilot:
        app.seen.clear()
        await pilot.mouse_down(Spy, Offset(3, 0))
        await pilot.hover(Spy, Offset(4, 2))
        await pilot.mouse_up(Spy, Offset(4, 2))
        await pilot.pause()
        assert app.screen.get_selected_text() == "本語 one\nsecond\nthir"
        assert not [entry for entry in app.seen if entry[0] in ("focused", "activated")]


async def test_text_selected_after_scrolling_sideways_is_what_is_seen():
    app = Host([words("日本語" * 10 + "0123456789" * 4)])
    async with app.run_test(size=(30, 6)) as pilot:
        await pilot.press("right", "right", "right", "right", "right", "right", "right", "right")
        view = app.query_one(Spy)
        seen = screen_of(view)[0].strip()
        await pilot.mouse_down(Spy, Offset(1, 0))
        await pilot.hover(Spy, Offset(6, 0))
        await pilot.mouse_up(Spy, Offset(6, 0))
        await pilot.pause()
        assert app.screen.get_selected_text() == seen[:6]


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light"])
async def test_without_colours_of_its_own_the_cursor_is_reversed(theme):
    app = Host(shop(3), theme)
    async with app.run_test(size=(40, 6)) as pilot:
        await pilot.press("j")
        view = app.query_one(Spy)
        strips = view.render_lines(Region(0, 0, *view.outer_size))
        reversed_rows = [
            y for y, strip in enumerate(strips) if any(s.style and s.style.reverse for s in strip)
        ]
        assert reversed_rows == [1]


async def test_no_color_keeps_the_cursor_visible(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    app = Host(shop(3))
    async with app.run_test(size=(40, 6)) as pilot:
        await pilot.press("j")
        view = app.query_one(Spy)
        strips = view.render_lines(Region(0, 0, *view.outer_size))
        reversed_rows = [
            y for y, strip in enumerate(strips) if any(s.style and s.style.reverse for s in strip)
        ]
        assert reversed_rows == [1]


async def test_cursor_stays_in_view_when_the_terminal_shrinks():
    app = Host(shop(30))
    async with app.run_test(size=(40, 20)) as pilot:
        await pilot.press(*["j"] * 15)
        await pilot.resize_terminal(40, 8)
        assert cursor_text(app.query_one(Spy)) == ["line p15"]


def test_every_key_is_explained():
    for binding in LineView.BINDINGS:
        assert binding.id, binding
        assert binding.tooltip, binding
