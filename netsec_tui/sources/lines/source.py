"""Flows from a file, a named pipe or standard input that grows, in any known format (docs/sources.md)."""

from __future__ import annotations

import gzip
import io
import os
import select
import stat
import threading
import time
import zlib
from pathlib import Path
from typing import IO

from netsec_tui.errors import BadInputError, NotFoundError
from netsec_tui.sources.contract import Emit
from netsec_tui.sources.lines.packed import GZIP_MAGIC, Unpacker
from netsec_tui.sources.lines.reading import LineReading

_CHUNK = 1 << 20
_PIPE_CHUNK = 1 << 16
FLUSH_SECONDS = 0.1
"""Flows of a stream are handed on after this long at most; also how soon ``stop`` is heard."""


class FlowFileSource:
    """Read a file of flows once, from its beginning to its end; one that gzip has packed is unpacked.

    A path that is a pipe, for instance ``<(hubble observe -f -o json)``, is followed like standard input.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.name = f"flows {self.path}"
        self.live = _is_pipe(self.path)

    def read(self, emit: Emit) -> None:
        """Emit all flows; a line that cannot be read is counted and left out.

        Raises:
            NotFoundError: there is no such file, or it may not be read.
            BadInputError: it is a folder, or holds no flow.
        """
        self.follow(emit, threading.Event())

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        """Do what ``read`` does, since only pipes are followed; end early when ``stop`` is set.

        Raises:
            NetsecError: as ``read`` does.
        """
        if self.live:
            with _open(self.path) as pipe:
                _follow(pipe.fileno(), LineReading(str(self.path), self.name, live=True), emit, stop)
            return
        with _open(self.path) as raw, _unpacked(raw) as file:
            written = os.fstat(raw.fileno()).st_mtime
            reading = LineReading(str(self.path), self.name, live=False, at=written)
            for chunk in iter(lambda: _next_chunk(file, reading), b""):
                reading.feed(chunk)
                reading.flush(emit)
                if stop.is_set():
                    return
        reading.finish()
        reading.require_flows()
        reading.flush(emit, ended=True)


class FlowStreamSource:
    """Follow flows that somebody pipes in; never waits for bytes longer than ``FLUSH_SECONDS``.

    A file that was redirected has a time like one that is named, and ends where it ends.
    """

    def __init__(self, stream: IO[bytes], name: str = "standard input") -> None:
        self.name = f"flows {name}"
        self._stream = stream
        self._named = name
        self._written = _written(stream)
        self.live = self._written is None

    def read(self, emit: Emit) -> None:
        """Emit all flows until the stream ends.

        Raises:
            BadInputError: the stream is a keyboard, is closed, or held no flow when it ended.
        """
        self.follow(emit, threading.Event())

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        """Emit flows as they come until the stream ends or ``stop`` is set.

        Raises:
            BadInputError: as ``read`` does.
        """
        try:
            descriptor = self._stream.fileno()
            keyboard = os.isatty(descriptor)
        except (OSError, ValueError):
            raise BadInputError(f"{self._named} is closed: pipe flows into it") from None
        if keyboard:
            raise BadInputError(
                f"{self._named} is a terminal; pipe flows into it: "
                "hubble observe -f -o json | netsec-tui --flows -"
            )
        reading = LineReading(self._named, self.name, live=self.live, at=self._written)
        _follow(descriptor, reading, emit, stop)


def _written(stream: IO[bytes]) -> float | None:
    """Return when a redirected file was last changed (epoch seconds), None for what is no file."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return None
    return found.st_mtime if stat.S_ISREG(found.st_mode) else None


def _follow(descriptor: int, reading: LineReading, emit: Emit, stop: threading.Event) -> None:
    """Read a descriptor until it ends or ``stop`` is set, handing on what has come in now and then."""
    reading.flush(emit)
    handed_on = time.monotonic()
    unpacker = Unpacker()
    while not stop.is_set():
        chunk = _available(descriptor)
        if chunk == b"":
            break
        if chunk and not _taken(reading, unpacker, chunk):
            break
        if reading.pending and time.monotonic() - handed_on >= FLUSH_SECONDS:
            reading.flush(emit)
            handed_on = time.monotonic()
    else:
        reading.flush(emit)
        return
    _finish(reading, unpacker)
    reading.require_flows()
    reading.flush(emit, ended=True)


def _taken(reading: LineReading, unpacker: Unpacker, chunk: bytes) -> bool:
    """Take in the next bytes; return whether more can be read after them."""
    try:
        for piece in unpacker.feed(chunk):
            reading.feed(piece)
    except BadInputError as error:
        reading.cut_off(str(error))
        return False
    return True


def _finish(reading: LineReading, unpacker: Unpacker) -> None:
    try:
        reading.feed(unpacker.finish())
    except BadInputError as error:
        reading.cut_off(str(error))
    reading.finish()


def _available(descriptor: int) -> bytes | None:
    """Return the bytes that are there within a moment, None when there are none, b"" at the end."""
    ready, _, _ = select.select([descriptor], [], [], FLUSH_SECONDS)
    if not ready:
        return None
    try:
        return os.read(descriptor, _PIPE_CHUNK)
    except BlockingIOError:  # another process that shares the pipe was faster
        return None


def _is_pipe(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _open(path: Path) -> io.FileIO:
    try:
        return io.FileIO(path)
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist; hubble observe -o json > {path} writes one") from None
    except IsADirectoryError:
        raise BadInputError(f"{path} is a folder; --flows takes a file") from None
    except PermissionError:
        raise NotFoundError(f"{path} may not be read by you: check its permissions") from None
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path!s} cannot be read: {error}") from None


def _unpacked(file: io.FileIO) -> io.BufferedReader[io.FileIO] | gzip.GzipFile:
    packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    file.seek(0)
    plain = io.BufferedReader(file)
    return gzip.GzipFile(fileobj=plain) if packed else plain


def _next_chunk(file: io.BufferedReader[io.FileIO] | gzip.GzipFile, reading: LineReading) -> bytes:
    """Return the next bytes, none at the end or where the file is damaged, which is counted."""
    try:
        return file.read1(_CHUNK)  # read() would lose what stands before the damage
    except (EOFError, zlib.error, gzip.BadGzipFile):
        reading.cut_off("the packed file is cut off or damaged from here on")
    except OSError as error:
        reading.cut_off(f"the file cannot be read any further ({error.strerror})")
    return b""
