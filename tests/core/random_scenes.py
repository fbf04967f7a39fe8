"""Random traffic and random decisions over the shop, for what must hold of every review."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from netsec_tui.model.config import Config, LabelConfig, LabelFilter
from netsec_tui.model.decision import GeneralRule, ManualRule, PortRange
from netsec_tui.model.flow import Flow, Protocol, Verdict
from netsec_tui.model.identity import Direction, WorkloadRef
from netsec_tui.session.actions import AddManualRule, Undo
from tests.core.scene import (
    IN,
    OUT,
    SHOP,
    WEB,
    Object,
    Scene,
    answer,
    endpoints,
    flow,
    known_ends,
    namespace,
    owner,
    pod,
    policy,
    service,
)

OBJECTS: tuple[Object, ...] = (
    *SHOP,
    namespace("odd"),
    owner("nightly", "odd", "CronJob", ports=()),
    pod("nightly-1", "10.244.0.90", "nightly", "odd", "CronJob", ports=()),
    pod("bare-1", "10.244.0.91", labels={"app": "1e3", "tier": "no"}),
    pod("nameless-1", "10.244.0.92", labels={}),
    service("ghost", "10.96.0.30", [(80, 8081), (81, "http")], selector={"app": "pay"}),
    service("outside", "10.96.0.31", [(443, 8443)], selector={}),
    endpoints("outside", "shop", ["203.0.113.9", "203.0.113.8"], 8443, "p443-tcp"),
    service("agents", "10.96.0.40", [(80, 9100)], "kube-system", {"app": "agent"}),
    policy("open", {"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]}),
    owner("cart-twin", labels={"app": "cart"}),
    pod("cart-twin-1", "10.244.0.93", "cart-twin", labels={"app": "cart"}),
    owner("pay-fast", labels={"app": "pay", "tier": "fast"}),
    pod("pay-fast-1", "10.244.0.94", "pay-fast", labels={"app": "pay", "tier": "fast"}),
    owner("web-old", labels={"app": "web", "track": "old"}),
    pod("web-old-1", "10.244.1.95", "web-old", labels={"app": "web", "track": "old"}, nodeName="node-a"),
)
"""The shop with a CronJob, a bare pod, a pod without labels, Services of every sort, and owners whose labels
others have too: all of them, or these and more."""

ENDS = known_ends(OBJECTS)
PODS = sorted(ENDS)
ADDRESSES = ("203.0.113.7", "203.0.113.8", "203.0.113.9", "198.51.100.1", "2001:db8::7", "10.244.9.9")
SERVICES = ("10.96.0.12", "10.96.0.1", "10.96.0.10", "10.96.0.30", "10.96.0.31", "10.96.0.40", "172.18.0.3")
PORTS = (80, 81, 443, 53, 5353, 5432, 6443, 8080, 9100)
RANGES = ({}, {"pod_cidrs": ("10.244.0.0/16",), "service_cidrs": ("10.96.0.0/16",)})

ours = st.sampled_from(["web-1", "web-2"])
others = st.sampled_from([p for p in PODS if not p.startswith("web")])
protocols = st.sampled_from([Protocol.TCP, Protocol.TCP, Protocol.UDP, Protocol.SCTP, Protocol.ICMP])
outgoing = st.tuples(ours, st.one_of(others, st.sampled_from(ADDRESSES + SERVICES)))
incoming = st.tuples(st.one_of(others, st.sampled_from((*ADDRESSES, "172.18.0.2"))), ours)
talks = st.tuples(
    st.one_of(outgoing, incoming),
    st.sampled_from(PORTS),
    protocols,
    st.sampled_from([Verdict.FORWARDED, Verdict.FORWARDED, Verdict.DROPPED]),
    st.booleans(),
)


def flows_of(talk: tuple[Any, ...]) -> list[Flow]:
    """Return the flows of one drawn conversation."""
    (client, server), port, protocol, verdict, answered = talk
    ends = ENDS.get(client, client), ENDS.get(server, server)
    port = 0 if protocol is Protocol.ICMP else port
    asked = flow(*ends, port, protocol=protocol, verdict=verdict)
    return [asked, answer(*ends, port, protocol=protocol)] if answered else [asked]


traffic = st.lists(talks, max_size=12).map(lambda drawn: [f for talk in drawn for f in flows_of(talk)])

cidrs = st.sampled_from(
    [
        "198.51.100.0/24",
        "203.0.113.0/24",
        "203.0.113.7/32",
        "0.0.0.0/0",
        "::/0",
        "10.0.0.0/8",
        "172.18.0.0/16",
    ]
)
manual_rules = st.builds(
    ManualRule,
    st.sampled_from(list(Direction)),
    cidrs,
    st.sampled_from([Protocol.TCP, Protocol.UDP]),
    st.lists(st.sampled_from([PortRange(443, 443), PortRange(80, 90), PortRange(1, 65535)]), max_size=2).map(
        tuple
    ),
) | st.builds(ManualRule, st.sampled_from(list(Direction)), cidrs)

steps = st.one_of(
    st.tuples(st.just("tick"), st.integers(0, 20), st.booleans()),
    st.tuples(st.just("general"), st.sampled_from(list(Direction)), st.sampled_from(list(GeneralRule))),
    st.tuples(st.just("manual"), manual_rules),
    st.tuples(
        st.just("alias"),
        st.sampled_from(["near", "far"]),
        st.sampled_from(["203.0.113.7", "203.0.113.0/24", "10.244.9.0/24", "0.0.0.0/0"]),
        st.booleans(),
    ),
    st.tuples(st.just("undo")),
)


def carry_out(scene: Scene, step: tuple[Any, ...]) -> None:
    """Do one drawn step."""
    match step:
        case ("tick", number, ticked):
            rows = (*scene.table(IN).rows, *scene.table(OUT).rows)
            if rows:
                scene.tick(rows[number % len(rows)], ticked)
        case ("general", direction, rule):
            scene.general(direction, rule)
        case ("manual", rule):
            scene.does(AddManualRule(rule))
        case ("alias", name, entry, allowed):
            scene.alias(name, entry, allowed=allowed)
        case _:
            scene.does(Undo())


_PATTERNS = st.lists(st.sampled_from(["app", "k8s-app", "t*", "tra?k", "*", "none"]), max_size=2).map(tuple)
_SPACES = st.lists(
    st.sampled_from(["env", "team", "kubernetes.io/metadata.name", "kubernetes.io/*", "*"]), max_size=2
).map(tuple)
label_configs = st.just(LabelConfig()) | st.builds(
    LabelConfig,
    st.builds(LabelFilter, _PATTERNS, _PATTERNS),
    st.builds(LabelFilter, _SPACES, _SPACES),
)
"""Which labels policies select by: as they come, or some keys of workloads and of namespaces only."""

space_labels = st.dictionaries(
    st.sampled_from(["env", "team"]), st.sampled_from(["prod", "test"]), max_size=2
)


@st.composite
def labelled_spaces(draw: st.DrawFn, objects: tuple[Object, ...]) -> tuple[Object, ...]:
    """Draw labels for the namespaces among some objects, often those of others; some are left out."""
    kept = []
    for one in objects:
        if one["kind"] == "Namespace":
            if draw(st.sampled_from([False, False, False, False, True])):
                continue
            one = {**one, "metadata": {**one["metadata"], "labels": draw(space_labels)}}
        kept.append(one)
    return tuple(kept)


_LABELS = st.fixed_dictionaries(
    {"app": st.sampled_from(["web", "cart", "pay", "new"])},
    optional={"tier": st.sampled_from(["a", "b"]), "pod-template-hash": st.just("5d8c7b9f4")},
)
_NODES = st.sampled_from(["", "node-a", "node-b"])


@st.composite
def clusters(draw: st.DrawFn) -> tuple[Object, ...]:
    """Draw the shop with more owners, whose names and labels are often those of others, and their pods.

    Pods may have lost or gained labels since their template was written, may run beside web on its node or
    on the host network, may be finished, may have no owner, and may have an IPv6 address as well. Cilium may
    run, and a Service without a selector may lead to one of the pods.
    """
    objects: list[Object] = list(SHOP)
    for number in range(draw(st.integers(0, 5))):
        name = draw(st.sampled_from([f"extra-{number}", f"extra-{number}", "web", "cart"]))
        kind = draw(st.sampled_from(["StatefulSet", "DaemonSet"]))
        space = draw(st.sampled_from(["shop", "shop", "data"]))
        labels, host = draw(_LABELS), draw(st.sampled_from([False, False, False, True]))
        more: dict[str, Any] = {"hostNetwork": True} if host else {}
        if draw(st.booleans()):
            objects.append(owner(name, space, kind, labels, **more))
        for replica in range(draw(st.integers(0, 2))):
            address = f"172.18.0.{2 + replica}" if host else f"10.244.{2 + number}.{replica + 1}"
            objects.append(_drawn_pod(draw, f"x{number}-{replica}", address, name, space, kind, labels, more))
    if draw(st.sampled_from([False, False, True])):
        objects.append(owner("cilium", "kube-system", "DaemonSet", hostNetwork=True))
    objects.append(service("foreign", "10.96.0.33", [(443, 8443)], selector={}))
    objects.append(endpoints("foreign", "shop", [draw(st.sampled_from(FOREIGN))], 8443, "p443-tcp"))
    return tuple(
        {(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]): o for o in objects}.values()
    )


FOREIGN = ("203.0.113.9", "10.244.2.1", "10.244.1.13")
"""Endpoints of a Service without a selector: outside, and where pods are."""


def _drawn_pod(
    draw: st.DrawFn,
    name: str,
    address: str,
    of: str,
    space: str,
    kind: str,
    labels: dict[str, str],
    more: dict[str, Any],
) -> Object:
    own = draw(st.one_of(st.just(labels), _LABELS))
    owned = of if draw(st.booleans()) else ""
    made = pod(name, address, owned, space, kind, labels=own, nodeName=draw(_NODES), **more)
    made["status"]["phase"] = draw(st.sampled_from(["Running", "Running", "Running", "Succeeded"]))
    if not more and draw(st.booleans()):
        made["status"]["podIPs"].append({"ip": f"fd00::{address.split('.')[2]}:{address.split('.')[3]}"})
    return made


_SUBJECTS = (
    WEB,
    WEB,
    WorkloadRef("Service", "shop", "web"),
    WorkloadRef("StatefulSet", "shop", "web"),
    WorkloadRef("StatefulSet", "data", "db"),
)


@st.composite
def cluster_scenes(draw: st.DrawFn) -> Scene:
    """Draw a scene in a cluster drawn as well, with traffic of a workload in it and decisions."""
    objects = draw(labelled_spaces(draw(clusters())))
    scene = Scene(
        *objects,
        ranges=draw(st.sampled_from(RANGES)),
        two_objects=draw(st.booleans()),
        config=Config(labels=draw(label_configs)),
    )
    kinds = {(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]) for o in objects}
    subject = draw(st.sampled_from([s for s in _SUBJECTS if tuple(s) in kinds]))
    own = "db-0" if subject.name == "db" else "web-1"
    anyone = st.sampled_from([*sorted(scene.ends), *ADDRESSES, *SERVICES, "10.96.0.33", "fd00::2:1"])
    for _ in range(draw(st.integers(0, 8))):
        client, server = (own, draw(anyone)) if draw(st.booleans()) else (draw(anyone), own)
        if client != server:
            scene.sees((client, server, draw(st.sampled_from(PORTS))), protocol=draw(protocols))
    scene.chooses(subject)
    for step in draw(st.lists(steps, max_size=5)):
        carry_out(scene, step)
    return scene


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Draw a scene with traffic of web and some decisions made."""
    scene = Scene(
        *draw(labelled_spaces(OBJECTS)),
        ranges=draw(st.sampled_from(RANGES)),
        two_objects=draw(st.booleans()),
        config=Config(labels=draw(label_configs)),
    )
    scene.sees(draw(traffic)).chooses()
    for step in draw(st.lists(steps, max_size=6)):
        carry_out(scene, step)
    return scene
