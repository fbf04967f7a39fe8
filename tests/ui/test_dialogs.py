"""Each dialog by keys: what it asks, what it refuses, what it hands on."""

import pytest

from netsec_tui.model.communication import AddressCategory
from netsec_tui.model.config import Config
from netsec_tui.model.decision import Alias, ManualRule, PortRange
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import Direction
from netsec_tui.render.spans import Line, Span
from netsec_tui.session.actions import AddManualRule, RemoveAlias, RemoveManualRule, SetAlias
from netsec_tui.ui.choices import Choice
from netsec_tui.ui.screens.alias import AliasDialog
from netsec_tui.ui.screens.categories import Categories
from netsec_tui.ui.screens.confirm import Confirm
from netsec_tui.ui.screens.help import HelpScreen
from netsec_tui.ui.screens.help_entries import help_entries
from netsec_tui.ui.screens.manual_rule import ManualRuleDialog
from netsec_tui.ui.screens.pages import Pages
from netsec_tui.ui.screens.picker import Picker
from netsec_tui.ui.screens.save import SaveDialog
from tests.ui.dialog_host import NOTHING_YET, DialogHost, type_text
from tests.ui.shop import composed, shown


def accept(_rule):
    return ""


FRUIT = [Choice("a", "apple", "red"), Choice("b", "banana"), Choice("c", "[bold]cherry[/bold]", "\x1b[31m")]

DIALOGS = {
    "picker": lambda: Picker("Fruit", lambda: FRUIT),
    "alias": lambda: AliasDialog("203.0.113.7", None, Config()),
    "manual": lambda: ManualRuleDialog(Direction.EGRESS, (), accept),
    "save": lambda: SaveDialog("deployment-web", "a: b\n"),
    "categories": lambda: Categories(frozenset()),
    "help": lambda: HelpScreen(help_entries()),
    "pages": lambda: Pages("Detail", [Line((Span("text"),))]),
    "confirm": lambda: Confirm("Quit", "Really?"),
}


@pytest.mark.parametrize("name", DIALOGS)
@pytest.mark.parametrize("key", ["escape", "ctrl+g"])
async def test_two_keys_leave_every_dialog_without_an_answer(name, key):
    app = DialogHost(DIALOGS[name]())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key)
        await composed(pilot)
        assert app.answer is None


@pytest.mark.parametrize("name", DIALOGS)
async def test_every_dialog_fits_80x24_with_its_hint(name):
    app = DialogHost(DIALOGS[name]())
    async with app.run_test(size=(80, 24)) as pilot:
        await composed(pilot)
        assert "esc or ctrl+g back" in app.text()


class TestPicker:
    async def test_typing_filters_and_enter_takes(self):
        app = DialogHost(Picker("Fruit", lambda: FRUIT))
        async with app.run_test() as pilot:
            await type_text(pilot, "ban")
            assert "banana" in app.text()
            assert "apple" not in app.text()
            await pilot.press("enter")
            assert app.answer == "b"

    async def test_arrows_move_while_typing(self):
        app = DialogHost(Picker("Fruit", lambda: FRUIT))
        async with app.run_test() as pilot:
            await pilot.press("down", "down", "up", "enter")
            assert app.answer == "b"

    async def test_it_starts_on_what_is_chosen_now(self):
        app = DialogHost(Picker("Fruit", lambda: FRUIT, current="c"))
        async with app.run_test() as pilot:
            await pilot.press("enter")
            assert app.answer == "c"

    async def test_markup_and_escapes_show_literally(self):
        app = DialogHost(Picker("Fruit", lambda: FRUIT))
        async with app.run_test() as pilot:
            await composed(pilot)
            assert "[bold]cherry[/bold]" in app.text()
            assert r"\x1b[31m" in app.text()

    async def test_nothing_that_matches_is_said_and_enter_does_nothing(self):
        app = DialogHost(Picker("Fruit", lambda: FRUIT))
        async with app.run_test() as pilot:
            await type_text(pilot, "zz")
            assert "Nothing matches" in app.text()
            await pilot.press("enter")
            assert app.answer is NOTHING_YET

    async def test_choices_that_arrive_keep_the_highlighted_one(self):
        offered = [Choice("b", "banana")]
        picker = Picker("Fruit", lambda: offered, empty="Wait for fruit.")
        app = DialogHost(picker)
        async with app.run_test() as pilot:
            await composed(pilot)
            offered.insert(0, Choice("a", "apple"))
            picker.reload()
            await pilot.press("enter")
            assert app.answer == "b"

    async def test_no_choices_say_why(self):
        app = DialogHost(Picker("Fruit", list, empty="Wait for fruit."))
        async with app.run_test() as pilot:
            await composed(pilot)
            assert "Wait for fruit." in app.text()

    async def test_more_than_are_drawn_are_counted_and_found(self):
        many = [Choice(number, f"owner-{number}") for number in range(1000)]
        app = DialogHost(Picker("Owner", lambda: many))
        async with app.run_test() as pilot:
            await composed(pilot)
            assert "600 more; type to find them" in app.text()
            await type_text(pilot, "owner-999")
            await pilot.press("enter")
            assert app.answer == 999


