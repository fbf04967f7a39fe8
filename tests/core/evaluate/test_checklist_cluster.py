"""Hold the evaluator to part F of the checklist: addresses, Services and nodes; and to what may override."""

from __future__ import annotations

from typing import Any

import pytest

from netsec_tui.core.evaluate import ClusterState, Override, cluster_state
from netsec_tui.errors import BadInputError
from netsec_tui.model.connection import Doubt, Outcome
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import Inventory, Pod, Service, ServiceEndpoint, ServicePort
from netsec_tui.model.policy import LabelSelector
from tests.core.evaluate.build import (
    ALLOWED,
    DB,
    DENIED,
    FAR,
    OUTSIDE,
    UNDECIDED,
    WEB,
    ask,
    deny_all,
    egress,
    egress_of_web,
    ingress,
    ingress_to_web,
    pod,
    policy,
    select,
    sides,
)

# F. Addresses, Services, nodes


def _service(**more: Any) -> Service:
    fields = {"selector": (("app", "db"),), "ports": (ServicePort("p", Protocol.TCP, 80, "http"),)}
    return Service(namespace="x", name="db", type="ClusterIP", cluster_ips=("10.9.0.1",), **(fields | more))


def test_f1_a_service_stands_for_its_pods_and_their_ports() -> None:
    state = ClusterState(pods=(WEB, DB), services=(_service(),))
    to_pods = egress_of_web({"to": [{"podSelector": select(app="db")}], "ports": [{"port": 8080}]})
    to_address = egress_of_web({"to": [{"ipBlock": {"cidr": "10.9.0.0/16"}}]})
    assert sides([to_pods], WEB, "10.9.0.1", "TCP/80", state) == (ALLOWED, ALLOWED)
    assert sides([to_address], WEB, "10.9.0.1", "TCP/80", state) == (DENIED, ALLOWED)


def test_f1_backends_that_differ_leave_it_undecided() -> None:
    other = pod("x/db2", "10.0.0.3", ("http=TCP/9090",), app="db")
    state = ClusterState(pods=(WEB, DB, other), services=(_service(),))
    verdict = ask([egress_of_web({"ports": [{"port": 8080}]})], WEB, "10.9.0.1", "TCP/80", state)
    assert verdict.egress.doubt is Doubt.SERVICE_ADDRESS
    assert verdict.ingress.outcome is Outcome.ALLOWED


def test_f1_endpoints_count_before_the_selector() -> None:
    endpoint = ServiceEndpoint("10.0.0.1", "web", (("p", Protocol.TCP, 8443),))
    state = ClusterState(pods=(WEB, DB), services=(_service(endpoints=(endpoint,)),))
    p = policy("x/p", podSelector=select(app="db"), egress=[{"ports": [{"port": 8443}]}])
    assert egress([p], DB, "10.9.0.1", "TCP/80", state) == ALLOWED


