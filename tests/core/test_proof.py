"""The proof of a generated policy: what it does besides what was decided, and that it finds all of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.core.cluster.ends import Ends
from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.decide.express import express
from netsec_tui.core.evaluate import Policies, evaluate
from netsec_tui.core.evaluate.match import selector_matches
from netsec_tui.core.prove.judge import own_pods
from netsec_tui.model.connection import Connection, Doubt, End, EndPod, Outcome
from netsec_tui.model.decision import GeneralRule
from netsec_tui.model.flow import Endpoint, Protocol, Verdict
from netsec_tui.model.identity import Direction, PeerSort, WorkloadRef
from netsec_tui.model.proof import Breach, Finding, Proof, Reach
from netsec_tui.model.review import Row, Standing
from tests.core.random_scenes import PORTS, cluster_scenes, scenes
from tests.core.scene import IN, NOW, OUT, Object, Scene, flow, known_ends, owner, pod, service, shop

# -- one thing that can go wrong a case --------------------------------------------------------------------


def twin(name: str, ip: str = "10.244.0.77", **labels: str) -> tuple[Object, Object]:
    """Return a Deployment with one pod and the labels given."""
    return owner(name, labels=labels), pod(f"{name}-1", ip, name, labels=labels)


def sentences(proof: Proof, breach: Breach) -> list[str]:
    return [finding.sentence for finding in proof.findings if finding.breach is breach]


def test_a_policy_that_does_what_was_decided_is_clean() -> None:
    scene = shop().sees(("web-1", "cart-1"), ("pay-1", "web-1"), ("web-1", "203.0.113.7", 443)).chooses()
    assert scene.review.proof == Proof(included=3, allowed=3, excluded=1, denied=1)
    assert scene.review.proof.clean


API = WorkloadRef("Deployment", "shop", "api")


def masqueraded(*nodes: str, verdict: Verdict = Verdict.FORWARDED, pods: tuple[Object, ...] = ()) -> Scene:
    """Return node-a seen at pods of api on these nodes, as kube-proxy masquerades a client on node-a."""
    pods = pods or tuple(on(node, f"10.244.0.9{n}", f"api-{n}") for n, node in enumerate(nodes))
    ends = known_ends(pods)
    objects = (owner("api"), *pods)
    return (
        shop(*objects).sees([flow("172.18.0.2", ends[name], verdict=verdict) for name in ends]).chooses(API)
    )


def on(node: str, ip: str = "10.244.0.90", name: str = "api-0", **more: object) -> Object:
    """Return a pod of api; ``created`` and ``deleted`` are seconds after its traffic."""
    found = {**pod(name, ip, "api", nodeName=node)}
    if "created" in more:
        when = datetime.fromtimestamp(NOW + more["created"], UTC).isoformat()
        found["metadata"] = {**found["metadata"], "creationTimestamp": when}
    return {**found, "deleted": NOW + more["deleted"]} if "deleted" in more else found


@pytest.mark.parametrize(
    ("pods", "cut"),
    [
        ((on("node-b", deleted=60),), True),
        ((on("node-a", deleted=60),), False),
        # A StatefulSet's pod that has moved since: probes of the node it was on then.
        ((on("node-b", created=30), on("node-a", deleted=20)), False),
        ((on("node-a", created=30), on("node-b", deleted=20)), True),
        ((on("node-b", created=30),), True),
    ],
)
def test_a_node_is_the_own_one_of_a_pod_by_where_that_was_then(pods: tuple[Object, ...], cut: bool) -> None:
    assert masqueraded(pods=pods).review.proof.count(Breach.CUT) == cut


@pytest.mark.parametrize("nodes", [("node-b",), ("node-b", "node-a")])
def test_what_was_let_in_and_is_denied_by_nobodys_decision_is_a_finding(nodes: tuple[str, ...]) -> None:
    scene = masqueraded(*nodes)
    assert sentences(scene.review.proof, Breach.CUT) == [
        "ingress from Node/node-a on 8080/TCP was let in, but nodes start out: not the own node of all pods "
        "it reached, so the policy denies what was seen, of clients too that it masquerades; "
        "tick or untick it"
    ]
    node = scene.row(IN, "node-a")
    scene.tick(node)
    assert scene.review.proof.count(Breach.CUT) == 0
    scene.tick(node, False)
    assert scene.review.proof.clean, "an operator's decision is none"


@pytest.mark.parametrize(
    ("nodes", "verdict"),
    [(("node-a",), Verdict.FORWARDED), (("node-b",), Verdict.DROPPED), (("node-b",), Verdict.AUDIT)],
)
def test_probes_and_what_was_denied_before_are_no_findings(nodes: tuple[str, ...], verdict: Verdict) -> None:
    assert masqueraded(*nodes, verdict=verdict).review.proof.clean


@pytest.mark.parametrize(
    ("general", "cut"),
    [(GeneralRule.INSIDE_NAMESPACE, 1), (GeneralRule.BLOCK_ALL, 0), (GeneralRule.ALLOW_ALL, 0)],
)
def test_a_general_rule_for_all_is_a_decision_on_what_was_let_in(general: GeneralRule, cut: int) -> None:
    scene = masqueraded("node-b").general(IN, general)
    assert scene.review.proof.count(Breach.CUT) == cut


def test_another_owner_with_the_same_labels_is_opened_though_no_row_shows_it() -> None:
    scene = shop(*twin("cart-twin", app="cart")).sees(("web-1", "cart-1")).chooses()
    assert sentences(scene.review.proof, Breach.POD_OPENED) == [
        "egress to shop/cart-twin-1 of Deployment/cart-twin on 8080/TCP is allowed, though no row shows it"
    ]
    assert not scene.review.proof.clean


def test_an_owner_without_pods_is_named_by_the_one_it_would_make() -> None:
    scene = shop(owner("cart-twin", labels={"app": "cart"})).sees(("web-1", "cart-1")).chooses()
    assert sentences(scene.review.proof, Breach.POD_OPENED) == [
        "egress to the next pod of Deployment/cart-twin in shop on 8080/TCP is allowed, "
        "though no row shows it"
    ]


def test_what_a_row_shows_is_not_opened_unseen() -> None:
    scene = shop(*twin("cart-twin", app="cart")).sees(("web-1", "cart-1"), ("web-1", "cart-twin-1")).chooses()
    assert scene.review.proof.clean


def test_the_same_pod_on_another_port_is_what_no_row_shows() -> None:
    scene = (
        shop(*twin("cart-twin", app="cart"))
        .sees(("web-1", "cart-1"), ("web-1", "cart-twin-1", 9090))
        .chooses()
    )
    assert sentences(scene.review.proof, Breach.POD_OPENED) == [
        "egress to shop/cart-1 of Deployment/cart on 9090/TCP is allowed, though no row shows it",
        "egress to shop/cart-twin-1 of Deployment/cart-twin on 8080/TCP is allowed, though no row shows it",
    ]


def test_a_row_that_is_out_but_cannot_be_told_apart_is_not_denied() -> None:
    scene = shop(*twin("cart-twin", app="cart")).sees(("web-1", "cart-1"), ("web-1", "cart-twin-1")).chooses()
    scene.tick(scene.row(OUT, "cart-twin"), False)
    assert sentences(scene.review.proof, Breach.NOT_DENIED) == [
        "egress to Deployment/cart-twin in shop on 8080/TCP is excluded, "
        "but allowed by row Deployment/cart 8080/TCP"
    ]
    assert scene.row(OUT, "cart-twin").in_policy


@pytest.mark.parametrize("rule", [GeneralRule.ALLOW_ALL, GeneralRule.INSIDE_NAMESPACE])
def test_what_a_wider_decision_lets_through_was_decided(rule: GeneralRule) -> None:
    scene = shop(*twin("cart-twin", app="cart")).sees(("web-1", "cart-1"), ("web-1", "pay-1")).chooses()
    scene.tick(scene.row(OUT, "pay"), False).general(OUT, rule)
    proof = scene.review.proof
    assert proof.clean
    assert proof.included == proof.allowed == len(scene.table(OUT).rows)
    assert proof.excluded == 0


def test_owners_of_one_name_and_two_kinds_are_not_taken_for_each_other() -> None:
    scene = shop(
        owner("api"),
        pod("api-d", "10.244.0.70", "api"),
        owner("api", kind="StatefulSet"),
        pod("api-0", "10.244.0.71", "api", kind="StatefulSet"),
    )
    scene.sees(("web-1", "api-d")).chooses()
    assert sentences(scene.review.proof, Breach.POD_OPENED) == [
        "egress to shop/api-0 of StatefulSet/api on 8080/TCP is allowed, though no row shows it"
    ]


def test_a_peer_of_the_workload_s_own_name_is_not_the_workload_itself() -> None:
    scene = shop(owner("web", kind="CronJob", labels={"app": "cron"}))
    scene.ends["web-123"] = Endpoint("10.244.0.80", "shop", "web-123", (("app", "cron"),))
    scene.sees(("web-123", "web-1")).chooses()
    row = next(row for row in scene.table(IN).rows if row.key.peer.kind == "CronJob")
    assert (row.in_policy, scene.review.proof.clean) == (True, True)
    scene.tick(row, False)
    row = next(row for row in scene.table(IN).rows if row.key.peer.kind == "CronJob")
    assert (row.reach, scene.review.proof.clean) == (Reach.DENIED, True)


def test_a_block_of_addresses_that_a_pod_has_one_of_opens_that_pod() -> None:
    late = pod("late-1", "203.0.113.7", labels={"app": "late"})
    scene = shop(late).sees(("web-1", "cart-1")).chooses().manual("203.0.113.6/31")
    assert sentences(scene.review.proof, Breach.POD_OPENED) == [
        "egress to shop/late-1 of Pod/late-1 on all ports is allowed, though no row shows it"
    ]


def test_under_cilium_a_block_opens_no_pod() -> None:
    cilium = owner("cilium", "kube-system", "DaemonSet", hostNetwork=True)
    late = pod("late-1", "203.0.113.7", labels={"app": "late"})
    scene = shop(late, cilium).sees(("web-1", "cart-1")).chooses().manual("203.0.113.0/24")
    assert scene.review.proof.clean


def test_under_cilium_a_node_s_address_cannot_be_told() -> None:
    cilium = owner("cilium", "kube-system", "DaemonSet", hostNetwork=True)
    scene = shop(cilium).sees(("web-1", "172.18.0.2", 9100)).chooses()
    row = next(row for row in scene.table(OUT).rows if row.key.peer.sort is PeerSort.NODE)
    scene.tick(row)
    row = next(row for row in scene.table(OUT).rows if row.key.peer.sort is PeerSort.NODE)
    assert (row.ticked, row.in_policy, row.reach) == (True, False, Reach.UNKNOWN)
    assert row.reason.endswith(
        "whether this CNI's ipBlock matches a node's address depends on its configuration"
    )
    assert scene.review.proof.count(Breach.NOT_TOLD) == 1
    assert not scene.review.proof.clean


def test_egress_to_a_node_that_is_out_says_what_is_open() -> None:
    scene = shop().sees(("web-1", "172.18.0.2", 9100)).chooses()
    row = next(row for row in scene.table(OUT).rows if row.key.peer.sort is PeerSort.NODE)
    assert (row.reach, row.reason) == (
        Reach.UNKNOWN,
        "nodes start out; it is not known whether the other end is on the pod's own node",
    )


def test_pods_to_come_of_another_owner_are_isolated_by_accident_too() -> None:
    scene = shop(owner("web-old", labels={"app": "web", "track": "old"})).sees(("pay-1", "web-1")).chooses()
    assert sentences(scene.review.proof, Breach.ISOLATED) == [
        "the next pod of Deployment/web-old in shop is isolated by it: "
        "its labels match the policy's podSelector"
    ]


def test_ingress_from_outside_that_is_ticked_is_meant_for_all_that_it_covers() -> None:
    front = service("front", "10.96.0.99", [(80, 8080)], selector={"app": "web"})
    front["spec"]["type"] = "LoadBalancer"
    scene = shop(front).sees(("203.0.113.7", "web-1", 8080)).chooses()
    proof = scene.tick(scene.row(IN, "external ingress")).review.proof
    assert proof.count(Breach.ADDRESSES_OPENED) == 0


def test_a_manual_rule_lets_addresses_through_that_it_names() -> None:
    scene = shop().sees(("web-1", "203.0.113.7", 443)).chooses().manual("203.0.113.0/24")
    assert scene.review.proof == Proof(included=1, allowed=1, excluded=1, named=1)


def test_pods_inside_a_manual_rule_are_named_where_the_ranges_are_not_known() -> None:
    scene = shop().sees(("web-1", "203.0.113.7", 443)).chooses().manual("10.244.1.0/24")
    found = sentences(scene.review.proof, Breach.POD_OPENED)
    assert "egress to data/db-0 of StatefulSet/db on all ports is allowed, though no row shows it" in found


def test_pods_of_another_workload_that_the_selector_selects_are_isolated_by_accident() -> None:
    scene = shop(*twin("web-old", app="web", track="old")).sees(("pay-1", "web-1")).chooses()
    assert sentences(scene.review.proof, Breach.ISOLATED) == [
        "shop/web-old-1 of Deployment/web-old is isolated by it: its labels match the policy's podSelector"
    ]


def test_own_pods_that_the_selector_does_not_match_are_said() -> None:
    stray = pod("web-3", "10.244.1.12", "web", labels={"app": "webb"})
    scene = shop(stray).sees(("pay-1", "web-1"), ("web-1", "cart-1")).chooses()
    scene.tick(scene.row(OUT, "cart"), False)
    assert sentences(scene.review.proof, Breach.NOT_SELECTED) == [
        "shop/web-3 of Deployment/web is not selected by it: the podSelector does not match its labels"
    ]
    assert scene.row(OUT, "cart").reach is Reach.PARTLY
    assert scene.row(OUT, "cart").reason == "unticked by hand; the policy does not select shop/web-3"


def test_a_peer_pod_with_other_labels_is_not_reached() -> None:
    stray = pod("cart-2", "10.244.1.12", "cart", labels={"app": "kart"})
    scene = shop(stray).sees(("web-1", "cart-1")).chooses()
    row = scene.row(OUT, "cart")
    assert (row.ticked, row.in_policy) == (True, False)
    assert row.reason == "allowed for shop/cart-1, the next pod of Deployment/cart only"
    assert sentences(scene.review.proof, Breach.NOT_ALLOWED) == [
        "egress to Deployment/cart in shop on 8080/TCP is included, but allowed in part: "
        "allowed for shop/cart-1, the next pod of Deployment/cart only"
    ]


def test_without_a_policy_there_is_nothing_to_prove() -> None:
    agent = WorkloadRef("DaemonSet", "kube-system", "agent")
    assert shop().sees(("agent-x", "web-1")).chooses(agent).review.proof == Proof()


# -- that it finds everything, by asking about each pair ---------------------------------------------------

SHOWS_PODS = (PeerSort.OWNER, PeerSort.SERVICE, PeerSort.DNS, PeerSort.API_SERVER)
PROTOCOLS = (Protocol.TCP, Protocol.UDP, Protocol.SCTP)
EVERY_PORT = (*PORTS, 8081, 8443, 85, 60000)
"""The ports of the scenes, those behind Services included, and some that only ranges hold."""


class Asker:
    """Ask the generated policies about one pair at a time, on the workload's side."""

    def __init__(self, scene: Scene) -> None:
        ground = scene.session.ground()
        assert ground is not None
        self.ground = ground
        self._policies = Policies(scene.review.policies)

    def outcome(self, direction: Direction, own: EndPod, end: End, protocol: Protocol, port: int) -> Outcome:
        ends = (end, own) if direction is IN else (own, end)
        asked = Connection(ends[0], ends[1], protocol, port)
        return evaluate(self._policies, self.ground.ends.state, asked).side(direction).outcome


