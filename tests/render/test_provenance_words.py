"""What stands behind a rule is said in one line, and listed in a detail, with flows and times."""

from __future__ import annotations

import pytest

from netsec_tui.core.generate.provenance import Provenance
from netsec_tui.model.config import Config, LabelConfig, LabelFilter
from netsec_tui.model.decision import GeneralRule
from netsec_tui.model.flow import Protocol
from netsec_tui.model.provenance import RulePlace
from netsec_tui.render.detail import detail_lines
from netsec_tui.render.provenance import MOST_ROWS, origins_sentence, rules_text
from tests.core.scene import IN, OUT, SHOP, Scene, namespace, shop


def seen() -> Scene:
    """Return web with clients cart and pay and some egress."""
    scene = shop().sees(("cart-1", "web-1"), ("cart-1", "web-2"), ("pay-1", "web-1"))
    scene.sees(("web-1", "db-0", 5432), ("web-1", "203.0.113.7", 443))
    return scene.chooses()


def sentence(scene: Scene, place: RulePlace) -> str:
    found = Provenance(scene.review).origins(place)
    assert found is not None
    return origins_sentence(scene.review, found)


def detail(scene: Scene, place: RulePlace, width: int = 100) -> list[str]:
    return [line.text for line in detail_lines(scene.review, place, width)]


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (
            RulePlace(0, IN, 0),
            "ingress rule 1 of deployment-web: 2 rows, 3 flows allowed: cart 8080/TCP, pay 8080/TCP",
        ),
        (
            RulePlace(0, IN, 0, peer=1),
            "ingress rule 1 of deployment-web, pods app=pay: 1 row, 1 flow allowed: pay 8080/TCP",
        ),
        (
            RulePlace(0, IN, 0, port=0),
            "ingress rule 1 of deployment-web, 8080/TCP: 2 rows, 3 flows allowed: "
            "cart 8080/TCP, pay 8080/TCP",
        ),
        (RulePlace(0, IN), "ingress of deployment-web: 2 rows, 3 flows allowed: cart 8080/TCP, pay 8080/TCP"),
        (
            RulePlace(0, OUT, 0, peer=0),
            "egress rule 1 of deployment-web, pods app=db in data: 1 row, 1 flow allowed: "
            "data/sts/db 5432/TCP",
        ),
    ],
)
def test_a_place_of_the_policy_says_what_is_behind_it(place: RulePlace, said: str) -> None:
    assert sentence(seen(), place) == said


def test_a_namespace_that_is_selected_by_other_labels_is_said_with_these() -> None:
    spaces = (namespace("shop", team="shop"), namespace("data", env="prod"))
    rest = (o for o in SHOP if o["kind"] != "Namespace")
    keys = LabelFilter(exclude=("kubernetes.io/metadata.name",))
    scene = Scene(*spaces, *rest, config=Config(labels=LabelConfig(namespace=keys)))
    scene.sees(("web-1", "db-0", 5432)).chooses()
    said = sentence(scene, RulePlace(0, OUT, 0, peer=0))
    assert said.startswith("egress rule 1 of deployment-web, pods app=db in namespaces with env=prod: 1 row")


def test_a_direction_without_rules_says_what_that_means() -> None:
    scene = seen().general(OUT, GeneralRule.BLOCK_ALL)
    said = "egress of deployment-web: no row is included: all egress is refused"
    assert sentence(scene, RulePlace(0, OUT)) == said
    assert detail(scene, RulePlace(0, OUT)) == [
        "Egress of deployment-web",
        "no row is included: all egress is refused",
    ]


def test_a_decision_is_named_with_the_rows_that_it_lets_through() -> None:
    scene = seen().manual("203.0.113.0/24", protocol=Protocol.TCP)
    scene.tick(scene.row(OUT, "203.0.113.7"), False)
    (place,) = Provenance(scene.review).rules_of(scene.row(OUT, "203.0.113.7").key).rules
    said = "manual rule 203.0.113.0/24 all ports/TCP; lets 1 row through that brings no rule"
    assert sentence(scene, place).endswith(f": {said}")
    lines = detail(scene, place)
    assert "Decided     manual rule 203.0.113.0/24 all ports/TCP" in lines
    at = lines.index("Rows let through that bring no rule: 1")
    assert lines[at + 1] == "IP 203.0.113.7 443/TCP"


def test_the_detail_lists_every_row_with_its_flows_and_times_the_busiest_first() -> None:
    lines = detail(seen(), RulePlace(0, IN, 0))
    assert lines[:2] == ["Ingress rule 1 of deployment-web", "Flows       6: 3 allowed, 0 denied, 3 answers"]
    at = lines.index("Rows behind it: 2")
    assert [lines[at + 1], lines[at + 3]] == [
        "Deployment/cart in shop 8080/TCP",
        "Deployment/pay in shop 8080/TCP",
    ]
    assert lines[at + 2].startswith("  2 allowed, 0 denied, 2 answers; first 2026-")


def test_a_long_list_is_counted_and_no_line_is_wider_than_the_detail() -> None:
    scene = shop()
    for number in range(MOST_ROWS + 3):
        scene.sees(("web-1", f"203.0.{113 + number // 250}.{1 + number % 250}", 443))
    scene.chooses()
    for row in scene.table(OUT).rows:
        scene.tick(row)
    (place,) = Provenance(scene.review).rules_of(scene.table(OUT).rows[-1].key).rules
    lines = detail(scene, place, 40)
    assert lines[-1] == "and 3 more with fewer flows"
    assert max(map(len, lines)) <= 40
    assert sentence(scene, place).endswith(" and 200 more")


def test_a_place_that_is_gone_has_no_detail() -> None:
    assert detail(seen(), RulePlace(0, IN, 5)) == []


def test_a_row_names_its_rules_counted_from_one() -> None:
    scene = seen()
    known = Provenance(scene.review)
    row = scene.row(OUT, "db")
    assert rules_text(scene.review, known.rules_of(row.key)) == "egress rule 1 of deployment-web"
    detail_of_row = [line.text for line in detail_lines(scene.review, row.key, 100)]
    assert "Rule        egress rule 1 of deployment-web" in detail_of_row
    scene.tick(row, False)
    assert rules_text(scene.review, Provenance(scene.review).rules_of(row.key)) == ""
