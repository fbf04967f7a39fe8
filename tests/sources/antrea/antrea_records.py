"""Records of one connection in the forms that Antrea gives them; made for the tests from its definitions."""

import base64
import ipaddress


def packed(address):
    return ipaddress.ip_address(address).packed


def flow(**changes):
    """Return a record as protojson writes it: a pod that calls another through a Service.

    Changes are made by the names of the proto; ``k8s`` and ``transport`` add to what is there.
    """
    made = {
        "id": "5d0c1d1e",
        "startTs": "2026-01-05T10:00:00Z",
        "endTs": "2026-01-05T10:00:30.500Z",
        "ip": {
            "version": "IP_VERSION_4",
            "source": base64.b64encode(packed("10.10.0.79")).decode(),
            "destination": base64.b64encode(packed("10.10.1.80")).decode(),
        },
        "transport": {"protocolNumber": 6, "sourcePort": 44752, "destinationPort": 8080, "TCP": {}},
        "k8s": {
            "sourcePodNamespace": "shop",
            "sourcePodName": "web-6b5-x1",
            "sourceNodeName": "node-a",
            "destinationPodNamespace": "shop",
            "destinationPodName": "api-0",
            "destinationNodeName": "node-b",
            "destinationServiceIp": base64.b64encode(packed("10.96.0.20")).decode(),
            "destinationServicePort": 80,
            "destinationServicePortName": "shop/api:http",
        },
        "stats": {"packetTotalCount": "7"},
        "reverseStats": {"packetTotalCount": "5"},
    }
    made["transport"] |= changes.pop("transport", {})
    made["k8s"] |= changes.pop("k8s", {})
    return made | changes


def row(**changes):
    """Return the same as a row of Theia's table."""
    return {
        "timeInserted": "2026-01-05 10:00:36",
        "flowStartSeconds": "2026-01-05 10:00:00",
        "flowEndSeconds": "2026-01-05 10:00:30",
        "sourceIP": "10.10.0.79",
        "destinationIP": "10.10.1.80",
        "sourceTransportPort": 44752,
        "destinationTransportPort": 8080,
        "protocolIdentifier": 6,
        "reversePacketTotalCount": "5",
        "sourcePodName": "web-6b5-x1",
        "sourcePodNamespace": "shop",
        "sourceNodeName": "node-a",
        "destinationPodName": "api-0",
        "destinationPodNamespace": "shop",
        "destinationNodeName": "node-b",
        "destinationClusterIP": "10.96.0.20",
        "destinationServicePort": 80,
        "destinationServicePortName": "shop/api:http",
        "ingressNetworkPolicyRuleAction": 0,
        "egressNetworkPolicyRuleAction": 0,
        "tcpState": "ESTABLISHED",
        "sourcePodLabels": '{"app":"web"}',
        "destinationPodLabels": "",
    } | changes


HEAD = "1767607200,1767607230,10.10.0.79,10.10.1.80,44752,8080"
PODS = "web-6b5-x1,shop,node-a,api-0,shop,node-b,10.96.0.20"


def line(protocol="6", ingress="0", egress="0", more="", end=",,"):
    """Return the same as a line of the flow log; ``more`` is the column of newer versions."""
    policies = f"in,shop,rule,{ingress},K8sNetworkPolicy,out,shop,rule,{egress},K8sNetworkPolicy"
    return f"{HEAD},{protocol},{PODS},{more}80,shop/api:http,{policies},{end}"
