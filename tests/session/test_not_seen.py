"""Rows that were ticked by hand stay when the timespan no longer has them, and say what became of them."""

from __future__ import annotations

from typing import Any

import pytest

from netsec_tui.core.topology import build_topology
from netsec_tui.decisions_file.reading import read_decisions
from netsec_tui.decisions_file.writing import written
from netsec_tui.model.decision import GeneralRule
from netsec_tui.model.flow import Endpoint
from netsec_tui.model.identity import Direction, PeerSort
from netsec_tui.model.review import Row, Since, Standing
from netsec_tui.model.timespan import TIMESPANS
from netsec_tui.session.actions import ChooseTimespan, LoadDecisions, RemoveAlias, Undo
from tests.core.scene import IN, NOW, OUT, SHOP, Object, Scene, inventory, obj, pod, service, talk

LATELY = ChooseTimespan(TIMESPANS[0])
LONG_AGO = NOW - 86_400
RANGES = {"pod_cidrs": ("10.244.0.0/16",), "service_cidrs": ("10.96.0.0/16",)}
CART_SERVICE = ("web-1", "10.96.0.12", 80)


def before(*talks: tuple[Any, ...], objects: tuple[Object, ...] = SHOP) -> Scene:
    """Return the shop with some conversations a day ago, and one of pay with web just now."""
    return Scene(*objects, ranges=RANGES).sees(*talks, time=LONG_AGO).sees(("pay-1", "web-1")).chooses()


def without(*names: str) -> tuple[Object, ...]:
    """Return the objects of the shop without those of some names."""
    return tuple(o for o in SHOP if not o["metadata"]["name"].startswith(names))


def only(scene: Scene, direction: Direction) -> Row:
    """Return the one row that was not seen."""
    rows = [row for row in scene.table(direction).rows if row.since in (Since.NOT_SEEN, Since.GONE)]
    assert len(rows) == 1, [row.key for row in scene.table(direction).rows]
    return rows[0]


@pytest.mark.parametrize(
    ("talk", "name"),
    [
        (("web-1", "cart-1"), "cart"),
        (("web-1", "db-0", 5432), "db"),
        (("web-1", "203.0.113.7", 443), "203.0.113.7"),
        (("web-1", "172.18.0.3", 6443), "kubernetes"),
        (("web-1", "172.18.0.2", 10250), "node-a"),
    ],
)
def test_a_ticked_row_outside_the_timespan_stays_in_table_topology_and_policy(
    talk: tuple[Any, ...], name: str
) -> None:
    scene = before(talk)
    seen = scene.tick(scene.row(OUT, name)).row(OUT, name)
    assert seen.since is Since.KNOWN
    rules = scene.rules(OUT)
    row = scene.does(LATELY).row(OUT, name)
    assert (row.since, row.standing, row.in_policy) == (Since.NOT_SEEN, Standing.IN, True)
    assert (row.communication.counts.total, row.communication.last_seen) == (0, 0.0)
    assert "not seen in this timespan" in row.reason
    assert "ticked by hand" not in row.reason
    assert "not seen" in row.text
    assert scene.rules(OUT) == rules
    assert [edge.allowed for edge in build_topology(scene.review).egress.edges if edge.key == row.key] == [
        True
    ]
    assert scene.review.facts[row.key.peer].peer == row.key.peer
    assert scene.review.changes.not_seen == (row.key,)
    assert scene.does(ChooseTimespan(TIMESPANS[-1])).row(OUT, name).since is Since.KNOWN


def test_a_row_that_nobody_ticked_by_hand_goes_with_the_timespan() -> None:
    scene = before(("web-1", "cart-1"))
    assert scene.row(OUT, "cart").ticked
    assert scene.does(LATELY).names(OUT) == ["cluster DNS"]


def test_an_untick_and_a_tick_taken_back_leave_nothing() -> None:
    scene = before(("web-1", "cart-1"))
    cart = scene.row(OUT, "cart").key
    scene.tick(cart).does(LATELY)
    assert "cart" in scene.names(OUT)
    assert "cart" not in scene.tick(cart, False).names(OUT)
    assert "cart" in scene.does(Undo()).names(OUT)
    assert "cart" not in scene.does(Undo()).names(OUT)


