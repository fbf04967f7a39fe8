"""``netsec-tui info``: the version, and where everything is."""

from __future__ import annotations

import platform
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import netsec_tui
from netsec_tui.cli.configured import chosen_cluster, file_of, lock_reason
from netsec_tui.cli.exits import DONE
from netsec_tui.cli.output import put_json, put_table
from netsec_tui.configuration.paths import config_home
from netsec_tui.errors import BadInputError, NetsecError
from netsec_tui.sources.cluster.kubeconfig import choose_context, kubeconfig_files

_PACKAGE = Path(netsec_tui.__file__).resolve().parent


def run(args: Namespace) -> int:
    """Print it; what is missing or broken is told, and is no failure."""
    document = {
        "version": netsec_tui.__version__,
        "python": f"{platform.python_version()} ({platform.system()})",
        "package": str(_PACKAGE),
        "configFolder": _config_folder(),
        "config": _config(args),
        "schemas": {path.name: str(path) for path in sorted(_PACKAGE.rglob("*.schema.json"))},
        "kubeconfig": _kubeconfig(args),
    }
    if args.output == "json":
        put_json(document)
    else:
        put_table(("WHAT", "WHERE"), list(_lines(document)))
    return DONE


def _config_folder() -> str | None:
    try:
        return str(config_home())
    except NetsecError:
        return None


def _config(args: Namespace) -> dict[str, Any] | None:
    """Return the file of the cluster in question, None when no cluster is."""
    try:
        cluster = chosen_cluster(args)
        file = file_of(args, cluster)
    except NetsecError:
        return None
    if file is None:
        return None
    problems: list[str] = []
    try:
        file.read()
    except NetsecError as error:
        problems = str(error).split("\n")
    return {
        "cluster": cluster or None,
        "path": file.path,
        "exists": Path(file.path).exists(),
        "locked": lock_reason(args, file) or None,
        "problems": problems,
    }


def _kubeconfig(args: Namespace) -> dict[str, Any]:
    """Return the files in use and the name of the current context; nothing else of them is told."""
    try:
        files = [str(path) for path in kubeconfig_files(args.kubeconfig or None)]
    except NetsecError as error:
        return {"files": [], "currentContext": None, "problem": str(error) if args.kubeconfig else None}
    try:
        current = choose_context(None, args.kubeconfig or None).name
    except BadInputError as error:
        return {"files": files, "currentContext": None, "problem": str(error)}
    except NetsecError:
        return {"files": files, "currentContext": None, "problem": None}
    return {"files": files, "currentContext": current, "problem": None}


def _lines(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "version", document["version"]
    yield "Python", document["python"]
    yield "package", document["package"]
    yield "configuration folder", document["configFolder"] or "none: there is no home folder"
    yield from _config_lines(document["config"])
    for name, path in document["schemas"].items():
        yield name.replace(".", " ").removesuffix(" json"), path
    told = document["kubeconfig"]
    for path in told["files"] or ["none"]:
        yield "kubeconfig", path
    yield "current context", told["currentContext"] or "none"
    if told["problem"]:
        yield "problem", told["problem"]


def _config_lines(config: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    if config is None:
        yield "configuration", "no cluster is named, so there is no file; --context NAME or --config FILE"
        return
    if config["cluster"]:
        yield "cluster", config["cluster"]
    yield "configuration", config["path"] if config["exists"] else f"{config['path']} (not there yet)"
    yield "locked", config["locked"] or "no"
    for problem in config["problems"]:
        yield "problem", problem
