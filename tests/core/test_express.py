"""What a row or a manual rule writes into the policy, and why some rows cannot be written."""

from __future__ import annotations

from typing import Any

import pytest

from netsec_tui.core.decide.express import Expression
from netsec_tui.model.decision import PortRange
from netsec_tui.model.flow import Endpoint, Flow, Protocol
from netsec_tui.model.identity import Direction, WorkloadRef
from netsec_tui.model.review import Standing
from tests.core.scene import (
    DNS_LABELS,
    IN,
    OUT,
    SHOP,
    Object,
    Scene,
    endpoints,
    flow,
    known_ends,
    namespace,
    obj,
    owner,
    pod,
    service,
    shop,
    talk,
)

ENDS = known_ends(SHOP)
RANGES = {"service_cidrs": ("10.96.0.0/16",), "pod_cidrs": ("10.244.0.0/16",)}


def peer(labels: dict[str, str], ns: str = "") -> dict[str, Any]:
    written: dict[str, Any] = {"podSelector": {"matchLabels": labels}}
    if ns:
        written["namespaceSelector"] = {"matchLabels": {"kubernetes.io/metadata.name": ns}}
    return written


def port(number: int, protocol: str = "TCP") -> dict[str, Any]:
    return {"protocol": protocol, "port": number}


def cidr(text: str, *excepts: str) -> dict[str, Any]:
    return {"ipBlock": {"cidr": text, **({"except": list(excepts)} if excepts else {})}}


# -- rows that can be written ------------------------------------------------------------------------------

EXTRA: tuple[Object, ...] = (
    namespace("odd"),
    service("ghost", "10.96.0.30", [(80, 8081), (81, "http")], selector={"app": "pay"}),
    service("outside", "10.96.0.31", [(443, 8443)], selector={}),
    endpoints("outside", "shop", ["203.0.113.9", "203.0.113.8"], 8443, "p443-tcp"),
    owner("nightly", "odd", "CronJob", ports=()),
    pod("nightly-1", "10.244.0.90", "nightly", "odd", "CronJob", ports=()),
)


@pytest.mark.parametrize(
    ("client", "server", "dialled", "direction", "rule"),
    [
        ("web-1", "cart-1", 8080, OUT, {"to": [peer({"app": "cart"})], "ports": [port(8080)]}),
        ("web-1", "10.96.0.12", 80, OUT, {"to": [peer({"app": "cart"})], "ports": [port(8080)]}),
        ("web-1", "10.96.0.30", 80, OUT, {"to": [peer({"app": "pay"})], "ports": [port(8081)]}),
        ("web-1", "10.96.0.30", 81, OUT, {"to": [peer({"app": "pay"})], "ports": [port(8080)]}),
        ("web-1", "db-0", 5432, OUT, {"to": [peer({"app": "db"}, "data")], "ports": [port(5432)]}),
        ("db-0", "web-1", 8080, IN, {"from": [peer({"app": "db"}, "data")], "ports": [port(8080)]}),
        ("nightly-1", "web-1", 8080, IN, {"from": [peer({"app": "nightly"}, "odd")], "ports": [port(8080)]}),
        ("web-1", "10.96.0.1", 443, OUT, {"to": [cidr("172.18.0.3/32")], "ports": [port(6443)]}),
        ("web-1", "172.18.0.3", 6443, OUT, {"to": [cidr("172.18.0.3/32")], "ports": [port(6443)]}),
        (
            "web-1",
            "10.96.0.31",
            443,
            OUT,
            {"to": [cidr("203.0.113.8/32"), cidr("203.0.113.9/32")], "ports": [port(8443)]},
        ),
        ("web-1", "203.0.113.7", 443, OUT, {"to": [cidr("203.0.113.7/32")], "ports": [port(443)]}),
        ("2001:db8::7", "web-1", 8080, IN, {"from": [cidr("2001:db8::7/128")], "ports": [port(8080)]}),
        ("web-1", "172.18.0.2", 9100, OUT, {"to": [cidr("172.18.0.2/32")], "ports": [port(9100)]}),
        (
            "web-1",
            "10.96.0.10",
            53,
            OUT,
            {"to": [peer(DNS_LABELS, "kube-system")], "ports": [port(5353), port(5353, "UDP")]},
        ),
    ],
)
def test_a_row_writes_this_rule(
    client: str, server: str, dialled: int, direction: Direction, rule: dict[str, Any]
) -> None:
    scene = shop(*EXTRA).sees((client, server, dialled)).chooses()
    for row in scene.table(direction).rows:
        scene.tick(row, row.communication.counts.total > 0)
    assert scene.rules(direction) == [rule]


def test_a_peer_in_another_namespace_is_one_entry_with_both_selectors() -> None:
    scene = shop().sees(("db-0", "web-1")).chooses()
    (written,) = scene.rules(IN)
    assert [set(entry) for entry in written["from"]] == [{"namespaceSelector", "podSelector"}]