def test_each_general_rule_keeps_the_rows_of_its_own_ticks() -> None:
    scene = before(("web-1", "cart-1"))
    scene.tick(scene.row(OUT, "cart")).does(LATELY).general(OUT, GeneralRule.INSIDE_NAMESPACE)
    assert "cart" not in scene.names(OUT)
    assert only(scene.general(OUT, GeneralRule.ROWS_DECIDE), OUT).key.peer.name == "cart"


# -- Services ----------------------------------------------------------------------------------------------

TWO_PORTS = service("cart", "10.96.0.12", [(80, 8080), (81, 9090)])


def dialled(*later: Object) -> Scene:
    """Tick the row of a Service whose backends were not seen, then let its objects change."""
    objects = (*without("cart"), TWO_PORTS)
    scene = before(CART_SERVICE, objects=objects)
    row = scene.row(OUT, "cart")
    assert (row.key.peer.sort, row.key.port) == (PeerSort.SERVICE, 8080)
    scene.tick(row).does(LATELY)
    scene.session.set_inventory(inventory(*without("cart"), *later, **RANGES))
    return scene


def test_a_service_is_kept_with_the_port_that_was_dialled_and_no_other() -> None:
    row = only(dialled(TWO_PORTS), OUT)
    assert (row.since, row.in_policy, [via.port for via in row.communication.via]) == (
        Since.NOT_SEEN,
        True,
        [80],
    )
    ports = [port for rule in dialled(TWO_PORTS).rules(OUT) for port in rule["ports"]]
    assert {"protocol": "TCP", "port": 8080} in ports
    assert 9090 not in [port["port"] for port in ports]


@pytest.mark.parametrize(
    ("later", "told"),
    [
        ((), "the cluster state has no Service/cart in namespace shop"),
        (
            (service("cart", "10.96.0.12", [(81, 9090)]),),
            "the cluster state has no port 80/TCP of Service/cart",
        ),
        ((service("cart", "10.96.0.12", [(80, 9090)]),), "does not lead to 8080 any more"),
    ],
)
def test_what_a_service_no_longer_has_is_gone_and_no_rule_is_guessed(
    later: tuple[Object, ...], told: str
) -> None:
    scene = dialled(*later)
    row = only(scene, OUT)
    assert (row.since, row.standing, row.in_policy) == (Since.GONE, Standing.NOT_EXPRESSIBLE, False)
    assert told in row.reason
    assert scene.review.changes.gone == (row.key,)
    assert all(port["port"] == 5353 for rule in scene.rules(OUT) for port in rule["ports"])


def test_a_row_of_a_service_follows_the_ports_that_another_file_tells() -> None:
    one_pod_port = service("cart", "10.96.0.12", [(80, 8080), (81, 8080)])
    scene = before(CART_SERVICE, objects=(*without("cart"), one_pod_port))
    kept = scene.tick(scene.row(OUT, "cart")).does(LATELY).session.saved_decisions()
    assert kept is not None
    for ports in ("[80]", "[80, 81]", "[81]"):
        text = written(kept).replace("servicePorts: [80]", f"servicePorts: {ports}")
        row = scene.does(LoadDecisions(read_decisions("web.yaml", text))).row(OUT, "cart")
        assert str([via.port for via in row.communication.via]) == ports


# -- gone --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("talk", "name", "left", "told"),
    [
        (("web-1", "cart-1"), "cart", without("cart"), "no Deployment/cart in namespace shop"),
        (("web-1", "172.18.0.2", 10250), "node-a", without("node-a", "agent"), "no node node-a"),
    ],
)
def test_a_peer_that_the_cluster_no_longer_has_is_gone_and_red(
    talk: tuple[Any, ...], name: str, left: tuple[Object, ...], told: str
) -> None:
    scene = before(talk)
    scene.tick(scene.row(OUT, name)).does(LATELY)
    scene.session.set_inventory(inventory(*left, **RANGES))
    row = only(scene, OUT)
    assert (row.since, row.standing, row.in_policy) == (Since.GONE, Standing.NOT_EXPRESSIBLE, False)
    assert row.reason == f"gone: the cluster state has {told}"
    assert "gone" in row.text
    scene.tick(row, False)
    assert name not in scene.names(OUT)


