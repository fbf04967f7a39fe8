"""YAML as lines with roles: enough to read by, without a parser and without Pygments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from netsec_tui.render.literal import literal
from netsec_tui.render.spans import Line, Role, Span

_LINE = re.compile(
    r"""(?P<indent>[ ]*)
    (?P<dashes>(?:-[ ]+|-$)*)
    (?:(?P<key>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'\#\[\]{},&*!|>%@`-][^\#]*?|-[^\s\#][^\#]*?)(?P<colon>:)(?=\s|$))?
    (?P<space>\s*)
    (?P<rest>.*)""",
    re.VERBOSE | re.DOTALL,
)
_VALUE = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|(?:(?!\s\#).)*?)(?P<gap>\s*)(?P<comment>(?:(?<=\s)|^)\#.*)?$""",
    re.DOTALL,
)
_NUMBER = re.compile(r"[-+]?(?:\d[\d_]*(?:\.\d+)?(?:[eE][-+]?\d+)?|0x[0-9a-fA-F]+|0o[0-7]+)$")
_CONSTANTS = frozenset({"true", "false", "null", "~", "{}", "[]"})
_LONG = 500
"""A longer line is data, not structure: it is not looked into, nor kept."""
_BLOCK = re.compile(r"[|>][-+0-9]*(?:\s+\#.*)?$")


def yaml_lines(text: str) -> list[Line]:
    """Return the text line by line, nothing lost: control characters become visible escapes."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return list(_lines(lines))


def _lines(lines: list[str]) -> Iterator[Line]:
    block: int | None = None  # the indent that a block scalar's lines must exceed
    for raw in lines:
        text = literal(raw)
        indent = len(text) - len(text.lstrip(" "))
        if block is not None and (indent > block or not text.strip()):
            yield Line((Span(text, Role.STRING),) if text else ())
            continue
        line, block = _line(text) if len(text) <= _LONG else (Line((Span(text, Role.STRING),)), None)
        yield line


@lru_cache(maxsize=65536)
def _line(text: str) -> tuple[Line, int | None]:
    """Return a line outside of block scalars, and the indent of the node whose block scalar it opens."""
    match = _LINE.fullmatch(text)
    if match is None:
        return Line((Span(text),)), None
    indent, dashes, key, colon, space, rest = match.group("indent", "dashes", "key", "colon", "space", "rest")
    spans = [
        Span(indent),
        Span(dashes, Role.DIM),
        Span(key or "", Role.KEY),
        Span(colon or "", Role.DIM),
        Span(space),
        *_value(rest),
    ]
    line = Line(tuple(span for span in spans if span.text))
    if not _BLOCK.match(rest):
        return line, None
    before = len(indent) + len(dashes)
    return line, before if key else before - 2


def _value(rest: str) -> Iterator[Span]:
    match = _VALUE.match(rest)
    if match is None:
        yield Span(rest, Role.STRING)
        return
    text, gap, comment = match.group("text", "gap", "comment")
    yield Span(text, _role(text))
    yield Span(gap)
    yield Span(comment or "", Role.DIM)


def _role(text: str) -> Role:
    if text in ("---", "...") or _BLOCK.match(text):
        return Role.DIM
    return Role.NUMBER if text in _CONSTANTS or _NUMBER.match(text) else Role.STRING
