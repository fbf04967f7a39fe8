"""The known pitfalls of ports, protocols and directions, one named test each, from flows to the policy."""

import pytest

from netsec_tui.model.flow import Flow, Protocol, Verdict
from tests.core.policy_rules import IN_POLICY, OUT_OF_IT, egress, opened, state, to_pods
from tests.core.scene import IN, NOW, OUT, SHOP, WEB, Scene, flow, owner, pod, service, shop, talk


def test_01_pod_port_behind_a_service_port():
    named = service("pay", "10.96.0.13", [(443, "tls")])
    more = (named, owner("pay", ports=[("tls", "TCP", 8443)]))
    scene = Scene(*(o for o in SHOP if o["metadata"]["name"] != "pay"), *more)
    # cart has port 80 -> 8080 by number; pay 443 -> "tls", which its template declares as 8443.
    scene.sees(("web-1", "10.96.0.12", 80), ("web-1", "10.96.0.13", 443)).chooses()
    assert [(rule["to"], rule["ports"]) for rule in egress(scene)] == [
        (to_pods(app="cart"), [{"protocol": "TCP", "port": 8080}]),
        (to_pods(app="pay"), [{"protocol": "TCP", "port": 8443}]),
    ]
    assert "10.96." not in scene.review.yaml
    assert [scene.row(OUT, name).key.port for name in ("cart", "pay")] == [8080, 8443]
    assert [row.key.port for row in scene.chooses(WEB._replace(name="cart")).table(IN).rows] == [8080]


def test_01_owners_behind_one_service_get_their_own_port_each():
    pods = {"blue": 8080, "green": 9090}
    labels = {name: {"app": "api", "color": name} for name in (*pods, "job")}
    ports = {
        "blue": [("http", "TCP", 8080), ("admin", "TCP", 9090)],
        "green": [("http", "TCP", 9090)],
        "job": [],
    }
    made = [owner(name, labels=labels[name], ports=ports[name]) for name in labels]
    made += [
        pod(f"{name}-1", f"10.244.0.{20 + n}", name, labels=labels[name], ports=ports[name])
        for n, name in enumerate(labels)
    ]
    scene = shop(*made, service("api", "10.96.0.60", [(80, "http")]))
    scene.sees(("web-1", "10.96.0.60", 80)).chooses()
    # Neither blue's admin port is opened, nor anything of the job that has no port of that name.
    assert [(rule["to"], rule["ports"]) for rule in egress(scene)] == [
        (to_pods(**labels[name]), [{"protocol": "TCP", "port": number}]) for name, number in pods.items()
    ]
    assert {row.key.peer.name: row.key.port for row in scene.table(OUT).rows if row.communication.via} == pods
    assert scene.review.proof.clean
    for name, number in pods.items():
        scene.chooses(WEB._replace(name=name))
        assert [row.key.port for row in scene.table(IN).rows] == [number]
    assert scene.chooses(WEB._replace(name="job")).table(IN).rows == ()


def test_01_pods_that_cannot_be_told_apart_and_differ_in_their_port_are_said():
    made = [
        pod(f"cart-{n}", f"10.244.0.{n}", "cart", ports=[("http", "TCP", n), ("dns", "UDP", n)])
        for n in (53, 80)
    ]
    objects = [o for o in SHOP if not o["metadata"]["name"].startswith("cart-")]
    scene = Scene(*objects, *made, service("named", "10.96.0.61", [(80, "http")], selector={"app": "cart"}))
    scene.sees(("web-1", "10.96.0.61", 80)).chooses()
    told = "its pods listen on different ports: 53, 80 are opened on all of them"
    assert scene.row(OUT, "named").reason == told
    assert [rule["ports"] for rule in egress(scene)] == [[{"protocol": "TCP", "port": n} for n in (53, 80)]]


def test_02_direction_is_proven_and_client_ports_are_no_listeners():
    scene = shop()
    web, cart = scene.ends["web-1"], scene.ends["cart-1"]
    # Answers go to thousands of client ports: one row on the listening port, on the listener's side.
    told = [
        Flow(NOW, cart, web, Protocol.TCP, 8080, port, Verdict.FORWARDED, is_reply=True)
        for port in range(40000, 40050)
    ]
    scene.sees([flow(web, cart), *told]).chooses()
    assert egress(scene) == [{"to": to_pods(app="cart"), "ports": [{"protocol": "TCP", "port": 8080}]}]
    assert scene.rules(IN) == []
    # Nobody said who opened: the declared listener is the server, whoever sent the packet.
    guessed = shop().sees([Flow(NOW, cart, web, Protocol.TCP, 8080, 41000, Verdict.FORWARDED, is_reply=None)])
    guessed.chooses()
    assert (guessed.row(OUT, "cart").reason, guessed.table(IN).rows) == ("direction inferred", ())


