"""The label configuration: which keys every selector of the policy uses, and what follows from fewer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from netsec_tui.core.cluster.labelling import is_used, namespace_selector
from netsec_tui.core.compare.applied import Applied
from netsec_tui.model.config import Config, LabelConfig, LabelFilter
from netsec_tui.model.flow import Endpoint
from netsec_tui.model.identity import Direction, WorkloadRef
from netsec_tui.model.policy import LabelSelector
from netsec_tui.model.proof import Breach, Reach
from netsec_tui.model.review import Standing
from netsec_tui.session.actions import Configure
from tests.core.random_scenes import cluster_scenes, scenes
from tests.core.scene import (
    IN,
    OUT,
    WEB,
    Object,
    Scene,
    endpoints,
    namespace,
    owner,
    pod,
    policy,
    service,
)

NAME = "kubernetes.io/metadata.name"


def only(*keys: str) -> LabelFilter:
    return LabelFilter(include=keys)


def without(*keys: str) -> LabelFilter:
    return LabelFilter(exclude=keys)


def config(workload: LabelFilter | None = None, spaces: LabelFilter | None = None) -> Config:
    return Config(labels=LabelConfig(workload or LabelFilter(), spaces or LabelFilter()))


# -- which keys are used ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "key", "used"),
    [
        (LabelFilter(), "app", True),
        (only("app"), "app", True),
        (only("app"), "App", False),
        (only("app"), "app.kubernetes.io/name", False),
        (only("app*"), "app.kubernetes.io/name", True),
        (only("app.kubernetes.io/*"), "appXkubernetes.io/name", False),
        (only("ti?r"), "tier", True),
        (only("ti?r"), "tir", False),
        (without("helm.sh/*"), "helm.sh/chart", False),
        (without("helm.sh/*"), "app", True),
        (LabelFilter(("*",), ("app",)), "app", False),
        (LabelFilter(("app",), ("app",)), "app", False),
        (LabelFilter(("app",), ("tier",)), "track", False),
    ],
)
def test_a_key_is_used_when_it_is_included_and_not_excluded(keys: LabelFilter, key: str, used: bool) -> None:
    assert is_used(keys, key) is used


BILLING = ((NAME, "billing"), ("env", "prod"), ("team", "money"))
FLEETING = ("topology.kubernetes.io/zone", "a")
"""A label of a place or a run, which no selector uses."""


@pytest.mark.parametrize(
    ("keys", "labels", "expected"),
    [
        (LabelFilter(), BILLING, {NAME: "billing"}),
        (LabelFilter(), (), {NAME: "billing"}),
        (without("env"), BILLING, {NAME: "billing"}),
        (without(NAME), BILLING, {"env": "prod", "team": "money"}),
        (without(NAME, "env"), BILLING, {"team": "money"}),
        (without("kubernetes.io/*"), BILLING[:1], None),
        (without("*"), BILLING, None),
        (only("team"), BILLING, {"team": "money"}),
        (only("cost-centre"), BILLING, {NAME: "billing"}),
        (only("team", NAME), BILLING, {NAME: "billing", "team": "money"}),
        (LabelFilter(("cost-centre",), (NAME,)), BILLING, None),
        (without(NAME), (*BILLING, FLEETING), {"env": "prod", "team": "money"}),
        (without(NAME), (BILLING[0], FLEETING), None),
        (only(FLEETING[0]), (*BILLING, FLEETING), {NAME: "billing"}),
    ],
)
def test_what_selects_a_namespace(keys: LabelFilter, labels: Any, expected: dict[str, str] | None) -> None:
    found = namespace_selector(keys, "billing", labels)
    assert (found and dict(found.match_labels)) == expected


# -- every selector that is written -----------------------------------------------------------------------

TWO = {"app": "till", "tier": "front"}
DNS_TWO = {"k8s-app": "kube-dns", "role": "dns"}
MARKET: tuple[Object, ...] = (
    namespace("market", env="prod"),
    namespace("stock", env="prod", team="stock"),
    namespace("kube-system", team="platform"),
    namespace("default", env="system"),
    owner("till", "market", labels=TWO),
    pod("till-1", "10.244.0.1", "till", "market", labels=TWO),
    owner("shelf", "market", labels={"app": "shelf", "tier": "back"}),
    pod("shelf-1", "10.244.0.2", "shelf", "market", labels={"app": "shelf", "tier": "back"}),
    service("shelf", "10.96.0.2", ns="market", selector={"app": "shelf", "tier": "back"}),
    owner("count", "stock", labels={"app": "count", "tier": "back"}),
    pod("count-1", "10.244.0.3", "count", "stock", labels={"app": "count", "tier": "back"}),
    owner("audit", "stock", "CronJob", labels={"app": "audit", "tier": "batch"}, ports=()),
    pod("audit-1", "10.244.0.4", "audit", "stock", "CronJob", labels={"app": "audit", "tier": "batch"}),
    service("idle", "10.96.0.5", ns="stock", selector={"app": "idle", "tier": "back"}),
    owner("coredns", "kube-system", labels=DNS_TWO, ports=[("dns", "UDP", 53)]),
    pod("coredns-1", "10.244.0.53", "coredns", "kube-system", labels=DNS_TWO, ports=[("dns", "UDP", 53)]),
    service("kube-dns", "10.96.0.10", [(53, 53)], "kube-system", DNS_TWO, ("UDP", "TCP")),
    owner("apiserver", "kube-system", "StatefulSet", labels={"app": "api", "role": "control"}),
    pod(
        "apiserver-0",
        "10.244.0.60",
        "apiserver",
        "kube-system",
        "StatefulSet",
        labels={"app": "api", "role": "control"},
    ),
    service("kubernetes", "10.96.0.1", [(443, 6443)], "default", {}),
    endpoints("kubernetes", "default", ["10.244.0.60"], 6443, "p443-tcp"),
)
TILL = WorkloadRef("Deployment", "market", "till")
TALKS = (
    ("till-1", "10.96.0.2", 80),
    ("till-1", "count-1", 8080),
    ("till-1", "10.96.0.5", 80),
    ("till-1", "10.96.0.1", 443),
    ("audit-1", "till-1", 8080),
    ("till-1", "10.96.0.10", 53),
)


def market(
    workload: LabelFilter | None = None, spaces: LabelFilter | None = None, *more: Object, ref: Any = TILL
) -> Scene:
    scene = Scene(*MARKET, *more, config=config(workload, spaces)).sees(*TALKS)
    return scene.chooses(ref)


def selectors(scene: Scene) -> list[LabelSelector]:
    """Return every selector in the generated policies."""
    found = []
    for made in scene.review.policies:
        found.append(made.pod_selector)
        peers = [p for d in Direction for rule in made.rules(d) for p in rule.peers]
        found += [s for p in peers for s in (p.pod_selector, p.namespace_selector) if s is not None]
    return found


def keys_of(found: list[LabelSelector]) -> set[str]:
    return {k for s in found for k, _ in s.match_labels} | {r.key for s in found for r in s.match_expressions}


@pytest.mark.parametrize(
    ("workload", "spaces", "keys"),
    [
        (None, None, {"app", "tier", "k8s-app", "role", NAME}),
        (without("tier", "role"), None, {"app", "k8s-app", NAME}),
        (only("*app"), None, {"app", "k8s-app", NAME}),
        (only("tier", "role"), None, {"tier", "role", NAME}),
        (None, without(NAME), {"app", "tier", "k8s-app", "role", "env", "team"}),
        (only("*app"), only("team", "env"), {"app", "k8s-app", "env", "team"}),
    ],
)
def test_every_selector_of_the_policy_uses_these_keys(
    workload: LabelFilter | None, spaces: LabelFilter | None, keys: set[str]
) -> None:
    scene = market(workload, spaces)
    for direction in Direction:
        for row in scene.table(direction).rows:
            assert row.standing is not Standing.NOT_EXPRESSIBLE, row
            scene.tick(row)
    assert len(selectors(scene)) >= 10
    assert keys_of(selectors(scene)) == keys
    assert all(not selector.everything for selector in selectors(scene))


@pytest.mark.parametrize(
    ("name", "direction", "subject"),
    [
        ("shelf", OUT, "Service/shelf"),
        ("count", OUT, "Deployment/count"),
        ("idle", OUT, "Service/idle"),
        ("audit", IN, "CronJob/audit"),
    ],
)
def test_a_row_of_which_no_label_is_used_names_it_and_the_way_out(
    name: str, direction: Direction, subject: str
) -> None:
    labels = {"app": "till", "own": "yes"}
    scene = Scene(
        *(o for o in MARKET if o["metadata"]["name"] not in ("till", "till-1")),
        owner("till", "market", labels=labels),
        pod("till-1", "10.244.0.1", "till", "market", labels=labels),
        config=config(only("own", "k8s-app", "role")),
    )
    row = scene.sees(*TALKS).chooses(TILL).row(direction, name)
    way = "has no label that the label configuration uses; let it use app, tier"
    assert row.reason == f"{subject} {way}"
    assert (row.standing, row.tickable, row.reach) == (Standing.NOT_EXPRESSIBLE, False, Reach.DENIED)


def test_dns_and_the_api_server_without_a_used_label_say_so_too() -> None:
    scene = market(only("app", "tier"))
    way = "has no label that the label configuration uses; let it use k8s-app, role"
    assert scene.row(OUT, "cluster DNS").reason == f"Service/kube-dns {way}"
    scene = market(without("app", "role"))
    way = "has no label that the label configuration uses; let it use app, role"
    assert scene.row(OUT, "kubernetes").reason == f"StatefulSet/apiserver {way}"


@pytest.mark.parametrize(
    ("ref", "way"),
    [
        (TILL, "Deployment/till has no label that the label configuration uses; let it use app, tier"),
        (
            WorkloadRef("Service", "market", "shelf"),
            "Service/shelf has no label that the label configuration uses; let it use app, tier",
        ),
        (
            WorkloadRef("CronJob", "stock", "audit"),
            "CronJob/audit has no label that the label configuration uses; let it use app, tier",
        ),
    ],
)
def test_a_workload_of_which_no_label_is_used_gets_no_policy(ref: WorkloadRef, way: str) -> None:
    review = market(without("app", "t*"), None, ref=ref).review
    assert review.subject.refusal == review.refusal == way
    assert (review.policies, review.yaml, review.withheld) == ((), "", "")


def test_an_owner_known_from_flows_alone_is_filtered_like_any_other() -> None:
    web = Endpoint("10.9.0.1", "shop", "web-1", (("app", "web"), ("tier", "front")), (("Deployment", "web"),))
    cart = Endpoint("10.9.0.2", "shop", "cart-1", (("app", "cart"),))
    scene = Scene(config=config(only("tier"))).sees((web, cart, 8080)).chooses(WEB)
    assert scene.policy.pod_selector.match_labels == (("tier", "front"),)
    assert scene.row(OUT, "cart").reason.startswith("Workload/cart has no label that the label configuration")


def test_template_labels_that_are_included_stand_in_for_a_selector_without_any() -> None:
    made = owner("web", labels={"app": "web", "team": "shop", "helm.sh/chart": "web-1"})
    made["spec"]["selector"] = {"matchLabels": {"app": "web"}}
    for keys, expected in ((only("team"), {"team": "shop"}), (without("app"), None), (only("helm*"), None)):
        scene = Scene(namespace("shop"), made, config=config(keys)).chooses()
        found = scene.review.policies
        assert (dict(found[0].pod_selector.match_labels) if found else None) == expected


def test_expressions_are_filtered_by_their_key() -> None:
    made = owner("web", labels={"app": "web", "track": "a"})
    wanted = [{"key": "track", "operator": "In", "values": ["a", "b"]}]
    made["spec"]["selector"] = {"matchLabels": {"app": "web"}, "matchExpressions": wanted}
    assert keys_of(selectors(Scene(made, config=config(without("app"))).chooses())) == {"track"}
    assert keys_of(selectors(Scene(made, config=config(without("tr*"))).chooses())) == {"app"}


# -- whom fewer labels let in, too -------------------------------------------------------------------------


def test_a_peer_with_fewer_labels_names_those_that_have_them_too() -> None:
    scene = market(
        only("tier", "k8s-app", "role"), None, owner("bin", "stock", labels={"tier": "back", "x": "y"})
    )
    assert scene.row(OUT, "count").reason == "its labels are also those of Deployment/bin"
    assert scene.row(OUT, "shelf").reason == ""


def test_a_service_with_fewer_labels_names_the_pods_that_it_does_not_select() -> None:
    scene = market(only("tier", "k8s-app"))
    row = scene.row(OUT, "idle")
    scene.tick(row)
    assert scene.row(OUT, "idle").reason.endswith("its labels are also those of Deployment/count")
    assert "its labels" not in market(only("app", "k8s-app")).row(OUT, "idle").reason


def test_the_subject_names_whom_its_fewer_labels_select() -> None:
    more = owner("desk", "market", labels={"tier": "front"})
    assert market(None, None, more).review.subject.shared == ()
    review = market(only("tier"), None, more).review
    assert [str(ref) for ref in review.subject.shared] == ["Deployment/desk"]
    assert review.subject.notes == ("the policy's selector also selects Deployment/desk",)
    assert [f.who for f in review.proof.findings if f.breach is Breach.ISOLATED] == [
        "the next pod of Deployment/desk in market"
    ]


SHELF = WorkloadRef("Service", "market", "shelf")


def test_a_service_that_selects_by_fewer_labels_names_all_pods_that_are_not_its_own() -> None:
    """Of an owner some pods may be behind the Service and others not; these are isolated as well."""
    stray = pod("shelf-2", "10.244.0.9", "shelf", "market", labels={"app": "shelf", "tier": "none"})
    twin = owner("store", "market", labels={"app": "shelf", "tier": "middle"})
    whole = market(None, None, stray, twin, ref=SHELF).review
    assert (whole.subject.shared, whole.subject.behind) == ((), (("app", "shelf"), ("tier", "back")))
    review = market(only("app"), None, stray, twin, ref=SHELF).review
    assert review.policies[0].pod_selector.match_labels == (("app", "shelf"),)
    assert [str(ref) for ref in review.subject.shared] == ["Deployment/shelf", "Deployment/store"]
    isolated = [f.who for f in review.proof.findings if f.breach is Breach.ISOLATED]
    assert isolated == ["the next pod of Deployment/store in market", "market/shelf-2"]


def test_a_service_is_judged_by_its_own_pods_whatever_labels_are_used() -> None:
    stray = pod("shelf-2", "10.244.0.9", "shelf", "market", labels={"app": "shelf", "tier": "none"})
    scene = Scene(*MARKET, stray, config=config(only("app"))).sees(("till-1", "shelf-2", 9999))
    scene.sees(("till-1", "shelf-1", 8080)).chooses(SHELF)
    assert [(row.key.peer.name, row.key.port) for row in scene.table(IN).rows] == [("till", 8080)]


def test_what_is_applied_to_a_service_is_asked_of_its_own_pods_whatever_labels_are_used() -> None:
    stray = pod("shelf-2", "10.244.0.9", "shelf", "market", labels={"app": "shelf", "tier": "none"})
    to_stray = policy("stray", {"podSelector": {"matchLabels": {"tier": "none"}}}, "market")
    to_own = policy("own", {"podSelector": {"matchLabels": {"tier": "back"}}}, "market")
    scene = market(only("app"), None, stray, to_stray, to_own, ref=SHELF)
    assert [applied.policy.name for applied in scene.review.applied] == ["own"]
    held = Applied(scene.session.cluster()).on_subject(scene.review.subject)
    assert [(hold.policy.policy.name, hold.pods, hold.of) for hold in held.holds] == [("own", 1, 1)]


@pytest.mark.parametrize(
    ("spaces", "expected"),
    [
        (None, ""),
        (without(NAME), ""),
        (only("env"), "its namespace's labels are also those of market"),
        (only("env", NAME), ""),
    ],
)
def test_namespaces_that_share_their_labels_are_named(spaces: LabelFilter | None, expected: str) -> None:
    assert market(None, spaces).row(OUT, "count").reason == expected


def test_owners_in_namespaces_that_share_their_labels_are_named_with_their_namespace() -> None:
    twin = owner("twin", "market", labels={"app": "count", "tier": "back"})
    scene = market(None, only("env"), twin)
    also = "its labels are also those of Deployment/twin in market"
    assert scene.row(OUT, "count").reason == f"{also}; its namespace's labels are also those of market"
    opened = [f.who for f in scene.review.proof.findings if f.breach is Breach.POD_OPENED]
    assert opened == ["the next pod of Deployment/twin in market"]


def test_peers_in_two_namespaces_with_the_same_selectors_cover_each_other() -> None:
    labels = {"app": "count", "tier": "back"}
    more = (
        namespace("depot", env="prod"),
        owner("count", "depot", labels=labels),
        pod("count-9", "10.244.0.99", "count", "depot", labels=labels),
    )
    scene = Scene(*MARKET, *more, config=config(None, only("env"))).sees(*TALKS, ("till-1", "count-9", 8080))
    scene.chooses(TILL)
    there, here = (
        next(r for r in scene.table(OUT).rows if (r.key.peer.namespace, r.key.peer.name) == (space, "count"))
        for space in ("depot", "stock")
    )
    scene.tick(there, False)
    (row,) = (r for r in scene.table(OUT).rows if r.key == there.key)
    assert (row.ticked, row.allowed_by) == (False, "row Deployment/count 8080/TCP")
    scene.tick(here, False)
    (row,) = (r for r in scene.table(OUT).rows if r.key == there.key)
    assert (row.reach, row.allowed_by) == (Reach.DENIED, "")


# -- what is shown follows -----------------------------------------------------------------------------------


def test_labels_shown_and_searched_are_those_that_are_used() -> None:
    scene = market(without("tier", "role"))
    facts = scene.review.facts
    shown = {peer.name: dict(facts[peer].labels) for peer in facts if facts[peer].labels}
    assert shown["count"] == {"app": "count"}
    assert shown["cluster DNS"] == {"k8s-app": "kube-dns"}
    assert scene.review.subject.labels == (("app", "till"),)
    assert "tier=back" not in scene.row(OUT, "count").text
    assert "tier=back" in market().row(OUT, "count").text


def test_everything_follows_at_once_and_decisions_stay() -> None:
    scene = market()
    scene.tick(scene.row(OUT, "count"), False)
    before = scene.policy.pod_selector
    scene.does(Configure(config(without("tier"), only("env"))))
    assert before.match_labels == (("app", "till"), ("tier", "front"))
    assert scene.policy.pod_selector.match_labels == (("app", "till"),)
    assert scene.row(OUT, "count").standing is Standing.OUT
    scene.does(Configure(config()))
    assert scene.policy.pod_selector == before


# -- what holds of every configuration ---------------------------------------------------------------------


@settings(max_examples=120)
@given(st.one_of(scenes(), cluster_scenes()))
def test_no_selector_uses_another_key_or_none(scene: Scene) -> None:
    labels = scene.session.config.labels
    wide = LabelSelector()
    for made in scene.review.policies:
        assert made.pod_selector != wide
        assert all(is_used(labels.workload, key) for key in keys_of([made.pod_selector]))
        for direction in Direction:
            inside = scene.table(direction).general.value == "Allow All Inside Namespace"
            for peer in (p for rule in made.rules(direction) for p in rule.peers):
                if peer.pod_selector == wide:
                    assert inside
                    assert peer.namespace_selector is None
                elif peer.pod_selector is not None:
                    assert all(is_used(labels.workload, key) for key in keys_of([peer.pod_selector]))
                if peer.namespace_selector is not None:
                    assert peer.namespace_selector != wide
                    used = keys_of([peer.namespace_selector])
                    assert not used & {k for k in used if matches_exclude(labels.namespace, k)}


def matches_exclude(keys: LabelFilter, key: str) -> bool:
    return not is_used(LabelFilter(exclude=keys.exclude), key)


@settings(max_examples=80)
@given(st.one_of(scenes(), cluster_scenes()))
def test_whoever_shares_the_selector_of_the_workload_is_named(scene: Scene) -> None:
    review = scene.review
    assume(not review.refusal)
    named = {str(ref) for ref in review.subject.shared}
    isolated = [f for f in review.proof.findings if f.breach is Breach.ISOLATED]
    for finding in isolated:
        # A bare pod that has finished has no next one, but the proof knows of its labels.
        if not finding.who.startswith("the next pod of Pod/"):
            assert any(name in finding.sentence for name in named), (finding, named)
