"""A decisions file as decisions: every mistake is told with its line, and none is guessed around."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from netsec_tui.configuration.fields import Reader, shown
from netsec_tui.configuration.nodes import Node, Pairs, Text, compose
from netsec_tui.configuration.problems import Problems
from netsec_tui.configuration.reading import decoded
from netsec_tui.configuration.values import entry_value
from netsec_tui.decisions_file.format import HELD, KEYS, KIND, LISTS, SCHEMA, SIDE_KEYS, WORKLOAD_KEYS
from netsec_tui.decisions_file.rows import manual_rules, read_row, rows_of, text_of
from netsec_tui.errors import BadInputError, NotFoundError
from netsec_tui.model.communication import Via
from netsec_tui.model.decision import NOTHING, Decisions, DirectionDecisions, GeneralRule, StoodFor
from netsec_tui.model.identity import LOOKUPS, CommunicationKey, Direction, PeerSort, WorkloadRef
from netsec_tui.model.saved import SavedDecisions

LARGEST = 16 << 20


def load_decisions(path: str | Path) -> SavedDecisions:
    """Read a decisions file.

    Raises:
        NotFoundError: there is no such file, or it may not be read.
        BadInputError: it is none; a line for each problem, as ``path:line: sentence``.
    """
    try:
        # Opening a pipe would wait until somebody writes to it.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise BadInputError(f"{path} is no plain file; name a decisions file")
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError as error:
        raise NotFoundError(f"{path} does not exist; save decisions first, or name another file") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise NotFoundError(f"{path} cannot be read: {reason}") from error
    return read_decisions(str(path), decoded(path, data, LARGEST, "decisions file"))


def read_decisions(path: str, text: str) -> SavedDecisions:
    """Return the decisions that a text means.

    Raises:
        BadInputError: anything in it is not understood; a line for each problem, as ``path:line: sentence``.
    """
    problems = Problems(path)
    root = compose(text, problems)
    problems.raise_if_any()
    if not isinstance(root, Pairs):
        raise BadInputError(f"{path}:1: is no decisions file; one begins with schema: {SCHEMA}")
    reader = Reader(problems)
    _check_version(reader, root)
    found = reader.pairs(root, "the file", KEYS)
    workload = _workload(reader, root, found.get("workload"))
    sides = {d: _Side(reader, d).read(found.get(str(d)), root.line) for d in Direction}
    aliases = {
        key.value: tuple(sorted(reader.items(value, f"aliases.{shown(key.value)}", entry_value)))
        for key, value in reader.named(found.get("aliases"), "aliases")
    }
    problems.raise_if_any()
    return SavedDecisions(workload, Decisions(sides[Direction.INGRESS], sides[Direction.EGRESS]), aliases)


def _check_version(reader: Reader, root: Pairs) -> None:
    """Refuse another format at once: nothing else in it can be judged.

    Raises:
        BadInputError: the schema is newer or none, or the file is of another kind.
    """
    first = {key.value: value for key, value in reversed(root.pairs)}
    schema, kind = first.get("schema"), first.get("kind")
    number = schema.value if isinstance(schema, Text) else ""
    line = schema.line if schema else root.line
    digits = number if number.isascii() and number.isdigit() else ""
    if len(digits) > 9 or int(digits or 0) > SCHEMA:
        why = f"schema {shown(number)} is newer than this program knows ({SCHEMA}): upgrade netsec-tui"
    elif digits != str(SCHEMA):
        why = f"has no schema that is known; write schema: {SCHEMA}"
    elif not isinstance(kind, Text) or kind.value != KIND:
        line = kind.line if kind else root.line
        why = f"is no decisions file: its kind is not {KIND}"
    else:
        return
    problems = Problems(reader.problems.path)
    problems.add(line, why)
    problems.raise_if_any()


def _workload(reader: Reader, root: Pairs, node: Node | None) -> WorkloadRef:
    found = reader.pairs(node, "workload", WORKLOAD_KEYS)
    named = {
        key: text_of(reader, found[key], f"workload.{key}") or "" if key in found else ""
        for key in WORKLOAD_KEYS
    }
    missing = [key for key in WORKLOAD_KEYS if not named[key]]
    if missing:
        line = node.line if node else root.line
        reader.problems.add(line, f"workload: {', '.join(missing)} must be told")
        return WorkloadRef("", "", "")
    return WorkloadRef(named["kind"], named["namespace"], named["name"])


@dataclass
class _Side:
    """Read one direction; ``via`` gathers the Service ports of its rows, ``stood`` what they stood for."""

    reader: Reader
    direction: Direction
    via: dict[CommunicationKey, tuple[Via, ...]] = field(default_factory=dict)
    stood: dict[CommunicationKey, StoodFor] = field(default_factory=dict)

    def read(self, node: Node | None, line: int) -> DirectionDecisions:
        """Return the decisions of the direction."""
        at = str(self.direction)
        if node is None:
            self.reader.problems.add(line, f"has no {at}; write {at}: {{}} where nothing is decided")
        found = self.reader.pairs(node, at, SIDE_KEYS)
        general = self._general(found.get("generalRule"), f"{at}.generalRule")
        lists = self._lists(found, at, LISTS)
        ticks = {general: _ticks(lists), **self._others(found.get("otherRules"), at, general)}
        dns, lookups = self._dns(found.get("dns"), at)
        held = frozenset(lists[HELD])
        return DirectionDecisions(
            general,
            {rule: of_rule for rule, of_rule in ticks.items() if of_rule},
            tuple(manual_rules(self.reader, found.get("manualRules"), self.direction)),
            dns,
            held | lookups,
            frozenset(ticks[general]) | held,
            self.via,
            self.stood,
        )

    def _general(self, node: Node | None, at: str) -> GeneralRule:
        if node is None:
            return GeneralRule.ROWS_DECIDE
        return self._rule(node, at) or GeneralRule.ROWS_DECIDE

    def _rule(self, node: Node, at: str) -> GeneralRule | None:
        told = text_of(self.reader, node, at)
        known = {str(rule): rule for rule in GeneralRule}
        if told is not None and told not in known:
            choices = ", ".join(known)
            self.reader.problems.add(
                node.line, f"{at}: there is no general rule {shown(told)}; choose {choices}"
            )
        return known.get(told or "")

    def _dns(self, node: Node | None, at: str) -> tuple[bool | None, frozenset[CommunicationKey]]:
        """Return whether name look-ups are let through, and their row when it is held."""
        if node is not None and self.direction is Direction.INGRESS:
            self.reader.problems.add(node.line, f"{at}.dns: name look-ups are egress; write it there")
        if isinstance(node, Text) and node.plain and node.value == HELD:
            return None, frozenset((LOOKUPS,))
        return None if node is None else self.reader.flag(node, f"{at}.dns"), frozenset()

    def _others(
        self, node: Node | None, at: str, general: GeneralRule
    ) -> dict[GeneralRule, dict[CommunicationKey, bool]]:
        others = {}
        for key, value in self.reader.named(node, f"{at}.otherRules"):
            rule = self._rule(key, f"{at}.otherRules")
            if rule is general:
                self.reader.problems.add(key.line, f"{at}: {rule} is the general rule, and no other rule")
            lists = self.reader.pairs(value, f"{at}.otherRules.{shown(key.value)}", LISTS[:2])
            ticks = _ticks(self._lists(lists, f"{at}.otherRules.{shown(key.value)}", LISTS[:2]))
            if rule is not None and rule is not general:
                others[rule] = ticks
        return others

    def _lists(
        self, found: dict[str, Node], at: str, names: tuple[str, ...]
    ) -> dict[str, list[CommunicationKey]]:
        lines: dict[CommunicationKey, int] = {}
        return {name: list(self._rows(found.get(name), f"{at}.{name}", lines)) for name in names}

    def _rows(
        self, node: Node | None, at: str, lines: dict[CommunicationKey, int]
    ) -> Iterator[CommunicationKey]:
        for item in rows_of(self.reader, node, at):
            row = read_row(self.reader, item, at, self.direction)
            if row is None:
                continue
            key, ports, stood = row
            if key in lines:
                where = f"first in line {lines[key]}"
                self.reader.problems.add(item.line, f"{at}: the row stands twice, {where}; remove one")
                continue
            lines[key] = item.line
            if key.peer.sort is PeerSort.SERVICE and ports:
                self.via[key] = tuple(Via(key.peer.namespace, key.peer.name, port) for port in ports)
            if stood != NOTHING:
                self.stood[key] = stood
            yield key


def _ticks(lists: dict[str, list[CommunicationKey]]) -> dict[CommunicationKey, bool]:
    return {**dict.fromkeys(lists["in"], True), **dict.fromkeys(lists["out"], False)}
