"""One of up to sixteen clusters of this machine: its number, its folder, and how its remains are found.

All that a cluster makes carries its number: namespaces ``nsc<N>-...``, one link ``nsc<N>`` outside of them,
and a folder. Whoever holds the lock of a number may remove these: what a crash left goes with the next claim.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.harness import netns, waiting

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
    def kubeconfig(self) -> Path:
        """The kubeconfig of the administrator."""
        return self.folder / "kubeconfig"

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
            f"all {COUNT} clusters of this machine are in use: end one (python -m tests.cluster down)"
        )
    for folder in (mine.instance.folder, mine.instance.logs, mine.instance.pods):
        folder.mkdir(mode=0o700)
    return mine


def owners() -> dict[int, int]:
    """Return the process that holds each instance that is in use: number to process id."""
    held = {}
    for number in range(COUNT):
        file = _lock_file(Instance(number))
        with suppress(FileNotFoundError, ValueError):
            pid = int(file.read_text())
            lock = _try_lock(Instance(number))
            if lock is None:
                held[number] = pid
            else:
                os.close(lock)
    return held


def sweep(instance: Instance) -> None:
    """Remove what an instance made: processes in its namespaces, the namespaces, the link, the folder."""
    spaces = netns.names(f"{instance.link}-")
    _end_processes(spaces)
    for name in spaces:
        netns.delete(name)
    # Goes by itself with the namespace at its other end, but only some time later.
    if Path("/sys/class/net", instance.link).exists():
        with suppress(RuntimeError):
            netns.run("ip", "link", "delete", instance.link)
    shutil.rmtree(instance.folder, ignore_errors=True)


def _end_processes(spaces: list[str]) -> None:
    """Kill every process that lives in one of these namespaces, but not this one."""
    inodes = {(netns.FOLDER / name).stat().st_ino for name in spaces}

    def living() -> list[int]:
        return [pid for pid in _processes() if pid != os.getpid() and _namespace(pid) in inodes]

    def all_gone() -> bool:
        remaining = living()
        for pid in remaining:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not remaining

    if inodes:
        waiting.until(all_gone, 10, "the end of the cluster's programs")


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _namespace(pid: int) -> int | None:
    """Return the inode of a process's network namespace; None for one that has ended."""
    try:
        return Path(f"/proc/{pid}/ns/net").stat().st_ino
    except OSError:
        return None


def _lock_file(instance: Instance) -> Path:
    return FOLDER / f"{instance.number}.lock"


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
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
            return descriptor
        os.close(descriptor)
