"""Ingress through a NodePort, a load balancer or external IPs is one row: whom policies see is left open."""

from typing import Any

import pytest

from netsec_tui.model.communication import AddressCategory
from netsec_tui.model.flow import Endpoint, Protocol, Reserved, Verdict
from netsec_tui.model.identity import EXTERNAL, CommunicationKey, WorkloadRef
from netsec_tui.model.review import Standing
from tests.core.scene import (
    IN,
    SHOP,
    WEB,
    Object,
    Scene,
    flow,
    inventory,
    namespace,
    obj,
    owner,
    pod,
    service,
    shop,
    talk,
)

NAME = EXTERNAL.name
RANGES = {"service_cidrs": ("10.96.0.0/16",), "pod_cidrs": ("10.244.0.0/16",)}


def exposed(type_: str = "LoadBalancer", target: int | str = 8080, **spec: Any) -> Object:
    """Return the Service front that lets the outside reach ``app: web``."""
    made = service("front", "10.96.0.99", [(80, target)], selector={"app": "web"})
    made["spec"].update(type=type_, **spec)
    return made


def seen(*more: Object, clients: tuple[str, ...] = ("203.0.113.7", "198.51.100.9", "172.18.0.2")) -> Scene:
    """Return the shop with clients of the web workload: two of outside and a node."""
    scene = Scene(*SHOP, *(more or (exposed(),)), ranges=RANGES)
    return scene.sees(*((client, "web-1", 8080) for client in clients)).chooses()


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ({"type_": "LoadBalancer"}, "front (LoadBalancer)"),
        ({"type_": "NodePort"}, "front (NodePort)"),
        ({"type_": "ClusterIP", "externalIPs": ["192.0.2.1"]}, "front (externalIPs)"),
        ({"target": "http"}, "front (LoadBalancer)"),
    ],
)
def test_outside_clients_and_nodes_share_one_row_that_says_why(spec: dict[str, Any], name: str) -> None:
    scene = seen(exposed(**spec))
    assert scene.names(IN) == [NAME]
    row = scene.row(IN, NAME)
    assert row.standing is Standing.OUT
    assert row.reason == (
        f"any external address, through Service {name}: a policy may see the client's address or a node's"
    )
    assert row.category is AddressCategory.EXTERNAL
    assert row.communication.addresses == ("172.18.0.2", "198.51.100.9", "203.0.113.7")
    assert row.communication.counts.allowed == 3
    assert scene.rules(IN) == []


def test_a_tick_opens_the_port_to_all_but_pods_and_services_and_says_how_wide_that_is() -> None:
    scene = seen()
    scene.tick(scene.row(IN, NAME))
    assert scene.rules(IN) == [
        {
            "from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.96.0.0/16", "10.244.0.0/16"]}}],
            "ports": [{"protocol": "TCP", "port": 8080}],
        }
    ]
    assert scene.row(IN, NAME).reason.endswith("; covers 4,294,836,224 addresses")


def test_both_families_are_opened_where_pods_have_both() -> None:
    both = {"pod_cidrs": ("10.244.0.0/16", "fd00:1::/48"), "service_cidrs": ("10.96.0.0/16", "fd00:2::/108")}
    scene = Scene(*SHOP, exposed(), ranges=both)
    scene.sees(("203.0.113.7", "web-1", 8080)).chooses()
    scene.tick(scene.row(IN, NAME))
    blocks = [rule["from"][0]["ipBlock"] for rule in scene.rules(IN)]
    assert [(b["cidr"], b["except"]) for b in blocks] == [
        ("0.0.0.0/0", ["10.96.0.0/16", "10.244.0.0/16"]),
        ("::/0", ["fd00:1::/48", "fd00:2::/108"]),
    ]
    assert "about 2^127 addresses" in scene.row(IN, NAME).reason


def test_ranges_not_known_in_full_are_said_where_they_matter() -> None:
    scene = shop(exposed()).sees(("203.0.113.7", "web-1", 8080)).chooses()
    scene.tick(scene.row(IN, NAME))
    assert scene.row(IN, NAME).reason.endswith("not known in full: other pods may get in too")


@pytest.mark.parametrize(
    "more",
    [
        (),
        (exposed("ClusterIP"),),
        (exposed(target=9999),),
    ],
)
def test_a_port_that_no_service_exposes_keeps_a_row_for_each(more: tuple[Object, ...]) -> None:
    scene = seen(*(more or (namespace("empty"),)))
    assert sorted(scene.names(IN)) == ["198.51.100.9", "203.0.113.7", "node-a"]


def test_who_has_no_address_is_not_known_to_come_from_outside() -> None:
    scene = seen()
    scene.sees([flow(Endpoint(), scene.end("web-1"), 8080)])
    assert len(scene.names(IN)) == 2


def test_pods_and_addresses_inside_the_cluster_are_nobody_outside() -> None:
    scene = seen(clients=("10.244.7.7", "203.0.113.7")).sees(("cart-1", "web-1", 8080))
    assert sorted(scene.names(IN)) == ["10.244.7.7", "cart", NAME]


