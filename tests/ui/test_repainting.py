"""Whatever was hidden, covered or resized while its content changed: drawn is what the session holds."""

import random
from collections import Counter

import pytest

from netsec_tui.model.identity import Direction
from netsec_tui.render.row_cells import checkbox
from netsec_tui.ui.screens.main import MainScreen
from tests.ui.demo_host import NARROW, WIDE, Operator, demo_app

_SIZES = {"wide": WIDE, "narrow": NARROW, "smallest with all panes": (120, 32)}

_HIDING = ("z", "z", "1", "2", "3", "4", "5", "tab", "shift+tab", *_SIZES)
_COVERING = ("f", "r", "p", "escape", "escape", "escape")
_CHANGING = ("space", "space", "down", "u", "A", "a", "O", "I", "w")


async def _opened(pilot):
    operator = Operator(pilot.app, pilot)
    await operator.until(lambda: "prometheus" in operator.screen(), "the tables are filled")
    return operator


def _painted(screen):
    return [strip.text.rstrip() for strip in screen._compositor.render_strips()]


def _painted_anew(screen):
    """Paint all that a screen shows as if nothing of it had been painted before."""
    for widget in screen.walk_children():
        widget._styles_cache.clear()
    return _painted(screen)


def _boxes(app, direction):
    """Return the checkbox and the port of each row that the session has."""
    return Counter((checkbox(row).text, row.key.port) for row in app.session.review().of(direction).rows)


def _drawn_boxes(operator, direction):
    ports = ((row.box, row.port.partition("/")) for row in operator.rows(direction.value))
    return Counter((box, int(number) if protocol else 0) for box, (number, protocol, _) in ports)


async def test_a_decision_taken_back_while_another_pane_has_the_screen_is_seen_when_it_is_shared_again():
    app = demo_app("-n", "shop", "deploy/web", "--since", "all")
    async with app.run_test(size=WIDE) as pilot:
        operator = await _opened(pilot)
        await operator.press("1", "down", "space")
        assert "4 rows · 0 allowed" in operator.pane("ingress")
        await operator.press("4", "z", "u", "z")
        assert "4 rows · 1 allowed" in operator.pane("ingress")
        assert "unticked by" not in operator.pane("ingress")


@pytest.mark.parametrize("seed", range(4))
async def test_no_key_leaves_on_the_screen_what_is_no_more(seed):
    chance, told = random.Random(seed), []
    app = demo_app("-n", "shop", "deploy/web", "--since", "all")
    async with app.run_test(size=WIDE) as pilot:
        operator = await _opened(pilot)
        for _ in range(30):
            key = chance.choice((*_HIDING, *_COVERING, *_CHANGING, *_CHANGING))
            told.append(key)
            if key in _SIZES:
                await pilot.resize_terminal(*_SIZES[key])
            await operator.press(*(() if key in _SIZES else (key,)))
            for screen in app.screen_stack:
                assert _painted(screen) == _painted_anew(screen), told
            if isinstance(app.screen, MainScreen):
                for direction in Direction:
                    assert not _drawn_boxes(operator, direction) - _boxes(app, direction), told
