"""Fields of a configuration file: the right kind, the right name, once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from netsec_tui.configuration.nodes import Items, Node, Pairs, Text
from netsec_tui.configuration.problems import Problems
from netsec_tui.errors import BadInputError

Check = Callable[[str], str]
"""Return a value as it is kept, or raise ``BadInputError``."""

_FLAGS = {
    spelling(word): value
    for word, value in (("true", True), ("false", False))
    for spelling in (str.lower, str.capitalize, str.upper)
}
_LONGEST_SHOWN = 60
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Reader:
    """Take values out of nodes; what cannot be taken is a problem, and reads as nothing."""

    problems: Problems

    def named(self, node: Node | None, at: str) -> list[tuple[Text, Node]]:
        """Return the pairs of a mapping, each key once; a missing or empty one has none."""
        if node is None or (isinstance(node, Text) and node.nothing):
            return []
        if not isinstance(node, Pairs):
            self.problems.add(node.line, f"{at}: {_kind(node)} stands where a mapping belongs, as key: value")
            return []
        first: dict[str, int] = {}
        once: list[tuple[Text, Node]] = []
        for key, value in node.pairs:
            if key.value in first:
                line = first[key.value]
                self.problems.add(
                    key.line, f"{shown(key.value)} stands twice in {at}, first in line {line}; remove one"
                )
                continue
            first[key.value] = key.line
            once.append((key, value))
        return once

    def pairs(self, node: Node | None, at: str, known: Iterable[str]) -> dict[str, Node]:
        """Return the values of a mapping by key; a key that is not known is a problem."""
        names, found = tuple(known), {}
        for key, value in self.named(node, at):
            if key.value in names:
                found[key.value] = value
            else:
                self.problems.add(key.line, _unknown(key.value, at, names))
        return found

    def items(
        self, node: Node | None, at: str, check: Check, seen: dict[str, tuple[str, int]] | None = None
    ) -> list[str]:
        """Return the values of a list as they are kept, each once.

        ``seen`` remembers over several lists in which of them a value stands, and in which line.
        """
        if node is None or (isinstance(node, Text) and node.nothing):
            return []
        if not isinstance(node, Items):
            self.problems.add(node.line, f"{at}: {_kind(node)} stands where a list belongs, as [one, two]")
            return []
        seen = {} if seen is None else seen
        kept: list[str] = []
        for item in node.items:
            value = self.value(item, at, check)
            if value is None:
                continue
            if value in seen:
                other, line = seen[value]
                again = f"{at} and {other}" if other != at else f"{at} twice"
                self.problems.add(item.line, f"{value} stands in {again}, first in line {line}; remove one")
                continue
            seen[value] = (at, item.line)
            kept.append(value)
        return kept

    def value(self, node: Node, at: str, check: Check) -> str | None:
        """Return a text as it is kept, None after a problem."""
        if not isinstance(node, Text) or node.nothing:
            self.problems.add(node.line, f"{at}: {_kind(node)} stands where a text belongs")
            return None
        if not node.textual:
            word = node.value[:_LONGEST_SHOWN]
            self.problems.add(node.line, f'{at}: {word} is no text in YAML; write it in quotes, "{word}"')
            return None
        return self.checked(node, check)

    def checked(self, node: Text, check: Check) -> str | None:
        """Return a text as it is kept whatever YAML takes it for, None after a problem."""
        if len(node.value) > _LONGEST:
            self.problems.add(node.line, f"{shown(node.value)} is longer than any value of a configuration")
            return None
        try:
            return check(node.value)
        except BadInputError as error:
            self.problems.add(node.line, str(error))
            return None

    def text(self, node: Node | None, at: str) -> str:
        """Return a text of its own, empty when it is missing."""
        return (node and self.value(node, at, str)) or ""

    def flag(self, node: Node | None, at: str) -> bool:
        """Return true or false, false when it is missing."""
        if node is None:
            return False
        if isinstance(node, Text) and node.plain and node.value in _FLAGS:
            return _FLAGS[node.value]
        self.problems.add(node.line, f"{at}: neither true nor false; write one of these, without quotes")
        return False


def empty(node: Node) -> bool:
    """Tell whether a node holds nothing: a list or mapping without items, or none where one could be."""
    if isinstance(node, Text):
        return node.nothing
    return not (node.items if isinstance(node, Items) else node.pairs)


def shown(text: str) -> str:
    """Return a text of a file for a sentence: short, in quotes, without control characters."""
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}...")


def _kind(node: Node) -> str:
    if isinstance(node, Items):
        return "a list"
    if isinstance(node, Pairs):
        return "a mapping"
    return "nothing" if node.nothing else "a single value"


def _unknown(name: str, at: str, known: tuple[str, ...]) -> str:
    lowered = {key.lower(): key for key in known}
    near = get_close_matches(name.lower(), lowered, n=1)
    hint = f"did you mean {lowered[near[0]]}?" if near else f"known keys are {', '.join(known)}"
    return f"{at}: there is no key {shown(name)}; {hint}"