def test_an_alias_wins_and_lets_in_some_of_the_outside_only() -> None:
    scene = seen().alias("partner", "203.0.113.0/24", allowed=True)
    assert sorted(scene.names(IN)) == [NAME, "partner"]
    assert scene.row(IN, NAME).communication.addresses == ("172.18.0.2", "198.51.100.9")
    (rule,) = scene.rules(IN)
    assert rule["from"] == [{"ipBlock": {"cidr": "203.0.113.0/24"}}]


def test_ticks_of_single_addresses_never_add_up_to_the_whole_outside() -> None:
    scene = Scene(*SHOP).sees(("203.0.113.7", "web-1", 8080)).chooses()
    key = scene.row(IN, "203.0.113.7").key
    scene.tick(key)
    assert scene.rules(IN)
    scene.session.set_inventory(inventory(*SHOP, exposed(), **RANGES))
    row = scene.row(IN, NAME)
    assert (row.standing, row.communication.folded) == (Standing.OUT, (key,))
    assert row.reason == "wider than the addresses that were ticked"
    assert scene.rules(IN) == []


def test_each_port_is_a_decision_of_its_own() -> None:
    two = service("front", "10.96.0.99", [(80, 8080), (90, 9090)], selector={"app": "web"})
    two["spec"]["type"] = "NodePort"
    scene = seen(two).sees(("203.0.113.7", "web-1", 9090))
    rows = [row.key for row in scene.table(IN).rows]
    assert rows == [CommunicationKey(IN, EXTERNAL, Protocol.TCP, port) for port in (8080, 9090)]
    scene.tick(rows[0])
    assert [rule["ports"][0]["port"] for rule in scene.rules(IN)] == [8080]


def test_the_service_itself_shows_the_same_row() -> None:
    scene = seen().chooses(WEB._replace(kind="Service", name="front"))
    assert scene.names(IN) == [NAME]


@pytest.mark.parametrize("ref", [WEB, WEB._replace(kind="Service", name="front")])
def test_the_picker_counts_the_rows_that_the_table_shows(ref: WorkloadRef) -> None:
    scene = seen(clients=("203.0.113.7", "198.51.100.9", "172.18.0.2", "10.244.7.7"))
    scene.sees(("203.0.113.7", "web-1", 9090)).chooses(ref)
    (choice,) = [choice for choice in scene.session.workloads() if choice.ref == ref]
    assert (choice.ingress, len(scene.table(IN).rows)) == (3, 3)


def test_egress_to_outside_stays_a_row_an_address() -> None:
    scene = seen().sees(("web-1", "203.0.113.7", 8080))
    assert "203.0.113.7" in [row.key.peer.name for row in scene.review.egress.rows]


def test_a_source_behind_a_node_address_counts_as_outside_however_it_is_told() -> None:
    node = Endpoint("172.18.0.77", reserved=Reserved.REMOTE_NODE)
    scene = seen().sees(talk(node, Endpoint("10.244.0.11", "shop", "web-1", (("app", "web"),))))
    assert scene.names(IN) == [NAME]
    assert "172.18.0.77" in scene.row(IN, NAME).communication.addresses


def test_refused_clients_are_said() -> None:
    scene = seen()
    scene.sees([flow("192.0.2.5", scene.end("web-1"), verdict=Verdict.DROPPED)])
    assert scene.row(IN, NAME).reason.endswith("a node's; denied once, answered 3 times")


@pytest.mark.parametrize(
    ("rest", "caveat"),
    [
        ([], "never answered, though let in once"),
        ([Verdict.DROPPED], "denied once, never answered, though let in once"),
    ],
)
def test_clients_that_nobody_answered_are_said(rest: list[Verdict], caveat: str) -> None:
    scene = Scene(*SHOP, exposed(), ranges=RANGES)
    web, cart = scene.end("web-1"), scene.end("cart-1")
    tried = [flow("192.0.2.5", web, verdict=verdict) for verdict in rest]
    scene.sees([flow("192.0.2.5", web, arrived=True), *tried, *talk(web, cart)]).chooses()
    assert scene.row(IN, NAME).reason.endswith(f"a node's; {caveat}")


def test_a_gateway_with_a_named_port_behind_a_load_balancer_has_the_row_too() -> None:
    balancer = service("lb", "10.96.0.77", [(443, "https")], "edge", {"app": "gate"})
    balancer["spec"]["type"] = "LoadBalancer"
    ports = [("https", "TCP", 8443)]
    objects = (
        namespace("edge"),
        owner("gate", "edge", ports=ports),
        pod("gate-1", "10.244.0.70", "gate", "edge", ports=ports),
        balancer,
        obj("Node", "n", None, status={"addresses": [{"type": "InternalIP", "address": "172.18.0.2"}]}),
    )
    scene = Scene(*objects).sees(("203.0.113.7", "gate-1", 8443))
    scene.chooses(WEB._replace(namespace="edge", name="gate"))
    assert scene.names(IN) == [NAME]
