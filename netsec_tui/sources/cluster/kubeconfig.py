"""The contexts that a kubeconfig offers; credentials are neither kept nor shown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netsec_tui.errors import BadInputError, NotFoundError
from netsec_tui.sources.manifests.parse import read_documents
from netsec_tui.sources.objects.strip import printable

_WAY_OUT = "name one with --kubeconfig, or read files with --manifests, --flows or --capture"


@dataclass(frozen=True, slots=True)
class Context:
    """Hold one context; ``namespace`` is empty when it names none, ``current`` marks the one in use."""

    name: str
    cluster: str
    namespace: str = ""
    current: bool = False


def kubeconfig_files(path: str | Path | None = None) -> tuple[Path, ...]:
    """Return the kubeconfig files in use: ``path``, else those of $KUBECONFIG, else ~/.kube/config.

    As for kubectl, a file of $KUBECONFIG may be missing as long as one is there.

    Raises:
        NotFoundError: no file is there.
    """
    if path:
        named = [Path(path).expanduser()]
    elif listed := [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]:
        named = [Path(part) for part in listed]
    else:
        named = [Path.home() / ".kube" / "config"]
    there = tuple(file for file in named if file.exists())
    if not there:
        raise NotFoundError(f"there is no kubeconfig at {', '.join(map(str, named))}; {_WAY_OUT}")
    return there


def contexts(path: str | Path | None = None) -> tuple[Context, ...]:
    """Return the contexts by name; of two files that define one the first counts, as for kubectl.

    Raises:
        NotFoundError: there is no kubeconfig, or no context in it.
        BadInputError: a file cannot be read.
    """
    found, current = _merged(path)
    return tuple(
        Context(name, found[name].cluster, found[name].namespace, name == current) for name in sorted(found)
    )


def choose_context(name: str | None = None, path: str | Path | None = None) -> Context:
    """Return the context of that name, or the current one.

    Raises:
        NotFoundError: there is no such context, or none is current.
        BadInputError: a file cannot be read.
    """
    found, current = _merged(path)
    wanted = name or current
    if wanted in found:
        return Context(wanted, found[wanted].cluster, found[wanted].namespace, wanted == current)
    names = printable(", ".join(sorted(found)), 400)
    if name:
        raise NotFoundError(f"there is no context {printable(name)}; the kubeconfig has {names}")
    why = f"names {printable(current)}, which does not exist, as its" if current else "has no"
    raise NotFoundError(f"the kubeconfig {why} current context; choose one with --context: {names}")


def _merged(path: str | Path | None) -> tuple[dict[str, Context], str]:
    """Return the contexts of all files by name, and the name of the current one, empty for none."""
    files = kubeconfig_files(path)
    found: dict[str, Context] = {}
    current = ""
    for file in files:
        config = _read(file)
        chosen = config.get("current-context")
        current = current or (chosen if isinstance(chosen, str) else "")
        for context in _contexts(config, file):
            found.setdefault(context.name, context)
    if not found:
        raise NotFoundError(f"{', '.join(map(str, files))} holds no contexts; {_WAY_OUT}")
    return found, current


def _read(file: Path) -> Mapping[str, Any]:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInputError(f"{file} is no kubeconfig: it is no UTF-8 text") from error
    except OSError as error:
        raise BadInputError(f"{file} cannot be read: {error.strerror}") from error
    document = next(read_documents(text), None)
    if document is None:
        return {}
    if document.error:
        # The parser's words may quote the file, and the file holds credentials: only the line is told.
        raise BadInputError(f"{file}:{document.line} is no YAML, so it is no kubeconfig")
    if not isinstance(document.value, Mapping):
        raise BadInputError(f"{file} is no kubeconfig: it holds no mapping")
    return document.value


def _contexts(config: Mapping[str, Any], file: Path) -> list[Context]:
    entries = config.get("contexts") or []
    if not isinstance(entries, list):
        raise BadInputError(f"{file} is no kubeconfig: contexts is no list")
    found = []
    for entry in entries:
        detail = entry.get("context") if isinstance(entry, Mapping) else None
        if not isinstance(detail, Mapping) or not isinstance(entry.get("name"), str):
            raise BadInputError(f"{file}: an entry of contexts has no name or no context")
        cluster, namespace = detail.get("cluster"), detail.get("namespace")
        found.append(Context(entry["name"], str(cluster or ""), str(namespace or "")))
    return found
