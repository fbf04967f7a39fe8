"""Asking about one pair of pods that are alike gives what asking about every pair gives."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.core.compare.alike import Alike
from netsec_tui.core.compare.applied import Applied
from netsec_tui.core.evaluate import evaluate
from netsec_tui.model.connection import Connection, EndPod
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import WorkloadRef
from tests.core.scene import Scene, namespace, obj, owner, pod, policy

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
def clusters(draw: Any) -> Applied:
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
    return Applied(ground)


def outcomes(applied: Applied, pairs: Any) -> Counter[tuple[object, object]]:
    found: Counter[tuple[object, object]] = Counter()
    for source, destination, count in pairs:
        asked = Connection(source, destination, Protocol.TCP, 8080)
        verdict = evaluate(applied.ground.applied, applied.state, asked)
        found[verdict.egress.outcome, verdict.ingress.outcome] += count
    return found


@settings(max_examples=150, deadline=None)
@given(clusters(), st.lists(ADDRESSES, unique=True), st.booleans())
def test_one_of_each_kind_stands_for_all(applied: Applied, addresses: list[str], incoming: bool) -> None:
    owned = applied.ground.ends.owner(WorkloadRef("Deployment", "shop", "w"))
    assert all(isinstance(end, EndPod) for end in owned)
    others = (*owned, *addresses)
    sources, destinations = (others, owned) if incoming else (owned, others)
    every = [(a, b, 1) for a in sources for b in destinations if a != b]
    assert outcomes(applied, Alike(applied).pairs(sources, destinations)) == outcomes(applied, every)
