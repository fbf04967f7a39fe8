"""The configuration screen by keys and mouse: its three areas."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netsec_tui.model.config import Config, DiscoveredRange, RangeKind
from netsec_tui.model.decision import Alias
from netsec_tui.ui.screens.configuration.screen import ConfigurationScreen
from netsec_tui.ui.screens.confirm import Confirm
from netsec_tui.ui.start import StartScope
from netsec_tui.ui.widgets.view_strip import ViewStrip
from tests.ui.config_host import (
    BOTH,
    config_app,
    configure,
    excluding,
    go_to,
    press,
    said,
    words,
    write,
)
from tests.ui.shop import NARROW, WIDE, cluster, full_feed, idle, screen_text, started


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
            await started(pilot)
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
            await started(pilot)
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
            assert "hlem.sh/* matches no label key of the cluster" in words(app)

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
            assert "203.0.113.9/31 has host bits: 203.0.113.8/31 is used" in words(app)
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
            assert "what is allowed for 'one' lets it through too" in words(app)

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
            assert "bad.csv:2" in words(app).replace(" ", "")
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
