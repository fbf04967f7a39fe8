"""Cluster state from files: Kubernetes YAML and JSON as ``kubectl get -o yaml`` writes them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from netsec_tui.errors import BadInputError, NotFoundError
from netsec_tui.sources.contract import Emit, KubeObject, ObjectsRead, SourceStatus
from netsec_tui.sources.manifests.files import Manifest, Stamp, read_manifest, stamps_under
from netsec_tui.sources.objects.strip import ObjectKey, object_key

POLL_SECONDS = 0.5


class ManifestSource:
    """Read files and folders of manifests, and those again that change.

    Of two objects with the same kind, namespace and name the later counts: in the order of ``paths``,
    within a folder in the order of file names. Hidden files and folders are left out.
    """

    live = False

    def __init__(self, paths: Iterable[str | Path]) -> None:
        self.paths = tuple(Path(path) for path in paths)
        self.name = f"manifests {', '.join(map(str, self.paths))}"
        self._stamps: dict[Path, Stamp] = {}
        self._manifests: dict[Path, Manifest] = {}

    def read(self, emit: Emit) -> None:
        """Emit the objects of all files once.

        Raises:
            NotFoundError: a path does not exist, or a folder holds no manifest.
            BadInputError: no file holds anything of use.
        """
        self._first_look()
        if not any(manifest.objects for manifest in self._manifests.values()):
            problems = [*self._problems(), f"{self.name}: nothing in there tells of pods or Services"]
            raise BadInputError(f"{problems[0]}; give what kubectl get -A -o yaml writes")
        self._tell(emit, (), ended=True)

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        """Emit the objects of all files, and again after a file has changed.

        Raises:
            NotFoundError: a path does not exist at the start, or a folder holds no manifest.
        """
        self._first_look()
        self._tell(emit, ())
        told: tuple[str, ...] = ()
        while not stop.wait(POLL_SECONDS):
            changed, missing = self._look()
            if changed or missing != told:
                self._tell(emit, missing)
                told = missing

    def _first_look(self) -> None:
        _, missing = self._look()
        if missing:
            raise NotFoundError(missing[0])

    def _look(self) -> tuple[bool, tuple[str, ...]]:
        """Read new and changed files; return whether anything changed, and what is not to be found."""
        stamps: dict[Path, Stamp] = {}
        missing: list[str] = []
        for path in self.paths:
            try:
                found = stamps_under(path)
            except NotFoundError as error:
                missing.append(str(error))
                found = {file: s for file, s in self._stamps.items() if file == path or path in file.parents}
            stamps |= found
        changed = [file for file, stamp in stamps.items() if stamp != self._stamps.get(file)]
        gone = self._stamps.keys() - stamps.keys()
        read = {file: read_manifest(file).after(self._manifests.get(file)) for file in changed}
        self._manifests = {file: read.get(file) or self._manifests[file] for file in stamps}
        self._stamps = stamps
        return bool(changed or gone), tuple(missing)

    def _tell(self, emit: Emit, missing: tuple[str, ...], *, ended: bool = False) -> None:
        objects: dict[ObjectKey, KubeObject] = {}
        for manifest in self._manifests.values():
            objects |= {object_key(obj): obj for obj in manifest.objects}
        emit(ObjectsRead(self.name, tuple(objects.values()), self._problems()))
        broken = [f"{file} cannot be read whole" for file, m in self._manifests.items() if m.outdated]
        trouble = "; ".join((*missing, *broken))
        emit(
            SourceStatus(
                self.name,
                self.live,
                f"{len(objects)} objects from {len(self._manifests)} files",
                sum(manifest.skipped for manifest in self._manifests.values()),
                f"{trouble}; what was read from there before is kept" if trouble else "",
                ended,
                read=True,
            )
        )

    def _problems(self) -> tuple[str, ...]:
        return tuple(problem for manifest in self._manifests.values() for problem in manifest.problems)
