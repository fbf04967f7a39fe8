"""Keys that come in one burst, faster than the screen paints: each is for what the key before it opened."""

from pathlib import Path

import pytest
from textual.events import Key

from netsec_tui.ui.screens.main import MainScreen
from netsec_tui.ui.screens.save import SaveDialog
from tests.ui.demo_host import NARROW, WIDE, Operator, opened
from tests.ui.dialog_host import NOTHING_YET, DialogHost
from tests.ui.shop import until

_CHARACTERS = {"tab": "\t", "space": " ", "slash": "/"}

_LEAVING = (
    ("2", ("tab", "space")),
    ("1", ("3", "space")),
    ("1", ("4", "space")),
    ("2", ("tab", "tab", "space")),
    ("2", ("5", "space")),
    ("2", ("slash", "space")),
)
"""The pane to start in, and keys of which none may reach its rows."""


async def _burst(operator: Operator, *keys: str) -> None:
    """Send keys as a terminal does when they arrive together: nothing is waited for."""
    for key in keys:
        operator.app.post_message(Key(key, _CHARACTERS.get(key, key)))
    await operator.press()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
class TestABurst:
    async def test_ticks_nothing_in_the_pane_that_it_leaves(self, size):
        async with opened(size) as operator:
            await operator.choose("shop", "Deployment", "orders")
            before = operator.app.session.decisions
            for start, keys in _LEAVING:
                await operator.press(start, "home")
                await _burst(operator, *keys)
                assert operator.app.session.decisions == before, (start, keys)
                await operator.press("escape")  # leaves what the key opened
                assert isinstance(operator.app.screen, MainScreen)

    async def test_is_for_the_pane_that_it_enters(self, size):
        async with opened(size) as operator:
            await operator.choose("shop", "Deployment", "orders")
            await operator.press("2", "home")
            row = operator.rows("egress")[0]
            await operator.press("1")
            await _burst(operator, "2", "space")
            assert operator.rows("egress")[0].peer == row.peer
            assert operator.rows("egress")[0].box != row.box
            await operator.press("1")
            await _burst(operator, "2", "m")
            assert "Allow egress to IP mask" in operator.screen()

    async def test_goes_through_the_panes_one_by_one_and_is_typed_into_the_search(self, size):
        async with opened(size) as operator:
            await operator.choose("shop", "Deployment", "orders")
            await operator.press("1")
            await _burst(operator, "tab", "tab", "tab")
            assert operator.app.focused in operator.app.screen.query("#policy *")
            await operator.press("2")
            await _burst(operator, "slash", "space", "w", "e", "q")
            assert operator.app.focused.value == " weq"


@pytest.mark.parametrize(
    ("keys", "saved"),
    [
        (("tab", "space", "enter"), "# seen\na: b\n"),
        (("tab", "space", "space", "enter"), "a: b\n"),
        (("tab", "tab", "l", "enter"), "a: b\n"),
        (("tab", "shift+tab", "l", "tab", "space", "enter"), "# seen\na: b\n"),
    ],
    ids=str,
)
async def test_a_burst_in_a_dialog_is_for_what_each_tab_leads_to(tmp_path, keys, saved):
    path = tmp_path / "x.yam"
    app = DialogHost(SaveDialog("web", "a: b\n", path=str(path), commented="# seen\na: b\n"))
    async with app.run_test() as pilot:
        for key in keys:
            app.post_message(Key(key, _CHARACTERS.get(key, key if len(key) == 1 else None)))
        await until(pilot, lambda: app.answer is not NOTHING_YET)
    assert app.answer == str(tmp_path / ("x.yaml" if "l" in keys else "x.yam"))
    assert Path(app.answer).read_text() == saved
