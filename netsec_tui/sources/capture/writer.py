"""Writing a capture: JSON lines that only ever grow, readable by their owner alone."""

from __future__ import annotations

import gzip
import json
import os
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from netsec_tui.errors import CannotWriteError
from netsec_tui.model.flow import Endpoint, Flow, Gap
from netsec_tui.sources.capture.lines import (
    HEADER_KEY,
    HEADER_VALUE,
    VERSION,
    encode_endpoint,
    encode_flow,
    encode_gap,
)
from netsec_tui.sources.capture.observed import ObservedWriter
from netsec_tui.sources.contract import FlowsRead, KubeObject, Message, ObjectsRead, observed_by
from netsec_tui.sources.objects.strip import ObjectKey, is_gone, object_key, strip

_MOST_ENDPOINTS = 100_000
"""Endpoints remembered; a scan of the whole internet must not fill the memory."""


class CaptureWriter:
    """Write what sources deliver to a capture; to be used in a ``with`` statement.

    A message is written as whole lines and handed to the operating system at once, so that a crash costs
    at most the last message. A path that ends in ``.gz`` is compressed. Only stripped objects are written,
    and of a source that tells them again only what has changed.
    """

    def __init__(self, path: str | Path, *, overwrite: bool = False) -> None:
        self.path = Path(path)
        self._overwrite = overwrite
        self._endpoints: dict[Endpoint, int] = {}
        self._numbered = 0
        self._objects: dict[str, dict[ObjectKey, KubeObject]] = {}
        self._deleted: dict[str, set[tuple[ObjectKey, float]]] = {}
        self._problems: dict[str, tuple[tuple[str, ...], ...]] = {}
        self._files: list[IO[bytes]] = []
        self._observed = ObservedWriter()

    def __enter__(self) -> CaptureWriter:
        """Create the file and write its header.

        Raises:
            CannotWriteError: the file exists and may not be overwritten, or cannot be made.
        """
        # A link in the place of an old capture is not followed to somebody else's file.
        mode = os.O_TRUNC | os.O_NOFOLLOW if self._overwrite else os.O_EXCL
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | mode, 0o600)
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.fchmod(descriptor, 0o600)
        except FileExistsError as error:
            raise CannotWriteError(f"{self.path} exists already; give another name or remove it") from error
        except OSError as error:
            raise CannotWriteError(f"{self.path} cannot be written: {error.strerror}") from error
        raw = os.fdopen(descriptor, "wb")
        self._files = [raw]
        if self.path.name.endswith(".gz"):
            packed = gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0)
            self._files = [packed, raw]  # type: ignore[list-item]
        try:
            self._append([{HEADER_KEY: HEADER_VALUE, "version": VERSION}])
        except CannotWriteError:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(CannotWriteError):  # That the file cannot be written was told by what failed before.
            self._append(self._observed.last_lines(time.time()))
        self._close()

    def _close(self) -> None:
        for file in self._files:
            with suppress(OSError):  # What a full disk lost has been told by the write that failed.
                file.close()

    def write(self, message: Message) -> None:
        """Write flows, gaps, objects, and of how a source is doing how it has watched.

        Raises:
            CannotWriteError: the file cannot be written any more, for instance because the disk is full.
        """
        if isinstance(message, FlowsRead):
            self._append(line for flow in message.flows for line in self._flow_lines(flow))
        elif isinstance(message, ObjectsRead):
            self._append(self._object_lines(message))
        else:
            self._append(self._observed.lines(message.source, observed_by([message]), time.time()))

    def _append(self, lines: Iterable[dict[str, Any]]) -> None:
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        try:
            self._files[0].write(text.encode("ascii"))
            for file in self._files:
                file.flush()
        except OSError as error:
            raise CannotWriteError(f"{self.path} cannot be written any more: {error.strerror}") from error

    def _flow_lines(self, flow: Flow | Gap) -> Iterator[dict[str, Any]]:
        if isinstance(flow, Gap):
            yield {"gap": encode_gap(flow)}
            return
        ends = []
        for endpoint in (flow.source, flow.destination):
            number = self._endpoints.get(endpoint)
            if number is None:
                number = self._number(endpoint)
                yield {"endpoint": encode_endpoint(number, endpoint)}
            ends.append(number)
        yield {"flow": encode_flow(flow, *ends)}

    def _number(self, endpoint: Endpoint) -> int:
        if len(self._endpoints) >= _MOST_ENDPOINTS:
            self._endpoints.clear()
        number = self._endpoints[endpoint] = self._numbered
        self._numbered += 1
        return number

    def _object_lines(self, message: ObjectsRead) -> Iterator[dict[str, Any]]:
        stripped = [kept for obj in message.objects if (kept := strip(obj)) is not None]
        now = {object_key(obj): obj for obj in stripped if not is_gone(obj)}
        deleted = {(object_key(obj), obj["deleted"]): obj for obj in stripped if is_gone(obj)}
        written = self._deleted.setdefault(message.source, set())
        before = self._objects.get(message.source)
        known = before or {}
        fields: dict[str, Any] = {
            "source": message.source,
            "items": [obj for key, obj in now.items() if known.get(key) != obj],
            "gone": [list(key) for key in known if key not in now],
            "deleted": [obj for key, obj in deleted.items() if key not in written],
            "problems": message.problems,
            "rangeProblems": message.range_problems,
        }
        told = self._problems.get(message.source)
        problems = (message.problems, message.range_problems)
        self._objects[message.source], self._problems[message.source] = now, problems
        written.update(deleted)
        changed = any(fields[key] for key in ("items", "gone", "deleted"))
        if before is None or changed or told != problems:
            yield {"objects": {key: value for key, value in fields.items() if value or key == "source"}}
