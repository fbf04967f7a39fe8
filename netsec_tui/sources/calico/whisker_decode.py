"""Decode what Whisker's backend tells: flows of Goldmane as JSON, in a list or one an event.

Read from projectcalico/calico, whisker-backend/pkg/apis/v1/flows.go and pkg/upstream/goldmane/convert.go.
It leaves out how many connections there were, and in released versions the ends' types and the Service.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from netsec_tui.sources.calico.decoder import CalicoDecoder
from netsec_tui.sources.calico.record import TYPES, Raw, RawEnd, Record, RecordReader, fingerprint
from netsec_tui.sources.fields import text
from netsec_tui.sources.objects.strip import printable
from netsec_tui.sources.problem import Problem

ORIGIN = "whisker"

_JOINED_BY = " | "
_NOT_A_FLOW = Problem("not a flow of Whisker: none of its fields is there")


def looks(head: bytes) -> bool:
    """Tell whether JSON that begins so is Whisker's; Calico Enterprise's logs have other fields besides."""
    fields = (b'"source_name"', b'"dest_name"', b'"reporter"')
    others = (b'"Key"', b'"source_name_aggr"')
    return all(name in head for name in fields) and not any(name in head for name in others)


def whisker_decoder() -> CalicoDecoder:
    """Return a decoder of JSON values: flows, or lists of them as the backend answers without ``watch``."""
    return CalicoDecoder(ORIGIN, record_of, items_of)


def items_of(value: object) -> list[object] | None:
    """Return the flows in a list, None of what is no list; Go writes an empty one as ``null``."""
    if not isinstance(value, dict) or "items" not in value:
        return None
    items = value["items"]
    return items if isinstance(items, list) else []


def record_of(reader: RecordReader, value: object) -> Record | Problem:
    """Return the record in a flow, or why there is none."""
    if not isinstance(value, dict):
        return Problem("not a flow of Whisker: a JSON object is expected")
    if "source_name" not in value or "dest_name" not in value:
        error = value.get("error")
        return Problem(f"Whisker says: {printable(error)}") if isinstance(error, str) else _NOT_A_FLOW
    service = value.get("service")
    told = service if isinstance(service, dict) else {}
    return reader.read(
        Raw(
            _end(value, "source"),
            _end(value, "dest"),
            value.get("protocol"),
            value.get("dest_port", 0),
            (told.get("namespace"), told.get("name"), told.get("port")),
            value.get("reporter"),
            value.get("action"),
            1,
            _seconds(value.get("start_time")) or 0,
            _seconds(value.get("end_time")),
            fingerprint(value.get("policies")),
        )
    )


def _end(value: Mapping[str, Any], side: str) -> RawEnd:
    labels = tuple(text(value.get(f"{side}_labels")).split(_JOINED_BY))
    kind = value.get(f"{side}_type")
    number = TYPES.get(kind, 0) if isinstance(kind, str) else 0
    return RawEnd(value.get(f"{side}_name"), value.get(f"{side}_namespace"), number, labels)


def _seconds(value: object) -> int | None:
    """Return epoch seconds of an RFC 3339 time, None for what is none."""
    try:
        moment = datetime.fromisoformat(text(value))
        return int(moment.timestamp()) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
