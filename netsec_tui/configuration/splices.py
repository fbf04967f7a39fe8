"""Edits of YAML text that touch nothing but what they change: comments, order and quotes around them stay.

Where something stands in brackets or braces the edit goes into the line, else it takes or adds whole lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from netsec_tui.configuration.nodes import Items, Node, Pairs, Text

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*|[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+(?:/[0-9]+)?")
_YAML_WORDS = re.compile(r"(?:true|false|yes|no|on|off|null|y|n)", re.IGNORECASE)
_COMMA_BEFORE = re.compile(r"[ ]*,[ ]*")
_COMMA_AFTER = re.compile(r"[ ]*,[ ]*")
_INDENT = 2

Value = str | bool | Sequence["Value"] | Mapping[str, "Value"]
"""What is written; a bool as true or false, a str quoted where needed."""


def quoted(text: str) -> str:
    """Return a text as YAML, in quotes unless every version of YAML takes it for the same text."""
    if _PLAIN.fullmatch(text) and not _YAML_WORDS.fullmatch(text):
        return text
    # JSON is YAML but for what JSON leaves as it is and YAML does not print: line ends, DEL to NEL, a BOM.
    body = json.dumps(text, ensure_ascii=False)
    return re.sub(
        "[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]", lambda m: f"\\u{ord(m[0]):04x}", body
    )


def flow(value: Value) -> str:
    """Return a value in one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{quoted(key)}: {flow(inner)}" for key, inner in value.items())
        return f"{{{pairs}}}"
    return f"[{', '.join(map(flow, value))}]"


def block(pairs: Mapping[str, Value], column: int) -> list[str]:
    """Return the pairs of a mapping as lines at a column, one for each item of a list."""
    lines: list[str] = []
    pad = " " * column
    for key, value in pairs.items():
        if isinstance(value, Mapping) and value:
            lines += [f"{pad}{quoted(key)}:", *block(value, column + _INDENT)]
        elif isinstance(value, Sequence) and not isinstance(value, str) and value:
            lines.append(f"{pad}{quoted(key)}:")
            lines += [f"{pad}{' ' * _INDENT}- {flow(item)}" for item in value]
        else:
            lines.append(f"{pad}{quoted(key)}: {flow(value)}")
    return lines


def _lines(key: Text, node: Node) -> Iterator[tuple[int, int]]:
    """Yield where the lines of a pair are: its key, and each item or pair below it."""
    if isinstance(node, Text) or node.flow:
        yield key.start, node.end
        return
    yield key.start, key.end
    if isinstance(node, Items):
        yield from ((item.start, item.end) for item in node.items)
        return
    for name, inner in node.pairs:
        yield from _lines(name, inner)


@dataclass
class Splices:
    """Collect edits of one text, none of which overlap, and apply them together."""

    text: str
    _edits: list[tuple[int, int, int, int, str]] = field(default_factory=list)

    def applied(self) -> str:
        """Return the text with all edits in it."""
        parts, at = [], 0
        for start, end, _, _, new in sorted(self._edits):
            parts += [self.text[at:start], new]
            at = max(at, end)
        return "".join([*parts, self.text[at:]])

    def replace(self, start: int, end: int, new: str, column: int = 0) -> None:
        """Put a text in place of what is between two offsets; at the same place deeper columns come first."""
        self._edits.append((start, end, -column, len(self._edits), new))

    def change_pairs(self, mapping: Pairs, gone: Iterable[str], new: Mapping[str, Value]) -> None:
        """Remove keys of a mapping with all that is below them, and add pairs behind the others."""
        names = set(gone)
        spans = [(key.start, value.end) for key, value in mapping.pairs]
        kept = [(key.start, value.end) for key, value in mapping.pairs if key.value not in names]
        if mapping.flow:
            self._flow(mapping, spans, kept, [f"{quoted(key)}: {flow(value)}" for key, value in new.items()])
        else:
            self._remove_lines(span for span in spans if span not in kept)
            self._lines_after(mapping.end, block(new, self._column(spans[0][0])))

    def drop_pairs(self, mapping: Pairs, gone: Iterable[str]) -> None:
        """Remove keys of a mapping with all that is below them but comments on lines of their own."""
        names = set(gone)
        if mapping.flow:
            self.change_pairs(mapping, names, {})
            return
        for key, node in mapping.pairs:
            if key.value in names:
                self._remove_lines(_lines(key, node))

    def fill(self, key: Text, nothing: Node, value: Value, *, in_flow: bool) -> None:
        """Put a value where a key has nothing, or an empty mapping in braces."""
        if in_flow or nothing.end > key.end or not isinstance(value, dict | list):
            colon = self.text.index(":", key.end) + 1
            self.replace(colon, max(colon, nothing.end), f" {flow(value)}")
            return
        column = self._column(key.start) + _INDENT
        dashes = [f"{' ' * column}- {flow(item)}" for item in value] if isinstance(value, list) else []
        self._lines_after(key.end, dashes or (block(value, column) if isinstance(value, Mapping) else []))

    def change_items(self, key: Text, items: Items, kept: Sequence[Node], added: Iterable[str]) -> None:
        """Leave some items of a list and add texts behind them."""
        spans = [(item.start, item.end) for item in items.items]
        stay = [(item.start, item.end) for item in kept]
        new = [quoted(text) for text in added]
        if items.flow:
            self._flow(items, spans, stay, new)
        elif not stay and not new:
            self._remove_lines(spans)
            colon = self.text.index(":", key.end) + 1
            self.replace(colon, colon, " []")
        else:
            first = spans[0][0]
            dash = " " * (self.text.rindex("-", 0, first) - self._line_start(first)) + "- "
            self._remove_lines(span for span in spans if span not in stay)
            self._lines_after(items.end, [dash + text for text in new])

    def _flow(
        self,
        whole: Items | Pairs,
        spans: Sequence[tuple[int, int]],
        kept: Sequence[tuple[int, int]],
        new: Sequence[str],
    ) -> None:
        if not kept:
            self.replace(whole.start + 1, whole.end - 1 if spans else whole.start + 1, ", ".join(new))
            return
        if new:
            self.replace(kept[-1][1], kept[-1][1], "".join(f", {text}" for text in new))
        done = 0
        for at, (start, end) in enumerate(spans):
            if (start, end) in kept:
                continue
            after = _COMMA_AFTER.match(self.text, end)
            if after:
                self.replace(max(start, done), after.end(), "")
                done = after.end()
            else:
                before = _COMMA_BEFORE.fullmatch(self.text, spans[at - 1][1], start) if at else None
                self.replace(max(before.start() if before else start, done), end, "")

    def _remove_lines(self, spans: Iterable[tuple[int, int]]) -> None:
        for start, end in spans:
            self.replace(self._line_start(start), self._line_end(end), "")

    def _lines_after(self, at: int, lines: Sequence[str]) -> None:
        if not lines:
            return
        end = self._line_end(at)
        missing = "" if self.text[:end].endswith("\n") else "\n"
        column = len(lines[0]) - len(lines[0].lstrip(" "))
        self.replace(end, end, missing + "".join(f"{line}\n" for line in lines), column)

    def _column(self, at: int) -> int:
        return at - self._line_start(at)

    def _line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def _line_end(self, at: int) -> int:
        end = self.text.find("\n", at)
        return len(self.text) if end < 0 else end + 1