def test_without_cluster_state_nothing_is_held_to_be_gone() -> None:
    web, cart, pay = (
        Endpoint(f"10.0.0.{n}", "shop", f"{name}-1", (("app", name),), (("Deployment", name),))
        for n, name in enumerate(("web", "cart", "pay"))
    )
    scene = Scene().sees(talk(web, cart, time=LONG_AGO), talk(pay, web)).chooses()
    row = scene.tick(scene.row(OUT, "cart")).does(LATELY).row(OUT, "cart")
    assert (row.since, row.in_policy) == (Since.NOT_SEEN, True)


def test_pods_that_got_the_address_since_are_never_an_ip_block() -> None:
    scene = before(("web-1", "203.0.113.7", 443))
    scene.tick(scene.row(OUT, "203.0.113.7")).does(LATELY)
    scene.session.set_inventory(
        inventory(*SHOP, pod_cidrs=("203.0.113.0/24",), service_cidrs=("10.96.0.0/16",))
    )
    row = only(scene, OUT)
    assert (row.since, row.standing) == (Since.NOT_SEEN, Standing.NOT_EXPRESSIBLE)
    assert "203.0.113" not in scene.review.yaml


# -- aliases -----------------------------------------------------------------------------------------------


def test_a_ticked_alias_stays_and_without_the_alias_it_is_gone() -> None:
    scene = before(("web-1", "203.0.113.7", 443)).alias("proxy", "203.0.113.0/24")
    scene.tick(scene.row(OUT, "proxy")).does(LATELY)
    assert (only(scene, OUT).since, only(scene, OUT).in_policy) == (Since.NOT_SEEN, True)
    row = only(scene.does(RemoveAlias("proxy")), OUT)
    assert (row.since, row.reason) == (Since.GONE, "gone: the configuration has no alias proxy")
    assert row.standing is Standing.NOT_EXPRESSIBLE


def test_a_ticked_address_that_an_alias_has_taken_in_brings_no_second_row() -> None:
    scene = before(("web-1", "203.0.113.7", 443), ("web-1", "203.0.113.8", 443))
    scene.tick(scene.row(OUT, "203.0.113.7")).does(LATELY).sees(("web-1", "203.0.113.8", 443))
    scene.alias("proxy", "203.0.113.0/24")
    row = scene.row(OUT, "proxy")
    assert [name for name in scene.names(OUT) if name.startswith("203")] == []
    assert (row.ticked, row.since) == (False, Since.KNOWN)
    assert row.communication.first_seen > LONG_AGO


def test_a_ticked_alias_and_a_ticked_address_of_it_are_one_row() -> None:
    scene = before(("web-1", "203.0.113.7", 443))
    scene.tick(scene.row(OUT, "203.0.113.7")).alias("proxy", "203.0.113.7")
    scene.tick(scene.row(OUT, "proxy")).does(LATELY)
    assert scene.names(OUT) == ["cluster DNS", "proxy"]
    assert only(scene, OUT).in_policy


# -- ingress -----------------------------------------------------------------------------------------------


def test_whoever_came_from_outside_stays_only_while_a_service_lets_it_in() -> None:
    exposed = service("web", "10.96.0.11")
    exposed["spec"]["type"] = "NodePort"
    objects = (*(o for o in SHOP if o["metadata"]["name"] != "web" or o["kind"] != "Service"), exposed)
    scene = before(("203.0.113.50", "web-1"), objects=objects)
    row = scene.row(IN, "external ingress")
    scene.tick(row).does(LATELY)
    assert (only(scene, IN).since, only(scene, IN).in_policy) == (Since.NOT_SEEN, True)
    assert scene.review.proof.clean
    assert {"0.0.0.0/0"} <= {
        p["ipBlock"]["cidr"] for r in scene.rules(IN) for p in r["from"] if "ipBlock" in p
    }
    scene.session.set_inventory(inventory(*SHOP, **RANGES))
    assert only(scene, IN).reason == "gone: no Service lets the outside reach port 8080/TCP"


def test_a_direction_without_traffic_names_what_is_let_through_all_the_same() -> None:
    scene = before(("web-1", "cart-1"))
    scene.tick(scene.row(OUT, "cart")).does(LATELY)
    told = "all egress will be refused but what was ticked before, the cluster DNS"
    assert scene.table(OUT).note.endswith(told)


