"""One gRPC call: its messages, cut from the bytes that come (grpc, doc/PROTOCOL-HTTP2.md)."""

from __future__ import annotations

from collections import deque

MOST_BYTES = 16 << 20
"""A message that says it is longer is not believed."""

_PREFIX = 5
"""Bytes before each message: whether it is compressed, and its length."""


class Call:
    """Hold what has come of one call: whole messages, and how it ended."""

    __slots__ = ("_parts", "ended", "headers", "messages", "method", "number", "trouble", "unacknowledged")

    def __init__(self, number: int, method: str) -> None:
        self.number, self.method = number, method
        self.messages: deque[bytes] = deque()
        self.headers: dict[str, str] = {}
        self.ended = False
        self.trouble = ""
        self.unacknowledged = 0
        self._parts = bytearray()

    @property
    def rest(self) -> int:
        """Return how many bytes there are of a message that is not whole."""
        return len(self._parts)

    def take(self, data: bytes) -> None:
        """Take in what a DATA frame holds: parts of messages, each after its length (4 bytes).

        Raises:
            ValueError: a message is compressed, or too long.
        """
        if not self._parts and len(data) >= _PREFIX and _size(data) == len(data) - _PREFIX:
            self.messages.append(data[_PREFIX:])  # as grpc-go sends them
            return
        parts = self._parts
        parts += data
        start = 0
        while len(parts) - start >= _PREFIX:
            end = start + _PREFIX + _size(parts, start)
            if len(parts) < end:
                break
            self.messages.append(bytes(parts[start + _PREFIX : end]))
            start = end
        del parts[:start]


def _size(data: bytes | bytearray, start: int = 0) -> int:
    if data[start]:
        raise ValueError("a message is compressed, which was not asked for")
    size = int.from_bytes(data[start + 1 : start + _PREFIX], "big")
    if size > MOST_BYTES:
        raise ValueError(f"a message is longer than {MOST_BYTES >> 20} MiB")
    return size
