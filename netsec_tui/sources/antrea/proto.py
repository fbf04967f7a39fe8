"""The messages of Antrea's FlowStreamService that are read (antrea, pkg/apis/flow/v1alpha1, main of 2026)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from netsec_tui.sources.grpc.schema import COMMON, Many, Table, messages

PACKAGE = "antrea_io.antrea.pkg.apis.flow.v1alpha1"
GET_FLOWS = f"/{PACKAGE}.FlowStreamService/GetFlows"

_TABLE: Table = {
    "Timestamp": COMMON["Timestamp"],
    "IP": {2: ("source", "bytes"), 3: ("destination", "bytes")},
    "TCP": {1: ("state_name", "string")},
    "Transport": {
        1: ("protocol_number", "uint32"),
        2: ("source_port", "uint32"),
        3: ("destination_port", "uint32"),
        4: ("TCP", "TCP"),
    },
    "Stats": {1: ("packet_total_count", "uint64"), 2: ("packet_delta_count", "uint64")},
    "Label": {1: ("key", "string"), 2: ("value", "string")},
    "Labels": {1: ("labels", Many("Label"))},
    "Kubernetes": {
        2: ("source_pod_namespace", "string"),
        3: ("source_pod_name", "string"),
        5: ("source_pod_labels", "Labels"),
        6: ("source_node_name", "string"),
        8: ("destination_pod_namespace", "string"),
        9: ("destination_pod_name", "string"),
        11: ("destination_pod_labels", "Labels"),
        12: ("destination_node_name", "string"),
        14: ("destination_cluster_ip", "bytes"),
        15: ("destination_service_port", "uint32"),
        16: ("destination_service_port_name", "string"),
        23: ("ingress_network_policy_rule_action", "int32"),
        29: ("egress_network_policy_rule_action", "int32"),
        35: ("destination_service_ip", "bytes"),
    },
    "Flow": {
        3: ("start_ts", "Timestamp"),
        4: ("end_ts", "Timestamp"),
        6: ("ip", "IP"),
        7: ("transport", "Transport"),
        8: ("k8s", "Kubernetes"),
        10: ("reverse_stats", "Stats"),
        14: ("proxy_snat_ip", "bytes"),
        15: ("proxy_snat_port", "uint32"),
    },
    "ResumeToken": {1: ("stream_epoch", "string"), 2: ("sequence_number", "int64")},
    "GetFlowsRequest": {
        2: ("since", "Timestamp"),
        4: ("follow", "bool"),
        5: ("cluster_wide", "bool"),
        7: ("resume", "ResumeToken"),
    },
    "GetFlowsResponse": {
        1: ("flows", Many("Flow")),
        2: ("dropped_count", "uint64"),
        3: ("resume_token", "ResumeToken"),
        4: ("resume_reset", "bool"),
    },
}


@cache
def classes() -> Mapping[str, Any]:
    """Return the class of each message; they are made once, when they are first needed."""
    return messages(PACKAGE, _TABLE)
