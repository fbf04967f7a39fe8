"""``netsec-tui config``: read, edit and check the configuration of a cluster."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from netsec_tui.cli import config_check, config_edit, config_exchange, config_suggest
from netsec_tui.cli.config_target import Target, target_of
from netsec_tui.cli.config_words import config_document, config_yaml, part_at
from netsec_tui.cli.documents import Document
from netsec_tui.cli.exits import DONE
from netsec_tui.cli.output import put, put_json
from netsec_tui.configuration.splices import block
from netsec_tui.core.configure import keys
from netsec_tui.errors import BadInputError, UsageError
from netsec_tui.render.literal import literal


def run(args: Namespace) -> int:
    """Do what the action says and return the exit code.

    Raises:
        NetsecError: the file is broken, locked or cannot be written, or a key or value makes no sense.
    """
    return _RUN[args.action](target_of(args))


def _get(target: Target) -> int:
    config, key = target.file.read(), target.args.key
    as_json = target.args.output == "json"
    if key is None:
        whole = config_document(config)
        if as_json:
            put_json({"file": target.file.path, "config": whole})
        else:
            put(config_yaml(config))
        return DONE
    part = None if key in keys.keys(config) else part_at(config, key)
    if part is not None:
        _put_part(target, key, part)
        return DONE
    try:
        values = keys.get(config, key)
    except BadInputError as error:
        raise UsageError(str(error)) from error
    if as_json:
        put_json({"file": target.file.path, "key": key, "values": list(values)})
    else:
        put("".join(f"{literal(value)}\n" for value in values))
    return DONE


def _put_part(target: Target, key: str, part: Document) -> None:
    if target.args.output == "json":
        put_json({"file": target.file.path, "key": key, "config": part})
    else:
        put("".join(f"{literal(line)}\n" for line in block(part, 0)))


def _path(target: Target) -> int:
    put(f"{target.file.path}\n")
    return DONE


_RUN: dict[str, Callable[[Target], int]] = {
    "get": _get,
    "path": _path,
    "set": config_edit.run,
    "add": config_edit.run,
    "remove": config_edit.run,
    "unset": config_edit.run,
    "check": config_check.run,
    "suggest": config_suggest.run,
    "import": config_exchange.run_import,
    "export": config_exchange.run_export,
}
