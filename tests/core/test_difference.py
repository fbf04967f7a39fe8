"""What applying a draft changes: as sentences in known cases, and against evaluating every connection."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from netsec_tui.core.compare.difference import difference
from netsec_tui.core.compare.turnover import changes_of
from netsec_tui.core.evaluate import ClusterState, Policies, evaluate, parse_policy
from netsec_tui.core.evaluate.addresses import address_number
from netsec_tui.core.evaluate.compare import compare
from netsec_tui.core.evaluate.match import selector_matches
from netsec_tui.core.evaluate.ports import PROTOCOLS
from netsec_tui.core.generate.serialize import to_yaml
from netsec_tui.model.connection import Connection, EndPod, Outcome
from netsec_tui.model.difference import Addresses, Change, Difference, Turn
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import OverridingPolicy, UnreadPolicy
from netsec_tui.model.policy import LabelSelector, NetworkPolicy
from netsec_tui.render.diff_lines import diff_lines, summary
from netsec_tui.render.diff_words import sentence
from tests.core.evaluate import strategies
from tests.core.random_scenes import scenes
from tests.core.scene import SHOP, Object, Scene, inventory, owner, pod, policy

PROBED = (1, 80, 81, 443, 444, 8080, 65535)


def draft_of(*applied: Object, objects: tuple[Object, ...] = SHOP, **options: Any) -> Scene:
    """Return a scene in which cart calls web, and web calls the database and an address."""
    scene = Scene(*objects, *applied, **options)
    return scene.sees(("cart-1", "web-1"), ("web-1", "db-0", 5432), ("web-1", "203.0.113.7", 443)).chooses()


def compared(scene: Scene) -> Difference:
    ground = scene.session.ground()
    assert ground is not None
    return difference(ground, scene.review.policies)


def sentences(found: Difference) -> list[str]:
    return [sentence(change) for change in found.changes]


SELECTS_WEB = {"podSelector": {"matchLabels": {"app": "web"}}}
FROM_CART = {"from": [{"podSelector": {"matchLabels": {"app": "cart"}}}]}
TO_DB = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "data"}},
    "podSelector": {"matchLabels": {"app": "db"}},
}
TO_DNS = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
}
DNS_PORTS = [{"protocol": "TCP", "port": 5353}, {"protocol": "UDP", "port": 5353}]
INGRESS = [FROM_CART | {"ports": [{"port": 8080}]}]
EGRESS = [{"to": [TO_DB], "ports": [{"port": 5432}]}, {"to": [TO_DNS], "ports": DNS_PORTS}]
BOTH = {"policyTypes": ["Egress", "Ingress"]}


def web(**spec: Any) -> Object:
    """Return an applied policy of the draft's name: the draft itself but for what is given."""
    return policy("deployment-web", SELECTS_WEB | BOTH | {"ingress": INGRESS, "egress": EGRESS} | spec)


