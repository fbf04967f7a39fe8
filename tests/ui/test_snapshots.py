"""Every screen as a picture, wide and narrow, and the main screen in light, contrast and without colour."""

from pathlib import Path

import pytest

from netsec_tui.sources.contract import SourceStatus
from netsec_tui.ui.screens.confirm import Confirm
from netsec_tui.ui.start import StartScope
from tests.ui.shop import LAST_12_H, Feed, app_over, composed, full_feed, idle, started

WIDE, NARROW = (140, 40), (80, 24)
BOTH = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["140x40", "80x24"])


@pytest.fixture
def picture(snap_compare):
    """Compare the screen after some keys with its snapshot; a screen among them is waited for."""

    async def step(pilot, key):
        if isinstance(key, str):
            await pilot.press(key)
        while not isinstance(key, str) and not isinstance(pilot.app.screen, key):
            await pilot.pause(0.01)
        await composed(pilot)

    def compare(app, size, *keys):
        async def press(pilot):
            await started(pilot)
            for key in keys:
                await step(pilot, key)
            await idle(pilot)

        return snap_compare(app, terminal_size=size, run_before=press)

    return compare


@BOTH
def test_ingress(picture, size):
    assert picture(app_over(), size)


@BOTH
@pytest.mark.parametrize("pane", ["2", "3", "4", "5"], ids=["egress", "topology", "policy", "applied"])
def test_other_panes(picture, pane, size):
    assert picture(app_over(), size, pane)


@BOTH
def test_applied_policies_of_the_namespace(picture, size):
    assert picture(app_over(), size, "5", "v", "v", "v")


@BOTH
def test_topology_with_its_detail(picture, size):
    assert picture(app_over(), size, "3", "down", "right")


@BOTH
def test_topology_alone(picture, size):
    assert picture(app_over(), size, "3", "z")


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


@BOTH
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
        ("space", "q"),
        ("p",),
    ],
    ids=[
        "general-rule",
        "categories",
        "alias",
        "ip-mask",
        "save",
        "detail",
        "filter",
        "view-policy",
        "quit",
        "proof",
    ],
)
def test_dialogs(picture, keys, size):
    assert picture(app_over(), size, *keys)


@BOTH
def test_overwriting_is_asked_about(picture, size):
    Path("deployment-checkout.yaml").write_text("old\n")
    assert picture(app_over(), size, "S", "enter", Confirm)


@BOTH
def test_no_policy_for_the_host_network(picture, size):
    start = StartScope("kube-system", "DaemonSet", "agent", LAST_12_H)
    assert picture(app_over(start=start), size, "4")


@BOTH
def test_no_flows(picture, size):
    assert picture(app_over(full_feed([]), StartScope()), size)


@BOTH
def test_nothing_read_yet(picture, size):
    assert picture(app_over(Feed(), StartScope()), size)


@BOTH
def test_nothing_can_be_read(picture, size):
    failing = SourceStatus("cluster", live=True, error="the API server at 10.1.1.1 does not answer")
    assert picture(app_over(Feed(failing), StartScope()), size)


@BOTH
def test_a_workload_is_not_there(picture, size):
    assert picture(app_over(start=StartScope("shop", "Deployment", "nosuch", LAST_12_H)), size)
