"""``netsec-tui config import|export``: unresolved IPs from and to a file of their own, YAML or CSV."""

from __future__ import annotations

import sys
from pathlib import Path

from netsec_tui.cli.config_edit import accept
from netsec_tui.cli.config_target import Target
from netsec_tui.cli.exits import DONE
from netsec_tui.cli.output import note, put
from netsec_tui.configuration.exchange import exported_csv, exported_yaml, imported, read_exchanged
from netsec_tui.configuration.reading import decoded
from netsec_tui.core.configure.entries import import_aliases
from netsec_tui.errors import UsageError
from netsec_tui.files import target_of, write_whole
from netsec_tui.model.decision import Alias

STANDARD = "-"


def run_import(target: Target) -> int:
    """Add the aliases of a file to the configuration.

    Raises:
        LockedError: the configuration must not be edited.
        BadInputError: a file is broken, or an entry belongs to another alias; nothing is imported.
        NetsecError: there is no such file, or the configuration cannot be written.
    """
    target.require_unlocked()
    aliases = _read(target.args.file)
    said = target.file.read()
    return accept(target, said, import_aliases(said, aliases))


def _read(file: str) -> tuple[Alias, ...]:
    if file != STANDARD:
        return imported(file)
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("import - reads YAML from standard input; pipe it in, or name a file")
    return read_exchanged("standard input", decoded("standard input", sys.stdin.buffer.read()))


def run_export(target: Target) -> int:
    """Print the aliases, or write them to a file, which is replaced.

    Raises:
        NetsecError: the configuration is broken, or the file cannot be written.
    """
    aliases, file = target.file.read().aliases, target.args.file
    text = (exported_csv if _is_csv(target) else exported_yaml)(aliases)
    if file == STANDARD:
        put(text)
        return DONE
    path: Path = target_of(file, "aliases")
    write_whole(path, text)
    note(f"wrote {path}")
    return DONE


def _is_csv(target: Target) -> bool:
    """Tell the format: what was asked for, else what the file's name ends in."""
    asked, file = target.args.output, target.args.file.lower()
    return bool(asked == "csv" or (asked is None and file.endswith(".csv")))
