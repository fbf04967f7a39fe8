"""Namespaces without labels: the message, the rows, the red lines, and a review of nothing but such rows."""

from __future__ import annotations

from typing import Any

import pytest

from netsec_tui.core.generate.provenance import Provenance
from netsec_tui.core.topology import build_topology
from netsec_tui.model.config import Config, ConfigPart, LabelConfig, LabelFilter
from netsec_tui.model.decision import GeneralRule
from netsec_tui.model.flow import Endpoint, Protocol
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.proof import Proof, Reach
from netsec_tui.model.review import Row, Standing
from netsec_tui.session.actions import Configure
from tests.core.scene import IN, OUT, SHOP, Object, Scene, inventory, namespace, owner, pod, shop, talk

NAME = "kubernetes.io/metadata.name"
NO_NAMES = Config(labels=LabelConfig(namespace=LabelFilter(exclude=(NAME,))))
FOREIGN = Endpoint("10.244.3.3", "nowhere", "x-1", (("app", "x"),))
NEED = "you need to assign labels to this namespace: "
ALL = "All communications are displayed as allowed because a policy can't be generated: "


def named(*spaces: Object, config: Config = NO_NAMES, **options: Any) -> Scene:
    """Return the shop with these namespaces instead of its own."""
    rest = (o for o in SHOP if o["kind"] != "Namespace")
    return Scene(*spaces, *rest, config=config, **options)


def partly(**labels: str) -> Scene:
    """Return web, which calls cart beside it and db in a namespace with these labels."""
    spaces = (
        namespace("shop", team="shop"),
        namespace("kube-system", team="sys"),
        namespace("data", **labels),
    )
    return named(*spaces).sees(("web-1", "cart-1"), ("web-1", "db-0", 5432)).chooses()


def stood(row: Row) -> tuple[Any, ...]:
    return row.standing, row.reach, row.reason, row.unlabelled


# -- one namespace of several ------------------------------------------------------------------------------


def test_a_row_without_a_namespace_label_says_so_and_is_not_in_the_policy() -> None:
    scene = partly()
    row = scene.row(OUT, "db")
    assert stood(row) == (Standing.NOT_EXPRESSIBLE, Reach.DENIED, f"{NEED}data", "data")
    assert "db" not in scene.review.yaml
    assert scene.review.warnings[0].startswith(f"{NEED}data (namespaces without labels); ")
    assert scene.review.warnings[0].endswith("kubectl label namespace data KEY=VALUE")
    assert scene.review.settled_in[scene.review.warnings[0]] is ConfigPart.LABELS
    assert (scene.review.withheld, scene.review.refusal) == ("", "")


def test_its_line_is_red_and_those_of_others_are_black() -> None:
    edges = {e.peer.name: e for e in build_topology(partly().review).egress.edges}
    assert {name: edge.allowed for name, edge in edges.items()} == {
        "cluster DNS": True,
        "cart": True,
        "db": False,
    }
    assert edges["db"].reason == f"{NEED}data"


def test_what_lets_a_part_of_it_through_is_named_beside_the_obstacle() -> None:
    """The block holds the pod that lives; where the next one will be is not known."""
    row = partly().manual("10.0.0.0/8").row(OUT, "db")
    assert row.reason == f"{NEED}data; in part allowed by manual rule 10.0.0.0/8 all ports"
    assert row.reach is Reach.PARTLY


def test_a_label_heals_the_row() -> None:
    scene = partly(team="data")
    assert scene.row(OUT, "db").unlabelled == ""
    peers = [peer for rule in scene.rules(OUT) for peer in rule["to"]]
    assert {"namespaceSelector": {"matchLabels": {"team": "data"}}, **DB} in peers
    assert not any("labels" in warning for warning in scene.review.warnings)


DB = {"podSelector": {"matchLabels": {"app": "db"}}}


def test_peers_in_the_workloads_own_namespace_need_no_label() -> None:
    scene = named(namespace("shop"), namespace("kube-system", team="sys")).sees(("web-1", "cart-1")).chooses()
    assert scene.row(OUT, "cart").in_policy
    assert not any("labels" in warning for warning in scene.review.warnings)


