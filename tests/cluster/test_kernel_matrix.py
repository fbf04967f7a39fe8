"""The evaluator against a kernel that kube-network-policies answers for: every pair of pods, by packets."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from netsec_tui.core.evaluate import Policies, doubt, parse_policy
from netsec_tui.errors import BadInputError
from netsec_tui.model.connection import Outcome
from netsec_tui.model.identity import Direction
from tests.cluster.harness import netns
from tests.cluster.harness.places import origin
from tests.cluster.harness.rest import ApiError
from tests.cluster.matrix.deviations import NAMED_PORT_OF_BLOCK
from tests.cluster.matrix.kernel import Ground, all_states, ask, compare, questions
from tests.cluster.matrix.pods import HOST, NAMESPACES, Object
from tests.cluster.matrix.random_states import THEMES
from tests.cluster.matrix.states import State
from tests.cluster.product.evaluation import Evaluation, Question

ROOT = Path(__file__).resolve().parents[2]
GROUPS = ("vector", *(theme.name for theme in THEMES))


@pytest.fixture(scope="module")
def ground(enforced_cluster):
    """Return a cluster with the pods of the matrix; they are removed afterwards."""
    yield Ground(enforced_cluster)
    enforced_cluster.kubectl("delete", "namespace", *NAMESPACES)


def policy(namespace: str = "x", **spec) -> Object:
    """Write a policy for all pods of a namespace."""
    metadata = {"namespace": namespace, "name": "p"}
    spec = {"podSelector": {}, **spec}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def state(*policies: Object) -> State:
    return State("by hand", policies, ("TCP/82", "TCP/83", "UDP/82"))


_BLOCK = {"ipBlock": {"cidr": "10.244.0.0/16"}}
NAMED_BESIDE_BLOCK = state(
    policy(egress=[{"to": [_BLOCK], "ports": [{"port": "web"}]}], policyTypes=["Egress"])
)


def states(ground: Ground, group: str) -> Iterator[State]:
    return (s for s in all_states(ground.places) if s.name.startswith(f"{group} "))


def names_ports_of_blocks(policy: Object) -> bool:
    """Tell whether an egress rule has both an ipBlock and a named port: only there the enforcer deviates."""
    return any(
        any("ipBlock" in peer for peer in rule.get("to") or ())
        and any(isinstance(entry.get("port"), str) for entry in rule.get("ports") or ())
        for rule in policy["spec"].get("egress") or ()
    )


def parsed(policies) -> dict:
    return {(policy.namespace, policy.name): policy for policy in policies if policy.namespace in NAMESPACES}


@pytest.mark.parametrize("group", GROUPS)
def test_evaluator_agrees_with_the_kernel(ground, group):
    differences = []
    for each in states(ground, group):
        started = time.monotonic()
        known = ground.enforce(each)
        # What the API server made of the policies is what the product makes of them.
        assert parsed(known.policies.all) == parsed(map(parse_policy, each.policies)), each.name
        found = compare(ground.cluster, known, questions(each, ground.places))
        print(f"{each.name[:60]:60} {time.monotonic() - started:4.1f} s  {found}")
        differences += [f"{each.name}: {difference}" for difference in found.differences]
        assert not found.deviations or any(map(names_ports_of_blocks, each.policies)), each.name
        # Only about pods on the host network does the API leave the answer open.
        assert each.hosts or not found.undecided, each.name
    assert differences == []


def test_another_policy_than_the_applied_one_is_found_out(ground):
    """Without this, a comparison that sends nothing, or evaluates nothing, would do."""
    ports = [{"port": "web"}]
    applied = state(policy(ingress=[{"ports": ports}], policyTypes=["Ingress"]))
    other = policy(ingress=[{"from": [{"podSelector": {}}], "ports": ports}], policyTypes=["Ingress"])
    right = ground.enforce(applied)
    wrong = Evaluation(right.inventory, Policies([parse_policy(other)]))
    asked = questions(applied, ground.places)

    found = compare(ground.cluster, wrong, asked, doubted=asked)

    apart = [question for question in asked if right.outcome(question) is not wrong.outcome(question)]
    assert apart
    assert [difference.question for difference in found.differences] == apart
    assert all(
        difference.reached and difference.outcome is Outcome.DENIED for difference in found.differences
    )
    assert str(found.differences[0]).startswith("y/a -> x/a TCP/82 over IPv4 gets through, and the evaluator")


def test_policies_that_were_deleted_are_found_out(ground):
    known = ground.enforce(state(policy(policyTypes=["Ingress"])))
    asked = questions(state(), ground.places)
    opened = ground.enforce(state())
    found = compare(ground.cluster, known, asked, doubted=asked)
    assert {difference.question for difference in found.differences} == {
        question for question in asked if question.destination.startswith("x/")
    }
    assert compare(ground.cluster, opened, asked).differences == []


def test_deviation_of_the_enforcer_is_told_from_a_difference(ground):
    """Its reading of a named port beside an ipBlock, which no NetworkPolicy can mean."""
    asked = questions(NAMED_BESIDE_BLOCK, ground.places)
    found = compare(ground.cluster, ground.enforce(NAMED_BESIDE_BLOCK), asked, doubted=asked)
    assert found.differences == []
    assert {deviation for deviation, _ in found.deviations} == {NAMED_PORT_OF_BLOCK}
    # x/a to all that call their TCP port 82, or 83, web.
    reached = {(q.destination, q.port) for _, q in found.deviations if q.source == "x/a"}
    assert reached == {("x/b", 83), ("y/a", 82), ("y/b", 83), ("z/a", 82), ("z/b", 83)}
    assert {q.protocol for _, q in found.deviations} == {"TCP"}


def test_deviation_excuses_nothing_that_the_block_does_not_hold(ground, monkeypatch):
    """An evaluator that knows no names of ports in egress rules is wrong about pods that a rule selects."""
    block = {"ipBlock": {"cidr": f"{ground.places.of('x/b', 4)}/32"}}
    rule = {"to": [{"podSelector": {}}, block], "ports": [{"port": "web"}]}
    applied = state(policy(egress=[rule], policyTypes=["Egress"]))
    known = ground.enforce(applied)
    asked = questions(applied, ground.places)
    assert compare(ground.cluster, known, asked).differences == []
    of_subject = doubt.Question.named
    monkeypatch.setattr(
        doubt.Question,
        "named",
        lambda self, pod: {} if self.direction is Direction.EGRESS else of_subject(self, pod),
    )

    found = compare(ground.cluster, known, asked, doubted=asked)

    missed = {(q.source, q.destination, q.port) for q in (one.question for one in found.differences)}
    assert missed == {("x/b", "x/a", 82), ("x/c", "x/a", 82)}
    assert {(q.destination, q.port) for _, q in found.deviations} == {("x/b", 83)}


@contextmanager
def filtered(cluster, pod: str, first: str, later: str):
    """Have the kernel treat the first connection of a pod to TCP 82 in one way and the others in another."""
    begins = "tcp dport 82 tcp flags & (syn | ack) == syn"
    rules = f"""table inet once {{
        chain leaving {{
            type filter hook output priority 0;
            {begins} limit rate 1/day burst 1 packets {first}
            {begins} {later}
        }}
    }}"""
    with netns.inside(origin(cluster.instance, pod)[0]):
        netns.run("nft", "-f", "-", stdin=rules)
    try:
        yield
    finally:
        with netns.inside(origin(cluster.instance, pod)[0]):
            netns.run("nft", "delete", "table", "inet", "once")


def test_what_leaked_once_is_a_difference_though_later_packets_are_lost(ground):
    opened = ground.enforce(state())
    closed = Evaluation(opened.inventory, Policies([parse_policy(policy(egress=[], policyTypes=["Egress"]))]))
    leak = Question("x/a", "y/a", "TCP", 82)
    with filtered(ground.cluster, "x/a", "accept", "drop"):
        found = compare(ground.cluster, closed, [leak])
        assert [difference.question for difference in found.differences] == [leak]
        assert not ask(ground.cluster, closed, [leak])[leak]


def test_what_was_lost_once_and_then_gets_through_is_none(ground):
    opened = ground.enforce(state())
    with filtered(ground.cluster, "x/a", "drop", "accept"):
        found = compare(ground.cluster, opened, [Question("x/a", "y/a", "TCP", 82)])
    assert (found.differences, found.again) == ([], 1)


REFUSED = {
    "a peer that is nobody": {"ingress": [{"from": [{}]}]},
    "a range that begins at a name": {"ingress": [{"ports": [{"port": "web", "endPort": 90}]}]},
    "a range that ends before it begins": {"ingress": [{"ports": [{"port": 82, "endPort": 81}]}]},
    "an exception of everything": {
        "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8"]}}]}]
    },
    "a block with a selector": {
        "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}],
    },
    "a protocol without ports": {"ingress": [{"ports": [{"protocol": "ICMP"}]}]},
    "a type that is none": {"policyTypes": ["Both"]},
    "a choice of nothing": {
        "podSelector": {"matchExpressions": [{"key": "pod", "operator": "In", "values": []}]}
    },
}


@pytest.mark.parametrize("spec", REFUSED.values(), ids=REFUSED)
def test_what_the_api_server_refuses_the_product_refuses(ground, spec):
    with pytest.raises(ApiError, match=r"is invalid"):
        ground.enforce(state(policy(**spec)))
    with pytest.raises(BadInputError):
        parse_policy(policy(**spec))


def test_host_network_pod_is_not_what_a_selector_means(ground):
    """The evaluator does not answer for it; the enforcer sees its node's address."""
    selector = {
        "namespaceSelector": {"matchLabels": {"ns": "y"}},
        "podSelector": {"matchLabels": {"pod": "a"}},
    }
    known = ground.enforce(state(policy(ingress=[{"from": [selector]}], policyTypes=["Ingress"])))
    # x/b is on the other node: whatever comes from a pod's own node gets in.
    asked = [
        question
        for question in questions(State("host", (), ("TCP/82",), hosts=True), ground.places)
        if (question.source, question.destination) in ((HOST, "x/b"), ("y/a", "x/b"))
    ]
    outcomes = {question.source: known.outcome(question) for question in asked}
    assert outcomes == {HOST: Outcome.UNDECIDED, "y/a": Outcome.ALLOWED}
    assert {q.source: reached for q, reached in ask(ground.cluster, known, asked).items()} == {
        HOST: False,
        "y/a": True,
    }