CASES: dict[str, tuple[tuple[Object, ...], list[str]]] = {
    "nothing isolates it so far": (
        (),
        [
            "- any pod (not of shop/Deployment/cart) and any address -> shop/Deployment/web: all ports",
            "- shop/Deployment/cart -> shop/Deployment/web: all ports but TCP 8080",
            "- shop/Deployment/web -> shop/Deployment/cart, shop/Deployment/pay and any address: all ports",
            "- shop/Deployment/web -> kube-system/Deployment/coredns: all ports but TCP 5353; UDP 5353",
            "- shop/Deployment/web -> data/StatefulSet/db: all ports but TCP 5432",
        ],
    ),
    "one peer lacks and one is too many": (
        (
            web(
                ingress=[
                    {
                        "from": [{"podSelector": {"matchLabels": {"app": "pay"}}}],
                        "ports": [{"port": 80, "endPort": 90}],
                    }
                ]
            ),
        ),
        [
            "- shop/Deployment/pay -> shop/Deployment/web: TCP 80-90",
            "+ shop/Deployment/cart -> shop/Deployment/web: TCP 8080",
        ],
    ),
    "addresses are cut as the blocks say": (
        (
            web(
                egress=[
                    *EGRESS,
                    {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "192.0.2.1/32"]}}]},
                ]
            ),
        ),
        ["- shop/Deployment/web -> any IPv4 address (not 10.0.0.0/8, 192.0.2.1): all ports"],
    ),
    "any port of one protocol": (
        (web(ingress=[FROM_CART | {"ports": [{"protocol": "SCTP"}, {"port": 8080}]}]),),
        ["- shop/Deployment/cart -> shop/Deployment/web: SCTP"],
    ),
    "any peer on one port": (
        (web(ingress=[*INGRESS, {"ports": [{"protocol": "UDP", "port": 514}]}]),),
        ["- any other pod and any address -> shop/Deployment/web: UDP 514"],
    ),
    "a policy that stays lets everything in anyway": (
        (web(ingress=[]), policy("open", SELECTS_WEB | {"ingress": [{}]})),
        [],
    ),
    "written otherwise, meant alike": (
        (web(ingress=[INGRESS[0], INGRESS[0]]),),
        [],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_meaning_is_said_in_few_sentences(name: str) -> None:
    applied, expected = CASES[name]
    found = compared(draft_of(*applied))
    assert found.differs
    assert sentences(found) == expected


def test_pods_of_one_owner_that_differ_are_said_to_be_some() -> None:
    old = pod("cart-old", "10.244.0.99", "cart", labels={"app": "cart", "track": "old"})
    applied = web(ingress=[*INGRESS, FROM_CART_OLD])
    (told,) = sentences(compared(draft_of(old, applied)))
    assert told == (
        "- shop/Deployment/cart -> shop/Deployment/web: TCP 9090 (between some of their pods only)"
    )


FROM_CART_OLD = {"from": [{"podSelector": {"matchLabels": {"track": "old"}}}], "ports": [{"port": 9090}]}


def test_a_block_over_pods_counts_for_those_that_the_owner_makes_next() -> None:
    applied = web(ingress=[*INGRESS, {"from": [{"ipBlock": {"cidr": "10.244.1.13/32"}}]}])
    assert sentences(compared(draft_of(applied))) == [
        "- shop/Deployment/pay -> shop/Deployment/web: all ports"
    ]


def test_an_address_that_a_pod_has_is_the_pod() -> None:
    (cart,) = (p for p in draft_of().session.inventory.pods if p.name == "cart-1")
    blocks = [{"ipBlock": {"cidr": f"{ip}/32"}} for ip in cart.ips]
    same = web(ingress=[{"from": blocks, "ports": [{"port": 8080}]}])
    assert sentences(compared(draft_of(same))) == []
    blocks.append({"ipBlock": {"cidr": "203.0.113.9/32"}})
    wider = web(ingress=[{"from": blocks, "ports": [{"port": 8080}]}])
    assert sentences(compared(draft_of(wider))) == ["- 203.0.113.9 -> shop/Deployment/web: TCP 8080"]
    elsewhere = policy(
        "other", {"podSelector": {"matchLabels": {"app": "db"}}, "ingress": [{"from": blocks}]}
    )
    (told, *_) = sentences(compared(draft_of(elsewhere)))
    assert told.startswith("- any pod (not of shop/Deployment/cart) and any address -> ")


def test_what_an_address_family_adds_is_said_with_the_family() -> None:
    cart, front = dual("cart", 1, app="cart"), dual("web", 2, app="web")
    everybody = ingress_of({"ipBlock": {"cidr": "0.0.0.0/0"}})
    selected = ingress_of({"podSelector": {"matchLabels": {"app": "cart"}}})
    assert moved(everybody, selected, [cart, front]) == [
        "- any IPv4 address -> shop/Pod/web: TCP 8080",
        "+ shop/Pod/cart -> shop/Pod/web: TCP 8080 (over IPv6 only)",
    ]
    assert moved(selected, everybody, [cart, front]) == [
        "- shop/Pod/cart -> shop/Pod/web: TCP 8080 (over IPv6 only)",
        "+ any IPv4 address -> shop/Pod/web: TCP 8080",
    ]
    old = replace(cart, ips=cart.ips[:1])
    assert moved(everybody, selected, [old, front]) == ["- any IPv4 address -> shop/Pod/web: TCP 8080"]
    more = replace(cart, name="cart-old", ips=cart.ips[:1], labels=cart.labels)
    owner_ref = WorkloadRef("Deployment", "shop", "cart")
    pods = [replace(p, owner=owner_ref) for p in (cart, more)]
    assert moved(everybody, selected, [*pods, front])[1:] == [
        "+ shop/Deployment/cart -> shop/Pod/web: TCP 8080 (over IPv6 only, between some of their pods only)"
    ]


def dual(name: str, number: int, **labels: str) -> EndPod:
    """Return a pod with an address of each family."""
    return EndPod("shop", name, tuple(labels.items()), ips=(f"10.0.0.{number}", f"fd00::{number}"))


def ingress_of(*peers: dict[str, Any]) -> NetworkPolicy:
    """Return a policy that lets peers into web on one port."""
    spec = SELECTS_WEB | {"ingress": [{"from": list(peers), "ports": [{"port": 8080}]}]}
    return parse_policy(policy("one", spec))


def moved(before: NetworkPolicy, after: NetworkPolicy, pods: list[EndPod]) -> list[str]:
    """Return what changes for the web pod as sentences."""
    found = compare([before], [after], pods)
    own = {p.ref for p in pods if ("app", "web") in p.labels}
    changes = [*changes_of(Turn.LOST, found.lost, own), *changes_of(Turn.GAINED, found.gained, own)]
    return [sentence(change) for change in changes]


def test_many_pod_owners_are_one_sentence() -> None:
    crowd = tuple(owner(f"extra-{n}") for n in range(50)) + tuple(
        owner(f"far-{n}", "data") for n in range(50)
    )
    applied = web(ingress=[{"from": [{"podSelector": {}}], "ports": [{"port": 8080}]}])
    found = compared(draft_of(applied, *crowd, pod("bare", "10.244.0.77")))
    (told,) = sentences(found)
    assert told.endswith(" and 46 more pod owners -> shop/Deployment/web: TCP 8080")
    assert (found.count(Turn.LOST), found.count(Turn.GAINED)) == (52, 0)
    assert len(found.changes[0].peers.owners) == 52
    applied = web(ingress=[*INGRESS, {"from": [{"namespaceSelector": DATA}], "ports": [{"port": 8080}]}])
    assert sentences(compared(draft_of(applied, *crowd))) == [
        "- any pod in data -> shop/Deployment/web: TCP 8080"
    ]


DATA = {"matchLabels": {"kubernetes.io/metadata.name": "data"}}


def test_the_widest_change_names_nobody_where_the_others_name_the_rest() -> None:
    more = tuple(owner(name) for name in ("a", "b", "c", "d", "e"))
    callers = tuple(pod(f"{name}-1", f"10.244.0.7{n}", name) for n, name in enumerate("abc"))
    scene = draft_of(*more, *callers).sees(*((f"{name}-1", "web-1") for name in "abc"))
    first, second, *_ = sentences(compared(scene))
    assert first == "- any other pod not named below and any address -> shop/Deployment/web: all ports"
    assert second == (
        "- shop/Deployment/a, shop/Deployment/b, shop/Deployment/c and shop/Deployment/cart"
        " -> shop/Deployment/web: all ports but TCP 8080"
    )


def test_other_policies_of_the_workload_stay_and_are_named() -> None:
    others = (
        policy("old-web", SELECTS_WEB),
        policy("all", {"podSelector": {}}),
        policy("cart", {"podSelector": {"matchLabels": {"app": "cart"}}}),
        policy("web-elsewhere", SELECTS_WEB, "data"),
    )
    found = compared(draft_of(web(), *others, two_objects=True))
    assert set(found.staying) == {"shop/deployment-web", "shop/old-web", "shop/all"}
    assert [entry.applied for entry in found.objects] == [False, False]


def test_yaml_shows_the_lines_that_change_and_no_others() -> None:
    (entry,) = compared(draft_of(web(ingress=[FROM_CART | {"ports": [{"port": 8081}]}]))).objects
    assert entry.lines[:2] == ("--- applied shop/deployment-web", "+++ generated shop/deployment-web")
    changed = [line for line in entry.lines[2:] if line[0] in "+-"]
    assert changed == ["-          port: 8081", "+          port: 8080"]


def test_yaml_of_what_is_not_applied_is_all_new() -> None:
    scene = draft_of(two_objects=True)
    ingress, egress = compared(scene).objects
    for entry, one in ((ingress, scene.review.policies[0]), (egress, scene.review.policies[1])):
        assert entry.lines[0] == "--- /dev/null"
        assert "\n".join(line[1:] for line in entry.lines[3:]) + "\n" == to_yaml((one,))


def as_the_api_server_returns(obj: Object) -> Object:
    """Return an object with what the API server adds, its keys in another order."""
    spec = obj["spec"] | {"policyTypes": list(reversed(obj["spec"]["policyTypes"]))}
    metadata = obj["metadata"] | {
        "creationTimestamp": "2026-11-20T08:00:00Z",
        "uid": "6f0e0d0c",
        "resourceVersion": "42",
        "generation": 3,
        "labels": {"team": "shop"},
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
        "managedFields": [{"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": {}}}],
    }
    returned = obj | {"metadata": metadata, "spec": dict(reversed(spec.items())), "status": {}}
    return dict(reversed(returned.items()))


