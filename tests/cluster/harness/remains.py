"""Processes of a cluster that nobody waits for any more: found in ``/proc``, and ended.

A process belongs to a cluster when it lives in one of its network namespaces, or when it, or what started it,
was given the cluster's mark. The mark finds what lives in a namespace that has lost its name.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from tests.cluster.harness import waiting

MARK = "NETSEC_CLUSTER_MARK"
"""The variable of the environment that holds a cluster's mark."""


def end(namespaces: Iterable[Path], mark: str = "") -> None:
    """Kill every process that lives in one of these namespaces or has a mark, but not this one.

    Raises:
        TimeoutError: some do not end.
    """
    places = {_identity(namespace) for namespace in namespaces} - {None}
    sign = f"{MARK}={mark}".encode() if mark else None
    before: set[int] = set()

    def all_gone() -> bool:
        nonlocal before
        found = {pid for pid in _others() if _lives_in(pid, places) or _has(pid, sign)}
        # At the second look: others go in to make a socket, and are out again by then.
        for pid in found & before:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        before = found
        return not found

    waiting.until(all_gone, 10, "the end of the cluster's programs")


def _others() -> list[int]:
    found = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in found if pid != os.getpid()]


def _lives_in(pid: int, places: set[tuple[int, int] | None]) -> bool:
    return bool(places) and _identity(Path(f"/proc/{pid}/ns/net")) in places


def _identity(namespace: Path) -> tuple[int, int] | None:
    """Return what tells a namespace from others; None where it, or the process, is gone."""
    try:
        found = namespace.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _has(pid: int, sign: bytes | None) -> bool:
    if sign is None:
        return False
    try:
        return sign in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
