"""The session: one place of state, actions in, a review out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.errors import BadInputError, NotFoundError
from netsec_tui.model.config import Config
from netsec_tui.model.decision import Alias, Decisions, GeneralRule, ManualRule, PortRange
from netsec_tui.model.flow import Gap, Protocol
from netsec_tui.model.identity import CommunicationKey, Direction, WorkloadRef, address_peer
from netsec_tui.model.timespan import TIMESPANS
from netsec_tui.session.actions import (
    Action,
    AddManualRule,
    ChooseTimespan,
    ChooseWorkload,
    ConfigSaved,
    RemoveAlias,
    RemoveManualRule,
    SetAlias,
    SetGeneralRule,
    SetTicks,
    Undo,
)
from tests.core.scene import IN, NOW, OUT, SHOP, WEB, Scene, inventory, known_ends, shop, talk

PAY = WorkloadRef("Deployment", "shop", "pay")
ENDS = known_ends(SHOP)
RANGES = {"pod_cidrs": ("10.244.0.0/16",), "service_cidrs": ("10.96.0.0/16",)}


def busy() -> Scene:
    """Return the shop with rows of every sort for web, and some for pay."""
    return (
        Scene(*SHOP, ranges=RANGES)
        .sees(
            ("pay-1", "web-1"),
            ("203.0.113.50", "web-1"),
            ("web-1", "cart-1"),
            ("web-1", "db-0", 5432),
            ("web-1", "agent-x", 9100),
            ("web-1", "203.0.113.7", 443),
            ("web-1", "203.0.113.8", 443),
            ("pay-1", "203.0.113.7", 443),
        )
        .chooses()
    )


# -- scope -------------------------------------------------------------------------------------------------


def test_before_a_workload_is_chosen_there_is_no_review() -> None:
    scene = shop().sees(("pay-1", "web-1"))
    assert scene.session.review() is None
    assert scene.session.scope is None
    assert scene.session.decisions == Decisions()


def test_workloads_are_those_with_communications() -> None:
    found = {choice.ref: (choice.ingress, choice.egress) for choice in busy().session.workloads()}
    assert found[WEB] == (2, 5)
    assert found[WorkloadRef("Service", "shop", "web")] == (2, 5)
    assert WorkloadRef("Deployment", "kube-system", "coredns") not in found
    assert not any(ref.kind == "Node" for ref in found)


def test_host_network_workloads_are_listed_and_refused() -> None:
    scene = busy()
    agent = WorkloadRef("DaemonSet", "kube-system", "agent")
    assert [c.host_network for c in scene.session.workloads() if c.ref == agent] == [True]
    review = scene.chooses(agent).review
    assert "host network" in review.subject.refusal
    assert (review.policies, review.yaml) == ((), "")


@pytest.mark.parametrize(
    ("ref", "told"),
    [
        (WorkloadRef("Deployment", "shop", "nope"), ["Deployment/nope", "'shop'", "Deployment/web"]),
        (WorkloadRef("Deployment", "shoop", "web"), ["'shoop'", "shop"]),
        (WorkloadRef("CronJob", "shop", "web"), ["CronJob/web", "Deployment/web"]),
    ],
)
def test_an_unknown_workload_is_one_helpful_sentence(ref: WorkloadRef, told: list[str]) -> None:
    scene = busy()
    with pytest.raises(NotFoundError) as raised:
        scene.chooses(ref)
    assert all(part in str(raised.value) for part in told)
    assert "\n" not in str(raised.value)
    assert scene.session.scope == WEB


def test_with_nothing_recorded_the_sentence_says_so() -> None:
    with pytest.raises(NotFoundError, match="no communication of any workload was recorded yet"):
        Scene().chooses()


def test_a_workload_of_the_cluster_state_can_be_chosen_without_traffic() -> None:
    assert shop().chooses().review.ingress.rows == ()


# -- decisions are kept ------------------------------------------------------------------------------------


def test_decisions_are_kept_for_each_workload() -> None:
    scene = busy().manual("198.51.100.0/24").general(IN, GeneralRule.BLOCK_ALL)
    scene.tick(scene.row(OUT, "203.0.113.7"))
    before = scene.review
    scene.chooses(PAY)
    assert scene.session.decisions == Decisions()
    assert not scene.row(OUT, "203.0.113.7").ticked
    assert scene.chooses(WEB).review == before


def test_aliases_are_shared_by_all_workloads() -> None:
    scene = busy().alias("partner", "203.0.113.7", allowed=True).chooses(PAY)
    assert scene.row(OUT, "partner").ticked
    assert [alias.name for alias in scene.session.aliases] == ["partner"]


ACTIONS: dict[str, Action] = {
    "tick": SetTicks((CommunicationKey(OUT, address_peer("203.0.113.7"), Protocol.TCP, 443),), True),
    "general": SetGeneralRule(OUT, GeneralRule.INSIDE_NAMESPACE),
    "manual": AddManualRule(ManualRule(OUT, "198.51.100.0/24")),
    "alias": SetAlias(Alias("partner", ("203.0.113.7", "203.0.113.8"), True)),
}


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_undo_takes_back_the_last_decision(action: Action) -> None:
    scene = busy()
    before = scene.review
    changed = scene.does(action).review
    assert changed.yaml != before.yaml
    assert scene.does(Undo()).review == before
    assert scene.does(Undo()).review == before


def test_undo_goes_back_one_by_one() -> None:
    scene = busy()
    seen = [scene.review, *(scene.does(action).review for action in ACTIONS.values())]
    for earlier in reversed(seen[:-1]):
        assert scene.does(Undo()).review == earlier


def test_undo_leaves_other_workloads_and_their_aliases_alone() -> None:
    scene = busy()
    scene.tick(scene.row(OUT, "203.0.113.7"))
    scene.chooses(PAY).alias("partner", "203.0.113.8").tick(scene.row(OUT, "203.0.113.7"))
    scene.chooses(WEB).does(Undo())
    assert not scene.row(OUT, "203.0.113.7").ticked
    assert [alias.name for alias in scene.session.aliases] == ["partner"]
    assert scene.chooses(PAY).row(OUT, "203.0.113.7").ticked


def test_what_changes_nothing_is_not_undone_in_place_of_a_decision() -> None:
    scene = busy().manual("198.51.100.0/24")
    not_tickable = scene.row(OUT, "agent").key
    unknown = CommunicationKey(OUT, address_peer("192.0.2.1"), Protocol.TCP, 1)
    idle: list[Action] = [
        SetTicks((not_tickable, unknown), True),
        SetTicks((), True),
        AddManualRule(ManualRule(OUT, "198.51.100.0/24")),
        RemoveManualRule(OUT, 7),
        RemoveAlias("nobody"),
        SetGeneralRule(OUT, GeneralRule.ROWS_DECIDE),
    ]
    before = scene.review
    assert scene.does(*idle).review == before
    assert scene.does(Undo()).table(OUT).manual == ()


def test_a_row_that_is_not_tickable_stays_as_it_is_among_others() -> None:
    scene = busy()
    keys = tuple(row.key for row in scene.table(OUT).rows)
    scene.does(SetTicks(keys, True))
    assert {row.ticked for row in scene.table(OUT).rows if row.tickable} == {True}
    assert not scene.row(OUT, "agent").ticked


# -- manual rules ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"cidr": "10.244.3.0/24"}, "inside the pod range 10.244.0.0/16"),
        ({"cidr": "10.244.0.0/16"}, "inside the pod range 10.244.0.0/16"),
        ({"cidr": "10.96.0.12/32"}, "inside the service range 10.96.0.0/16"),
        ({"cidr": "203.0.113.0/33"}, "not an IP address"),
        ({"cidr": "203.0.113.0/24", "ports": (PortRange(443, 443),)}, "ports need a protocol"),
        ({"cidr": "203.0.113.0/24", "protocol": Protocol.ICMP}, "ICMP cannot be written"),
        (
            {"cidr": "203.0.113.0/24", "protocol": Protocol.TCP, "ports": (PortRange(9, 8),)},
            "9-8 is no range of ports",
        ),
        (
            {"cidr": "203.0.113.0/24", "protocol": Protocol.TCP, "ports": (PortRange(0, 8),)},
            "0-8 is no range of ports",
        ),
        (
            {"cidr": "203.0.113.0/24", "protocol": Protocol.TCP, "ports": (PortRange(1, 65536),)},
            "1-65536 is no range of ports",
        ),
    ],
)
@pytest.mark.parametrize("direction", list(Direction))
def test_a_manual_rule_is_refused_with_the_reason(direction: Direction, rule: Any, told: str) -> None:
    scene = busy()
    before = scene.review
    with pytest.raises(BadInputError, match=told):
        scene.does(AddManualRule(ManualRule(direction, **rule)))
    assert scene.review == before


def test_what_is_refused_can_be_asked_before() -> None:
    check = busy().session.check_manual
    assert "tick rows instead" in check(ManualRule(OUT, "10.244.3.0/24"))
    assert check(ManualRule(OUT, "0.0.0.0/0")) == ""


def test_host_bits_never_reach_the_policy() -> None:
    scene = busy().manual("203.0.113.99/24")
    assert [rule.cidr for rule in scene.table(OUT).manual] == ["203.0.113.0/24"]


def test_a_manual_rule_is_removed_by_its_place() -> None:
    scene = busy().manual("198.51.100.0/24").manual("192.0.2.0/24").does(RemoveManualRule(OUT, 0))
    assert [rule.cidr for rule in scene.table(OUT).manual] == ["192.0.2.0/24"]


# -- aliases -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alias", "told"),
    [
        (Alias("", ("203.0.113.7",)), "needs a name"),
        (Alias("  ", ("203.0.113.7",)), "needs a name"),
        (Alias("partner", ()), "at least one"),
        (Alias("partner", ("203.0.113.7", "nonsense")), "'nonsense' is not an IP address"),
    ],
)
def test_an_alias_that_cannot_be_used_is_refused(alias: Alias, told: str) -> None:
    scene = busy()
    with pytest.raises(BadInputError, match=told):
        scene.does(SetAlias(alias))
    assert scene.session.aliases == ()


def test_entries_of_an_alias_become_canonical_and_sorted() -> None:
    scene = busy().alias("partner", "203.0.113.99/24", "2001:DB8::1", "203.0.113.0/24")
    assert scene.session.aliases == (Alias("partner", ("2001:db8::1/128", "203.0.113.0/24")),)


def test_an_alias_is_replaced_by_name_and_removed() -> None:
    scene = busy().alias("b", "192.0.2.1").alias("a", "192.0.2.2").alias("b", "192.0.2.3")
    assert [(a.name, a.entries) for a in scene.session.aliases] == [
        ("a", ("192.0.2.2/32",)),
        ("b", ("192.0.2.3/32",)),
    ]
    assert [a.name for a in scene.does(RemoveAlias("a")).session.aliases] == ["b"]


def entries(scene: Scene) -> dict[str, tuple[str, ...]]:
    return {alias.name: alias.entries for alias in scene.session.aliases}


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ({"one": ("203.0.113.7/32", "203.0.113.8/32")}, {"one": ("203.0.113.8/32",)}),
        ({"one": ("203.0.113.7/32",)}, {}),
        ({"wide": ("203.0.113.0/24",)}, {"wide": ("203.0.113.0/24",)}),
    ],
    ids=["it keeps the rest", "nothing is left of it", "a range stays whole"],
)
def test_an_address_moves_from_one_alias_to_another(others, expected) -> None:
    scene = busy()
    for name, held in others.items():
        scene.alias(name, *held)
    scene.alias("two", "203.0.113.7", allowed=True)
    assert entries(scene) == {**expected, "two": ("203.0.113.7/32",)}
    assert scene.row(OUT, "two").ticked
    assert entries(scene.does(Undo())) == others


def test_a_renamed_alias_keeps_its_ticks_in_every_workload() -> None:
    scene = busy().alias("one", "203.0.113.7", allowed=True)
    scene.tick(scene.row(OUT, "one"), False)
    scene.chooses(PAY).tick(scene.row(OUT, "one"), False)
    scene.does(SetAlias(Alias("two", ("203.0.113.7",), True), old="one"))
    for workload in (PAY, WEB):
        row = scene.chooses(workload).row(OUT, "two")
        assert not row.ticked
        assert "one" not in scene.names(OUT)
    scene.chooses(PAY).does(Undo())
    assert entries(scene) == {"one": ("203.0.113.7/32",)}
    for workload in (PAY, WEB):
        assert not scene.chooses(workload).row(OUT, "one").ticked


def test_an_alias_that_joins_another_takes_over_its_ticks() -> None:
    scene = busy().alias("one", "203.0.113.7").alias("two", "203.0.113.8")
    scene.tick(scene.row(OUT, "one"))
    scene.does(SetAlias(Alias("two", ("203.0.113.7", "203.0.113.8")), old="one"))
    assert entries(scene) == {"two": ("203.0.113.7/32", "203.0.113.8/32")}
    assert not scene.row(OUT, "two").ticked


# -- new input ---------------------------------------------------------------------------------------------


def test_the_version_grows_with_every_change() -> None:
    scene = busy()
    versions = [scene.session.version]
    steps = [
        lambda: scene.session.add_flows(talk(ENDS["web-1"], ENDS["pay-1"])),
        lambda: scene.session.set_inventory(inventory(*SHOP[:-1])),
        lambda: scene.chooses(PAY),
        lambda: scene.does(ChooseTimespan(TIMESPANS[0])),
        *(lambda action=action: scene.does(action) for action in ACTIONS.values()),
        lambda: scene.does(Undo()),
    ]
    for step in steps:
        step()
        versions.append(scene.session.version)
    assert versions == sorted(set(versions))


def test_the_same_cluster_state_again_changes_no_version() -> None:
    scene = shop()
    version = scene.session.version
    scene.session.set_inventory(inventory(*reversed(SHOP)))
    assert scene.session.version == version


def test_new_flows_never_move_a_tick() -> None:
    scene = busy()
    scene.tick(scene.row(OUT, "203.0.113.7")).tick(scene.row(OUT, "cart"), False)
    ticks = {row.key: row.ticked for row in (*scene.table(IN).rows, *scene.table(OUT).rows)}
    scene.sees(("web-1", "198.51.100.1", 443), ("web-2", "cart-1"), ("web-1", "203.0.113.7", 80))
    scene.sees(("web-1", "203.0.113.7", 443), ("pay-1", "web-2"))
    after = {row.key: row.ticked for row in (*scene.table(IN).rows, *scene.table(OUT).rows)}
    assert ticks.items() <= after.items()
    assert len(after) == len(ticks) + 2


def test_a_row_that_started_out_may_start_in_later_but_not_against_a_decision() -> None:
    scene = shop().sees(("pay-1", "cart-1"))
    request, reply = talk(ENDS["web-1"], ENDS["cart-1"])
    scene.sees([request]).chooses()
    assert not scene.row(OUT, "cart").ticked
    scene.tick(scene.row(OUT, "cart")).tick(scene.row(OUT, "cart"), False).sees([reply])
    assert not scene.row(OUT, "cart").ticked


def test_rows_that_did_not_change_are_the_same_objects() -> None:
    scene = busy()
    before = {row.key: row for row in (*scene.table(IN).rows, *scene.table(OUT).rows)}
    scene.tick(scene.row(OUT, "203.0.113.7"))
    scene.sees(("web-2", "cart-1"))
    changed = {"203.0.113.7", "cart"}
    for row in (*scene.table(IN).rows, *scene.table(OUT).rows):
        same = before[row.key] is row
        assert same == (not (row.key.direction is OUT and row.key.peer.name in changed)), row.key


def test_a_review_is_made_once_for_a_version() -> None:
    scene = busy()
    assert scene.review is scene.review


def test_gaps_are_kept_and_told() -> None:
    scene = busy()
    scene.session.add_flows([Gap(NOW, 3, "the ring buffer was overwritten")])
    assert scene.session.lost == {"the ring buffer was overwritten": 3}
    assert any("3 events or lines were lost" in warning for warning in scene.review.warnings)


# -- time --------------------------------------------------------------------------------------------------


def test_a_timespan_of_files_ends_at_the_newest_record() -> None:
    scene = shop()
    scene.sees(("pay-1", "web-1"), time=NOW - 7200).sees(("web-1", "cart-1"), time=NOW - 4000).chooses()
    scene.does(ChooseTimespan(TIMESPANS[0]))
    assert (scene.names(IN), scene.names(OUT)) == ([], ["cluster DNS", "cart"])
    coverage = scene.review.coverage
    assert (coverage.asked, coverage.newest, coverage.live) == (TIMESPANS[0], NOW - 4000, False)
    assert scene.does(ChooseTimespan(TIMESPANS[-1])).review.coverage.covered == 3200


def test_a_timespan_of_live_input_ends_now() -> None:
    scene = shop(live=True)
    scene.sees(("pay-1", "web-1"), time=NOW - 7200).chooses().does(ChooseTimespan(TIMESPANS[0]))
    assert scene.names(IN) == []
    assert scene.does(ChooseTimespan(TIMESPANS[2])).names(IN) == ["pay"]


def test_a_short_time_is_warned_of() -> None:
    assert any("observe at least 12 h" in warning for warning in busy().review.warnings)
    scene = busy().sees(("web-1", "cart-1"), time=NOW - 13 * 3600)
    assert not any("observe at least 12 h" in warning for warning in scene.review.warnings)


# -- the whole ---------------------------------------------------------------------------------------------

keys = st.integers(0, 7)
steps = st.one_of(
    st.tuples(st.just("tick"), keys, st.booleans()),
    st.tuples(st.just("general"), st.sampled_from(list(Direction)), st.sampled_from(list(GeneralRule))),
    st.tuples(st.just("manual"), st.sampled_from(["198.51.100.0/24", "203.0.113.0/24"])),
    st.tuples(st.just("alias"), st.sampled_from(["203.0.113.7", "203.0.113.0/24"]), st.booleans()),
    st.tuples(st.just("undo")),
    st.tuples(
        st.just("flows"),
        st.sampled_from(["203.0.113.7", "203.0.113.9", "cart-1", "db-0", "agent-x"]),
        st.sampled_from([443, 5432, 8080]),
    ),
)


def carry_out(scene: Scene, step: tuple[Any, ...]) -> None:
    match step:
        case ("tick", number, ticked):
            rows = (*scene.table(IN).rows, *scene.table(OUT).rows)
            scene.tick(rows[number % len(rows)], ticked)
        case ("general", direction, rule):
            scene.general(direction, rule)
        case ("manual", cidr):
            scene.manual(cidr)
        case ("alias", entry, allowed):
            scene.alias("partner", entry, allowed=allowed)
        case ("flows", server, port):
            scene.sees(("web-1", server, port))
        case _:
            scene.does(Undo())


@settings(max_examples=60)
@given(st.lists(steps, max_size=8))
def test_a_review_depends_on_the_decisions_and_not_on_the_way_to_them(taken: list[tuple[Any, ...]]) -> None:
    scene = busy()
    for step in taken:
        carry_out(scene, step)
        assert scene.review is not None
    fresh = busy().sees(*(("web-1", *step[1:]) for step in taken if step[0] == "flows"))
    fresh.does(*(SetAlias(alias) for alias in scene.session.aliases))
    # Ticks under a rule that is not in force, or of folded rows, cannot be made again by actions.
    fresh.session._ledger.put(WEB, scene.session.decisions, {})
    fresh.does(ChooseWorkload(WEB))
    assert fresh.review == scene.review


def test_undo_takes_no_entry_from_the_alias_that_has_it_by_now() -> None:
    first = (Alias("a", ("203.0.113.7/32", "203.0.113.8/32")), Alias("b", ("198.51.100.1/32",)))
    scene = shop(config=Config(aliases=first)).sees(("web-1", "203.0.113.7", 443)).chooses()
    scene.does(RemoveAlias("a"), RemoveAlias("b"))
    others = (Alias("c", ("198.51.100.1/32", "203.0.113.7/32")),)
    scene.does(ConfigSaved(Config(aliases=others)), Undo(), Undo())
    # Nothing is left of b.
    assert scene.session.aliases == (Alias("a", ("203.0.113.8/32",)), *others)
    assert scene.names(OUT) == ["cluster DNS", "c"]
