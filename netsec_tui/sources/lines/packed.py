"""Unpacking a stream that gzip has packed, as its bytes come in."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from netsec_tui.errors import BadInputError

GZIP_MAGIC = b"\x1f\x8b"

_GZIP = 16 + zlib.MAX_WBITS
_MOST = 1 << 20
"""Bytes unpacked at once: a few packed ones can stand for very many."""


class Unpacker:
    """Pass bytes on as they are, unless the first two say that gzip has packed them (RFC 1952, 2.3.1)."""

    def __init__(self) -> None:
        self._head: bytes | None = b""
        self._member: zlib._Decompress | None = None

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what the next bytes tell, in pieces.

        Raises:
            BadInputError: the packed bytes are damaged.
        """
        if self._head is not None:
            chunk = self._head + chunk
            if len(chunk) < len(GZIP_MAGIC) and GZIP_MAGIC.startswith(chunk):
                self._head = chunk
                return
            self._head = None
            self._member = zlib.decompressobj(_GZIP) if chunk.startswith(GZIP_MAGIC) else None
        if self._member is None:
            yield chunk
            return
        try:
            yield from self._unpacked(self._member, chunk)
        except zlib.error:
            self._member = None
            raise BadInputError("the packed input is damaged from here on") from None

    def finish(self) -> bytes:
        """Return what is left at the end.

        Raises:
            BadInputError: the packed bytes are cut off.
        """
        if self._member and not self._member.eof:
            raise BadInputError("the packed input is cut off here")
        return self._head or b""

    def _unpacked(self, member: zlib._Decompress, chunk: bytes) -> Iterator[bytes]:
        while chunk:
            if member.eof:  # ``cat a.gz b.gz`` is one stream of two members; padding between them is zeros.
                chunk = chunk.lstrip(b"\0")
                if not chunk:
                    return
                self._member = member = zlib.decompressobj(_GZIP)
            yield member.decompress(chunk, _MOST)
            chunk = member.unused_data if member.eof else member.unconsumed_tail
