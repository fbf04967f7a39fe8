"""Records of NetObserv as flat fields, out of answers of Loki, arrays and single objects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from netsec_tui.sources.fields import count
from netsec_tui.sources.problem import Problem


class Record(NamedTuple):
    """Hold the fields of a record; ``at`` is Loki's time of it in nanoseconds, 0 when it is not from Loki."""

    fields: Mapping[str, Any]
    at: int = 0


def records(value: object) -> Iterator[Record | Problem]:
    """Yield the records in a decoded JSON value: an answer of Loki, an array or one record.

    In an answer of Loki (query_range, result type "streams") some fields are labels of the stream, with
    strings for numbers, and the others stand in each line (flowlogs-pipeline, write loki).
    """
    if type(value) is list:
        for item in value:
            yield Record(item) if type(item) is dict else Problem("not a flow of NetObserv: no JSON object")
    elif type(value) is not dict:
        yield Problem("not a flow of NetObserv: a JSON object is expected")
    elif type(value.get("data")) is dict:
        yield from _streams(value["data"])
    elif value.get("status") == "error":
        yield Problem("an answer of Loki that reports an error")
    else:
        yield Record(value)


def _streams(data: Mapping[str, Any]) -> Iterator[Record | Problem]:
    streams = data.get("result")
    if data.get("resultType") != "streams" or type(streams) is not list:
        yield Problem('an answer of Loki without flows: its resultType is not "streams"')
        return
    for stream in streams:
        if type(stream) is not dict or type(stream.get("values")) is not list:
            yield Problem("a stream of Loki without values")
            continue
        labels = stream.get("stream")
        for entry in stream["values"]:
            yield _entry(entry, labels if type(labels) is dict else {})


def _entry(entry: object, labels: Mapping[str, Any]) -> Record | Problem:
    if type(entry) is not list or len(entry) < 2 or type(entry[1]) is not str:
        return Problem("an entry of Loki that is no time and line")
    try:
        line = json.loads(entry[1])
    except (ValueError, RecursionError):
        return Problem("a line in Loki is not JSON")
    if type(line) is not dict:
        return Problem("a line in Loki is no JSON object")
    return Record({**labels, **line}, count(entry[0]))
