"""Unresolved IPs as a file of their own: YAML as in the configuration, or CSV with a line for each entry."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from netsec_tui.configuration.editing import alias_value, short
from netsec_tui.configuration.fields import Reader, shown
from netsec_tui.configuration.nodes import compose
from netsec_tui.configuration.problems import Problems
from netsec_tui.configuration.reading import KEYS, SCHEMA, check_schema, read_aliases, read_text
from netsec_tui.configuration.splices import block
from netsec_tui.configuration.values import entry_value, exact
from netsec_tui.core.configure.values import checked_alias_name, checked_flag
from netsec_tui.errors import BadInputError, NotFoundError
from netsec_tui.model.decision import Alias

HEADER = ["alias", "entry", "allowed"]


def exported_yaml(aliases: Iterable[Alias]) -> str:
    """Return aliases as YAML, which is a configuration file as well."""
    below = {alias.name: alias_value(alias) for alias in sorted(aliases, key=lambda alias: alias.name)}
    return "\n".join([f"schema: {SCHEMA}", *block({"aliases": below}, 0)]) + "\n"


def exported_csv(aliases: Iterable[Alias]) -> str:
    """Return aliases as CSV (RFC 4180), a line for each entry; names stand as they are."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADER)
    for alias in sorted(aliases, key=lambda alias: alias.name):
        allowed = "true" if alias.allowed else "false"
        writer.writerows([alias.name, short(entry), allowed] for entry in alias.entries)
    return out.getvalue()


def imported(path: Path | str) -> tuple[Alias, ...]:
    """Return the aliases of a file: CSV when its name ends in .csv, else YAML.

    Raises:
        NotFoundError: there is no such file, or it cannot be read.
        BadInputError: anything in it is not understood; a line for each problem, as ``path:line: sentence``.
    """
    text = read_text(Path(path))
    if text is None:
        raise NotFoundError(f"there is no file {path}")
    return read_exchanged(str(path), text)


def read_exchanged(path: str, text: str) -> tuple[Alias, ...]:
    """Return the aliases of a text; ``path`` tells CSV from YAML and is named in problems.

    YAML may be a whole configuration, of which only the aliases are taken; ``schema`` may be missing.

    Raises:
        BadInputError: anything in it is not understood.
    """
    return _from_csv(path, text) if path.lower().endswith(".csv") else _from_yaml(path, text)


def _from_yaml(path: str, text: str) -> tuple[Alias, ...]:
    problems = Problems(path)
    root = compose(text, problems)
    problems.raise_if_any()
    reader = Reader(problems)
    found = reader.pairs(root, "the file", KEYS)
    if root is not None and "schema" in found:
        check_schema(reader, root, found["schema"])
    aliases = read_aliases(reader, found.get("aliases"))
    problems.raise_if_any()
    return aliases


def _from_csv(path: str, text: str) -> tuple[Alias, ...]:
    problems = Problems(path)
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    table = _Table(problems)
    try:
        for row in rows:
            table.take(row, rows.line_num)
    except csv.Error as error:
        problems.add(rows.line_num, f"is no CSV: {error}")
    problems.raise_if_any()
    if not table.begun:
        problems.add(1, f"is empty; the first line is {','.join(HEADER)}")
        problems.raise_if_any()
    return table.aliases()


class _Table:
    """Take the rows of a CSV file, the header first."""

    def __init__(self, problems: Problems) -> None:
        self.begun = False
        self._problems = problems
        self._entries: dict[str, list[str]] = {}
        self._allowed: dict[str, tuple[bool, int]] = {}
        self._seen: dict[str, int] = {}

    def take(self, row: list[str], line: int) -> None:
        """Take a row that ends in a line; an empty one is passed over."""
        if not row:
            return
        if not self.begun:
            self.begun = True
            if row != HEADER:
                self._problems.add(line, f"the first line is not {','.join(HEADER)}, with commas between")
        elif len(row) != len(HEADER):
            self._problems.add(line, f"has {len(row)} fields, not {len(HEADER)}: {', '.join(HEADER)}")
        else:
            try:
                self._add(row, line)
            except BadInputError as error:
                self._problems.add(line, str(error))

    def _add(self, row: list[str], line: int) -> None:
        name = exact(checked_alias_name)(row[0])
        entry = entry_value(row[1])
        allowed = checked_flag(row[2].lower())
        if entry in self._seen:
            raise BadInputError(f"{entry} stands twice, first in line {self._seen[entry]}; remove one")
        first = self._allowed.setdefault(name, (allowed, line))
        if first[0] is not allowed:
            raise BadInputError(f"{shown(name)} is allowed otherwise in line {first[1]}; make both the same")
        self._seen[entry] = line
        self._entries.setdefault(name, []).append(entry)

    def aliases(self) -> tuple[Alias, ...]:
        """Return what was taken, by name."""
        return tuple(
            Alias(name, tuple(sorted(entries)), self._allowed[name][0])
            for name, entries in sorted(self._entries.items())
        )
