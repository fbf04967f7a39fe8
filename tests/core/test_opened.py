"""The parts of the proof one by one: judging pairs, finding pods and addresses that rules reach."""

from __future__ import annotations

import pytest

from netsec_tui.core.cluster.pod_index import PodIndex
from netsec_tui.core.decide.cover import Asked
from netsec_tui.core.decide.defaults import Default
from netsec_tui.core.decide.express import Expression
from netsec_tui.core.decide.standing import Case
from netsec_tui.core.evaluate.addresses import Span
from netsec_tui.core.evaluate.state import ClusterState
from netsec_tui.core.prove.judge import Judge, OwnPods, own_pods
from netsec_tui.core.prove.opened import Opened, Rest, Shown, subtract
from netsec_tui.model.communication import Communication
from netsec_tui.model.connection import EndPod
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import CommunicationKey, WorkloadRef, address_peer
from netsec_tui.model.policy import IPBlock, LabelSelector, PolicyPeer, PolicyPort, PolicyRule
from netsec_tui.model.proof import Opener, Reach
from netsec_tui.model.review import Inclusion
from tests.core.scene import IN, OUT, Scene, owner, pod, shop


def end(name: str, ip: str = "", app: str = "", **more: object) -> EndPod:
    of = WorkloadRef("Deployment", "shop", app or name)
    return EndPod("shop", name, (("app", app or name),), (), (ip,) if ip else (), owner=of, **more)  # type: ignore[arg-type]


def selecting(app: str) -> PolicyPeer:
    return PolicyPeer(LabelSelector((("app", app),)))


def block(cidr: str, *cut: str) -> PolicyPeer:
    return PolicyPeer(ip_block=IPBlock(cidr, cut))


TCP_80 = PolicyPort("TCP", 80)

# -- rules followed to pods and addresses ------------------------------------------------------------------

A, B = end("a-1", "10.0.0.1", "a"), end("b-1", "10.0.0.255", "b")
STRAY = end("a-2", "10.0.0.3", "a")


def opened(*rules: PolicyRule, wide: tuple[PolicyRule, ...] = (), pods_match: bool = True) -> Rest:
    """Return what rules open of two pods, while no row shows anything."""
    index = PodIndex([A, B])
    inclusions = [Inclusion("it", rule, opener=Opener.RANGE) for rule in wide]
    return Opened("shop", rules, index).beyond(
        Shown((), index), inclusions, held=(4, 6) if pods_match else ()
    )


@pytest.mark.parametrize(
    ("rule", "pods"),
    [
        (PolicyRule((selecting("a"),), (TCP_80,)), {A: "80/TCP"}),
        (PolicyRule((selecting("a"),), (TCP_80, PolicyPort("UDP"))), {A: "80/TCP, every UDP port"}),
        (PolicyRule((selecting("a"), selecting("b"))), {A: "all ports", B: "all ports"}),
        (PolicyRule((selecting("a"),), (PolicyPort("TCP", 80, 90),)), {A: "80-90/TCP"}),
        (PolicyRule((block("10.0.0.0/24"),), (TCP_80,)), {A: "80/TCP", B: "80/TCP"}),
        (PolicyRule((block("10.0.0.255/32"),), (TCP_80,)), {B: "80/TCP"}),
        (PolicyRule((block("10.0.0.0/24", "10.0.0.0/25"),), (TCP_80,)), {B: "80/TCP"}),
        (PolicyRule((block("10.0.1.0/24"),), (TCP_80,)), {}),
        (PolicyRule((), (TCP_80,)), {A: "80/TCP", B: "80/TCP"}),
    ],
)
def test_a_rule_opens_the_pods_it_reaches(rule: PolicyRule, pods: dict[EndPod, str]) -> None:
    assert opened(rule).pods == pods


def test_where_blocks_match_no_pods_they_open_none() -> None:
    assert opened(PolicyRule((block("10.0.0.0/24"),)), pods_match=False).pods == {}


def test_addresses_are_told_as_ranges_with_their_number() -> None:
    rule = PolicyRule((block("203.0.113.0/24", "203.0.113.0/25"), block("198.51.100.7/32")), (TCP_80,))
    assert opened(rule).addresses == (
        ("198.51.100.7", 1, "80/TCP"),
        ("203.0.113.128-203.0.113.255", 128, "80/TCP"),
    )


@pytest.mark.parametrize(
    ("wide", "left"),
    [
        (PolicyRule((block("203.0.113.0/24"),)), 0),
        (PolicyRule((block("203.0.113.0/24"),), (PolicyPort("TCP", 80, 90),)), 0),
        (PolicyRule((block("203.0.113.0/24"),), (PolicyPort("TCP"),)), 0),
        (PolicyRule((block("203.0.113.0/25"),)), 128),
        (PolicyRule((block("203.0.113.0/24"),), (PolicyPort("UDP"),)), 256),
        (PolicyRule((block("203.0.113.0/24"),), (PolicyPort("TCP", 81, 90),)), 256),
        (PolicyRule(), 0),
    ],
)
def test_what_a_wider_decision_is_for_is_not_opened_unseen(wide: PolicyRule, left: int) -> None:
    rest = opened(PolicyRule((block("203.0.113.0/24"),), (TCP_80,)), wide=(wide,))
    assert sum(count for _, count, _ in rest.addresses) == left


