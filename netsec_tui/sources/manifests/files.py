"""Finding manifest files, telling when one has changed, and reading one."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from netsec_tui.errors import NotFoundError
from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.manifests.parse import Document, read_documents
from netsec_tui.sources.objects.strip import object_key, printable, strip, unpack

SUFFIXES = (".yaml", ".yml", ".json")

Stamp = tuple[int, int, int]
"""Time of change in nanoseconds, size in bytes, inode: one differs after a file was written or replaced."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Hold what one file told.

    ``problems`` name file and line, ``skipped`` counts what could not be read. ``outdated`` means that
    some objects come from an earlier reading, in which only ``tolerated`` things could not be read.
    """

    objects: tuple[KubeObject, ...] = ()
    problems: tuple[str, ...] = ()
    skipped: int = 0
    outdated: bool = False
    tolerated: int = 0

    def after(self, before: Manifest | None) -> Manifest:
        """Return this reading, joined with the one before when more of the file is broken now."""
        if before is None:
            return self
        tolerated = before.tolerated if before.outdated else before.skipped
        if self.skipped <= tolerated:
            return self
        objects = {object_key(obj): obj for obj in (*before.objects, *self.objects)}
        return replace(self, objects=tuple(objects.values()), outdated=True, tolerated=tolerated)


def stamps_under(path: Path) -> dict[Path, Stamp]:
    """Return a file, or the manifests in a folder and its folders in the order of their names.

    Raises:
        NotFoundError: there is no such path, or no manifest in the folder.
    """
    if not path.is_dir():
        stamp = _stamp(path)
        if stamp is None:
            raise NotFoundError(
                f"{path} does not exist or may not be looked at; give a file or folder of manifests"
            )
        return {path: stamp}
    stamps = {file: stamp for file in _files(path) if (stamp := _stamp(file))}
    if not stamps:
        raise NotFoundError(f"{path} holds no file that ends in {', '.join(SUFFIXES)}")
    return stamps


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield Path(parent, name)


def _stamp(file: Path) -> Stamp | None:
    try:
        found = file.stat()
    except OSError:
        return None
    # A pipe, as the shell's <(kubectl get ...) makes one, can be read but once.
    return (found.st_mtime_ns, found.st_size, found.st_ino) if stat.S_ISREG(found.st_mode) else (0, 0, 0)


def read_manifest(file: Path) -> Manifest:
    """Return what a file tells; what cannot be read is named, never raised."""
    shown = printable(str(file))
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Manifest(problems=(f"{shown} is no UTF-8 text (byte {error.start})",), skipped=1)
    except OSError as error:
        return Manifest(problems=(f"{shown} cannot be read: {error.strerror}",), skipped=1)
    if not text.strip():
        # Perhaps it is just being written: as something broken it costs nothing that was read before.
        return Manifest(problems=(f"{shown} is empty",), skipped=1)
    objects: list[KubeObject] = []
    problems: list[str] = []
    for document in read_documents(text):
        for reason, obj in _objects(document):
            if obj is not None:
                objects.append(obj)
            if reason:
                problems.append(f"{shown}:{document.line}: {printable(reason)}")
    return Manifest(tuple(objects), tuple(problems), len(problems))


def _objects(document: Document) -> Iterator[tuple[str, KubeObject | None]]:
    """Yield what a document holds as pairs of a sentence and a stripped object, one of them empty."""
    if document.error:
        yield document.error, None
        return
    for entry in unpack(document.value):
        if not isinstance(entry, Mapping) or not isinstance(entry.get("kind"), str):
            yield "has no kind, so it is no Kubernetes object", None
        elif not isinstance(entry.get("apiVersion"), str):
            yield f"{printable(entry['kind'])} has no apiVersion", None
        elif (kept := strip(entry)) is not None and not object_key(kept)[2]:
            yield f"{printable(entry['kind'])} has no metadata.name", None
        else:
            yield "", kept
