"""What the three areas share: a list of settings with a cursor, and what the keys ask of an area."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message

from netsec_tui.errors import NetsecError
from netsec_tui.model.config import Config
from netsec_tui.model.configuring import Edited
from netsec_tui.render.spans import Line, SettingTarget
from netsec_tui.session.actions import Action, Configure
from netsec_tui.ui.messages import Decide, Say
from netsec_tui.ui.screens.configuration.settings import Settings
from netsec_tui.ui.widgets.line_scroll import MOVES
from netsec_tui.ui.widgets.line_view import LineView

NOT_HERE = "Nothing to do here: move to a line that can be changed."


class SettingList(LineView, inherit_bindings=False):
    """Show settings; enter and space are left to the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *MOVES,
        Binding("left,h", "side(-1)", "Left", False, tooltip="Scroll to the left", id="lines.left"),
        Binding("right,l", "side(1)", "Right", False, tooltip="Scroll to the right", id="lines.right"),
    ]

    def go_to(self, target: SettingTarget) -> bool:
        """Put the cursor on a setting, and tell whether there is such a line."""
        number = next((at for at, line in enumerate(self._lines) if line.target == target), None)
        if number is not None:
            self.move_cursor(number)
        return number is not None

    class Resized(Message):
        """Tell that lines have to be laid out for another width."""

    def on_resize(self, event: events.Resize) -> None:
        """Keep the cursor in view and ask for other lines."""
        super().on_resize(event)
        self.post_message(self.Resized())


class Area(Container):
    """Show one part of the configuration and change it; ``show`` comes first.

    The cursor goes to ``wanted``, what was just added, as soon as there is a line for it. The screen calls
    what changes the configuration only while that is not locked.
    """

    def __init__(self, identifier: str) -> None:
        super().__init__(id=identifier, classes="area")
        self.settings: Settings | None = None
        self.wanted: SettingTarget | None = None

    def compose(self) -> Any:
        """Return the list."""
        yield SettingList()

    def show(self, settings: Settings) -> None:
        """Draw what holds now."""
        self.settings = settings
        self.draw()

    @on(SettingList.Resized)
    def _resized(self, event: SettingList.Resized) -> None:
        event.stop()
        self.draw()

    def draw(self) -> None:
        """Give the list its lines, once it is there."""
        if not self.children:
            return
        width = self.setting_list.scrollable_content_region.width
        if self.settings is not None and width > 0:
            self.setting_list.set_lines(self.lines(self.settings, width))
            if self.wanted is not None and self.setting_list.go_to(self.wanted):
                self.wanted = None

    def lines(self, settings: Settings, width: int) -> Sequence[Line]:
        """Return the lines of the list."""
        raise NotImplementedError

    def hint(self, target: SettingTarget) -> str:
        """Say what can be done with the line under the cursor."""
        raise NotImplementedError

    @property
    def acts(self) -> Mapping[str, Callable[[], None]]:
        """Return what can be done here now, by the names that the keys have for it."""
        return {"add": self.add_setting, "edit": self.edit_setting, "remove": self.remove_setting}

    @property
    def setting_list(self) -> SettingList:
        """Return the list of settings."""
        return self.query_one(SettingList)

    @property
    def config(self) -> Config:
        """Return the configuration that is edited here: the one in force."""
        return self.settings.config if self.settings else Config()

    @property
    def target(self) -> SettingTarget:
        """Return the setting under the cursor."""
        target = self.setting_list.target
        return target if isinstance(target, SettingTarget) else SettingTarget("")

    def take_focus(self) -> None:
        """Give the keyboard to the list."""
        self.screen.set_focus(self.setting_list)

    # What the keys ask

    def add_setting(self) -> None:
        """Add something to the group under the cursor."""
        raise NotImplementedError

    def edit_setting(self) -> None:
        """Edit what is under the cursor."""
        raise NotImplementedError

    def remove_setting(self) -> None:
        """Remove what is under the cursor."""
        raise NotImplementedError

    # What areas do

    def say(self, text: str, error: bool = False) -> None:
        """Put one sentence into the status line."""
        self.post_message(Say(text, error))

    def decide(self, action: Action | None) -> None:
        """Ask the app to carry out an action, if there is one."""
        if action is not None:
            self.post_message(Decide(action))

    def attempt(self, change: Callable[[], Edited]) -> None:
        """Put a changed configuration in force and say what there is to know, or say why it cannot be."""
        try:
            edited = change()
        except NetsecError as error:
            self.say(str(error), error=True)
            return
        self.decide(Configure(edited.config))
        self.say(". ".join(edited.notes))

    @on(LineView.TargetFocused)
    def _focused(self, event: LineView.TargetFocused) -> None:
        event.stop()
        if isinstance(event.target, SettingTarget):
            self.say(self.hint(event.target))

    @on(LineView.TargetActivated)
    def _activated(self, event: LineView.TargetActivated) -> None:
        event.stop()
        self.run_worker(self.screen.run_action("setting('edit')"))
