"""Decode what Goldmane tells: messages of its gRPC services, or the same as JSON (protojson).

Read from projectcalico/calico, goldmane/proto/api.proto. JSON may have either spelling of a field's name,
as protojson writes them by its options (``sourceName``, ``source_name``); numbers of 64 bits are text there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netsec_tui.sources.calico.decoder import CalicoDecoder
from netsec_tui.sources.calico.record import TYPES, Raw, RawEnd, Record, RecordReader, fingerprint
from netsec_tui.sources.fields import count
from netsec_tui.sources.problem import Problem

ORIGIN = "goldmane"

_NOT_A_FLOW = Problem("not a flow of Goldmane: none of its fields is there")


def looks(head: bytes) -> bool:
    """Tell whether JSON that begins so is Goldmane's."""
    return b'"Key"' in head and (b'"sourceName"' in head or b'"source_name"' in head)


def goldmane_decoder() -> CalicoDecoder:
    """Return a decoder of JSON values: FlowResults, Flows or FlowListResults."""
    return CalicoDecoder(ORIGIN, record_of_json, _items_of)


def _items_of(value: object) -> list[object] | None:
    flows = value.get("flows") if isinstance(value, dict) else None
    return flows if type(flows) is list else None


def record_of_json(reader: RecordReader, value: object) -> Record | Problem:
    """Return the record in a FlowResult or a Flow as protojson writes them, or why there is none."""
    flow = _either(value, "flow") if isinstance(value, dict) else None
    found = flow if isinstance(flow, dict) else value
    key = found.get("Key", found.get("key")) if isinstance(found, dict) else None
    if not isinstance(key, dict) or not isinstance(found, dict):
        return _NOT_A_FLOW
    return reader.read(
        Raw(
            _end_of_json(key, "source", _either(found, "source_labels")),
            _end_of_json(key, "dest", _either(found, "dest_labels")),
            _either(key, "proto"),
            _either(key, "dest_port") or 0,
            (
                _either(key, "dest_service_namespace"),
                _either(key, "dest_service_name"),
                _either(key, "dest_service_port"),
            ),
            _either(key, "reporter"),
            _either(key, "action"),
            count(_either(found, "num_connections_started")),
            _either(found, "start_time") or 0,
            _either(found, "end_time"),
            fingerprint(_either(key, "policies")),
        )
    )


def record_of_message(reader: RecordReader, flow: Any) -> Record | Problem:
    """Return the record in a message ``Flow`` of goldmane_proto.py, or why there is none."""
    key = flow.Key
    return reader.read(
        Raw(
            RawEnd(key.source_name, key.source_namespace, key.source_type, tuple(flow.source_labels)),
            RawEnd(key.dest_name, key.dest_namespace, key.dest_type, tuple(flow.dest_labels)),
            key.proto,
            key.dest_port,
            (key.dest_service_namespace, key.dest_service_name, key.dest_service_port),
            key.reporter,
            key.action,
            max(0, flow.num_connections_started),
            flow.start_time,
            flow.end_time,
            key.policies,
        )
    )


def _end_of_json(key: Mapping[str, object], side: str, labels: object) -> RawEnd:
    kind = _either(key, f"{side}_type")
    number = TYPES.get(kind, 0) if isinstance(kind, str) else kind
    listed = tuple(label for label in labels if type(label) is str) if isinstance(labels, list) else ()
    name, namespace = _either(key, f"{side}_name"), _either(key, f"{side}_namespace")
    return RawEnd(name, namespace, number if type(number) is int else 0, listed)


def _either(fields: Mapping[str, object], name: str) -> object:
    """Return a field by the name of the proto file, or as protojson spells it."""
    found = fields.get(name)
    if found is not None:
        return found
    first, *more = name.split("_")
    return fields.get(first + "".join(map(str.capitalize, more)))
