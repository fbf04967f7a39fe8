"""Frames of a websocket, read from whatever bytes have come and written for a client (RFC 6455, 5.2).

The websocket library reads a frame only as a whole and from one blocking call; a forward must never block.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MOST_BYTES = 16 << 20
"""A frame that says it is longer is not believed."""

_FINAL, _MASKED = 0x80, 0x80


class FramingError(Exception):
    """Report bytes that are no frames of a websocket's server."""


class Message(NamedTuple):
    """Hold a whole message or control frame."""

    opcode: int
    data: bytes


class Frames:
    """Cut bytes, as they come, into messages; of a message in parts nothing is told before its end."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._parts = bytearray()
        self._opcode = CONTINUATION

    def feed(self, data: bytes) -> Iterator[Message]:
        """Yield the messages that are whole now.

        Raises:
            FramingError: the bytes are no frames, or are too long.
        """
        self._bytes += data
        while (frame := self._next()) is not None:
            final, opcode, payload = frame
            if opcode >= CLOSE:
                yield Message(opcode, payload)
                continue
            if (opcode == CONTINUATION) != (self._opcode != CONTINUATION):
                raise FramingError("a part of a message is out of place")
            if final and not self._parts:
                yield Message(opcode or self._opcode, payload)
                self._opcode = CONTINUATION
                continue
            self._opcode = self._opcode or opcode
            self._parts += payload
            if len(self._parts) > MOST_BYTES:
                raise FramingError("a message is too long")
            if final:
                yield Message(self._opcode, bytes(self._parts))
                self._parts.clear()
                self._opcode = CONTINUATION

    def _next(self) -> tuple[bool, int, bytes] | None:
        """Return (final, opcode, payload) of the next frame and forget its bytes, None before it is whole."""
        held = self._bytes
        if len(held) < 2:
            return None
        if held[0] & 0x70 or held[1] & _MASKED:
            raise FramingError("the bytes are no frames of a websocket's server")
        size, start = held[1], 2
        if size >= 126:
            start = 4 if size == 126 else 10
            if len(held) < start:
                return None
            size = int.from_bytes(held[2:start], "big")
        if size > MOST_BYTES:
            raise FramingError("a frame is too long")
        if len(held) < start + size:
            return None
        first, payload = held[0], bytes(held[start : start + size])
        del held[: start + size]
        return bool(first & _FINAL), first & 0x0F, payload


def framed(opcode: int, data: bytes) -> bytes:
    """Return one frame as a client sends it, masked."""
    size, key = len(data), os.urandom(4)
    head = bytearray((_FINAL | opcode,))
    if size < 126:
        head.append(_MASKED | size)
    elif size < 1 << 16:
        head += bytes((_MASKED | 126,)) + size.to_bytes(2, "big")
    else:
        head += bytes((_MASKED | 127,)) + size.to_bytes(8, "big")
    stretched = key * (size // 4) + key[: size % 4]
    masked = int.from_bytes(data, "little") ^ int.from_bytes(stretched, "little")
    return bytes(head) + key + masked.to_bytes(size, "little")