def asked_ports(ground: Ground, row: Row) -> list[tuple[Protocol, int]]:
    if row.key.peer.sort is PeerSort.DNS and ground.world.dns:
        return list(ground.world.dns.ports)
    return [(row.key.protocol, row.key.port)]


def pairs(scene: Scene, ground: Ground, row: Row) -> Iterator[tuple[EndPod, End]]:
    own = owner_ends(scene, ground, scene.review.subject.owners)
    if scene.review.subject.ref.kind == "Service":
        ref = scene.review.subject.ref
        wanted = set(scene.session.inventory.service_by_name[ref.namespace, ref.name].selector)
        own = [end for end in own if wanted <= set(end.labels)]
    ends: list[End] = list(ground.ends.of(row.communication))
    if row.key.peer.sort is PeerSort.OWNER:
        on_nodes = [end for end in ends if isinstance(end, str)]
        ends = [*owner_ends(scene, ground, [row.key.peer.ref]), *on_nodes]
    for mine, end in product(own, ends):
        if not (isinstance(end, EndPod) and identity(mine) == identity(end)):
            yield mine, end


def identity(pod: EndPod) -> tuple[object, ...]:
    return (pod.namespace, pod.owner, pod.synthetic, "" if pod.synthetic else pod.name)


def owner_ends(scene: Scene, ground: Ground, owners: Iterable[WorkloadRef]) -> list[EndPod]:
    """Return live pods and the next one of some owners, from the cluster state itself."""
    inventory = scene.session.inventory
    live = [
        EndPod(
            pod.namespace,
            pod.name,
            pod.labels,
            inventory.namespaces.get(pod.namespace),
            pod.ips,
            pod.ports,
            node=pod.node,
            owner=pod.owner,
        )
        for pod in inventory.pods
        if pod.owner in owners and not pod.finished and not pod.host_network
    ]
    return [*live, *(p for ref in owners for p in ground.ends.pods_of(ref) if p.synthetic)]