def test_02_many_high_ports_of_one_peer_are_suspect_and_start_out():
    scene = shop().sees(*(("web-1", "cart-1", port) for port in range(40000, 40011)), ("web-1", "cart-1"))
    scene.chooses()
    suspects = [row for row in scene.table(OUT).rows if row.key.port >= 40000]
    assert {state(row) for row in suspects} == {OUT_OF_IT}
    assert {row.reason for row in suspects} == {
        "one of many high ports of this peer that no pod declares: client ports or a scan, it seems"
    }
    assert [ports for _, ports in opened(scene, OUT) if 5353 not in ports] == [[8080]]
    scene.tick(suspects[0])
    assert state(scene.row(OUT, "cart", 40000)) == IN_POLICY


@pytest.mark.parametrize(("count", "ports"), [(10, ()), (11, (40000,)), (20, tuple(range(40000, 40020)))])
def test_02_real_listeners_on_high_ports_stay_in(count, ports):
    declared = [(f"p{port}", "TCP", port) for port in ports]
    scene = shop(owner("cart", ports=[("http", "TCP", 8080), *declared]))
    scene.sees(*(("web-1", "cart-1", 40000 + n) for n in range(count))).chooses()
    assert {state(row) for row in scene.table(OUT).rows if row.key.peer.name == "cart"} == {IN_POLICY}


def test_02_high_ports_behind_a_service_are_listeners():
    ports = range(40000, 40012)
    scene = shop(service("many", "10.96.0.70", [(port, port) for port in ports], selector={"app": "cart"}))
    scene.sees(*(("web-1", "10.96.0.70", port) for port in ports))
    for owner_name, way in (("web", OUT), ("cart", IN)):
        rows = scene.chooses(WEB._replace(name=owner_name)).table(way).rows
        high = [row for row in rows if row.key.port in ports]
        assert [(row.key.port, state(row)) for row in high] == [(port, IN_POLICY) for port in ports]


@pytest.mark.parametrize(
    ("answered", "declared", "expected", "reason"),
    [
        (True, False, IN_POLICY, ""),
        (False, True, IN_POLICY, "never answered: whether it arrived is not known"),
        (False, False, OUT_OF_IT, "UDP without an answer, and no pod declares the port"),
    ],
)
def test_03_udp_counts_by_evidence(answered, declared, expected, reason):
    ports = [("quic", "UDP", 443 if declared else 9999)]
    objects = [o for o in SHOP if (o["kind"], o["metadata"]["name"]) != ("Deployment", "cart")]
    scene = Scene(*objects, owner("cart", ports=ports))
    web, cart = scene.end("web-1"), scene.end("cart-1")
    told = talk(web, cart, 443, protocol=Protocol.UDP)
    scene.sees(told if answered else told[:1], talk(web, scene.end("pay-1"))).chooses()
    row = scene.row(OUT, "cart", 443)
    assert (state(row), row.reason) == (expected, reason)


def test_18_protocols_are_written_as_they_are_or_not_at_all():
    scene = shop()
    web, cart = scene.end("web-1"), scene.end("cart-1")
    for protocol, port in ((Protocol.SCTP, 132), (Protocol.ICMP, 0), (Protocol.OTHER, 0)):
        scene.sees(talk(web, cart, port, protocol=protocol))
    scene.chooses()
    assert egress(scene) == [{"to": to_pods(app="cart"), "ports": [{"protocol": "SCTP", "port": 132}]}]
    reasons = {row.key.protocol: row.reason for row in scene.table(OUT).rows if row.key.port == 0}
    never = (Protocol.ICMP, Protocol.OTHER)
    assert reasons == {p: f"{p} cannot be written in a NetworkPolicy" for p in never}


def test_22_no_port_of_a_peer_is_dropped_however_many_there_are():
    scene = shop().sees(*(("web-1", "cart-1", port) for port in range(1000, 1100))).chooses()
    (rule,) = egress(scene)
    assert rule["to"] == to_pods(app="cart")
    assert [port["port"] for port in rule["ports"]] == list(range(1000, 1100))
    assert all(set(port) == {"protocol", "port"} for port in rule["ports"])
