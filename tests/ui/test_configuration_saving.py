"""Saving the configuration, locks, other editors of the file, and what is asked before edits are lost."""

from __future__ import annotations

import threading

import pytest

from netsec_tui.configuration.writing import ConfigFile
from netsec_tui.model.config import Config
from netsec_tui.model.decision import Alias
from netsec_tui.session.actions import SetAlias
from netsec_tui.session.session import Options, Session
from netsec_tui.ui.app import NetsecApp
from netsec_tui.ui.screens.configuration.screen import ConfigurationScreen
from netsec_tui.ui.screens.confirm import Confirm
from netsec_tui.ui.screens.pages import Pages
from netsec_tui.ui.screens.picker import Picker
from netsec_tui.ui.start import Connected
from tests.ui.config_host import (
    BOTH,
    CHOSEN,
    config_app,
    configure,
    press,
    said,
    top,
    words,
    write,
)
from tests.ui.shop import NARROW, NEWEST, WIDE, composed, full_feed, idle, screen_text, started, status, until


@pytest.fixture
def file(tmp_path):
    return tmp_path / "shop.yaml"


class TestSaving:
    async def test_edits_hold_at_once_and_are_written_on_request(self, file):
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot, "3", "a")
            await write(pilot, "10.0.0.0/16")
            await press(pilot, "enter")
            assert "not saved" in screen_text(app)
            assert not file.exists()
            await press(pilot, "S")
            assert "10.0.0.0/16" in file.read_text()
            assert "not saved" not in screen_text(app)
            assert str(file) in said(app)

    async def test_what_others_have_written_meanwhile_stays(self, file):
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot, "3", "a")
            await write(pilot, "10.0.0.0/16")
            await press(pilot, "enter")
            file.write_text("schema: 1\naliases:\n  web: {entries: [203.0.113.7]}\n")
            await press(pilot, "ctrl+s")
            assert app.session.config.aliases == (Alias("web", ("203.0.113.7/32",)),)
            assert app.session.config.pod_cidrs == ("10.0.0.0/16",)
            assert "203.0.113.7" in file.read_text()

    async def test_a_conflict_is_said_and_reading_again_leads_out_of_it(self, file):
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot, "3", "a")
            await write(pilot, "10.0.0.0/16")
            await press(pilot, "enter")
            app.apply(SetAlias(Alias("web", ("203.0.113.7/32",))))
            file.write_text("schema: 1\naliases:\n  web: {entries: [203.0.113.7], allowed: true}\n")
            await press(pilot, "S")
            assert isinstance(app.screen, Pages)
            assert "nothing is saved" in words(app)
            await press(pilot, "enter")
            assert "Not saved; R reads the file again" in said(app)
            assert "cidrs" not in file.read_text()
            await press(pilot, "R")
            assert "look again: alias 'web'" in words(app)
            await press(pilot, "enter")
            assert app.session.config.pod_cidrs == ("10.0.0.0/16",)
            await press(pilot, "S")
            assert "10.0.0.0/16" in file.read_text()
            assert "203.0.113.7" in file.read_text()

    @BOTH
    async def test_what_others_did_to_the_alias_under_the_cursor_is_shown_until_it_is_read(self, file, size):
        file.write_text("schema: 1\naliases:\n  q: {entries: [203.0.113.7]}\n")
        app = config_app(file)
        async with app.run_test(size=size) as pilot:
            await configure(pilot, "2")
            app.apply(SetAlias(Alias("q", ("203.0.113.7/32",), True)))
            file.write_text("schema: 1\naliases:\n  z: {entries: [203.0.113.7]}\n")
            await press(pilot, "R")
            assert "look again: alias 'q'" in words(app)
            assert "aliases.z.entries +203.0.113.7/32" in words(app)
            await press(pilot, "enter")
            assert f"Read {file}"[:40] in said(app)

    async def test_a_file_that_is_gone_is_said_and_written_anew_on_request(self, file):
        file.write_text("schema: 1\naliases:\n  q: {entries: [203.0.113.7]}\n")
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot, "2", "S")
            assert "nothing was edited" in said(app)
            file.unlink()
            await press(pilot, "R")
            assert "is not there" in said(app)
            assert [alias.name for alias in app.session.config.aliases] == ["q"]
            await press(pilot, "S")
            assert "203.0.113.7" in file.read_text()

    async def test_a_file_that_is_broken_meanwhile_loses_nothing(self, file):
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot, "3", "a")
            await write(pilot, "10.0.0.0/16")
            await press(pilot, "enter")
            file.write_text("schema: [\n")
            await press(pilot, "S", "enter")
            assert "Not saved" in said(app)
            assert file.read_text() == "schema: [\n"
            assert app.session.config.pod_cidrs == ("10.0.0.0/16",)
            assert "not saved" in screen_text(app)

    async def test_without_a_file_the_way_to_one_is_said(self):
        app = config_app(None)
        async with app.run_test(size=NARROW) as pilot:
            await configure(pilot, "S")
            assert "--config FILE" in said(app)

    @pytest.mark.parametrize(
        "keys",
        [("a",), ("space",), ("p",), ("2", "a"), ("2", "i"), ("2", "d"), ("3", "a"), ("3", "enter"), ("S",)],
        ids="-".join,
    )
    async def test_locked_every_edit_says_why_and_changes_nothing(self, file, keys):
        app = config_app(file, locked="The configuration is locked by --lock-config.")
        async with app.run_test(size=NARROW) as pilot:
            await configure(pilot)
            assert "locked" in screen_text(app)
            await press(pilot, *keys)
            assert "locked by --lock-config" in said(app)
            assert isinstance(app.screen, ConfigurationScreen)
            assert app.session.config == Config()
            assert not file.exists()

    async def test_a_file_that_must_not_be_written_meanwhile_is_looked_at_again(self, file):
        file.write_text("schema: 1\n")
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot, "3", "a")
            await write(pilot, "10.0.0.0/16")
            file.chmod(0o444)
            await press(pilot, "enter")
            assert "must not be written" in said(app)
            assert app.session.config == Config()
            assert " locked" in top(app)
            await press(pilot, "a")
            assert "must not be written" in said(app)
            assert isinstance(app.screen, ConfigurationScreen)
            await press(pilot, "escape", "2", "end", "at")
            assert "must not be written" in status(app)
            file.chmod(0o644)
            await press(pilot, "C", "3", "a")
            await write(pilot, "10.0.0.0/16")
            await press(pilot, "enter")
            assert app.session.config.pod_cidrs == ("10.0.0.0/16",)

    async def test_the_heading_names_the_cluster_of_the_file_where_the_input_has_no_name(self, file):
        app = config_app(file, cluster="")
        async with app.run_test(size=NARROW) as pilot:
            await configure(pilot)
            assert "Configuration of kind-shop" in top(app)

    async def test_the_heading_tells_whether_there_is_a_file_yet(self, file):
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot)
            assert "no file yet" in top(app)
            assert "kind-shop" in top(app)
            await press(pilot, "3", "a")
            await write(pilot, "10.0.0.0/16")
            await press(pilot, "enter")
            assert "not saved" in top(app)
            await press(pilot, "S")
            assert " saved" in top(app)
            assert "no file yet" not in top(app)

    async def test_quitting_asks_about_what_is_not_saved_and_not_after_saving(self, file):
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot, "3", "a")
            await write(pilot, "10.0.0.0/16")
            await press(pilot, "enter", "escape", "q")
            assert isinstance(app.screen, Confirm)
            assert "The configuration was edited" in words(app)
            await press(pilot, "n", "C", "S", "escape", "q")
            assert app.return_code == 0


