"""JSON values out of lines: one a line as a rule, but also spread over lines by ``jq`` or an editor."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

LONGEST = 256 << 20
"""Bytes of one value at most: an array of all flows of a file may stand on one line."""

_OPENERS = {b"{": b"}", b"[": b"]"}
_BETWEEN = re.compile(r"[\s,]*")


class Unreadable(Exception):  # noqa: N818 - it says what a line is, not that the program erred
    """Say why a line holds no value; ``line`` is its number, ``values`` what was found all the same."""

    def __init__(self, line: int, reason: str, values: Iterable[Any] = ()) -> None:
        super().__init__(reason)
        self.line = line
        self.values = values


class Documents:
    """Find the JSON values in lines handed over one by one.

    A line that is nothing but an opening bracket begins a value over several lines, which ends at the
    same closing bracket unindented, as every pretty printer writes it.
    """

    def __init__(self) -> None:
        self.line = 0
        self._begun: list[bytes] = []
        self._begun_at = 0
        self._length = 0
        self._closer = b""

    @property
    def open(self) -> bool:
        """Tell whether a value over several lines has begun and not ended."""
        return bool(self._closer)

    def text(self, line: bytes) -> list[str]:
        """Return a line of a format that is no JSON as text, none for an empty one."""
        self.line += 1
        told = line.decode("utf-8", "replace").strip()
        return [told] if told else []

    def take(self, line: bytes, *, last: bool = False) -> list[Any]:
        """Return the values that a line completes: one as a rule, which may be an array, or none.

        ``line`` has no newline; ``last`` means that the line has no proper end, so that it may be cut off.

        Raises:
            Unreadable: the line is no JSON.
        """
        self.line += 1
        if self.line == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        stripped = line.rstrip()
        if self._closer == b"}" and line.startswith(b"{"):
            return self._start_over(stripped, last)
        if self._closer:
            return self._go_on(stripped)
        return self._begin(stripped, last)

    def _begin(self, stripped: bytes, last: bool) -> list[Any]:
        if not stripped:
            return []
        if stripped in _OPENERS and not last:
            self._begun, self._begun_at, self._closer = [stripped], self.line, _OPENERS[stripped]
            self._length = 0
            return []
        return _parse(stripped, self.line, last)

    def finish(self) -> None:
        """Return when no value is left without its end.

        Raises:
            Unreadable: one is; with the elements of an array up to there.
        """
        if self._closer:
            raise self._given_up("has no end: it is cut off")

    def _given_up(self, why: str) -> Unreadable:
        text, closer = b"\n".join(self._begun).decode("utf-8", "replace"), self._closer
        self._begun, self._closer = [], b""
        values = _whole_elements(text) if closer == b"]" else ()
        return Unreadable(self._begun_at, f"the JSON that begins here {why}", values)

    def _start_over(self, stripped: bytes, last: bool) -> list[Any]:
        """Give up the object that was begun, since another one begins: it must not swallow the rest."""
        begun_at, self._closer = self._begun_at, b""
        values = self._begin(stripped, last)
        raise Unreadable(begun_at, "not JSON", values)

    def _go_on(self, line: bytes) -> list[Any]:
        self._begun.append(line)
        self._length += len(line)
        if self._length > LONGEST:
            raise self._given_up(f"is longer than {LONGEST >> 20} MiB")
        if line.rstrip(b",") != self._closer:
            return []
        text, self._begun, self._closer = b"\n".join(self._begun), [], b""
        return _parse(text.rstrip(b","), self._begun_at, last=False)


def _parse(text: bytes, number: int, last: bool) -> list[Any]:
    try:
        value = json.loads(str(text, "utf-8"))
    except UnicodeDecodeError:
        raise Unreadable(number, "not UTF-8 text") from None
    except (ValueError, RecursionError):
        reason = "not JSON: the input is cut off here" if last else "not JSON"
        raise Unreadable(number, reason) from None
    return [value]


def _whole_elements(text: str) -> Iterable[Any]:
    """Yield the elements of an array that has no end, up to the one that is cut off."""
    decoder, at = json.JSONDecoder(), 1
    while True:
        separator = _BETWEEN.match(text, at)
        try:
            value, at = decoder.raw_decode(text, separator.end() if separator else at)
        except (ValueError, RecursionError):
            return
        yield value
