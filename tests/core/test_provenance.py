"""Every rule of the policy leads to the rows behind it, and every row to its rules."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from netsec_tui.core.evaluate.match import rule_allows
from netsec_tui.core.generate.provenance import Provenance
from netsec_tui.model.connection import EndPod
from netsec_tui.model.decision import GeneralRule, PortRange
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import Direction, WorkloadRef
from netsec_tui.model.policy import NetworkPolicy, PolicyRule
from netsec_tui.model.provenance import Origins, RulePlace
from netsec_tui.model.review import Review
from tests.core.random_scenes import ADDRESSES, ENDS, PORTS, scenes
from tests.core.scene import IN, OUT, Scene, owner, pod, shop


def seen(**options: object) -> Scene:
    """Return web with two clients, two servers, an address and DNS."""
    scene = shop(owner("cart", "data"), pod("cart-d", "10.244.1.30", "cart", "data"), **options)
    scene.sees(("cart-1", "web-1"), ("cart-1", "web-2"), ("pay-1", "web-1"))
    scene.sees(
        ("web-1", "cart-1"), ("web-1", "cart-d"), ("web-1", "db-0", 5432), ("web-1", "203.0.113.7", 443)
    )
    return scene.sees(("web-1", "10.96.0.10", 53), protocol=Protocol.UDP).chooses()


def names(found: Origins | None) -> list[str]:
    assert found is not None
    return [row.key.peer.name for row in found.rows]


def rule_with(review: Review, direction: Direction, text: str) -> Origins:
    """Return what is behind the rule that one row is in."""
    (row,) = (r for r in review.of(direction).rows if r.key.peer.name == text)
    known = Provenance(review)
    (place,) = known.rules_of(row.key).rules
    found = known.origins(place)
    assert found is not None
    return found


def test_rows_that_share_a_rule_stand_behind_it_with_their_flows_together() -> None:
    review = seen().review
    found = rule_with(review, IN, "cart")
    assert names(found) == ["cart", "pay"]
    assert (found.counts.allowed, found.counts.denied, found.counts.answers) == (3, 0, 3)
    assert found.counts.total == 6
    assert (found.name, found.place) == ("deployment-web", RulePlace(0, IN, 0))


def test_each_peer_of_a_rule_leads_to_its_own_row() -> None:
    known = Provenance(seen().review)
    found = [known.origins(RulePlace(0, IN, 0, peer)) for peer in (0, 1)]
    assert [(names(one), one and one.counts.total) for one in found] == [(["cart"], 4), (["pay"], 2)]


def test_each_port_of_a_rule_leads_to_the_rows_on_that_port() -> None:
    scene = seen().sees(("cart-1", "web-1", 9090))
    known = Provenance(scene.review)
    (place,) = known.rules_of(scene.row(IN, "cart", 9090).key).rules
    ports = scene.policy.ingress[place.rule or 0].ports
    assert [port.port for port in ports] == [8080, 9090]
    behind = [known.origins(place._replace(port=number)) for number in (0, 1)]
    assert [[row.key.port for row in one.rows] for one in behind if one] == [[8080], [9090]]


def test_a_row_leads_to_its_rule_and_to_the_lines_of_it_that_are_its_own() -> None:
    scene = seen()
    found = Provenance(scene.review).rules_of(scene.row(IN, "pay").key)
    assert found.own
    assert found.rules == (RulePlace(0, IN, 0),)
    assert found.lines == (RulePlace(0, IN, 0, port=0), RulePlace(0, IN, 0, peer=1))


def test_a_row_that_is_out_has_no_rule_and_says_why() -> None:
    scene = seen()
    row = scene.row(OUT, "203.0.113.7")
    found = Provenance(scene.tick(row, False).review).rules_of(row.key)
    assert (found.rules, found.lines) == ((), ())
    assert found.reason == scene.row(OUT, "203.0.113.7").reason != ""


def test_a_row_that_a_manual_rule_lets_through_leads_to_the_rule_of_that() -> None:
    ports = (PortRange(443, 443), PortRange(8000, 8080))
    scene = seen().manual("203.0.113.0/24", protocol=Protocol.TCP, ports=ports)
    row = scene.row(OUT, "203.0.113.7")
    known = Provenance(scene.tick(row, False).review)
    found = known.rules_of(row.key)
    assert not found.own
    (place,) = found.rules
    behind = known.origins(place)
    assert behind is not None
    assert (behind.decisions, behind.rows) == (("manual rule 203.0.113.0/24 443,8000-8080/TCP",), ())
    assert [one.key for one in behind.covered] == [row.key]


def test_one_rule_for_everything_stands_for_the_general_rule_and_covers_all_rows() -> None:
    scene = seen().general(OUT, GeneralRule.ALLOW_ALL)
    known = Provenance(scene.review)
    (found,) = known.rules(OUT)
    assert found.decisions == ("general rule Allow All",)
    assert found.rows == ()
    assert {row.key for row in found.covered} == {row.key for row in scene.table(OUT).rows}
    assert {known.rules_of(row.key).rules for row in scene.table(OUT).rows} == {(RulePlace(0, OUT, 0),)}


def test_rows_that_the_general_rule_of_the_namespace_suspends_are_covered_by_its_rule() -> None:
    scene = seen().general(IN, GeneralRule.INSIDE_NAMESPACE)
    (found,) = Provenance(scene.review).rules(IN)
    assert found.decisions == ("general rule Allow All Inside Namespace",)
    assert [row.key.peer.name for row in found.covered] == ["cart", "pay"]


def test_a_direction_without_rules_has_nothing_behind_it() -> None:
    scene = seen().general(OUT, GeneralRule.BLOCK_ALL)
    known = Provenance(scene.review)
    whole = known.origins(RulePlace(0, OUT))
    assert whole is not None
    assert (whole.inclusions, whole.counts.total, known.rules(OUT)) == ((), 0, ())
    assert known.origins(RulePlace(0, OUT, 0)) is None


def test_directions_in_two_objects_name_the_object_of_each() -> None:
    scene = seen(two_objects=True)
    known = Provenance(scene.review)
    for number, direction in enumerate(Direction):
        (place,) = known.rules_of(scene.row(direction, "cart" if direction is IN else "db").key).rules
        assert place.policy == number
        assert {one.name for one in known.rules(direction)} == {f"deployment-web-{direction}"}


def test_what_is_not_there_leads_nowhere() -> None:
    scene = seen()
    known = Provenance(scene.review)
    gone = scene.row(IN, "pay").key._replace(port=1)
    assert known.rules_of(gone).reason == "the row is no longer there"
    assert known.origins(RulePlace(0, IN, 0, port=7)) is None
    assert known.origins(RulePlace(0, IN, 99)) is None


def test_a_workload_without_policy_says_why_no_row_has_a_rule() -> None:
    agent = shop().sees(("cart-1", "agent-x", 9100))
    review = agent.chooses(WorkloadRef("DaemonSet", "kube-system", "agent")).review
    (row,) = review.ingress.rows
    assert Provenance(review).rules_of(row.key).reason == review.subject.refusal != ""


def _places(review: Review, direction: Direction) -> list[tuple[int, PolicyRule]]:
    found = [rule for policy in review.policies for rule in policy.rules(direction)]
    return list(enumerate(found))


def _ends() -> list[EndPod | str]:
    pods = [e for e in ENDS.values() if e.pod]
    made = [
        EndPod(e.namespace, e.pod, e.labels, (("kubernetes.io/metadata.name", e.namespace),), (e.ip,))
        for e in pods
    ]
    return [*made, *ADDRESSES]


def _allowed(rules: list[PolicyRule], direction: Direction, ends: list[EndPod | str]) -> set[object]:
    home = NetworkPolicy("shop", "")
    return {
        (number, protocol, port)
        for rule in rules
        for number, end in enumerate(ends)
        for protocol in ("TCP", "UDP", "SCTP")
        for port in PORTS
        if rule_allows(home, rule, direction, end, protocol, port, {})
    }


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(scenes())
def test_rules_and_rows_lead_to_each_other_and_to_nothing_else(scene: Scene) -> None:
    review = scene.review
    known = Provenance(review)
    ends = _ends()
    for direction in Direction:
        rules = _places(review, direction)
        assert len(known.rules(direction)) == len(rules)
        for (index, rule), found in zip(rules, known.rules(direction), strict=True):
            assert found.inclusions, "every rule comes from somewhere"
            # What each peer's inclusions allow that peer is, together, what the rule allows.
            made = [
                PolicyRule((peer,) if peer else (), one.rule.ports)
                for number, peer in enumerate(rule.peers or (None,))
                for one in _at(known, found.place, number if peer else None).inclusions
            ]
            assert _allowed(made, direction, ends) == _allowed([rule], direction, ends)
            for row in (*found.rows, *found.covered):
                assert found.place in known.rules_of(row.key).rules, (index, row.key)
        _check_rows(review, known, direction, rules)


def _check_rows(
    review: Review, known: Provenance, direction: Direction, rules: list[tuple[int, PolicyRule]]
) -> None:
    brought = {one.key: set(one.rule.peers or (None,)) for one in review.of(direction).inclusions}
    for row in review.of(direction).rows:
        found = known.rules_of(row.key)
        if row.key in brought:
            peers = brought[row.key]
            holding = [n for n, rule in rules if peers & set(rule.peers or (None,)) or rule == PolicyRule()]
            assert [place.rule for place in found.rules] == holding != []
            assert found.own
        else:
            assert bool(found.rules) == bool(row.allowed_by)
        for place in found.rules:
            behind = known.origins(place)
            assert behind is not None
            assert row in (behind.rows if found.own else behind.covered)


def _at(known: Provenance, place: RulePlace, peer: int | None) -> Origins:
    found = known.origins(place._replace(peer=peer))
    assert found is not None
    return found
