"""What a review of the running product found wrong: waiting, refusing, asking back, and saying it in short."""

import pytest

from netsec_tui.ui.screens.confirm import Confirm
from netsec_tui.ui.screens.save import SaveDialog
from tests.ui.dialog_host import DialogHost

WIDE, NARROW = (140, 40), (80, 24)
BOTH = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["140x40", "80x24"])


class TestAskingBack:
    @pytest.mark.parametrize(("key", "answer"), [("y", True), ("enter", False), ("n", False), ("q", False)])
    async def test_only_y_is_yes(self, key, answer):
        app = DialogHost(Confirm("Quit", "Really?"))
        async with app.run_test(size=NARROW) as pilot:
            await pilot.press(key)
            await pilot.pause()
            assert app.answer is answer

    async def test_enter_twice_replaces_no_file(self, tmp_path):
        (tmp_path / "web.yaml").write_text("old\n")
        app = DialogHost(SaveDialog("web", "new\n"))
        async with app.run_test(size=NARROW) as pilot:
            await pilot.press("enter")
            while not isinstance(app.screen, Confirm):
                await pilot.pause()
            await pilot.press("enter")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert isinstance(app.screen, SaveDialog)
        assert (tmp_path / "web.yaml").read_text() == "old\n"
