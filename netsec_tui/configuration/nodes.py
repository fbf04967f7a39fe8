"""YAML text as a tree of texts, lists and mappings that know where they stand; what only confuses is refused.

Lines count from 1; ``start`` and ``end`` are offsets into the text. A block collection ends where
the last thing in it does, so that comments behind it are outside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

from netsec_tui.configuration.problems import Problems

if TYPE_CHECKING:
    import yaml

_DEEPEST = 10
_NULL = re.compile(r"|~|null|Null|NULL")
_NOT_TEXT = re.compile(
    r"true|True|TRUE|false|False|FALSE|[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
    r"|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
"""What YAML 1.2 takes for a truth value or a number (its core schema, 10.3.2)."""


@dataclass(frozen=True, slots=True)
class Text:
    """Hold a scalar as it stands there; ``plain`` when it has no quotes."""

    line: int
    value: str
    plain: bool
    start: int
    end: int

    @property
    def nothing(self) -> bool:
        """Tell whether it is YAML's null."""
        return self.plain and _NULL.fullmatch(self.value) is not None

    @property
    def textual(self) -> bool:
        """Tell whether YAML 1.2 takes it for text, not for null, a truth value or a number."""
        return not self.plain or not (self.nothing or _NOT_TEXT.fullmatch(self.value))


@dataclass(slots=True)
class Items:
    """Hold a list; ``flow`` when it stands in brackets, which ``start`` and ``end`` then take in."""

    line: int
    start: int
    flow: bool
    items: list[Node] = field(default_factory=list)
    end: int = -1


@dataclass(slots=True)
class Pairs:
    """Hold a mapping in the order of the text; keys can repeat. The rest is as in a list."""

    line: int
    start: int
    flow: bool
    pairs: list[tuple[Text, Node]] = field(default_factory=list)
    end: int = -1


Node = Text | Items | Pairs


class _RefusedError(Exception):
    """Stop reading: what follows cannot be told apart any more."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line


def compose(text: str, problems: Problems) -> Node | None:
    """Return the tree of the only document, None when there is none or it cannot be read.

    Anchors, aliases, tags, directives, several documents and keys that are no text are problems, as are
    a byte order mark and what is no YAML.
    """
    import yaml

    if text.startswith("\ufeff"):
        problems.add(1, "begins with a byte order mark; save it as UTF-8 without one")
        return None
    try:
        return _document(yaml.parse(text, Loader=_loader()))
    except _RefusedError as refused:
        problems.add(refused.line, str(refused))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = min(mark.line, text.rstrip().count("\n")) + 1 if mark else 1
        problems.add(line, _sentence(error, text))
    except yaml.YAMLError as error:
        at = getattr(error, "position", 0)
        problems.add(text.count("\n", 0, at) + 1, "holds a character that YAML does not allow")
    except (ValueError, OverflowError) as error:
        problems.add(1, f"is no YAML: {error}")
    return None


def _sentence(error: yaml.MarkedYAMLError, text: str) -> str:
    mark, problem = error.problem_mark, error.problem or error.context or "cannot be read"
    line = text.split("\n")[mark.line] if mark and mark.line <= text.count("\n") else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "is indented with a tab; YAML takes spaces only"
    if error.context and ("alias" in error.context or "anchor" in error.context):
        return "has a text that begins with * or &; write it in quotes"
    if "::" in line:
        return f"is no YAML: {problem}; write IPv6 addresses in quotes"
    return f"is no YAML: {problem}"


def _document(events: Iterator[yaml.Event]) -> Node | None:
    import yaml

    root: Node | None = None
    seen = False
    for event in events:
        line = _line(event)
        if isinstance(event, yaml.DocumentStartEvent):
            if event.version or event.tags:
                raise _RefusedError(line, "has a YAML directive; leave out the line that begins with %")
            if seen:
                raise _RefusedError(line, "begins a second document; one file holds one configuration")
            seen = True
            root = _node(next(events), events, 0)
    return None if isinstance(root, Text) and root.plain and not root.value else root


def _node(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
    import yaml

    line = _line(event)
    _refuse_references(event, line)
    if depth > _DEEPEST:
        raise _RefusedError(line, "is nested deeper than any key of a configuration")
    if isinstance(event, yaml.ScalarEvent):
        if event.style in ("|", ">"):
            raise _RefusedError(line, "has a text of several lines; write it in one, in quotes")
        return Text(line, event.value, event.style in (None, ""), *_span(event))
    if isinstance(event, yaml.SequenceStartEvent):
        return _items(event, events, depth)
    return _pairs(event, events, depth)


def _items(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Items:
    import yaml

    items = Items(_line(event), _span(event)[0], bool(getattr(event, "flow_style", False)))
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        items.items.append(_node(event, events, depth + 1))
    items.end = _span(event)[1] if items.flow or not items.items else items.items[-1].end
    return items


def _pairs(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Pairs:
    import yaml

    pairs = Pairs(_line(event), _span(event)[0], bool(getattr(event, "flow_style", False)))
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        key = _node(event, events, depth + 1)
        if not isinstance(key, Text):
            raise _RefusedError(key.line, "has a list or a mapping for a key")
        if key.plain and key.value == "<<":
            raise _RefusedError(key.line, "merges another mapping by <<; write out what is meant")
        value = _node(next(events), events, depth + 1)
        if isinstance(value, Text) and value.plain and not value.value:
            value = replace(value, start=key.end, end=key.end)
        pairs.pairs.append((key, value))
    pairs.end = _span(event)[1] if pairs.flow or not pairs.pairs else pairs.pairs[-1][1].end
    return pairs


def _refuse_references(event: yaml.Event, line: int) -> None:
    import yaml

    if isinstance(event, yaml.AliasEvent):
        raise _RefusedError(
            line,
            f"refers to an anchor by *{event.anchor}; write out what is meant, or put a pattern in quotes",
        )
    anchor = getattr(event, "anchor", None)
    if anchor:
        raise _RefusedError(line, f"has an anchor, &{anchor}; write out what is meant")
    tag = getattr(event, "tag", None)
    if tag:
        raise _RefusedError(line, f"has a tag, {tag}; leave it out")


def _span(event: yaml.Event) -> tuple[int, int]:
    start, end = event.start_mark, event.end_mark
    return (start.index, end.index) if start and end else (0, 0)


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    return mark.line + 1 if mark else 1


@cache
def _loader() -> type[yaml.SafeLoader]:
    import yaml

    found: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return found