def test_a_range_of_ports_is_not_covered_by_a_part_of_it() -> None:
    rule = PolicyRule((block("203.0.113.7/32"),), (PolicyPort("TCP", 80, 90),))
    rest = opened(rule, wide=(PolicyRule((block("203.0.113.7/32"),), (PolicyPort("TCP", 80, 85),)),))
    assert rest.addresses == (("203.0.113.7", 1, "80-90/TCP"),)


def test_a_range_is_no_row_s_even_when_a_row_shows_its_first_port() -> None:
    address, index = address_peer("203.0.113.7"), PodIndex(())
    seen = Communication(CommunicationKey(OUT, address, Protocol.TCP, 80))
    row = Case(
        seen, Default(False), Expression(), None, "", Asked(OUT, (address.name,), (("TCP", 80),)), frozenset()
    )
    for ports, left in ((TCP_80, ()), (PolicyPort("TCP", 80, 90), (("203.0.113.7", 1, "80-90/TCP"),))):
        rules = [PolicyRule((block("203.0.113.7/32"),), (ports,))]
        rest = Opened("shop", rules, index).beyond(Shown((row,), index), (), held=(4, 6))
        assert rest.addresses == left


@pytest.mark.parametrize(
    ("spans", "cuts", "left"),
    [
        ([(0, 9)], [], [(0, 9)]),
        ([(0, 9)], [(0, 9)], []),
        ([(0, 9)], [(3, 4)], [(0, 2), (5, 9)]),
        ([(0, 9)], [(9, 20)], [(0, 8)]),
        ([(5, 9)], [(0, 5)], [(6, 9)]),
        ([(0, 5), (3, 9)], [], [(0, 5), (6, 9)]),
        ([(0, 9)], [(2, 3), (3, 4), (8, 8)], [(0, 1), (5, 7), (9, 9)]),
    ],
)
def test_spans_less_others(
    spans: list[tuple[int, int]], cuts: list[tuple[int, int]], left: list[tuple[int, int]]
) -> None:
    def of(pairs: list[tuple[int, int]]) -> list[Span]:
        return [Span(4, *pair) for pair in pairs]

    assert subtract(of(spans), of(cuts)) == of(left)
    assert subtract(of(spans), [Span(6, *pair) for pair in cuts]) == subtract(of(spans), [])


def test_pods_of_one_owner_with_other_labels_are_a_group_of_their_own() -> None:
    stray = EndPod("shop", "a-3", (("app", "other"),), (), owner=A.owner)
    index = PodIndex([A, STRAY, stray])
    assert list(index.members(index.of_peer("shop", selecting("a")))) == [A, STRAY]
    assert list(index.members(index.of_peer("shop", selecting("other")))) == [stray]


# -- judging a row ----------------------------------------------------------------------------------------


def judge(scene: Scene, *rules: PolicyRule) -> Judge:
    ground = scene.session.ground()
    assert ground is not None
    subject = scene.review.subject
    return Judge(subject, OwnPods(subject, ground.ends), ClusterState(), OUT, rules)


@pytest.mark.parametrize(
    ("ports", "reach"),
    [
        ((PolicyPort("UDP", 53), PolicyPort("TCP", 53)), Reach.ALLOWED),
        ((PolicyPort("UDP", 53),), Reach.PARTLY),
        ((PolicyPort("TCP", 53),), Reach.PARTLY),
        ((PolicyPort("TCP", 54),), Reach.DENIED),
    ],
)
def test_a_row_of_several_ports_is_judged_on_all_of_them(ports: tuple[PolicyPort, ...], reach: Reach) -> None:
    asked = Asked(OUT, (A,), (("UDP", 53), ("TCP", 53)))
    assert judge(shop().chooses(), PolicyRule((selecting("a"),), ports)).judge(asked).reach is reach


def test_alike_ends_are_judged_as_one_and_others_apart() -> None:
    asked = Asked(OUT, (A, STRAY, B, end("b-2", app="b")), (("TCP", 80),))
    found = judge(shop().chooses(), PolicyRule((selecting("a"),))).judge(asked)
    assert (found.reach, found.why) == (Reach.PARTLY, "allowed for shop/a-1, shop/a-2 only")
    by_address = judge(shop().chooses(), PolicyRule((block("10.0.0.1/32"),))).judge(asked)
    assert by_address.why == "allowed for shop/a-1 only"


def test_of_a_service_only_the_pods_that_it_selects_are_its_own() -> None:
    other = pod("web-9", "10.244.1.99", "web", labels={"app": "web", "canary": "yes"})
    scene = shop(other, owner("odd", labels={"app": "web"}))
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "canary", "namespace": "shop"},
        "spec": {"clusterIP": "10.96.0.77", "ports": [{"port": 80}], "selector": {"canary": "yes"}},
    }
    scene = shop(other, service).sees(("pay-1", "web-9")).chooses(WorkloadRef("Service", "shop", "canary"))
    own = own_pods(scene.review.subject, scene.session.cluster().ends)
    assert [p.name for p in own] == ["web-9"]
    assert scene.review.proof.clean
    assert scene.table(IN).rows[0].in_policy
