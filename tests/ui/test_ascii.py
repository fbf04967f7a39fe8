"""With ``--ascii`` nothing on the screen is drawn with other characters: panes, dialogs, scroll bars."""

import pytest

from tests.ui.shop import NARROW, WIDE, app_over, full_feed, screen_text, started, talk

_WALKS = (
    ("1", "down"),
    ("2",),
    ("3",),
    ("4", "down"),
    ("5", "v"),
    ("v", "v"),
    ("p",),
    ("escape", "d"),
    ("escape", "i"),
    ("escape", "1", "enter"),
    ("escape", "m"),
    ("escape", "r"),
    ("escape", "question_mark"),
    ("escape", "colon"),
    ("escape", "s"),
)
"""Keys pressed one after the other; the screen is read after each group."""


def _many_peers():
    flows = [flow for port in range(8000, 8040) for flow in talk("frontend", "checkout", port)]
    return full_feed(flows)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_nothing_but_ascii_is_drawn(size):
    app = app_over(_many_peers(), ascii_only=True)
    async with app.run_test(size=size) as pilot:
        await started(pilot)
        for keys in _WALKS:
            await pilot.press(*keys)
            await started(pilot)
            other = [line for line in screen_text(app).splitlines() if not line.isascii()]
            assert not other, keys
