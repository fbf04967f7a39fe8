"""The part of the app that opens the configuration, saves it to its file, and knows what is not saved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from textual.screen import Screen
from textual.worker import Worker

from netsec_tui.core.configure.changes import changes_between
from netsec_tui.core.configure.merge import merged
from netsec_tui.errors import NetsecError
from netsec_tui.model.config import Config
from netsec_tui.model.identity import PeerSort
from netsec_tui.model.review import Review
from netsec_tui.render.cells import wrap
from netsec_tui.render.literal import literal
from netsec_tui.render.spans import Line, Span
from netsec_tui.session.actions import Action, ConfigSaved
from netsec_tui.session.session import Session
from netsec_tui.ui.keymap import key_of
from netsec_tui.ui.screens.alias import AliasDialog
from netsec_tui.ui.screens.configuration.screen import ConfigurationScreen
from netsec_tui.ui.screens.configuration.settings import Settings
from netsec_tui.ui.screens.pages import Pages, text_width
from netsec_tui.ui.start import ConfigFileLike
from netsec_tui.ui.view import View

NO_FILE = "These inputs have no configuration file: start with --config FILE to keep the configuration."


class Host(Protocol):
    """What the desk needs of the app."""

    ascii_only: bool

    @property
    def session(self) -> Session:
        """Return the present session."""

    @property
    def screen(self) -> Screen[Any]:
        """Return the screen that is on top."""

    def apply(self, action: Action) -> bool:
        """Carry out an action and show what it changed."""

    def say(self, text: str, error: bool = False) -> None:
        """Put one sentence into the status line."""

    def call_after_refresh(self, callback: Callable[..., Any], *args: Any) -> bool:
        """Call something once everything that waits has been drawn."""

    def push_screen(self, screen: Any, callback: Any = None) -> Any:
        """Show a screen."""

    def run_worker(self, work: Any, *, group: str, exclusive: bool) -> Worker[Any]:
        """Run something beside the screen."""


class ConfigDesk:
    """Open the configuration screen over a session and write what was edited; ``file`` may be None."""

    def __init__(self, host: Host, file: ConfigFileLike | None) -> None:
        self.file = file
        self._host = host
        self._view = View()
        self._area = ""
        self._open: ConfigurationScreen | None = None
        self._found: dict[str, str] = {}

    def open(self, area: str = "") -> None:
        """Show the screen, at an area if one is named, else where the messages ask for something."""
        if self._open is not None:
            return
        self.locked()
        asked = next((message.part for message in self._view.warnings if message.part), "")
        first = area or asked or self._area
        self._open = ConfigurationScreen(self._settings(), self, self._host.ascii_only, first)
        self._host.push_screen(self._open, self._closed)

    def _closed(self, area: str | None) -> None:
        self._area, self._open = area or "", None

    def show(self, view: View) -> None:
        """Take another view, and give the screen what holds now."""
        self._view = view
        if self._open is not None:
            self._open.show(self._settings())

    def say(self, text: str, error: bool) -> bool:
        """Say something in the screen if it is open; tell whether it was."""
        if self._open is None or not self._open.is_there:
            return False
        self._open.say(text, error)
        return True

    def _settings(self) -> Settings:
        session = self._host.session
        return Settings(
            session.options.cluster or (self.file.cluster if self.file else ""),
            self.file.path if self.file else "",
            bool(self.file and self.file.exists),
            session.config,
            session.saved_config,
            session.options.locked,
            session.inventory,
            session.cluster(),
            self._view.review,
        )

    def name(self, address: str, alias: str) -> None:
        """Ask for the alias of an unresolved IP, or edit the one named."""
        session, review = self._host.session, self._view.review
        if locked := self.locked():
            self._host.say(locked, error=True)
            return
        config = session.config
        dialog = AliasDialog(
            address, config.alias_by_name.get(alias), config, session.inventory, _unresolved(review)
        )
        self._host.push_screen(dialog, lambda action: self._host.apply(action) if action else None)

    # The file

    def locked(self) -> str:
        """Look whether the configuration may be edited now; return why not, and let the session know."""
        session = self._host.session
        held, cluster = session.options.locked, session.options.cluster
        if held and held != self._found.get(cluster, ""):  # since the start, by what does not change
            return held
        found = self._found[cluster] = self.file.locked(flag=False) if self.file else ""
        if found != held:
            session.lock(found)
            self.show(self._view)
        return found

    @property
    def way_to_save(self) -> str:
        """Return how the configuration is saved, in brackets; empty when there is no file for it."""
        way = f"{key_of('configuration')}, then {key_of('config-save')}, saves it"
        return f" ({way})" if self.file else ""

    def save(self) -> None:
        """Write what was edited to the file, in a thread."""
        session = self._host.session
        if locked := self.locked():
            self._host.say(locked, error=True)
        elif self.file is None:
            self._host.say(NO_FILE, error=True)
        elif session.config == session.saved_config and self.file.exists:
            again = f"{key_of('config-read')} reads it again"
            self._host.say(f"Nothing to save: nothing was edited since {self.file.path} was read; {again}.")
        else:
            self._host.run_worker(self._write(session, self.file), group="config-save", exclusive=True)

    async def _write(self, session: Session, file: ConfigFileLike) -> None:
        base, mine = session.saved_config, session.config
        try:
            stands = await asyncio.to_thread(file.write, base, mine)
        except NetsecError as error:
            self._tell(f"Not saved; {key_of('config-read')} reads the file again.", [str(error)], error=True)
            return
        if self._host.session is not session:
            return
        edited = session.config
        # It may have been edited while it was being written.
        self._host.apply(ConfigSaved(stands, None if edited == mine else merged(mine, edited, stands)[0]))
        self._tell(f"Saved {file.path}.", _by_others(mine, stands))

    def read_again(self) -> None:
        """Take over what stands in the file by now, in a thread; edits that are not saved stay."""
        session = self._host.session
        if self.file is None:
            self._host.say(NO_FILE, error=True)
        elif not self.file.exists:
            there = f"{self.file.path} is not there: what is in force stays so"
            self._host.say(f"{there}, and {key_of('config-save')} writes it.", error=True)
        else:
            self._host.run_worker(self._read(session, self.file), group="config-save", exclusive=True)

    async def _read(self, session: Session, file: ConfigFileLike) -> None:
        mine = session.config
        try:
            read = await asyncio.to_thread(file.read_again, session.saved_config, mine)
        except NetsecError as error:
            self._host.say(f"Not read: {error}", error=True)
            return
        if self._host.session is not session:
            return
        edited = session.config
        kept = read.edited if edited == mine else merged(mine, edited, read.edited)[0]
        self._host.apply(ConfigSaved(read.stands, kept))
        left = "" if kept == read.stands else " Your other edits are not saved yet."
        clashes = [f"Edited by others too, so look again: {clash}" for clash in read.conflicts]
        self._tell(f"Read {file.path}.{left}", [*clashes, *_by_others(mine, read.edited)])

    def _tell(self, sentence: str, details: Sequence[str], *, error: bool = False) -> None:
        """Say what came of it; details are shown until they have been read."""
        # After what the screen itself says when its lines change.
        self._host.call_after_refresh(self._host.say, sentence, error)
        if details:
            width = text_width(self._host.screen.size.width)
            lines = [
                Line((Span(part),)) for text in (sentence, *details) for part in wrap(literal(text), width)
            ]
            self._host.push_screen(Pages("Configuration file", lines))


def _unresolved(review: Review | None) -> Iterator[str]:
    """Return the unresolved addresses of both tables."""
    for row in (*review.ingress.rows, *review.egress.rows) if review else ():
        peer = row.communication.peer
        if peer.sort is PeerSort.ADDRESS and peer.name:
            yield peer.name
        elif peer.sort is PeerSort.EXTERNAL:
            yield from row.communication.addresses


def _by_others(mine: Config, stands: Config) -> list[str]:
    """Name what is in force now because others have put it into the file."""
    return [f"In force now: {change}" for change in changes_between(mine, stands)]
