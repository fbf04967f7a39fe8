"""Width of text in terminal cells, and text made to fit; every text has been through ``literal`` before."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from netsec_tui.render.spans import Line, Span

# Where Unicode 16 and terminals differ from the tables of older Pythons (EastAsianWidth.txt, emoji-data.txt).
_WIDE = ((0x2630, 0x2637), (0x268A, 0x268F), (0x4DC0, 0x4DFF), (0x1D300, 0x1D376))
_ZERO = ((0x1160, 0x11FF), (0xD7B0, 0xD7FF))


def cell_width(text: str) -> int:
    """Return how many terminal cells the text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_character_width, text))


@lru_cache(maxsize=4096)
def _character_width(character: str) -> int:
    if unicodedata.category(character).startswith("M"):
        return 0
    code = ord(character)
    if any(first <= code <= last for first, last in _ZERO):
        return 0
    if any(first <= code <= last for first, last in _WIDE):
        return 2
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fit(text: str, width: int, ellipsis: str = "…") -> str:
    """Return the text, its middle left out when it is wider than ``width`` cells.

    The middle goes because names differ at both ends: ``checkout…-7d9f``.
    """
    if cell_width(text) <= width:
        return text
    if width <= cell_width(ellipsis):
        return _head(text, width) if width < 1 else ellipsis[:width]
    room = width - cell_width(ellipsis)
    tail = _tail(text, room // 2)
    return _head(text, room - cell_width(tail)) + ellipsis + tail


def crop(text: str, width: int, ellipsis: str = "…") -> str:
    """Return the text, its end left out when it is wider than ``width`` cells; for sentences."""
    if cell_width(text) <= width:
        return text
    if width <= cell_width(ellipsis):
        return ellipsis[: max(width, 0)]
    return _head(text, width - cell_width(ellipsis)).rstrip() + ellipsis


def pad(text: str, width: int, align: str = "<") -> str:
    """Return the text filled with spaces to ``width`` cells; ``align`` is ``<``, ``>`` or ``^``."""
    missing = width - cell_width(text)
    if missing <= 0:
        return text
    if align == ">":
        return " " * missing + text
    if align == "^":
        return " " * (missing // 2) + text + " " * (missing - missing // 2)
    return text + " " * missing


def cell(text: str, width: int, align: str = "<", ellipsis: str = "…") -> str:
    """Return the text ellipsised and padded to exactly ``width`` cells."""
    return pad(fit(text, width, ellipsis), width, align)


def wrap(text: str, width: int) -> list[str]:
    """Return the text broken at spaces into lines of at most ``width`` cells (never under 2)."""
    width = max(width, 2)
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if cell_width(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        while cell_width(word) > width:
            piece = _head(word, width)
            lines.append(piece)
            word = word[len(piece) :]
        line = word
    return [*lines, line] if line or not lines else lines


def crop_spans(spans: Iterable[Span], width: int, ellipsis: str = "…") -> tuple[Span, ...]:
    """Return the spans, cut off with an ellipsis when they are wider than ``width`` cells together."""
    whole = tuple(spans)
    if sum(cell_width(span.text) for span in whole) <= width:
        return whole
    kept: list[Span] = []
    left = width
    for span in whole:
        # One cell more than there is makes crop end in the ellipsis when a later span has to go.
        taken = cell_width(span.text)
        if taken >= left:
            text = crop(span.text if taken > left else span.text + " ", left, ellipsis)
            return (*kept, replace(span, text=text)) if text else tuple(kept)
        kept.append(span)
        left -= taken
    return tuple(kept)


def line_width(line: Line) -> int:
    """Return the width of a line in cells."""
    return sum(cell_width(span.text) for span in line.spans)


def _head(text: str, width: int) -> str:
    """Return the longest beginning that fits, marks that combine with its last character included."""
    taken = 0
    for index, character in enumerate(text):
        taken += _character_width(character)
        if taken > width:
            return text[:index]
    return text


def _tail(text: str, width: int) -> str:
    """Return the longest end that fits and does not start in the middle of a combined character."""
    taken, start = 0, len(text)
    for index in range(len(text) - 1, -1, -1):
        size = _character_width(text[index])
        if taken + size > width:
            break
        taken += size
        if size:
            start = index
    return text[start:]
