"""The configuration, whole: labels, unresolved IPs, ranges; what is in force, and saving it to its file."""

from __future__ import annotations

from typing import Protocol

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Static

from netsec_tui.render.cells import cell_width, fit
from netsec_tui.render.literal import literal
from netsec_tui.ui.keymap import Place, bindings, key_of
from netsec_tui.ui.messages import Say
from netsec_tui.ui.screens.configuration.addresses import AddressesArea
from netsec_tui.ui.screens.configuration.area import Area
from netsec_tui.ui.screens.configuration.labels import LabelsArea
from netsec_tui.ui.screens.configuration.ranges import RangesArea
from netsec_tui.ui.screens.configuration.settings import Settings
from netsec_tui.ui.screens.confirm import Confirm
from netsec_tui.ui.screens.help import HelpScreen
from netsec_tui.ui.screens.help_entries import help_entries
from netsec_tui.ui.widgets.status_line import StatusLine
from netsec_tui.ui.widgets.view_strip import ViewStrip

AREAS = {"labels": "1 Workload labels", "addresses": "2 Unresolved IPs", "ranges": "3 Cluster CIDRs"}
"""The areas of the documents by their identifiers, in their order, with the keys that open them."""

_HARMLESS = frozenset({"export", "effect", "drop"})
"""What may be done although the configuration is locked."""

WIDE = 110


class Desk(Protocol):
    """Keep the configuration."""

    def locked(self) -> str:
        """Look whether it may be edited now, and return why not."""

    def save(self) -> None:
        """Write it to its file."""

    def read_again(self) -> None:
        """Take over what stands in the file."""


class ConfigurationScreen(Screen[str]):
    """Show the configuration of a cluster in three areas; leaving gives the area that was open."""

    BINDINGS = bindings(Place.CONFIGURATION)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]
    AUTO_FOCUS = ""

    def __init__(
        self,
        settings: Settings,
        desk: Desk,
        ascii_only: bool = False,
        area: str = "",
    ) -> None:
        super().__init__()
        self._settings = settings
        self._desk = desk
        self._ascii = ascii_only
        self._at = area if area in AREAS else next(iter(AREAS))

    def compose(self) -> ComposeResult:
        """Lay out the lines and areas."""
        yield Static(id="heading")
        yield ViewStrip(tuple(AREAS.values()))
        yield LabelsArea("labels")
        yield AddressesArea("addresses")
        yield RangesArea("ranges")
        yield StatusLine(self._ascii)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Open the first area."""
        self.action_area(self._at)
        self.show(self._settings)

    @property
    def is_there(self) -> bool:
        """Tell whether it has its widgets: not before it is laid out, nor while it is taken down."""
        return bool(self.children) and self in self.app.screen_stack

    def on_resize(self) -> None:
        """Write the heading for the new width."""
        if self.is_there:
            self._head()

    def show(self, settings: Settings) -> None:
        """Draw what holds now."""
        self._settings = settings
        if not self.is_there:
            return
        self._head()
        for area in self.query(Area):
            area.show(settings)
        self.refresh_bindings()

    def say(self, text: str, error: bool = False) -> None:
        """Put one sentence into the status line."""
        self.query_one(StatusLine).say(text, error)

    @on(Say)
    def _say(self, event: Say) -> None:
        event.stop()
        self.say(event.text, event.error)

    def _head(self) -> None:
        settings, width = self._settings, self.app.size.width - 2
        state, style = _state(settings)
        title = f"Configuration of {literal(settings.cluster)}" if settings.cluster else "Configuration"
        path = literal(settings.path) if settings.path else "no file"
        room = max(width - cell_width(title) - cell_width(state) - 4, 0)
        parts = [(title, "bold"), ("  ", ""), (fit(path, room), "$muted"), ("  ", ""), (state, style)]
        self.query_one("#heading", Static).update(Content.assemble(*parts))

    # Areas

    @property
    def area(self) -> Area:
        """Return the area that is open."""
        return self.query_one(f"#{self._at}", Area)

    def action_area(self, name: str) -> None:
        """Open an area and give it the keyboard."""
        self._at = name
        for identifier in AREAS:
            self.query_one(f"#{identifier}").display = identifier == name
        self.query_one(ViewStrip).show(AREAS[name])
        self.area.take_focus()
        target = self.area.target
        self.say(self.area.hint(target) if target.group else "")
        self.refresh_bindings()

    def action_next_area(self, step: int) -> None:
        """Open the area after or before this one."""
        names = list(AREAS)
        self.action_area(names[(names.index(self._at) + step) % len(names)])

    @on(ViewStrip.Chosen)
    def _chosen(self, event: ViewStrip.Chosen) -> None:
        self.action_area(next(name for name, title in AREAS.items() if title == event.name))

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave out of the footer what means nothing in the area that is open."""
        if action != "setting" or not self.query(f"#{self._at}"):
            return True
        return parameters[0] in self.area.acts

    def action_setting(self, name: str) -> None:
        """Do something in the open area, or say why nothing must be changed."""
        locked = "" if name in _HARMLESS else self._desk.locked()
        if locked:
            self.say(locked, error=True)
        else:
            self.area.acts[name]()

    def action_save(self) -> None:
        """Write the configuration to its file; a draft is not part of it."""
        if self._drafted:
            accept, drop = key_of("label-accept"), key_of("label-drop")
            way = f"accept it ({accept}) or drop it ({drop}) first"
            self.say(f"The draft of the labels is not in force: {way}.", error=True)
        else:
            self._desk.save()

    def action_read_again(self) -> None:
        """Take over what others have put into the file since it was read."""
        self._desk.read_again()

    def action_help(self) -> None:
        """Show all keys."""
        self.app.push_screen(HelpScreen(help_entries(Place.CONFIGURATION)))

    def action_close(self) -> None:
        """Leave; a draft that would be lost is asked about."""
        if not self._drafted:
            self.dismiss(self._at)
            return
        question = Confirm("Draft of the labels", "It is not in force and will be dropped. Leave?")

        def answered(yes: bool | None) -> None:
            if yes:
                self.dismiss(self._at)

        self.app.push_screen(question, answered)

    @property
    def _drafted(self) -> bool:
        return self.query_one(LabelsArea).draft is not None

    @on(LabelsArea.Drafted)
    def _draft_changed(self) -> None:
        self.refresh_bindings()


def _state(settings: Settings) -> tuple[str, str]:
    """Say how what is in force stands to the file, with the colour of it."""
    if settings.locked:
        return "locked", "bold $text-warning"
    if settings.edited:
        return "not saved", "bold $text-warning"
    if not settings.path:
        return "kept nowhere", "$muted"
    return ("saved" if settings.exists else "no file yet"), "$muted"