@settings(max_examples=60)
@given(scenes())
def test_an_applied_draft_differs_in_nothing(scene: Scene) -> None:
    assume(not scene.review.refusal)
    drafted = list(yaml.safe_load_all(scene.review.yaml))
    rest = [o for o in scene.objects if o["metadata"]["name"] != drafted[0]["metadata"]["name"]]
    before = scene.review.yaml
    scene.session.set_inventory(inventory(*rest, *map(as_the_api_server_returns, drafted), **ranges(scene)))
    assert scene.review.yaml == before
    found = compared(scene)
    assert not found.differs
    assert found.changes == ()
    assert summary(found) == "The generated policy is applied as it is: nothing differs."


def test_the_order_of_labels_is_no_difference() -> None:
    labels = {"tier": "front", "app": "shelf", "part-of": "shop"}
    objects = (*SHOP, owner("shelf", labels=labels), pod("shelf-1", "10.244.0.44", "shelf", labels=labels))
    scene = Scene(*objects).sees(("shelf-1", "pay-1"), ("web-1", "shelf-1"))
    scene.chooses(WorkloadRef("Deployment", "shop", "shelf"))
    drafted = yaml.safe_load(scene.review.yaml)
    selector = drafted["spec"]["podSelector"]["matchLabels"]
    assert len(selector) == 3
    drafted["spec"]["podSelector"]["matchLabels"] = dict(reversed(selector.items()))
    scene.session.set_inventory(inventory(*objects, drafted))
    assert not compared(scene).differs


