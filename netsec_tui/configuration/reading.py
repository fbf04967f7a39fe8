"""A configuration file as a ``Config``: every mistake is told with its line, and none is guessed around."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from netsec_tui.configuration.fields import Reader, empty, shown
from netsec_tui.configuration.nodes import Node, Pairs, Text, compose
from netsec_tui.configuration.problems import Problems
from netsec_tui.configuration.values import entry_value, exact, pattern_value, pod_start_value, range_value
from netsec_tui.core.configure.values import checked_alias_name
from netsec_tui.errors import BadInputError, NotFoundError
from netsec_tui.model.config import CONTROL_PLANE_PODS, Config, LabelConfig, LabelFilter
from netsec_tui.model.decision import Alias

SCHEMA = 1
KEYS = ("schema", "cluster", "labels", "aliases", "cidrs", "discovery")
LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Stored:
    """Hold what a file says; ``cluster`` is the one that it says it is for, empty when it says none."""

    config: Config = field(default_factory=Config)
    cluster: str = ""


def read_config(path: str, text: str) -> Config:
    """Return the configuration that a text means; an empty one is all defaults.

    Raises:
        BadInputError: anything in it is not understood; a line for each problem, as ``path:line: sentence``.
    """
    return read_stored(path, text).config


def read_stored(path: str, text: str) -> Stored:
    """Return all that a text says, as ``read_config`` does.

    Raises:
        BadInputError: anything in it is not understood.
    """
    problems = Problems(path)
    root = compose(text, problems)
    problems.raise_if_any()
    if root is None:
        return Stored()
    reader = Reader(problems)
    found = reader.pairs(root, "the file", KEYS)
    check_schema(reader, root, found.get("schema"))
    stored = Stored(
        Config(
            _labels(reader, found.get("labels")),
            read_aliases(reader, found.get("aliases")),
            *_cidrs(reader, found.get("cidrs")),
            _control_plane_pods(reader, found.get("discovery")),
        ),
        reader.text(found.get("cluster"), "cluster"),
    )
    problems.raise_if_any()
    return stored


def check_schema(reader: Reader, root: Node, node: Node | None) -> None:
    """Note a version that is missing or none; stop at one that is newer than this program.

    Raises:
        BadInputError: the schema is newer: nothing else of the file can be judged.
    """
    known = f"write schema: {SCHEMA}"
    if node is None:
        if isinstance(root, Pairs):
            reader.problems.add(root.line, f"has no schema; {known}")
    elif not (isinstance(node, Text) and node.plain and node.value.isascii() and node.value.isdigit()):
        reader.problems.add(node.line, f"schema is no whole number; {known}")
    elif (digits := node.value.lstrip("0")) != str(SCHEMA):
        if not digits or node.value != digits:
            reader.problems.add(node.line, f"there is no schema {node.value}; {known}")
            return
        newer = Problems(reader.problems.path)
        newer.add(
            node.line,
            f"schema {digits[:20]} is newer than this program knows ({SCHEMA}): upgrade netsec-tui; "
            "the file is left as it is",
        )
        newer.raise_if_any()


def _labels(reader: Reader, node: Node | None) -> LabelConfig:
    found = reader.pairs(node, "labels", ("workloads", "namespaces"))
    return LabelConfig(
        *(_filter(reader, found.get(part), f"labels.{part}") for part in ("workloads", "namespaces"))
    )


def _filter(reader: Reader, node: Node | None, at: str) -> LabelFilter:
    found = reader.pairs(node, at, ("include", "exclude"))
    return LabelFilter(
        *(
            tuple(reader.items(found.get(part), f"{at}.{part}", pattern_value))
            for part in ("include", "exclude")
        )
    )


def _cidrs(reader: Reader, node: Node | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found = reader.pairs(node, "cidrs", ("pods", "services"))
    pods, services = (
        tuple(sorted(reader.items(found.get(part), f"cidrs.{part}", range_value)))
        for part in ("pods", "services")
    )
    return pods, services


def _control_plane_pods(reader: Reader, node: Node | None) -> tuple[str, ...]:
    found = reader.pairs(node, "discovery", ("controlPlanePods",)).get("controlPlanePods")
    if found is None or (empty(found) and isinstance(found, Text)):
        return CONTROL_PLANE_PODS
    return tuple(sorted(reader.items(found, "discovery.controlPlanePods", pod_start_value)))


def read_aliases(reader: Reader, node: Node | None) -> tuple[Alias, ...]:
    """Return the aliases of the node below ``aliases``, by name; an entry belongs to one of them."""
    aliases: list[Alias] = []
    seen: dict[str, tuple[str, int]] = {}
    for key, value in reader.named(node, "aliases"):
        at = f"aliases.{shown(key.value)}"
        name = reader.value(key, "aliases", exact(checked_alias_name))
        found = reader.pairs(value, at, ("entries", "allowed"))
        entries = found.get("entries")
        kept = reader.items(entries, f"{at}.entries", entry_value, seen)
        if (isinstance(value, Pairs) or empty(value)) and (entries is None or empty(entries)):
            reader.problems.add(
                value.line, f"{at} has no entries; write an IP address or a CIDR, or remove it"
            )
        allowed = reader.flag(found.get("allowed"), f"{at}.allowed")
        if name is not None:
            aliases.append(Alias(name, tuple(sorted(kept)), allowed))
    return tuple(sorted(aliases, key=lambda alias: alias.name))


def read_text(path: Path) -> str | None:
    """Return the text of a file, None when there is none.

    Raises:
        BadInputError: it is no file, larger than 1 MiB, or not UTF-8.
        NotFoundError: it may not be read.
    """
    try:
        # Without waiting: opening a pipe would block until somebody writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise NotFoundError(f"{path} cannot be read: {reason}") from error
    kind = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(kind):
        os.close(descriptor)
        what = "a folder" if stat.S_ISDIR(kind) else "no plain file"
        raise BadInputError(f"{path} is {what}; name a configuration file")
    try:
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise NotFoundError(f"{path} cannot be read: {error.strerror}") from error
    return decoded(path, data)


def decoded(path: Path | str, data: bytes, largest: int = LARGEST, what: str = "configuration") -> str:
    """Return the text of a file's bytes; ``what`` names a file of which none has more than ``largest``.

    Raises:
        BadInputError: there are more, or they are not UTF-8.
    """
    if len(data) > largest:
        raise BadInputError(f"{path} is larger than {largest >> 20} MiB, which no {what} is")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInputError(f"{path}:{line}: is not UTF-8; save the file as UTF-8") from error
