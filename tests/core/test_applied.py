"""What applied policies do to workloads, namespaces and communications, and the sentence that says why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from netsec_tui.core.compare.applied import Applied
from netsec_tui.core.compare.applied_verdict import Verdicts
from netsec_tui.model.applied import AppliedVerdict, Held, Isolation, NamespaceMap
from netsec_tui.model.communication import Counts
from netsec_tui.model.flow import Protocol, Verdict
from netsec_tui.model.identity import Direction, WorkloadRef
from netsec_tui.model.inventory import UnreadPolicy
from netsec_tui.model.proof import Reach
from netsec_tui.render.applied import isolation
from tests.core.scene import IN, OUT, Scene, flow, obj, owner, pod, policy, shop, talk

DB_PEERS = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}]
TO_DB = "Deployment/web {} StatefulSet/db in data on 5432/TCP: {}"


def applied(scene: Scene) -> Applied:
    ground = scene.session.ground()
    assert ground is not None
    return Applied(ground)


def verdict(scene: Scene, direction: Direction, name: str) -> AppliedVerdict:
    """Return the verdict of a row as if nothing was known of what became of its traffic."""
    communication = replace(scene.row(direction, name).communication, counts=Counts())
    return Verdicts(applied(scene), scene.review.subject).of(communication)


def held(namespace: NamespaceMap, name: str) -> Held:
    (found,) = [workload for workload in namespace.workloads if workload.peer.name == name]
    return found


def web_to_db(*policies: Any, **more: Any) -> AppliedVerdict:
    scene = shop(*policies).sees(("web-1", "db-0", 5432), **more).chooses()
    return verdict(scene, OUT, "db")


def guard(name: str = "db-guard", *rules: Any) -> Any:
    return policy(name, {"podSelector": {"matchLabels": {"app": "db"}}, "ingress": list(rules)}, "data")


def egress(*rules: Any, name: str = "web-out", labels: dict[str, str] | None = None) -> Any:
    selector = {"matchLabels": {"app": "web"} if labels is None else labels}
    return policy(name, {"podSelector": selector, "policyTypes": ["Egress"], "egress": list(rules)})


def cilium(app: str) -> Any:
    spec = {"endpointSelector": {"matchLabels": {"app": app}}, "ingress": [{}]}
    return obj("CiliumNetworkPolicy", "l7", "shop", "cilium.io/v2", spec=spec)


OTHER_PORT = {"from": DB_PEERS, "ports": [{"port": 80}]}
RIGHT_PORT = {"from": DB_PEERS, "ports": [{"port": 5432}]}


@pytest.mark.parametrize(
    ("policies", "outcome", "why"),
    [
        ([], Reach.ALLOWED, "no policy isolates either end"),
        (
            [guard()],
            Reach.DENIED,
            "policy data/db-guard isolates StatefulSet/db in data for ingress and allows nothing",
        ),
        (
            [guard("db-guard", OTHER_PORT)],
            Reach.DENIED,
            "policy data/db-guard isolates StatefulSet/db in data for ingress "
            "and its only rule does not allow it",
        ),
        (
            [guard("db-guard", OTHER_PORT), guard("other", {"from": [{"podSelector": {}}]})],
            Reach.DENIED,
            "policies data/db-guard, data/other isolate StatefulSet/db in data for ingress "
            "and none of their 2 rules allows it",
        ),
        (
            [guard("db-guard", OTHER_PORT, RIGHT_PORT)],
            Reach.ALLOWED,
            "policy data/db-guard lets it in by ingress rule 2, "
            "and no policy isolates Deployment/web for egress",
        ),
        (
            [guard("db-guard", RIGHT_PORT), egress({}, {"ports": [{"port": 5432}]})],
            Reach.ALLOWED,
            "policy web-out lets it out by egress rule 1 and 1 more rule, "
            "and policy data/db-guard lets it in by ingress rule 1",
        ),
        (
            [guard("db-guard", RIGHT_PORT), egress()],
            Reach.DENIED,
            "policy web-out isolates Deployment/web for egress and allows nothing",
        ),
        (
            [guard(), egress()],
            Reach.DENIED,
            "policy web-out isolates Deployment/web for egress and allows nothing, "
            "and policy data/db-guard isolates StatefulSet/db in data for ingress and allows nothing",
        ),
    ],
)
def test_why_a_communication_may_or_may_not_be_blocked(policies: list[Any], outcome: Reach, why: str) -> None:
    found = web_to_db(*policies)
    may = "may reach" if outcome is Reach.ALLOWED else "may not reach"
    assert (found.outcome, found.why, found.short) == (outcome, TO_DB.format(may, why), why)


def test_both_ends_tell_which_policies_isolate_and_which_rules_allow() -> None:
    found = web_to_db(guard("db-guard", OTHER_PORT, RIGHT_PORT), egress())
    assert [str(ref) for ref in found.ingress.allowed_by] == ["data/db-guard ingress[1]"]
    assert [str(ref) for ref in found.egress.isolated_by] == ["shop/web-out"]
    assert (found.egress.outcome, found.ingress.outcome) == (Reach.DENIED, Reach.ALLOWED)
    assert found.policies == (("shop", "web-out"), ("data", "db-guard"))


def test_an_incoming_communication_reads_from_its_client() -> None:
    lock = policy("web-lock", {"podSelector": {"matchLabels": {"app": "web"}}})
    scene = shop(lock).sees(("cart-1", "web-1")).chooses()
    assert verdict(scene, IN, "cart").why == (
        "Deployment/cart may not reach Deployment/web on 8080/TCP: "
        "policy web-lock isolates Deployment/web for ingress and allows nothing"
    )


def test_pods_that_differ_are_allowed_in_part() -> None:
    marked = pod("web-3", "10.244.0.14", "web", labels={"app": "web", "tier": "new"})
    scene = shop(marked, egress(labels={"tier": "new"})).sees(("web-1", "db-0", 5432)).chooses()
    found = verdict(scene, OUT, "db")
    assert (found.outcome, found.allowed, found.pairs) == (Reach.PARTLY, 6, 8)
    assert found.short == (
        "6 of 8 pairs of pods may; "
        "policy web-out isolates some pods of Deployment/web for egress and allows nothing"
    )


@pytest.mark.parametrize(
    ("cidr", "outcome", "why"),
    [
        ("203.0.113.0/24", Reach.ALLOWED, "policy web-out lets it out by egress rule 1"),
        (
            "198.51.100.0/24",
            Reach.DENIED,
            "policy web-out isolates Deployment/web for egress and its only rule does not allow it",
        ),
    ],
)
def test_an_address_has_no_policies_of_its_own(cidr: str, outcome: Reach, why: str) -> None:
    scene = shop(egress({"to": [{"ipBlock": {"cidr": cidr}}]})).sees(("web-1", "203.0.113.7", 443)).chooses()
    found = verdict(scene, OUT, "203.0.113.7")
    assert (found.outcome, found.short) == (outcome, why)


def test_an_alias_is_allowed_in_part_when_a_block_holds_some_of_its_addresses() -> None:
    rule = {"to": [{"ipBlock": {"cidr": "203.0.113.0/29"}}]}
    scene = shop(egress(rule)).sees(("web-1", "203.0.113.7", 443), ("web-1", "203.0.113.9", 443)).chooses()
    scene.alias("provider", "203.0.113.7", "203.0.113.9")
    assert verdict(scene, OUT, "provider").outcome is Reach.PARTLY


def test_the_dns_row_asks_about_the_ports_of_the_dns_pods() -> None:
    to_service_port = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
    to_pod_port = {"ports": [{"port": 5353, "protocol": "UDP"}, {"port": 5353, "protocol": "TCP"}]}
    for rule, outcome in ((to_service_port, Reach.DENIED), (to_pod_port, Reach.ALLOWED)):
        scene = shop(egress(rule)).sees(("web-1", "coredns-1", 5353), protocol=Protocol.UDP).chooses()
        assert verdict(scene, OUT, "cluster DNS").outcome is outcome


def test_what_cannot_be_decided_says_why() -> None:
    icmp = shop(guard()).sees(("web-1", "db-0", 0), protocol=Protocol.ICMP).chooses()
    found = verdict(icmp, OUT, "db")
    assert found.outcome is Reach.UNKNOWN
    assert found.why == (
        "it cannot be told whether Deployment/web may reach StatefulSet/db in data over ICMP: "
        "a NetworkPolicy says nothing of this protocol: it is up to the CNI"
    )


def test_without_cluster_state_nothing_is_told() -> None:
    ends = shop().ends
    scene = Scene().sees(talk(ends["web-1"], ends["db-0"], 5432))
    scene.chooses(scene.session.workloads()[0].ref)
    (row,) = (row for side in (IN, OUT) for row in scene.table(side).rows if row.key.port == 5432)
    found = Verdicts(applied(scene), scene.review.subject).of(row.communication)
    assert found.outcome is Reach.UNKNOWN
    assert "no cluster state was read" in found.why


def test_a_single_pod_that_calls_its_own_workload_stands_for_two() -> None:
    lock = policy("cart-lock", {"podSelector": {"matchLabels": {"app": "cart"}}})
    scene = shop(lock).sees(("cart-1", "cart-1")).chooses(WorkloadRef("Deployment", "shop", "cart"))
    assert verdict(scene, IN, "cart").outcome is Reach.DENIED


@pytest.mark.parametrize(
    ("policies", "seen", "words"),
    [
        ([], Verdict.DROPPED, "it was seen denied 2 times: by another kind of policy"),
        ([guard()], Verdict.FORWARDED, "it was seen to pass: the policies are not enforced"),
        ([], Verdict.FORWARDED, ""),
        ([guard()], Verdict.DROPPED, ""),
    ],
)
def test_traffic_against_the_verdict_is_said(policies: list[Any], seen: Verdict, words: str) -> None:
    scene = shop(*policies)
    ends = scene.ends["web-1"], scene.ends["db-0"]
    scene.sees([flow(*ends, 5432, verdict=seen), flow(*ends, 5432, verdict=seen)]).chooses()
    row = scene.row(OUT, "db")
    why = Verdicts(applied(scene), scene.review.subject).of(row.communication).why
    assert (words in why) if words else ("yet" not in why)


# -- a workload, a peer --------------------------------------------------------------------------------


def test_the_policies_on_a_workload_tell_how_many_of_its_pods_they_select() -> None:
    marked = pod("web-3", "10.244.0.14", "web", labels={"app": "web", "tier": "new"})
    some = policy("some", {"podSelector": {"matchLabels": {"tier": "new"}}})
    scene = shop(marked, some, egress()).sees(("web-1", "db-0", 5432)).chooses()
    found = applied(scene).on_subject(scene.review.subject)
    told = {hold.policy.policy.name: (hold.pods, hold.of, hold.whole) for hold in found.holds}
    assert told == {"some": (1, 3, False), "web-out": (3, 3, True)}
    assert [hold.policy.policy.name for hold in found.isolating(IN)] == ["some"]
    assert [hold.policy.policy.name for hold in found.isolating(OUT)] == ["web-out"]


WEB_INGRESS = policy("web-in", {"podSelector": {"matchLabels": {"app": "web"}}})


@pytest.mark.parametrize(
    ("policies", "unread", "missing", "ingress", "egress"),
    [
        ([], (), (), Isolation.OPEN, Isolation.OPEN),
        ([], (UnreadPolicy("shop", "odd"),), (), Isolation.UNKNOWN, Isolation.UNKNOWN),
        ([WEB_INGRESS], (UnreadPolicy("shop", "odd"),), (), Isolation.ISOLATED, Isolation.UNKNOWN),
        ([WEB_INGRESS], (UnreadPolicy("data", "odd"),), (), Isolation.ISOLATED, Isolation.OPEN),
        ([], (), ("networkpolicies could not be listed",), Isolation.UNKNOWN, Isolation.UNKNOWN),
        ([cilium("web")], (), (), Isolation.UNKNOWN, Isolation.OPEN),
        ([cilium("cart")], (), (), Isolation.OPEN, Isolation.OPEN),
    ],
)
def test_what_a_policy_that_was_not_understood_may_isolate_is_not_called_open(
    policies: list[Any], unread: Any, missing: Any, ingress: Isolation, egress: Isolation
) -> None:
    scene = shop(*policies)
    told = replace(scene.session.inventory, unread_policies=unread, missing=missing)
    scene.session.set_inventory(told)
    found = applied(scene.chooses()).on_subject(scene.review.subject)
    assert (found.isolation(IN), found.isolation(OUT)) == (ingress, egress)
    assert ("not known" in isolation(found)[0]) == (ingress is Isolation.UNKNOWN)
    assert ("everything gets out" in isolation(found)[1]) == (egress is Isolation.OPEN)


def test_the_peer_of_a_row_has_policies_of_its_own_namespace() -> None:
    scene = shop(guard()).sees(("web-1", "db-0", 5432), ("web-1", "203.0.113.7", 443)).chooses()
    on_db = applied(scene).on_peer(scene.row(OUT, "db").communication)
    assert [hold.policy.policy.name for hold in on_db.holds] == ["db-guard"]
    outside = applied(scene).on_peer(scene.row(OUT, "203.0.113.7").communication)
    assert (outside.holds, outside.selectable) == ((), False)


# -- a namespace --------------------------------------------------------------------------------------------


def test_the_map_of_a_namespace_holds_workloads_without_traffic_and_without_policies() -> None:
    idle = owner("idle")
    scene = shop(idle, egress(), policy("all", {"podSelector": {}, "policyTypes": ["Ingress"]})).chooses()
    found = applied(scene).in_namespace("shop")
    uses = {use.policy.policy.name: [peer.name for peer, _ in use.selects] for use in found.policies}
    assert uses == {"all": ["cart", "idle", "pay", "web"], "web-out": ["web"]}
    assert [hold.policy.policy.name for hold in held(found, "web").holds] == ["all", "web-out"]
    assert (held(found, "idle").pods, held(found, "web").pods) == (0, 2)
    assert not applied(scene).in_namespace("data").policies
    assert [workload.holds for workload in applied(scene).in_namespace("data").workloads] == [()]


def test_workloads_on_the_host_network_are_told_apart() -> None:
    everything = policy("all", {"podSelector": {}}, "kube-system")
    found = applied(shop(everything).chooses()).in_namespace("kube-system")
    agent = held(found, "agent")
    assert (agent.host_network, agent.selectable, agent.holds) == (True, False, ())
    assert [use.selects[0][0].name for use in found.policies] == ["coredns"]


@pytest.mark.parametrize(
    ("selector", "note"),
    [
        ({"matchLabels": {"app": "webb"}}, "no pod here has app=webb; Deployment/web has app=web"),
        ({"matchLabels": {"app": "elephant"}}, "no pod here has app=elephant"),
        ({"matchLabels": {"tier": "web"}}, "no pod here has tier=web"),
        (
            {"matchExpressions": [{"key": "tier", "operator": "Exists"}]},
            "no pod here has all of the labels that it asks for",
        ),
    ],
)
def test_a_policy_that_selects_nothing_says_why(selector: Any, note: str) -> None:
    found = applied(shop(policy("lost", {"podSelector": selector})).chooses()).in_namespace("shop")
    assert [(use.selects, use.note) for use in found.policies] == [((), note)]


# -- published policies --------------------------------------------------------------------------------------


def published(shared_data: Any, app: str, manifest: str, namespace: str) -> NamespaceMap:
    folder = shared_data / "manifests" / app
    texts = [(folder / manifest).read_text("utf-8")]
    texts += [path.read_text("utf-8") for path in sorted((folder / "published-policies").glob("*.yaml"))]
    kinds = ("Deployment", "Namespace", "NetworkPolicy", "Service")
    objects = [o for text in texts for o in yaml.safe_load_all(text) if o and o["kind"] in kinds]
    for found in objects:
        if found["kind"] != "Namespace":
            found["metadata"].setdefault("namespace", namespace)
    first = next(o for o in objects if o["kind"] == "Deployment")
    return applied(
        Scene(*objects).chooses(WorkloadRef("Deployment", namespace, first["metadata"]["name"]))
    ).in_namespace(namespace)


def test_sock_shop_has_a_policy_that_misses_its_workload_by_a_letter(shared_data: Any) -> None:
    found = published(shared_data, "sock-shop", "complete-demo.yaml", "sock-shop")
    notes = {use.policy.policy.name: use.note for use in found.policies if use.note}
    assert notes["cart-access"] == "no pod here has name=cart; Deployment/carts has name=carts"
    assert list(notes) == ["cart-access"]
    everyone = next(use for use in found.policies if use.policy.policy.name == "cortex-access")
    assert len(everyone.selects) == len(found.workloads) == 14
    assert [hold.policy.policy.name for hold in held(found, "carts").holds] == ["cortex-access"]


def test_online_boutique_has_a_policy_for_every_workload(shared_data: Any) -> None:
    found = published(shared_data, "online-boutique", "kubernetes-manifests.yaml", "default")
    assert {use.policy.policy.name: use.note for use in found.policies if use.note} == {}
    assert all(len(workload.holds) >= 2 for workload in found.workloads)
