"""One of up to sixteen clusters of this machine: its number, its folder, and how its remains are found.

All that a cluster makes carries its number: namespaces ``nsc<N>-...``, one link ``nsc<N>`` outside of them,
and a folder. Whoever holds the lock of a number may remove these: what a crash left goes with the next claim.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.harness import netns, remains

FOLDER = Path("/run/netsec-cluster")
COUNT = 16


@dataclass(frozen=True)
class Instance:
    """A number, and what is named after it."""

    number: int

    @property
    def link(self) -> str:
        """The only network link outside of the cluster's namespaces."""
        return f"nsc{self.number}"

    @property
    def folder(self) -> Path:
        """Where the cluster keeps its files."""
        return FOLDER / str(self.number)

    @property
    def logs(self) -> Path:
        """Where its programs write what they say."""
        return self.folder / "logs"

    @property
    def pods(self) -> Path:
        """Where a link NAMESPACE_POD leads to the network namespace of each pod."""
        return self.folder / "pods"

    @property
    def commands(self) -> Path:
        """Where the commands are that only pods of this cluster have."""
        return self.folder / "bin"

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the administrator."""
        return self.folder / "kubeconfig"

    @property
    def mark(self) -> str:
        """What its programs, and no others, have in their environment; empty before it is claimed."""
        return self._mark.read_text(encoding="ascii") if self._mark.exists() else ""

    @property
    def _mark(self) -> Path:
        return self.folder / "mark"

    def make_folder(self) -> None:
        """Make the cluster's folder, with a mark that no cluster had before."""
        for folder in (self.folder, self.logs, self.pods, self.commands):
            folder.mkdir(mode=0o700)
        self._mark.write_text(secrets.token_hex(16), encoding="ascii")

    def name(self, part: str) -> str:
        """Return the name of the network namespace of a part, for instance ``node1``."""
        return f"{self.link}-{part}"

    def path(self, part: str) -> Path:
        """Return the file of the network namespace of a part."""
        return netns.FOLDER / self.name(part)


@dataclass(frozen=True)
class Claim:
    """An instance that this process owns as long as it lives, or until it releases it."""

    instance: Instance
    lock: int

    def release(self) -> None:
        """Remove all that the instance made, and let others have its number."""
        sweep(self.instance)
        _lock_file(self.instance).unlink(missing_ok=True)
        os.close(self.lock)


def claim() -> Claim:
    """Take the first number that nobody holds, after the remains of dead owners were removed.

    Raises:
        RuntimeError: all are taken.
    """
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    mine: Claim | None = None
    for number in range(COUNT):
        instance = Instance(number)
        if mine is not None and not (instance.folder.exists() or _lock_file(instance).exists()):
            continue
        lock = _try_lock(instance)
        if lock is None:
            continue
        if mine is None:
            mine = Claim(instance, lock)
            sweep(instance)
        else:
            Claim(instance, lock).release()
    if mine is None:
        raise RuntimeError(
            f"all {COUNT} clusters of this machine are in use: "
            "end one (.venv/bin/python -m tests.cluster down)"
        )
    mine.instance.make_folder()
    os.ftruncate(mine.lock, 0)
    os.write(mine.lock, str(os.getpid()).encode())
    return mine


def owners() -> dict[int, int]:
    """Return the process that holds each instance that is in use: number to process id.

    Nothing is locked or written: whoever asks must never be taken for an owner.
    """
    held = {}
    for number in range(COUNT):
        file = _lock_file(Instance(number))
        with suppress(FileNotFoundError, ValueError):
            pid = int(file.read_text())
            if _has_open(pid, file):
                held[number] = pid
    return held


def sweep_dead(numbers: Iterable[int] = range(COUNT)) -> list[int]:
    """Remove what dead owners left of these instances, and return the numbers of those that had any."""
    swept = []
    for number in numbers:
        instance = Instance(number)
        left = instance.folder.exists() or netns.names(f"{instance.link}-")
        if (left or _lock_file(instance).exists()) and (lock := _try_lock(instance)) is not None:
            Claim(instance, lock).release()
            swept += [number] if left else []
    return swept


def sweep(instance: Instance) -> None:
    """Remove what an instance made: processes, wherever they live, namespaces, the link, the folder."""
    spaces = netns.names(f"{instance.link}-")
    remains.end([netns.FOLDER / name for name in spaces], instance.mark)
    for name in spaces:
        netns.delete(name)
    # Goes by itself with the namespace at its other end, but only some time later.
    if Path("/sys/class/net", instance.link).exists():
        with suppress(RuntimeError):
            netns.run("ip", "link", "delete", instance.link)
    shutil.rmtree(instance.folder, ignore_errors=True)


def _lock_file(instance: Instance) -> Path:
    return FOLDER / f"{instance.number}.lock"


def _has_open(pid: int, file: Path) -> bool:
    """Tell whether a process has a file open: the number of a dead owner may be another process's by now."""
    for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
        with suppress(OSError):  # it has been closed meanwhile
            if descriptor.samefile(file):
                return True
    return False


def _try_lock(instance: Instance) -> int | None:
    """Return a descriptor that holds the lock of an instance; None where another process holds it."""
    file = _lock_file(instance)
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        # Its last holder may have removed the file between the two calls: then this lock is nobody's.
        if file.exists() and file.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
        os.close(descriptor)
