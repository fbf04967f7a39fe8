"""A review of nothing but rows that lack a namespace label: shown as allowed, and nothing to save or copy."""

from __future__ import annotations

import pytest

from netsec_tui.model.config import Config, LabelConfig, LabelFilter
from netsec_tui.session.session import Options, Session
from netsec_tui.ui.app import NetsecApp
from netsec_tui.ui.start import StartScope
from tests.ui.shop import LAST_12_H, NARROW, NEWEST, WIDE, full_feed, read_all, screen_text, status, talk

MESSAGE = "All communications are displayed as allowed because a policy can't be generated"


def app() -> NetsecApp:
    """Return the app over a workload that talks into a namespace without labels only."""
    keys = LabelFilter(include=("k8s*",), exclude=("kubernetes.io/metadata.name",))
    config = Config(labels=LabelConfig(namespace=keys))
    session = Session(Options(cluster="kind-shop", config=config), now=lambda: NEWEST)
    start = StartScope("shop", "Deployment", "checkout", LAST_12_H)
    return NetsecApp(session, full_feed(talk("checkout", "orders-db", 5432)), start=start)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["140x40", "80x24"])
async def test_it_says_why_at_the_top_and_shows_every_row_as_allowed(size):
    shown = app()
    async with shown.run_test(size=size) as pilot:
        await read_all(shown._intake._feed, pilot)
        assert any(MESSAGE[:40] in line for line in screen_text(shown).splitlines()[:3])
        await pilot.press("2")
        await read_all(shown._intake._feed, pilot)
        assert "2 allowed" in screen_text(shown)
        assert "0 not" in screen_text(shown)


@pytest.mark.parametrize("key", ["ctrl+s", "y", "d"])
async def test_nothing_is_saved_copied_or_compared_and_the_reason_is_said(key):
    shown = app()
    async with shown.run_test(size=WIDE) as pilot:
        await read_all(shown._intake._feed, pilot)
        await pilot.press(key)
        await read_all(shown._intake._feed, pilot)
        assert len(shown.screen_stack) == 1
        assert status(shown).startswith(MESSAGE)