@settings(max_examples=120)
@given(st.one_of(scenes(), cluster_scenes()))
def test_every_row_says_what_evaluating_all_its_pairs_says(scene: Scene) -> None:
    asker = Asker(scene)
    ground = asker.ground
    for direction in Direction:
        for row in scene.table(direction).rows:
            if not ground.ends.of(row.communication) or scene.review.subject.refusal:
                continue
            found = {
                asker.outcome(direction, own, end, protocol, port)
                for own, end in pairs(scene, ground, row)
                for protocol, port in row_ports(ground, row)
            }
            expected = {
                Reach.ALLOWED: found <= {Outcome.ALLOWED},
                Reach.DENIED: found == {Outcome.DENIED},
                Reach.PARTLY: {Outcome.ALLOWED, Outcome.DENIED} <= found,
                Reach.UNKNOWN: Outcome.UNDECIDED in found,
            }
            assert expected[row.reach], (row, found)


@settings(max_examples=120)
@given(st.one_of(scenes(), cluster_scenes()))
def test_a_row_is_as_decided_or_says_why_not(scene: Scene) -> None:
    proof = scene.review.proof
    told = {finding.key for finding in proof.findings}
    for direction in Direction:
        table = scene.table(direction)
        for row in table.rows:
            if row.standing is Standing.NOT_EXPRESSIBLE:
                assert row.reason
                continue
            wanted = row.ticked and not (row.suspended and table.general is GeneralRule.BLOCK_ALL)
            if row.reach is (Reach.ALLOWED if wanted else Reach.DENIED):
                assert row.cut or row.key not in told
            elif scene.review.withheld:  # said of every row: "allowed, as there is no policy"
                assert row.reach is Reach.ALLOWED
            else:
                assert row.allowed_by or says_why(row), row
    untold = proof.count(Breach.NOT_ALLOWED) + proof.count(Breach.NOT_TOLD)
    assert proof.included == proof.allowed + untold
    named = proof.denied + proof.named + proof.undecided
    assert proof.excluded == named + proof.count(Breach.NOT_DENIED, Breach.CUT)