def test_sctp_is_written_as_itself() -> None:
    scene = shop().sees(talk(ENDS["web-1"], ENDS["cart-1"], 9, protocol=Protocol.SCTP)).chooses()
    assert {"to": [peer({"app": "cart"})], "ports": [port(9, "SCTP")]} in scene.rules(OUT)


def test_a_foreign_port_of_the_api_server_is_not_written_as_its_own() -> None:
    scene = shop().sees(("web-1", "10.96.0.1", 80)).chooses()
    written = [rule for rule in scene.rules(OUT) if cidr("172.18.0.3/32") in rule["to"]]
    assert [rule["ports"] for rule in written] == [[port(80)]]


# -- rows that cannot be written ---------------------------------------------------------------------------


def reason(flows: list[Flow], name: str, *objects: Object, ranges: bool = True) -> str:
    scene = Scene(*SHOP, *objects, ranges=RANGES if ranges else None).sees(flows).chooses()
    row = scene.row(OUT, name)
    assert row.standing is Standing.NOT_EXPRESSIBLE
    assert (row.ticked, row.tickable, row.in_policy) == (False, False, False)
    before = scene.review.yaml
    assert scene.tick(row).review.yaml == before
    return row.reason


WEB = ENDS["web-1"]
HOST_SERVICE = service("agents", "10.96.0.40", [(80, 9100)], "kube-system", {"app": "agent"})


@pytest.mark.parametrize(
    ("server", "dialled", "protocol", "name", "expected"),
    [
        ("203.0.113.7", 0, Protocol.ICMP, "203.0.113.7", "ICMP cannot be written in a NetworkPolicy"),
        (ENDS["cart-1"], 0, Protocol.ICMP, "cart", "ICMP cannot be written in a NetworkPolicy"),
        (ENDS["cart-1"], 0, Protocol.OTHER, "cart", "OTHER cannot be written in a NetworkPolicy"),
        (ENDS["cart-1"], 0, Protocol.TCP, "cart", "its listening port is not known"),
        (ENDS["agent-x"], 9100, Protocol.TCP, "agent", "host network: no podSelector matches its pods"),
        ("10.96.0.40", 80, Protocol.TCP, "agents", "host network: no podSelector matches its pods"),
        (
            "10.244.9.9",
            8080,
            Protocol.TCP,
            "10.244.9.9",
            "10.244.9.9 is inside the pod range 10.244.0.0/16: an ipBlock must not stand for pods",
        ),
        (
            "10.96.9.9",
            80,
            Protocol.TCP,
            "10.96.9.9",
            "10.96.9.9 is inside the service range 10.96.0.0/16: an ipBlock must not stand for pods",
        ),
        ("10.96.0.12", 81, Protocol.TCP, "cart", "the pod port behind this Service port is not known"),
    ],
)
def test_a_row_that_no_policy_can_express_says_why(
    server: Endpoint | str, dialled: int, protocol: Protocol, name: str, expected: str
) -> None:
    assert reason(talk(WEB, server, dialled, protocol=protocol), name, HOST_SERVICE) == expected


def test_a_namespace_that_is_not_known_is_named() -> None:
    foreign = Endpoint("10.244.3.3", "nowhere", "x-1", (("app", "x"),))
    sentence = "you need to assign labels to this namespace: nowhere"
    assert reason([*talk(WEB, foreign), *talk(WEB, ENDS["cart-1"])], "x") == sentence


def test_without_any_namespace_object_the_name_label_is_relied_on() -> None:
    scene = Scene().sees(talk(WEB, Endpoint("10.9.9.9", "nowhere", "x-1", (("app", "x"),))))
    scene.chooses(scene.session.workloads()[-1].ref)
    assert scene.rules(OUT) == [{"to": [peer({"app": "x"}, "nowhere")], "ports": [port(8080)]}]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ((), "the labels of Pod/x-1 are not known"),
        ((("pod-template-hash", "abc"),), "the labels of Pod/x-1 are not known"),
        ((("app", "a b"),), "the API server would not accept the labels of Workload/a b"),
    ],
)
def test_labels_that_are_not_known_or_of_no_use(labels: tuple[tuple[str, str], ...], expected: str) -> None:
    name = "a b" if expected.endswith("a b") else "x-1"
    assert reason(talk(WEB, Endpoint("10.244.0.9", "shop", "x-1", labels)), name) == expected


def test_a_namespace_name_that_the_api_server_would_not_take() -> None:
    scene = Scene().sees(talk(WEB, Endpoint("10.9.9.9", "né", "x-1", (("app", "x"),))))
    scene.chooses(WorkloadRef("Workload", "shop", "web"))
    assert scene.row(OUT, "x").reason == "the API server would not accept the labels to select it by"