def ranges(scene: Scene) -> dict[str, tuple[str, ...]]:
    known = scene.session.inventory
    return {"pod_cidrs": known.pod_cidrs, "service_cidrs": known.service_cidrs}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"known": False}, "no cluster state was read, so it is not known which policies are applied"),
        (
            {"missing": ("networkpolicies cannot be listed: forbidden",)},
            "NetworkPolicies could not be listed, so it is not known which are applied",
        ),
        (
            {"unread_policies": (UnreadPolicy("shop", "deployment-web"),)},
            "NetworkPolicy shop/deployment-web is applied but cannot be read, so it cannot be compared",
        ),
        ({"unread_policies": (UnreadPolicy("shop", "other"),)}, ""),
    ],
)
def test_it_is_said_when_what_is_applied_is_not_known(state: dict[str, Any], expected: str) -> None:
    scene = draft_of()
    scene.session.set_inventory(replace(scene.session.inventory, **state))
    found = compared(scene)
    assert found.unknown == expected
    shown = "\n".join(line.text for line in diff_lines(found, 200))
    assert expected in shown
    assert ("is not applied yet" in shown) is not bool(expected)


def test_pods_that_only_the_replaced_policy_selects_are_looked_at() -> None:
    selects_cart = {"podSelector": {"matchLabels": {"app": "cart"}}}
    scene = draft_of(web(podSelector=selects_cart["podSelector"], ingress=[], egress=[{}]))
    guard = OverridingPolicy("CiliumNetworkPolicy", "shop", "guard", LabelSelector((("app", "cart"),)))
    scene.session.set_inventory(replace(scene.session.inventory, overriding=(guard,)))
    found = compared(scene)
    gained = [sentence(change) for change in found.of(Turn.GAINED)]
    assert gained == [
        "+ any pod (not of shop/Deployment/web) and any address -> shop/Deployment/cart: all ports"
    ]
    assert found.notes == ("CiliumNetworkPolicy shop/guard may change this",)


def test_policies_that_may_overrule_are_named() -> None:
    scene = draft_of()
    unread = replace(
        scene.session.inventory, unread_policies=(UnreadPolicy("shop", "odd"), UnreadPolicy("data", "odd"))
    )
    scene.session.set_inventory(unread)
    assert compared(scene).notes == ("NetworkPolicy shop/odd, which cannot be read, may change this",)
    kinds = (
        OverridingPolicy("CiliumNetworkPolicy", "shop", "guard"),
        OverridingPolicy("CiliumNetworkPolicy", "data", "far"),
        OverridingPolicy("CiliumNetworkPolicy", "shop", "cart", LabelSelector((("app", "cart"),))),
    )
    scene.session.set_inventory(replace(unread, unread_policies=(), overriding=kinds))
    assert compared(scene).notes == ("CiliumNetworkPolicy shop/guard may change this",)


# Against evaluating one connection at a time