def says_why(row: Row) -> bool:
    """Tell whether a row that is not as decided names who is let through, or what is open."""
    own_node = "a pod's own node gets in" in row.reason or "a node's" in row.reason
    parts = ("in part allowed by ", "allowed for ", "the policy does not select ", "matches the rule")
    doubts = (*map(str, Doubt), "next pod may run on that very node", "is not known")
    return own_node or any(part in row.reason for part in (*parts, *doubts))


@settings(max_examples=100)
@given(st.one_of(scenes(), cluster_scenes()))
def test_nothing_else_touching_a_selected_pod_becomes_possible_unsaid(scene: Scene) -> None:
    asker = Asker(scene)
    ground, review = asker.ground, scene.review
    if review.refusal:
        return
    home = review.subject.ref.namespace
    # A stray pod that the policy does not select is a finding of its own.
    pods = own_pods(review.subject, ground.ends)
    own = next((p for p in pods if selector_matches(review.subject.selector, p.label_map)), None)
    if own is None:
        return
    for direction in Direction:
        table = review.of(direction)
        if table.general is GeneralRule.ALLOW_ALL:
            continue
        shown = {
            (identity(end), protocol, port)
            for row in table.rows
            if row.key.peer.sort in SHOWS_PODS
            for end in ground.ends.of(row.communication)
            if isinstance(end, EndPod)
            for protocol, port in row_ports(ground, row)
        }
        told = {f.who for f in review.proof.findings if opens_pod(f, direction)}
        live = {pod.ref for pod in ground.pods if str(pod) in told and not pod.synthetic}
        for end in ground.pods:
            decided = table.general is GeneralRule.INSIDE_NAMESPACE and end.namespace == home
            possible = not decided and any(
                asker.outcome(direction, own, end, protocol, port) is Outcome.ALLOWED
                for protocol, port in product(PROTOCOLS, EVERY_PORT)
                if (identity(end), protocol, port) not in shown
            )
            # Of an owner with live pods these are named, not the one that it would make next.
            name = f"the next pod of {end.ref} in {end.namespace}" if end.synthetic else str(end)
            named = name in told or (end.synthetic and end.ref in live)
            assert (
                named == possible or identity(end) == identity(own) or (end.synthetic and end.ref in live)
            ), (direction, end)


def opens_pod(finding: Finding, direction: Direction) -> bool:
    return finding.direction is direction and finding.breach is Breach.POD_OPENED


def row_ports(ground: Ground, row: Row, home: str = "shop") -> list[tuple[Protocol, int]]:
    """Return the ports that a row stands for; behind a Service they are those of its rule."""
    if row.key.peer.sort is not PeerSort.SERVICE:
        return asked_ports(ground, row)
    written = express(ground.world, home, row.communication).ports
    ports = [(Protocol(port.protocol), port.port) for port in written if isinstance(port.port, int)]
    return ports or asked_ports(ground, row)


def test_ends_of_a_service_hold_the_next_pod_of_each_owner_behind_it() -> None:
    scene = shop().sees(("web-1", "cart-1")).chooses()
    ground = scene.session.ground()
    assert ground is not None
    ends = Ends(ground.world).selected("shop", (("app", "web"),))
    assert [(e.name, e.synthetic) for e in ends if isinstance(e, EndPod)] == [
        ("web-1", False),
        ("web-2", False),
        ("Deployment/web", True),
    ]
