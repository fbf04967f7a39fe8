"""An app that shows one dialog and keeps its answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from textual.app import App
from textual.screen import Screen

from netsec_tui.ui.stylesheets import stylesheets
from netsec_tui.ui.themes import DARK, variable_defaults
from tests.ui.shop import composed

NOTHING_YET = object()


class DialogHost(App[None]):
    """Show a dialog; ``answer`` is NOTHING_YET while it is open."""

    CSS_PATH = stylesheets()
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, dialog: Screen[Any]) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.theme = DARK.name
        self.dialog = dialog
        self.answer: Any = NOTHING_YET

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return variable_defaults(self.current_theme)

    def on_mount(self) -> None:
        self.push_screen(self.dialog, self.keep)

    @asynccontextmanager
    async def run_test(self, **options: Any) -> AsyncIterator[Any]:
        """Begin when the dialog has all its widgets: a key that comes before is lost."""
        async with super().run_test(**options) as pilot:
            await composed(pilot)
            yield pilot

    def keep(self, answer: Any) -> None:
        self.answer = answer

    def text(self) -> str:
        """Return what the dialog says, without the main screen under it."""
        return "\n".join(
            "".join(segment.text for segment in strip) for strip in self.screen._compositor.render_strips()
        )


async def type_text(pilot: Any, text: str) -> None:
    """Type into what has the keyboard."""
    for character in text:
        await pilot.press("space" if character == " " else character)
