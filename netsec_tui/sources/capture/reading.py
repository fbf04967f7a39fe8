"""Turning the lines of a capture into messages, whatever some of the lines hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netsec_tui.errors import BadInputError
from netsec_tui.model.flow import Endpoint, Flow, Gap
from netsec_tui.sources.capture.lines import decode_endpoint, decode_flow, decode_gap
from netsec_tui.sources.capture.observed import ObservedReading
from netsec_tui.sources.contract import Emit, FlowsRead, KubeObject, ObjectsRead
from netsec_tui.sources.objects.strip import ObjectKey, is_gone, object_key, printable, strip

_BATCH = 1000
"""Flows in one message: few enough that the screen stays quick."""


class CaptureReading:
    """Hold what the lines read so far have told.

    The objects of a source are emitted when they are first told, later changes once at the end: flows
    are resolved against the last state anyway.
    """

    def __init__(self, path: Path, emit: Emit) -> None:
        self.flows = 0
        self.synthetic = 0
        self.skipped = 0
        self.observed = ObservedReading()
        self._path = path
        self._emit = emit
        self._batch: list[Flow | Gap] = []
        self._endpoints: dict[int, Endpoint] = {}
        self._objects: dict[str, dict[ObjectKey, KubeObject]] = {}
        self._deleted: dict[str, list[KubeObject]] = {}
        self._problems: dict[str, tuple[tuple[str, ...], ...]] = {}
        self._changed: set[str] = set()
        self._first_trouble = ""

    def take(self, number: int, line: bytes) -> None:
        """Read one line; one that cannot be read is skipped."""
        if not line.strip():
            return
        try:
            self._decode(json.loads(line))
        except (ValueError, RecursionError):
            whole = line.endswith(b"\n")
            self.skip(number, "is no JSON" if whole else "is cut off: the capture has no proper end")
        except BadInputError as error:
            self.skip(number, str(error))

    def skip(self, number: int, reason: str) -> None:
        """Count a line that cannot be read."""
        self.skipped += 1
        self._first_trouble = self._first_trouble or f"{self._path}:{number} {printable(reason)}"

    def finish(self) -> None:
        """Emit what has not been emitted, and a Gap for what was skipped."""
        if self.skipped:
            more = f", and {self.skipped - 1} more lines cannot be read" if self.skipped > 1 else ""
            self._batch.append(Gap(0.0, self.skipped, f"{self._first_trouble}{more}"))
        self._flush()
        for source in sorted(self._changed):
            self._tell(source)

    def _decode(self, entry: Any) -> None:
        kind, fields = (
            next(iter(entry.items())) if isinstance(entry, Mapping) and len(entry) == 1 else ("", None)
        )
        if not isinstance(fields, Mapping):
            raise BadInputError("is no line of a capture")
        match kind:
            case "flow":
                flow = decode_flow(fields, self._endpoints)
                self.flows += 1
                self.synthetic += flow.synthetic
                self._add(flow)
            case "endpoint":
                number, endpoint = decode_endpoint(fields)
                self._endpoints[number] = endpoint
            case "observed":
                self.observed.take(fields)
            case "gap":
                self._add(decode_gap(fields))
            case "objects":
                self._take_objects(fields)
            case _:
                raise BadInputError(f"holds {kind}, which this version does not know")

    def _add(self, flow: Flow | Gap) -> None:
        self._batch.append(flow)
        if len(self._batch) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._batch:
            self._emit(FlowsRead(tuple(self._batch), str(self._path)))
            self._batch = []

    def _take_objects(self, fields: Mapping[str, Any]) -> None:
        source = fields.get("source")
        items, gone, deleted, *problems = (
            fields.get(key, []) for key in ("items", "gone", "deleted", "problems", "rangeProblems")
        )
        if not isinstance(source, str) or not all(
            isinstance(part, list) for part in (items, gone, deleted, *problems)
        ):
            raise BadInputError("names no source, or its items, gone, deleted or problems are no lists")
        first = source not in self._objects
        objects = self._objects.setdefault(source, {})
        for key in gone:
            if isinstance(key, list) and len(key) == 3:
                objects.pop((str(key[0]), str(key[1]), str(key[2])), None)
        objects |= {object_key(obj): obj for obj in _stripped(items) if not is_gone(obj)}
        self._deleted.setdefault(source, []).extend(obj for obj in _stripped(deleted) if is_gone(obj))
        self._problems[source] = tuple(
            tuple(printable(str(problem), 400) for problem in part) for part in problems
        )
        if first:
            self._tell(source)
        else:
            self._changed.add(source)

    def _tell(self, source: str) -> None:
        self._flush()
        objects = (*self._objects[source].values(), *self._deleted[source])
        self._emit(ObjectsRead(source, objects, *self._problems[source]))


def _stripped(items: list[Any]) -> list[KubeObject]:
    found = [strip(item) for item in items if isinstance(item, Mapping)]
    return [obj for obj in found if obj is not None]
