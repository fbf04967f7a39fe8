"""Whatever is asked about a row is asked about the same pairs: the answers of all evaluations go together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from netsec_tui.core.compare.applied import Applied
from netsec_tui.core.compare.applied_verdict import Verdicts
from netsec_tui.core.compare.row_ends import RowEnds, is_translated
from netsec_tui.core.compare.whatif import VERDICTS, what_if
from netsec_tui.model.applied import AppliedVerdict
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import Direction
from netsec_tui.model.inventory import AppliedPolicy
from netsec_tui.model.proof import Reach
from netsec_tui.model.review import Row
from netsec_tui.model.whatif import Forecast, Scenario, WhatIfVerdict
from tests.core.random_policies import applied_policies, applies
from tests.core.random_scenes import cluster_scenes, scenes
from tests.core.scene import IN, OUT, Object, Scene, policy, shop, talk

APPLIED, BOTH, DRAFT = Scenario

CLOSED: Object = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def answers(scene: Scene, row: Row) -> tuple[AppliedVerdict, Forecast]:
    """Return what is applied says of a row, and what what-if says of the same policies."""
    ground = scene.session.ground()
    assert ground is not None
    found = Verdicts(Applied(ground), scene.review.subject).of(row.communication)
    return found, what_if(scene.review, ground)[APPLIED].forecasts[row.key]


def applies_its_draft(scene: Scene) -> None:
    drafted = scene.review.policies
    names = {(p.namespace, p.name) for p in drafted}
    inventory = scene.session.inventory
    kept = [p for p in inventory.policies if (p.policy.namespace, p.policy.name) not in names]
    applied = (*kept, *(AppliedPolicy(p, {}) for p in drafted))
    scene.session.set_inventory(replace(inventory, policies=applied))
    assert scene.review.policies == drafted


@given(st.one_of(scenes(), cluster_scenes()), applied_policies, st.booleans())
@settings(max_examples=80)
def test_what_is_applied_and_what_if_agree_on_every_row(
    scene: Scene, policies: tuple[Object, ...], drafted: bool
) -> None:
    applies(scene, policies)
    if drafted:
        applies_its_draft(scene)
    ground = scene.session.ground()
    assert ground is not None
    found, verdicts = what_if(scene.review, ground), Verdicts(Applied(ground), scene.review.subject)
    for direction in Direction:
        for row in scene.table(direction).rows:
            told, first = verdicts.of(row.communication), found[APPLIED].forecasts[row.key]
            assert VERDICTS[told.outcome] is first.verdict, (row.key, told, first)
            if drafted:
                second = found[BOTH].forecasts[row.key]
                assert (first.verdict, first.share) == (second.verdict, second.share), row.key


@given(st.one_of(scenes(), cluster_scenes()))
@settings(max_examples=60)
def test_a_draft_that_alone_is_applied_does_to_each_decided_row_what_the_row_says(scene: Scene) -> None:
    scene.session.set_inventory(replace(scene.session.inventory, policies=(), overriding=()))
    assume(not scene.review.subject.refusal)
    applies_its_draft(scene)
    ground = scene.session.ground()
    assert ground is not None
    verdicts, ends = Verdicts(Applied(ground), scene.review.subject), RowEnds(ground, scene.review.subject)
    for direction in Direction:
        for row in scene.table(direction).rows:
            # Of a Service's own address, and of a source that may be replaced, the row tells less.
            others = ends.peers(row.communication)
            if any(isinstance(end, str) and ground.state.service_at(end) for end in others):
                continue
            if is_translated(row.communication):
                continue
            side = verdicts.of(row.communication).side(direction)
            if row.reach in (Reach.ALLOWED, Reach.DENIED):
                assert side.outcome is row.reach, (row.key, row.reach, side)


# -- a workload's traffic with itself ---------------------------------------------------------------------


def test_a_pods_connection_to_itself_is_no_pair() -> None:
    scene = shop(policy("closed", CLOSED)).sees(("web-1", "web-2")).chooses()
    row = scene.row(OUT, "web")
    told, forecast = answers(scene, row)
    # Of web-1, web-2 and the next pod each to the two others.
    assert (told.outcome, told.pairs) == (Reach.DENIED, 6)
    assert (forecast.verdict, forecast.share) == (WhatIfVerdict.WOULD_BE_DENIED, "")


def test_pods_that_are_told_apart_make_no_pairs_with_themselves() -> None:
    to_one = {
        "podSelector": {"matchLabels": {"app": "web"}},
        "policyTypes": ["Egress"],
        "egress": [{"to": [{"ipBlock": {"cidr": "10.244.0.11/32"}}]}],
    }
    scene = shop(policy("one", to_one), ranges={"pod_cidrs": ("10.99.0.0/16",)})
    told, forecast = answers(scene.sees(("web-1", "web-2")).chooses(), scene.row(OUT, "web"))
    assert (told.outcome, told.allowed, told.pairs) == (Reach.PARTLY, 2, 6)
    # Which address the next pod gets is not known.
    assert told.short.startswith("2 of 6 pairs of pods may, of 2 it cannot be told; ")
    assert forecast.share == "2 of 6 pairs of pods"


# -- every port of a row ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("protocols", "outcome"),
    [
        (("UDP", "TCP"), Reach.ALLOWED),
        (("UDP",), Reach.PARTLY),
        (("TCP",), Reach.PARTLY),
        (("SCTP",), Reach.DENIED),
    ],
)
def test_every_port_of_a_row_is_asked_about(protocols: tuple[str, ...], outcome: Reach) -> None:
    ports = [{"port": 5353, "protocol": protocol} for protocol in protocols]
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": ports}]}
    scene = shop(policy("dns", spec)).sees(("web-1", "coredns-1", 5353), protocol=Protocol.UDP).chooses()
    told, forecast = answers(scene, scene.row(OUT, "cluster DNS"))
    assert (told.outcome, forecast.verdict) == (outcome, VERDICTS[outcome])


# -- source NAT ---------------------------------------------------------------------------------------------


def front(kind: str) -> Object:
    spec: Any = {"type": kind, "clusterIP": "10.96.0.77", "clusterIPs": ["10.96.0.77"]}
    spec |= {"selector": {"app": "web"}, "ports": [{"name": "p", "port": 80, "targetPort": 8080}]}
    meta = {"name": "front", "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [("NodePort", Reach.UNKNOWN), ("LoadBalancer", Reach.UNKNOWN), ("ClusterIP", Reach.DENIED)],
)
def test_behind_a_node_port_the_source_may_have_been_replaced(kind: str, outcome: Reach) -> None:
    lock = policy("lock", {"podSelector": {"matchLabels": {"app": "web"}}})
    scene = shop(front(kind), lock, ranges={"pod_cidrs": ("10.244.0.0/16",)})
    scene.sees(("203.0.113.7", "web-1", 8080)).chooses()
    (row,) = (row for row in scene.table(IN).rows if row.communication.counts.total)
    told, forecast = answers(scene, row)
    assert (told.outcome, forecast.verdict) == (outcome, VERDICTS[outcome])
    assert ("replaced the source address" in forecast.why) == (outcome is Reach.UNKNOWN)


# -- what is left out to be quick, what is not known -----------------------------------------------------


def test_rules_are_counted_as_written_though_some_cannot_matter_between_pods() -> None:
    outside = {"from": [{"ipBlock": {"cidr": "198.51.100.0/24"}}]}
    inside = {"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}
    spec = {"podSelector": {"matchLabels": {"app": "cart"}}, "ingress": [outside, outside, inside]}
    scene = shop(policy("cart-in", spec), ranges={"pod_cidrs": ("10.244.0.0/16",)})
    told, _ = answers(scene.sees(("web-1", "cart-1")).chooses(), scene.row(OUT, "cart"))
    assert [ref.index for ref in told.ingress.allowed_by] == [2]
    assert told.short.startswith("policy cart-in lets it in by ingress rule 3")


def test_without_cluster_state_only_the_draft_alone_is_answered() -> None:
    ends = shop().ends
    scene = Scene().sees(talk(ends["web-1"], ends["cart-1"]))
    scene.chooses(next(choice.ref for choice in scene.session.workloads()))
    ground = scene.session.ground()
    assert ground is not None
    found = what_if(scene.review, ground)
    (row,) = (row for d in Direction for row in scene.table(d).rows if row.communication.counts.total)
    unknown = Forecast(
        WhatIfVerdict.CANNOT_TELL,
        "no cluster state was read, so it is not known which policies are applied",
    )
    assert found[APPLIED].forecasts[row.key] == found[BOTH].forecasts[row.key] == unknown
    assert found[DRAFT].forecasts[row.key] != unknown
    assert Verdicts(Applied(ground), scene.review.subject).of(row.communication).outcome is Reach.UNKNOWN
