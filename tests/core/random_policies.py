"""Random NetworkPolicies over the shop, as they could be applied."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import strategies as st

from tests.core.scene import Object, Scene, inventory, policy

selectors = st.sampled_from(
    [{}, {"matchLabels": {"app": "web"}}, {"matchLabels": {"app": "cart"}}, {"matchLabels": {"app": "db"}}]
)
peers = st.one_of(
    selectors.map(lambda s: {"podSelector": s}),
    st.tuples(selectors, st.sampled_from([{}, {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}])).map(
        lambda both: {"podSelector": both[0], "namespaceSelector": both[1]}
    ),
    st.sampled_from(["0.0.0.0/0", "10.244.0.0/24", "10.244.1.11/32", "203.0.113.7/32", "2001:db8::/32"]).map(
        lambda cidr: {"ipBlock": {"cidr": cidr}}
    ),
)
ports = st.lists(
    st.sampled_from(
        [{"port": 8080}, {"port": "http"}, {"port": 53, "protocol": "UDP"}, {"port": 80, "endPort": 9000}]
    ),
    max_size=2,
)


@st.composite
def rules(draw: st.DrawFn, side: str) -> Object:
    drawn = {side: draw(st.lists(peers, max_size=2)), "ports": draw(ports)}
    return {name: value for name, value in drawn.items() if value}


specs = st.builds(
    lambda selector, ingress, egress, types: {
        "podSelector": selector,
        "policyTypes": types,
        "ingress": ingress,
        "egress": egress,
    },
    selectors,
    st.lists(rules("from"), max_size=2),
    st.lists(rules("to"), max_size=2),
    st.sampled_from([["Ingress"], ["Egress"], ["Ingress", "Egress"]]),
)
names = st.sampled_from(["a", "b", "deployment-web", "deployment-web-egress"])
applied_policies = st.lists(
    st.builds(policy, names, specs, st.sampled_from(["shop", "data"])),
    max_size=4,
    unique_by=lambda drawn: (drawn["metadata"]["namespace"], drawn["metadata"]["name"]),
).map(tuple)
"""Policies with different names, for the shop and what is beside it."""


def applies(scene: Scene, policies: Iterable[Object]) -> Scene:
    """Put policies beside what the cluster of a scene has; those of the same name are replaced."""
    state = scene.session.inventory
    found = {
        (p.policy.namespace, p.policy.name): p for p in (*state.policies, *inventory(*policies).policies)
    }
    scene.session.set_inventory(replace(state, policies=tuple(found.values())))
    return scene
