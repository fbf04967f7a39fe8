"""Asking about one pair of pods that are alike gives what asking about every pair gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.compare.alike import Alike
from netsec_tui.core.evaluate import evaluate
from netsec_tui.core.evaluate.state import ClusterState
from netsec_tui.model.connection import Connection, End, EndPod
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import Direction, WorkloadRef
from netsec_tui.model.inventory import ContainerPort
from netsec_tui.model.policy import IPBlock, LabelSelector, NetworkPolicy, PolicyPeer, PolicyRule
from tests.core.scene import Scene, namespace, obj, owner, pod, policy

Pair = tuple[End, End, int]

LABELS = st.sampled_from([{"app": "a"}, {"app": "a"}, {"app": "a", "tier": "x"}])
PORTS = st.sampled_from([(("http", "TCP", 8080),), (("http", "TCP", 9090),)])
BLOCKS = st.sampled_from(["10.0.0.1/32", "10.0.0.2/31", "192.168.0.1/32", "203.0.113.0/24"])
SELECTORS = st.sampled_from([{}, {"app": "a"}, {"tier": "x"}])
ADDRESSES = st.sampled_from(
    ["203.0.113.7", "198.51.100.9", "192.168.0.1", "192.168.0.2", "10.0.0.3", "10.0.0.99"]
)


@st.composite
def rules(draw: Any, way: str) -> Any:
    peer = st.one_of(
        SELECTORS.map(lambda labels: {"podSelector": {"matchLabels": labels}}),
        BLOCKS.map(lambda cidr: {"ipBlock": {"cidr": cidr}}),
    )
    rule: dict[str, Any] = {way: draw(st.lists(peer, min_size=1, max_size=2))}
    port = draw(st.sampled_from([None, 8080, "http"]))
    return rule if port is None else rule | {"ports": [{"port": port}]}


@st.composite
def policies(draw: Any, number: int) -> Any:
    types = draw(st.sampled_from([["Ingress"], ["Egress"], ["Ingress", "Egress"]]))
    spec = {
        "podSelector": {"matchLabels": draw(SELECTORS)},
        "policyTypes": types,
        "ingress": draw(st.lists(rules("from"), max_size=2)),
        "egress": draw(st.lists(rules("to"), max_size=2)),
    }
    return policy(f"p{number}", spec)


@st.composite
def clusters(draw: Any) -> Ground:
    pods = [
        pod(f"w-{n}", f"10.0.0.{n + 1}", "w", labels=draw(LABELS), ports=draw(PORTS), nodeName=f"n{n % 2}")
        for n in range(draw(st.integers(3, 5)))
    ]
    nodes = [
        obj(
            "Node",
            f"n{n}",
            None,
            status={"addresses": [{"type": "InternalIP", "address": f"192.168.0.{n + 1}"}]},
        )
        for n in range(2)
    ]
    applied = [draw(policies(n)) for n in range(draw(st.integers(1, 3)))]
    ranges = {"pod_cidrs": ("10.0.0.0/24",)} if draw(st.booleans()) else {}
    scene = Scene(namespace("shop"), owner("w"), *pods, *nodes, *applied, ranges=ranges)
    ground = scene.chooses(WorkloadRef("Deployment", "shop", "w")).session.ground()
    assert ground is not None
    return ground


def outcomes(ground: Ground, pairs: Any) -> Counter[tuple[object, object]]:
    found: Counter[tuple[object, object]] = Counter()
    for source, destination, count in pairs:
        asked = Connection(source, destination, Protocol.TCP, 8080)
        verdict = evaluate(ground.applied, ground.state, asked)
        found[verdict.egress.outcome, verdict.ingress.outcome] += count
    return found


def one_of_each(ground: Ground, own: tuple[End, ...], others: tuple[End, ...]) -> Iterator[Pair]:
    alike = Alike(ground.applied.all, ground.state)
    for left, right in alike.pairs(own, others):
        if left.pairs(right):
            yield (*alike.different(left, right), left.pairs(right))


@settings(max_examples=150)
@given(clusters(), st.lists(ADDRESSES, unique=True), st.booleans())
def test_one_of_each_kind_stands_for_all(ground: Ground, addresses: list[str], incoming: bool) -> None:
    owned = ground.ends.owner(WorkloadRef("Deployment", "shop", "w"))
    assert all(isinstance(end, EndPod) for end in owned)
    others = (*owned, *addresses)
    at = {ip: end for end in owned if isinstance(end, EndPod) for ip in end.ips}

    def turned(pairs: Iterable[Pair]) -> list[Pair]:
        return [(b, a, n) if incoming else (a, b, n) for a, b, n in pairs]

    every = [(a, b, 1) for a in owned for b in others if a != (at.get(b, b) if isinstance(b, str) else b)]
    assert outcomes(ground, turned(one_of_each(ground, owned, others))) == outcomes(ground, turned(every))


# -- what tells ends apart, one by one -----------------------------------------------------------------------

POD = EndPod("shop", "w-1", (("app", "w"),), (("team", "a"),), ("10.0.0.3",), node="n0")
CUT = PolicyRule((PolicyPeer(ip_block=IPBlock("10.0.0.0/30")),))
STATE = ClusterState(nodes={"192.168.0.1": "n0"}, pod_cidrs=("10.0.0.0/24",))


def apart(one: End, other: End, facing: tuple[End, ...] = (POD,)) -> bool:
    found = Alike(_cut(), STATE).pairs((one, other), facing)
    return len({mine.token for mine, _ in found}) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"namespace": "data"},
        {"labels": (("app", "v"),)},
        {"namespace_labels": (("team", "b"),)},
        {"ports": (ContainerPort("http", Protocol.TCP, 8080),)},
        {"ips": ("10.0.0.4",)},
        {"ips": ()},
    ],
)
def test_pods_that_differ_in_what_policies_look_at_are_told_apart(change: dict[str, Any]) -> None:
    assert apart(POD, replace(POD, **change))


@pytest.mark.parametrize(
    "change",
    [
        {"name": "w-2"},
        {"ips": ("10.0.0.0",)},
        {"owner": WorkloadRef("Deployment", "shop", "w")},
        {"node": "n1"},
        {"synthetic": True},
    ],
)
def test_pods_that_differ_in_what_no_policy_looks_at_are_alike(change: dict[str, Any]) -> None:
    assert not apart(POD, replace(POD, **change))


@pytest.mark.parametrize("change", [{"node": "n1"}, {"node": "", "synthetic": True}])
def test_the_node_tells_pods_apart_towards_nodes_only(change: dict[str, Any]) -> None:
    other = replace(POD, **change)
    assert apart(POD, other, ("192.168.0.1",))
    assert not apart(POD, replace(other, node=""), ("203.0.113.7",))


def test_a_pods_own_address_matters_as_soon_as_one_of_the_others_is_no_foreign_address() -> None:
    inside, outside = POD, replace(POD, ips=("10.0.0.4",))
    assert not apart(inside, outside, ("203.0.113.7", "203.0.113.8"))
    found = list(Alike(_cut(), STATE).pairs((inside, outside), ("203.0.113.7", POD)))
    assert len({mine.token for mine, _ in found}) == 2


def _cut() -> list[NetworkPolicy]:
    return [NetworkPolicy("shop", "p", LabelSelector(), tuple(Direction), (CUT,))]


@pytest.mark.parametrize(
    ("one", "other", "different"),
    [
        ("10.1.0.1", "10.1.0.2", False),
        ("10.1.0.1", "2001:db8::1", True),
        ("10.0.0.3", "10.0.0.4", True),
        ("10.0.0.2", "10.0.0.3", False),
        ("9.255.255.255", "10.0.0.0", True),
        ("10.0.0.200", "10.0.1.200", True),
        ("192.168.0.1", "192.168.0.2", True),
    ],
)
def test_addresses_are_told_apart_by_blocks_ranges_and_nodes(one: str, other: str, different: bool) -> None:
    assert apart(one, other) is different


def test_a_pod_and_itself_are_no_pair() -> None:
    state = replace(STATE, pods=(POD,))
    twin = replace(POD, name="w-2")
    ((mine, others),) = Alike((), state).pairs((POD, twin), (POD, twin))
    assert mine.pairs(others) == 2
    ((mine, others),) = Alike((), state).pairs((POD,), ("10.0.0.3",))
    assert mine.pairs(others) == 0
    ((mine, others),) = Alike((), state).pairs((POD, twin), ("10.0.0.3",))
    assert (mine.pairs(others), Alike((), state).different(mine, others)) == (1, (twin, "10.0.0.3"))
