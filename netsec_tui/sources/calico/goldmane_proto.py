"""The messages of Goldmane that are read (projectcalico/calico, goldmane/proto/api.proto, since v3.30)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from netsec_tui.sources.grpc.schema import Many, Table, messages

LIST = "/goldmane.Flows/List"
STREAM = "/goldmane.Flows/Stream"

_TABLE: Table = {
    "FlowListRequest": {
        1: ("start_time_gte", "int64"),
        2: ("start_time_lt", "int64"),
        3: ("page", "int64"),
        4: ("page_size", "int64"),
        5: ("sort_by", Many("SortOption")),
    },
    "SortOption": {1: ("sort_by", "int32")},
    "FlowListResult": {1: ("meta", "ListMetadata"), 2: ("flows", Many("FlowResult"))},
    "ListMetadata": {1: ("totalPages", "int64"), 2: ("totalResults", "int64")},
    "FlowStreamRequest": {1: ("start_time_gte", "int64"), 3: ("aggregation_interval", "int64")},
    "FlowResult": {1: ("id", "int64"), 2: ("flow", "Flow")},
    "Flow": {
        1: ("Key", "FlowKey"),
        2: ("start_time", "int64"),
        3: ("end_time", "int64"),
        4: ("source_labels", Many("string")),
        5: ("dest_labels", Many("string")),
        10: ("num_connections_started", "int64"),
    },
    "FlowKey": {
        1: ("source_name", "string"),
        2: ("source_namespace", "string"),
        3: ("source_type", "int32"),
        4: ("dest_name", "string"),
        5: ("dest_namespace", "string"),
        6: ("dest_type", "int32"),
        7: ("dest_port", "int64"),
        8: ("dest_service_name", "string"),
        9: ("dest_service_namespace", "string"),
        11: ("dest_service_port", "int64"),
        12: ("proto", "string"),
        13: ("reporter", "int32"),
        14: ("action", "int32"),
        15: ("policies", "bytes"),
    },
}
DEST_NAME = 1
"""SortBy: an order in which pages do not move while flows come in."""


@cache
def goldmane() -> Mapping[str, Any]:
    """Return the class of each message by its name."""
    return messages("goldmane", _TABLE)
