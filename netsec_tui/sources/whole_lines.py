"""Whole lines of a stream that comes in pieces."""

from __future__ import annotations


class WholeLines:
    """Put lines together; what a line comes in is joined once, however many pieces they are.

    ``begun`` is how many bytes there are of a line that has no end yet.
    """

    def __init__(self) -> None:
        self.begun = 0
        self._pieces: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that end in the next bytes, without their newlines."""
        first, newline, more = chunk.partition(b"\n")
        self._begin(first)
        if not newline:
            return []
        *lines, rest = more.split(b"\n")
        lines.insert(0, self.rest())
        self._begin(rest)
        return lines

    def rest(self) -> bytes:
        """Return what stands after the last newline, and forget it."""
        rest = b"".join(self._pieces)
        self.begun, self._pieces = 0, []
        return rest

    def _begin(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
            self.begun += len(piece)
