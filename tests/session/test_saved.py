"""Decisions that were saved: how they count when they are loaded, and which rows start out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.core.decide.changes import named_changes
from netsec_tui.decisions_file.reading import read_decisions
from netsec_tui.decisions_file.writing import written
from netsec_tui.errors import BadInputError
from netsec_tui.model.config import Config, LabelConfig, LabelFilter
from netsec_tui.model.decision import Alias, GeneralRule, PortRange
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import API_SERVER, Direction, WorkloadRef
from netsec_tui.model.review import Since, Standing
from netsec_tui.model.saved import SavedDecisions
from netsec_tui.model.timespan import TIMESPANS
from netsec_tui.session.actions import (
    ChooseTimespan,
    Configure,
    DecisionsSaved,
    LoadDecisions,
    SetGeneralRule,
    SetTicks,
    Undo,
)
from tests.core.scene import IN, NOW, OUT, SHOP, Scene

RANGES = {"pod_cidrs": ("10.244.0.0/16",), "service_cidrs": ("10.96.0.0/16",)}
FLOWS = (
    ("pay-1", "web-1"),
    ("web-1", "cart-1"),
    ("web-1", "db-0", 5432),
    ("web-1", "203.0.113.7", 443),
    ("web-1", "203.0.113.8", 443),
)


def seen(*more: tuple[str, str] | tuple[str, str, int]) -> Scene:
    """Return the shop with rows of several sorts for web."""
    return Scene(*SHOP, ranges=RANGES).sees(*FLOWS, *more).chooses()


def saved(scene: Scene) -> SavedDecisions:
    """Return the decisions as they come back from a file."""
    kept = scene.session.saved_decisions()
    assert kept is not None
    return read_decisions("web.yaml", written(kept))


def loaded(scene: Scene, kept: SavedDecisions) -> Scene:
    return scene.does(LoadDecisions(kept))


ticks = st.lists(st.tuples(st.sampled_from(Direction), st.integers(0, 5), st.booleans()), max_size=6)
rules = st.lists(st.tuples(st.sampled_from(Direction), st.sampled_from(GeneralRule)), max_size=3)


def stands(scene: Scene, direction: Direction) -> list[tuple[object, ...]]:
    """Return how the rows stand, without the words."""
    return [(row.key, row.ticked, row.reach, row.suspended) for row in scene.table(direction).rows]


@settings(max_examples=60)
@given(ticks, rules, ticks)
def test_what_is_saved_and_loaded_gives_the_same_review_but_for_reasons(
    first: list[tuple[Direction, int, bool]],
    generals: list[tuple[Direction, GeneralRule]],
    then: list[tuple[Direction, int, bool]],
) -> None:
    scene = seen().manual("198.51.100.0/24", protocol=Protocol.TCP, ports=(PortRange(1, 80),))
    for choices in (first, then):
        for direction, number, ticked in choices:
            rows = scene.table(direction).rows
            scene.does(SetTicks((rows[number % len(rows)].key,), ticked))
        if choices is first:
            scene.does(*(SetGeneralRule(*general) for general in generals))
    again = loaded(seen(), saved(scene))
    assert again.review.yaml == scene.review.yaml
    assert not again.review.changes
    for direction in Direction:
        assert stands(again, direction) == stands(scene, direction)
        assert again.table(direction).general is scene.table(direction).general
        assert again.table(direction).manual == scene.table(direction).manual
    assert written(saved(again)) == written(saved(scene))


def test_a_row_that_the_file_does_not_know_is_new_and_starts_out() -> None:
    scene = loaded(seen(("web-1", "pay-1", 9000), ("web-1", "203.0.113.9", 443)), saved(seen()))
    pay, address = scene.row(OUT, "pay"), scene.row(OUT, "203.0.113.9")
    assert (pay.since, pay.standing, pay.in_policy) == (Since.NEW, Standing.OUT, False)
    assert pay.reason == "new since the decisions were saved"
    assert address.reason == "new since the decisions were saved; unresolved IPs start out"
    assert scene.row(OUT, "cart").since is Since.KNOWN
    assert scene.review.changes.new == tuple(
        row.key for row in scene.table(OUT).rows if row.since is Since.NEW
    )
    assert scene.review.warnings[0] == "2 communications are new since the decisions were saved and start out"
    ticked = scene.tick(pay).row(OUT, "pay")
    assert (ticked.in_policy, ticked.since) == (True, Since.NEW)
    assert scene.rules(OUT) != []


@pytest.mark.parametrize("general", list(GeneralRule))
def test_no_general_rule_makes_a_new_row_part_of_the_policy_by_its_own_tick(general: GeneralRule) -> None:
    scene = loaded(seen(("web-1", "pay-1", 9000)), saved(seen().general(OUT, general)))
    assert not scene.row(OUT, "pay").ticked
    assert scene.general(OUT, GeneralRule.ROWS_DECIDE).row(OUT, "pay").ticked is False


@pytest.mark.parametrize(
    ("general", "told", "by"),
    [
        (
            GeneralRule.ALLOW_ALL,
            "3 communications are new since the decisions were saved: 3 are not ticked but",
            3,
        ),
        (GeneralRule.INSIDE_NAMESPACE, ": 2 start out, 1 is not ticked but let through", 1),
        (GeneralRule.ROWS_DECIDE, "3 communications are new since the decisions were saved and start out", 0),
    ],
)
def test_new_rows_that_are_let_through_all_the_same_are_not_said_to_be_out(
    general: GeneralRule, told: str, by: int
) -> None:
    more = (("web-1", "pay-1", 9000), ("web-1", "203.0.113.9", 443), ("web-1", "db-0", 6432))
    scene = loaded(seen(*more), saved(seen().general(OUT, general)))
    assert told in scene.review.warnings[0]
    let = scene.review.changes.let_through
    assert list(let.values()) == [f"general rule {general}"] * by
    assert all(row.in_policy is (row.key in let) for row in scene.table(OUT).rows if row.since is Since.NEW)
    named = [sentence for sentence in named_changes(scene.review.changes) if "though not ticked" in sentence]
    assert len(named) == (1 if by else 0)
    assert all(f"(by general rule {general})" in sentence for sentence in named)


def test_a_new_row_under_a_manual_rule_or_ticked_since_is_said_to_be_so() -> None:
    kept = saved(seen().manual("203.0.113.0/28"))
    scene = loaded(seen(("web-1", "pay-1", 9000), ("web-1", "203.0.113.9", 443)), kept)
    scene.tick(scene.row(OUT, "pay"))
    assert scene.review.warnings[0].startswith(
        "2 communications are new since the decisions were saved: 1 is ticked, 1 is not ticked but let"
    )
    assert "203.0.113.9 443/TCP (by manual rule 203.0.113.0/28 all ports)" in "".join(
        named_changes(scene.review.changes)
    )


def test_a_row_of_the_api_server_is_new_as_any_other() -> None:
    row = loaded(seen(("web-1", "172.18.0.3", 6443)), saved(seen())).row(OUT, "kubernetes")
    assert (row.key.peer, row.since, row.ticked, row.in_policy) == (API_SERVER, Since.NEW, False, False)


def test_rows_that_the_file_knew_stay_known_when_they_are_not_seen_under_another_general_rule() -> None:
    lately = loaded(Scene(*SHOP, ranges=RANGES).sees(("pay-1", "web-1")).chooses(), saved(seen()))
    kept = saved(lately.general(OUT, GeneralRule.INSIDE_NAMESPACE))
    assert not loaded(seen(), kept).review.changes.new


def test_loading_is_one_step_to_undo() -> None:
    scene = seen(("web-1", "pay-1", 9000))
    before = scene.review
    assert loaded(scene, saved(seen())).review != before
    assert scene.does(Undo()).review == before


def test_the_file_of_another_workload_is_refused_and_names_both() -> None:
    kept = replace(saved(seen()), workload=WorkloadRef("Deployment", "shop", "pay"))
    scene = seen()
    with pytest.raises(BadInputError, match=r"for Deployment/pay in namespace shop, but Deployment/web"):
        loaded(scene, kept)
    assert not scene.session.decisions.loaded


def test_saving_again_makes_what_is_shown_known_even_after_undo() -> None:
    scene = loaded(seen(("web-1", "pay-1", 9000)), saved(seen()))
    scene.tick(scene.row(OUT, "pay"))
    kept = saved(scene)
    scene.does(DecisionsSaved(kept))
    assert not scene.review.changes
    assert scene.does(Undo()).row(OUT, "pay").since is Since.KNOWN
    # Undone is the tick, not that the row was reviewed.
    assert not scene.sees(("web-1", "pay-1", 9001)).row(OUT, "pay", 9001).ticked


def test_saving_without_a_file_loaded_changes_nothing_on_the_screen() -> None:
    scene = seen()
    before = scene.review
    scene.does(DecisionsSaved(saved(scene)))
    assert scene.review == before
    assert scene.sees(("web-1", "pay-1", 9000)).row(OUT, "pay").ticked


@pytest.mark.parametrize("general", list(GeneralRule))
def test_saving_leaves_every_row_as_it_stands(general: GeneralRule) -> None:
    scene = loaded(seen(("web-1", "pay-1", 9000), ("web-1", "203.0.113.9", 443)), saved(seen()))
    scene.tick(scene.row(OUT, "cart"), False).general(OUT, general)
    before = [stands(scene, direction) for direction in Direction], scene.review.yaml
    kept = saved(scene)
    scene.does(DecisionsSaved(kept))
    assert not scene.review.changes
    assert ([stands(scene, direction) for direction in Direction], scene.review.yaml) == before
    assert written(saved(scene)) == written(kept)
    again = loaded(seen(("web-1", "pay-1", 9000), ("web-1", "203.0.113.9", 443)), kept)
    assert (again.review.yaml, written(saved(again))) == (scene.review.yaml, written(kept))


def test_undo_after_saving_lets_in_no_row_that_was_new() -> None:
    scene = loaded(seen(("web-1", "pay-1", 9000)), saved(seen()))
    scene.tick(scene.row(OUT, "cart"), False).general(OUT, GeneralRule.ALLOW_ALL)
    scene.does(DecisionsSaved(saved(scene)))
    assert not scene.row(OUT, "pay").ticked
    assert not scene.does(Undo()).row(OUT, "pay").ticked
    assert not scene.row(OUT, "cart").ticked
    assert scene.does(Undo()).row(OUT, "cart").ticked
    pay = scene.row(OUT, "pay")
    assert (pay.ticked, pay.in_policy, pay.since) == (False, False, Since.KNOWN)


@settings(max_examples=60)
@given(ticks, rules, ticks)
def test_a_session_that_was_saved_shows_what_one_that_was_not_shows(
    first: list[tuple[Direction, int, bool]],
    generals: list[tuple[Direction, GeneralRule]],
    then: list[tuple[Direction, int, bool]],
) -> None:
    kept = saved(seen())
    more = ("web-1", "pay-1", 9000), ("web-1", "203.0.113.9", 443), ("cart-1", "web-1")
    scenes = loaded(seen(*more), kept), loaded(seen(*more), kept)
    for scene in scenes:
        for direction, number, ticked in first:
            rows = scene.table(direction).rows
            scene.does(SetTicks((rows[number % len(rows)].key,), ticked))
        scene.does(*(SetGeneralRule(*general) for general in generals))
        for direction, number, ticked in then:
            rows = scene.table(direction).rows
            scene.does(SetTicks((rows[number % len(rows)].key,), ticked))
    one, other = scenes
    one.does(DecisionsSaved(saved(one)))
    assert written(saved(one)) == written(saved(other))
    for _ in range(len(first) + len(generals) + len(then) + 1):
        assert one.review.yaml == other.review.yaml
        for direction in Direction:
            assert stands(one, direction) == stands(other, direction)
        for scene in scenes:
            scene.does(Undo())


def test_rows_stand_as_the_file_says_once_they_are_saved_under_another_general_rule() -> None:
    scene = Scene(*SHOP, ranges=RANGES).sees(("web-1", "cart-1"), time=NOW - 86_400).sees(("pay-1", "web-1"))
    scene.chooses().general(OUT, GeneralRule.INSIDE_NAMESPACE)
    loaded(scene, saved(scene)).general(OUT, GeneralRule.ROWS_DECIDE)
    kept = saved(scene)
    scene.does(DecisionsSaved(kept), ChooseTimespan(TIMESPANS[0]))
    assert (scene.row(OUT, "cart").since, scene.row(OUT, "cart").in_policy) == (Since.NOT_SEEN, True)
    assert written(saved(scene)) == written(kept)


# -- aliases -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "ticked", "told"),
    [
        (("203.0.113.7/32", "203.0.113.8/32"), True, ""),
        (("203.0.113.8/32", "203.0.113.7/32"), True, ""),
        (("203.0.113.7/32",), True, "alias proxy has lost entries"),
        (
            ("203.0.113.7/32", "203.0.113.0/24"),
            False,
            "were not saved with (203.0.113.0/24)",
        ),
    ],
)
def test_an_alias_with_entries_that_nobody_reviewed_starts_out(
    entries: tuple[str, ...], ticked: bool, told: str
) -> None:
    scene = seen().alias("proxy", "203.0.113.7", "203.0.113.8", allowed=True)
    assert scene.row(OUT, "proxy").ticked
    proxy = Alias("proxy", entries, allowed=True)
    again = loaded(seen().does(Configure(Config(aliases=(proxy,)))), saved(scene))
    assert again.row(OUT, "proxy").ticked is ticked
    notes = [warning for warning in again.review.warnings if "alias proxy" in warning]
    assert [told in note for note in notes] == ([True] if told else [])
    assert (again.row(OUT, "proxy").since is Since.NEW) is not ticked


@pytest.mark.parametrize("told", [True, False], ids=["saved", "written by hand"])
def test_an_alias_ticked_under_another_general_rule_starts_out_when_it_was_widened(told: bool) -> None:
    inside = GeneralRule.INSIDE_NAMESPACE
    first = Scene(*SHOP, ranges=RANGES).sees(("web-1", "203.0.113.7", 443), time=NOW - 86_400)
    first.sees(("web-1", "cart-1")).chooses().alias("proxy", "203.0.113.7").general(OUT, inside)
    first.tick(first.row(OUT, "proxy")).general(OUT, GeneralRule.ROWS_DECIDE)
    kept = saved(first.does(ChooseTimespan(TIMESPANS[0])))
    assert kept.aliases == {"proxy": ("203.0.113.7/32",)}
    again = Scene(*SHOP, ranges=RANGES).sees(("web-1", "cart-1"), ("web-1", "203.0.112.9", 443)).chooses()
    again.alias("proxy", "203.0.112.0/22", "203.0.113.7")
    loaded(again, kept if told else replace(kept, aliases={}))
    assert any("alias proxy has entries" in warning for warning in again.review.warnings)
    for general in GeneralRule:
        assert not again.general(OUT, general).row(OUT, "proxy").ticked
    assert "203.0.112.0/22" not in again.general(OUT, inside).review.yaml


def test_an_alias_that_is_not_configured_is_gone() -> None:
    scene = seen().alias("proxy", "203.0.113.7", allowed=True)
    again = loaded(seen(), saved(scene))
    assert again.row(OUT, "proxy").since is Since.GONE
    assert again.row(OUT, "203.0.113.7").since is Since.NEW
    assert not again.row(OUT, "203.0.113.7").ticked


def test_a_manual_rule_that_is_no_longer_possible_is_told() -> None:
    kept = saved(Scene(*SHOP).sees(*FLOWS).chooses().manual("10.96.7.0/24"))
    again = loaded(seen(), kept)
    assert any("manual rule 10.96.7.0/24" in w and "is left out" in w for w in again.review.warnings)
    assert "10.96.7.0" not in again.review.yaml


# -- namespaces without labels -----------------------------------------------------------------------------

NO_NAMES = Configure(Config(LabelConfig(namespace=LabelFilter((), ("kubernetes.io/metadata.name",)))))


def healed(scene: Scene) -> Scene:
    """Return the scene with the names of namespaces usable again."""
    return scene.does(Configure(Config()))


def test_a_row_that_lacked_a_namespace_label_stays_out_until_it_is_ticked() -> None:
    scene = seen()
    assert scene.row(OUT, "db").ticked
    assert scene.does(NO_NAMES).row(OUT, "db").unlabelled == "data"
    row = healed(scene).row(OUT, "db")
    assert (row.standing, row.unlabelled) == (Standing.OUT, "")
    assert row.reason == "its namespace had no labels until now: tick it to include it"
    assert scene.row(OUT, "cart").ticked
    assert scene.tick(row).row(OUT, "db").in_policy
    assert scene.does(Undo()).row(OUT, "db").standing is Standing.OUT


def test_undo_does_not_let_a_row_in_that_lacked_a_label() -> None:
    scene = seen()
    scene.tick(scene.row(OUT, "cart"), False)
    assert scene.does(NO_NAMES).row(OUT, "db").unlabelled
    healed(scene).does(Undo())
    assert scene.row(OUT, "cart").ticked
    assert not scene.row(OUT, "db").ticked


def test_name_look_ups_that_lacked_a_label_stay_out_too() -> None:
    scene = seen().does(NO_NAMES)
    assert scene.row(OUT, "cluster DNS").unlabelled == "kube-system"
    row = healed(scene).row(OUT, "cluster DNS")
    assert (row.ticked, row.reason[:30]) == (False, "its namespace had no labels un")
    assert scene.tick(row).row(OUT, "cluster DNS").in_policy


def test_rows_that_lack_a_label_are_saved_as_such() -> None:
    kept = saved(seen().does(NO_NAMES))
    assert sorted(key.peer.name for key in kept.decisions.egress.held) == ["cluster DNS", "db"]
    again = loaded(seen(), kept)
    assert (
        again.review.warnings[0]
        == "2 communications stay unticked until decided: labels were missing until now"
    )
    assert "egress DNS/cluster DNS" in named_changes(again.review.changes)[0]
    for name in ("db", "cluster DNS"):
        row = again.row(OUT, name)
        assert (row.ticked, row.in_policy, row.since) == (False, False, Since.KNOWN)
        assert "had no labels until now" in row.reason
        assert again.tick(row).row(OUT, name).in_policy


def test_a_row_that_was_ticked_before_it_lacked_a_label_is_saved_as_held() -> None:
    scene = seen()
    for name in ("db", "cluster DNS"):
        scene.tick(scene.row(OUT, name), False).tick(scene.row(OUT, name))
    kept = saved(scene.does(NO_NAMES))
    assert kept.decisions.egress.dns is None
    again = loaded(seen(), kept)
    assert [again.row(OUT, name).ticked for name in ("db", "cluster DNS")] == [False, False]
    # What is saved of what was loaded is the same again.
    assert written(saved(again)) == written(kept)


def test_look_ups_are_saved_as_held_when_all_is_withheld() -> None:
    scene = Scene(*SHOP, ranges=RANGES).sees(("web-1", "db-0", 5432)).chooses().does(NO_NAMES)
    assert scene.review.withheld
    again = loaded(seen(), saved(scene))
    assert not again.row(OUT, "cluster DNS").in_policy
    assert "had no labels until now" in again.row(OUT, "cluster DNS").reason


def test_a_row_that_is_held_and_left_the_timespan_is_saved_as_held() -> None:
    scene = Scene(*SHOP, ranges=RANGES).sees(("web-1", "db-0", 5432), time=NOW - 86_400)
    scene.sees(("web-1", "cart-1")).chooses().does(NO_NAMES)
    assert scene.row(OUT, "db").unlabelled
    row = loaded(seen(), saved(scene.does(ChooseTimespan(TIMESPANS[0])))).row(OUT, "db")
    assert (row.ticked, row.since) == (False, Since.KNOWN)


def test_ticks_made_before_a_row_lacked_a_label_do_not_let_it_in() -> None:
    scene = seen()
    for name in ("db", "cluster DNS"):
        scene.tick(scene.row(OUT, name), False).tick(scene.row(OUT, name))
    assert scene.does(NO_NAMES).row(OUT, "db").unlabelled
    healed(scene)
    for name in ("db", "cluster DNS"):
        row = scene.row(OUT, name)
        assert (row.ticked, row.in_policy) == (False, False)
        assert row.reason.startswith("its namespace had no labels until now: tick it to include it")
        assert scene.tick(row).row(OUT, name).in_policy
        assert not scene.does(Undo()).row(OUT, name).ticked
        assert scene.tick(row).row(OUT, name).in_policy


@pytest.mark.parametrize("general", [GeneralRule.ROWS_DECIDE, GeneralRule.INSIDE_NAMESPACE])
def test_an_untick_of_a_row_held_back_lets_it_in_under_no_general_rule(general: GeneralRule) -> None:
    scene = seen().does(NO_NAMES)
    assert scene.row(OUT, "db").unlabelled
    healed(scene).tick(scene.row(OUT, "db"), False)
    assert not scene.general(OUT, general).row(OUT, "db").ticked


@pytest.mark.parametrize("unticked", [True, False])
@pytest.mark.parametrize("reloaded", [True, False])
def test_a_tick_of_a_row_held_back_is_of_one_general_rule(unticked: bool, reloaded: bool) -> None:
    scene = seen()
    for general in GeneralRule:
        scene.general(OUT, general).tick(scene.row(OUT, "db"))
    scene.general(OUT, GeneralRule.INSIDE_NAMESPACE)
    assert scene.does(NO_NAMES).row(OUT, "db").unlabelled
    assert healed(scene).tick(scene.row(OUT, "db")).row(OUT, "db").in_policy
    if unticked:
        scene.tick(scene.row(OUT, "db"), False)
    if reloaded:
        scene = loaded(seen(), saved(scene))
    for general in GeneralRule:
        expected = general is GeneralRule.INSIDE_NAMESPACE and not unticked
        assert scene.general(OUT, general).row(OUT, "db").ticked is expected
    row = scene.general(OUT, GeneralRule.ROWS_DECIDE).row(OUT, "db")
    assert scene.tick(row).row(OUT, "db").in_policy


def test_a_file_that_says_in_counts_where_the_row_never_lacked_a_label() -> None:
    assert loaded(seen(), saved(seen())).row(OUT, "db").in_policy
    scene = seen().does(NO_NAMES)
    assert scene.row(OUT, "db").unlabelled
    loaded(healed(scene), saved(seen()))
    assert [scene.row(OUT, name).ticked for name in ("db", "cluster DNS", "cart")] == [False, False, True]


def test_rows_of_a_workload_that_no_policy_can_be_made_for_are_held_as_well() -> None:
    no_app = LabelConfig(LabelFilter((), ("app",)), LabelFilter((), ("kubernetes.io/metadata.name",)))
    scene = seen().does(Configure(Config(no_app)))
    row = scene.row(OUT, "db")
    assert (row.unlabelled, scene.review.withheld) == ("data", "")
    assert scene.review.refusal == scene.review.subject.refusal != ""
    assert row.reason == (
        "no policy can be made for Deployment/web; you need to assign labels to this namespace: data"
    )
    assert not scene.row(OUT, "cart").unlabelled
    healed(scene)
    assert [scene.row(OUT, name).ticked for name in ("db", "cluster DNS", "cart")] == [False, False, True]


def test_each_workload_remembers_its_own() -> None:
    scene = seen().does(NO_NAMES)
    assert scene.row(OUT, "db").unlabelled
    pay = WorkloadRef("Deployment", "shop", "pay")
    healed(scene).sees(("pay-1", "db-0", 5432)).chooses(pay)
    assert scene.row(OUT, "db").ticked
    assert scene.table(IN).rows == ()
    assert not scene.chooses().row(OUT, "db").ticked