def printed(cluster) -> tuple[int, dict[tuple[str, str], list[str]], str]:
    """Run the command for a person; return its exit code, its lines by pair of ends, and all it prints."""
    command = [sys.executable, "-m", "tests.cluster", "matrix", "--cluster", str(cluster.instance.number)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    rows = [re.split(r" {3,}", line) for line in done.stdout.split("\n\n")[0].splitlines()]
    return done.returncode, {(row[0], row[1]): row[2:] for row in rows}, done.stdout + done.stderr


def test_command_prints_both_matrices_side_by_side(ground):
    only = {
        "from": [{"podSelector": {"matchLabels": {"pod": "c"}}}],
        "ports": [{"port": "web"}, {"port": 81}],
    }
    ground.enforce(state(policy(ingress=[only], policyTypes=["Ingress"])))
    code, rows, said = printed(ground.cluster)
    assert code == 0, said
    assert rows["FROM", "TO"] == ["CHECK --MATRIX", "KERNEL"]
    assert rows["x/Pod/c", "x/Pod/a"] == ["TCP 81,82", "TCP 81,82"]
    assert rows["x/Pod/c", "x/Pod/b"] == ["TCP 81,83", "TCP 81,83"]
    assert rows["x/Pod/a", "y/Pod/a"] == ["all that was asked", "all that was asked"]
    assert rows["x/Pod/a", "203.0.113.10"] == ["all that was asked", "all that was asked"]
    assert ("x/Pod/b", "x/Pod/a") not in rows
    assert " 0 differ." in said
    assert "y/Pod/h is on the host network" in said


def test_command_marks_what_differs(ground):
    """The enforcer's known deviation is one, for a person who compares."""
    ground.enforce(NAMED_BESIDE_BLOCK)
    code, rows, said = printed(ground.cluster)
    assert code == 1
    assert rows["x/Pod/a", "x/Pod/b"] == ["nothing", "in part: TCP 83", "DIFFERS"]
    assert NAMED_PORT_OF_BLOCK.name in said


def test_command_says_when_there_is_no_such_cluster(ground):
    command = [sys.executable, "-m", "tests.cluster", "matrix", "--cluster", "15"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.fullmatch(r"error: no cluster 15 runs here; .*\n", done.stderr)