def test_dns_pods_on_the_host_network_cannot_be_selected() -> None:
    hosted = [o for o in SHOP if "coredns" not in o["metadata"]["name"]]
    hosted.append(pod("dns-1", "172.18.0.2", "", "kube-system", labels=DNS_LABELS, hostNetwork=True))
    scene = Scene(*hosted).sees(("pay-1", "web-1")).chooses()
    assert scene.row(OUT, "cluster DNS").reason == "host network: no podSelector matches its pods"


def test_a_service_without_selector_and_endpoints_cannot_be_written() -> None:
    bare = service("bare", "10.96.0.50", selector={})
    assert "endpoints are not known" in reason(talk(WEB, "10.96.0.50", 80), "bare", bare)


def test_an_expression_without_peers_is_never_a_rule() -> None:
    with pytest.raises(ValueError, match="any peer"):
        _ = Expression(obstacle="no").rule


# -- manual rules ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("block", "more", "rule"),
    [
        ("203.0.113.0/24", {}, {"to": [cidr("203.0.113.0/24")]}),
        (
            "203.0.113.0/24",
            {"protocol": Protocol.TCP},
            {"to": [cidr("203.0.113.0/24")], "ports": [{"protocol": "TCP"}]},
        ),
        (
            "203.0.113.7/32",
            {"protocol": Protocol.UDP, "ports": (PortRange(53, 53), PortRange(8000, 8080))},
            {
                "to": [cidr("203.0.113.7/32")],
                "ports": [port(53, "UDP"), {"protocol": "UDP", "port": 8000, "endPort": 8080}],
            },
        ),
        ("0.0.0.0/0", {}, {"to": [cidr("0.0.0.0/0", "10.96.0.0/16", "10.244.0.0/16")]}),
        ("10.0.0.0/8", {}, {"to": [cidr("10.0.0.0/8", "10.96.0.0/16", "10.244.0.0/16")]}),
        ("10.240.0.0/12", {}, {"to": [cidr("10.240.0.0/12", "10.244.0.0/16")]}),
        ("::/0", {}, {"to": [cidr("::/0")]}),
    ],
)
def test_a_manual_rule_writes_this(block: str, more: dict[str, Any], rule: dict[str, Any]) -> None:
    scene = Scene(*SHOP, ranges=RANGES).sees(("pay-1", "web-1")).chooses().manual(block, **more)
    scene.tick(scene.row(OUT, "cluster DNS"), False)
    assert scene.rules(OUT) == [rule]


def test_a_manual_rule_of_ingress_is_a_from() -> None:
    scene = shop().sees(("web-1", "cart-1")).chooses().manual("203.0.113.0/24", IN)
    assert scene.rules(IN) == [{"from": [cidr("203.0.113.0/24")]}]


def test_aliases_name_every_entry_and_cut_out_pod_and_service_ranges() -> None:
    scene = Scene(*SHOP, ranges=RANGES).sees(("web-1", "203.0.113.7", 443)).chooses()
    scene.alias("partner", "203.0.113.0/24", "2001:db8::/64", "10.0.0.0/8", allowed=True)
    written = [rule for rule in scene.rules(OUT) if "ipBlock" in rule["to"][0]]
    assert [rule["to"] for rule in written] == [
        [cidr("10.0.0.0/8", "10.96.0.0/16", "10.244.0.0/16")],
        [cidr("2001:db8::/64"), cidr("203.0.113.0/24")],
    ]
    assert all(rule["ports"] == [port(443)] for rule in written)


def test_an_entry_inside_another_of_the_alias_is_not_written_twice() -> None:
    scene = Scene(*SHOP, ranges=RANGES).sees(("web-1", "203.0.113.7", 443)).chooses()
    scene.alias("partner", "203.0.113.7", "203.0.113.0/24", "203.0.113.128/25", "198.51.100.1", allowed=True)
    (written,) = [rule for rule in scene.rules(OUT) if "ipBlock" in rule["to"][0]]
    assert written["to"] == [cidr("198.51.100.1/32"), cidr("203.0.113.0/24")]


def test_an_alias_with_an_entry_inside_the_pod_range_cannot_be_written() -> None:
    scene = Scene(*SHOP, ranges=RANGES).sees(("web-1", "203.0.113.7", 443)).chooses()
    scene.alias("mixed", "203.0.113.7", "10.244.3.0/24", allowed=True)
    row = scene.row(OUT, "mixed")
    assert row.standing is Standing.NOT_EXPRESSIBLE
    assert "10.244.3.0/24 is inside the pod range" in row.reason


def test_nodes_seen_only_by_what_a_source_calls_them_are_written_by_address() -> None:
    bare = obj(
        "Node", "n", None, spec={}, status={"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]}
    )
    scene = Scene(*SHOP, bare).sees([flow(WEB, "192.0.2.1", 22)]).chooses()
    scene.tick(scene.row(OUT, "n"))
    assert {"to": [cidr("192.0.2.1/32")], "ports": [port(22)]} in scene.rules(OUT)
