"""The app over the small cluster with a configuration file, and ways to reach and read the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from netsec_tui.configuration.writing import ConfigFile
from netsec_tui.model.config import Config, LabelConfig, LabelFilter
from netsec_tui.model.decision import Alias
from netsec_tui.session.session import Options, Session
from netsec_tui.ui.app import NetsecApp
from netsec_tui.ui.screens.configuration.screen import ConfigurationScreen
from netsec_tui.ui.start import StartScope
from netsec_tui.ui.widgets.status_line import StatusLine
from tests.ui.shop import (
    LAST_12_H,
    NARROW,
    NEWEST,
    WIDE,
    Feed,
    composed,
    full_feed,
    idle,
    screen_text,
    started,
)

CHOSEN = StartScope("shop", "Deployment", "checkout", LAST_12_H)
BOTH = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["140x40", "80x24"])
PROXIES = Alias("proxies", ("203.0.113.7/32", "203.0.113.8/32"))


def excluding(*patterns: str) -> Config:
    """Return a configuration that excludes label keys of workloads."""
    return Config(labels=LabelConfig(workload=LabelFilter(exclude=patterns)))


def config_app(
    file: Path | None,
    *,
    feed: Feed | None = None,
    locked: str = "",
    start: StartScope = CHOSEN,
    ascii_only: bool = False,
    theme: str = "netsec-dark",
    cluster: str = "kind-shop",
) -> NetsecApp:
    """Return the app with the configuration of a file, or with none."""
    kept = ConfigFile(file, "kind-shop") if file else None
    config = kept.read() if kept else Config()
    session = Session(Options(cluster=cluster, config=config, locked=locked), now=lambda: NEWEST)
    return NetsecApp(session, feed or full_feed(), start=start, file=kept, ascii_only=ascii_only, theme=theme)


async def press(pilot: Any, *keys: str) -> None:
    """Press keys one by one, and wait each time until nothing runs beside the screen."""
    for key in keys:
        await pilot.press(key)
        await idle(pilot)


async def write(pilot: Any, text: str) -> None:
    """Type into what has the keyboard."""
    await pilot.press(*("space" if character == " " else character for character in text))
    await composed(pilot)


async def configure(pilot: Any, *keys: str) -> None:
    """Wait for the main screen, open the configuration, and press keys in it."""
    await started(pilot)
    await press(pilot, "C", *keys)


async def go_to(pilot: Any, text: str) -> None:
    """Move the cursor down from the top of the open area to the first line that has a text."""
    await press(pilot, "g")
    for _ in range(60):
        area = pilot.app.screen.area
        number = area.setting_list.cursor
        if number is not None and text in area.setting_list.line_at(number).text:
            return
        await press(pilot, "j")
    raise AssertionError(f"no line with {text}\n{screen_text(pilot.app)}")


def said(app: NetsecApp) -> str:
    """Return what the status line of the configuration says."""
    screen = next(s for s in app.screen_stack if isinstance(s, ConfigurationScreen))
    return screen.query_one(StatusLine).text


def words(app: NetsecApp) -> str:
    """Return the text of the screen with one blank between words, lines and frames left out."""
    return " ".join(screen_text(app).replace("│", " ").split())


def top(app: NetsecApp) -> str:
    """Return the first lines of the screen, where messages stand before they are opened."""
    return "\n".join(screen_text(app).splitlines()[:4])
