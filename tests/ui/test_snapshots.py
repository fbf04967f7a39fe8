"""Every screen as a picture, wide and narrow, and the main screen in light, contrast and without colour."""

import pytest

from netsec_tui.ui.start import StartScope
from tests.ui.shop import LAST_12_H, Feed, app_over, full_feed

WIDE, NARROW = (140, 40), (80, 24)
BOTH = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["140x40", "80x24"])


@pytest.fixture
def picture(snap_compare):
    """Compare the screen after some keys with its snapshot."""

    def compare(app, size, *keys):
        async def press(pilot):
            await pilot.pause()
            if app.screen_stack[-1] is app.screen_stack[0]:
                await app.workers.wait_for_complete()
            await pilot.pause()
            for key in keys:
                await pilot.press(key)
                await pilot.pause()
                await pilot.pause()
            if app.screen_stack[-1] is app.screen_stack[0]:
                await app.workers.wait_for_complete()
            await pilot.pause()

        return snap_compare(app, terminal_size=size, run_before=press)

    return compare


@BOTH
def test_ingress(picture, size):
    assert picture(app_over(), size)


@pytest.mark.parametrize("pane", ["2", "3", "4", "5"], ids=["egress", "topology", "policy", "applied"])
def test_other_panes(picture, pane):
    assert picture(app_over(), NARROW, pane)


def test_topology_with_its_detail(picture):
    assert picture(app_over(), WIDE, "3", "down", "right")


def test_topology_as_a_hub(picture):
    assert picture(app_over(), WIDE, "3", "z")


@pytest.mark.parametrize("theme", ["netsec-light", "netsec-contrast", "ansi-dark"])
def test_themes(picture, theme):
    assert picture(app_over(theme=theme), WIDE)


def test_without_colour(picture, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert picture(app_over(theme="ansi-dark"), NARROW)


def test_ascii(picture):
    assert picture(app_over(ascii_only=True), WIDE, "3")


@BOTH
def test_scope_is_asked_for(picture, size):
    assert picture(app_over(start=StartScope()), size)


@BOTH
def test_help(picture, size):
    assert picture(app_over(), size, "question_mark")


@BOTH
def test_commands(picture, size):
    assert picture(app_over(), size, "colon", "n", "s")


@pytest.mark.parametrize(
    "keys",
    [
        ("2", "r"),
        ("2", "f", "e"),
        ("2", "end", "at"),
        ("2", "m"),
        ("S",),
        ("enter",),
        ("slash", "o", "p", "s"),
        ("5", "enter"),
    ],
    ids=["general-rule", "categories", "alias", "ip-mask", "save", "detail", "filter", "view-policy"],
)
def test_dialogs(picture, keys):
    assert picture(app_over(), NARROW, *keys)


@BOTH
def test_no_policy_for_the_host_network(picture, size):
    start = StartScope("kube-system", "DaemonSet", "agent", LAST_12_H)
    assert picture(app_over(start=start), size, "4")


@BOTH
def test_no_flows(picture, size):
    assert picture(app_over(full_feed([]), StartScope()), size, "escape")


def test_nothing_read_yet(picture):
    assert picture(app_over(Feed(), StartScope()), NARROW, "escape")