class TestAlias:
    async def test_a_new_alias(self):
        app = DialogHost(AliasDialog("203.0.113.7", None, Config()))
        async with app.run_test() as pilot:
            await type_text(pilot, "proxies")
            await pilot.press("tab", "tab", "space", "enter")
            assert app.answer == SetAlias(Alias("proxies", ("203.0.113.7/32",), True))

    @pytest.mark.parametrize("by", ["typing", "choosing"])
    async def test_assigning_to_an_existing_alias_keeps_its_entries(self, by):
        known = Alias("proxies", ("198.51.100.0/24",), True)
        app = DialogHost(AliasDialog("203.0.113.7", None, Config(aliases=(known,))))
        async with app.run_test() as pilot:
            if by == "typing":
                await type_text(pilot, "proxies")
            else:
                await pilot.press("tab", "enter")
            await pilot.press("enter")
            merged = ("198.51.100.0/24", "203.0.113.7/32")
            assert app.answer == SetAlias(Alias("proxies", merged, True))

    async def test_more_ranges_sorted_and_canonical(self):
        app = DialogHost(AliasDialog("203.0.113.7", None, Config()))
        async with app.run_test() as pilot:
            await type_text(pilot, "x")
            await pilot.press("tab", "end")
            await type_text(pilot, ", 2001:db8::1/64 10.9.8.7/8")
            await pilot.press("enter")
            assert app.answer.alias.entries == ("10.0.0.0/8", "203.0.113.7/32", "2001:db8::/64")

    @pytest.mark.parametrize(
        ("typed", "complaint"),
        [(("enter",), "needs a name"), (("x", "tab", "a", "enter"), "is no IP mask")],
    )
    async def test_what_is_wrong_is_said(self, typed, complaint):
        app = DialogHost(AliasDialog("203.0.113.7", None, Config()))
        async with app.run_test() as pilot:
            await pilot.press(*typed)
            assert complaint in app.text()
            assert app.answer is NOTHING_YET

    async def test_an_alias_can_be_renamed(self):
        one = Alias("one", ("203.0.113.7/32",), True)
        app = DialogHost(AliasDialog("one", one, Config(aliases=(one,))))
        async with app.run_test() as pilot:
            await pilot.press("ctrl+u", *"two", "enter")
            assert app.answer == SetAlias(Alias("two", one.entries, True), old="one")

    async def test_a_change_of_an_alias_is_no_renaming(self):
        one = Alias("one", ("203.0.113.7/32",))
        app = DialogHost(AliasDialog("one", one, Config(aliases=(one,))))
        async with app.run_test() as pilot:
            await pilot.press("tab", "tab", "space", "enter")
            assert app.answer == SetAlias(Alias("one", one.entries, True))

    async def test_an_alias_can_join_another(self):
        one, two = Alias("one", ("203.0.113.7/32",)), Alias("two", ("198.51.100.0/24",), True)
        app = DialogHost(AliasDialog("one", one, Config(aliases=(one, two))))
        async with app.run_test() as pilot:
            await pilot.press("tab", "enter", "enter")
            merged = ("198.51.100.0/24", "203.0.113.7/32")
            assert app.answer == SetAlias(Alias("two", merged, True), old="one")

    async def test_an_alias_can_be_removed(self):
        app = DialogHost(AliasDialog("", Alias("proxies", ("10.0.0.0/8",)), Config()))
        async with app.run_test() as pilot:
            await pilot.press("ctrl+d")
            assert app.answer == RemoveAlias("proxies")


