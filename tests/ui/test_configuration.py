"""The configuration screen by keys and mouse: three areas, saving, locks, what is asked before it is lost."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from netsec_tui.configuration.writing import ConfigFile
from netsec_tui.model.config import Config, DiscoveredRange, LabelConfig, LabelFilter, RangeKind
from netsec_tui.model.decision import Alias
from netsec_tui.session.actions import SetAlias
from netsec_tui.session.session import Options, Session
from netsec_tui.ui.app import NetsecApp
from netsec_tui.ui.screens.configuration.screen import ConfigurationScreen
from netsec_tui.ui.screens.confirm import Confirm
from netsec_tui.ui.screens.pages import Pages
from netsec_tui.ui.screens.picker import Picker
from netsec_tui.ui.start import Connected, StartScope
from netsec_tui.ui.widgets.view_strip import ViewStrip
from tests.ui.config_host import CHOSEN, config_app, configure, go_to, press, said, write
from tests.ui.shop import NARROW, NEWEST, WIDE, cluster, full_feed, idle, screen_text, status

BOTH = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["140x40", "80x24"])
PROXIES = Alias("proxies", ("203.0.113.7/32", "203.0.113.8/32"))


def excluding(*patterns):
    return Config(labels=LabelConfig(workload=LabelFilter(exclude=patterns)))


def words(app):
    """Return the text of the screen with one blank between words, lines and frames left out."""
    return " ".join(screen_text(app).replace("│", " ").split())


@pytest.fixture
def file(tmp_path):
    return tmp_path / "shop.yaml"


class TestAreas:
    @BOTH
    async def test_keys_tab_and_mouse_open_the_areas(self, file, size):
        app = config_app(file)
        async with app.run_test(size=size) as pilot:
            await configure(pilot)
            assert "Labels of workloads" in screen_text(app)
            await press(pilot, "tab")
            assert "Aliases of unresolved IPs" in screen_text(app)
            await press(pilot, "3")
            assert "10.96.0.0/16" in screen_text(app)
            await pilot.click(ViewStrip, offset=(3, 0))
            assert "Labels of workloads" in screen_text(app)
            await press(pilot, "escape")
            assert not isinstance(app.screen, ConfigurationScreen)

    async def test_a_second_click_edits_what_was_clicked(self, file):
        file.write_text("schema: 1\naliases:\n  one: {entries: [203.0.113.0/24]}\n")
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot, "2")
            for _ in range(2):
                await pilot.click(app.screen.area.setting_list, offset=(5, 1))
                await idle(pilot)
            assert "Alias one" in screen_text(app)

    async def test_it_opens_without_a_workload(self, file):
        app = config_app(file, start=StartScope())
        async with app.run_test(size=NARROW) as pilot:
            await pilot.pause()
            await idle(pilot)
            await press(pilot, "escape", "C", "2", "a")
            await write(pilot, "one")
            await press(pilot, "tab")
            await write(pilot, "192.0.2.1")
            await press(pilot, "enter")
            assert app.session.config.aliases == (Alias("one", ("192.0.2.1/32",)),)
            await press(pilot, "space")
            assert app.session.config.aliases[0].allowed

    async def test_its_help_starts_with_its_own_keys(self, file):
        app = config_app(file)
        async with app.run_test(size=NARROW) as pilot:
            await configure(pilot, "question_mark")
            assert "Go to the workload labels" in screen_text(app)
            assert "Choose another cluster" not in screen_text(app)

    async def test_the_palette_knows_it(self, file):
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await pilot.pause()
            await idle(pilot)
            await pilot.press("colon", *"config", "enter")
            await idle(pilot)
            assert isinstance(app.screen, ConfigurationScreen)

    async def test_names_from_the_cluster_are_shown_literally(self, file):
        odd = cluster()
        odd = replace(odd, namespaces={**odd.namespaces, "x": (("[red]k[/red]", "\x1b[31m"),)})
        app = config_app(file, feed=full_feed(inventory=odd))
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot)
            assert "[red]k[/red]" in screen_text(app)
            assert r"\x1b[31m" in screen_text(app)


class TestLabels:
    async def test_a_change_is_a_draft_with_its_effect_until_it_is_accepted(self, file):
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot)
            await go_to(pilot, "] app ")
            await press(pilot, "space")
            assert app.session.config == Config()
            assert "would select others than now, or nothing" in screen_text(app).replace("\n", " ") or (
                "nothing can be selected" in screen_text(app)
            )
            await press(pilot, "y")
            assert isinstance(app.screen, Confirm)
            await press(pilot, "n")
            assert app.session.config == Config()
            await press(pilot, "y", "y")
            assert app.session.config == excluding("app")
            assert "[ ] app" in screen_text(app)

    async def test_a_harmless_draft_is_accepted_at_once_and_the_policy_follows(self, file):
        both = cluster()
        owners = tuple(replace(o, template_labels=(*o.template_labels, ("team", "pay"))) for o in both.owners)
        pods = tuple(replace(p, labels=(*p.labels, ("team", "pay"))) for p in both.pods)
        owners = tuple(
            replace(o, selector=replace(o.selector, match_labels=o.template_labels)) if o.selector else o
            for o in owners
        )
        app = config_app(file, feed=full_feed(inventory=replace(both, owners=owners, pods=pods)))
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot)
            assert "team: pay" in app.session.review().yaml
            await go_to(pilot, "] team ")
            await press(pilot, "space", "y")
            assert app.session.config == excluding("team")
            assert "team: pay" not in app.session.review().yaml

    async def test_patterns_are_added_edited_and_removed(self, file):
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot)
            await go_to(pilot, "exclude")
            await press(pilot, "a")
            await write(pilot, "helm.sh/* x y")
            await press(pilot, "enter")
            assert app.screen.area.draft == excluding("helm.sh/*", "x", "y").labels
            await go_to(pilot, "    x")
            await press(pilot, "enter", "end", "z", "enter")
            assert app.screen.area.draft == excluding("helm.sh/*", "xz", "y").labels
            await press(pilot, "d")
            await go_to(pilot, "    y")
            await press(pilot, "d", "y")
            assert app.session.config == excluding("helm.sh/*")

    async def test_a_bad_pattern_is_said_and_can_be_mended(self, file):
        app = config_app(file)
        async with app.run_test(size=NARROW) as pilot:
            await configure(pilot, "a")
            await write(pilot, "a/b/c")
            await press(pilot, "enter")
            assert "is no pattern of label keys" in screen_text(app)
            await press(pilot, "ctrl+u", "a", "enter")
            assert app.screen.area.draft is not None

    async def test_a_key_that_a_wider_pattern_excludes_names_it(self, file):
        file.write_text("schema: 1\nlabels: {workloads: {exclude: ['ap*']}}\n")
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot)
            await go_to(pilot, "] app ")
            await press(pilot, "space")
            assert "excluded by the pattern ap*" in said(app)
            assert app.screen.area.draft is None

    async def test_leaving_asks_about_a_draft_and_saving_waits_for_it(self, file):
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot)
            await go_to(pilot, "] app ")
            await press(pilot, "space", "S")
            assert "not in force" in said(app)
            await press(pilot, "escape")
            assert isinstance(app.screen, Confirm)
            await press(pilot, "n", "x", "escape")
            assert not isinstance(app.screen, ConfigurationScreen)
            assert app.session.config == Config()

    async def test_a_pattern_that_matches_nothing_is_told_with_the_effect(self, file):
        app = config_app(file)
        async with app.run_test(size=NARROW) as pilot:
            await configure(pilot)
            await go_to(pilot, "exclude")
            await press(pilot, "a")
            await write(pilot, "hlem.sh/*")
            await press(pilot, "enter")
            assert "hlem.sh/* matches no label key of the cluster" in _one_line(app)

    @BOTH
    async def test_the_footer_has_the_keys_of_the_draft_while_there_is_one(self, file, size):
        app = config_app(file)
        async with app.run_test(size=size) as pilot:
            await configure(pilot)
            assert "y Accept" not in screen_text(app)
            await go_to(pilot, "] app ")
            await press(pilot, "space")
            for key in ("y Accept", "x Drop", "esc Back"):
                assert key in screen_text(app).splitlines()[-1]

    async def test_a_suggestion_adds_to_the_draft(self, file):
        app = config_app(file, feed=full_feed(inventory=_labelled("helm.sh/chart", "team")))
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot)
            await go_to(pilot, "] team ")
            await press(pilot, "space", "p")
            draft = app.screen.area.draft.workload.exclude
            assert draft[0] == "team"
            assert draft[1].startswith("helm.sh/")
            await press(pilot, "p")
            assert "Nothing to suggest: the labels that the draft uses" in said(app)
            assert app.screen.area.draft.workload.exclude == draft

    async def test_the_suggested_set_is_a_draft(self, file):
        app = config_app(file, feed=full_feed(inventory=_labelled("helm.sh/chart")))
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot, "p")
            assert app.session.config == Config()
            await press(pilot, "y")
            (pattern,) = app.session.config.labels.workload.exclude
            assert pattern.startswith("helm.sh/")


def _labelled(*keys):
    """Return the cluster with further labels on all workloads, by which their owners select too."""
    found = cluster()
    labelled = {o.ref.name: (*o.template_labels, *((key, "shop-1.2") for key in keys)) for o in found.owners}
    owners = tuple(replace(o, template_labels=labelled[o.ref.name]) for o in found.owners)
    owners = tuple(
        replace(o, selector=replace(o.selector, match_labels=o.template_labels)) if o.selector else o
        for o in owners
    )
    pods = tuple(replace(p, labels=labelled[p.owner.name]) for p in found.pods)
    return replace(found, owners=owners, pods=pods)


class TestUnresolvedIPs:
    async def test_an_alias_is_added_allowed_edited_and_removed(self, file):
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot, "2", "a")
            await write(pilot, "proxies")
            await press(pilot, "tab")
            await write(pilot, "203.0.113.7 203.0.113.9/31")
            assert "203.0.113.9/31 has host bits: 203.0.113.8/31 is used" in _one_line(app)
            await press(pilot, "enter")
            entries = ("203.0.113.7/32", "203.0.113.8/31")
            assert app.session.config.aliases == (Alias("proxies", entries),)
            assert "3 addresses" in screen_text(app)
            assert "1 row" in screen_text(app)
            await press(pilot, "space")
            assert app.session.config.aliases == (Alias("proxies", entries, True),)
            await press(pilot, "enter", "ctrl+u", *"web", "enter")
            assert app.session.config.aliases == (Alias("web", entries, True),)
            await press(pilot, "d")
            assert app.session.config.aliases == ()

    async def test_overlaps_are_notes_below_the_aliases(self, file):
        file.write_text(
            "schema: 1\naliases:\n  one: {entries: [203.0.113.0/24]}\n  two: {entries: [203.0.113.7]}\n"
        )
        app = config_app(file)
        async with app.run_test(size=NARROW) as pilot:
            await configure(pilot, "2")
            assert "what is allowed for 'one' lets it through too" in _one_line(app)

    @pytest.mark.parametrize("name", ["out.yaml", "out.csv"])
    async def test_what_was_exported_can_be_imported(self, file, tmp_path, name):
        file.write_text("schema: 1\naliases:\n  one: {entries: [203.0.113.0/24], allowed: true}\n")
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot, "2", "e", "ctrl+u")
            await write(pilot, str(tmp_path / name))
            await press(pilot, "enter")
            assert "Exported 1" in said(app)
            await press(pilot, "g", "j", "d")
            assert app.session.config.aliases == ()
            await press(pilot, "i")
            await write(pilot, str(tmp_path / name))
            await press(pilot, "enter")
            assert app.session.config.aliases == (Alias("one", ("203.0.113.0/24",), True),)

    async def test_what_is_wrong_with_an_imported_file_is_said_with_its_lines(self, file, tmp_path):
        (tmp_path / "bad.csv").write_text("alias,entry,allowed\none,nonsense,true\n")
        app = config_app(file)
        async with app.run_test(size=NARROW) as pilot:
            await configure(pilot, "2", "i")
            await write(pilot, str(tmp_path / "bad.csv"))
            await press(pilot, "enter")
            assert "bad.csv:2" in _one_line(app).replace(" ", "")
            assert app.session.config.aliases == ()


class TestRanges:
    async def test_a_range_by_hand_wins_and_can_be_taken_back(self, file):
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot, "3")
            await go_to(pilot, "Service CIDRs")
            await press(pilot, "a")
            await write(pilot, "10.100.0.1/16")
            assert "host bits" in screen_text(app)
            await press(pilot, "enter")
            assert app.session.config.service_cidrs == ("10.100.0.0/16",)
            assert app.session.inventory.service_cidrs == ("10.100.0.0/16",)
            assert "not in force" in screen_text(app)
            await press(pilot, "d")  # the cursor is on what was added
            assert app.session.inventory.service_cidrs == ("10.96.0.0/16",)

    async def test_a_discovered_range_is_not_removed_but_the_way_is_said(self, file):
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot, "3")
            await go_to(pilot, "10.96.0.0/16")
            await press(pilot, "d")
            assert app.session.config == Config()
            assert "add a range by hand" in said(app)

    async def test_pods_whose_arguments_count_are_named(self, file):
        told = DiscoveredRange(
            RangeKind.SERVICE, "10.55.0.0/16", "Pod kube-system/my-api arguments", "kube-system/my-api"
        )
        app = config_app(file, feed=full_feed(inventory=replace(cluster(), discovered=(told,))))
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot, "3")
            assert app.session.inventory.service_cidrs == ()
            await go_to(pilot, "Pods whose arguments")
            await press(pilot, "a")
            await write(pilot, "my-api")
            await press(pilot, "enter")
            assert app.session.inventory.service_cidrs == ("10.55.0.0/16",)
            await press(pilot, "d")  # the cursor is on what was added
            assert app.session.config == Config()


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
            assert " locked" in _top(app)
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
            assert "Configuration of kind-shop" in _top(app)

    async def test_the_heading_tells_whether_there_is_a_file_yet(self, file):
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot)
            assert "no file yet" in _top(app)
            assert "kind-shop" in _top(app)
            await press(pilot, "3", "a")
            await write(pilot, "10.0.0.0/16")
            await press(pilot, "enter")
            assert "not saved" in _top(app)
            await press(pilot, "S")
            assert " saved" in _top(app)
            assert "no file yet" not in _top(app)

    async def test_quitting_asks_about_what_is_not_saved_and_not_after_saving(self, file):
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await configure(pilot, "3", "a")
            await write(pilot, "10.0.0.0/16")
            await press(pilot, "enter", "escape", "q")
            assert isinstance(app.screen, Confirm)
            assert "The configuration was edited" in _one_line(app)
            await press(pilot, "n", "C", "S", "escape", "q")
            assert app.return_code == 0


class Clusters:
    """Two contexts, each with a file of its own."""

    def __init__(self, folder):
        self._folder = folder

    def names(self):
        return ("one", "two")

    def connect(self, name):
        session = Session(Options(cluster=name), now=lambda: NEWEST)
        return Connected(session, full_feed(), ConfigFile(self._folder / f"{name}.yaml"))


class TestAnotherCluster:
    @pytest.mark.parametrize(("answer", "file"), [("n", "one.yaml"), ("y", "two.yaml")])
    async def test_what_is_not_saved_is_asked_about_and_the_file_changes_with_the_cluster(
        self, tmp_path, answer, file
    ):
        clusters = Clusters(tmp_path)
        first = clusters.connect("one")
        app = NetsecApp(first.session, first.feed, start=CHOSEN, clusters=clusters, file=first.file)
        async with app.run_test(size=WIDE) as pilot:
            await pilot.pause()
            await idle(pilot)
            await press(pilot, "enter", "C", "3", "a")  # the first question is for the cluster
            await write(pilot, "10.0.0.0/16")
            await press(pilot, "enter", "escape", "c", *"two", "enter")
            assert isinstance(app.screen, Confirm)
            assert "The configuration was edited" in _one_line(app)
            await press(pilot, answer)
            while isinstance(app.screen, Picker):
                await press(pilot, "escape")
            await press(pilot, "C")
            assert f"/{file} " in _one_line(app)
            assert (app.session.config == Config()) is (answer == "y")


class TestTables:
    async def test_an_unresolved_row_can_be_a_range_of_the_cluster(self, file):
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await pilot.pause()
            await idle(pilot)
            await press(pilot, "2", "end", "at", "tab", "tab", "tab", "down", "enter")
            assert "Service CIDR" in screen_text(app)
            await press(pilot, "ctrl+u")
            await write(pilot, "203.0.113.0/24")
            assert "10.96.0.0/16, which the cluster tells, is entered by hand with it" in _one_line(app)
            assert re.search(r"of \d unresolved addresses become: \d Internal", _one_line(app))
            await press(pilot, "enter")
            assert set(app.session.config.service_cidrs) == {"10.96.0.0/16", "203.0.113.0/24"}
            assert set(app.session.inventory.service_cidrs) == {"10.96.0.0/16", "203.0.113.0/24"}

    async def test_allowed_needs_no_name(self, file):
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await pilot.pause()
            await idle(pilot)
            await press(pilot, "2", "end", "at", "tab", "tab", "space", "enter")
            (alias,) = app.session.config.aliases
            assert alias.allowed
            assert alias.entries == (f"{alias.name}/32",)

    async def test_locked_the_reason_is_said(self, file):
        app = config_app(file, locked="The configuration is locked.")
        async with app.run_test(size=WIDE) as pilot:
            await pilot.pause()
            await idle(pilot)
            await press(pilot, "2", "end", "at")
            assert status(app) == "The configuration is locked."


class TestMessages:
    async def test_a_missing_range_leads_to_its_area(self, file):
        bare = replace(cluster(), discovered=())
        app = config_app(file, feed=full_feed(inventory=bare))
        async with app.run_test(size=NARROW) as pilot:
            await pilot.pause()
            await idle(pilot)
            assert "Cluster subnet is incomplete" in screen_text(app)
            assert "(C" in _top(app)
            await press(pilot, "w")
            assert "(C: Configuration)" in _one_line(app)
            await press(pilot, "C")
            assert "Pod CIDRs" in screen_text(app)
            assert "enter what is missing" in _one_line(app)
            assert "in the configuration" not in _one_line(app)

    async def test_what_is_missing_is_said_without_a_workload_too(self, file):
        app = config_app(
            file, feed=full_feed(inventory=replace(cluster(), discovered=())), start=StartScope()
        )
        async with app.run_test(size=NARROW) as pilot:
            await pilot.pause()
            await idle(pilot)
            await press(pilot, "escape", "C", "3")
            assert "the IPv4 pod and service ranges are not known" in _one_line(app)
            assert "in the configuration" not in _one_line(app)

    @BOTH
    async def test_the_namespaces_without_labels_can_be_read_before_the_messages_are_opened(self, file, size):
        file.write_text("schema: 1\nlabels: {namespaces: {exclude: ['*']}}\n")
        many = replace(cluster(), namespaces=dict.fromkeys((*cluster().namespaces, "data"), ()))
        app = config_app(file, feed=full_feed(inventory=many))
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await idle(pilot)
            (first, *_) = app.session.review().warnings
            names = first.partition(": ")[2].partition(" (")[0]
            assert names in " ".join(_top(app).split())
            assert "(C" in _top(app)

    async def test_a_namespace_without_labels_leads_to_the_labels(self, file):
        file.write_text("schema: 1\nlabels: {namespaces: {exclude: [kubernetes.io/metadata.name]}}\n")
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await pilot.pause()
            await idle(pilot)
            assert "you need to assign labels" in screen_text(app)
            assert "(C" in _top(app)
            await press(pilot, "w")
            assert "(C: Configuration)" in _one_line(app)
            await press(pilot, "C")
            assert "Labels of namespaces" in screen_text(app)


def _top(app):
    """Return the first lines of the screen, where messages stand before they are opened."""
    return "\n".join(screen_text(app).splitlines()[:4])


def _one_line(app):
    """Return the text of the screen in one line, without frames."""
    return " ".join(screen_text(app).replace("│", " ").split())