@settings(max_examples=50)
@given(strategies.stacked_clusters(), strategies.policies, strategies.policies, st.booleans())
def test_agrees_with_evaluating_each_connection(
    pods: list[EndPod], before: list[NetworkPolicy], after: list[NetworkPolicy], blocks_match: bool
) -> None:
    found = compare(before, after, pods, ipblock_matches_pods=blocks_match)
    changed = set(before) ^ set(after)
    own = {
        p.ref
        for p in pods
        if any(q.namespace == p.namespace and selector_matches(q.pod_selector, p.label_map) for q in changed)
    }
    changes = [*changes_of(Turn.LOST, found.lost, own), *changes_of(Turn.GAINED, found.gained, own)]
    ask = _Asking(before, after, blocks_match, told_apart=len(found.gained.layers) > 1)
    members: dict[WorkloadRef | str, list[EndPod | str]] = {ip: [ip] for ip in strategies.OUTSIDE}
    for each in pods:
        members.setdefault(each.ref, []).append(each)
    for a, b in product(members, members):
        if isinstance(a, str) and isinstance(b, str):
            continue
        pairs = [(p, q) for p, q in product(members[a], members[b]) if p is not q]
        for turn, protocol, number in product(Turn, PROTOCOLS, PROBED):
            told = {
                (c.partial, c.family)
                for c in changes
                if c.turn is turn and _is_in(a, c.source) and _is_in(b, c.destination)
                if any(r.protocol == protocol and r.first <= number <= r.last for r in c.ports)
            }
            expected = ask.turns(turn, pairs, protocol, number)
            assert told == expected, (turn, a, b, protocol, number)


class _Asking:
    """Ask two sets of policies about connections."""

    def __init__(
        self, before: list[NetworkPolicy], after: list[NetworkPolicy], blocks_match: bool, told_apart: bool
    ) -> None:
        self._sets = {Turn.LOST: Policies(before), Turn.GAINED: Policies(after)}
        self._state = ClusterState(ipblock_matches_pods=blocks_match)
        self.told_apart = told_apart

    def turns(
        self, turn: Turn, pairs: list[tuple[Any, Any]], protocol: str, number: int
    ) -> set[tuple[bool, int | None]]:
        """Return, empty if nothing turns, whether it does for some pairs only, and over which one family."""
        answers = {
            (pair, family): self._turns(turn, Connection(*pair, Protocol(protocol), number, family=family))
            for pair in pairs
            for family in strategies.shared_families(*pair)
        }
        over = {family for (_, family), turned in answers.items() if turned}
        if not over or all(answers.values()):
            return {(False, None)} if over else set()
        addresses = any(isinstance(end, str) for end in pairs[0])
        if len(over) == 2 or addresses or not self.told_apart:
            return {(True, None)}
        (family,) = over
        every = all(answers.get((pair, family), False) for pair in pairs)
        return {(not every, family)}

    def _turns(self, turn: Turn, connection: Connection) -> bool:
        """Tell whether only the set before (lost) or only the one after (gained) allows it."""
        allowing = {
            way
            for way, policies in self._sets.items()
            if evaluate(policies, self._state, connection).outcome is Outcome.ALLOWED
        }
        return allowing == {turn}


def _is_in(end: WorkloadRef | str, group: Any) -> bool:
    if isinstance(end, WorkloadRef):
        return end in group.owners
    asked = address_number(end)
    return any(address_number(a.first) <= asked <= address_number(a.last) for a in group.addresses)


@settings(max_examples=60)
@given(strategies.clusters(), strategies.policies, strategies.policies)
def test_the_way_back_loses_what_was_gained(
    pods: list[EndPod], before: list[NetworkPolicy], after: list[NetworkPolicy]
) -> None:
    own = {p.ref for p in pods}
    there, back = compare(before, after, pods), compare(after, before, pods)
    assert _unsigned(changes_of(Turn.GAINED, there.gained, own)) == _unsigned(
        changes_of(Turn.LOST, back.lost, own)
    )


def _unsigned(changes: Any) -> set[tuple[object, ...]]:
    return {_content(change) for change in changes}


def _content(change: Change) -> tuple[object, ...]:
    return change.direction, change.own, change.peers, change.ports, change.partial


def test_ranges_are_written_as_people_do() -> None:
    from netsec_tui.render.diff_words import range_text

    told = {
        ("10.0.0.0", "10.255.255.255"): "10.0.0.0/8",
        ("10.0.0.1", "10.0.0.1"): "10.0.0.1",
        ("10.0.0.1", "10.0.0.2"): "10.0.0.1-10.0.0.2",
        ("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"): "::/0",
    }
    assert {given: range_text(Addresses(*given)) for given in told} == told