class TestManualRule:
    async def test_a_rule_with_protocol_and_ports(self):
        app = DialogHost(ManualRuleDialog(Direction.EGRESS, (), accept))
        async with app.run_test() as pilot:
            await type_text(pilot, "198.51.100.0/24")
            await pilot.press("tab", *"tcp", "tab", *"443", "enter")
            ports = (PortRange(443, 443),)
            assert app.answer == AddManualRule(
                ManualRule(Direction.EGRESS, "198.51.100.0/24", Protocol.TCP, ports)
            )

    async def test_no_protocol_means_all_and_that_is_said(self):
        app = DialogHost(ManualRuleDialog(Direction.INGRESS, (), accept))
        async with app.run_test() as pilot:
            assert "empty allows every protocol and port" in app.text()
            await type_text(pilot, "198.51.100.7")
            await pilot.press("enter")
            assert app.answer == AddManualRule(ManualRule(Direction.INGRESS, "198.51.100.7/32"))

    @pytest.mark.parametrize(("key", "cidr"), [("y", "10.1.0.0/16"), ("n", None)])
    async def test_host_bits_are_cleared_after_a_question(self, key, cidr):
        app = DialogHost(ManualRuleDialog(Direction.EGRESS, (), accept))
        async with app.run_test() as pilot:
            await type_text(pilot, "10.1.2.3/16")
            await pilot.press("enter")
            await composed(pilot)
            assert "the range is 10.1.0.0/16" in app.text()
            await pilot.press(key)
            await app.workers.wait_for_complete()
            await composed(pilot)
            assert app.answer is NOTHING_YET if cidr is None else app.answer.rule.cidr == cidr

    async def test_what_the_session_refuses_is_said_and_nothing_is_lost(self):
        app = DialogHost(
            ManualRuleDialog(Direction.EGRESS, (), lambda _: "10.0.0.0/8 lies inside pod ranges")
        )
        async with app.run_test() as pilot:
            await type_text(pilot, "10.0.0.0/8")
            await pilot.press("enter")
            await app.workers.wait_for_complete()
            await composed(pilot)
            assert "lies inside pod ranges" in app.text()
            assert "10.0.0.0/8" in app.text()
            assert app.answer is NOTHING_YET

    async def test_ports_without_a_protocol_are_told(self):
        app = DialogHost(ManualRuleDialog(Direction.EGRESS, (), accept))
        async with app.run_test() as pilot:
            await type_text(pilot, "10.0.0.0/8")
            await pilot.press("tab", "tab", *"443", "enter")
            await app.workers.wait_for_complete()
            await composed(pilot)
            assert "ports need a protocol" in app.text()

    async def test_rules_are_listed_and_removed(self):
        rules = (ManualRule(Direction.EGRESS, "10.0.0.0/8"), ManualRule(Direction.EGRESS, "::/0"))
        app = DialogHost(ManualRuleDialog(Direction.EGRESS, rules, accept))
        async with app.run_test() as pilot:
            assert "::/0 all ports" in app.text()
            await pilot.press("tab", "tab", "tab", "down", "delete")
            assert app.answer == RemoveManualRule(Direction.EGRESS, 1)


class TestSave:
    async def test_it_writes_where_it_says(self, tmp_path):
        app = DialogHost(SaveDialog("deployment-web", "a: b\n"))
        async with app.run_test() as pilot:
            assert "./deployment-web.yaml" in app.text()
            await pilot.press("enter")
            await app.workers.wait_for_complete()
            await composed(pilot)
            assert app.answer == "deployment-web.yaml"
        assert (tmp_path / "deployment-web.yaml").read_text() == "a: b\n"

    @pytest.mark.parametrize(
        ("key", "content"), [("y", "new\n"), ("n", "old\n"), ("enter", "old\n"), ("escape", "old\n")]
    )
    async def test_it_asks_before_it_replaces_a_file(self, tmp_path, key, content):
        (tmp_path / "web.yaml").write_text("old\n")
        app = DialogHost(SaveDialog("web", "new\n"))
        async with app.run_test() as pilot:
            await pilot.press("enter")
            await shown(pilot, Confirm)
            assert "exists. Replace it?" in app.text()
            await pilot.press(key)
            await app.workers.wait_for_complete()
            await composed(pilot)
        assert (tmp_path / "web.yaml").read_text() == content

    async def test_a_bad_path_is_an_error_on_the_screen_and_can_be_mended(self, tmp_path):
        app = DialogHost(SaveDialog("web", "a: b\n"))
        async with app.run_test() as pilot:
            await pilot.press("ctrl+u")
            await type_text(pilot, "missing/web.yaml")
            await pilot.press("enter")
            await app.workers.wait_for_complete()
            await composed(pilot)
            assert "missing is no folder" in app.text()
            assert app.answer is NOTHING_YET
            (tmp_path / "missing").mkdir()
            await pilot.press("enter")
            await app.workers.wait_for_complete()
            await composed(pilot)
        assert (tmp_path / "missing" / "web.yaml").read_text() == "a: b\n"


class TestCategories:
    async def test_any_combination_by_letter_or_space(self):
        app = DialogHost(Categories(frozenset({AddressCategory.UNKNOWN})))
        async with app.run_test() as pilot:
            await pilot.press("u", "e", "down", "down", "space", "enter")
            assert app.answer == {AddressCategory.EXTERNAL, AddressCategory.ALIASED}


class TestHelp:
    async def test_typing_searches(self):
        app = DialogHost(HelpScreen(help_entries()))
        async with app.run_test(size=(120, 40)) as pilot:
            assert "Choose how far back to look" in app.text()
            await type_text(pilot, "ip mask")
            assert "Allow an IP mask" in app.text()
            assert "Choose how far back to look" not in app.text()

    async def test_a_command_finds_its_key(self):
        app = DialogHost(HelpScreen(help_entries()))
        async with app.run_test(size=(120, 40)) as pilot:
            await type_text(pilot, "zoom")
            assert "Give the whole screen to this pane" in app.text()

    async def test_it_scrolls_to_the_end_by_keys(self):
        app = DialogHost(HelpScreen(help_entries()))
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press(*["pagedown"] * 20)
            await composed(pilot)
            assert "Host-network workloads are listed" in app.text()
