"""Write text files whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from netsec_tui.errors import CannotWriteError

PRIVATE = 0o600


def target_of(typed: str, name: str) -> Path:
    """Return the file that a typed path means; a folder stands for ``<name>.yaml`` in it.

    Raises:
        CannotWriteError: nothing was typed, or the folder does not exist.
    """
    if not typed.strip():
        raise CannotWriteError("no file name was given; type one")
    if "\0" in typed:
        raise CannotWriteError("a file name cannot hold a zero character; type another")
    try:
        path = Path(typed.strip()).expanduser()
        if path.is_dir():
            path /= f"{name}.yaml"
        if not path.parent.is_dir():
            raise CannotWriteError(f"{path.parent} is no folder; create it or choose another path")
    except (OSError, RuntimeError) as error:
        raise CannotWriteError(f"{typed.strip()} cannot be used: {error}") from error
    return path


def write_whole(path: Path, text: str, *, mode: int | None = None) -> None:
    """Write a text file by way of a temporary one beside it, so that a failure leaves the old content.

    A file that exists keeps its rights, a new one gets ``mode``, or what the umask leaves. A symbolic link
    stays one. What is no file but a device or a pipe is written to, never replaced.

    Raises:
        CannotWriteError: the file or its folder cannot be written; what was there is as it was.
    """
    temporary = ""
    try:
        target = Path(os.path.realpath(path))
        if target.exists() and not target.is_file():
            target.write_text(text, encoding="utf-8", newline="\n")
            return
        descriptor, temporary = tempfile.mkstemp(
            prefix=f".{target.name[:40]}.", suffix=".new", dir=target.parent
        )
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            _give_rights(file.fileno(), target, mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
        temporary = ""
        _settle(target.parent)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CannotWriteError(f"{path} cannot be written: {reason}") from error
    finally:
        if temporary:
            with suppress(OSError):
                os.unlink(temporary)


def _give_rights(descriptor: int, target: Path, mode: int | None) -> None:
    try:
        was = target.stat()
    except FileNotFoundError:
        os.fchmod(descriptor, 0o666 & ~_umask() if mode is None else mode)
        return
    with suppress(PermissionError):
        os.fchown(descriptor, was.st_uid, was.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(was.st_mode))


def _settle(folder: Path) -> None:
    """Let the new name outlive a loss of power, where the file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _umask() -> int:
    """Return the process umask; the system offers no way to read it without setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
