"""What is read of Hubble's API, and what is asked: cilium, api/v1/{observer,flow,relay}/*.proto."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from netsec_tui.sources.grpc.schema import COMMON, Many, Table, messages

GET_FLOWS = "/observer.Observer/GetFlows"
GET_NODES = "/observer.Observer/GetNodes"
SERVER_STATUS = "/observer.Observer/ServerStatus"

WHOLE_BUFFER = 65_535
"""As many flows as an agent can keep (hubble-event-buffer-capacity); a number counts for each node."""

NODE_CONNECTED, NODE_UNAVAILABLE, NODE_ERROR = 1, 2, 4
NODE_STATES = {1: "NODE_CONNECTED", 2: "NODE_UNAVAILABLE", 3: "NODE_GONE", 4: "NODE_ERROR"}
LOSSES = {1: "PERF_EVENT_RING_BUFFER", 2: "OBSERVER_EVENTS_QUEUE", 3: "HUBBLE_RING_BUFFER"}
DIRECTIONS = {1: "INGRESS", 2: "EGRESS"}
TYPES = {1: "L3_L4", 2: "L7", 3: "SOCK"}
LAYER7 = {1: "REQUEST", 2: "RESPONSE", 3: "SAMPLE"}
POINTS = {
    1: "TO_PROXY",
    2: "TO_HOST",
    3: "TO_STACK",
    4: "TO_OVERLAY",
    5: "FROM_ENDPOINT",
    6: "FROM_PROXY",
    7: "FROM_HOST",
    8: "FROM_STACK",
    9: "FROM_OVERLAY",
    10: "FROM_NETWORK",
    11: "TO_NETWORK",
    101: "TO_ENDPOINT",
}
"""Names of enums by number, as JSON has them."""

_PORTS = {1: ("source_port", "uint32"), 2: ("destination_port", "uint32")}
_TABLE: Table = {
    **COMMON,
    "GetFlowsResponse": {
        1: ("flow", "Flow"),
        2: ("node_status", "NodeStatusEvent"),
        3: ("lost_events", "LostEvent"),
        1000: ("node_name", "string"),
        1001: ("time", "Timestamp"),
    },
    "Flow": {
        1: ("time", "Timestamp"),
        2: ("verdict", "int32"),
        3: ("drop_reason", "uint32"),
        5: ("IP", "IP"),
        6: ("l4", "Layer4"),
        # The same endpoints come again and again: they are known by their bytes.
        8: ("source", "bytes"),
        9: ("destination", "bytes"),
        10: ("Type", "int32"),
        11: ("node_name", "string"),
        13: ("source_names", Many("string")),
        14: ("destination_names", Many("string")),
        15: ("l7", "Layer7"),
        16: ("reply", "bool"),
        19: ("event_type", "CiliumEventType"),
        20: ("source_service", "Service"),
        21: ("destination_service", "Service"),
        22: ("traffic_direction", "int32"),
        24: ("trace_observation_point", "int32"),
        25: ("drop_reason_desc", "int32"),
        26: ("is_reply", "BoolValue"),
        34: ("uuid", "string"),
        21007: ("aggregate", "Aggregate"),
    },
    "IP": {1: ("source", "string"), 2: ("destination", "string")},
    "Layer4": {
        1: ("TCP", "TCP"),
        2: ("UDP", "UDP"),
        3: ("ICMPv4", "ICMP"),
        4: ("ICMPv6", "ICMP"),
        5: ("SCTP", "UDP"),
    },
    "TCP": {**_PORTS, 3: ("flags", "TCPFlags")},
    "UDP": _PORTS,
    "ICMP": {},
    "TCPFlags": {
        2: ("SYN", "bool"),
        3: ("RST", "bool"),
        4: ("PSH", "bool"),
        5: ("ACK", "bool"),
    },
    "Layer7": {1: ("type", "int32"), 100: ("dns", "DNS"), 101: ("http", "HTTP")},
    "DNS": {6: ("rcode", "uint32")},
    "HTTP": {1: ("code", "uint32"), 4: ("protocol", "string"), 5: ("headers", Many("HTTPHeader"))},
    "HTTPHeader": {1: ("key", "string")},
    "CiliumEventType": {1: ("type", "int32"), 2: ("sub_type", "int32")},
    "Service": {1: ("name", "string"), 2: ("namespace", "string")},
    "Aggregate": {
        1: ("ingress_flow_count", "uint32"),
        2: ("egress_flow_count", "uint32"),
        3: ("unknown_direction_flow_count", "uint32"),
    },
    "Endpoint": {
        1: ("ID", "uint32"),
        2: ("identity", "uint32"),
        3: ("namespace", "string"),
        4: ("labels", Many("string")),
        5: ("pod_name", "string"),
        6: ("workloads", Many("Workload")),
    },
    "Workload": {1: ("name", "string"), 2: ("kind", "string")},
    "NodeStatusEvent": {
        1: ("state_change", "int32"),
        2: ("node_names", Many("string")),
        3: ("message", "string"),
    },
    "LostEvent": {1: ("source", "int32"), 2: ("num_events_lost", "uint64")},
    "GetFlowsRequest": {
        1: ("number", "uint64"),
        3: ("follow", "bool"),
        5: ("blacklist", Many("FlowFilter")),
        6: ("whitelist", Many("FlowFilter")),
        7: ("since", "Timestamp"),
    },
    "FlowFilter": {
        5: ("verdict", Many("int32")),
        6: ("event_type", Many("EventTypeFilter")),
        12: ("protocol", Many("string")),
        15: ("reply", Many("bool")),
        23: ("tcp_flags", Many("TCPFlags")),
    },
    "EventTypeFilter": {1: ("type", "int32"), 2: ("match_sub_type", "bool"), 3: ("sub_type", "int32")},
    "Nothing": {},
    "ServerStatusResponse": {
        1: ("num_flows", "uint64"),
        2: ("max_flows", "uint64"),
        3: ("seen_flows", "uint64"),
        5: ("num_connected_nodes", "UInt32Value"),
        6: ("num_unavailable_nodes", "UInt32Value"),
        7: ("unavailable_nodes", Many("string")),
        8: ("version", "string"),
        9: ("flows_rate", "double"),
    },
    "GetNodesResponse": {1: ("nodes", Many("Node"))},
    "Node": {1: ("name", "string"), 4: ("state", "int32"), 8: ("max_flows", "uint64")},
}

_DROPPED, _ERROR, _AUDIT, _TRACED, _TRANSLATED = 2, 3, 4, 6, 7
_SOCK, _LAYER7_LOG = 7, 129
_AS_DIALLED = 1
"""The sub type of a socket's event with the address it dials (pkg/monitor, XlatePointPreDirectionFwd)."""


