"""Files that several processes edit: who may write one, and a lock while it is edited."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from netsec_tui.errors import CannotWriteError

_WAIT_SECONDS = 10.0
_LOOK_SECONDS = 0.02
_WRITE_BITS = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def why_not_writable(path: Path) -> str:
    """Return why a file must not be edited, empty when it may.

    Write permission that nobody has on the file or its folder counts for root as well, whom the system
    would let write: it is how administrators say that the file is not to be edited.
    """
    target = Path(os.path.realpath(path))
    for place in (target, _nearest_folder(target)):
        try:
            mode = place.stat().st_mode
        except OSError as error:
            if place == target and isinstance(error, FileNotFoundError | NotADirectoryError):
                continue
            return f"{place} cannot be looked at: {error.strerror}"
        if not mode & _WRITE_BITS or not os.access(place, os.W_OK):
            return f"{place} must not be written (its mode is {stat.filemode(mode)})"
    return ""


def _nearest_folder(path: Path) -> Path:
    return next((folder for folder in path.parents if folder.exists()), Path("/"))


@contextmanager
def editing(path: Path) -> Iterator[Path]:
    """Keep other processes from editing a file; give the file itself where the path is a symbolic link.

    The lock is on a file beside it, which stays: to remove it would let two processes hold two locks.

    Raises:
        CannotWriteError: somebody else holds the lock, or there can be none.
    """
    target = Path(os.path.realpath(path))
    lock = target.parent / f".{target.name}.lock"
    try:
        _make_folder(target.parent)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except (OSError, ValueError) as error:
        raise CannotWriteError(f"{path} cannot be written: {_reason(error)} ({lock})") from error
    try:
        _take(descriptor, path, lock)
        yield target
    finally:
        os.close(descriptor)


def _make_folder(folder: Path) -> None:
    for missing in reversed([f for f in (folder, *folder.parents) if not f.exists()]):
        with suppress(FileExistsError):
            missing.mkdir(mode=0o700)


def _take(descriptor: int, path: Path, lock: Path) -> None:
    until = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise CannotWriteError(
                    f"{path} is being edited by another process, which holds {lock} for more than "
                    f"{_WAIT_SECONDS:.0f} seconds; end it and save again"
                ) from None
            time.sleep(_LOOK_SECONDS)
        except OSError as error:
            raise CannotWriteError(f"{path} cannot be locked by {lock}: {error.strerror}") from error
        else:
            return


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)