@pytest.mark.parametrize(
    ("config", "affected"),
    [
        (Config(), False),
        (NO_NAMES, True),
        (Config(labels=LabelConfig(namespace=LabelFilter(exclude=("team",)))), False),
        (Config(labels=LabelConfig(namespace=LabelFilter(include=("team",)))), False),
        (Config(labels=LabelConfig(namespace=LabelFilter(("team",), ("kubernetes.io/*",)))), True),
    ],
)
def test_the_label_of_the_name_is_usable_unless_it_is_excluded(config: Config, affected: bool) -> None:
    spaces = (namespace("shop"), namespace("kube-system", team="sys"), namespace("data"))
    scene = named(*spaces, config=config).sees(("web-1", "cart-1"), ("web-1", "db-0", 5432)).chooses()
    assert (scene.row(OUT, "db").unlabelled == "data") is affected


def test_without_any_namespace_object_an_excluded_name_is_not_relied_on() -> None:
    web = Endpoint("10.9.0.1", "shop", "web-1", (("app", "web"),), (("Deployment", "web"),))
    far = Endpoint("10.9.0.2", "far", "x-1", (("app", "x"),))
    near = Endpoint("10.9.0.3", "shop", "y-1", (("app", "y"),))
    scene = Scene(config=NO_NAMES).sees(talk(web, far), talk(web, near)).chooses()
    assert scene.row(OUT, "x").unlabelled == "far"
    assert scene.review.warnings[0].endswith(
        f"{NEED}far (namespaces without labels); kubectl label namespace far KEY=VALUE"
    )


def test_a_namespace_that_was_not_read_counts_and_is_told_apart() -> None:
    scene = shop().sees(talk(Endpoint("10.244.0.11"), FOREIGN), ("web-1", "cart-1")).chooses()
    assert scene.row(OUT, "x").unlabelled == "nowhere"
    told = f"{NEED}nowhere (namespaces without labels); it is not in the cluster state"
    assert scene.review.warnings[0] == told


def test_several_namespaces_share_one_message_with_a_label_that_would_do() -> None:
    keys = LabelFilter(include=("env*", "team"), exclude=(NAME,))
    spaces = (namespace("shop"), namespace("data"), namespace("kube-system"))
    config = Config(labels=LabelConfig(namespace=keys))
    scene = named(*spaces, config=config).sees(("web-1", "cart-1"), ("db-0", "web-1")).chooses()
    assert scene.review.warnings[0] == (
        "you need to assign labels to these namespaces: data, kube-system (namespaces without labels); "
        "kubectl label namespace data team=VALUE"
    )
    assert sum("assign labels" in warning for warning in scene.review.warnings) == 1


def test_the_namespace_of_name_look_ups_is_named_like_any_other() -> None:
    scene = named(namespace("shop", a="b"), namespace("kube-system")).sees(("web-1", "cart-1")).chooses()
    row = scene.row(OUT, "cluster DNS")
    assert stood(row) == (Standing.NOT_EXPRESSIBLE, Reach.DENIED, f"{NEED}kube-system", "kube-system")
    assert scene.review.warnings[0].startswith(f"{NEED}kube-system")
    # Where no row of name look-ups is offered, none needs the label.
    assert not any("labels" in w for w in scene.general(OUT, GeneralRule.BLOCK_ALL).review.warnings)


def test_of_an_owner_without_a_used_label_the_namespace_is_told_first() -> None:
    keys = LabelConfig(LabelFilter(include=("tier",)), NO_NAMES.labels.namespace)
    front = {"app": "front", "tier": "a"}
    made = (owner("front", labels=front), pod("front-1", "10.244.0.70", "front", labels=front))
    scene = Scene(*SHOP, *made, config=Config(labels=keys)).sees(
        ("front-1", "db-0", 5432), ("front-1", "pay-1")
    )
    scene.chooses(WorkloadRef("Deployment", "shop", "front"))
    assert scene.row(OUT, "db").reason == f"{NEED}data"
    assert scene.row(OUT, "pay").reason.startswith("Deployment/pay has no label that the label configuration")


def test_what_no_policy_can_express_needs_no_label() -> None:
    scene = partly().sees(("web-1", "db-0", 0), protocol=Protocol.ICMP)
    assert scene.row(OUT, "db", 0).unlabelled == ""


# -- all rows ---------------------------------------------------------------------------------------------


def entirely(**options: Any) -> Scene:
    """Return web, which talks to others in a namespace without labels only, in both directions."""
    spaces = (namespace("shop", team="shop"), namespace("kube-system", team="sys"), namespace("data"))
    return named(*spaces, **options).sees(("web-1", "db-0", 5432), ("db-0", "web-1")).chooses()


def is_withheld(scene: Scene) -> bool:
    review = scene.review
    assert (review.withheld != "") is (review.policies == ()) is (review.yaml == "")
    assert (review.withheld != "") is any(warning == review.withheld for warning in review.warnings)
    return bool(review.withheld)


