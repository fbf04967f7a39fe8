"""The whole connectivity says what evaluating each connection says."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.core.evaluate import ClusterState, Policies, connectivity, evaluate, owner_links
from netsec_tui.core.evaluate.owners import AddressRange
from netsec_tui.core.evaluate.ports import LAST_PORT, PROTOCOLS
from netsec_tui.errors import NotFoundError
from netsec_tui.model.connection import Connection, End, EndPod, Outcome
from netsec_tui.model.decision import PortRange
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.policy import NetworkPolicy
from tests.core.evaluate import strategies
from tests.core.evaluate.build import deny_all, pod, policy

PROBED = (1, 2, 79, 80, 81, 82, 442, 443, 444, 8079, 8080, 8081, 65534, 65535)


@settings(max_examples=150)
@given(strategies.clusters(), strategies.policies, st.sampled_from((4, 6)), st.booleans())
def test_equals_evaluating_each_connection(
    pods: list[EndPod], policies: list[NetworkPolicy], family: int, blocks_match: bool
) -> None:
    matrix = connectivity(policies, pods, ipblock_matches_pods=blocks_match, family=family)
    # Without pods in the state an address stays an address; the pods given as ends are all it takes.
    state = ClusterState(ipblock_matches_pods=blocks_match)
    known = Policies(policies)
    outside = [ip for ip in strategies.OUTSIDE if (":" in ip) == (family == 6)]
    pairs: list[tuple[End, End]] = [*product(pods, pods), *product(pods, outside), *product(outside, pods)]
    for source, destination in pairs:
        ports = matrix.ports(source, destination)
        for protocol, number in product(PROTOCOLS, PROBED):
            connection = Connection(source, destination, Protocol(protocol), number, family=family)
            outcome = evaluate(known, state, connection).outcome
            assert outcome is (Outcome.ALLOWED if ports.covers(protocol, number) else Outcome.DENIED), (
                f"{source} -> {destination} {protocol}/{number}: {ports}"
            )


@settings(max_examples=150)
@given(strategies.stacked_clusters(), strategies.policies, st.booleans())
def test_owners_say_what_all_and_what_some_of_their_pods_may(
    pods: list[EndPod], policies: list[NetworkPolicy], blocks_match: bool
) -> None:
    links = {
        (link.source, link.destination): link
        for link in owner_links(connectivity(policies, pods, ipblock_matches_pods=blocks_match))
    }
    over = {
        family: connectivity(policies, pods, ipblock_matches_pods=blocks_match, family=family)
        for family in (4, 6)
    }
    by_owner: dict[WorkloadRef, list[EndPod]] = {}
    for each in pods:
        by_owner.setdefault(each.ref, []).append(each)
    for a, b in product(by_owner, by_owner):
        pairs = [(p, q) for p, q in product(by_owner[a], by_owner[b]) if p is not q]
        found = [over[f].ports(p, q) for p, q in pairs for f in strategies.shared_families(p, q)]
        link = links.get((a, b))
        for protocol, number in product(PROTOCOLS, PROBED):
            answers = [ports.covers(protocol, number) for ports in found]
            possible = link is not None and link.possible.covers(protocol, number)
            certain = link is not None and link.certain.covers(protocol, number)
            assert (possible, certain) == (any(answers), bool(answers) and all(answers))


@settings(max_examples=100)
@given(strategies.clusters(families=(4,)), strategies.policies)
def test_addresses_of_a_range_are_alike_and_the_ranges_are_all_addresses(
    pods: list[EndPod], policies: list[NetworkPolicy]
) -> None:
    links = list(owner_links(connectivity(policies, pods)))
    for owner in {p.ref for p in pods}:
        ranges = [link.source for link in links if link.destination == owner]
        spans = sorted(span for end in ranges if isinstance(end, AddressRange) for span in end.spans)
        assert all(a.last < b.first for a, b in pairwise(spans) if a.family == b.family)
    ranges = {end for link in links for end in link[:2] if isinstance(end, AddressRange)}
    every = connectivity(policies, pods).ranges.spans
    assert {span for end in ranges for span in end.spans} <= {span for spans in every for span in spans}
    sizes = [sum(s.last - s.first + 1 for spans in every for s in spans if s.family == f) for f in (4, 6)]
    assert sizes == [1 << 32, 1 << 128]


WEB = pod("x/web", "10.0.0.1", app="web")
DB = pod("x/db", "10.0.0.2", app="db")


def test_pods_that_no_policy_tells_apart_are_one_class() -> None:
    many = [pod(f"n{i % 7}/p{i}", f"10.1.0.{i}", app=f"app{i}") for i in range(200)]
    assert len(connectivity([], many).pods.pods) == 1
    by_label = policy(
        "other/p", podSelector={}, ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "app7"}}}]}]
    )
    assert len(connectivity([by_label], many).pods.pods) == 2


def test_output_reads_as_people_write_it() -> None:
    p = policy(
        "x/p",
        podSelector={"matchLabels": {"app": "db"}},
        ingress=[
            {
                "from": [{"podSelector": {}}],
                "ports": [{"port": 80, "endPort": 90}, {"port": 91}, {"port": 443}],
            },
            {"from": [{"ipBlock": {"cidr": "203.0.113.0/24"}}], "ports": [{"protocol": "UDP"}]},
        ],
    )
    matrix = connectivity([p], [WEB, DB])
    assert str(matrix.ports(WEB, DB)) == "TCP 80-91,443"
    assert str(matrix.ports(DB, WEB)) == "all ports"
    assert str(matrix.ports("203.0.113.7", DB)) == "UDP"
    assert not matrix.ports("198.51.100.1", DB)
    assert matrix.ports(WEB, DB).tcp == (PortRange(80, 91), PortRange(443, 443))
    lines = {(str(link.source), str(link.destination)): str(link.possible) for link in owner_links(matrix)}
    assert lines["203.0.113.0-203.0.113.255", "Pod/db"] == "UDP"
    assert lines["Pod/web", "Pod/db"] == "TCP 80-91,443"
    assert ("Pod/db", "Pod/db") not in lines


@pytest.mark.parametrize(("blocks_match", "expected"), [(True, "TCP 80"), (False, "none")])
def test_blocks_open_pods_only_with_the_switch(blocks_match: bool, expected: str) -> None:
    near = {"ipBlock": {"cidr": "10.0.0.0/24"}}
    p = policy(
        "x/p", podSelector={"matchLabels": {"app": "db"}}, ingress=[{"from": [near], "ports": [{"port": 80}]}]
    )
    matrix = connectivity([p], [WEB, DB], ipblock_matches_pods=blocks_match)
    assert str(matrix.ports(WEB, DB)) == expected
    assert str(matrix.ports("10.0.0.99", DB)) == "TCP 80"


def test_a_name_is_exactly_the_pods_number_and_none_for_blocks_in_egress() -> None:
    server = pod("x/server", "10.0.0.3", ("http=TCP/8080",), app="server")
    by_label, by_block = (
        policy("x/p", policyTypes=["Egress"], egress=[{"to": [peer], "ports": [{"port": "http"}]}])
        for peer in ({"podSelector": {}}, {"ipBlock": {"cidr": "10.0.0.0/8"}})
    )
    assert str(connectivity([by_label], [WEB, server]).ports(WEB, server)) == "TCP 8080"
    assert not connectivity([by_block], [WEB, server]).ports(WEB, server)


def test_addresses_among_themselves_are_no_business_of_policies() -> None:
    matrix = connectivity([], [WEB])
    assert not matrix.ports("203.0.113.7", "198.51.100.1")
    assert not [
        link
        for link in owner_links(matrix)
        if isinstance(link.source, AddressRange) and isinstance(link.destination, AddressRange)
    ]


def test_every_address_is_one_range_when_no_block_names_any() -> None:
    links = list(owner_links(connectivity([deny_all("x", app="db")], [WEB, DB])))
    assert {str(link.destination) for link in links if link.source == WEB.ref} == {"any address"}
    assert {link.possible.tcp for link in links} == {(PortRange(1, LAST_PORT),)}


def test_host_network_pods_are_left_out() -> None:
    host = pod("x/host", "192.168.0.1", host_network=True)
    matrix = connectivity([], [WEB, host])
    assert matrix.left_out == (host,)
    with pytest.raises(NotFoundError, match="pod x/host"):
        matrix.ports(WEB, host)


def test_an_address_that_a_live_pod_has_is_no_address() -> None:
    def to_db(*cidrs: str) -> list[str]:
        peers = [{"ipBlock": {"cidr": cidr}} for cidr in cidrs]
        p = policy("x/p", podSelector={"matchLabels": {"app": "db"}}, ingress=[{"from": peers}])
        host = pod("x/host", "192.168.0.1", host_network=True)
        links = owner_links(connectivity([p], [WEB, DB, host]))
        return [str(link.source) for link in links if link.destination == DB.ref]

    assert to_db("10.0.0.1/32") == ["Pod/web"]
    assert to_db("10.0.0.1/32", "203.0.113.7/32") == ["Pod/web", "203.0.113.7"]
    assert to_db("10.0.0.0/30") == ["Pod/web", "10.0.0.0-10.0.0.3"]
    assert to_db("192.168.0.1/32") == ["192.168.0.1"]
    cilium = connectivity(
        [policy("x/p", podSelector={}, ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.1/32"}}]}])],
        [WEB, DB],
        ipblock_matches_pods=False,
    )
    assert not [link for link in owner_links(cilium) if link.destination == DB.ref]