class Clusters:
    """Two contexts, each with a file of its own."""

    def __init__(self, folder):
        self._folder = folder
        self.reached = threading.Event()
        self.reached.set()

    def settled(self):
        return ""

    def names(self):
        return ("one", "two")

    def connect(self, name):
        self.reached.wait()
        session = Session(Options(cluster=name), now=lambda: NEWEST)
        return Connected(session, full_feed(), ConfigFile(self._folder / f"{name}.yaml"))


async def reached(pilot, name):
    """Wait until a cluster is the one that is looked at and is read, and what it asks first is there."""

    def read():
        session = pilot.app.session
        return session.options.cluster == name and session.workloads()

    await until(pilot, read)
    await idle(pilot)


class TestAnotherCluster:
    async def test_the_file_and_what_is_not_saved_change_with_the_cluster(self, tmp_path):
        clusters = Clusters(tmp_path)
        first = clusters.connect("one")
        app = NetsecApp(first.session, first.feed, start=CHOSEN, clusters=clusters, file=first.file)
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await press(pilot, "C", "3", "a")
            await write(pilot, "10.0.0.0/16")
            await press(pilot, "enter", "escape", "c", *"two", "enter")
            await reached(pilot, "two")
            while isinstance(app.screen, Picker):
                await press(pilot, "escape")
            await press(pilot, "C")
            assert "/two.yaml " in words(app)
            assert app.session.config == Config()
            # What is not saved of the first is kept, and asked about before the end.
            await press(pilot, "escape", "q")
            assert isinstance(app.screen, Confirm)
            assert "one: The configuration was edited" in words(app)
            await press(pilot, "n", "c", *"one", "enter")
            await reached(pilot, "one")
            while isinstance(app.screen, Picker):
                await press(pilot, "escape")
            await press(pilot, "C")
            assert "/one.yaml " in words(app)
            assert app.session.config != Config()

    async def test_what_was_opened_for_a_cluster_closes_when_another_is_reached(self, tmp_path):
        clusters = Clusters(tmp_path)
        first = clusters.connect("one")
        app = NetsecApp(first.session, first.feed, start=CHOSEN, clusters=clusters, file=first.file)
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            clusters.reached.clear()
            await pilot.press("c")
            await idle(pilot)
            await pilot.press(*"two", "enter")
            await until(pilot, lambda: "Connecting to two" in status(app))
            for key in "C3a":
                await pilot.press(key)
                await composed(pilot)
            assert app.screen.is_modal
            assert isinstance(app.screen_stack[1], ConfigurationScreen)
            clusters.reached.set()
            await until(pilot, lambda: isinstance(app.screen, Picker))
            assert app.session.options.cluster == "two"
            assert app.screen_stack[1:] == [app.screen]

    async def test_what_is_said_before_the_screen_is_laid_out_is_said_behind_it(self, tmp_path):
        first = Clusters(tmp_path).connect("one")
        app = NetsecApp(first.session, first.feed, start=CHOSEN, file=first.file)
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            app.action_configuration()
            app.say("A source has come back")
            await started(pilot)
            assert status(app) == "A source has come back"

    async def test_a_screen_that_is_being_taken_down_draws_nothing(self, tmp_path):
        first = Clusters(tmp_path).connect("one")
        app = NetsecApp(first.session, first.feed, start=CHOSEN, file=first.file)
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await press(pilot, "C")
            closing = app.screen
            closing.dismiss(None)
            # Widgets go one after the other, while what a feed tells is drawn.
            await closing.query_one("#heading").remove()
            closing.show(closing._settings)
            assert not closing.is_there
