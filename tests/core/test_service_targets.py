"""Which pod ports a rule opens for a dialled Service: of that protocol, and of the endpoints it is for."""

import pytest

from netsec_tui.model.flow import Protocol
from tests.core.policy_rules import egress, to_pods
from tests.core.scene import OUT, endpoints, flow, obj, service, shop


def ports(*numbers):
    return [{"protocol": "TCP", "port": number} for number in numbers]


@pytest.mark.parametrize("order", [("UDP", "TCP"), ("TCP", "UDP")])
@pytest.mark.parametrize("dialled", [Protocol.TCP, Protocol.UDP])
def test_a_port_of_another_protocol_with_the_same_number_is_not_taken_for_it(order, dialled):
    targets = {"TCP": 5400, "UDP": 5300}
    written = [{"name": p.lower(), "port": 53, "targetPort": targets[p], "protocol": p} for p in order]
    spec = {"clusterIP": "10.96.0.77", "ports": written, "selector": {"app": "cart"}}
    scene = shop(obj("Service", "names", "shop", spec=spec))
    scene.sees([flow(scene.ends["web-1"], "10.96.0.77", 53, protocol=dialled)]).chooses()
    for row in scene.table(OUT).rows:
        if row.communication.via:
            scene.tick(row)
    opened = [{"protocol": str(dialled), "port": targets[str(dialled)]}]
    assert egress(scene) == [{"to": to_pods(app="cart"), "ports": opened}]


def test_a_named_port_that_no_pod_declares_is_the_one_that_endpoint_slices_tell():
    made = service("cart", "10.96.0.12", [(443, "tls")])
    scene = shop(made, endpoints("cart", "shop", ["10.244.0.12"], 8443, "p443-tcp"))
    scene.sees(("web-1", "10.96.0.12", 443)).chooses()
    assert egress(scene) == [{"to": to_pods(app="cart"), "ports": ports(8443)}]


def test_addresses_outside_are_opened_on_their_own_ports_and_not_on_those_of_pods_behind_the_same_service():
    made = service("legacy", "10.96.0.78", [(5432, 5432)], selector={})
    outside = endpoints("legacy", "shop", ["198.51.100.7"], 6432, "p5432-tcp")
    inside = endpoints("legacy", "shop", ["10.244.0.12"], 7432, "p5432-tcp")
    inside["metadata"]["name"] = "legacy-pods"
    scene = shop(made, outside, inside).sees(("web-1", "10.96.0.78", 5432)).chooses()
    assert [(rule["to"], rule["ports"]) for rule in egress(scene)] == [
        (to_pods(app="cart"), ports(7432)),
        ([{"ipBlock": {"cidr": "198.51.100.7/32"}}], ports(6432)),
    ]
