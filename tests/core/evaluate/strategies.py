"""Random small clusters and policies, rich in near misses: few labels, names, ports and addresses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from netsec_tui.core.evaluate import parse_policy
from netsec_tui.core.evaluate.addresses import address_number, cidr_span
from netsec_tui.model.connection import End, EndPod
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import ContainerPort

NAMESPACES = ("n0", "n1")
KEYS = ("app", "tier")
VALUES = ("a", "b")
NAMES = ("http", "metrics")
NUMBERS = (1, 80, 81, 443, 8080, 65535)
PROTOCOLS = ("TCP", "UDP", "SCTP")
BLOCKS_4 = ("0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/30", "10.0.0.2/31", "10.0.0.4/32", "203.0.113.0/24")
BLOCKS_6 = ("::/0", "fd00::/8", "fd00::/126", "fd00::4/128", "2001:db8::/32")
OUTSIDE = ("203.0.113.7", "198.51.100.1", "2001:db8::7", "2001:db9::7")

labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES))


@st.composite
def _requirement(draw: st.DrawFn) -> dict[str, Any]:
    operator = draw(st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]))
    entry = {"key": draw(st.sampled_from((*KEYS, "absent"))), "operator": operator}
    if operator in ("In", "NotIn"):
        entry["values"] = draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=2, unique=True))
    return entry


selectors = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {},
        optional={
            "matchLabels": st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=1),
            "matchExpressions": st.lists(_requirement(), max_size=2),
        },
    ),
)
namespace_selectors = st.one_of(
    selectors,
    st.sampled_from(NAMESPACES).map(lambda n: {"matchLabels": {"kubernetes.io/metadata.name": n}}),
)


@st.composite
def _block(draw: st.DrawFn) -> dict[str, Any]:
    family = draw(st.sampled_from((BLOCKS_4, BLOCKS_6)))
    cidr = draw(st.sampled_from(family))
    whole = cidr_span(cidr)
    inner = [
        c
        for c in family
        if c != cidr and whole.first <= cidr_span(c).first <= cidr_span(c).last <= whole.last
    ]
    block: dict[str, Any] = {"cidr": cidr}
    if inner:
        block["except"] = draw(st.lists(st.sampled_from(inner), max_size=2, unique=True))
    return {"ipBlock": block}


peers = st.one_of(
    selectors.map(lambda s: {"podSelector": s}),
    namespace_selectors.map(lambda s: {"namespaceSelector": s}),
    st.tuples(selectors, namespace_selectors).map(lambda s: {"podSelector": s[0], "namespaceSelector": s[1]}),
    _block(),
)


@st.composite
def _port(draw: st.DrawFn) -> dict[str, Any]:
    entry: dict[str, Any] = draw(st.fixed_dictionaries({}, optional={"protocol": st.sampled_from(PROTOCOLS)}))
    kind = draw(st.sampled_from(["none", "number", "range", "name"]))
    if kind == "name":
        entry["port"] = draw(st.sampled_from((*NAMES, "nope")))
    elif kind != "none":
        entry["port"] = draw(st.sampled_from(NUMBERS))
    if kind == "range":
        entry["endPort"] = draw(st.sampled_from([n for n in NUMBERS if n >= entry["port"]]))
    return entry


def _rules(key: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    # Full rules more often than not: one without peers or ports hides what all others say.
    full = {
        key: st.lists(peers, min_size=1, max_size=2),
        "ports": st.lists(_port(), min_size=1, max_size=2),
    }
    empty = {key: st.just([]), "ports": st.just([])}
    partial = st.fixed_dictionaries({}, optional=full | empty)
    some = st.fixed_dictionaries({key: full[key]}, optional={"ports": full["ports"]})
    rule = st.one_of(st.fixed_dictionaries(full), some, some, partial)
    return st.lists(rule, min_size=1, max_size=2) | st.lists(rule, max_size=1)


_types = st.lists(st.sampled_from(["Ingress", "Egress"]), max_size=2, unique=True)
specs = st.one_of(
    st.fixed_dictionaries({"podSelector": selectors, "ingress": _rules("from"), "egress": _rules("to")}),
    st.fixed_dictionaries(
        {"podSelector": selectors},
        optional={"policyTypes": _types, "ingress": _rules("from"), "egress": _rules("to")},
    ),
)


@st.composite
def policy_objects(draw: st.DrawFn, count: int = 4) -> list[dict[str, Any]]:
    """Draw NetworkPolicy objects before API defaulting."""
    chosen = draw(st.lists(st.tuples(st.sampled_from(NAMESPACES), specs), min_size=1, max_size=count))
    return [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": f"p{index}", "namespace": namespace},
            "spec": spec,
        }
        for index, (namespace, spec) in enumerate(chosen)
    ]


policies = policy_objects().map(lambda objects: [parse_policy(obj) for obj in objects])


_declared = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(PROTOCOLS), st.sampled_from(NUMBERS)),
    max_size=2,
    unique_by=lambda t: t[:1],
)


@st.composite
def clusters(draw: st.DrawFn, families: tuple[int, ...] = (4, 6)) -> list[EndPod]:
    """Draw up to seven pods in two namespaces, some of them of the same owner."""
    namespace_labels = {n: tuple(sorted(draw(labels).items())) for n in NAMESPACES}
    pods = []
    for index in range(draw(st.integers(2, 7))):
        namespace = draw(st.sampled_from(NAMESPACES))
        owner = WorkloadRef("Deployment", namespace, draw(st.sampled_from(("d0", "d1"))))
        declared = draw(_declared)
        ips = {4: f"10.0.0.{index + 1}", 6: f"fd00::{index + 1}"}
        pods.append(
            EndPod(
                namespace=namespace,
                name=f"p{index}",
                labels=tuple(sorted(draw(labels).items())),
                namespace_labels=namespace_labels[namespace],
                ips=tuple(ips[f] for f in families),
                ports=tuple(ContainerPort(name, Protocol(p), n) for name, p, n in declared),
                owner=draw(st.sampled_from((owner, None))),
            )
        )
    return pods


@st.composite
def stacked_clusters(draw: st.DrawFn) -> list[EndPod]:
    """Draw clusters whose pods have addresses of both families, or some of one of them only."""
    pods = draw(clusters())
    kinds = draw(st.sampled_from(((4,), (4, 46), (6, 46), (46,))))
    if kinds == (46,):
        return pods
    chosen = [draw(st.sampled_from(kinds)) for _ in pods]
    kept = {4: slice(0, 1), 6: slice(1, 2), 46: slice(0, 2)}
    return [replace(pod, ips=pod.ips[kept[kind]]) for pod, kind in zip(pods, chosen, strict=True)]


def shared_families(*ends: End) -> tuple[int, ...]:
    """Return the IP families over which two ends talk; an address has one."""
    outside = [end for end in ends if isinstance(end, str)]
    if outside:
        return (address_number(outside[0])[0],)
    known = [{address_number(ip)[0] for ip in end.ips} for end in ends if isinstance(end, EndPod)]
    return tuple(sorted(known[0] & known[1]))