@cache
def types() -> Mapping[str, Any]:
    """Return the message classes by name; they are made once."""
    return messages("hubble", _TABLE)


def flows_request(*, filtered: bool, follow: bool = False, since: float = 0.0) -> Any:
    """Return what asks for flows: from now on, from a time on (epoch seconds), else all that are kept.

    ``filtered`` leaves out at the server what tells nothing new: access logs, which repeat connections, of
    sockets all but what they dial, where packets carry the address behind the Service from their socket on
    (pkg/hubble/parser/sock), and answers but for those that tell that there was one. Those are kept because a
    connection that nobody answered is not taken for one that is needed: the second half of every handshake,
    data of connections that were open before, and answers of protocols without either. Refusals come by
    their verdict: most have no ``is_reply``, and only dropped ones pass a filter on it without.
    """
    known = types()
    request = known["GetFlowsRequest"](follow=follow)
    if since:
        request.since.seconds, request.since.nanos = int(since), int(since % 1 * 1e9)
    elif not follow:
        request.number = WHOLE_BUFFER
    if filtered:
        wanted, flags, event = known["FlowFilter"], known["TCPFlags"], known["EventTypeFilter"]
        dialled = event(type=_SOCK, match_sub_type=True, sub_type=_AS_DIALLED)
        request.whitelist.extend(
            [
                wanted(reply=[False]),
                wanted(verdict=[_DROPPED, _ERROR, _AUDIT]),
                wanted(reply=[True], tcp_flags=[flags(SYN=True, ACK=True), flags(PSH=True)]),
                wanted(reply=[True], protocol=["udp", "sctp", "icmp"]),
                wanted(event_type=[dialled], verdict=[_TRACED]),
            ]
        )
        request.blacklist.add(event_type=[event(type=_LAYER7_LOG)])
        request.blacklist.add(event_type=[event(type=_SOCK)], verdict=[_TRANSLATED])
    return request
