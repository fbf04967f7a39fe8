"""Reading a capture, the product's own file of flows and cluster state (docs/capture-format.md)."""

from __future__ import annotations

import gzip
import threading
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

from netsec_tui.errors import BadInputError, NotFoundError
from netsec_tui.sources.capture.header import check_header
from netsec_tui.sources.capture.reading import CaptureReading
from netsec_tui.sources.contract import Emit, SourceStatus
from netsec_tui.sources.counted import counted

_LONGEST_HEADER = 4096


class CaptureSource:
    """Read a capture once, from its beginning to its end."""

    live = False

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.name = f"capture {self.path}"

    def read(self, emit: Emit) -> None:
        """Emit all flows, gaps and objects.

        A line that cannot be read is counted and left out; a Gap at the end names the first one.

        Raises:
            NotFoundError: there is no such file.
            BadInputError: it is no capture, or one of a newer version.
        """
        self.follow(emit, threading.Event())

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        """Do what ``read`` does, since a capture does not grow; end early when ``stop`` is set.

        Raises:
            NetsecError: as ``read`` does.
        """
        with _open(self.path) as file:
            check_header(self.path, _first_line(self.path, file))
            reading = CaptureReading(self.path, emit)
            for number, line in _numbered(file, reading):
                reading.take(number, line)
                if stop.is_set():
                    return
        reading.finish()
        made_up = reading.synthetic
        detail = f"{counted(reading.flows, 'flow')}{f', {made_up} of them synthetic' if made_up else ''}"
        status = SourceStatus(self.name, self.live, detail, reading.skipped, ended=True, synthetic=made_up)
        emit(replace(status, recorded=reading.observed.all))


def _open(path: Path) -> IO[bytes]:
    try:
        return gzip.open(path) if path.name.endswith(".gz") else path.open("rb")  # type: ignore[return-value]
    except FileNotFoundError as error:
        raise NotFoundError(f"{path} does not exist; netsec-tui record -o {path} writes one") from error
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}") from error


def _first_line(path: Path, file: IO[bytes]) -> bytes:
    try:
        return file.readline(_LONGEST_HEADER)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadInputError(f"{path} ends in .gz but is not compressed with gzip, or cut off") from error
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}") from error


def _numbered(file: IO[bytes], reading: CaptureReading) -> Iterator[tuple[int, bytes]]:
    """Yield the lines after the header with their numbers, as far as they can be had."""
    number = 1
    try:
        for number, line in enumerate(file, 2):
            yield number, line
    except (OSError, EOFError, zlib.error) as error:
        reading.skip(number + 1, f"the file is cut off or damaged from here on ({type(error).__name__})")