def test_where_every_row_lacks_one_no_policy_is_made_and_all_is_shown_as_allowed() -> None:
    scene = entirely()
    review = scene.review
    assert review.withheld == review.refusal == review.warnings[0] == f"{ALL}{NEED}data"
    assert review.settled_in[review.withheld] is ConfigPart.LABELS
    assert not any("namespaces without labels" in warning for warning in review.warnings)
    assert (review.policies, review.yaml, review.proof, review.subject.refusal) == ((), "", Proof(), "")
    for direction in (IN, OUT):
        table = scene.table(direction)
        assert table.inclusions == ()
        assert table.note == f"no policy is made: {direction} stays as it is"
        assert all(row.in_policy for row in table.rows)
    assert stood(scene.row(OUT, "db"))[:2] == (Standing.NOT_EXPRESSIBLE, Reach.ALLOWED)
    assert scene.row(IN, "db").reason == f"{NEED}data"
    assert scene.row(IN, "db").unlabelled == "data"


def test_its_lines_are_black_and_no_rule_is_said_to_be_behind_them() -> None:
    review = entirely().review
    topology = build_topology(review)
    assert {edge.allowed for side in (topology.ingress, topology.egress) for edge in side.edges} == {True}
    for row in review.egress.rows:
        assert Provenance(review).rules_of(row.key).reason == review.withheld


def test_several_namespaces_are_named_there_too() -> None:
    scene = named(namespace("shop"), namespace("data"), namespace("kube-system"))
    scene.sees(("web-1", "db-0", 5432)).chooses()
    assert scene.review.withheld == (f"{ALL}you need to assign labels to these namespaces: data, kube-system")


def test_one_row_that_can_be_in_the_policy_is_enough_for_one() -> None:
    assert not is_withheld(entirely().sees(("web-1", "cart-1")))
    assert not is_withheld(entirely().sees(("web-1", "203.0.113.7", 443)))
    assert not is_withheld(entirely().sees(("web-1", "coredns-1", 5353), protocol=Protocol.UDP))


def test_name_look_ups_that_are_only_offered_do_not_count() -> None:
    scene = entirely()
    assert is_withheld(scene)
    assert is_withheld(scene.tick(scene.row(OUT, "cluster DNS"), False))


@pytest.mark.parametrize("rule", [rule for rule in GeneralRule if rule is not GeneralRule.ROWS_DECIDE])
@pytest.mark.parametrize("direction", [IN, OUT])
def test_a_general_rule_makes_a_policy_all_the_same(rule: GeneralRule, direction: Any) -> None:
    scene = entirely().general(direction, rule)
    assert not is_withheld(scene)
    assert scene.review.warnings[0].startswith(f"{NEED}data")
    assert is_withheld(scene.general(direction, GeneralRule.ROWS_DECIDE))


def test_a_manual_rule_makes_a_policy_all_the_same() -> None:
    assert not is_withheld(entirely().manual("203.0.113.0/24", IN))


def test_an_allowed_alias_makes_a_policy_all_the_same() -> None:
    scene = entirely().sees(("web-1", "203.0.113.7", 443))
    assert not is_withheld(scene.alias("far", "203.0.113.7", allowed=True))


def test_a_workload_without_any_traffic_is_isolated_as_ever() -> None:
    scene = named(namespace("shop"), namespace("kube-system", a="b")).chooses()
    assert not is_withheld(scene)
    assert scene.review.policies


def test_rows_that_did_not_change_are_the_same_objects() -> None:
    scene = entirely()
    before = scene.table(OUT).rows
    scene.tick(scene.row(OUT, "cluster DNS"), False)
    after = scene.table(OUT).rows
    assert [old is new for old, new in zip(before, after, strict=True)] == [False, True]


def test_a_label_makes_a_policy_possible() -> None:
    scene = entirely()
    assert is_withheld(scene)
    spaces = (namespace(name, team=name) for name in ("shop", "kube-system", "data"))
    rest = (o for o in SHOP if o["kind"] != "Namespace")
    scene.session.set_inventory(inventory(*spaces, *rest))
    assert not is_withheld(scene)
    assert not any("labels" in warning for warning in scene.review.warnings)


def test_a_configuration_that_uses_the_name_again_makes_a_policy_possible() -> None:
    scene = entirely()
    assert is_withheld(scene)
    assert not is_withheld(scene.does(Configure(Config())))
