"""YAML and JSON text to documents, one broken document at a time, and never more than the text is worth."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

DEEPEST = 200
"""Nesting levels: a NetworkPolicy has 9. The C parser overflows the stack on some ten thousand."""

LARGEST = 2_000_000
"""Values in one document with its aliases written out: a few lines of aliases can stand for billions."""

_SEPARATOR = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_NESTING = re.compile(r"[\[{]|[-?][ \t]+(?=[-?][ \t])")
_JSON = re.compile(r'(---)?\s*(\{\s*"|\[\s*[\[{"])')
"""Flow style YAML may begin with a brace as well, but not with what JSON has after it."""


@dataclass(frozen=True, slots=True)
class Document:
    """Hold one document and the line it starts on; ``error`` says why it could not be read, else empty."""

    line: int
    value: Any = None
    error: str = ""


def read_documents(text: str) -> Iterator[Document]:
    """Yield the documents of a text that are not empty, each by itself.

    ``---`` at column 0 starts a document whatever came before (YAML 1.2, 9.1), and JSON has no line
    breaks within text, so a broken document costs no other.
    """
    starts = [match.start() for match in _SEPARATOR.finditer(text)]
    if not starts or text[: starts[0]].strip():
        starts.insert(0, 0)
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        part, line = text[start:end], text.count("\n", 0, start) + 1
        found = _json_documents(part, line) if _JSON.match(part) else [_yaml_document(part, line)]
        yield from (document for document in found if document.error or document.value is not None)


def _json_documents(text: str, line: int) -> Iterator[Document]:
    decoder, at = json.JSONDecoder(), _skip_blank(text, 3 if text.startswith("---") else 0)
    while at < len(text):
        start = line + text.count("\n", 0, at)
        try:
            value, end = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            yield Document(line + error.lineno - 1, error=f"is no JSON: {error.msg}")
            return
        except (ValueError, RecursionError) as error:
            yield Document(start, error=f"is no JSON to be read: {error}")
            return
        yield Document(start, value)
        at = _skip_blank(text, end)


def _skip_blank(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _yaml_document(text: str, line: int) -> Document:
    import yaml

    try:
        trouble = _trouble(text)
        return Document(line, error=trouble) if trouble else Document(line, yaml.load(text, Loader=_loader()))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # What is missing at the end is missed in the line after it, or after the separator.
        at = line + min(mark.line, text.rstrip().count("\n")) if mark else line
        return Document(at, error=f"is no YAML: {error.problem or error.context}")
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        return Document(line, error=f"is no YAML: {str(error).splitlines()[0]}")


def _trouble(text: str) -> str:
    """Say why a text must not be loaded; its events are only walked when it could be a trap."""
    aliased = "&" in text and "*" in text
    if not aliased and len(_NESTING.findall(text)) < DEEPEST:
        return ""
    import yaml

    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = [(None, 0)]
    for event in yaml.parse(text, Loader=_loader()):
        size, anchor = 0, getattr(event, "anchor", None)
        if isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((anchor, 1))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = open_nodes.pop()
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                return f"has an alias, *{event.anchor}, that stands for nothing before it"
            anchor, size = None, sizes[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            size = 1
        if anchor is not None and size:
            sizes[anchor] = size
        open_nodes[-1] = (open_nodes[-1][0], open_nodes[-1][1] + size)
        if len(open_nodes) > DEEPEST:
            return f"is nested more than {DEEPEST} levels deep"
        if open_nodes[-1][1] > LARGEST:
            return f"holds more than {LARGEST} values once its aliases are written out"
    return ""


@cache
def _loader() -> type:
    """Return a safe loader that leaves times as text, as JSON would have them; in C where there is one."""
    import yaml

    class JsonLike(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        yaml_implicit_resolvers = {
            first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    return JsonLike