def nodes_again(*addresses: str) -> tuple[Object, ...]:
    """Return the shop with other addresses of its node, none for no node, and without the node's agent."""
    rest = (o for o in SHOP if o["kind"] != "Node" and not o["metadata"]["name"].startswith("agent"))
    told = [{"type": "InternalIP", "address": address} for address in addresses]
    return (*rest, *((obj("Node", "node-a", None, spec={}, status={"addresses": told}),) if told else ()))


AT_ADDRESS = pod("late-1", "203.0.113.7")
ON_HOST = pod("late-1", "203.0.113.7", hostNetwork=True)


@pytest.mark.parametrize(
    ("more", "since", "included", "told"),
    [
        (
            nodes_again("203.0.113.7"),
            Since.GONE,
            False,
            "gone: 203.0.113.7 is the address of node node-a now",
        ),
        ((*SHOP, AT_ADDRESS), Since.NOT_SEEN, False, "203.0.113.7 is the address of pod shop/late-1 now"),
        ((*SHOP, ON_HOST), Since.NOT_SEEN, True, "the address of pod shop/late-1, on the host network"),
    ],
    ids=["node", "pod", "pod on the host network"],
)
def test_an_address_that_is_somebody_elses_by_now_says_so(
    more: tuple[Object, ...], since: Since, included: bool, told: str
) -> None:
    scene = before(("web-1", "203.0.113.7", 443))
    scene.tick(scene.row(OUT, "203.0.113.7")).does(LATELY)
    scene.session.set_inventory(inventory(*more, **RANGES))
    row = scene.row(OUT, "203.0.113.7")
    assert (row.since, row.ticked) == (since, included)
    assert told in row.reason
    assert ("203.0.113.7/32" in scene.review.yaml) is included


NODE = ("web-1", "172.18.0.2", 10250)


@pytest.mark.parametrize("saved", [False, True], ids=["ticked", "saved"])
@pytest.mark.parametrize(
    ("addresses", "included"),
    [(("172.18.0.2",), True), (("172.18.0.2", "198.51.100.9"), True), (("198.51.100.9",), False)],
)
def test_a_node_that_has_other_addresses_by_now_is_out_until_it_is_ticked_again(
    saved: bool, addresses: tuple[str, ...], included: bool
) -> None:
    scene = before(NODE)
    scene.tick(scene.row(OUT, "node-a"))
    if saved:
        kept = scene.session.saved_decisions()
        assert kept is not None
        scene = before().does(LoadDecisions(read_decisions("web.yaml", written(kept))))
    scene.does(LATELY).session.set_inventory(inventory(*nodes_again(*addresses), **RANGES))
    row = scene.row(OUT, "node-a")
    assert (row.since, row.ticked, row.in_policy) == (Since.NOT_SEEN, included, included)
    # Of a node with one address more nothing is opened that was not decided on.
    assert "198.51.100.9" not in scene.review.yaml
    if not included:
        assert row.reason.startswith(
            "node node-a has other addresses now (198.51.100.9) than when it was ticked (172.18.0.2): tick it"
        )
        again = scene.session.saved_decisions()
        assert again is not None
        assert "172.18.0.2" in written(again)
        assert scene.tick(row).row(OUT, "node-a").in_policy
        assert "198.51.100.9/32" in scene.review.yaml
        assert not scene.does(Undo()).row(OUT, "node-a").ticked


def test_a_node_without_addresses_in_a_file_is_taken_as_it_is() -> None:
    scene = before(NODE)
    kept = scene.tick(scene.row(OUT, "node-a")).session.saved_decisions()
    assert kept is not None
    text = written(kept).replace(', addresses: ["172.18.0.2"]', "")
    assert text != written(kept)
    assert before().does(LoadDecisions(read_decisions("web.yaml", text)), LATELY).row(OUT, "node-a").in_policy


def test_an_address_that_comes_in_through_a_service_by_now_is_one_of_the_outside() -> None:
    scene = before(("203.0.113.7", "web-1"))
    key = scene.row(IN, "203.0.113.7").key
    scene.tick(key).does(LATELY)
    assert "203.0.113.7/32" in scene.review.yaml
    front = service("front", "10.96.0.99", [(80, 8080)], selector={"app": "web"})
    front["spec"]["type"] = "NodePort"
    scene.session.set_inventory(inventory(*SHOP, front, **RANGES))
    assert scene.names(IN) == ["pay", "external ingress"]
    assert scene.row(IN, "external ingress").communication.folded == (key,)
    assert "203.0.113.7" not in scene.review.yaml
