"""Long policies answer by an index just as short ones do rule by rule."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.core.evaluate import ClusterState, Policies, evaluate
from netsec_tui.core.evaluate import state as state_module
from netsec_tui.model.connection import Connection, End, EndPod
from netsec_tui.model.flow import Protocol
from netsec_tui.model.policy import IPBlock, NetworkPolicy, PolicyPeer, PolicyRule
from tests.core.evaluate import strategies
from tests.core.evaluate.build import pod

# Enough peers that match nobody here to bring any policy over the limit.
_FILLING = PolicyRule(
    tuple(PolicyPeer(ip_block=IPBlock(f"192.0.2.{n}/32")) for n in range(state_module._MANY_PEERS))
)


def filled(policy: NetworkPolicy) -> NetworkPolicy:
    """Return the policy with rules behind its own that make it long."""
    return NetworkPolicy(
        policy.namespace,
        policy.name,
        policy.pod_selector,
        policy.policy_types,
        (*policy.ingress, _FILLING),
        (*policy.egress, _FILLING),
    )


@settings(max_examples=150)
@given(strategies.clusters(), strategies.policies, st.booleans())
def test_a_long_policy_is_read_as_rule_by_rule(
    pods: list[EndPod], policies: list[NetworkPolicy], blocks_match: bool
) -> None:
    state = ClusterState(pods=tuple(pods), ipblock_matches_pods=blocks_match)
    short, long = Policies(policies), Policies(map(filled, policies))
    ends: list[End] = [*pods, *strategies.OUTSIDE]
    for source, destination in product(ends, ends):
        if isinstance(source, str) and isinstance(destination, str):
            continue
        for protocol, port in product((Protocol.TCP, Protocol.UDP), (80, 8080)):
            asked = Connection(source, destination, protocol, port)
            assert evaluate(long, state, asked) == evaluate(short, state, asked)


def test_one_address_among_many_is_found_with_its_own_rule() -> None:
    blocks = [PolicyPeer(ip_block=IPBlock(f"203.0.113.{n}/32")) for n in range(200)]
    rules = tuple(PolicyRule((block,)) for block in blocks)
    guard = NetworkPolicy("n0", "guard", ingress=rules)
    asked = Connection("203.0.113.77", pod("n0/a"), Protocol.TCP, 80)
    verdict = evaluate([guard], ClusterState(), asked)
    assert [rule.index for rule in verdict.ingress.allowed_by] == [77]