def test_f1_a_service_without_known_pods_is_undecided_once_isolated() -> None:
    state = ClusterState(pods=(WEB,), services=(_service(selector=()),))
    everything = egress_of_web({"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]})
    assert sides([everything], WEB, "10.9.0.1", "TCP/80", state) == (UNDECIDED, UNDECIDED)
    assert egress([], WEB, "10.9.0.1", "TCP/80", state) == ALLOWED


def test_f2_a_translated_source_is_undecided_unless_anybody_may() -> None:
    listed = ingress_to_web({"from": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]})
    for p in (listed, ingress_to_web()):
        assert ask([p], OUTSIDE, WEB, source_translated=True).ingress.doubt is Doubt.TRANSLATED
    assert ingress([ingress_to_web({})], OUTSIDE, WEB, source_translated=True) == ALLOWED
    assert ingress([listed], OUTSIDE, WEB) == ALLOWED


def test_f3_the_pods_own_node_may_always_reach_it_and_others_are_addresses() -> None:
    on_a = pod("x/web", "10.0.0.1", app="web", node="a")
    state = ClusterState(nodes={"192.168.0.1": "a", "192.168.0.2": "b"})
    assert ingress([deny_all("x")], "192.168.0.1", on_a, state=state) == ALLOWED
    assert ingress([deny_all("x")], "192.168.0.2", on_a, state=state) == DENIED
    unplaced = ask([deny_all("x")], "192.168.0.1", WEB, state=state).ingress
    assert unplaced.doubt is Doubt.NODE_UNKNOWN


def test_f4_a_pod_to_its_own_node_is_implementation_defined() -> None:
    on_a = pod("x/web", "10.0.0.1", app="web", node="a")
    state = ClusterState(nodes={"192.168.0.1": "a", "192.168.0.2": "b"})
    assert ask([deny_all("x")], on_a, "192.168.0.1", state=state).egress.doubt is Doubt.OWN_NODE
    assert egress([deny_all("x")], on_a, "192.168.0.2", state=state) == DENIED
    assert egress([egress_of_web({})], on_a, "192.168.0.1", state=state) == ALLOWED


def test_f5_host_network_pods_are_undecided_where_the_two_permitted_behaviours_differ() -> None:
    web = pod("x/web", "10.0.0.1", app="web", node="a")
    host = pod("x/host", "192.168.0.2", app="db", node="b", host_network=True)
    by_label = ingress_to_web({"from": [{"podSelector": {}}]})
    by_node = ingress_to_web({"from": [{"ipBlock": {"cidr": "192.168.0.2/32"}}]})
    assert ask([by_label], host, web).ingress.doubt is Doubt.HOST_NETWORK
    assert ingress([by_node], host, web) == ALLOWED
    assert ingress([ingress_to_web()], host, web) == DENIED
    assert ask([deny_all("x")], host, FAR).egress.doubt is Doubt.HOST_NETWORK
    assert egress([], host, FAR) == ALLOWED


def test_f5_a_host_network_pods_address_is_its_nodes() -> None:
    web = pod("x/web", "10.0.0.1", app="web", node="b")
    host = pod("y/host", "192.168.0.2", app="db", node="b", host_network=True)
    assert ingress([deny_all("x")], "192.168.0.2", web, state=ClusterState(pods=(web, host))) == ALLOWED


def test_f6_a_pod_to_itself_is_evaluated_like_any_other() -> None:
    assert sides([deny_all("x")], WEB, WEB) == (DENIED, DENIED)
    assert sides([policy("x/p", podSelector={}, ingress=[{"from": [{"podSelector": {}}]}])], WEB, WEB) == (
        ALLOWED,
        ALLOWED,
    )


def test_f6_hairpin_through_a_service_is_implementation_defined() -> None:
    verdict = ask([deny_all("x")], WEB, WEB, through_service=True)
    assert (verdict.egress.doubt, verdict.ingress.doubt) == (Doubt.HAIRPIN, Doubt.HAIRPIN)
    assert sides([deny_all("x")], WEB, DB, through_service=True) == (DENIED, DENIED)
    assert sides([], WEB, WEB, through_service=True) == (ALLOWED, ALLOWED)


@pytest.mark.parametrize("protocol", ["ICMP", "OTHER"])
def test_f7_other_protocols_are_not_covered(protocol: str) -> None:
    verdict = ask([policy("x/p", podSelector={}, ingress=[{}])], FAR, WEB, protocol)
    assert verdict.ingress.doubt is Doubt.NOT_TRANSPORT
    assert sides([], FAR, WEB, protocol) == (ALLOWED, ALLOWED)


@pytest.mark.parametrize(("phase", "kept"), [("Succeeded", 0), ("Failed", 0), ("Running", 1), ("", 1)])
def test_f8_finished_pods_are_ignored(phase: str, kept: int) -> None:
    owner = WorkloadRef("Job", "x", "j")
    inventory = Inventory(pods=(Pod("x", "j-1", (), owner, ("10.0.0.9",), phase=phase),))
    state = cluster_state(inventory)
    assert len(state.pods) == kept
    assert (state.pod_at("10.0.0.9") is not None) == bool(kept)


def test_f9_one_pod_in_both_families() -> None:
    dual = pod("x/dual", "10.0.0.9,fd00::9", app="web")
    peer = pod("x/peer", "10.0.0.8,fd00::8", app="db")
    by_label = ingress_to_web({"from": [{"podSelector": select(app="db")}]})
    state = ClusterState(pods=(dual, peer))
    for ip in ("10.0.0.8", "fd00::8"):
        assert ingress([by_label], ip, dual, state=state) == ALLOWED
    four_only = ingress_to_web({"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]})
    assert ask([four_only], peer, dual).ingress.doubt is Doubt.FAMILIES_DIFFER
    assert [ingress([four_only], peer, dual, family=f) for f in (4, 6)] == [ALLOWED, DENIED]
    assert ingress([four_only], "fd00::8", dual, state=state) == DENIED


# F10: init and sidecar containers share their pod's address and labels, so there is nothing to evaluate.


@pytest.mark.parametrize(
    ("override", "doubtful"),
    [
        (Override("CiliumNetworkPolicy", "x", "c"), True),
        (Override("CiliumNetworkPolicy", "y", "c"), False),
        (Override("CiliumNetworkPolicy", "x", "c", LabelSelector((("app", "db"),))), False),
        (Override("AdminNetworkPolicy", "", "a"), True),
        (Override("BaselineAdminNetworkPolicy", "", "default", baseline=True), False),
    ],
)
def test_other_kinds_of_policy_may_override(override: Override, doubtful: bool) -> None:
    answer = ask([ingress_to_web({})], OUTSIDE, WEB, state=ClusterState(overrides=(override,))).ingress
    assert (answer.doubt is Doubt.OVERRIDDEN) == doubtful
    if doubtful:
        assert answer.notes == (f"{override.kind} {override.name} may override",)
        assert [str(ref) for ref in answer.deciding] == ["x/p ingress[0]"]


def test_a_baseline_policy_speaks_where_nothing_isolates() -> None:
    state = ClusterState(overrides=(Override("BaselineAdminNetworkPolicy", "", "default", baseline=True),))
    assert sides([ingress_to_web()], FAR, WEB, state=state) == (UNDECIDED, DENIED)


def test_a_pod_without_address_is_undecided_where_a_block_may_hold_it() -> None:
    new = pod("x/new", app="db", synthetic=True)
    state = ClusterState(pod_cidrs=("10.0.0.0/16",))
    near = ingress_to_web({"from": [{"ipBlock": {"cidr": "10.0.0.0/24"}}]})
    far = ingress_to_web({"from": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]})
    assert ask([near], new, WEB, state=state).ingress.doubt is Doubt.ADDRESS_UNKNOWN
    assert ingress([far], new, WEB, state=state) == DENIED
    assert ingress([near], new, WEB, state=ClusterState(ipblock_matches_pods=False)) == DENIED


def test_an_address_of_the_pod_range_that_no_pod_has_is_undecided() -> None:
    state = ClusterState(pods=(WEB,), pod_cidrs=("10.0.0.0/16",))
    by_label = ingress_to_web({"from": [{"podSelector": {}}]})
    assert ask([by_label], "10.0.0.99", WEB, state=state).ingress.doubt is Doubt.UNKNOWN_POD
    assert ingress([ingress_to_web()], "10.0.0.99", WEB, state=state) == DENIED
    named = egress_of_web({"ports": [{"port": "metrics"}]})
    assert ask([named], WEB, "10.0.0.99", state=state).egress.doubt is Doubt.UNKNOWN_POD
    assert ask([], WEB, "10.0.0.99", state=state).ingress.doubt is Doubt.UNKNOWN_POD


def test_an_end_that_is_no_address_is_refused() -> None:
    with pytest.raises(BadInputError, match="'web' is not an IP address"):
        ask([], "web", WEB)
