"""The states of policies that the kernel is asked about: enough of them, and about what they should be."""

from __future__ import annotations

import gzip
import ipaddress
import itertools
import json
from collections.abc import Iterator

import pytest

from netsec_tui.model.connection import Outcome
from netsec_tui.model.identity import Direction
from netsec_tui.sources.inventory.build import build_inventory
from tests.cluster.harness.instance import Instance
from tests.cluster.harness.network import NodeNetwork
from tests.cluster.matrix.kernel import all_states, questions
from tests.cluster.matrix.pods import HOST, Object, addresses, objects
from tests.cluster.matrix.random_states import THEMES, random_states
from tests.cluster.matrix.states import UNNAMED, VECTORS, State, vector_states
from tests.cluster.product.evaluation import Evaluation

PLACES = addresses([NodeNetwork(Instance(0), number) for number in (1, 2)])
STATES = tuple(all_states(PLACES))


def evaluation(state: State) -> Evaluation:
    """Return the evaluator's view of a state, as if a cluster had been read."""
    cluster = objects(PLACES)
    for pod in cluster:
        ips = PLACES.pods.get(f"{pod['metadata'].get('namespace')}/{pod['metadata']['name']}", ())
        pod["status"] = {"phase": "Running", "podIPs": [{"ip": ip} for ip in ips]}
    inventory, problems = build_inventory([*cluster, *state.policies])
    assert not problems
    return Evaluation(inventory)


def rules(policy: Object) -> Iterator[Object]:
    """Return the rules of both directions."""
    yield from policy["spec"].get("ingress") or ()
    yield from policy["spec"].get("egress") or ()


def ports(policy: Object) -> Iterator[Object]:
    for rule in rules(policy):
        yield from rule.get("ports") or ()


def peers(policy: Object) -> Iterator[Object]:
    for rule in rules(policy):
        yield from (rule.get("from") or []) + (rule.get("to") or [])


def blocks(policy: Object) -> Iterator[Object]:
    yield from (peer["ipBlock"] for peer in peers(policy) if "ipBlock" in peer)


def parts_a_block(policy: Object) -> bool:
    """Tell whether some ipBlock has pods' addresses in it and excepts some of them, but not all."""
    pods = [ipaddress.ip_address(ip) for name, ips in PLACES.pods.items() if name != HOST for ip in ips]
    for block in blocks(policy):
        within = [ip for ip in pods if ip in ipaddress.ip_network(block["cidr"])]
        cut = [ip for ip in within if any(ip in ipaddress.ip_network(c) for c in block.get("except", ()))]
        if cut and len(cut) < len(within):
            return True
    return False


def says(policy: Object, word: str) -> bool:
    return f'"{word}"' in json.dumps(policy)


FEATURES = {
    "a name": lambda p: any(isinstance(port.get("port"), str) for port in ports(p)),
    "endPort": lambda p: any("endPort" in port for port in ports(p)),
    "NotIn": lambda p: says(p, "NotIn"),
    "Exists": lambda p: says(p, "Exists"),
    "DoesNotExist": lambda p: says(p, "DoesNotExist"),
    "namespaceSelector": lambda p: any("namespaceSelector" in peer for peer in peers(p)),
    "an ipBlock that parts pods": parts_a_block,
    "no policyTypes": lambda p: not p["spec"].get("policyTypes"),
    "no podSelector": lambda p: "podSelector" not in p["spec"],
    "an empty rule": lambda p: {} in list(rules(p)),
    "an empty list of rules": lambda p: [] in (p["spec"].get("ingress"), p["spec"].get("egress")),
    "UDP without port": lambda p: any("port" not in e and e.get("protocol") == "UDP" for e in ports(p)),
    "a port without protocol": lambda p: any("protocol" not in entry for entry in ports(p)),
    "both directions": lambda p: p["spec"].get("ingress") and p["spec"].get("egress"),
}


def test_all_vectors_and_more_than_hundred_of_our_own():
    assert len(list(vector_states(PLACES))) == 122
    assert len(list(random_states(PLACES))) >= 100
    assert len({state.name for state in STATES}) == len(STATES) >= 222


def test_a_seed_draws_the_same_again():
    assert tuple(random_states(PLACES)) == tuple(random_states(PLACES))


@pytest.mark.parametrize("feature", FEATURES)
def test_own_states_have(feature):
    having = [s.name for s in random_states(PLACES) if any(map(FEATURES[feature], s.policies))]
    assert len(having) >= 3


def test_own_states_put_several_policies_on_one_pod():
    crowded = []
    for state in random_states(PLACES):
        known = evaluation(state)
        ends = itertools.product(known.pods.values(), Direction)
        if any(len(known.policies.selecting(pod, direction)) > 1 for pod, direction in ends):
            crowded.append(state.name)
    assert len(crowded) >= 20


def test_a_name_is_another_number_at_another_pod():
    named = [pod.named_ports for pod in evaluation(STATES[0]).pods.values()]
    assert {ports.get(("web", "TCP")) for ports in named} == {82, 83, None}


def test_no_policy_names_the_unnamed_port():
    for state in STATES:
        for entry in itertools.chain.from_iterable(map(ports, state.policies)):
            port = entry.get("port")
            if isinstance(port, int):
                assert not port <= UNNAMED <= entry.get("endPort", port), state.name


@pytest.mark.parametrize("theme", [theme.name for theme in THEMES])
def test_states_allow_some_and_deny_some(theme):
    """A state that allows everything, or nothing, tells little apart."""
    mixed = []
    for state in random_states(PLACES):
        if state.name.startswith(theme):
            outcomes = set(map(evaluation(state).outcome, questions(state, PLACES)))
            mixed.append({Outcome.ALLOWED, Outcome.DENIED} <= outcomes)
    assert sum(mixed) >= len(mixed) - 1


def test_vectors_keep_their_verdicts_at_other_addresses():
    """Rewriting the ranges of ipBlocks must not change what they hold."""
    with gzip.open(VECTORS, "rt", encoding="utf-8") as file:
        cases = [json.loads(line) for line in file][1:]
    having = [both for both in zip(cases, vector_states(PLACES), strict=True) if "ipBlock" in str(both[0])]
    assert len(having) >= 20
    for case, state in having:
        known = evaluation(state)
        for question in questions(state, PLACES):
            if question.port == UNNAMED:
                continue
            denied = case["denied"][f"{question.protocol}/{question.port}"]
            pair = [question.source, question.destination]
            expected = pair in denied["egress"] or pair in denied["ingress"]
            assert (known.outcome(question) is Outcome.DENIED) == expected, f"{state.name}: {question}"
